/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/preview.h"

#include <math.h>
#include <string.h>

#include "models/config.h"

#define MAX_TERMS (QI_MAX_LATENT_CHANNELS + 1) /* channels, and a constant */
#define MOST_SAMPLES 16384
#define RIDGE 1e-3 /* of a sample's weight; keeps the fit sane where latents say little */

struct _QiPreview
{
  guint n;                                 /* terms; 0: nothing learnt */
  double products[MAX_TERMS][MAX_TERMS];   /* normal equations */
  double targets[MAX_TERMS][3];
  float map[3][MAX_TERMS];
};

QiPreview *
qi_preview_new (void)
{
  return g_new0 (QiPreview, 1);
}

void
qi_preview_free (QiPreview *preview)
{
  g_free (preview);
}

gboolean
qi_preview_is_fitted (const QiPreview *preview)
{
  return preview->n > 0;
}

/* -- learning -------------------------------------------------------------------------------------- */

/* Mean of a block of side_x × side_y pixels. */
static double
block_mean (const float *plane, guint width, guint x, guint y, guint side_x, guint side_y)
{
  double sum = 0;

  for (guint i = 0; i < side_y; i++)
    for (guint k = 0; k < side_x; k++)
      sum += plane[((gsize) y * side_y + i) * width + (gsize) x * side_x + k];
  return sum / (side_x * side_y);
}

static void
add_sample (QiPreview *p, const double *terms, const double *colour)
{
  for (guint i = 0; i < p->n; i++)
    {
      for (guint k = 0; k < p->n; k++)
        p->products[i][k] += terms[i] * terms[k];
      for (guint c = 0; c < 3; c++)
        p->targets[i][c] += terms[i] * colour[c];
    }
}

/* Elimination without pivots: the matrix is symmetric and, with the ridge, positive. */
static void
solve (QiPreview *p, double ridge)
{
  double a[MAX_TERMS][MAX_TERMS + 3];

  for (guint i = 0; i < p->n; i++)
    {
      memcpy (a[i], p->products[i], p->n * sizeof (double));
      memcpy (a[i] + p->n, p->targets[i], 3 * sizeof (double));
      a[i][i] += ridge;
    }
  for (guint i = 0; i < p->n; i++)
    for (guint row = 0; row < p->n; row++)
      {
        const double factor = a[row][i] / a[i][i];

        for (guint k = i; k < p->n + 3 && row != i; k++)
          a[row][k] -= factor * a[i][k];
      }
  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < p->n; i++)
      p->map[c][i] = (float) (a[i][p->n + c] / a[i][i]);
}

static void
forget_half (QiPreview *p)
{
  for (guint i = 0; i < p->n; i++)
    {
      for (guint k = 0; k < p->n; k++)
        p->products[i][k] /= 2;
      for (guint c = 0; c < 3; c++)
        p->targets[i][c] /= 2;
    }
}

void
qi_preview_learn (QiPreview *p, const float *latents, guint c, guint h, guint w, const QiPlanes *picture)
{
  const guint side_x = picture->width / w, side_y = picture->height / h;
  const gsize n = (gsize) h * w, step = MAX (n / MOST_SAMPLES, 1), pixels = (gsize) picture->width * picture->height;

  g_return_if_fail (c <= QI_MAX_LATENT_CHANNELS && picture->channels >= 3 && side_x > 0 && side_y > 0);

  if (p->n != c + 1)
    *p = (QiPreview){ .n = c + 1 };
  forget_half (p);
  for (gsize at = 0; at < n; at += step)
    {
      double terms[MAX_TERMS], colour[3];

      for (guint i = 0; i < c; i++)
        terms[i] = latents[i * n + at];
      terms[c] = 1;
      for (guint k = 0; k < 3; k++)
        colour[k] = block_mean (picture->values + k * pixels, picture->width, at % w, at / w, side_x, side_y);
      add_sample (p, terms, colour);
    }
  solve (p, RIDGE * p->products[c][c]);
}

float *
qi_preview_latents_new (guint c)
{
  const guint cell = 2, cells = QI_PREVIEW_SIDE / cell;
  g_autofree float *values = g_new (float, c * cells * cells);
  float *latents = g_new (float, c * QI_PREVIEW_SIDE * QI_PREVIEW_SIDE);
  QiNoise noise;

  qi_noise_seed (&noise, 1);
  qi_noise_normal (&noise, values, c * cells * cells);
  for (guint i = 0; i < c; i++)
    for (guint y = 0; y < QI_PREVIEW_SIDE; y++)
      for (guint x = 0; x < QI_PREVIEW_SIDE; x++)
        latents[(i * QI_PREVIEW_SIDE + y) * QI_PREVIEW_SIDE + x] = values[(i * cells + y / cell) * cells + x / cell];
  return latents;
}

/* -- looking --------------------------------------------------------------------------------------- */

QiImage *
qi_preview_image (const QiPreview *p, const float *tokens, guint c, guint h, guint w)
{
  guint8 *pixels, *to;

  if (p->n != c + 1)
    return NULL;
  to = pixels = g_malloc ((gsize) h * w * 3);
  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      {
        const float *token = tokens + ((gsize) (y / 2) * (w / 2) + x / 2) * 4 * c + y % 2 * 2 + x % 2;

        for (guint k = 0; k < 3; k++)
          {
            float value = p->map[k][c];

            for (guint i = 0; i < c; i++)
              value += p->map[k][i] * token[4 * i];
            *to++ = (guint8) (CLAMP (value, 0, 1) * 255 + 0.5f);
          }
      }

  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, (gsize) h * w * 3);

  return qi_image_new (w, h, 3, (gsize) w * 3, bytes);
}
