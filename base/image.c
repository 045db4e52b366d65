/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/image.h"

struct _QiImage
{
  gatomicrefcount ref_count;
  guint width, height, channels;
  gsize stride;
  GBytes *pixels;
};

/* Bytes the pixels must hold; FALSE when that overflows. */
static gboolean
needed_bytes (guint width, guint height, guint channels, gsize stride, gsize *bytes)
{
  const gsize row = (gsize) width * channels; /* fits: a guint times at most 4 */

  if (stride < row || (height > 1 && stride > (G_MAXSIZE - row) / (height - 1)))
    return FALSE;
  *bytes = stride * (height - 1) + row;
  return TRUE;
}

QiImage *
qi_image_new (guint width, guint height, guint channels, gsize stride, GBytes *pixels)
{
  gsize bytes = 0;

  g_return_val_if_fail (width > 0 && height > 0, NULL);
  g_return_val_if_fail (channels == 1 || channels == 3 || channels == 4, NULL);
  g_return_val_if_fail (needed_bytes (width, height, channels, stride, &bytes), NULL);
  g_return_val_if_fail (pixels && g_bytes_get_size (pixels) >= bytes, NULL);

  QiImage *image = g_new0 (QiImage, 1);

  g_atomic_ref_count_init (&image->ref_count);
  image->width = width;
  image->height = height;
  image->channels = channels;
  image->stride = stride;
  image->pixels = g_bytes_ref (pixels);
  return image;
}

QiImage *
qi_image_ref (QiImage *image)
{
  g_atomic_ref_count_inc (&image->ref_count);
  return image;
}

void
qi_image_unref (QiImage *image)
{
  if (!image || !g_atomic_ref_count_dec (&image->ref_count))
    return;
  g_bytes_unref (image->pixels);
  g_free (image);
}

guint
qi_image_width (const QiImage *image)
{
  return image->width;
}

guint
qi_image_height (const QiImage *image)
{
  return image->height;
}

guint
qi_image_channels (const QiImage *image)
{
  return image->channels;
}

gsize
qi_image_stride (const QiImage *image)
{
  return image->stride;
}

const guint8 *
qi_image_row (const QiImage *image, guint y)
{
  g_return_val_if_fail (y < image->height, NULL);

  return (const guint8 *) g_bytes_get_data (image->pixels, NULL) + image->stride * y;
}
