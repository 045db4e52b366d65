/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/sampler.h — ways from one sigma to the next. A table, in the order of QiSamplerId; v is the velocity that
 * the network predicts, dx / dsigma, and D = x - sigma v the picture it expects.
 *
 *   euler       x + (sigma' - sigma) v
 *   heun        the mean of v here and at the end of the Euler step: two evaluations, save for the last step
 *   dpmpp-2m    DPM-Solver++ (2M) in log sigma: D and the D of the step before, one evaluation
 *   stochastic  Euler with noise, of the same distribution at every sigma, and with a density of each step: with
 *               d = a sqrt (sigma / (1 - sigma)) and h = sigma' - sigma
 *                 mean = x + (v + d^2 / (2 sigma) (x + (1 - sigma) v)) h,    x' = mean + d sqrt (-h) n
 *               a = 0 is Euler, bit for bit (Flow-GRPO, Liu et al. 2025) */
#pragma once
#include "base/request.h"
#include "compute/op.h"
#include "models/sample/noise.h"

typedef struct _QiSampler QiSampler;

/* The velocity at the current x, [n, channels], in the current scope. evaluation counts from 0 within a step. */
typedef const QiTensor *(*QiVelocityFunc) (QiStream *s, float sigma, guint evaluation, gpointer user_data);

/* One run along sigmas. The caller fills in the first part; the rest belongs to the sampler. */
typedef struct
{
  const QiSampler *sampler;
  const float *sigmas; /* falling, one more than there are steps; borrowed */
  const QiTensor *x;   /* f32 [n, channels], updated in place */
  QiVelocityFunc velocity;
  gpointer user_data;
  double noise_scale;  /* a of the stochastic form; negative: its own, 0.7 */
  QiNoise *noise;      /* where it draws from; other forms do not look at it */

  double log_density;  /* stochastic: of the step just done, given the one before; others: 0 */
  const QiTensor *kept; /* what is remembered between steps */
  guint n_kept;         /* 1: it holds something; a run may begin at any step */
} QiSampling;

/* NULL or "": the first. NULL with QI_ERROR_BAD_REQUEST, which names those there are. */
const QiSampler *qi_sampler_find (const char *name, GError **error);
const QiSampler *qi_sampler_get (QiSamplerId id);

/* Evaluations of the network in a run of that many steps. */
guint qi_sampler_evaluations (const QiSampler *sampler, guint n_steps);
/* Steps after which no step needs more memory than those before. */
guint qi_sampler_plan_steps (const QiSampler *sampler);

/* Allocates what is kept between steps, in the current scope, which must outlive the run. */
void qi_sampling_begin (QiStream *s, QiSampling *sampling);
/* From sigmas[step] to the next; steps in order, each in a scope of its own if need be. */
void qi_sampling_step (QiStream *s, QiSampling *sampling, guint step);

/* log of the normal density with that deviation around mean, at x: what the stochastic form's log_density is. */
double qi_normal_log_density (const float *x, const float *mean, gsize n, double deviation);
/* The deviation of one step of the stochastic form, d sqrt (-h). */
double qi_stochastic_deviation (const float *sigmas, guint step, double noise_scale);
