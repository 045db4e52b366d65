/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/matte.h"

#include "compose/pixels.h"

#define RADIUS 6       /* pixels of the model's picture by which it may miss an edge */
#define NEAR_EDGE 0.02f /* of the surroundings, what must be layer, and what must not */
#define SMOOTH 12.f   /* bytes of standard deviation, at most: of more than plain colours a mean says too little */
#define APART 40.f     /* bytes that layer and what is below must differ by, to be told from each other */
#define OFF 32.f       /* bytes by which a mixture may miss the pixel */
#define NOTHING 0.05f  /* of a mixture that is colours' variation, at either end */

/* Sums over 2 · RADIUS + 1 values along a line of n, in place; beyond its ends there is nothing. */
static void
sum_line (float *line, guint n, gsize step, float *scratch)
{
  double sum = 0;

  for (guint i = 0; i < n; i++)
    scratch[i] = line[i * step];
  for (guint i = 0; i < MIN (RADIUS, n); i++)
    sum += scratch[i];
  for (guint i = 0; i < n; i++)
    {
      sum += i + RADIUS < n ? scratch[i + RADIUS] : 0;
      line[i * step] = (float) sum;
      sum -= i >= RADIUS ? scratch[i - RADIUS] : 0;
    }
}

static void
sum_box (float *plane, guint width, guint height)
{
  g_autofree float *scratch = g_new (float, MAX (width, height));

  for (guint y = 0; y < height; y++)
    sum_line (plane + (gsize) y * width, width, 1, scratch);
  for (guint x = 0; x < width; x++)
    sum_line (plane + x, height, width, scratch);
}

QiImage *
qi_matte_surroundings (const QiImage *layer)
{
  const guint width = qi_image_width (layer), height = qi_image_height (layer);
  const gsize n = (gsize) width * height;
  g_autofree float *planes = g_new (float, 8 * n); /* colours times alpha, their squares, alpha, how many pixels there are */
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (gsize i = 0; i < n; i++)
    {
      const guint8 *p = qi_image_row (layer, (guint) (i / width)) + 4 * (i % width);

      for (guint c = 0; c < 3; c++)
        {
          planes[c * n + i] = p[c] * (p[3] / 255.f);
          planes[(3 + c) * n + i] = (float) p[c] * p[c] * (p[3] / 255.f);
        }
      planes[6 * n + i] = p[3] / 255.f;
      planes[7 * n + i] = 1;
    }
  for (guint k = 0; k < 8; k++)
    sum_box (planes + k * n, width, height);
  for (gsize i = 0; i < n; i++)
    {
      const float alpha = planes[6 * n + i];
      float rough = 0;

      for (guint c = 0; c < 3 && alpha > 0; c++)
        {
          const float mean = planes[c * n + i] / alpha;

          pixels[4 * i + c] = QI_CLAMP_BYTE (mean);
          rough = MAX (rough, planes[(3 + c) * n + i] / alpha - mean * mean);
        }
      pixels[4 * i + 3] = rough > SMOOTH * SMOOTH ? 0 : QI_CLAMP_BYTE (alpha * 255 / planes[7 * n + i]);
    }
  return qi_pixels_take (width, height, 4, pixels);
}

guint8
qi_matte_alpha (const guint8 was[3], const guint8 own[4], const guint8 around[4], const guint8 below[4])
{
  const float share = around[3] / 255.f;
  float along = 0, length = 0, miss = 0;

  if (share < NEAR_EDGE || share > 1 - NEAR_EDGE || below[3] < 255)
    return own[3];
  for (guint c = 0; c < 3; c++)
    {
      along += (float) (was[c] - below[c]) * (around[c] - below[c]);
      length += (float) (around[c] - below[c]) * (around[c] - below[c]);
    }
  if (length < APART * APART)
    return own[3];

  const float mixed = CLAMP (along / length, 0, 1);

  for (guint c = 0; c < 3; c++)
    {
      const float d = was[c] - below[c] - mixed * (around[c] - below[c]);

      miss += d * d;
    }
  return miss > OFF * OFF ? own[3] : QI_CLAMP_BYTE (255 * (mixed - NOTHING) / (1 - 2 * NOTHING));
}
