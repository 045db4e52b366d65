/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Samplers on pictures whose values are normal, independent, of mean MEAN and deviation SPREAD. There everything is known: at
 * sigma the values have mean (1 - sigma) MEAN and variance V = (1 - sigma)^2 SPREAD^2 + sigma^2, the velocity is
 *   v = (sigma - (1 - sigma) SPREAD^2) / V (x - (1 - sigma) MEAN) - MEAN
 * and a value that begins as e at sigma 1 is (1 - sigma) MEAN + sqrt (V) e ever after. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/sample/sampler.h"
#include "tests/golden/on-device.h"

#define MEAN 1.0
#define SPREAD 0.5
#define COLUMNS 64

static QiDevice *device;

static double
variance (double sigma)
{
  return (1 - sigma) * (1 - sigma) * SPREAD * SPREAD + sigma * sigma;
}

typedef struct
{
  const QiTensor *x, *ones;
  guint evaluations;
} Field;

/* v = slope x + offset */
static void
velocity_line (double sigma, double *slope, double *offset)
{
  *slope = (sigma - (1 - sigma) * SPREAD * SPREAD) / variance (sigma);
  *offset = -*slope * (1 - sigma) * MEAN - MEAN;
}

static const QiTensor *
field_velocity (QiStream *s, float sigma, guint evaluation, gpointer user_data)
{
  Field *field = user_data;
  double slope, offset;

  field->evaluations++;
  velocity_line (sigma, &slope, &offset);
  return qi_axpby (s, (float) slope, field->x, (float) offset, field->ones);
}

/* A run of n steps from start, [rows, COLUMNS], in place; after each step what follows is told. */
typedef void (*AfterStep) (const QiSampling *sampling, guint step, const float *before, const float *after, gsize n);

typedef struct
{
  QiSamplerId sampler;
  guint n_steps;
  double noise_scale; /* negative: the sampler's own */
  guint64 seed;
  AfterStep after;    /* NULL: nobody */
  double end;         /* sigmas fall by equal shares to this one; 0: by equal steps to 0 */
} Plan;

static guint
run (const Plan *plan, float *values, guint rows)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  g_autofree float *sigmas = g_new (float, plan->n_steps + 1), *ones = g_new (float, rows * COLUMNS);
  g_autofree float *before = g_memdup2 (values, rows * COLUMNS * sizeof *values);
  const gsize n = rows * COLUMNS;
  QiNoise noise;
  Field field = { 0 };

  for (guint i = 0; i <= plan->n_steps; i++)
    sigmas[i] = (float) (plan->end > 0 ? pow (plan->end, i / (double) plan->n_steps) : 1 - i / (double) plan->n_steps);
  for (gsize i = 0; i < n; i++)
    ones[i] = 1;
  qi_noise_seed (&noise, plan->seed);
  qi_stream_begin_scope (s);
  field.x = qi_scratch (s, QI_DTYPE_F32, rows, COLUMNS);
  field.ones = qi_scratch (s, QI_DTYPE_F32, rows, COLUMNS);
  qi_stream_upload (s, field.x, 0, values, n * sizeof *values);
  qi_stream_upload (s, field.ones, 0, ones, n * sizeof *ones);

  QiSampling sampling = { .sampler = qi_sampler_get (plan->sampler), .sigmas = sigmas, .x = field.x,
                          .velocity = field_velocity, .user_data = &field, .noise_scale = plan->noise_scale,
                          .noise = &noise };

  qi_sampling_begin (s, &sampling);
  for (guint i = 0; i < plan->n_steps; i++)
    {
      qi_stream_begin_scope (s);
      qi_sampling_step (s, &sampling, i);
      qi_stream_end_scope (s);
      if (!plan->after && i + 1 < plan->n_steps)
        continue;
      g_assert_true (qi_stream_download (s, field.x, values, n * sizeof *values, &error));
      g_assert_no_error (error);
      if (plan->after)
        plan->after (&sampling, i, before, values, n);
      memcpy (before, values, n * sizeof *values);
    }
  qi_stream_end_scope (s);
  g_assert_true (qi_stream_finish (s, &error));
  return field.evaluations;
}

