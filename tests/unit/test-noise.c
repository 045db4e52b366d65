/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* torch's generator, against what torch drew. */
#include "models/sample/noise.h"

#include <math.h>
#include <string.h>

#include "tests/unit/reference.h"

#define TOLERANCE 3e-6 /* normals: the logarithms and sines of two libraries */

static void
assert_near (const float *a, const float *b, gsize n, double tolerance)
{
  for (gsize i = 0; i < n; i++)
    if (!(fabs ((double) a[i] - b[i]) <= tolerance))
      g_error ("value %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " is %.9g, not %.9g", i, n, a[i], b[i]);
}

/* Values below 16 have been through double: they must be the same bits. */
static void
reference (void)
{
  yyjson_doc *doc = reference_read ("noise");
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_doc_get_root (doc));
  QiNoise sequence;
  guint kinds[3] = { 0 };

  qi_noise_seed (&sequence, 42);
  for (yyjson_val *row; (row = yyjson_arr_iter_next (&iter));)
    {
      const char *kind = yyjson_get_str (yyjson_obj_get (row, "kind"));
      const gboolean uniform = strcmp (kind, "rand") == 0, in_sequence = strcmp (kind, "sequence") == 0;
      QiNoise alone;
      gsize n;
      g_autofree float *wanted = reference_floats (row, "values", &n);
      g_autofree float *values = g_new (float, n);

      qi_noise_seed (&alone, yyjson_get_uint (yyjson_obj_get (row, "seed")));
      (uniform ? qi_noise_uniform : qi_noise_normal) (in_sequence ? &sequence : &alone, values, n);
      assert_near (values, wanted, n, uniform || n < 16 ? 0.0 : TOLERANCE);
      kinds[uniform ? 0 : in_sequence ? 1 : 2]++;
    }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (kinds[i], >, 0);
  yyjson_doc_free (doc);
}

/* The 10 000th output of the standard seed is part of the C++ standard's definition of mt19937. */
static void
twister (void)
{
  QiNoise noise;
  guint32 value = 0;

  qi_noise_seed (&noise, 5489);
  for (guint i = 0; i < 10000; i++)
    value = qi_noise_uint32 (&noise);
  g_assert_cmpuint (value, ==, 4123659995u);
}

/* High bits of a seed do not count; a new seed forgets the waiting value of an odd draw. */
static void
seeds (void)
{
  QiNoise a, b;
  float x[3], y[3];

  qi_noise_seed (&a, 7);
  qi_noise_seed (&b, G_GUINT64_CONSTANT (0xabcdef0100000007));
  qi_noise_normal (&a, x, 3);
  qi_noise_normal (&b, y, 3);
  assert_near (x, y, 3, 0.0);
  g_assert_true (a.has_spare);

  qi_noise_seed (&a, 7);
  qi_noise_normal (&a, y, 3);
  assert_near (x, y, 3, 0.0);
}

/* No value is infinite or missing over a whole latent, and none outside the array is touched. */
static void
many (void)
{
  enum { N = 16 * 128 * 128 + 5 };
  g_autofree float *values = g_new (float, N + 1);
  double sum = 0.0, square = 0.0;
  QiNoise noise;

  qi_noise_seed (&noise, 3);
  values[N] = 1234.5f;
  qi_noise_normal (&noise, values, N);
  for (guint i = 0; i < N; i++)
    {
      g_assert_true (isfinite (values[i]));
      sum += values[i];
      square += (double) values[i] * values[i];
    }
  g_assert_cmpfloat (values[N], ==, 1234.5f);
  g_assert_cmpfloat_with_epsilon (sum / N, 0.0, 0.01);
  g_assert_cmpfloat_with_epsilon (square / N, 1.0, 0.01);
  qi_noise_normal (&noise, NULL, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/noise/reference", reference);
  g_test_add_func ("/noise/twister", twister);
  g_test_add_func ("/noise/seeds", seeds);
  g_test_add_func ("/noise/many", many);
  return g_test_run ();
}
