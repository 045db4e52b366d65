/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ui/fake-image.h"

#include <string.h>

#include "base/error.h"
#include "compose/pixels.h"

static void host_init (QiHostInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (QiFakeHost, qi_fake_host, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (QI_TYPE_HOST, host_init))

static void
qi_fake_host_finalize (GObject *object)
{
  g_ptr_array_unref (QI_FAKE_HOST (object)->images);
  G_OBJECT_CLASS (qi_fake_host_parent_class)->finalize (object);
}

static void
qi_fake_host_class_init (QiFakeHostClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = qi_fake_host_finalize;
}

static void
qi_fake_host_init (QiFakeHost *host)
{
  host->images = g_ptr_array_new_with_free_func ((GDestroyNotify) fake_image_free);
}

QiFakeHost *
qi_fake_host_new (void)
{
  return g_object_new (QI_TYPE_FAKE_HOST, NULL);
}

/* -- the interface ----------------------------------------------------------------------------------- */

static GPtrArray *
images (QiHost *self)
{
  QiFakeHost *host = QI_FAKE_HOST (self);
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_image_free);

  for (guint i = 0; i < host->images->len; i++)
    {
      QiHostImage *copy = g_memdup2 (&((Image *) host->images->pdata[i])->image, sizeof *copy);
      copy->name = g_strdup (copy->name);
      g_ptr_array_add (all, copy);
    }
  return all;
}

static void
describe (const Layer *layer, QiHostLayer *as)
{
  as->id = layer->id;
  as->name = g_strdup (layer->name);
  as->rect = layer->rect;
  as->kind = layer->kind;
  as->visible = !layer->hidden;
  as->empty = layer->empty;
  as->ours = layer->memory != NULL;
  as->words = g_strdup (layer->words);
}

static GPtrArray *
layers (QiHost *self, gint id)
{
  Image *image = find_image (QI_FAKE_HOST (self), id);
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_layer_free);

  for (guint i = 0; image && i < image->layers->len; i++)
    {
      QiHostLayer *layer = g_new0 (QiHostLayer, 1);
      describe (image->layers->pdata[i], layer);
      g_ptr_array_add (all, layer);
    }
  return all;
}

/* Bounds of what is selected at all. */
static QiRect
bounds_of (cairo_surface_t *selection, gboolean *soft)
{
  const int width = cairo_image_surface_get_width (selection), height = cairo_image_surface_get_height (selection);
  const int stride = cairo_image_surface_get_stride (selection);
  const guint8 *data = cairo_image_surface_get_data (selection);
  int x0 = width, y0 = height, x1 = -1, y1 = -1;
  guint n_soft = 0;

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      {
        const guint8 v = data[y * stride + x];
        if (!v)
          continue;
        n_soft += v < 255;
        x0 = MIN (x0, x);
        x1 = MAX (x1, x);
        y0 = MIN (y0, y);
        y1 = MAX (y1, y);
      }
  *soft = n_soft > 4 * (guint) (MAX (0, x1 - x0) + MAX (0, y1 - y0)); /* an anti-aliased edge alone is not soft */
  return x1 < x0 ? (QiRect) { 0 } : (QiRect) { x0, y0, x1 - x0 + 1, y1 - y0 + 1 };
}

static QiHostView *
look (QiHost *self, gint id)
{
  Image *image = find_image (QI_FAKE_HOST (self), id);
  QiHostView *view = g_new0 (QiHostView, 1);

  view->image.id = view->layer.id = QI_HOST_NONE;
  if (!image)
    return view;
  view->image = image->image;
  view->image.name = g_strdup (image->image.name);
  const Layer *layer = find_layer (image, image->selected);
  if (layer)
    describe (layer, &view->layer);
  if (image->selection)
    view->selection = bounds_of (image->selection, &view->soft);
  view->selection_serial = image->selection_serial;
  view->pixels_serial = image->pixels_serial;
  view->bordered = layer && layer->opaque && image->layers->len == 1
                   && (layer->rect.width < image->image.width || layer->rect.height < image->image.height);
  return view;
}

/* Straight RGBA of a surface. (transfer full) */
static QiImage *
from_surface (cairo_surface_t *surface)
{
  const int width = cairo_image_surface_get_width (surface), height = cairo_image_surface_get_height (surface);
  guint8 *bytes = qi_pixels_alloc (width, height, 4), *to = bytes;

  cairo_surface_flush (surface);
  for (int y = 0; y < height; y++)
    {
      const guint32 *row = (const guint32 *) (gpointer) (cairo_image_surface_get_data (surface)
                                                         + (gsize) y * cairo_image_surface_get_stride (surface));
      for (int x = 0; x < width; x++, to += 4)
        {
          const guint a = row[x] >> 24;
          for (int c = 0; c < 3; c++)
            to[c] = a ? MIN (255, ((row[x] >> (16 - 8 * c) & 255) * 255 + a / 2) / a) : 0;
          to[3] = a;
        }
    }
  return qi_pixels_take (width, height, 4, bytes);
}

