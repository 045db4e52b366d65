/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/work-read.c — what a job needs from the host, read before it begins: later changes do not matter. */
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

#include "base/error.h"
#include "compose/pixels.h"
#include "ui/work-private.h"

#define MAX_REFERENCE_SIDE 8192 /* the engine makes references small by itself; this only bounds what is carried */

/* -- references -------------------------------------------------------------------------------------- */

static QiImage *
read_file (const char *path, GError **error)
{
  g_autoptr (GdkPixbuf) read = gdk_pixbuf_new_from_file (path, error);

  if (!read)
    return NULL;
  g_autoptr (GdkPixbuf) turned = gdk_pixbuf_apply_embedded_orientation (read);
  const int width = gdk_pixbuf_get_width (turned), height = gdk_pixbuf_get_height (turned);
  g_autoptr (GBytes) bytes = gdk_pixbuf_read_pixel_bytes (turned);

  return qi_image_new (width, height, gdk_pixbuf_get_n_channels (turned), gdk_pixbuf_get_rowstride (turned), bytes);
}

/* A reference as the model gets it: RGB, native size. number: of "Picture N". */
static QiImage *
read_reference (QiHost *host, const QiHostReference *reference, guint number, GError **error)
{
  g_autoptr (QiImage) image = NULL;

  if (reference->path)
    {
      if (!g_file_test (reference->path, G_FILE_TEST_EXISTS))
        g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_PICTURE_GONE, "Picture %u, “%s”, is no longer there.", number,
                     reference->path);
      else
        image = read_file (reference->path, error);
    }
  else
    {
      g_autoptr (QiHostView) view = qi_host_look (host, reference->image);
      QiRect rect = { 0, 0, view->image.width, view->image.height };

      if (reference->layer != QI_HOST_NONE)
        {
          g_autoptr (GPtrArray) layers = qi_host_layers (host, reference->image);
          rect = (QiRect) { 0 };
          for (guint i = 0; layers && i < layers->len; i++)
            {
              const QiHostLayer *layer = layers->pdata[i];
              if (layer->id == reference->layer)
                rect = layer->rect;
            }
        }
      if (qi_rect_is_empty (&rect))
        {
          g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_PICTURE_GONE, "Picture %u, “%s”, is no longer there.", number,
                       reference->name);
          return NULL;
        }
      const double shrink = MIN (1, (double) MAX_REFERENCE_SIDE / MAX (rect.width, rect.height));
      image = qi_host_read (host, reference->image, reference->layer, QI_HOST_NONE, &rect,
                            MAX (1, (int) (rect.width * shrink)), MAX (1, (int) (rect.height * shrink)), error);
    }
  return image ? qi_pixels_convert (image, 3) : NULL;
}

gboolean
qi_work_read_references (QiWork *work, QiHost *host, const QiWorkSource *source, GError **error)
{
  for (guint i = 0; source->references && i < source->references->len; i++)
    {
      const QiHostReference *reference = source->references->pdata[i];
      QiImage *picture = read_reference (host, reference, i + (work->plan->request->task == QI_TASK_GENERATE ? 1 : 2), error);
      if (!picture)
        return FALSE;
      g_ptr_array_add (work->pictures, picture);
      g_ptr_array_add (work->plan->references, qi_host_reference_copy (reference));
    }
  if (work->pictures->len <= QI_MAX_PICTURES)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%u pictures go with the prompt; there may be %u.",
               work->pictures->len, QI_MAX_PICTURES);
  return FALSE;
}

/* -- what is changed --------------------------------------------------------------------------------- */

void
qi_work_take_compose (QiWork *work, QiCompose *compose)
{
  QiImage *picture = qi_image_ref (compose->picture);

  work->compose = compose;
  work->width = compose->frame.width;
  work->height = compose->frame.height;
  if (work->pictures->len)
    {
      qi_image_unref (work->pictures->pdata[0]);
      work->pictures->pdata[0] = picture;
    }
  else
    g_ptr_array_add (work->pictures, picture);
}

