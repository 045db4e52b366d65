/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/blend.h"

#include <string.h>

#include "compose/pixels.h"

QiImage *
qi_blend_cut_out (const QiImage *patch, const QiImage *mask)
{
  const guint width = qi_image_width (patch), height = qi_image_height (patch);
  g_autoptr (QiImage) rgba = qi_pixels_convert (patch, 4);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  g_return_val_if_fail (!mask || (qi_image_width (mask) == width && qi_image_height (mask) == height), NULL);

  for (guint y = 0; y < height; y++)
    {
      guint8 *row = pixels + (gsize) y * width * 4;

      memcpy (row, qi_image_row (rgba, y), (gsize) width * 4);
      for (guint x = 0; mask && x < width; x++)
        row[4 * x + 3] = (guint8) ((row[4 * x + 3] * qi_image_row (mask, y)[x] + 127) / 255);
    }
  return qi_pixels_take (width, height, 4, pixels);
}

/* over: RGBA. Both straight; values are weighed in linear light. */
static void
blend_pixel (guint8 *rgba, const guint8 over[4])
{
  const float *linear = qi_pixels_linear ();
  const float a = over[3] / 255.f, b = rgba[3] / 255.f * (1 - a);

  if (over[3] == 255)
    {
      memcpy (rgba, over, 4);
      return;
    }
  for (guint c = 0; c < 3; c++)
    rgba[c] = over[c] == rgba[c] ? over[c]
                                 : qi_pixels_from_linear ((linear[over[c]] * a + linear[rgba[c]] * b) / (a + b));
  rgba[3] = QI_CLAMP_BYTE ((a + b) * 255);
}

QiImage *
qi_blend_onto (const QiImage *image, const QiImage *patch, const QiImage *mask, int x, int y)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), channels = qi_image_channels (image);
  const QiRect whole = { 0, 0, (int) width, (int) height };
  const QiRect place = { x, y, (int) qi_image_width (patch), (int) qi_image_height (patch) };
  const QiRect seen = qi_rect_intersect (&place, &whole);
  g_autoptr (QiImage) over = qi_blend_cut_out (patch, mask);
  guint8 *pixels = qi_pixels_alloc (width, height, channels);

  for (guint v = 0; v < height; v++)
    memcpy (pixels + (gsize) v * width * channels, qi_image_row (image, v), (gsize) width * channels);
  for (int v = seen.y; v < seen.y + seen.height; v++)
    for (int u = seen.x; u < seen.x + seen.width; u++)
      {
        const guint8 *from = qi_image_row (over, (guint) (v - y)) + 4 * (gsize) (u - x);
        guint8 *to = pixels + ((gsize) v * width + (gsize) u) * channels;
        guint8 rgba[4] = { to[0], to[channels > 1 ? 1 : 0], to[channels > 1 ? 2 : 0], channels == 4 ? to[3] : 255 };

        if (!from[3])
          continue;
        blend_pixel (rgba, from);
        if (channels == 1)
          rgba[0] = (guint8) ((rgba[0] * 19595 + rgba[1] * 38470 + rgba[2] * 7471 + 32768) >> 16);
        memcpy (to, rgba, channels);
      }
  return qi_pixels_take (width, height, channels, pixels);
}
