/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/pixels.h"

#include <math.h>
#include <string.h>

QiImage *
qi_pixels_take (guint width, guint height, guint channels, guint8 *pixels)
{
  const gsize n_bytes = (gsize) width * height * channels;
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n_bytes);

  return qi_image_new (width, height, channels, (gsize) width * channels, bytes);
}

guint8 *
qi_pixels_alloc (guint width, guint height, guint channels)
{
  return g_malloc0_n ((gsize) width * height, channels);
}

QiImage *
qi_pixels_crop (const QiImage *image, const QiRect *part)
{
  const QiRect whole = { 0, 0, (int) qi_image_width (image), (int) qi_image_height (image) };
  const QiRect inside = qi_rect_intersect (part, &whole);
  const guint channels = qi_image_channels (image);

  g_return_val_if_fail (!qi_rect_is_empty (part) && qi_rect_equal (&inside, part), NULL);

  const gsize row_bytes = (gsize) part->width * channels;
  guint8 *pixels = qi_pixels_alloc ((guint) part->width, (guint) part->height, channels);

  for (int y = 0; y < part->height; y++)
    memcpy (pixels + row_bytes * y, qi_image_row (image, (guint) (part->y + y)) + (gsize) part->x * channels,
            row_bytes);
  return qi_pixels_take ((guint) part->width, (guint) part->height, channels, pixels);
}

/* One pixel to RGBA. */
static void
spread (const guint8 *p, guint channels, guint8 rgba[4])
{
  rgba[0] = p[0];
  rgba[1] = channels == 1 ? p[0] : p[1];
  rgba[2] = channels == 1 ? p[0] : p[2];
  rgba[3] = channels == 4 ? p[3] : 255;
}

QiImage *
qi_pixels_convert (const QiImage *image, guint channels)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), old = qi_image_channels (image);
  guint8 *pixels = qi_pixels_alloc (width, height, channels);

  g_return_val_if_fail (channels == 1 || channels == 3 || channels == 4, NULL);

  for (guint y = 0; y < height; y++)
    {
      const guint8 *from = qi_image_row (image, y);
      guint8 *to = pixels + (gsize) y * width * channels;

      for (guint x = 0; x < width; x++, from += old, to += channels)
        {
          guint8 rgba[4];

          spread (from, old, rgba);
          if (channels < 4 && rgba[3] < 255)
            for (guint c = 0; c < 3; c++)
              rgba[c] = (guint8) ((rgba[c] * rgba[3] + 255 * (255 - rgba[3]) + 127) / 255);
          if (channels == 1 && old > 1)
            rgba[0] = (guint8) ((rgba[0] * 19595 + rgba[1] * 38470 + rgba[2] * 7471 + 32768) >> 16);
          memcpy (to, rgba, channels);
        }
    }
  return qi_pixels_take (width, height, channels, pixels);
}

gboolean
qi_pixels_has_transparency (const QiImage *image)
{
  if (qi_image_channels (image) < 4)
    return FALSE;
  for (guint y = 0; y < qi_image_height (image); y++)
    {
      const guint8 *row = qi_image_row (image, y);

      for (guint x = 0; x < qi_image_width (image); x++)
        if (row[4 * x + 3] < 255)
          return TRUE;
    }
  return FALSE;
}

const float *
qi_pixels_linear (void)
{
  static float table[256];
  static gsize made = 0;

  if (g_once_init_enter (&made))
    {
      for (int i = 0; i < 256; i++)
        {
          const double v = i / 255.0;

          table[i] = (float) (v <= 0.04045 ? v / 12.92 : pow ((v + 0.055) / 1.055, 2.4));
        }
      g_once_init_leave (&made, 1);
    }
  return table;
}

guint8
qi_pixels_from_linear (float value)
{
  const float v = CLAMP (value, 0.f, 1.f);
  const float s = v <= 0.0031308f ? v * 12.92f : 1.055f * powf (v, 1.f / 2.4f) - 0.055f;

  return QI_CLAMP_BYTE (s * 255.f);
}
