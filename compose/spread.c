/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/spread.h"

/* Halves until nothing is unknown, then comes back, keeping what is known. */
void
qi_spread (float *rgb, float *known, guint width, guint height, float nothing)
{
  const guint w = (width + 1) / 2, h = (height + 1) / 2;
  g_autofree float *half = g_new0 (float, (gsize) w * h * 3);
  g_autofree float *half_known = g_new0 (float, (gsize) w * h);
  gboolean missing = FALSE;

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize from = (gsize) y * width + x, to = (gsize) (y / 2) * w + x / 2;

        for (guint c = 0; c < 3; c++)
          half[3 * to + c] += rgb[3 * from + c] * known[from];
        half_known[to] += known[from];
        missing |= known[from] < 1;
      }
  if (!missing)
    return;
  for (gsize i = 0; i < (gsize) w * h; i++)
    {
      for (guint c = 0; c < 3; c++)
        half[3 * i + c] = half_known[i] > 0 ? half[3 * i + c] / half_known[i] : nothing;
      half_known[i] = MIN (half_known[i], 1);
    }
  if (w > 1 || h > 1)
    qi_spread (half, half_known, w, h, nothing);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize to = (gsize) y * width + x;
        const guint x0 = x / 2, y0 = y / 2;
        const guint x1 = x & 1 ? MIN (x0 + 1, w - 1) : x0 - (x0 > 0), y1 = y & 1 ? MIN (y0 + 1, h - 1) : y0 - (y0 > 0);

        for (guint c = 0; c < 3; c++)
          {
            const float smooth = (9 * half[3 * ((gsize) y0 * w + x0) + c] + 3 * half[3 * ((gsize) y0 * w + x1) + c]
                                  + 3 * half[3 * ((gsize) y1 * w + x0) + c] + half[3 * ((gsize) y1 * w + x1) + c]) / 16;

            rgb[3 * to + c] = rgb[3 * to + c] * known[to] + smooth * (1 - known[to]);
          }
        known[to] = 1;
      }
}
