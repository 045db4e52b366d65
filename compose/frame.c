/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/frame.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define MEGAPIXEL (1024 * 1024)
#define UNIT 16
/* The least common multiple of 16 (VAE and patches) and 28 (the vision encoder): a crop of such sides is resampled by
 * neither. */
#define LIKED_GRID 112
#define ENOUGH 0.7         /* of the least area a model likes: not worth resampling for */
#define SMALL (256 * 256)  /* models of a smaller area know no other size */
#define MAX_ASPECT 4       /* of Picture 1 */
#define MAX_FRAME_ASPECT 2 /* of a frame that may be chosen freely */

/* How much of the surroundings a frame shows. */
typedef struct
{
  const char *name;
  double share;  /* of the selection's side, on each side */
  int least;     /* pixels */
  double zoom;   /* how many times a small selection may be enlarged for the model, at most */
} Context;

static const Context contexts[] = { { "auto", 0.5, 32, 2 }, { "tight", 0.125, 16, 4 }, { "wide", 1, 64, 1 } };

QiModelSizes
qi_model_sizes (guint width, guint height, guint unit)
{
  const guint64 area = MAX ((guint64) width * height, 64 * 64);
  const guint64 most = MIN (area, MEGAPIXEL);

  return (QiModelSizes){ unit ? unit : UNIT, area < SMALL ? most : most / 4, most };
}

static guint
round_up (double value, guint unit)
{
  return (guint) MAX (1, ceil (value / unit - 1e-9)) * unit;
}

/* The largest size of sides in units, no more than area, that shows width × height; the scale at which it does. */
static double
largest (guint64 area, guint unit, double width, double height, guint *model_width, guint *model_height)
{
  const guint longest = (guint) sqrt ((double) area * MAX_ASPECT) / unit + 1;
  double best = 0;

  *model_width = *model_height = unit;
  for (guint i = 1; i <= longest; i++)
    for (guint j = (i + MAX_ASPECT - 1) / MAX_ASPECT; j <= MIN (longest, i * MAX_ASPECT); j++)
      {
        const guint64 w = i * unit, h = j * unit;
        const double scale = MIN (w / width, h / height);
        const gboolean smaller = w * h < (guint64) *model_width * *model_height;

        if (w * h > MAX (area, (guint64) unit * unit)
            || (scale < best * (1 + 1e-9) && !(smaller && scale > best * (1 - 1e-9))))
          continue;
        best = scale;
        *model_width = (guint) w;
        *model_height = (guint) h;
      }
  return best > 0 ? best : MIN (unit / width, unit / height);
}

/* The size of Picture 1 for a frame that is settled, and where in it the frame lies. scale: as many pixels for one of
 * the frame's, unless that makes too few or too many. */
static void
settle (QiFrame *plan, double scale, const QiModelSizes *sizes)
{
  const int w = plan->frame.width, h = plan->frame.height;
  guint width, height;

  scale = MAX (scale, 1); /* the canvas may have cut what was to be shrunk */
  width = round_up (w * scale, sizes->unit);
  height = round_up (h * scale, sizes->unit);
  width = MAX (width, round_up ((double) height / MAX_ASPECT, sizes->unit));
  height = MAX (height, round_up ((double) width / MAX_ASPECT, sizes->unit));
  if ((guint64) width * height > sizes->max_area)
    scale = MIN (scale, largest (sizes->max_area, sizes->unit, w, h, &width, &height));
  else if ((guint64) width * height < sizes->min_area * ENOUGH)
    {
      guint more_width, more_height;
      const double more = largest (sizes->min_area, sizes->unit, w, h, &more_width, &more_height);

      if (more > scale)
        {
          scale = more;
          width = more_width;
          height = more_height;
        }
    }
  plan->width = width;
  plan->height = height;
  plan->content.width = CLAMP ((int) lround (w * scale), 1, (int) width);
  plan->content.height = CLAMP ((int) lround (h * scale), 1, (int) height);
  plan->content.x = ((int) width - plan->content.width) / 2;
  plan->content.y = ((int) height - plan->content.height) / 2;
}

static void
finish (QiFrame *plan, const QiRect *canvas, double scale, const QiModelSizes *sizes)
{
  plan->inner_left = plan->frame.x > canvas->x;
  plan->inner_top = plan->frame.y > canvas->y;
  plan->inner_right = plan->frame.x + plan->frame.width < canvas->x + canvas->width;
  plan->inner_bottom = plan->frame.y + plan->frame.height < canvas->y + canvas->height;
  settle (plan, scale, &(QiModelSizes){ sizes->unit ? sizes->unit : UNIT, sizes->min_area, sizes->max_area });
}

/* One side of a frame of so many pixels about a selection's, within [0, limit). */
static void
place (int from, int len, int wanted, int start, int limit, int *frame_from, int *frame_len)
{
  *frame_len = CLAMP (wanted, MIN (len, limit), limit);
  *frame_from = CLAMP (from - (*frame_len - len) / 2, start, start + limit - *frame_len);
}

/* The selection and its surroundings; *scale: how large the model sees them. A small selection is enlarged by a whole
 * number, so that there is detail to draw, save for a model that knows one size only, which has learned no more from
 * large details than from small ones; else pixels are taken as they are wherever they are not too many. */
