/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/sigmas.h — the noise schedule of flow matching: sigmas from 1 down to 0. */
#pragma once
#include "models/config.h"

/* n_steps + 1 sigmas, the last 0 (f32; bit-equal to the reference). n_tokens: target image tokens, which set mu where the
 * schedule is dynamic. (transfer full, g_free) */
float *qi_sigmas_new (const QiSchedulerConfig *config, guint n_steps, double n_tokens);

/* The same with mu given (Layered: sqrt (tokens / 256)) and the unshifted grid linspace (1, 0, n + 1) without its end
 * (layered_grid) or linspace (1, 1/n, n). */
float *qi_sigmas_new_mu (const QiSchedulerConfig *config, guint n_steps, double mu, gboolean layered_grid);
double qi_sigmas_mu (const QiSchedulerConfig *config, double n_tokens);

/* First step of a run of n_steps with this strength (0…1]: image-to-image and inpainting start there. */
guint qi_sigmas_start (guint n_steps, double strength);
