/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/host.h"

G_DEFINE_QUARK (qi - host - error - quark, qi_host_error)
G_DEFINE_INTERFACE (QiHost, qi_host, G_TYPE_OBJECT)

static void
qi_host_default_init (QiHostInterface *iface)
{
}

GPtrArray *
qi_host_images (QiHost *host)
{
  return QI_HOST_GET_IFACE (host)->images (host);
}

GPtrArray *
qi_host_layers (QiHost *host, gint image)
{
  return QI_HOST_GET_IFACE (host)->layers (host, image);
}

QiHostView *
qi_host_look (QiHost *host, gint image)
{
  return QI_HOST_GET_IFACE (host)->look (host, image);
}

QiImage *
qi_host_read (QiHost *host,
              gint image,
              gint layer,
              gint except,
              const QiRect *rect,
              gint width,
              gint height,
              GError **error)
{
  g_return_val_if_fail (rect && rect->width > 0 && rect->height > 0 && width > 0 && height > 0, NULL);
  return QI_HOST_GET_IFACE (host)->read (host, image, layer, except, rect, width, height, error);
}

QiImage *
qi_host_read_selection (QiHost *host,
                        gint image,
                        gint mask_layer,
                        const QiRect *rect,
                        gint width,
                        gint height,
                        GError **error)
{
  g_return_val_if_fail (rect && rect->width > 0 && rect->height > 0 && width > 0 && height > 0, NULL);
  return QI_HOST_GET_IFACE (host)->read_selection (host, image, mask_layer, rect, width, height, error);
}

gint
qi_host_insert (QiHost *host, const QiHostResult *result, GError **error)
{
  return QI_HOST_GET_IFACE (host)->insert (host, result, error);
}

gboolean
qi_host_rewrite (QiHost *host, gint layer, const QiHostResult *result, GError **error)
{
  return QI_HOST_GET_IFACE (host)->rewrite (host, layer, result, error);
}

gboolean
qi_host_remove (QiHost *host, gint layer, GError **error)
{
  return QI_HOST_GET_IFACE (host)->remove (host, layer, error);
}

gboolean
qi_host_untouched (QiHost *host, gint layer)
{
  return QI_HOST_GET_IFACE (host)->untouched (host, layer);
}

gint
qi_host_open (QiHost *host, const QiHostResult *result, GError **error)
{
  return QI_HOST_GET_IFACE (host)->open (host, result, error);
}

QiHostMemory *
qi_host_remembered (QiHost *host, gint image, gint layer, GError **error)
{
  return QI_HOST_GET_IFACE (host)->remembered (host, image, layer, error);
}

gboolean
qi_host_grow_selection (QiHost *host, gint image, gint pixels, GError **error)
{
  return QI_HOST_GET_IFACE (host)->grow_selection (host, image, pixels, error);
}

gboolean
qi_host_convert_to_rgb (QiHost *host, gint image, GError **error)
{
  return QI_HOST_GET_IFACE (host)->convert_to_rgb (host, image, error);
}

void
qi_host_image_free (QiHostImage *image)
{
  if (!image)
    return;
  g_free (image->name);
  g_free (image);
}

void
qi_host_layer_free (QiHostLayer *layer)
{
  if (!layer)
    return;
  g_free (layer->name);
  g_free (layer->words);
  g_free (layer);
}

void
qi_host_view_free (QiHostView *view)
{
  if (!view)
    return;
  g_free (view->image.name);
  g_free (view->layer.name);
  g_free (view->layer.words);
  g_free (view);
}

QiHostReference *
qi_host_reference_copy (const QiHostReference *reference)
{
  QiHostReference *copy = g_memdup2 (reference, sizeof *reference);

  copy->path = g_strdup (reference->path);
  copy->name = g_strdup (reference->name);
  return copy;
}

void
qi_host_reference_free (QiHostReference *reference)
{
  if (!reference)
    return;
  g_free (reference->path);
  g_free (reference->name);
  g_free (reference);
}

QiHostResult *
qi_host_result_new (void)
{
  QiHostResult *result = g_new0 (QiHostResult, 1);

  result->image = result->target = result->above = QI_HOST_NONE;
  return result;
}

QiHostResult *
qi_host_result_copy (const QiHostResult *from)
{
  QiHostResult *copy = g_memdup2 (from, sizeof *from);

  copy->pixels = from->pixels ? qi_image_ref (from->pixels) : NULL;
  copy->mask = from->mask ? qi_image_ref (from->mask) : NULL;
  copy->layers = from->layers ? g_ptr_array_ref (from->layers) : NULL;
  copy->request = from->request ? qi_request_copy (from->request) : NULL;
  copy->references = from->references ? g_ptr_array_ref (from->references) : NULL;
  copy->name = g_strdup (from->name);
  copy->model = g_strdup (from->model);
  copy->model_hash = g_strdup (from->model_hash);
  return copy;
}

void
qi_host_result_settle (QiHostResult *result)
{
  const QiRect grown = result->grown;

  if (qi_rect_is_empty (&grown))
    return;
  result->x -= grown.x;
  result->y -= grown.y;
  result->frame.x -= grown.x;
  result->frame.y -= grown.y;
  result->canvas = (QiRect){ 0, 0, grown.width, grown.height };
  result->grown = (QiRect){ 0 };
}

void
qi_host_result_free (QiHostResult *result)
{
  if (!result)
    return;
  g_clear_pointer (&result->layers, g_ptr_array_unref);
  g_clear_pointer (&result->pixels, qi_image_unref);
  g_clear_pointer (&result->mask, qi_image_unref);
  g_clear_pointer (&result->request, qi_request_free);
  g_clear_pointer (&result->references, g_ptr_array_unref);
  g_free (result->name);
  g_free (result->model);
  g_free (result->model_hash);
  g_free (result);
}

void
qi_host_memory_free (QiHostMemory *memory)
{
  if (!memory)
    return;
  g_clear_pointer (&memory->request, qi_request_free);
  g_clear_pointer (&memory->references, g_ptr_array_unref);
  g_free (memory);
}
