/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/match.h"

#include <math.h>

#include "compose/pixels.h"
#include "compose/spread.h"

#define MIN_RING 256        /* pixels */
#define ROUNDS 6            /* of weighing and fitting */
#define OFFSET_RIDGE 1e-3   /* a ring of one colour does not tell gain from offset: then it is gain, as light is */
#define MOST_GAIN 1.35      /* beyond, the model meant it */
#define MOST_OFFSET 32.0
#define FIELD_CELLS 16      /* along the longer side */
#define LEAST_CELL 16       /* pixels */
#define FIELD_REACH 24.f    /* levels; what is further off was changed */
#define FIELD_MOST 10.f     /* levels */
#define FIELD_LEAST 0.75f   /* levels; less is rounding */

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

/* -- the field --------------------------------------------------------------------------------------- */

/* What the ring of a cell is still off by, in the mean, passing over what was changed. known: how much ring there is. */
static void
measure_cell (const QiMatch *match, const QiImage *picture, const QiImage *result, const QiImage *mask, const QiRect *cell,
              float rgb[3], float *known)
{
  double sum[3] = { 0 };
  guint n = 0;

  for (int y = cell->y; y < cell->y + cell->height; y++)
    for (int x = cell->x; x < cell->x + cell->width; x++)
      {
        const guint8 *a = qi_image_row (picture, (guint) y) + 3 * (gsize) x, *b = qi_image_row (result, (guint) y) + 3 * (gsize) x;
        float off[3];

        for (guint c = 0; c < 3; c++)
          off[c] = b[c] <= 1 || b[c] >= 254 ? 0 : a[c] - b[c] * match->gain[c] - match->offset[c];
        if ((mask && qi_image_row (mask, (guint) y)[x]) || MAX (MAX (fabsf (off[0]), fabsf (off[1])), fabsf (off[2])) > FIELD_REACH)
          continue;
        n++;
        for (guint c = 0; c < 3; c++)
          sum[c] += off[c];
      }
  *known = 4 * n >= (guint) (cell->width * cell->height) ? 1 : 0;
  for (guint c = 0; c < 3; c++)
    rgb[c] = n ? CLAMP ((float) (sum[c] / n), -FIELD_MOST, FIELD_MOST) : 0;
}

/* Each value the mean of its 3 × 3. */
static void
smooth (QiMatch *match)
{
  const int columns = (int) match->columns, rows = (int) match->rows;
  float *smoothed = g_new (float, (gsize) columns * rows * 3);

  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++)
      for (int c = 0; c < 3; c++)
        {
          float sum = 0;

          for (int i = 0; i < 9; i++)
            sum += match->field[(CLAMP (y + i / 3 - 1, 0, rows - 1) * columns + CLAMP (x + i % 3 - 1, 0, columns - 1)) * 3 + c];
          smoothed[(y * columns + x) * 3 + c] = sum / 9;
        }
  g_free (match->field);
  match->field = smoothed;
}

static void
measure_field (QiMatch *match, const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  const guint side = MAX (LEAST_CELL, MAX (width, height) / FIELD_CELLS);
  float most = 0;

  match->columns = MAX (1, width / side);
  match->rows = MAX (1, height / side);
  match->field = g_new0 (float, (gsize) match->columns * match->rows * 3);

  g_autofree float *known = g_new0 (float, (gsize) match->columns * match->rows);

  for (guint y = 0; y < match->rows; y++)
    for (guint x = 0; x < match->columns; x++)
      {
        const int x0 = (int) (x * width / match->columns), x1 = (int) ((x + 1) * width / match->columns);
        const int y0 = (int) (y * height / match->rows), y1 = (int) ((y + 1) * height / match->rows);
        const gsize i = (gsize) y * match->columns + x;

        measure_cell (match, picture, result, mask, &(QiRect){ x0, y0, x1 - x0, y1 - y0 }, match->field + 3 * i, known + i);
      }
  qi_spread (match->field, known, match->columns, match->rows, 0);
  smooth (match);
  for (gsize i = 0; i < (gsize) match->columns * match->rows * 3; i++)
    most = MAX (most, fabsf (match->field[i]));
  if (most < FIELD_LEAST)
    g_clear_pointer (&match->field, g_free);
}

/* Between the middles of the cells, at a place in 0–1 of the picture. */
static void
look_up (const QiMatch *match, double x, double y, float rgb[3])
{
  const float u = (float) CLAMP (x * match->columns - 0.5, 0, match->columns - 1);
  const float v = (float) CLAMP (y * match->rows - 0.5, 0, match->rows - 1);
  const guint x0 = (guint) u, y0 = (guint) v, x1 = MIN (x0 + 1, match->columns - 1), y1 = MIN (y0 + 1, match->rows - 1);
  const float fx = u - x0, fy = v - y0;

  for (guint c = 0; c < 3; c++)
    {
      const float *f = match->field + c;
      const gsize top = (gsize) y0 * match->columns, bottom = (gsize) y1 * match->columns;

      rgb[c] = (f[3 * (top + x0)] * (1 - fx) + f[3 * (top + x1)] * fx) * (1 - fy)
               + (f[3 * (bottom + x0)] * (1 - fx) + f[3 * (bottom + x1)] * fx) * fy;
    }
}

/* ---------------------------------------------------------------------------------------------------- */

void
qi_match_clear (QiMatch *match)
{
  g_clear_pointer (&match->field, g_free);
}

QiMatch
qi_match_measure (const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  const QiMatch none = { FALSE, { 1, 1, 1 } };
  QiMatch match = { TRUE };

  g_return_val_if_fail (qi_image_channels (picture) == 3 && qi_image_channels (result) == 3, none);

  for (guint c = 0; c < 3; c++)
    if (!fit_channel (picture, result, mask, c, &match.gain[c], &match.offset[c]))
      return none;
  measure_field (&match, picture, result, mask);
  return match;
}

QiImage *
qi_match_apply (const QiMatch *match, const QiImage *image, const QiMapping *mapping, guint width, guint height)
{
  const QiMapping same = { 0, 1, 0, 1 };
  const QiMapping *map = mapping ? mapping : &same;
  const guint channels = qi_image_channels (image);
  guint8 *pixels = qi_pixels_alloc (qi_image_width (image), qi_image_height (image), channels), *to = pixels;

  for (guint y = 0; y < qi_image_height (image); y++)
    {
      const guint8 *from = qi_image_row (image, y);

      for (guint x = 0; x < qi_image_width (image); x++, from += channels, to += channels)
        {
          float more[3] = { 0 };

          if (match->field)
            look_up (match, (map->x + (x + 0.5) * map->dx) / width, (map->y + (y + 0.5) * map->dy) / height, more);
          for (guint c = 0; c < channels; c++)
            to[c] = c < 3 && match->measured ? QI_CLAMP_BYTE (from[c] * match->gain[c] + match->offset[c] + more[c]) : from[c];
        }
    }
  return qi_pixels_take (qi_image_width (image), qi_image_height (image), channels, pixels);
}