/* Bounds of the layer that is worked on; empty: the visible composite, hence the canvas. */
static QiRect
layer_rect (QiHost *host, const QiWorkSource *source, const QiHostView *view)
{
  if (source->target == QI_HOST_NONE)
    return (QiRect) { 0 };
  if (view->layer.id == source->target)
    return view->layer.rect;
  g_autoptr (GPtrArray) layers = qi_host_layers (host, source->image);
  for (guint i = 0; layers && i < layers->len; i++)
    if (((QiHostLayer *) layers->pdata[i])->id == source->target)
      return ((QiHostLayer *) layers->pdata[i])->rect;
  return (QiRect) { 0 };
}

/* Frame, crop and mask of an edit, a fill or a split, which takes the whole layer apart whatever is selected. */
static gboolean
prepare_frame (QiWork *work,
               QiHost *host,
               const QiWorkSource *source,
               const QiHostView *view,
               const QiEngineInfo *info,
               GError **error)
{
  const QiRequest *request = work->plan->request;
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };
  const gboolean visible = request->source == QI_SOURCE_VISIBLE || source->target == QI_HOST_NONE;
  const QiRect layer = visible ? (QiRect) { 0 } : layer_rect (host, source, view);
  const gboolean by_mask = source->selection_layer != QI_HOST_NONE;
  const QiRect selection = request->task == QI_TASK_SPLIT       ? (QiRect) { 0 }
                           : qi_rect_is_empty (&source->bounds) ? view->selection
                                                                : source->bounds;
  const QiModelSizes sizes = qi_model_sizes (info->width, info->height, info->unit);
  QiFrame frame;

  if (!qi_frame_plan (request, &canvas, &layer, &selection, &sizes, &frame, error))
    return FALSE;
  g_autoptr (QiImage) crop = qi_host_read (host, source->image, visible ? QI_HOST_NONE : source->target, source->except,
                                           &frame.frame, frame.frame.width, frame.frame.height, error);
  if (!crop)
    return FALSE;
  g_autoptr (QiImage) mask = NULL;
  if (!qi_rect_is_empty (&frame.selection) && (by_mask || qi_rect_is_empty (&source->bounds)))
    {
      mask = qi_host_read_selection (host, source->image, source->selection_layer, &frame.frame, frame.frame.width,
                                     frame.frame.height, error);
      if (!mask)
        return FALSE;
    }
  else if (!qi_rect_is_empty (&frame.selection)) /* a rectangle stands for it */
    {
      const QiRect in = frame.selection;
      guint8 *bytes = qi_pixels_alloc (frame.frame.width, frame.frame.height, 1);
      for (int y = 0; y < in.height; y++)
        memset (bytes + (gsize) (in.y - frame.frame.y + y) * frame.frame.width + in.x - frame.frame.x, 255, in.width);
      mask = qi_pixels_take (frame.frame.width, frame.frame.height, 1, bytes);
    }
  QiCompose *compose = qi_compose_prepare (request, &frame, crop, mask, error);
  if (!compose)
    return FALSE;
  work->frame = work->plan->frame = frame.frame;
  qi_work_take_compose (work, compose);
  return TRUE;
}

/* -- a canvas that grows ----------------------------------------------------------------------------- */

QiRect
qi_work_old_of (const QiRequest *request, const QiRect *after)
{
  const gint64 width = (gint64) after->width - request->left - request->right,
               height = (gint64) after->height - request->top - request->bottom;

  if (width <= 0 || height <= 0)
    return (QiRect) { 0 };
  return (QiRect) { after->x + (int) request->left, after->y + (int) request->top, (int) width, (int) height };
}

