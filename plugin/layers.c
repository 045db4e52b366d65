/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/layers.h"

#include <string.h>

#include <gegl.h>
#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "compose/pixels.h"
#include "compose/resize.h"

/* From here on GIMP's own thumbnails are used: they come from its reduced levels and cost milliseconds. */
#define MIN_SHRINK 3
#define MAX_THUMBNAIL_PIXELS (512 * 512)

/* -- which ------------------------------------------------------------------------------------------- */

GimpImage *
qi_image_by_id (gint id)
{
  return id > 0 && gimp_image_id_is_valid (id) ? gimp_image_get_by_id (id) : NULL;
}

/* A layer that was deleted lives on in the undo stack, as a layer too; but GIMP ends a plug-in that reads pixels of it. */
GimpLayer *
qi_layer_by_id (gint id)
{
  return id > 0 && gimp_item_id_is_valid (id) && gimp_item_id_is_layer (id) ? gimp_layer_get_by_id (id) : NULL;
}

GimpLayer *
qi_layer_of (GimpDrawable *drawable)
{
  if (!drawable || !gimp_item_is_valid (GIMP_ITEM (drawable)))
    return NULL;
  if (GIMP_IS_LAYER (drawable))
    return GIMP_LAYER (drawable);
  if (GIMP_IS_LAYER_MASK (drawable))
    return gimp_layer_from_mask (GIMP_LAYER_MASK (drawable));
  return NULL;
}

GPtrArray *
qi_layers_references (GPtrArray *drawables)
{
  GPtrArray *references = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_reference_free);

  for (guint i = 0; drawables && i < drawables->len; i++)
    {
      GimpDrawable *drawable = g_ptr_array_index (drawables, i);
      GimpLayer *layer = qi_layer_of (drawable);
      QiHostReference *reference = g_new0 (QiHostReference, 1);

      reference->image = gimp_image_get_id (gimp_item_get_image (GIMP_ITEM (drawable)));
      reference->layer = layer ? gimp_item_get_id (GIMP_ITEM (layer)) : QI_HOST_NONE;
      reference->name = gimp_item_get_name (GIMP_ITEM (drawable));
      g_ptr_array_add (references, reference);
    }
  return references;
}

/* "00000001.00000004": places from the root of the stack down, in an order that strcmp() knows. (transfer full) */
static char *
place_in_stack (GimpLayer *layer)
{
  GimpImage *image = gimp_item_get_image (GIMP_ITEM (layer));
  GString *place = g_string_new (NULL);

  for (GimpItem *item = GIMP_ITEM (layer); item; item = gimp_item_get_parent (item))
    {
      g_autofree char *step = g_strdup_printf (".%08d", gimp_image_get_item_position (image, item));

      g_string_prepend (place, step);
    }
  return g_string_free (place, FALSE);
}

GimpLayer *
qi_layers_topmost (GimpDrawable *const *drawables)
{
  GimpLayer *topmost = NULL;
  g_autofree char *its_place = NULL;

  for (guint i = 0; drawables && drawables[i]; i++)
    {
      GimpLayer *layer = qi_layer_of (drawables[i]);
      g_autofree char *place = layer ? place_in_stack (layer) : NULL;

      if (!layer || (its_place && strcmp (place, its_place) >= 0))
        continue;
      topmost = layer;
      g_free (its_place);
      its_place = g_steal_pointer (&place);
    }
  return topmost;
}

/* The layer at the same place in another image that has the same stack. */
static GimpLayer *
layer_at_same_place (GimpLayer *layer, GimpImage *other)
{
  GimpImage *image = gimp_item_get_image (GIMP_ITEM (layer));
  GimpItem *parent = gimp_item_get_parent (GIMP_ITEM (layer));
  const gint position = gimp_image_get_item_position (image, GIMP_ITEM (layer));

  if (!parent)
    {
      g_autofree GimpLayer **layers = gimp_image_get_layers (other);

      for (gint i = 0; layers[i]; i++)
        if (i == position)
          return layers[i];
      return NULL;
    }

  GimpLayer *other_parent = layer_at_same_place (GIMP_LAYER (parent), other);
  g_autofree GimpItem **children = other_parent ? gimp_item_get_children (GIMP_ITEM (other_parent)) : NULL;

  for (gint i = 0; children && children[i]; i++)
    if (i == position)
      return GIMP_LAYER (children[i]);
  return NULL;
}

