/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/fill.h"

#include <string.h>

#include "compose/pixels.h"
#include "compose/resize.h"
#include "compose/spread.h"

#define NEUTRAL 127
#define BLUR 16 /* how many times smaller a blurred part is seen */

static QiImage *
grown_inwards (const QiImage *picture, const QiImage *mask)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  g_autofree float *rgb = g_new (float, (gsize) width * height * 3);
  g_autofree float *known = g_new (float, (gsize) width * height);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize i = (gsize) y * width + x;

        for (guint c = 0; c < 3; c++)
          rgb[3 * i + c] = qi_image_row (picture, y)[3 * x + c];
        known[i] = qi_image_row (mask, y)[x] ? 0 : 1;
      }
  qi_spread (rgb, known, width, height, NEUTRAL);
  for (gsize i = 0; i < (gsize) width * height * 3; i++)
    pixels[i] = QI_CLAMP_BYTE (rgb[i]);
  return qi_pixels_take (width, height, 3, pixels);
}

static QiImage *
without_detail (const QiImage *picture)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  const guint w = MAX (1, width / BLUR), h = MAX (1, height / BLUR);
  const QiMapping down = qi_mapping_fit (width, height, w, h), up = qi_mapping_fit (w, h, width, height);
  g_autoptr (QiImage) small = qi_resample (picture, w, h, &down, QI_FILTER_TRIANGLE);

  return qi_resample (small, width, height, &up, QI_FILTER_TRIANGLE);
}

QiImage *
qi_prefill (const QiImage *picture, const QiImage *mask, QiPrefill prefill, gint64 seed)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  g_autoptr (QiImage) filled = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed ((guint32) seed);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  g_return_val_if_fail (qi_image_channels (picture) == 3 && qi_image_channels (mask) == 1, NULL);
  g_return_val_if_fail (qi_image_width (mask) == width && qi_image_height (mask) == height, NULL);

  if (prefill == QI_PREFILL_BLUR)
    filled = without_detail (picture);
  else if (prefill == QI_PREFILL_BORDER || prefill == QI_PREFILL_NOISE)
    filled = grown_inwards (picture, mask);
  for (guint y = 0; y < height; y++)
    {
      guint8 *row = pixels + (gsize) y * width * 3;
      const guint8 *masked = qi_image_row (mask, y);

      memcpy (row, qi_image_row (picture, y), (gsize) width * 3);
      for (guint x = 0; x < width; x++)
        for (guint c = 0; prefill != QI_PREFILL_KEEP && masked[x] && c < 3; c++)
          {
            const int value = filled ? qi_image_row (filled, y)[3 * x + c] : NEUTRAL;
            const int noise = prefill == QI_PREFILL_NOISE ? g_rand_int_range (random, -96, 97) : 0;

            row[3 * x + c] = (guint8) CLAMP (value + noise, 0, 255);
          }
    }
  return qi_pixels_take (width, height, 3, pixels);
}
