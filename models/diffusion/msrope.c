/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/diffusion/msrope.h"

#include <math.h>

#define THETA 10000.0f

guint64
qi_token_grids_total (const QiTokenGrid *grids, guint n_grids)
{
  guint64 n = 0;

  for (guint i = 0; i < n_grids; i++)
    n += (guint64) grids[i].frames * grids[i].h * grids[i].w;
  return n;
}

/* Where text starts on all axes: past the corner of the largest picture. */
static gint32
text_start (const QiTokenGrid *grids, guint n_grids, gboolean layered)
{
  guint start = layered && n_grids > 0 ? n_grids - 1 : 0;

  for (guint i = 0; i < n_grids; i++)
    start = MAX (start, MAX (grids[i].h / 2, grids[i].w / 2));
  return (gint32) start;
}

static gint32 *
place_grid (gint32 *at, const QiTokenGrid *grid, gint32 frame)
{
  for (guint f = 0; f < grid->frames; f++)
    for (guint r = 0; r < grid->h; r++)
      for (guint c = 0; c < grid->w; c++, at += 3)
        {
          at[0] = frame + (gint32) f;
          at[1] = (gint32) r - (gint32) (grid->h - grid->h / 2);
          at[2] = (gint32) c - (gint32) (grid->w - grid->w / 2);
        }
  return at;
}

gint32 *
qi_msrope_positions_new (const QiTokenGrid *grids, guint n_grids, const guint32 *text, guint n_text, gboolean layered)
{
  gint32 *positions = g_new (gint32, 3 * (n_text + qi_token_grids_total (grids, n_grids)));
  const gint32 start = text_start (grids, n_grids, layered);
  gint32 *at = positions;

  for (guint n = 0; n < n_text; n++, at += 3)
    at[0] = at[1] = at[2] = start + (gint32) (text ? text[n] : n);
  for (guint i = 0; i < n_grids; i++)
    at = place_grid (at, &grids[i], layered && i + 1 == n_grids ? -1 : (gint32) i);
  return positions;
}

float *
qi_msrope_new (const QiMmditConfig *config, const QiTokenGrid *grids, guint n_grids, const guint32 *text, guint n_text)
{
  const guint64 rows = n_text + qi_token_grids_total (grids, n_grids);
  const guint half = config->head_dim / 2;
  g_autofree gint32 *positions = qi_msrope_positions_new (grids, n_grids, text, n_text, config->layer3d_rope);
  g_autofree float *frequencies = g_new (float, half);
  g_autofree guint8 *axes = g_new (guint8, half);
  float *table = g_new (float, rows * half * 2);
  guint k = 0;

  for (guint axis = 0; axis < 3; axis++)
    for (guint j = 0; j < config->axes[axis] / 2 && k < half; j++, k++)
      {
        axes[k] = axis;
        frequencies[k] = 1.0f / powf (THETA, (float) (2 * j) / (float) config->axes[axis]);
      }
  for (guint64 row = 0; row < rows; row++)
    for (k = 0; k < half; k++)
      {
        const float angle = (float) positions[row * 3 + axes[k]] * frequencies[k]; /* rounded as the reference does */

        table[(row * half + k) * 2] = (float) cos (angle);
        table[(row * half + k) * 2 + 1] = (float) sin (angle);
      }
  return table;
}