QiRect
qi_layer_rect (GimpLayer *layer)
{
  QiRect rect = { 0 };

  gimp_drawable_get_offsets (GIMP_DRAWABLE (layer), &rect.x, &rect.y);
  rect.width = gimp_drawable_get_width (GIMP_DRAWABLE (layer));
  rect.height = gimp_drawable_get_height (GIMP_DRAWABLE (layer));
  return rect;
}

QiRect
qi_selection_rect (GimpImage *image)
{
  gboolean non_empty = FALSE;
  gint x1, y1, x2, y2;

  /* Without a selection the bounds are the whole image. */
  if (!gimp_selection_bounds (image, &non_empty, &x1, &y1, &x2, &y2) || !non_empty)
    return (QiRect){ 0 };
  return (QiRect){ x1, y1, x2 - x1, y2 - y1 };
}

/* -- pixels ------------------------------------------------------------------------------------------ */

static gboolean
too_large (const QiRect *rect, GError **error)
{
  if (rect->width > 0 && rect->height > 0 && (guint64) rect->width * (guint64) rect->height * 4 <= G_MAXINT)
    return FALSE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%d × %d pixels cannot be read at once: the most is 23000 × 23000. "
               "Select a smaller part.", rect->width, rect->height);
  return TRUE;
}

/* rect of drawable, whose upper left pixel lies at (x, y), into a packed buffer that is zero where drawable is not. */
static void
read_part (GimpDrawable *drawable, gint x, gint y, const QiRect *rect, const Babl *format, guint8 *pixels)
{
  const gsize pixel_bytes = (gsize) babl_format_get_bytes_per_pixel (format), stride = (gsize) rect->width * pixel_bytes;
  g_autoptr (GeglBuffer) buffer = gimp_drawable_get_buffer (drawable);
  const GeglRectangle wanted = { rect->x - x, rect->y - y, rect->width, rect->height };
  GeglRectangle there;

  if (buffer && gegl_rectangle_intersect (&there, &wanted, gegl_buffer_get_extent (buffer)))
    gegl_buffer_get (buffer, &there, 1.0, format,
                     pixels + (gsize) (there.y - wanted.y) * stride + (gsize) (there.x - wanted.x) * pixel_bytes,
                     (gint) stride, GEGL_ABYSS_NONE);
}

/* (transfer full) image, which is given away, at another size */
static QiImage *
resized (QiImage *image, guint width, guint height, QiFilter filter)
{
  g_autoptr (QiImage) old = image;
  QiMapping mapping;

  if (qi_image_width (old) == width && qi_image_height (old) == height)
    return g_steal_pointer (&old);
  mapping = qi_mapping_fit (qi_image_width (old), qi_image_height (old), width, height);
  return qi_resample (old, width, height, &mapping, filter);
}

/* What a mask hides is transparent. */
static void
apply_mask (GimpLayer *layer, const QiRect *rect, guint8 *pixels)
{
  GimpLayerMask *mask = gimp_layer_get_mask (layer);
  const gsize n = (gsize) rect->width * (gsize) rect->height;
  const QiRect at = qi_layer_rect (layer);
  g_autofree guint8 *values = NULL;

  if (!mask || !gimp_layer_get_apply_mask (layer))
    return;
  values = g_malloc0 (n);
  read_part (GIMP_DRAWABLE (mask), at.x, at.y, rect, babl_format ("Y u8"), values);
  for (gsize i = 0; i < n; i++)
    pixels[i * 4 + 3] = (guint8) ((pixels[i * 4 + 3] * values[i] + 127) / 255);
}

/* A layer as it is now, outside of any image. GIMP ends a plug-in that asks for a tile of a layer which was deleted while
 * it read; of a copy, which shares the tiles, people know nothing. NULL: a group, which is not copied. (transfer full) */
