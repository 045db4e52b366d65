/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/watch.h"

#include <string.h>

#include "plugin/layers.h"

#define THUMBNAIL 128 /* pixels of the longer side */

/* A number that is another one whenever what it was made from is. */
typedef struct
{
  guint hash;
  guint64 serial;
} Mark;

typedef struct
{
  char *name;
  Mark person, selection, pixels;
  guint64 soft_at, empty_at; /* serials of selection and pixels for which soft and empty were found */
  gboolean soft, empty;
  gint empty_layer;
} Seen;

struct _QiWatch
{
  GHashTable *seen; /* image id → Seen */
  guint64 serial;
};

static void
seen_free (Seen *seen)
{
  g_free (seen->name);
  g_free (seen);
}

QiWatch *
qi_watch_new (void)
{
  QiWatch *watch = g_new0 (QiWatch, 1);

  watch->seen = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) seen_free);
  return watch;
}

void
qi_watch_free (QiWatch *watch)
{
  if (!watch)
    return;
  g_hash_table_unref (watch->seen);
  g_free (watch);
}

static Seen *
seen_of (QiWatch *watch, gint id)
{
  Seen *seen = g_hash_table_lookup (watch->seen, GINT_TO_POINTER (id));

  if (!seen)
    {
      seen = g_new0 (Seen, 1);
      g_hash_table_insert (watch->seen, GINT_TO_POINTER (id), seen);
    }
  return seen;
}

static guint64
mark (QiWatch *watch, Mark *at, guint hash)
{
  if (at->serial == 0 || at->hash != hash)
    *at = (Mark){ hash, ++watch->serial };
  return at->serial;
}

static guint
mix (guint hash, gint value)
{
  return hash * 31 + (guint) value;
}

static guint
mix_rect (guint hash, const QiRect *rect)
{
  return mix (mix (mix (mix (hash, rect->x), rect->y), rect->width), rect->height);
}

static guint
mix_bytes (guint hash, GBytes *bytes)
{
  const guint then = bytes ? hash * 31 + g_bytes_hash (bytes) : hash;

  g_clear_pointer (&bytes, g_bytes_unref);
  return then;
}

static guint
hash_of_selection (GimpImage *image, const QiRect *bounds)
{
  gint w, h, channels;

  if (qi_rect_is_empty (bounds))
    return 0;
  return mix_rect (mix_bytes (1, gimp_drawable_get_thumbnail_data (GIMP_DRAWABLE (gimp_image_get_selection (image)),
                                                                   THUMBNAIL, THUMBNAIL, &w, &h, &channels)),
                   bounds);
}

/* What the person has in hand: not the pixels, which other programs change too. */
static guint
hash_of_person (GimpImage *image, const QiHostImage *about, guint selection)
{
  g_autofree GimpDrawable **drawables = gimp_image_get_selected_drawables (image);
  guint hash = mix (mix (mix (mix (5381, about->width), about->height), (gint) about->mode), (gint) selection);

  for (guint i = 0; drawables && drawables[i]; i++)
    hash = mix (hash, gimp_item_get_id (GIMP_ITEM (drawables[i])));
  return hash;
}

static guint
hash_of_pixels (GimpImage *image, GimpLayer *layer)
{
  gint w = THUMBNAIL, h = THUMBNAIL, channels;
  guint hash = mix_bytes (1, gimp_image_get_thumbnail_data (image, &w, &h, &channels));

  if (layer)
    {
      const QiRect at = qi_layer_rect (layer);

      hash = mix_rect (mix_bytes (hash, gimp_drawable_get_thumbnail_data (GIMP_DRAWABLE (layer), THUMBNAIL, THUMBNAIL, &w,
                                                                          &h, &channels)),
                       &at);
    }
  return hash;
}

static QiHostMode
mode_of (GimpImage *image)
{
  switch (gimp_image_get_base_type (image))
    {
    case GIMP_GRAY: return QI_HOST_GRAY;
    case GIMP_INDEXED: return QI_HOST_INDEXED;
    default: return QI_HOST_RGB;
    }
}

static guint
n_colors_of (GimpImage *image)
{
  GimpPalette *palette = gimp_image_get_base_type (image) == GIMP_INDEXED ? gimp_image_get_palette (image) : NULL;

  return palette ? (guint) MAX (0, gimp_palette_get_color_count (palette)) : 0;
}

static gboolean
fill_image (QiWatch *watch, gint id, QiHostImage *about, QiRect *selection, guint *selection_hash)
{
  GimpImage *image = qi_image_by_id (id);
  Seen *seen = seen_of (watch, id);

  *about = (QiHostImage){ .id = QI_HOST_NONE, .name = g_strdup (seen->name) };
  if (!image)
    return FALSE;
  g_free (about->name);
  about->id = id;
  about->name = gimp_image_get_name (image);
  about->width = gimp_image_get_width (image);
  about->height = gimp_image_get_height (image);
  about->mode = mode_of (image);
  about->n_colors = n_colors_of (image);
  g_free (seen->name);
  seen->name = g_strdup (about->name);
  *selection = qi_selection_rect (image);
  *selection_hash = hash_of_selection (image, selection);
  about->serial = mark (watch, &seen->person, hash_of_person (image, about, *selection_hash));
  return TRUE;
}

gboolean
qi_watch_image (QiWatch *watch, gint id, QiHostImage *about)
{
  QiRect selection;
  guint hash;

  return fill_image (watch, id, about, &selection, &hash);
}

/* Some value is neither 0 nor 255. In strips: the whole of a large image would be much at once. */
static gboolean
is_soft (GimpImage *image, const QiRect *bounds)
{
  for (gint y = 0; y < bounds->height; y += 256)
    {
      const QiRect rect = { bounds->x, bounds->y + y, bounds->width, MIN (256, bounds->height - y) };
      g_autoptr (QiImage) mask = qi_layers_read_mask (image, NULL, &rect, (guint) rect.width, (guint) rect.height, NULL);

      for (gint row = 0; mask && row < rect.height; row++)
        {
          const guint8 *values = qi_image_row (mask, (guint) row);

          for (gint x = 0; x < rect.width; x++)
            if (values[x] != 0 && values[x] != 255)
              return TRUE;
        }
    }
  return FALSE;
}

gboolean
qi_watch_view (QiWatch *watch, gint id, GimpLayer *layer, QiHostView *view)
{
  guint selection_hash;
  GimpImage *image = qi_image_by_id (id);
  Seen *seen = seen_of (watch, id);
  const gint layer_id = layer ? gimp_item_get_id (GIMP_ITEM (layer)) : QI_HOST_NONE;

  if (!fill_image (watch, id, &view->image, &view->selection, &selection_hash))
    return FALSE;
  view->selection_serial = mark (watch, &seen->selection, selection_hash);
  view->pixels_serial = mark (watch, &seen->pixels, mix (hash_of_pixels (image, layer), layer_id));
  if (seen->soft_at != view->selection_serial)
    {
      seen->soft = is_soft (image, &view->selection);
      seen->soft_at = view->selection_serial;
    }
  if (layer && (seen->empty_at != view->pixels_serial || seen->empty_layer != layer_id))
    {
      seen->empty = qi_layer_is_empty (layer);
      seen->empty_at = view->pixels_serial;
      seen->empty_layer = layer_id;
    }
  view->soft = seen->soft;
  view->layer.empty = layer && seen->empty;
  return TRUE;
}