static void
paint_layer (cairo_t *cr, const Layer *layer)
{
  cairo_set_source_surface (cr, layer->pixels, layer->rect.x, layer->rect.y);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_paint (cr);
}

static QiImage *
read_pixels (QiHost *self,
             gint id,
             gint layer,
             gint except,
             const QiRect *rect,
             gint width,
             gint height,
             GError **error)
{
  Image *image = find_image (QI_FAKE_HOST (self), id);
  const Layer *one = layer == QI_HOST_NONE ? NULL : find_layer (image, layer);

  if (!image)
    {
      g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_GONE, "“gone.xcf” was closed.");
      return NULL;
    }
  if (layer != QI_HOST_NONE && !one)
    {
      g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_LAYER_GONE, "The layer was deleted.");
      return NULL;
    }
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (surface);
  cairo_scale (cr, (double) width / rect->width, (double) height / rect->height);
  cairo_translate (cr, -rect->x, -rect->y);
  cairo_rectangle (cr, 0, 0, image->image.width, image->image.height);
  cairo_clip (cr);
  if (one)
    paint_layer (cr, one);
  else
    for (guint i = image->layers->len; i-- > 0;)
      {
        const Layer *each = image->layers->pdata[i];
        if (!each->hidden && each->id != except)
          paint_layer (cr, each);
      }
  cairo_destroy (cr);
  QiImage *result = from_surface (surface);
  cairo_surface_destroy (surface);
  return result;
}

static QiImage *
read_selection (QiHost *self, gint id, gint mask_layer, const QiRect *rect, gint width, gint height, GError **error)
{
  Image *image = find_image (QI_FAKE_HOST (self), id);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, width, height);
  guint8 *bytes = qi_pixels_alloc (width, height, 1);
  cairo_t *cr = cairo_create (surface);

  if (image && image->selection)
    {
      cairo_scale (cr, (double) width / rect->width, (double) height / rect->height);
      cairo_translate (cr, -rect->x, -rect->y);
      cairo_set_source_rgba (cr, 1, 1, 1, 1);
      cairo_mask_surface (cr, image->selection, 0, 0);
    }
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  for (int y = 0; y < height; y++)
    memcpy (bytes + (gsize) y * width,
            cairo_image_surface_get_data (surface) + (gsize) y * cairo_image_surface_get_stride (surface), width);
  cairo_surface_destroy (surface);
  return qi_pixels_take (width, height, 1, bytes);
}

/* pixels through mask as a layer's surface. */
static cairo_surface_t *
to_surface (const QiHostResult *result)
{
  const guint width = qi_image_width (result->pixels), height = qi_image_height (result->pixels);
  const guint channels = qi_image_channels (result->pixels);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);

  for (guint y = 0; y < height; y++)
    {
      guint32 *row = (guint32 *) (gpointer) (cairo_image_surface_get_data (surface)
                                             + (gsize) y * cairo_image_surface_get_stride (surface));
      const guint8 *from = qi_image_row (result->pixels, y),
                   *mask = result->mask ? qi_image_row (result->mask, y) : NULL;
      for (guint x = 0; x < width; x++, from += channels)
        {
          const guint a = (channels == 4 ? from[3] : 255) * (mask ? mask[x] : 255) / 255;
          row[x] = a << 24 | from[0] * a / 255 << 16 | from[1] * a / 255 << 8 | from[2] * a / 255;
        }
    }
  cairo_surface_mark_dirty (surface);
  return surface;
}

static QiHostResult *
copy_result (const QiHostResult *result)
{
  QiHostResult *copy = qi_host_result_new ();

  copy->request = qi_request_copy (result->request);
  copy->references = result->references ? g_ptr_array_ref (result->references) : NULL;
  copy->frame = result->frame;
  copy->image = result->image;
  copy->target = result->target;
  copy->name = g_strdup (result->name);
  return copy;
}

static Layer *
layer_of (QiFakeHost *host, const QiHostResult *result)
{
  Layer *layer = g_new0 (Layer, 1);

  layer->id = ++host->last_id;
  layer->name = g_strdup (result->name);
  layer->rect = (QiRect) { result->x, result->y, qi_image_width (result->pixels), qi_image_height (result->pixels) };
  layer->pixels = to_surface (result);
  layer->hidden = result->hidden;
  layer->layers = result->layers ? g_ptr_array_ref (result->layers) : NULL;
  layer->kind = layer->layers ? QI_HOST_GROUP : QI_HOST_RASTER;
  layer->memory = copy_result (result);
  return layer;
}

/* The canvas becomes that; all that lies on it moves with it. */
static void
grow_canvas (Image *image, const QiRect *grown)
{
  if (qi_rect_is_empty (grown))
    return;
  image->image.width = grown->width;
  image->image.height = grown->height;
  for (guint i = 0; i < image->layers->len; i++)
    {
      Layer *layer = image->layers->pdata[i];
      layer->rect.x -= grown->x;
      layer->rect.y -= grown->y;
    }
}

