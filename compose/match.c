/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/match.h"

#include "compose/pixels.h"

QiMatch
qi_match_measure (const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  return (QiMatch){ FALSE, { 1, 1, 1 }, { 0 } };
}

QiImage *
qi_match_apply (const QiMatch *match, const QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), channels = qi_image_channels (image);
  guint8 table[3][256];
  guint8 *pixels = qi_pixels_alloc (width, height, channels);

  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < 256; i++)
      table[c][i] = match->measured ? QI_CLAMP_BYTE (i * match->gain[c] + match->offset[c]) : (guint8) i;
  for (guint y = 0; y < height; y++)
    {
      const guint8 *from = qi_image_row (image, y);
      guint8 *to = pixels + (gsize) y * width * channels;

      for (gsize i = 0; i < (gsize) width * channels; i++)
        to[i] = i % channels < 3 ? table[i % channels][from[i]] : from[i];
    }
  return qi_pixels_take (width, height, channels, pixels);
}