/* What one sees of the old picture, and what the first pass makes of it. */
static gboolean
prepare_expand (QiWork *work,
                QiHost *host,
                const QiWorkSource *source,
                const QiHostView *view,
                const QiEngineInfo *info,
                GError **error)
{
  QiHostResult *plan = work->plan;
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };
  const QiRect old = qi_rect_is_empty (&source->bounds) ? canvas : source->bounds;

  work->sizes = qi_model_sizes (info->width, info->height, info->unit);
  work->old = qi_host_read (host, source->image, QI_HOST_NONE, source->except, &old, old.width, old.height, error);
  work->expand = work->old ? qi_expand_new (plan->request, work->old, &work->sizes, error) : NULL;
  work->first = work->expand ? qi_expand_prepare (work->expand, 0, plan->request, error) : NULL;
  if (!work->first)
    return FALSE;
  work->n_passes = qi_expand_n_passes (work->expand);
  const QiRect place = qi_expand_old (work->expand);
  const QiRect after = { old.x - place.x, old.y - place.y,
                         old.width + (int) (plan->request->left + plan->request->right),
                         old.height + (int) (plan->request->top + plan->request->bottom) };
  const QiRect all = qi_rect_union (&canvas, &after);
  if (!qi_rect_equal (&all, &canvas))
    plan->grown = all;
  plan->x = after.x;
  plan->y = after.y;
  work->frame = plan->frame = after;
  qi_work_take_compose (work, work->first);
  return TRUE;
}

/* -- a new picture ----------------------------------------------------------------------------------- */

/* Size and place of a new picture: as asked for; else the canvas, or its shape where that is more than the model makes. */
static void
prepare_new (QiWork *work, const QiWorkSource *source, const QiHostView *view, const QiEngineInfo *info)
{
  QiRequest *request = work->plan->request;
  const guint unit = MAX (1, info->unit);
  const guint64 area = (guint64) info->width * info->height;
  guint width = request->width, height = request->height;

  if ((!width || !height) && view)
    {
      width = view->image.width / unit * unit;
      height = view->image.height / unit * unit;
      if (!width || !height || (guint64) width * height > area)
        qi_frame_new_picture (view->image.width, view->image.height, area, unit, &width, &height);
    }
  if (!width || !height)
    {
      width = info->width;
      height = info->height;
    }
  work->width = MAX (unit, width / unit * unit);
  work->height = MAX (unit, height / unit * unit);
  if (view)
    { /* in the middle of what is selected, else of the canvas */
      const QiRect *at = qi_rect_is_empty (&source->place) ? &view->selection : &source->place;
      const gboolean none = qi_rect_is_empty (at);

      work->plan->x = (none ? view->image.width : 2 * at->x + at->width) / 2 - (int) work->width / 2;
      work->plan->y = (none ? view->image.height : 2 * at->y + at->height) / 2 - (int) work->height / 2;
    }
}

/* A new picture is seen through the selection, where there is one. */
static gboolean
prepare_new_mask (QiWork *work, QiHost *host, const QiWorkSource *source, const QiHostView *view, GError **error)
{
  QiHostResult *plan = work->plan;
  const QiRect rect = { plan->x, plan->y, (int) work->width, (int) work->height };

  if (!view || (qi_rect_is_empty (&view->selection) && source->selection_layer == QI_HOST_NONE))
    return TRUE;
  plan->mask =
      qi_host_read_selection (host, source->image, source->selection_layer, &rect, rect.width, rect.height, error);
  return plan->mask != NULL;
}

gboolean
qi_work_read (QiWork *work,
              QiHost *host,
              const QiWorkSource *source,
              const QiHostView *view,
              const QiEngineInfo *info,
              GError **error)
{
  switch (work->plan->request->task)
    {
    case QI_TASK_GENERATE:
      prepare_new (work, source, view, info);
      return prepare_new_mask (work, host, source, view, error);
    case QI_TASK_EXPAND:
      return prepare_expand (work, host, source, view, info, error);
    default:
      return prepare_frame (work, host, source, view, info, error);
    }
}
