/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/host.h"

#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "plugin/layers.h"
#include "plugin/memory.h"
#include "plugin/place.h"
#include "plugin/watch.h"

struct _QiGimpHost
{
  GObject parent;
  QiWatch *watch;
  GHashTable *written; /* layer id → fingerprint of what was last written there */
  gboolean shown;
};

static void host_interface_init (QiHostInterface *interface);
G_DEFINE_FINAL_TYPE_WITH_CODE (QiGimpHost, qi_gimp_host, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (QI_TYPE_HOST, host_interface_init))

QiHost *
qi_gimp_host_new (gboolean shown)
{
  QiGimpHost *self = g_object_new (QI_TYPE_GIMP_HOST, NULL);

  self->shown = shown;
  return QI_HOST (self);
}

static void
qi_gimp_host_init (QiGimpHost *self)
{
  self->watch = qi_watch_new ();
  self->written = g_hash_table_new_full (NULL, NULL, NULL, g_free);
}

static void
qi_gimp_host_finalize (GObject *object)
{
  QiGimpHost *self = QI_GIMP_HOST (object);

  qi_watch_free (self->watch);
  g_hash_table_unref (self->written);
  G_OBJECT_CLASS (qi_gimp_host_parent_class)->finalize (object);
}

static void
qi_gimp_host_class_init (QiGimpHostClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = qi_gimp_host_finalize;
}

/* An image that is open, else QI_HOST_ERROR_IMAGE_GONE. GIMP shows a dialog of its own for a call about a closed one. */
static GimpImage *
open_image (gint id, GError **error)
{
  GimpImage *image = qi_image_by_id (id);

  if (!image)
    g_set_error_literal (error, QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_GONE, _("The image was closed."));
  return image;
}

/* -- looking ----------------------------------------------------------------------------------------- */

static gint
by_id (gconstpointer a, gconstpointer b)
{
  return (*(QiHostImage *const *) a)->id - (*(QiHostImage *const *) b)->id;
}

static GPtrArray *
host_images (QiHost *host)
{
  g_autofree GimpImage **images = gimp_get_images ();
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_image_free);

  for (guint i = 0; images && images[i]; i++)
    {
      QiHostImage *about = g_new0 (QiHostImage, 1);

      qi_watch_image (QI_GIMP_HOST (host)->watch, gimp_image_get_id (images[i]), about);
      g_ptr_array_add (list, about);
    }
  g_ptr_array_sort (list, by_id);
  return list;
}

static gboolean
shows (GimpItem *item)
{
  for (; item; item = gimp_item_get_parent (item))
    if (!gimp_item_get_visible (item))
      return FALSE;
  return TRUE;
}

/* Words of a text layer; those with markup without it. (transfer full) */
static char *
words_of (GimpTextLayer *layer)
{
  char *text = gimp_text_layer_get_text (layer);
  g_autofree char *markup = text && *text ? NULL : gimp_text_layer_get_markup (layer);
  char *plain = NULL;

  if (!markup || !pango_parse_markup (markup, -1, 0, NULL, &plain, NULL, NULL))
    return text;
  g_free (text);
  return plain;
}

static void
fill_layer (GimpLayer *layer, QiHostLayer *about)
{
  about->id = gimp_item_get_id (GIMP_ITEM (layer));
  about->name = gimp_item_get_name (GIMP_ITEM (layer));
  about->rect = qi_layer_rect (layer);
  about->kind = gimp_item_is_group (GIMP_ITEM (layer)) ? QI_HOST_GROUP
                : GIMP_IS_TEXT_LAYER (layer)           ? QI_HOST_TEXT
                                                       : QI_HOST_RASTER;
  about->visible = shows (GIMP_ITEM (layer));
  about->ours = qi_memory_has (layer);
  about->words = about->kind == QI_HOST_TEXT ? words_of (GIMP_TEXT_LAYER (layer)) : NULL;
}

/* layers and, after each group, what is in it. */
static void
add_layers (GPtrArray *list, GimpItem *const *items)
{
  for (guint i = 0; items && items[i]; i++)
    {
      QiHostLayer *about = g_new0 (QiHostLayer, 1);

      fill_layer (GIMP_LAYER (items[i]), about);
      g_ptr_array_add (list, about);
      if (about->kind == QI_HOST_GROUP)
        {
          g_autofree GimpItem **children = gimp_item_get_children (items[i]);

          add_layers (list, children);
        }
    }
}

