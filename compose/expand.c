/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/expand.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "compose/pixels.h"

#define MAX_SIDE 262144   /* GIMP's own limit of a canvas */
#define MOST_SHRUNK 2.0   /* pixels of the canvas for one of the model's, along a side */
#define LEAST_KNOWN 0.25  /* of a frame that does everything at once */
#define OVERLAP 4         /* a pass along a side sees a quarter of its length painted by the one before */

struct _QiExpand
{
  QiRect canvas, old;
  GArray *frames; /* of QiFrame */
  guint8 *pixels; /* [height, width, 4] */
  guint8 *known;  /* [height, width] */
};

typedef struct
{
  QiRect canvas;
  const QiModelSizes *sizes;
  GArray *frames;
} Plan;

static double
area_of (const QiRect *rect)
{
  return (double) rect->width * rect->height;
}

static void
add (Plan *plan, const QiRect *frame, const QiRect *paint)
{
  const QiFrame pass = qi_frame_at (frame, &plan->canvas, paint, plan->sizes);

  g_array_append_val (plan->frames, pass);
}

/* The side of a square frame that shows a strip of such depth and as much again. */
static int
frame_side (const Plan *plan, int depth)
{
  const double native = sqrt ((double) plan->sizes->max_area);

  return (int) CLAMP (2.0 * depth, native, native * MOST_SHRUNK);
}

/* One layer of a strip: paint lies at one side of known, as long as it. Passes follow each other along it; vertical:
 * the strip is at the left or right. */
static void
add_strip (Plan *plan, const QiRect *known, const QiRect *paint, gboolean vertical)
{
  const QiRect both = qi_rect_union (known, paint);
  const int depth = vertical ? paint->width : paint->height, length = vertical ? paint->height : paint->width;
  const int side = frame_side (plan, depth), step = MAX (1, side - side / OVERLAP);
  const gboolean before = vertical ? paint->x < known->x : paint->y < known->y;

  for (int start = 0, done = 0; done < length; start += step)
    {
      const int along = MIN (side, length), from = MIN (start, length - along),
                across = MIN (side, vertical ? both.width : both.height);
      QiRect frame = vertical
                         ? (QiRect) { before ? both.x : both.x + both.width - across, both.y + from, across, along }
                         : (QiRect) { both.x + from, before ? both.y : both.y + both.height - across, along, across };
      QiRect fresh = vertical ? (QiRect){ paint->x, paint->y + done, paint->width, from + along - done }
                              : (QiRect){ paint->x + done, paint->y, from + along - done, paint->height };

      add (plan, &frame, &fresh);
      done = from + along;
    }
}

/* What is known grows by strips at one side, each no deeper than half a frame of the greatest size, nor than what is
 * known. */
static void
grow (Plan *plan, QiRect *known, int dx, int dy, int amount)
{
  const gboolean vertical = dx != 0;
  const int deepest = (int) (sqrt ((double) plan->sizes->max_area) * MOST_SHRUNK / 2);

  while (amount > 0)
    {
      const int depth = MIN (amount, MIN (deepest, MAX (16, vertical ? known->width : known->height)));
      QiRect paint = *known;

      if (vertical)
        paint.x = dx < 0 ? known->x - depth : known->x + known->width;
      else
        paint.y = dy < 0 ? known->y - depth : known->y + known->height;
      *(vertical ? &paint.width : &paint.height) = depth;
      add_strip (plan, known, &paint, vertical);
      *known = qi_rect_union (known, &paint);
      amount -= depth;
    }
}

static void
make_plan (Plan *plan, const QiRect *old, const QiRequest *request)
{
  QiRect known = *old;

  if (area_of (&plan->canvas) <= plan->sizes->max_area * MOST_SHRUNK * MOST_SHRUNK
      && area_of (old) >= LEAST_KNOWN * area_of (&plan->canvas))
    {
      add (plan, &plan->canvas, &plan->canvas);
      return;
    }
  grow (plan, &known, -1, 0, (int) request->left);
  grow (plan, &known, 1, 0, (int) request->right);
  grow (plan, &known, 0, -1, (int) request->top);
  grow (plan, &known, 0, 1, (int) request->bottom);
}

/* The new canvas, and where the old one lies on it. */
static gboolean
measure (const QiRequest *request, guint width, guint height, QiRect *canvas, QiRect *old, GError **error)
{
  const guint64 w = (guint64) width + request->left + request->right,
                h = (guint64) height + request->top + request->bottom;

  if (!request->left && !request->right && !request->top && !request->bottom)
    g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                         "The canvas shall grow by 0 pixels. Say by how many in left, right, top or bottom");
  else if (w > MAX_SIDE || h > MAX_SIDE)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                 "The canvas would have %" G_GUINT64_FORMAT " × %" G_GUINT64_FORMAT " pixels; a side may have %d", w, h,
                 MAX_SIDE);
  else
    {
      *canvas = (QiRect){ 0, 0, (int) w, (int) h };
      *old = (QiRect){ (int) request->left, (int) request->top, (int) width, (int) height };
      return TRUE;
    }
  return FALSE;
}

guint
qi_expand_look (const QiRequest *request, guint width, guint height, const QiModelSizes *sizes, QiFrame *first)
{
  g_autoptr (GArray) frames = g_array_new (FALSE, FALSE, sizeof (QiFrame));
  Plan plan = { { 0 }, sizes, frames };
  QiRect old;

  if (measure (request, width, height, &plan.canvas, &old, NULL))
    make_plan (&plan, &old, request);
  if (first && frames->len)
    *first = g_array_index (frames, QiFrame, 0);
  return frames->len;
}