static gint
insert (QiHost *self, const QiHostResult *result, GError **error)
{
  QiFakeHost *host = QI_FAKE_HOST (self);
  Image *image = find_image (host, result->image);
  guint at = 0;

  if (!image)
    {
      g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_GONE, "“gone.xcf” was closed.");
      return QI_HOST_NONE;
    }
  g_autoptr (QiHostResult) settled = qi_host_result_copy (result);
  grow_canvas (image, &result->grown);
  qi_host_result_settle (settled);
  Layer *layer = layer_of (host, settled);
  for (guint i = 0; i < image->layers->len; i++)
    if (((Layer *) image->layers->pdata[i])->id == result->target)
      at = i;
  g_ptr_array_insert (image->layers, at, layer);
  image->undo_steps++;
  image->pixels_serial++;
  return layer->id;
}

static gboolean
untouched (QiHost *self, gint id)
{
  QiFakeHost *host = QI_FAKE_HOST (self);

  for (guint i = 0; i < host->images->len; i++)
    {
      const Layer *layer = find_layer (host->images->pdata[i], id);
      if (layer)
        return !layer->touched;
    }
  return FALSE;
}

static gboolean
rewrite (QiHost *self, gint id, const QiHostResult *result, GError **error)
{
  Image *image = find_image (QI_FAKE_HOST (self), result->image);
  Layer *layer = find_layer (image, id);

  if (!layer || layer->touched)
    return FALSE;
  cairo_surface_destroy (layer->pixels);
  layer->pixels = to_surface (result);
  g_free (layer->name);
  layer->name = g_strdup (result->name);
  qi_host_result_free (layer->memory);
  layer->memory = copy_result (result);
  image->pixels_serial++;
  return TRUE;
}

static gboolean
remove_layer (QiHost *self, gint id, GError **error)
{
  QiFakeHost *host = QI_FAKE_HOST (self);

  for (guint i = 0; i < host->images->len; i++)
    {
      Image *image = host->images->pdata[i];
      Layer *layer = find_layer (image, id);
      if (!layer)
        continue;
      g_ptr_array_remove (image->layers, layer);
      image->undo_steps++;
      image->pixels_serial++;
      return TRUE;
    }
  return FALSE;
}

static gint
open_image (QiHost *self, const QiHostResult *result, GError **error)
{
  QiFakeHost *host = QI_FAKE_HOST (self);
  const gint id = qi_fake_host_add_image (host, "Untitled", qi_image_width (result->pixels),
                                          qi_image_height (result->pixels), QI_HOST_RGB);
  Image *image = find_image (host, id);
  Layer *layer = layer_of (host, result);

  layer->rect.x = layer->rect.y = 0;
  g_ptr_array_insert (image->layers, 0, layer);
  image->selected = layer->id;
  return id;
}

static QiHostMemory *
remembered (QiHost *self, gint id, gint layer, GError **error)
{
  Image *image = find_image (QI_FAKE_HOST (self), id);
  const Layer *one = find_layer (image, layer);

  if (!one || !one->memory)
    return NULL;
  if (!find_layer (image, one->memory->target))
    {
      g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_LAYER_GONE, "“Photo” was deleted.");
      return NULL;
    }
  QiHostMemory *memory = g_new0 (QiHostMemory, 1);
  memory->request = qi_request_copy (one->memory->request);
  memory->image = id;
  memory->layer = layer;
  memory->target = one->memory->target;
  memory->frame = one->memory->frame;
  memory->bounds = one->rect;
  memory->mask_layer = QI_HOST_NONE;
  return memory;
}

static gboolean
grow_selection (QiHost *self, gint id, gint pixels, GError **error)
{
  g_autoptr (QiHostView) view = look (self, id);
  const QiRect s = view->selection;

  qi_fake_host_select (QI_FAKE_HOST (self), id,
                       (QiRect) { s.x - pixels, s.y - pixels, s.width + 2 * pixels, s.height + 2 * pixels });
  return TRUE;
}

static gboolean
convert_to_rgb (QiHost *self, gint id, GError **error)
{
  Image *image = find_image (QI_FAKE_HOST (self), id);

  image->image.mode = QI_HOST_RGB;
  image->image.n_colors = 0;
  changed (image, TRUE);
  return TRUE;
}

static void
host_init (QiHostInterface *iface)
{
  iface->images = images;
  iface->layers = layers;
  iface->look = look;
  iface->read = read_pixels;
  iface->read_selection = read_selection;
  iface->insert = insert;
  iface->rewrite = rewrite;
  iface->remove = remove_layer;
  iface->untouched = untouched;
  iface->open = open_image;
  iface->remembered = remembered;
  iface->grow_selection = grow_selection;
  iface->convert_to_rgb = convert_to_rgb;
}