static GPtrArray *
host_layers (QiHost *host, gint id)
{
  GimpImage *image = qi_image_by_id (id);
  g_autofree GimpLayer **layers = image ? gimp_image_get_layers (image) : NULL;
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_layer_free);

  add_layers (list, (GimpItem *const *) layers);
  return list;
}

#define MIN_BORDER 16 /* pixels: less is no border */

/* The layer fills its rectangle, which leaves a border of the canvas, and nothing else can be seen there. */
static gboolean
is_bordered (GimpImage *image, GimpLayer *layer, const QiHostView *view)
{
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };
  const QiRect at = view->layer.rect, seen = qi_rect_intersect (&at, &canvas);
  g_autofree GimpLayer **layers = NULL;

  if (!qi_rect_equal (&at, &seen) || view->layer.kind == QI_HOST_GROUP || view->layer.empty || !view->layer.visible
      || MAX (MAX (at.x, at.y), MAX (canvas.width - at.x - at.width, canvas.height - at.y - at.height)) < MIN_BORDER)
    return FALSE;
  layers = gimp_image_get_layers (image);
  for (guint i = 0; layers && layers[i]; i++)
    {
      const QiRect other = qi_layer_rect (layers[i]), both = qi_rect_union (&other, &at);

      if (gimp_item_get_visible (GIMP_ITEM (layers[i])) && !qi_rect_equal (&both, &at))
        return FALSE;
    }
  return qi_layer_is_opaque (layer);
}

static QiHostView *
host_look (QiHost *host, gint id)
{
  GimpImage *image = qi_image_by_id (id);
  g_autofree GimpDrawable **drawables = image ? gimp_image_get_selected_drawables (image) : NULL;
  GimpLayer *layer = qi_layers_topmost (drawables);
  QiHostView *view = g_new0 (QiHostView, 1);

  view->layer.id = QI_HOST_NONE;
  if (qi_watch_view (QI_GIMP_HOST (host)->watch, id, layer, view) && layer)
    {
      fill_layer (layer, &view->layer);
      view->bordered = is_bordered (image, layer, view);
    }
  return view;
}

static QiImage *
host_read (QiHost *host, gint image_id, gint layer_id, gint except_id, const QiRect *rect, gint width, gint height,
           GError **error)
{
  GimpImage *image = open_image (image_id, error);
  GimpLayer *layer = image ? qi_layer_by_id (layer_id) : NULL;

  if (!image)
    return NULL;
  if (layer_id != QI_HOST_NONE && !layer)
    {
      g_set_error_literal (error, QI_HOST_ERROR, QI_HOST_ERROR_LAYER_GONE, _("The layer was deleted."));
      return NULL;
    }
  return qi_layers_read (image, layer, qi_layer_by_id (except_id), rect, (guint) width, (guint) height, error);
}

static QiImage *
host_read_selection (QiHost *host, gint image_id, gint mask_layer_id, const QiRect *rect, gint width, gint height,
                     GError **error)
{
  GimpImage *image = open_image (image_id, error);
  GimpLayer *layer = image ? qi_layer_by_id (mask_layer_id) : NULL;

  if (!image)
    return NULL;
  if (mask_layer_id != QI_HOST_NONE && !layer)
    {
      g_set_error_literal (error, QI_HOST_ERROR, QI_HOST_ERROR_LAYER_GONE, _("The layer was deleted."));
      return NULL;
    }
  return qi_layers_read_mask (image, layer, rect, (guint) width, (guint) height, error);
}

/* -- writing ----------------------------------------------------------------------------------------- */

static void
remember_written (QiGimpHost *self, GimpLayer *layer)
{
  g_hash_table_insert (self->written, GINT_TO_POINTER (gimp_item_get_id (GIMP_ITEM (layer))), qi_place_fingerprint (layer));
}

/* Canvas and mode are what they were when the job began. */
static gboolean
fits (QiGimpHost *self, const QiHostResult *result, GError **error)
{
  QiHostImage now;
  const gboolean open = qi_watch_image (self->watch, result->image, &now);
  const gboolean same = qi_rect_is_empty (&result->canvas)
                        || (now.width == result->canvas.width && now.height == result->canvas.height
                            && now.mode == result->mode);

  if (!open)
    g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_GONE, _("“%s” was closed."), now.name ? now.name : "");
  else if (!same)
    g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_CHANGED, _("“%s” has %d × %d pixels now, or another mode."),
                 now.name, now.width, now.height);
  g_free (now.name);
  return open && same;
}