static GimpLayer *
still_of (GimpImage *image, GimpLayer *layer)
{
  return gimp_item_is_group (GIMP_ITEM (layer)) || gimp_layer_is_floating_sel (layer)
           ? NULL
           : gimp_layer_new_from_drawable (GIMP_DRAWABLE (layer), image);
}

static QiImage *
read_drawable (GimpDrawable *drawable, gint x, gint y, const QiRect *rect)
{
  guint8 *pixels = qi_pixels_alloc ((guint) rect->width, (guint) rect->height, 4);

  read_part (drawable, x, y, rect, babl_format ("R'G'B'A u8"), pixels);
  if (GIMP_IS_LAYER (drawable))
    apply_mask (GIMP_LAYER (drawable), rect, pixels);
  return qi_pixels_take ((guint) rect->width, (guint) rect->height, 4, pixels);
}

/* What GIMP draws small pictures from; NULL: not that. */
static QiImage *
read_thumbnail (GimpLayer *layer, const QiRect *rect, guint width, guint height)
{
  const QiRect at = qi_layer_rect (layer), there = qi_rect_intersect (&at, rect);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (QiImage) image = NULL;
  gint w = 0, h = 0, channels = 0;

  if (rect->width / MIN_SHRINK < (gint) width || rect->height / MIN_SHRINK < (gint) height
      || (guint64) width * height > MAX_THUMBNAIL_PIXELS || !qi_rect_equal (&there, rect) || gimp_layer_get_mask (layer))
    return NULL;
  bytes = gimp_drawable_get_sub_thumbnail_data (GIMP_DRAWABLE (layer), rect->x - at.x, rect->y - at.y, rect->width,
                                                rect->height, (gint) width, (gint) height, &w, &h, &channels);
  if (!bytes || w <= 0 || h <= 0 || (channels != 3 && channels != 4)
      || g_bytes_get_size (bytes) < (gsize) w * (gsize) h * (gsize) channels)
    return NULL;
  image = qi_image_new ((guint) w, (guint) h, (guint) channels, (gsize) w * (gsize) channels, bytes);
  return resized (qi_pixels_convert (image, 4), width, height, QI_FILTER_TRIANGLE);
}

/* What is visible of image, through a layer of a passing image: an indexed image has no room for it. */
static QiImage *
read_visible (GimpImage *image, const QiRect *rect, GError **error)
{
  const gboolean indexed = gimp_image_get_base_type (image) == GIMP_INDEXED;
  GimpImage *home = indexed ? gimp_image_new (gimp_image_get_width (image), gimp_image_get_height (image), GIMP_RGB) : image;
  GimpLayer *layer = gimp_layer_new_from_visible (image, home, "visible");
  QiImage *pixels = layer ? read_drawable (GIMP_DRAWABLE (layer), 0, 0, rect) : NULL;

  if (!pixels)
    g_set_error_literal (error, QI_ERROR, QI_ERROR_FAILED, "GIMP did not give what is visible of the image.");
  if (layer)
    gimp_item_delete (GIMP_ITEM (layer)); /* it never was in the image: no undo step */
  if (indexed)
    gimp_image_delete (home);
  return pixels;
}

static QiImage *
read_visible_without (GimpImage *image, GimpLayer *except, const QiRect *rect, GError **error)
{
  GimpImage *copy = gimp_image_duplicate (image);
  GimpLayer *same = copy ? layer_at_same_place (except, copy) : NULL;
  QiImage *pixels = NULL;

  if (same && gimp_image_remove_layer (copy, same))
    pixels = read_visible (copy, rect, error);
  else
    g_set_error_literal (error, QI_ERROR, QI_ERROR_FAILED, "GIMP did not give a copy of the image.");
  if (copy)
    gimp_image_delete (copy);
  return pixels;
}

