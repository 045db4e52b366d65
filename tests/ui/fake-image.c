/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ui/fake-image.h"

void
fake_layer_free (Layer *layer)
{
  g_free (layer->name);
  g_free (layer->words);
  cairo_surface_destroy (layer->pixels);
  qi_host_result_free (layer->memory);
  g_clear_pointer (&layer->layers, g_ptr_array_unref);
  g_free (layer);
}

void
fake_image_free (Image *image)
{
  g_free (image->image.name);
  g_ptr_array_unref (image->layers);
  g_clear_pointer (&image->selection, cairo_surface_destroy);
  g_free (image);
}

Image *
find_image (QiFakeHost *host, gint id)
{
  for (guint i = 0; i < host->images->len; i++)
    if (((Image *) host->images->pdata[i])->image.id == id)
      return host->images->pdata[i];
  return NULL;
}

Layer *
find_layer (Image *image, gint id)
{
  for (guint i = 0; image && i < image->layers->len; i++)
    if (((Layer *) image->layers->pdata[i])->id == id)
      return image->layers->pdata[i];
  return NULL;
}

void
changed (Image *image, gboolean pixels)
{
  image->image.serial++;
  if (pixels)
    image->pixels_serial++;
}

/* -- what people do ---------------------------------------------------------------------------------- */

gint
qi_fake_host_add_image (QiFakeHost *host, const char *name, int width, int height, QiHostMode mode)
{
  Image *image = g_new0 (Image, 1);

  image->image = (QiHostImage) { .id = ++host->last_id,
                                 .name = g_strdup (name),
                                 .width = width,
                                 .height = height,
                                 .mode = mode,
                                 .n_colors = mode == QI_HOST_INDEXED ? 16 : 0,
                                 .serial = 1 };
  image->layers = g_ptr_array_new_with_free_func ((GDestroyNotify) fake_layer_free);
  image->selected = QI_HOST_NONE;
  g_ptr_array_add (host->images, image);
  return image->image.id;
}

gint
qi_fake_host_add_layer (QiFakeHost *host, gint id, const char *name, QiRect rect, QiFakeDraw draw)
{
  Image *image = find_image (host, id);
  Layer *layer = g_new0 (Layer, 1);

  layer->id = ++host->last_id;
  layer->name = g_strdup (name);
  layer->rect = rect;
  layer->pixels = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, rect.width, rect.height);
  layer->empty = draw == NULL;
  layer->opaque = draw != NULL;
  if (draw)
    {
      cairo_t *cr = cairo_create (layer->pixels);
      draw (cr, rect.width, rect.height);
      cairo_destroy (cr);
    }
  g_ptr_array_insert (image->layers, 0, layer);
  image->selected = layer->id;
  changed (image, TRUE);
  return layer->id;
}

gint
qi_fake_host_add_text (QiFakeHost *host, gint id, const char *name, QiRect rect, const char *words)
{
  Image *image = find_image (host, id);
  const gint selected = image->selected, layer = qi_fake_host_add_layer (host, id, name, rect, NULL);
  Layer *text = find_layer (image, layer);

  text->kind = QI_HOST_TEXT;
  text->words = g_strdup (words);
  text->empty = FALSE;
  image->selected = selected == QI_HOST_NONE ? layer : selected;
  return layer;
}

static cairo_surface_t *
new_selection (Image *image)
{
  g_clear_pointer (&image->selection, cairo_surface_destroy);
  image->selection_serial++;
  changed (image, FALSE);
  return image->selection = cairo_image_surface_create (CAIRO_FORMAT_A8, image->image.width, image->image.height);
}

void
qi_fake_host_select (QiFakeHost *host, gint id, QiRect rect)
{
  Image *image = find_image (host, id);
  cairo_t *cr = cairo_create (new_selection (image));

  cairo_rectangle (cr, rect.x, rect.y, rect.width, rect.height);
  cairo_set_source_rgba (cr, 1, 1, 1, 1);
  cairo_fill (cr);
  cairo_destroy (cr);
  cairo_surface_flush (image->selection);
}

void
qi_fake_host_select_drawn (QiFakeHost *host, gint id, QiFakeDraw draw)
{
  Image *image = find_image (host, id);
  cairo_t *cr = cairo_create (new_selection (image));

  cairo_set_source_rgba (cr, 1, 1, 1, 1);
  draw (cr, image->image.width, image->image.height);
  cairo_destroy (cr);
  cairo_surface_flush (image->selection);
}

void
qi_fake_host_choose_layer (QiFakeHost *host, gint id, gint layer)
{
  Image *image = find_image (host, id);

  image->selected = layer;
  changed (image, FALSE);
}

void
qi_fake_host_rename_layer (QiFakeHost *host, gint id, gint layer, const char *name)
{
  Layer *one = find_layer (find_image (host, id), layer);

  g_free (one->name);
  one->name = g_strdup (name);
}

void
qi_fake_host_delete_layer (QiFakeHost *host, gint id, gint layer)
{
  Image *image = find_image (host, id);

  if (image->selected == layer)
    image->selected = QI_HOST_NONE;
  g_ptr_array_remove (image->layers, find_layer (image, layer));
  image->undo_steps++;
  changed (image, TRUE);
}

void
qi_fake_host_paint (QiFakeHost *host, gint id, gint layer)
{
  Image *image = find_image (host, id);

  find_layer (image, layer)->touched = TRUE;
  image->undo_steps++;
  changed (image, TRUE);
}

void
qi_fake_host_crop (QiFakeHost *host, gint id, int width, int height)
{
  Image *image = find_image (host, id);

  image->image.width = width;
  image->image.height = height;
  changed (image, TRUE);
}

void
qi_fake_host_close (QiFakeHost *host, gint id)
{
  g_ptr_array_remove (host->images, find_image (host, id));
}

/* -- what was done ----------------------------------------------------------------------------------- */

guint
qi_fake_host_n_layers (QiFakeHost *host, gint image)
{
  return find_image (host, image)->layers->len;
}

gint
qi_fake_host_layer_at (QiFakeHost *host, gint image, guint index)
{
  return ((Layer *) find_image (host, image)->layers->pdata[index])->id;
}

char *
qi_fake_host_layer_name (QiFakeHost *host, gint image, gint layer)
{
  return g_strdup (find_layer (find_image (host, image), layer)->name);
}

guint
qi_fake_host_undo_steps (QiFakeHost *host, gint image)
{
  return find_image (host, image)->undo_steps;
}

guint
qi_fake_host_n_in_group (QiFakeHost *host, gint image, gint layer)
{
  const Layer *group = find_layer (find_image (host, image), layer);

  return group->layers ? group->layers->len : 0;
}

QiRect
qi_fake_host_layer_rect (QiFakeHost *host, gint image, gint layer)
{
  return find_layer (find_image (host, image), layer)->rect;
}

guint32
qi_fake_host_pixel (QiFakeHost *host, gint image, gint layer, int x, int y)
{
  const Layer *one = find_layer (find_image (host, image), layer);
  const guint8 *row =
      cairo_image_surface_get_data (one->pixels) + (gsize) y * cairo_image_surface_get_stride (one->pixels);

  return ((const guint32 *) (gconstpointer) row)[x] & 0xffffff;
}

const QiHostResult *
qi_fake_host_memory (QiFakeHost *host, gint image, gint layer)
{
  return find_layer (find_image (host, image), layer)->memory;
}