static gint
host_insert (QiHost *host, const QiHostResult *result, GError **error)
{
  QiGimpHost *self = QI_GIMP_HOST (host);
  GimpLayer *layer, *above = qi_layer_by_id (result->above);

  if (!fits (self, result, error))
    return QI_HOST_NONE;
  layer = qi_place_insert (qi_image_by_id (result->image), above ? above : qi_layer_by_id (result->target), result, error);
  if (!layer)
    return QI_HOST_NONE;
  remember_written (self, layer);
  return gimp_item_get_id (GIMP_ITEM (layer));
}

static gboolean
host_untouched (QiHost *host, gint id)
{
  GimpLayer *layer = qi_layer_by_id (id);
  const char *then = g_hash_table_lookup (QI_GIMP_HOST (host)->written, GINT_TO_POINTER (id));
  g_autofree char *now = layer && then ? qi_place_fingerprint (layer) : NULL;

  return now && g_str_equal (now, then);
}

static gboolean
host_rewrite (QiHost *host, gint id, const QiHostResult *result, GError **error)
{
  GimpLayer *layer = qi_layer_by_id (id);

  if (!host_untouched (host, id))
    return FALSE;
  if (!qi_place_rewrite (layer, result, error))
    return FALSE;
  remember_written (QI_GIMP_HOST (host), layer);
  return TRUE;
}

static gboolean
host_remove (QiHost *host, gint id, GError **error)
{
  GimpLayer *layer = qi_layer_by_id (id);
  GimpImage *image = layer ? gimp_item_get_image (GIMP_ITEM (layer)) : NULL;

  if (!layer)
    return FALSE;
  if (!gimp_image_remove_layer (image, layer))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "GIMP refused to delete the layer (%s).",
                   gimp_pdb_get_last_error (gimp_get_pdb ()));
      return FALSE;
    }
  gimp_displays_flush ();
  return TRUE;
}

static gint
host_open (QiHost *host, const QiHostResult *result, GError **error)
{
  GimpImage *image = qi_place_open (result, QI_GIMP_HOST (host)->shown, error);

  return image ? gimp_image_get_id (image) : QI_HOST_NONE;
}

static QiHostMemory *
host_remembered (QiHost *host, gint image_id, gint layer_id, GError **error)
{
  GimpImage *image = open_image (image_id, error);
  GimpLayer *layer = image ? qi_layer_by_id (layer_id) : NULL;

  if (!image)
    return NULL;
  if (!layer)
    {
      g_set_error_literal (error, QI_HOST_ERROR, QI_HOST_ERROR_LAYER_GONE, _("The layer was deleted."));
      return NULL;
    }
  QiHostMemory *memory = qi_memory_of (layer, error);
  if (memory) /* as by script: the frame that was used, and what the mask shows */
    qi_memory_selection (memory, memory->request, &memory->mask_layer, &memory->bounds);
  return memory;
}

static gboolean
host_grow_selection (QiHost *host, gint id, gint pixels, GError **error)
{
  GimpImage *image = open_image (id, error);
  const gboolean ok = image && gimp_selection_grow (image, pixels);

  if (image)
    gimp_displays_flush ();
  return ok;
}

static gboolean
host_convert_to_rgb (QiHost *host, gint id, GError **error)
{
  GimpImage *image = open_image (id, error);
  const gboolean ok = image && gimp_image_convert_rgb (image);

  if (image)
    gimp_displays_flush ();
  return ok;
}

static void
host_interface_init (QiHostInterface *interface)
{
  interface->images = host_images;
  interface->layers = host_layers;
  interface->look = host_look;
  interface->read = host_read;
  interface->read_selection = host_read_selection;
  interface->insert = host_insert;
  interface->rewrite = host_rewrite;
  interface->remove = host_remove;
  interface->untouched = host_untouched;
  interface->open = host_open;
  interface->remembered = host_remembered;
  interface->grow_selection = host_grow_selection;
  interface->convert_to_rgb = host_convert_to_rgb;
}
