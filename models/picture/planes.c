/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/picture/planes.h"

/* The byte of a channel: of grey the one there is, and an alpha that is missing is 255. */
static guint8
channel (const guint8 *pixel, guint n_channels, guint c)
{
  if (c < n_channels)
    return pixel[c];
  return c == 3 ? 255 : pixel[0];
}

float *
qi_image_to_planes (const QiImage *image, guint channels)
{
  g_return_val_if_fail (channels == 3 || channels == 4, NULL);

  const guint width = qi_image_width (image), height = qi_image_height (image), n = qi_image_channels (image);
  float *planes = g_new (float, (gsize) channels * width * height);

  for (guint c = 0; c < channels; c++)
    for (guint y = 0; y < height; y++)
      {
        const guint8 *row = qi_image_row (image, y);
        float *to = planes + ((gsize) c * height + y) * width;

        for (guint x = 0; x < width; x++)
          to[x] = channel (row + (gsize) x * n, n, c) / 255.0f * 2.0f - 1.0f;
      }
  return planes;
}

static QiImage *
new_image (const QiImage *like, guint channels, guint8 *pixels)
{
  const gsize stride = (gsize) qi_image_width (like) * channels;
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, stride * qi_image_height (like));

  return qi_image_new (qi_image_width (like), qi_image_height (like), channels, stride, bytes);
}

QiImage *
qi_image_to_grey (QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), n = qi_image_channels (image);
  guint8 *pixels, *to;

  if (n == 1)
    return qi_image_ref (image);
  to = pixels = g_malloc ((gsize) width * height);
  for (guint y = 0; y < height; y++)
    {
      const guint8 *p = qi_image_row (image, y);

      for (guint x = 0; x < width; x++, p += n)
        *to++ = (guint8) ((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);
    }
  return new_image (image, 1, pixels);
}

QiImage *
qi_image_to_rgb (QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), n = qi_image_channels (image);
  guint8 *pixels, *to;

  if (n == 3)
    return qi_image_ref (image);
  to = pixels = g_malloc ((gsize) width * height * 3);
  for (guint y = 0; y < height; y++)
    {
      const guint8 *p = qi_image_row (image, y);

      for (guint x = 0; x < width; x++, p += n)
        for (guint c = 0; c < 3; c++)
          *to++ = channel (p, n, c);
    }
  return new_image (image, 3, pixels);
}
