/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/match.h"

#include <math.h>

#include "compose/pixels.h"

#define MIN_RING 256        /* pixels */
#define ROUNDS 6            /* of weighing and fitting */
#define OFFSET_RIDGE 1e-3   /* a ring of one colour does not tell gain from offset: then it is gain, as light is */
#define MOST_GAIN 1.35      /* beyond, the model meant it */
#define MOST_OFFSET 32.0

/* Sums over the ring of one channel. */
typedef struct
{
  double n, a, b, bb, ab;
  guint histogram[256]; /* of |a - fit (b)| */
} Sums;

/* a: picture, b: result. What is at an end of the scale in the result has lost how far beyond it was. */
static void
gather (const QiImage *picture, const QiImage *result, const QiImage *mask, guint c, double gain, double offset,
        double limit, Sums *s)
{
  *s = (Sums){ 0 };
  for (guint y = 0; y < qi_image_height (picture); y++)
    {
      const guint8 *p = qi_image_row (picture, y), *q = qi_image_row (result, y);
      const guint8 *masked = mask ? qi_image_row (mask, y) : NULL;

      for (guint x = 0; x < qi_image_width (picture); x++)
        {
          const double a = p[3 * x + c], b = q[3 * x + c], r = fabs (a - gain * b - offset);
          const double t = 1 - r * r / (limit * limit), w = r < limit ? t * t : 0;

          if ((masked && masked[x]) || b <= 1 || b >= 254)
            continue;
          s->histogram[(guint) MIN (r, 255)]++;
          s->n += w;
          s->a += w * a;
          s->b += w * b;
          s->bb += w * b * b;
          s->ab += w * a * b;
        }
    }
}

static double
median_of (const guint histogram[256])
{
  guint n = 0, sum = 0;

  for (guint i = 0; i < 256; i++)
    n += histogram[i];
  for (guint i = 0; i < 256; i++)
    if ((sum += histogram[i]) * 2 >= n)
      return i + 0.5;
  return 255;
}

/* Minimises Σ w (gain · b + offset - a)² + ridge · n · offset². */
static gboolean
fit_channel (const QiImage *picture, const QiImage *result, const QiImage *mask, guint c, float *gain, float *offset)
{
  double g = 1, o = 0, limit = 96;

  for (guint k = 0; k < ROUNDS; k++)
    {
      Sums s;

      gather (picture, result, mask, c, g, o, limit, &s);

      const double n = s.n * (1 + OFFSET_RIDGE), det = s.bb * n - s.b * s.b;

      if (s.n < MIN_RING || det <= 0)
        return FALSE;
      g = (s.ab * n - s.a * s.b) / det;
      o = (s.bb * s.a - s.b * s.ab) / det;
      limit = k ? MAX (8, 4.685 * 1.4826 * median_of (s.histogram)) : 48;
    }
  *gain = (float) g;
  *offset = (float) o;
  return g < MOST_GAIN && g > 1 / MOST_GAIN && fabs (o) < MOST_OFFSET;
}

QiMatch
qi_match_measure (const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  const QiMatch none = { FALSE, { 1, 1, 1 }, { 0 } };
  QiMatch match = { TRUE };

  g_return_val_if_fail (qi_image_channels (picture) == 3 && qi_image_channels (result) == 3, none);

  for (guint c = 0; c < 3; c++)
    if (!fit_channel (picture, result, mask, c, &match.gain[c], &match.offset[c]))
      return none;
  return match;
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