static float *
start_noise (guint rows, guint64 seed)
{
  float *values = g_new (float, rows * COLUMNS);
  QiNoise noise;

  qi_noise_seed (&noise, seed);
  qi_noise_normal (&noise, values, rows * COLUMNS);
  return values;
}

/* -- order ----------------------------------------------------------------------------------------- */

static double
error_of (QiSamplerId sampler, guint n_steps, double end)
{
  g_autofree float *start = start_noise (1, 5), *x = g_memdup2 (start, COLUMNS * sizeof *start);
  double squares = 0;
  const guint evaluations = run (&(Plan){ sampler, n_steps, -1, 0, NULL, end }, x, 1);

  if (end == 0)
    g_assert_cmpuint (evaluations, ==, qi_sampler_evaluations (qi_sampler_get (sampler), n_steps));
  for (guint i = 0; i < COLUMNS; i++)
    squares += pow (x[i] - ((1 - end) * MEAN + sqrt (variance (end)) * start[i]), 2);
  return sqrt (squares / COLUMNS);
}

static void
assert_order (QiSamplerId sampler, guint n_steps, double end, double low, double high)
{
  const double coarse = error_of (sampler, n_steps, end), fine = error_of (sampler, 2 * n_steps, end);

  g_test_message ("%s to %g: %u steps %.3g, %u steps %.3g, order %.2f", qi_sampler_name (sampler), end, n_steps, coarse,
                  2 * n_steps, fine, log2 (coarse / fine));
  g_assert_cmpfloat (log2 (coarse / fine), >, low);
  g_assert_cmpfloat (log2 (coarse / fine), <, high);
}

/* Halving the steps' length divides the error by 2 to the order. */
static void
test_order (void)
{
  assert_order (QI_SAMPLER_EULER, 32, 0.05, 0.9, 1.1);
  assert_order (QI_SAMPLER_EULER, 64, 0, 0.9, 1.1);
  assert_order (QI_SAMPLER_HEUN, 16, 0.05, 1.9, 2.1);
  assert_order (QI_SAMPLER_HEUN, 32, 0.05, 1.9, 2.1);
  assert_order (QI_SAMPLER_HEUN, 32, 0, 1.9, 2.1);
  assert_order (QI_SAMPLER_DPMPP_2M, 32, 0.05, 1.8, 2.1);
  assert_order (QI_SAMPLER_DPMPP_2M, 64, 0.05, 1.85, 2.1);
  assert_order (QI_SAMPLER_DPMPP_2M, 128, 0, 1.75, 2.1); /* log sigma runs away towards 0, and a little order with it */
}

/* -- the stochastic form --------------------------------------------------------------------------- */

static void
test_no_noise (void)
{
  g_autofree float *euler = start_noise (33, 7), *stochastic = g_memdup2 (euler, 33 * COLUMNS * sizeof *euler);

  run (&(Plan){ QI_SAMPLER_EULER, 9, -1, 0, NULL, 0 }, euler, 33);
  run (&(Plan){ QI_SAMPLER_STOCHASTIC, 9, 0, 0, NULL, 0 }, stochastic, 33);
  g_assert_cmpmem (euler, 33 * COLUMNS * sizeof *euler, stochastic, 33 * COLUMNS * sizeof *stochastic);
}

/* 4 deviations of what a sample of n can show, and what 200 steps leave. The form's noise is without bound at sigma 1: however
 * short the steps, the first few are too long for it, which later ones put right. */
static void
assert_marginal (const QiSampling *sampling, guint step, const float *before, const float *after, gsize n)
{
  const double sigma = sampling->sigmas[step + 1], deviation = sqrt (variance (sigma));
  const double rest = step < 10 ? 0.16 : step < 40 ? 0.05 : step < 120 ? 0.02 : 0.007;
  double sum = 0, squares = 0;

  for (gsize i = 0; i < n; i++)
    sum += after[i];
  for (gsize i = 0; i < n; i++)
    squares += pow (after[i] - sum / n, 2);
  g_assert_cmpfloat (fabs (sum / n - (1 - sigma) * MEAN), <, 4 * deviation / sqrt (n) + 0.003);
  g_assert_cmpfloat (fabs (sqrt (squares / n) / deviation - 1), <, 4 / sqrt (2.0 * n) + rest);
}

