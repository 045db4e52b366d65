/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Attention against double loops: grouped heads, causal, ranges of keys, windows of rows. */
#include <math.h>

#include "tests/op/op-test.h"

typedef struct
{
  guint n_q, n_k, heads, kv_heads, d;
  gboolean causal, ranges;
  guint64 max_binding;
} Case;

static void
range_of (const Case *c, guint row, guint *begin, guint *end)
{
  *begin = c->ranges ? row / 5 * 5 % c->n_k : 0;
  *end = c->ranges ? MIN (*begin + row % 7, c->n_k) : c->n_k;
  if (c->causal)
    *end = MIN (*end, row + 1 + c->n_k - c->n_q);
}

static void
reference (const Case *c, const float *q, const float *k, const float *v, double *y)
{
  g_autofree double *p = g_new (double, c->n_k);

  for (guint i = 0; i < c->n_q; i++)
    for (guint h = 0; h < c->heads; h++)
      {
        const guint kh = h / (c->heads / c->kv_heads);
        double top = -INFINITY, sum = 0, *out = y + (i * c->heads + h) * c->d;
        guint begin, end;

        range_of (c, i, &begin, &end);
        for (guint l = 0; l < c->d; l++)
          out[l] = 0;
        for (guint j = begin; j < end; j++)
          {
            p[j] = 0;
            for (guint l = 0; l < c->d; l++)
              p[j] += (double) q[(i * c->heads + h) * c->d + l] * k[(j * c->kv_heads + kh) * c->d + l] / sqrt (c->d);
            top = MAX (top, p[j]);
          }
        for (guint j = begin; j < end; j++)
          sum += p[j] = exp (p[j] - top);
        for (guint j = begin; j < end; j++)
          for (guint l = 0; l < c->d; l++)
            out[l] += p[j] / sum * v[(j * c->kv_heads + kh) * c->d + l];
      }
}

static void
check (const Case *c)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint nq = c->n_q * c->heads * c->d, nk = c->n_k * c->kv_heads * c->d;
  g_autofree float *q = op_random (nq, 1, 2), *k = op_random (nk, 2, 2), *v = op_random (nk, 3, 1), *got = NULL;
  g_autofree double *want = g_new (double, nq);
  g_autofree guint32 *ranges = g_new (guint32, 2 * c->n_q);
  const guint64 qd[] = { c->n_q, c->heads * c->d }, kd[] = { c->n_k, c->kv_heads * c->d };
  QiAttention attention = { .n_heads = c->heads, .n_kv_heads = c->kv_heads, .causal = c->causal };
  g_autofree char *what = g_strdup_printf ("%u queries, %u keys, %u/%u heads of %u", c->n_q, c->n_k, c->heads, c->kv_heads, c->d);

  for (guint i = 0; i < c->n_q; i++)
    range_of (&(Case){ .n_k = c->n_k, .ranges = c->ranges }, i, &ranges[2 * i], &ranges[2 * i + 1]);
  if (c->ranges)
    attention.ranges = op_raw (s, QI_DTYPE_U32, 1, 2 * c->n_q, ranges);
  reference (c, q, k, v, want);
  {
    const QiTensor *tq = qi_stream_view (s, op_tensor (s, 1, nq, q), 2, qd), *tk = qi_stream_view (s, op_tensor (s, 1, nk, k), 2, kd),
                   *tv = qi_stream_view (s, op_tensor (s, 1, nk, v), 2, kd);

    qi_stream_set_limits (s, c->max_binding, 0);
    got = op_download (s, qi_attention (s, tq, tk, tv, &attention));
  }
  /* Scores of some tens err by 1e-5 in f32 at worst, and so do their exponentials. */
  op_assert_near (what, got, want, nq, 2e-5);
}

static void
test_joint (void)
{
  static const Case cases[] = { { 1, 1, 1, 1, 2 }, { 7, 33, 3, 3, 4 }, { 33, 129, 2, 2, 32 }, { 9, 20, 1, 1, 128 },
                                { 20, 20, 1, 1, 384 }, { 65, 65, 24, 24, 10 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i]);
}

static void
test_grouped (void)
{
  check (&(Case){ 17, 17, 6, 2, 16 });
  check (&(Case){ 17, 19, 28, 4, 8 });
}

static void
test_causal (void)
{
  check (&(Case){ 17, 17, 4, 2, 16, TRUE });
  check (&(Case){ 1, 33, 2, 2, 16, TRUE });
  check (&(Case){ 9, 33, 2, 2, 16, TRUE });
}

static void
test_ranges (void)
{
  check (&(Case){ 40, 40, 2, 2, 20, FALSE, TRUE });
  check (&(Case){ 40, 40, 2, 2, 20, TRUE, TRUE });
}

static void
test_windows (void)
{
  check (&(Case){ 50, 50, 2, 2, 16, TRUE, TRUE, 128 * 11 });
}

static void
add_tests (void)
{
  g_test_add_func ("/attention/joint", test_joint);
  g_test_add_func ("/attention/grouped", test_grouped);
  g_test_add_func ("/attention/causal", test_causal);
  g_test_add_func ("/attention/ranges", test_ranges);
  g_test_add_func ("/attention/windows", test_windows);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
