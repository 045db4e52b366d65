/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/sample/sampler.h"

#include <math.h>

#define NOISE_SCALE 0.7 /* a of the stochastic form, as its authors train with */

struct _QiSampler
{
  void (*step) (QiStream *s, QiSampling *r, guint i);
  guint evaluations; /* of a step that is not the last; the last has one */
  guint plan_steps;
  gboolean keeps;    /* something of x's size between steps */
};

static const QiTensor *
velocity (QiStream *s, const QiSampling *r, float sigma, guint evaluation)
{
  return r->velocity (s, sigma, evaluation, r->user_data);
}

static void
euler_step (QiStream *s, QiSampling *r, guint i)
{
  const QiTensor *v = velocity (s, r, r->sigmas[i], 0);

  qi_copy_into (s, r->x, qi_axpby (s, 1.0f, r->x, r->sigmas[i + 1] - r->sigmas[i], v));
}

static void
heun_step (QiStream *s, QiSampling *r, guint i)
{
  const float h = r->sigmas[i + 1] - r->sigmas[i];
  const QiTensor *start, *v, *ahead;

  if (r->sigmas[i + 1] == 0)
    {
      euler_step (s, r, i);
      return;
    }
  start = qi_axpby (s, 1.0f, r->x, 0.0f, NULL);
  v = velocity (s, r, r->sigmas[i], 0);
  qi_copy_into (s, r->x, qi_axpby (s, 1.0f, start, h, v));
  ahead = velocity (s, r, r->sigmas[i + 1], 1);
  qi_copy_into (s, r->x, qi_axpby (s, 1.0f, start, 0.5f * h, qi_add (s, v, ahead)));
}

/* In t = -log sigma the equation is dx/dt = D - x: x' = q x + (1 - q) D with q = sigma' / sigma were D constant. Here D goes on
 * in a line through its last two values; the first step has but one, and the last is infinitely long. */
static void
dpmpp_2m_step (QiStream *s, QiSampling *r, guint i)
{
  const double sigma = r->sigmas[i], next = r->sigmas[i + 1], q = next / sigma;
  const QiTensor *v = velocity (s, r, r->sigmas[i], 0);
  const QiTensor *denoised = qi_axpby (s, 1.0f, r->x, -r->sigmas[i], v);
  const QiTensor *line = denoised;

  if (r->n_kept > 0 && next > 0)
    {
      const double ratio = log (r->sigmas[i - 1] / sigma) / log (sigma / next);

      line = qi_axpby (s, (float) (1 + 0.5 / ratio), denoised, (float) (-0.5 / ratio), r->kept);
    }
  qi_copy_into (s, r->x, qi_axpby (s, (float) q, r->x, (float) (1 - q), line));
  qi_copy_into (s, r->kept, denoised);
  r->n_kept = 1;
}

/* -- the stochastic form --------------------------------------------------------------------------- */

/* d: infinite at sigma 1, and there that of the next sigma. */
static double
diffusion (const float *sigmas, guint i, double noise_scale)
{
  const double sigma = sigmas[i] < 1 ? sigmas[i] : sigmas[i + 1];

  return noise_scale * sqrt (sigma / (1 - sigma));
}

double
qi_stochastic_deviation (const float *sigmas, guint step, double noise_scale)
{
  return diffusion (sigmas, step, noise_scale) * sqrt ((double) sigmas[step] - sigmas[step + 1]);
}

double
qi_normal_log_density (const float *x, const float *mean, gsize n, double deviation)
{
  double squares = 0;

  for (gsize i = 0; i < n; i++)
    {
      const double z = ((double) x[i] - mean[i]) / deviation;

      squares += z * z;
    }
  return -0.5 * squares - n * (log (deviation) + 0.5 * log (2 * G_PI));
}

static const QiTensor *
draw (QiStream *s, QiSampling *r)
{
  const gsize n = qi_tensor_elements (r->x);
  const QiTensor *noise = qi_scratch (s, QI_DTYPE_F32, n / qi_tensor_dim (r->x, -1), qi_tensor_dim (r->x, -1));
  g_autofree float *values = qi_stream_is_plan (s) ? NULL : g_new (float, n);
  g_autofree float *zeros = values ? g_new0 (float, n) : NULL;

  if (!values)
    return noise;
  qi_noise_normal (r->noise, values, n);
  r->log_density = qi_normal_log_density (values, zeros, n, 1);
  qi_stream_upload (s, noise, 0, values, n * sizeof *values);
  return noise;
}

static void
stochastic_step (QiStream *s, QiSampling *r, guint i)
{
  const double a = r->noise_scale < 0 ? NOISE_SCALE : r->noise_scale;
  const double sigma = r->sigmas[i], h = r->sigmas[i + 1] - r->sigmas[i];
  const double d = diffusion (r->sigmas, i, a), k = d * d / (2 * sigma);
  const double deviation = qi_stochastic_deviation (r->sigmas, i, a);
  const QiTensor *v = velocity (s, r, r->sigmas[i], 0);
  const QiTensor *mean = qi_axpby (s, (float) (1 + k * h), r->x, (float) ((1 + k * (1 - sigma)) * h), v);

  r->log_density = 0;
  if (deviation > 0)
    {
      mean = qi_axpby (s, 1.0f, mean, (float) deviation, draw (s, r));
      r->log_density -= qi_tensor_elements (r->x) * log (deviation);
    }
  qi_copy_into (s, r->x, mean);
}

/* -- the table ------------------------------------------------------------------------------------- */

static const QiSampler samplers[QI_N_SAMPLERS] = {
  [QI_SAMPLER_EULER] = { euler_step, 1, 1, FALSE },
  [QI_SAMPLER_HEUN] = { heun_step, 2, 1, FALSE },
  [QI_SAMPLER_DPMPP_2M] = { dpmpp_2m_step, 1, 2, TRUE },
  [QI_SAMPLER_STOCHASTIC] = { stochastic_step, 1, 1, FALSE },
};

const QiSampler *
qi_sampler_get (QiSamplerId id)
{
  g_return_val_if_fail ((guint) id < QI_N_SAMPLERS, NULL);

  return &samplers[id];
}

const QiSampler *
qi_sampler_find (const char *name, GError **error)
{
  QiSamplerId id;

  return qi_sampler_from_name (name, &id, error) ? &samplers[id] : NULL;
}

guint
qi_sampler_evaluations (const QiSampler *sampler, guint n_steps)
{
  return n_steps > 0 ? (n_steps - 1) * sampler->evaluations + 1 : 0;
}

guint
qi_sampler_plan_steps (const QiSampler *sampler)
{
  return sampler->plan_steps;
}

void
qi_sampling_begin (QiStream *s, QiSampling *r)
{
  r->log_density = 0;
  r->n_kept = 0;
  r->kept = r->sampler->keeps ? qi_scratch (s, QI_DTYPE_F32, qi_tensor_rows (r->x), qi_tensor_dim (r->x, -1)) : NULL;
}

void
qi_sampling_step (QiStream *s, QiSampling *r, guint step)
{
  r->sampler->step (s, r, step);
}