guint
qi_expand_count (const QiRequest *request, guint width, guint height, const QiModelSizes *sizes)
{
  return qi_expand_look (request, width, height, sizes, NULL);
}

QiExpand *
qi_expand_new (const QiRequest *request, const QiImage *old, const QiModelSizes *sizes, GError **error)
{
  g_autoptr (QiExpand) expand = g_new0 (QiExpand, 1);
  g_autoptr (QiImage) rgba = NULL;

  expand->frames = g_array_new (FALSE, FALSE, sizeof (QiFrame));
  if (!measure (request, qi_image_width (old), qi_image_height (old), &expand->canvas, &expand->old, error))
    return NULL;

  const gsize width = (gsize) expand->canvas.width, n = width * (gsize) expand->canvas.height;
  Plan plan = { expand->canvas, sizes, expand->frames };

  make_plan (&plan, &expand->old, request);
  expand->pixels = g_try_malloc0_n (n, 4);
  expand->known = g_try_malloc0 (n);
  if (!expand->pixels || !expand->known)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY,
                   "There is no memory for a canvas of %d × %d pixels: it takes %.1f GiB", expand->canvas.width,
                   expand->canvas.height, 5.0 * (double) n / (1 << 30));
      return NULL;
    }
  rgba = qi_pixels_convert (old, 4);
  for (int y = 0; y < expand->old.height; y++)
    {
      const gsize at = (gsize) (expand->old.y + y) * width + (gsize) expand->old.x;

      memcpy (expand->pixels + 4 * at, qi_image_row (rgba, (guint) y), 4 * (gsize) expand->old.width);
      memset (expand->known + at, 255, (gsize) expand->old.width);
    }
  return g_steal_pointer (&expand);
}

void
qi_expand_free (QiExpand *expand)
{
  if (!expand)
    return;
  g_clear_pointer (&expand->frames, g_array_unref);
  g_free (expand->pixels);
  g_free (expand->known);
  g_free (expand);
}

guint
qi_expand_n_passes (const QiExpand *expand)
{
  return expand->frames->len;
}

const QiFrame *
qi_expand_frame (const QiExpand *expand, guint pass)
{
  g_return_val_if_fail (pass < expand->frames->len, NULL);

  return &g_array_index (expand->frames, QiFrame, pass);
}

QiRect
qi_expand_old (const QiExpand *expand)
{
  return expand->old;
}

QiCompose *
qi_expand_prepare (const QiExpand *expand, guint pass, const QiRequest *request, GError **error)
{
  const QiFrame *frame = qi_expand_frame (expand, pass);
  const guint width = (guint) frame->frame.width, height = (guint) frame->frame.height;
  guint8 *pixels = qi_pixels_alloc (width, height, 4), *unknown = qi_pixels_alloc (width, height, 1);
  g_autoptr (QiImage) crop = qi_pixels_take (width, height, 4, pixels);
  g_autoptr (QiImage) selection = qi_pixels_take (width, height, 1, unknown);

  g_return_val_if_fail (request->task == QI_TASK_EXPAND, NULL);

  for (guint y = 0; y < height; y++)
    {
      const gsize at = (gsize) (frame->frame.y + (int) y) * (gsize) expand->canvas.width + (gsize) frame->frame.x;

      memcpy (pixels + (gsize) y * width * 4, expand->pixels + 4 * at, (gsize) width * 4);
      for (guint x = 0; x < width; x++)
        unknown[(gsize) y * width + x] = 255 - expand->known[at + x];
    }
  return qi_compose_prepare (request, frame, crop, selection, error);
}

void
qi_expand_place (QiExpand *expand, const QiPatch *patch)
{
  g_autoptr (QiImage) over = qi_pixels_convert (patch->pixels, 4);
  const QiRect place = { patch->x, patch->y, (int) qi_image_width (over), (int) qi_image_height (over) };
  const QiRect seen = qi_rect_intersect (&place, &expand->canvas);

  for (int y = seen.y; y < seen.y + seen.height; y++)
    for (int x = seen.x; x < seen.x + seen.width; x++)
      {
        const gsize at = (gsize) y * (gsize) expand->canvas.width + (gsize) x;

        if (expand->known[at])
          continue;
        memcpy (expand->pixels + 4 * at, qi_image_row (over, (guint) (y - place.y)) + 4 * (gsize) (x - place.x), 4);
        expand->known[at] = 255;
      }
}

QiImage *
qi_expand_picture (const QiExpand *expand)
{
  const gsize n_bytes = (gsize) expand->canvas.width * (gsize) expand->canvas.height * 4;

  return qi_pixels_take ((guint) expand->canvas.width, (guint) expand->canvas.height, 4,
                         g_memdup2 (expand->pixels, n_bytes));
}

QiImage *
qi_expand_mask (const QiExpand *expand)
{
  const gsize width = (gsize) expand->canvas.width;
  guint8 *mask = qi_pixels_alloc ((guint) width, (guint) expand->canvas.height, 1);

  memset (mask, 255, width * (gsize) expand->canvas.height);
  for (int y = 0; y < expand->old.height; y++)
    memset (mask + (gsize) (expand->old.y + y) * width + expand->old.x, 0, (gsize) expand->old.width);
  return qi_pixels_take ((guint) width, (guint) expand->canvas.height, 1, mask);
}
