/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Every sigma has the bits of the reference's; what the reference has no case of is checked against its formula. */
#include "models/sample/sigmas.h"

#include <math.h>
#include <string.h>

#include "tests/unit/reference.h"

static const QiSchedulerConfig qwen = { QI_SHIFT_EXPONENTIAL, TRUE, 1.0, 0.5, 0.9, 256, 8192, 0.02 };
static const QiSchedulerConfig lightning = { QI_SHIFT_EXPONENTIAL, TRUE, 1.0, 1.0986122886681098, 1.0986122886681098,
                                             256, 8192, 0.0 };

static void
assert_same (const float *a, const float *b, gsize n, const char *what)
{
  for (gsize i = 0; i < n; i++)
    if (memcmp (&a[i], &b[i], sizeof a[i]) != 0)
      g_error ("%s: sigma %" G_GSIZE_FORMAT " is %.9g, not %.9g", what, i, a[i], b[i]);
}

static void
reference (void)
{
  yyjson_doc *doc = reference_read ("sigmas");
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_doc_get_root (doc));

  for (yyjson_val *row; (row = yyjson_arr_iter_next (&iter));)
    {
      const char *name = yyjson_get_str (yyjson_obj_get (row, "config"));
      const guint steps = reference_number (row, "steps");
      const double tokens = reference_number (row, "tokens"), mu = reference_number (row, "mu");
      const QiSchedulerConfig *config = strcmp (name, "lightning") == 0 ? &lightning : &qwen;
      const gboolean layered = strcmp (name, "layered") == 0;
      gsize n;
      g_autofree float *wanted = reference_floats (row, "sigmas", &n);
      g_autofree float *given = qi_sigmas_new_mu (config, steps, mu, layered);
      g_autofree float *made = layered ? qi_sigmas_new_mu (config, steps, sqrt (tokens / 256.0), TRUE)
                                       : qi_sigmas_new (config, steps, tokens);
      g_autofree char *what = g_strdup_printf ("%s, %u steps, %g tokens", name, steps, tokens);

      g_assert_cmpuint (n, ==, steps + 1);
      assert_same (given, wanted, n, what);
      assert_same (made, wanted, n, what);
      if (!layered)
        g_assert_cmpfloat (qi_sigmas_mu (config, tokens), ==, mu);
    }
  yyjson_doc_free (doc);
}

/* The released Layered model: mu itself in place of e^mu, and no terminal. */
static void
linear (void)
{
  const QiSchedulerConfig config = { QI_SHIFT_LINEAR, TRUE, 1.0, 0.5, 0.9, 256, 8192, 0.0 };
  g_autofree float *sigmas = qi_sigmas_new_mu (&config, 50, 2.5, TRUE);

  for (guint i = 0; i <= 50; i++)
    {
      const double s = 1.0 - i / 50.0;
      g_assert_cmpfloat_with_epsilon (sigmas[i], i < 50 ? 2.5 / (2.5 + 1.0 / s - 1.0) : 0.0, 2e-7);
    }
}

static void
fixed_shift (void)
{
  const QiSchedulerConfig config = { QI_SHIFT_EXPONENTIAL, FALSE, 3.0, 0.5, 0.9, 256, 8192, 0.0 };
  g_autofree float *sigmas = qi_sigmas_new (&config, 4, 4096);
  g_autofree float *other_size = qi_sigmas_new (&config, 4, 256);

  g_assert_cmpfloat_with_epsilon (sigmas[0], 1.0, 1e-7);
  g_assert_cmpfloat_with_epsilon (sigmas[1], 0.9, 1e-7);
  g_assert_cmpfloat_with_epsilon (sigmas[2], 0.75, 1e-7);
  g_assert_cmpfloat_with_epsilon (sigmas[3], 0.5, 1e-7);
  g_assert_cmpfloat (sigmas[4], ==, 0.0);
  assert_same (sigmas, other_size, 5, "another size");
}

/* Whatever the schedule: from 1, always down, to 0, and the last but one is the terminal. */
static void
shape (void)
{
  for (guint steps = 1; steps <= 200; steps++)
    {
      g_autofree float *sigmas = qi_sigmas_new (&qwen, steps, 6889);

      g_assert_cmpfloat (sigmas[0], ==, 1.0);
      g_assert_cmpfloat (sigmas[steps], ==, 0.0);
      for (guint i = 0; i < steps; i++)
        g_assert_cmpfloat (sigmas[i], >, sigmas[i + 1]);
      if (steps > 1)
        g_assert_cmpfloat_with_epsilon (sigmas[steps - 1], 0.02, 1e-6);
    }
}

static void
start (void)
{
  g_assert_cmpuint (qi_sigmas_start (20, 1.0), ==, 0);
  g_assert_cmpuint (qi_sigmas_start (20, 0.6), ==, 8);
  g_assert_cmpuint (qi_sigmas_start (5, 0.5), ==, 2);
  g_assert_cmpuint (qi_sigmas_start (50, 0.01), ==, 49);
  g_assert_cmpuint (qi_sigmas_start (4, 0.2), ==, 3);
  g_assert_cmpuint (qi_sigmas_start (10, 0.29), ==, 7);
  g_assert_cmpuint (qi_sigmas_start (10, 0.3), ==, 7); /* in float it would be 6 */
  g_assert_cmpuint (qi_sigmas_start (25, 0.28), ==, 18);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sigmas/reference", reference);
  g_test_add_func ("/sigmas/linear", linear);
  g_test_add_func ("/sigmas/fixed-shift", fixed_shift);
  g_test_add_func ("/sigmas/shape", shape);
  g_test_add_func ("/sigmas/start", start);
  return g_test_run ();
}
