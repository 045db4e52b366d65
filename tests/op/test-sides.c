/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What adapters add to a linear layer, against the merged matrix in double loops. */
#include <math.h>

#include "tests/op/op-test.h"

/* A layer [n, k] with a low-rank side of rank 3, another of rank 8 with a scale, and two Kronecker products. */
typedef struct
{
  guint m, n, k;
  guint a, b, p, q; /* n = a p, k = b q */
  QiCompute compute;
  QiActivation act;
  gboolean add;       /* y += gate * … */
  guint64 max_binding;
} Case;

static void
add_product (double *merged, const float *up, const float *down, guint n, guint r, guint k, double scale)
{
  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < k; j++)
      for (guint l = 0; l < r; l++)
        merged[i * k + j] += scale * up[i * r + l] * down[l * k + j];
}

static void
add_kron (double *merged, const Case *c, const float *mix, const double *v)
{
  for (guint i = 0; i < c->n; i++)
    for (guint j = 0; j < c->k; j++)
      merged[i * c->k + j] += (double) mix[i / c->p * c->b + j / c->q] * v[i % c->p * c->q + j % c->q];
}

static double
activate (QiActivation act, double v)
{
  return act == QI_ACT_SILU ? v / (1 + exp (-v)) : v;
}

static const QiTensor *
matrix (QiStream *s, guint rows, guint columns, const float *values)
{
  return qi_view_as (s, op_tensor (s, rows, columns, values), rows, columns);
}

/* 8 bits: three roundings after each other, of 1/254 of what is largest in 32 values each, at five times their deviation. */
static void
check (const Case *c)
{
  enum { R1 = 3, R2 = 8, RV = 2 };
  const float scale = 0.25f;
  const guint m = c->m, n = c->n, k = c->k;
  g_autoptr (QiStream) s = op_stream (c->compute);
  g_autofree float *x = op_random (m * k, 1, 1), *w = op_random (n * k, 2, 1), *bias = op_random (n, 3, 1), *y = op_random (m * n, 4, 1),
                   *gate = op_random (n, 5, 1), *down1 = op_random (R1 * k, 6, 1), *up1 = op_random (n * R1, 7, 1),
                   *down2 = op_random (R2 * k, 8, 1), *up2 = op_random (n * R2, 9, 1), *mix = op_random (c->a * c->b, 10, 1),
                   *full = op_random (c->p * c->q, 11, 1), *v_down = op_random (RV * c->q, 12, 1),
                   *v_up = op_random (c->p * RV, 13, 1), *got = NULL;
  g_autofree double *merged = g_new0 (double, n * k), *want = g_new (double, m * n), *v = g_new0 (double, c->p * c->q);
  const QiSide sides[] = {
    { .down = { matrix (s, R1, k, down1) }, .up = { matrix (s, n, R1, up1) } },
    { .down = { matrix (s, c->p, c->q, full) }, .mix = matrix (s, c->a, c->b, mix) },
    { .down = { matrix (s, RV, c->q, v_down) }, .up = { matrix (s, c->p, RV, v_up) }, .mix = matrix (s, c->a, c->b, mix) },
    { .down = { matrix (s, R2, k, down2) }, .up = { .weight = matrix (s, n, R2, up2), .scale = op_tensor (s, 1, 1, &scale) } },
  };
  g_autofree char *what = g_strdup_printf ("%ux%ux%u %s act %d add %d", m, n, k, c->compute ? "f16" : "f32", c->act, c->add);

  for (guint i = 0; i < n * k; i++)
    merged[i] = w[i];
  add_product (merged, up1, down1, n, R1, k, 1);
  add_product (merged, up2, down2, n, R2, k, scale);
  add_product (v, v_up, v_down, c->p, RV, c->q, 1);
  add_kron (merged, c, mix, v);
  for (guint i = 0; i < c->p * c->q; i++)
    v[i] = full[i];
  add_kron (merged, c, mix, v);
  for (guint i = 0; i < m; i++)
    for (guint j = 0; j < n; j++)
      {
        double sum = bias[j];

        for (guint l = 0; l < k; l++)
          sum += x[i * k + l] * merged[j * k + l];
        want[i * n + j] = c->add ? y[i * n + j] + gate[j] * sum : activate (c->act, sum);
      }

  /* The order of the sides decides which kind applies the activation: both do in turn. */
  for (guint n_sides = G_N_ELEMENTS (sides), first = 0; first < 2; first++)
    {
      QiSide order[4];
      const QiLinear linear = { .weight = matrix (s, n, k, w), .bias = op_tensor (s, 1, n, bias), .sides = order, .n_sides = n_sides };
      const QiTensor *tx = matrix (s, m, k, x), *ty = matrix (s, m, n, y);

      for (guint i = 0; i < n_sides; i++)
        order[i] = sides[(i + 2 * first) % n_sides];
      qi_stream_set_limits (s, c->max_binding, c->max_binding ? 1e4 : 0);
      if (c->add)
        qi_linear_add_into (s, ty, tx, &linear, op_tensor (s, 1, n, gate));
      else
        qi_linear_into (s, ty, tx, &linear, c->act);
      g_clear_pointer (&got, g_free);
      got = op_download (s, ty);
      op_assert_near (what, got, want, m * n, op_int8 () ? 8e-2 : c->compute ? 1e-2 : 1e-5);
    }
}

static void
test_shapes (gconstpointer data)
{
  static const Case shapes[] = {
    { .m = 1, .n = 6, .k = 8, .a = 2, .b = 2, .p = 3, .q = 4 },
    { .m = 7, .n = 33, .k = 129, .a = 3, .b = 43, .p = 11, .q = 3 },
    { .m = 33, .n = 64, .k = 16, .a = 64, .b = 1, .p = 1, .q = 16 },
    { .m = 129, .n = 40, .k = 36, .a = 1, .b = 9, .p = 40, .q = 4 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      Case c = shapes[i];

      c.compute = GPOINTER_TO_UINT (data);
      check (&c);
      c.act = QI_ACT_SILU;
      check (&c);
      c.act = QI_ACT_NONE;
      c.add = TRUE;
      check (&c);
    }
}

static void
test_windows (void)
{
  check (&(Case){ .m = 37, .n = 48, .k = 64, .a = 4, .b = 8, .p = 12, .q = 8, .max_binding = 4096 });
  check (&(Case){ .m = 37, .n = 48, .k = 64, .a = 4, .b = 8, .p = 12, .q = 8, .add = TRUE, .max_binding = 4096 });
}

static void
add_tests (void)
{
  g_test_add_data_func ("/sides/f32/shapes", GUINT_TO_POINTER (QI_COMPUTE_F32), test_shapes);
  g_test_add_data_func ("/sides/f16/shapes", GUINT_TO_POINTER (QI_COMPUTE_F16), test_shapes);
  g_test_add_func ("/sides/windows", test_windows);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