static void
test_marginals (void)
{
  const double scales[] = { 0.5, 0.7, 1 };

  for (guint i = 0; i < G_N_ELEMENTS (scales); i++)
    {
      g_autofree float *x = start_noise (1024, 11);

      run (&(Plan){ QI_SAMPLER_STOCHASTIC, 200, scales[i], 12, assert_marginal, 0 }, x, 1024);
    }
}

/* The density of the step that was taken, from its own formula in double. */
static void
assert_density (const QiSampling *sampling, guint step, const float *before, const float *after, gsize n)
{
  const double sigma = sampling->sigmas[step], h = sampling->sigmas[step + 1] - sigma, a = sampling->noise_scale;
  const double at = step == 0 ? sampling->sigmas[1] : sigma, d = a * sqrt (at / (1 - at));
  g_autofree float *mean = g_new (float, n);
  double slope, offset, density;

  velocity_line (sigma, &slope, &offset);
  for (gsize i = 0; i < n; i++)
    {
      const double v = slope * before[i] + offset;

      mean[i] = (float) (before[i] + (v + d * d / (2 * sigma) * (before[i] + (1 - sigma) * v)) * h);
    }
  density = qi_normal_log_density (after, mean, n, d * sqrt (-h));
  g_assert_cmpfloat (fabs (density - sampling->log_density), <, 2e-3 * n);
  g_assert_cmpfloat (fabs (qi_stochastic_deviation (sampling->sigmas, step, a) - d * sqrt (-h)), <, 1e-9);
  for (gsize i = 0; i < n; i++) /* nobody else's step is as likely by chance */
    mean[i] += (float) (3 * d * sqrt (-h));
  g_assert_cmpfloat (qi_normal_log_density (after, mean, n, d * sqrt (-h)), <, density - 2.0 * n);
}

static void
test_density (void)
{
  g_autofree float *x = start_noise (8, 13);
  const float one[] = { 0.5f }, none[] = { 0 };

  run (&(Plan){ QI_SAMPLER_STOCHASTIC, 7, 0.7, 14, assert_density, 0 }, x, 8);
  g_assert_cmpfloat (fabs (qi_normal_log_density (one, none, 1, 0.25) - (-2 - log (0.25 * sqrt (2 * G_PI)))), <, 1e-12);
}

static void
test_seeds (void)
{
  g_autofree float *first = start_noise (3, 15), *again = start_noise (3, 15), *other = start_noise (3, 15);
  const gsize bytes = 3 * COLUMNS * sizeof (float);

  run (&(Plan){ QI_SAMPLER_STOCHASTIC, 6, -1, 1, NULL, 0 }, first, 3);
  run (&(Plan){ QI_SAMPLER_STOCHASTIC, 6, -1, 1, NULL, 0 }, again, 3);
  run (&(Plan){ QI_SAMPLER_STOCHASTIC, 6, -1, 2, NULL, 0 }, other, 3);
  g_assert_cmpmem (first, bytes, again, bytes);
  g_assert_cmpint (memcmp (first, other, bytes), !=, 0);
}

/* -- names ----------------------------------------------------------------------------------------- */

static void
test_names (void)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < QI_N_SAMPLERS; i++)
    g_assert_true (qi_sampler_find (qi_sampler_name (i), NULL) == qi_sampler_get (i));
  g_assert_true (qi_sampler_find (NULL, NULL) == qi_sampler_get (QI_SAMPLER_EULER));
  g_assert_true (qi_sampler_find ("", NULL) == qi_sampler_get (QI_SAMPLER_EULER));
  g_assert_null (qi_sampler_find ("plms", &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_assert_nonnull (strstr (error->message, "plms"));
  g_assert_nonnull (strstr (error->message, "heun, dpmpp-2m or stochastic"));
}

int
main (int argc, char **argv)
{
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  g_test_add_func ("/sampler/order", test_order);
  g_test_add_func ("/sampler/stochastic/no-noise", test_no_noise);
  g_test_add_func ("/sampler/stochastic/marginals", test_marginals);
  g_test_add_func ("/sampler/stochastic/density", test_density);
  g_test_add_func ("/sampler/stochastic/seeds", test_seeds);
  g_test_add_func ("/sampler/names", test_names);
  return golden_run (device);
}
