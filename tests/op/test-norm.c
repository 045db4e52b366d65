/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Row norms and per-head norm with rotation against double loops. */
#include <math.h>

#include "tests/op/op-test.h"

typedef enum { RMS, LAYER, L2 } Kind;

static void
reference (Kind kind, const float *x, const float *a, const float *b, guint rows, guint n, double eps, double *y)
{
  for (guint r = 0; r < rows; r++, x += n, y += n)
    {
      double mean = 0, sum = 0;

      for (guint i = 0; i < n && kind == LAYER; i++)
        mean += x[i] / (double) n;
      for (guint i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
      for (guint i = 0; i < n; i++)
        {
          const double v = (x[i] - mean) * (kind == L2 ? sqrt (n) / MAX (sqrt (sum), 1e-12) : 1 / sqrt (sum / n + eps));

          y[i] = kind == LAYER ? v * (1 + b[i]) + a[i] : v * a[i];
          if (kind == L2)
            y[i] = y[i] / (1 + exp (-y[i]));
        }
    }
}

static void
check (Kind kind, guint rows, guint n, float size, guint64 max_binding)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  g_autofree float *x = op_random (rows * n, 1, size), *a = op_random (n, 2, 1), *b = op_random (n, 3, 1), *got = NULL;
  g_autofree double *want = g_new (double, rows * n);
  const QiTensor *tx = op_tensor (s, rows, n, x), *ta = op_tensor (s, 1, n, a), *tb = op_tensor (s, 1, n, b);
  g_autofree char *what = g_strdup_printf ("kind %u, %ux%u", kind, rows, n);

  qi_stream_set_limits (s, max_binding, 0);
  tx = qi_view_as (s, tx, rows, n);
  reference (kind, x, a, b, rows, n, 1e-6, want);
  got = op_download (s, kind == RMS     ? qi_rms_norm (s, tx, ta, 1e-6f)
                        : kind == LAYER ? qi_layer_norm (s, tx, ta, tb, 1e-6f)
                                        : qi_l2_norm (s, tx, ta, QI_ACT_SILU));
  /* Sums of n squares in f32 err by about n / lanes roundings at worst, by far less here; the rest is a few roundings. */
  op_assert_near (what, got, want, rows * n, 5e-6);
}

static void
test_rows (gconstpointer data)
{
  const Kind kind = GPOINTER_TO_UINT (data);
  static const guint sizes[][2] = { { 1, 1 }, { 1, 2 }, { 7, 33 }, { 33, 7 }, { 3, 129 }, { 5, 3584 }, { 129, 64 }, { 2, 20000 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    check (kind, sizes[i][0], sizes[i][1], 1, 0);
  check (kind, 4, 300, 2e7f, 0);
  check (kind, 37, 20, 1, 400);
}

static void
check_rope (guint rows, guint heads, guint d, gboolean halves, gboolean with_weight, gboolean with_rope)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint n = heads * d;
  g_autofree float *x = op_random (rows * n, 1, 1), *w = op_random (d, 2, 1), *angle = op_random (rows * d / 2, 3, 3),
                   *table = g_new (float, rows * d), *got = NULL;
  g_autofree double *want = g_new (double, rows * n);
  const QiTensor *y = qi_scratch (s, QI_DTYPE_F32, rows + 3, n);
  QiRope rope = { .halves = halves };

  for (guint i = 0; i < rows * d / 2; i++)
    {
      table[2 * i] = cosf (angle[i]);
      table[2 * i + 1] = sinf (angle[i]);
    }
  rope.cos_sin = op_tensor (s, 1, rows * d, table);
  qi_norm_rope_into (s, qi_view_rows (s, y, 3, rows), qi_view_as (s, op_tensor (s, rows, n, x), rows, n), heads,
                     with_weight ? op_tensor (s, 1, d, w) : NULL, 1e-6f, with_rope ? &rope : NULL);
  for (guint r = 0; r < rows; r++)
    for (guint h = 0; h < heads; h++)
      {
        const float *in = x + (r * heads + h) * d;
        double *out = want + (r * heads + h) * d, sum = 0;

        for (guint i = 0; i < d; i++)
          sum += (double) in[i] * in[i];
        for (guint k = 0; k < d / 2; k++)
          {
            const guint i = halves ? k : 2 * k, j = halves ? k + d / 2 : 2 * k + 1;
            const double f = with_weight ? 1 / sqrt (sum / d + 1e-6) : 1;
            const double a = in[i] * f * (with_weight ? w[i] : 1), b = in[j] * f * (with_weight ? w[j] : 1);
            const double c = with_rope ? table[(r * d / 2 + k) * 2] : 1, z = with_rope ? table[(r * d / 2 + k) * 2 + 1] : 0;

            out[i] = a * c - b * z;
            out[j] = a * z + b * c;
          }
      }
  got = op_download (s, y);
  op_assert_near ("norm_rope", got + 3 * n, want, rows * n, 3e-6);
}

static void
test_rope (void)
{
  for (guint bits = 0; bits < 8; bits++)
    {
      check_rope (1, 1, 2, bits & 1, bits & 2, bits & 4);
      check_rope (7, 3, 10, bits & 1, bits & 2, bits & 4);
      check_rope (33, 9, 128, bits & 1, bits & 2, bits & 4);
    }
}

static void
add_tests (void)
{
  g_test_add_data_func ("/norm/rms", GUINT_TO_POINTER (RMS), test_rows);
  g_test_add_data_func ("/norm/layer", GUINT_TO_POINTER (LAYER), test_rows);
  g_test_add_data_func ("/norm/l2", GUINT_TO_POINTER (L2), test_rows);
  g_test_add_func ("/norm/rope", test_rope);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
