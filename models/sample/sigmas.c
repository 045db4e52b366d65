/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The types are part of the formulas: the reference makes the grid and mu in double, rounds both to f32, and goes on in
 * f32 (numpy keeps an f32 array f32 when a Python number meets it). Only this order gives the same bits. */
#include "models/sample/sigmas.h"

#include <math.h>

/* numpy.linspace (1, stop, n_points), without its last point where there are more points than steps. */
static void
fill_grid (float *s, guint n_steps, double stop, guint n_points)
{
  const double step = n_points > 1 ? (stop - 1.0) / (n_points - 1) : 0.0;

  for (guint i = 0; i < n_steps; i++)
    s[i] = (float) (i > 0 && i == n_points - 1 ? stop : i * step + 1.0);
}

/* Moves the schedule towards 1: more steps at high noise, the more tokens there are. */
static void
shift_grid (const QiSchedulerConfig *config, float *s, guint n_steps, double mu)
{
  const float level = (float) (config->shift_type == QI_SHIFT_LINEAR ? mu : exp (mu));
  const float shift = (float) config->shift, shift_less_1 = (float) (config->shift - 1.0);

  for (guint i = 0; i < n_steps; i++)
    s[i] = config->dynamic ? level / (level + (1.0f / s[i] - 1.0f)) : shift * s[i] / (1.0f + shift_less_1 * s[i]);
}

/* Stretches the schedule so that its last sigma is the terminal one. A single step has nothing to stretch: the reference
 * divides 0 by 0 there. */
static void
stretch_to_terminal (float *s, guint n_steps, double terminal)
{
  const float room = 1.0f - s[n_steps - 1];

  if (terminal <= 0.0 || room <= 0.0f)
    return;
  const float scale = room / (float) (1.0 - terminal);
  for (guint i = 0; i < n_steps; i++)
    s[i] = 1.0f - (1.0f - s[i]) / scale;
}

double
qi_sigmas_mu (const QiSchedulerConfig *config, double n_tokens)
{
  const double m = (config->max_shift - config->base_shift) / (config->max_len - config->base_len);
  const double b = config->base_shift - m * config->base_len;

  return n_tokens * m + b;
}

float *
qi_sigmas_new_mu (const QiSchedulerConfig *config, guint n_steps, double mu, gboolean layered_grid)
{
  g_return_val_if_fail (n_steps > 0 && n_steps < G_MAXUINT, NULL);

  float *s = g_new0 (float, (gsize) n_steps + 1);

  fill_grid (s, n_steps, layered_grid ? 0.0 : 1.0 / n_steps, layered_grid ? n_steps + 1 : n_steps);
  shift_grid (config, s, n_steps, mu);
  stretch_to_terminal (s, n_steps, config->shift_terminal);
  return s;
}

float *
qi_sigmas_new (const QiSchedulerConfig *config, guint n_steps, double n_tokens)
{
  return qi_sigmas_new_mu (config, n_steps, config->dynamic ? qi_sigmas_mu (config, n_tokens) : 0.0, FALSE);
}

guint
qi_sigmas_start (guint n_steps, double strength)
{
  const double wanted = MIN (n_steps * strength, (double) n_steps);

  return (guint) MAX (n_steps - wanted, 0.0);
}