static QiRect
around (const QiRect *selection, const QiRect *canvas, const Context *context, const QiModelSizes *sizes, double *scale)
{
  const double side = sqrt ((double) sizes->min_area);
  const guint grid = sizes->max_area >= 16ull * LIKED_GRID * LIKED_GRID ? LIKED_GRID : sizes->unit;
  double width = selection->width + 2 * MAX (context->share * selection->width, context->least);
  double height = selection->height + 2 * MAX (context->share * selection->height, context->least);
  guint model_width, model_height;
  QiRect frame;

  *scale = CLAMP (floor (side / MAX (width, height)), 1, sizes->min_area < sizes->max_area ? context->zoom : 1);
  width = MAX (MAX (width, side / *scale), height / MAX_FRAME_ASPECT);
  height = MAX (MAX (height, side / *scale), width / MAX_FRAME_ASPECT);
  model_width = round_up (width * *scale, grid);
  model_height = round_up (height * *scale, grid);
  if ((guint64) model_width * model_height > sizes->max_area)
    *scale = MIN (*scale, largest (sizes->max_area, sizes->unit, width, height, &model_width, &model_height));
  /* What the model's size has room for beyond that is shown too. */
  place (selection->x, selection->width, (int) MIN (model_width / *scale, G_MAXINT / 2), canvas->x, canvas->width,
         &frame.x, &frame.width);
  place (selection->y, selection->height, (int) MIN (model_height / *scale, G_MAXINT / 2), canvas->y, canvas->height,
         &frame.y, &frame.height);
  return frame;
}

static gboolean
by_hand (const char *text, QiRect *rect)
{
  int used = 0;

  return sscanf (text, "%d %d %d %d%n", &rect->x, &rect->y, &rect->width, &rect->height, &used) == 4 && !text[used]
         && !qi_rect_is_empty (rect);
}

static gboolean
choose (const char *name, const QiRect *canvas, const QiRect *layer, const QiRect *selection, const QiModelSizes *sizes,
        QiRect *frame, double *scale, GError **error)
{
  const QiRect whole = qi_rect_is_empty (layer) ? *canvas : *layer;
  QiRect wanted;

  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++)
    if (g_str_equal (name, contexts[i].name))
      {
        *frame = qi_rect_is_empty (selection) ? whole : around (selection, canvas, &contexts[i], sizes, scale);
        return TRUE;
      }
  if (g_str_equal (name, "layer"))
    wanted = whole;
  else if (!by_hand (name, &wanted))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   "frame is “%s”. It may be auto, tight, wide, layer, or four numbers: X Y WIDTH HEIGHT in pixels",
                   name);
      return FALSE;
    }
  *frame = qi_rect_intersect (&wanted, canvas);
  if (qi_rect_is_empty (frame))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                 "The frame, %d × %d pixels at %d, %d, lies outside the canvas of %d × %d pixels", wanted.width,
                 wanted.height, wanted.x, wanted.y, canvas->width, canvas->height);
  return !qi_rect_is_empty (frame);
}

gboolean
qi_frame_plan (const QiRequest *request, const QiRect *canvas, const QiRect *layer, const QiRect *selection,
               const QiModelSizes *sizes, QiFrame *plan, GError **error)
{
  const QiRect none = { 0 };
  const QiRect seen_layer = layer ? qi_rect_intersect (layer, canvas) : none;
  const QiRect seen_selection = selection ? qi_rect_intersect (selection, canvas) : none;
  const char *name = request->frame && *request->frame ? request->frame : "auto";
  double scale = 1;

  g_return_val_if_fail (!qi_rect_is_empty (canvas) && sizes->max_area > 0, FALSE);

  memset (plan, 0, sizeof *plan);
  if (layer && !qi_rect_is_empty (layer) && qi_rect_is_empty (&seen_layer) && qi_rect_is_empty (&seen_selection))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   "The layer, %d × %d pixels at %d, %d, lies outside the canvas of %d × %d pixels", layer->width,
                   layer->height, layer->x, layer->y, canvas->width, canvas->height);
      return FALSE;
    }
  if (!choose (name, canvas, &seen_layer, &seen_selection, sizes, &plan->frame, &scale, error))
    return FALSE;
  plan->selection = qi_rect_intersect (&seen_selection, &plan->frame);
  if (!qi_rect_is_empty (&seen_selection) && qi_rect_is_empty (&plan->selection))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   "Nothing is selected in the frame, %d × %d pixels at %d, %d: the selection begins at %d, %d",
                   plan->frame.width, plan->frame.height, plan->frame.x, plan->frame.y, seen_selection.x,
                   seen_selection.y);
      return FALSE;
    }
  finish (plan, canvas, scale, sizes);
  return TRUE;
}

QiFrame
qi_frame_at (const QiRect *frame, const QiRect *canvas, const QiRect *selection, const QiModelSizes *sizes)
{
  QiFrame plan = { .frame = *frame, .selection = qi_rect_intersect (selection, frame) };

  finish (&plan, canvas, 1, sizes);
  return plan;
}

void
qi_frame_new_picture (guint canvas_width, guint canvas_height, guint64 area, guint unit, guint *width, guint *height)
{
  const double aspect = CLAMP ((double) canvas_width / canvas_height, 1.0 / MAX_ASPECT, MAX_ASPECT);
  const double ideal = sqrt ((double) area * aspect);

  unit = unit ? unit : UNIT;
  *width = (guint) MAX (1, floor (ideal / unit + 0.5)) * unit;
  *height = (guint) MAX (1, floor (ideal / aspect / unit + 0.5)) * unit;
}
