/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/place.h"

#include <string.h>

#include <gegl.h>
#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "compose/pixels.h"
#include "plugin/layers.h"
#include "plugin/memory.h"

static gboolean
refused (GError **error, const char *what)
{
  const char *why = gimp_pdb_get_last_error (gimp_get_pdb ());

  g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "GIMP refused %s (%s).", what, why && *why ? why : "no reason given");
  return FALSE;
}

/* -- what is selected in the docks --------------------------------------------------------------------- */

/* An insert makes the new layer the selected one; people keep theirs. */
typedef struct
{
  GimpLayer **layers;
  GimpChannel **channels;
} Selected;

static void
selected_clear (Selected *selected)
{
  g_free (selected->layers);
  g_free (selected->channels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Selected, selected_clear)

static void
restore_selected (GimpImage *image, const Selected *selected)
{
  if (selected->layers && selected->layers[0])
    gimp_image_set_selected_layers (image, (const GimpLayer **) selected->layers);
  else if (selected->channels && selected->channels[0])
    gimp_image_set_selected_channels (image, (const GimpChannel **) selected->channels);
}

/* -- pixels ------------------------------------------------------------------------------------------ */

static void
write_image (GimpDrawable *drawable, const QiImage *image, const Babl *format)
{
  g_autoptr (GeglBuffer) buffer = gimp_drawable_get_buffer (drawable);
  const gint width = (gint) qi_image_width (image), height = (gint) qi_image_height (image);

  gegl_buffer_set (buffer, GEGL_RECTANGLE (0, 0, width, height), 0, format, qi_image_row (image, 0),
                   (gint) qi_image_stride (image));
  gegl_buffer_flush (buffer);
  gimp_drawable_update (drawable, 0, 0, width, height);
}

/* sRGB, which babl brings into whatever the image is made of. */
static void
write_pixels (GimpLayer *layer, const QiImage *pixels)
{
  write_image (GIMP_DRAWABLE (layer), pixels, babl_format (qi_image_channels (pixels) == 4 ? "R'G'B'A u8" : "R'G'B' u8"));
}

/* A mask's values are linear in every precision, and no colours. */
static gboolean
write_mask (GimpLayer *layer, const QiImage *values, GError **error)
{
  GimpLayerMask *mask = gimp_layer_get_mask (layer);

  if (!mask)
    {
      mask = gimp_layer_create_mask (layer, GIMP_ADD_MASK_WHITE);
      if (!mask || !gimp_layer_add_mask (layer, mask))
        return refused (error, "a layer mask");
      gimp_layer_set_edit_mask (layer, FALSE);
    }
  write_image (GIMP_DRAWABLE (mask), values, babl_format ("Y u8"));
  return TRUE;
}

static GimpImageType
layer_type (GimpImage *image, gboolean alpha)
{
  switch (gimp_image_get_base_type (image))
    {
    case GIMP_GRAY: return alpha ? GIMP_GRAYA_IMAGE : GIMP_GRAY_IMAGE;
    case GIMP_INDEXED: return alpha ? GIMP_INDEXEDA_IMAGE : GIMP_INDEXED_IMAGE;
    default: return alpha ? GIMP_RGBA_IMAGE : GIMP_RGB_IMAGE;
    }
}

/* -- byte-identical where nothing is selected ---------------------------------------------------------- */

static gboolean
has_transparency (const QiImage *pixels, const QiImage *mask)
{
  for (guint y = 0; qi_image_channels (pixels) == 4 && y < qi_image_height (pixels); y++)
    {
      const guint8 *row = qi_image_row (pixels, y), *shown = mask ? qi_image_row (mask, y) : NULL;

      for (guint x = 0; x < qi_image_width (pixels); x++)
        if (row[x * 4 + 3] != 255 && (!shown || shown[x]))
          return TRUE;
    }
  return FALSE;
}

static gboolean
is_visible (GimpItem *item)
{
  for (; item; item = gimp_item_get_parent (item))
    if (!gimp_item_get_visible (item))
      return FALSE;
  return TRUE;
}

/* Some layer from position on, in parent or at the root, shows. */
static gboolean
something_below (GimpImage *image, GimpItem *parent, gint position)
{
  g_autofree GimpItem **items = parent ? gimp_item_get_children (parent) : (GimpItem **) gimp_image_get_layers (image);

  for (gint i = 0; items && items[i]; i++)
    if (i >= position && gimp_item_get_visible (items[i]))
      return TRUE;
  return FALSE;
}

/* pixels as nothing at all where mask is 0: GIMP copies the lowest layer as it is, hidden colors too. (transfer full) */
static QiImage *
cut_out (const QiImage *pixels, const QiImage *mask)
{
  const guint width = qi_image_width (pixels), height = qi_image_height (pixels);
  g_autoptr (QiImage) rgba = qi_pixels_convert (pixels, 4);
  guint8 *cut = qi_pixels_alloc (width, height, 4);

  for (guint y = 0; y < height; y++)
    {
      const guint8 *row = qi_image_row (rgba, y), *shown = qi_image_row (mask, y);

      for (guint x = 0; x < width; x++)
        if (shown[x])
          memcpy (cut + ((gsize) y * width + x) * 4, row + (gsize) x * 4, 4);
    }
  return qi_pixels_take (width, height, 4, cut);
}

/* result's pixels as they go into a layer at that place. (transfer full) */
static QiImage *
fitted_pixels (GimpImage *image, GimpItem *parent, gint position, const QiHostResult *result)
{
  return result->mask && !something_below (image, parent, position) ? cut_out (result->pixels, result->mask)
                                                                    : qi_image_ref (result->pixels);
}

/* -- layers ------------------------------------------------------------------------------------------ */

/* Layers are mixed in linear light, and floats of another kind come back from there a little different, also where a mask lets
 * nothing through. The older mode mixes them as they are. */
static GimpLayerMode
layer_mode (GimpImage *image)
{
  switch (gimp_image_get_precision (image))
    {
    case GIMP_PRECISION_FLOAT_NON_LINEAR:
    case GIMP_PRECISION_FLOAT_PERCEPTUAL:
    case GIMP_PRECISION_DOUBLE_NON_LINEAR:
    case GIMP_PRECISION_DOUBLE_PERCEPTUAL:
      return GIMP_LAYER_MODE_NORMAL_LEGACY;
    default:
      return gimp_image_get_default_new_layer_mode (image);
    }
}

/* Complete before it is in the image: then the insert alone is the undo step, and redo brings back everything. */
static GimpLayer *
new_layer (GimpImage *image, const QiHostResult *result, gboolean alpha, gboolean above, GError **error)
{
  GimpLayer *layer = gimp_layer_new (image, result->name, (gint) qi_image_width (result->pixels),
                                     (gint) qi_image_height (result->pixels), layer_type (image, alpha), 100,
                                     result->mask ? layer_mode (image) : gimp_image_get_default_new_layer_mode (image));

  if (!layer)
    {
      refused (error, "a new layer");
      return NULL;
    }
  gimp_layer_set_offsets (layer, result->x, result->y);
  /* An edit keeps what is transparent: laid over itself, half transparent would become three quarters. */
  if ((result->request->task == QI_TASK_EDIT || result->request->task == QI_TASK_FILL) && above
      && has_transparency (result->pixels, result->mask))
    gimp_layer_set_composite_mode (layer, GIMP_LAYER_COMPOSITE_CLIP_TO_BACKDROP);
  write_pixels (layer, result->pixels);
  if (result->hidden)
    gimp_item_set_visible (GIMP_ITEM (layer), FALSE);
  if ((result->mask && !write_mask (layer, result->mask, error)) || !qi_memory_attach (layer, result))
    {
      if (error && !*error)
        refused (error, "to attach what the layer remembers");
      gimp_item_delete (GIMP_ITEM (layer));
      return NULL;
    }
  return layer;
}

/* Where in the stack something goes. */
typedef struct
{
  GimpItem *above, *parent;
  gint position;
} Spot;

static gboolean
insert_at (GimpImage *image, GimpLayer *layer, GimpItem *parent, gint position, GError **error)
{
  if (gimp_image_insert_layer (image, layer, (GimpLayer *) parent, position))
    return TRUE;
  refused (error, "to insert the layer");
  gimp_item_delete (GIMP_ITEM (layer));
  return FALSE;
}

static GimpLayer *
insert_one (GimpImage *image, const Spot *spot, const QiHostResult *result, GError **error)
{
  QiHostResult fitted = *result;
  GimpLayer *layer;

  fitted.pixels = fitted_pixels (image, spot->parent, spot->position, result);
  layer = new_layer (image, &fitted, TRUE, spot->above ? is_visible (spot->above) : something_below (image, NULL, 0), error);
  qi_image_unref (fitted.pixels);
  return layer && insert_at (image, layer, spot->parent, spot->position, error) ? layer : NULL;
}

/* A group with a stack of layers in it; each of them remembers the job as the group does. */
static GimpLayer *
insert_stack (GimpImage *image, const Spot *spot, const QiHostResult *result, GError **error)
{
  GimpLayer *group = GIMP_LAYER (gimp_group_layer_new (image, result->name));
  gboolean ok = group && (qi_memory_attach (group, result) || refused (error, "to attach what the layer remembers"));

  if (!group)
    refused (error, "a new group");
  if (ok && result->hidden)
    gimp_item_set_visible (GIMP_ITEM (group), FALSE);
  if (!ok || !insert_at (image, group, spot->parent, spot->position, error))
    return NULL;
  for (guint i = 0; ok && i < result->layers->len; i++)
    {
      g_autofree char *name = g_strdup_printf (_("Layer %u"), i + 1);
      QiHostResult part = *result;
      GimpLayer *layer;

      part.name = name;
      part.pixels = result->layers->pdata[i];
      part.hidden = FALSE;
      layer = new_layer (image, &part, TRUE, FALSE, error);
      /* At soft edges layers add up to the original as their bytes do (compose/layers.h), not as light does. */
      if (layer)
        gimp_layer_set_composite_space (layer, GIMP_LAYER_COLOR_SPACE_RGB_PERCEPTUAL);
      ok = layer && insert_at (image, layer, GIMP_ITEM (group), 0, error);
    }
  if (ok)
    return group;
  gimp_image_remove_layer (image, group);
  return NULL;
}

/* From one canvas to another one, which is told in pixels of the first. */
static gboolean
resize_canvas (GimpImage *image, const QiRect *to)
{
  return gimp_image_resize (image, to->width, to->height, -to->x, -to->y);
}

/* The canvas grows, then the layer goes in; where that fails the canvas is what it was. */
static GimpLayer *
insert_grown (GimpImage *image, const Spot *spot, const QiHostResult *result, GError **error)
{
  const QiRect back = { -result->grown.x, -result->grown.y, gimp_image_get_width (image), gimp_image_get_height (image) };
  QiHostResult settled = *result;
  GimpLayer *layer;

  if (!resize_canvas (image, &result->grown))
    {
      refused (error, "to make the canvas larger");
      return NULL;
    }
  qi_host_result_settle (&settled);
  layer = insert_one (image, spot, &settled, error);
  if (!layer)
    resize_canvas (image, &back);
  return layer;
}

GimpLayer *
qi_place_insert (GimpImage *image, GimpLayer *target, const QiHostResult *result, GError **error)
{
  g_auto (Selected) selected = { gimp_image_get_selected_layers (image), gimp_image_get_selected_channels (image) };
  const gboolean grows = !qi_rect_is_empty (&result->grown);
  Spot spot = { 0 };
  GimpLayer *layer;

  if (target && gimp_item_get_image (GIMP_ITEM (target)) == image)
    {
      spot.above = GIMP_ITEM (target);
      spot.parent = gimp_item_get_parent (spot.above);
      spot.position = gimp_image_get_item_position (image, spot.above);
    }
  if (grows || result->layers)
    gimp_image_undo_group_start (image);
  layer = (grows ? insert_grown : result->layers ? insert_stack : insert_one) (image, &spot, result, error);
  restore_selected (image, &selected);
  if (grows || result->layers)
    gimp_image_undo_group_end (image);
  if (!layer)
    return NULL;
  gimp_displays_flush ();
  return layer;
}

GimpImage *
qi_place_open (const QiHostResult *result, gboolean shown, GError **error)
{
  GimpImage *image = gimp_image_new_with_precision ((gint) qi_image_width (result->pixels),
                                                    (gint) qi_image_height (result->pixels), GIMP_RGB,
                                                    GIMP_PRECISION_U8_NON_LINEAR);
  GimpLayer *layer;

  gimp_image_undo_disable (image);
  layer = result->layers ? insert_stack (image, &(const Spot){ 0 }, result, error)
                         : new_layer (image, result, qi_image_channels (result->pixels) == 4, FALSE, error);
  if (!layer || (!result->layers && !insert_at (image, layer, NULL, 0, error)))
    {
      gimp_image_delete (image);
      return NULL;
    }
  gimp_image_undo_enable (image);
  if (shown)
    gimp_display_new (image);
  return image;
}

static gboolean
rewrite (GimpLayer *layer, const QiHostResult *result, GError **error)
{
  const QiRect at = qi_layer_rect (layer);
  const gint width = (gint) qi_image_width (result->pixels), height = (gint) qi_image_height (result->pixels);

  if ((at.width != width || at.height != height || at.x != result->x || at.y != result->y)
      && !gimp_layer_resize (layer, width, height, at.x - result->x, at.y - result->y))
    return refused (error, "to change the size of the layer");
  write_pixels (layer, result->pixels);
  if (result->mask && !write_mask (layer, result->mask, error))
    return FALSE;
  if (!result->mask && gimp_layer_get_mask (layer))
    gimp_layer_remove_mask (layer, GIMP_MASK_DISCARD);
  gimp_item_set_name (GIMP_ITEM (layer), result->name);
  return qi_memory_attach (layer, result) || refused (error, "to attach what the layer remembers");
}

gboolean
qi_place_rewrite (GimpLayer *layer, const QiHostResult *result, GError **error)
{
  GimpImage *image = gimp_item_get_image (GIMP_ITEM (layer));
  QiHostResult fitted = *result;
  gboolean ok;

  fitted.pixels = fitted_pixels (image, gimp_item_get_parent (GIMP_ITEM (layer)),
                                 gimp_image_get_item_position (image, GIMP_ITEM (layer)) + 1, result);
  gimp_image_undo_freeze (image);
  ok = rewrite (layer, &fitted, error);
  gimp_image_undo_thaw (image);
  qi_image_unref (fitted.pixels);
  gimp_displays_flush ();
  return ok;
}

/* -- fingerprint ------------------------------------------------------------------------------------- */

static void
add_drawable (GChecksum *sum, GimpDrawable *drawable)
{
  g_autoptr (GeglBuffer) buffer = gimp_drawable_get_buffer (drawable);
  const Babl *format = gegl_buffer_get_format (buffer);
  const gint width = gegl_buffer_get_width (buffer), height = gegl_buffer_get_height (buffer);
  const gsize row = (gsize) width * (gsize) babl_format_get_bytes_per_pixel (format);
  g_autofree guint8 *strip = g_malloc (row * 64);

  for (gint y = 0; y < height; y += 64)
    {
      const gint n = MIN (64, height - y);

      gegl_buffer_get (buffer, GEGL_RECTANGLE (0, y, width, n), 1.0, format, strip, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
      g_checksum_update (sum, strip, (gssize) (row * (gsize) n));
    }
}

char *
qi_place_fingerprint (GimpLayer *layer)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  GimpLayerMask *mask = gimp_layer_get_mask (layer);
  const QiRect at = qi_layer_rect (layer);

  g_checksum_update (sum, (const guchar *) &at, sizeof at);
  add_drawable (sum, GIMP_DRAWABLE (layer));
  if (mask)
    add_drawable (sum, GIMP_DRAWABLE (mask));
  return g_strdup (g_checksum_get_string (sum));
}
