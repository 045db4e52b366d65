/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/sigmas.h — the noise schedule of flow matching: sigmas from 1 down to 0.
 *
 *   s_i = linspace (1, 1/n, n)                        the unshifted grid
 *   exponential: sigma = e^mu / (e^mu + 1/s - 1)      linear: mu instead of e^mu      static: shift s / (1 + (shift - 1) s)
 *   terminal:    sigma = 1 - (1 - sigma) / k, k = (1 - sigma_last) / (1 - terminal)
 *
 * A single step is 1, 0, with a terminal too (the reference then divides 0 by 0). The timestep of sigma is 1000 sigma. */
#pragma once
#include "models/config.h"

/* n_steps + 1 sigmas, the last 0 (f32; bit-equal to the reference). n_steps: at least 1. n_tokens: target image tokens,
 * which set mu where the schedule is dynamic. (transfer full, g_free) */
float *qi_sigmas_new (const QiSchedulerConfig *config, guint n_steps, double n_tokens);

/* The same with mu given (Layered: sqrt (tokens / 256)) and the unshifted grid linspace (1, 0, n + 1) without its end
 * (layered_grid) or linspace (1, 1/n, n). */
float *qi_sigmas_new_mu (const QiSchedulerConfig *config, guint n_steps, double mu, gboolean layered_grid);

/* On the line through (base_len, base_shift) and (max_len, max_shift); not limited to that range. */
double qi_sigmas_mu (const QiSchedulerConfig *config, double n_tokens);

/* First step of a run of n_steps with this strength (0…1]: image-to-image and inpainting start there. n_steps itself
 * means that no step is left. */
guint qi_sigmas_start (guint n_steps, double strength);