QiImage *
qi_layers_read (GimpImage *image, GimpLayer *layer, GimpLayer *except, const QiRect *rect, guint width, guint height,
                GError **error)
{
  QiImage *pixels;

  if (too_large (rect, error))
    return NULL;
  if (layer && (pixels = read_thumbnail (layer, rect, width, height)))
    return pixels;
  if (layer)
    {
      GimpLayer *still = still_of (image, layer);
      const QiRect at = qi_layer_rect (still ? still : layer);

      pixels = read_drawable (GIMP_DRAWABLE (still ? still : layer), at.x, at.y, rect);
      if (still)
        gimp_item_delete (GIMP_ITEM (still));
    }
  else if (except && gimp_item_get_visible (GIMP_ITEM (except)))
    pixels = read_visible_without (image, except, rect, error);
  else
    pixels = read_visible (image, rect, error);
  return pixels ? resized (pixels, width, height, QI_FILTER_LANCZOS) : NULL;
}

QiImage *
qi_layers_read_mask (GimpImage *image, GimpLayer *mask_layer, const QiRect *rect, guint width, guint height, GError **error)
{
  GimpDrawable *drawable = mask_layer ? GIMP_DRAWABLE (gimp_layer_get_mask (mask_layer))
                                      : GIMP_DRAWABLE (gimp_image_get_selection (image));
  const QiRect at = mask_layer ? qi_layer_rect (mask_layer) : (QiRect){ 0 };
  guint8 *values;

  if (too_large (rect, error))
    return NULL;
  if (!drawable)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_FAILED, "The layer has lost its mask.");
      return NULL;
    }
  values = qi_pixels_alloc ((guint) rect->width, (guint) rect->height, 1);
  read_part (drawable, at.x, at.y, rect, babl_format ("Y u8"), values);
  return resized (qi_pixels_take ((guint) rect->width, (guint) rect->height, 1, values), width, height, QI_FILTER_TRIANGLE);
}

/* As far as a small picture of it tells. */
gboolean
qi_layer_is_opaque (GimpLayer *layer)
{
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *data;
  gint w = 0, h = 0, channels = 0;
  gsize n = 0;

  if (gimp_layer_get_opacity (layer) < 100 || gimp_layer_get_mask (layer))
    return FALSE;
  if (!gimp_drawable_has_alpha (GIMP_DRAWABLE (layer)))
    return TRUE;
  bytes = gimp_drawable_get_thumbnail_data (GIMP_DRAWABLE (layer), 64, 64, &w, &h, &channels);
  if (!bytes || (channels != 2 && channels != 4))
    return FALSE;
  data = g_bytes_get_data (bytes, &n);
  for (gsize i = (gsize) channels - 1; i < n; i += (gsize) channels)
    if (data[i] != 255)
      return FALSE;
  return TRUE;
}

/* A small picture of the layer shows almost any pixel; only where it shows none are all of them looked at, in strips. */
gboolean
qi_layer_is_empty (GimpLayer *layer)
{
  const gint width = gimp_drawable_get_width (GIMP_DRAWABLE (layer)), height = gimp_drawable_get_height (GIMP_DRAWABLE (layer));
  g_autoptr (GBytes) bytes = NULL;
  g_autofree guint8 *strip = NULL;
  gint w = 0, h = 0, channels = 0;

  if (!gimp_drawable_has_alpha (GIMP_DRAWABLE (layer)))
    return FALSE;
  bytes = gimp_drawable_get_thumbnail_data (GIMP_DRAWABLE (layer), 64, 64, &w, &h, &channels);
  if (bytes && (channels == 2 || channels == 4))
    {
      gsize n = 0;
      const guint8 *data = g_bytes_get_data (bytes, &n);

      for (gsize i = (gsize) channels - 1; i < n; i += (gsize) channels)
        if (data[i])
          return FALSE;
    }
  strip = g_malloc ((gsize) width * 64);
  for (gint y = 0; y < height; y += 64)
    {
      const QiRect rect = { 0, y, width, MIN (64, height - y) };
      const gsize n = (gsize) rect.width * (gsize) rect.height;

      read_part (GIMP_DRAWABLE (layer), 0, 0, &rect, babl_format ("A u8"), strip);
      for (gsize i = 0; i < n; i++)
        if (strip[i])
          return FALSE;
    }
  return TRUE;
}
