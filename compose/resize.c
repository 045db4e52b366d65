/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/resize.h"

#include <math.h>
#include <string.h>

#include "compose/pixels.h"

#define LOBES 3

/* Which old pixels make a new one, along one axis: [n] runs of n_taps. */
typedef struct
{
  guint n, n_taps;
  guint *from;    /* [n, n_taps] places, mirrored */
  float *weights; /* [n, n_taps], each run sums to 1 */
} Taps;

static void
taps_clear (Taps *taps)
{
  g_free (taps->from);
  g_free (taps->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Taps, taps_clear)

static double
kernel (QiFilter filter, double x)
{
  x = fabs (x);
  if (filter == QI_FILTER_TRIANGLE)
    return MAX (0, 1 - x);
  if (x < 1e-9)
    return 1;
  if (x >= LOBES)
    return 0;
  return LOBES * sin (G_PI * x) * sin (G_PI * x / LOBES) / (G_PI * G_PI * x * x);
}

static void
taps_make (Taps *taps, guint n, guint old, double start, double step, QiFilter filter)
{
  const double stretch = MAX (1, fabs (step));
  const double support = (filter == QI_FILTER_TRIANGLE ? 1 : LOBES) * stretch;

  taps->n = n;
  taps->n_taps = (guint) ceil (2 * support) + 1;
  taps->from = g_new0 (guint, (gsize) n * taps->n_taps);
  taps->weights = g_new0 (float, (gsize) n * taps->n_taps);
  for (guint i = 0; i < n; i++)
    {
      const double centre = start + (i + 0.5) * step;
      const gint64 first = (gint64) ceil (centre - support - 0.5);
      guint *from = taps->from + (gsize) i * taps->n_taps;
      float *weights = taps->weights + (gsize) i * taps->n_taps;
      double sum = 0;

      for (guint t = 0; t < taps->n_taps; t++)
        {
          from[t] = qi_mirror (first + t, old);
          weights[t] = (float) kernel (filter, (first + t + 0.5 - centre) / stretch);
          sum += weights[t];
        }
      for (guint t = 0; t < taps->n_taps; t++)
        weights[t] = (float) (weights[t] / sum);
    }
}

/* A row as floats, alpha multiplied in. */
static void
load_row (const QiImage *image, guint y, float *row)
{
  const guint width = qi_image_width (image), channels = qi_image_channels (image);
  const guint8 *bytes = qi_image_row (image, y);

  for (gsize i = 0; i < (gsize) width * channels; i++)
    row[i] = bytes[i];
  if (channels == 4)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < 3; c++)
        row[4 * x + c] *= row[4 * x + 3] / 255;
}

static void
store_row (const float *row, guint width, guint channels, guint8 *bytes)
{
  if (channels < 4)
    {
      for (gsize i = 0; i < (gsize) width * channels; i++)
        bytes[i] = QI_CLAMP_BYTE (row[i]);
      return;
    }
  for (guint x = 0; x < width; x++, row += 4, bytes += 4)
    {
      const float scale = row[3] > 0.5f ? 255 / MIN (row[3], 255) : 0;

      for (guint c = 0; c < 3; c++)
        bytes[c] = QI_CLAMP_BYTE (row[c] * scale);
      bytes[3] = QI_CLAMP_BYTE (row[3]);
    }
}

static void
across (const float *old, const Taps *taps, guint channels, float *row)
{
  for (guint i = 0; i < taps->n; i++, row += channels)
    {
      const guint *from = taps->from + (gsize) i * taps->n_taps;
      const float *weights = taps->weights + (gsize) i * taps->n_taps;
      float sum[4] = { 0 };

      for (guint t = 0; t < taps->n_taps; t++)
        for (guint c = 0; c < channels; c++)
          sum[c] += weights[t] * old[(gsize) from[t] * channels + c];
      memcpy (row, sum, channels * sizeof *row);
    }
}

QiMapping
qi_mapping_fit (guint from_width, guint from_height, guint width, guint height)
{
  return (QiMapping){ 0, (double) from_width / width, 0, (double) from_height / height };
}

QiImage *
qi_resample (const QiImage *image, guint width, guint height, const QiMapping *mapping, QiFilter filter)
{
  const guint old_width = qi_image_width (image), old_height = qi_image_height (image);
  const guint channels = qi_image_channels (image);
  const gsize row_len = (gsize) width * channels;
  g_auto (Taps) horizontal = { 0 };
  g_auto (Taps) vertical = { 0 };
  g_autofree float *old_row = g_new (float, (gsize) old_width * channels);
  g_autofree float *row = g_new (float, row_len);
  g_autoptr (GPtrArray) rows =
      g_ptr_array_new_full (old_height, g_free); /* what became of each old row; made when needed */
  guint8 *pixels = qi_pixels_alloc (width, height, channels);

  g_ptr_array_set_size (rows, (int) old_height);
  taps_make (&horizontal, width, old_width, mapping->x, mapping->dx, filter);
  taps_make (&vertical, height, old_height, mapping->y, mapping->dy, filter);
  for (guint y = 0; y < height; y++)
    {
      memset (row, 0, row_len * sizeof *row);
      for (guint t = 0; t < vertical.n_taps; t++)
        {
          const guint from = vertical.from[(gsize) y * vertical.n_taps + t];
          const float weight = vertical.weights[(gsize) y * vertical.n_taps + t];

          if (!weight)
            continue;
          if (!rows->pdata[from])
            {
              rows->pdata[from] = g_new (float, row_len);
              load_row (image, from, old_row);
              across (old_row, &horizontal, channels, rows->pdata[from]);
            }

          const float *across_row = rows->pdata[from];

          for (gsize i = 0; i < row_len; i++)
            row[i] += weight * across_row[i];
        }
      store_row (row, width, channels, pixels + row_len * y);
    }
  return qi_pixels_take (width, height, channels, pixels);
}
