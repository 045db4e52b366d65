/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/positions.h"

#include <math.h>

#include "base/error.h"

/* Rows and columns of one picture's n tokens from token at on. */
static void
place_picture (guint32 *positions, guint n, guint at, const QiMergedGrid *grid, guint32 current)
{
  for (guint r = 0; r < grid->h; r++)
    for (guint c = 0; c < grid->w; c++, at++)
      {
        positions[at] = current;
        positions[n + at] = current + r;
        positions[2 * n + at] = current + c;
      }
}

/* Whether all of picture's tokens follow from token at on. */
static gboolean
picture_fits (const guint32 *ids, guint n, guint at, guint32 image_id, const QiMergedGrid *grid)
{
  const guint64 tokens = (guint64) grid->h * grid->w;

  if (tokens == 0 || tokens > n - at)
    return FALSE;
  for (guint i = 0; i < tokens; i++)
    if (ids[at + i] != image_id)
      return FALSE;
  return TRUE;
}

guint32 *
qi_text_positions_new (const guint32 *ids, guint n, guint32 image_id, const QiMergedGrid *pictures, guint n_pictures,
                       GError **error)
{
  g_autofree guint32 *positions = g_new (guint32, 3 * (gsize) n);
  guint32 current = 0;
  guint picture = 0;

  for (guint at = 0; at < n;)
    if (ids[at] == image_id && n_pictures > 0)
      {
        if (picture == n_pictures || !picture_fits (ids, n, at, image_id, &pictures[picture]))
          {
            g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                         "The prompt's picture tokens from number %u on belong to none of the %u pictures.", at, n_pictures);
            return NULL;
          }
        place_picture (positions, n, at, &pictures[picture], current);
        at += pictures[picture].h * pictures[picture].w;
        current += MAX (pictures[picture].h, pictures[picture].w);
        picture++;
      }
    else
      {
        positions[at] = positions[n + at] = positions[2 * n + at] = current++;
        at++;
      }
  if (picture < n_pictures)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The prompt has tokens for %u of %u pictures.", picture, n_pictures);
      return NULL;
    }
  return g_steal_pointer (&positions);
}

float
qi_mrope_frequency (const QiTextConfig *config, guint i)
{
  return 1.0f / powf ((float) config->theta, (float) (2 * i) / (float) config->head_dim);
}

float *
qi_mrope_new (const QiTextConfig *config, const guint32 *positions, guint n)
{
  const guint half = config->head_dim / 2;
  float *table = g_new (float, (gsize) n * half * 2);
  guint axis = 0, left = config->sections[0];

  for (guint i = 0; i < half; i++, left--)
    {
      while (left == 0 && axis < 2)
        left = config->sections[++axis];
      for (guint t = 0; t < n; t++)
        {
          const float position = positions ? positions[axis * (gsize) n + t] : t;
          const float angle = position * qi_mrope_frequency (config, i); /* rounded as the reference does */

          table[((gsize) t * half + i) * 2] = (float) cos (angle);
          table[((gsize) t * half + i) * 2 + 1] = (float) sin (angle);
        }
    }
  return table;
}
