/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Attention against double loops: any head width, grouped heads, causal, ranges of keys; windows of rows, heads and keys. */
#include <math.h>

#include "base/env.h"
#include "tests/op/op-test.h"

typedef struct
{
  guint n_q, n_k, heads, kv_heads, d;
  gboolean causal, ranges;
  guint64 max_binding;
  double flops; /* of one dispatch */
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

static QiCompute compute; /* f16 where a row that computes with it is forced */

/* The op's result, compared with the reference. (transfer full) */
static float *
check (const Case *c)
{
  g_autoptr (QiStream) s = op_stream (compute);
  const guint nq = c->n_q * c->heads * c->d, nk = c->n_k * c->kv_heads * c->d;
  g_autofree float *q = op_random (nq, 1, 2), *k = op_random (nk, 2, 2), *v = op_random (nk, 3, 1);
  float *got;
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

    qi_stream_set_limits (s, c->max_binding, c->flops);
    got = op_download (s, qi_attention (s, tq, tk, tv, &attention));
  }
  /* Scores of some tens err by 1e-5 in f32 at worst, and so do their exponentials; in f16 by a hundredth. */
  op_assert_near (what, got, want, nq, compute ? 2e-2 : 2e-5);
  return got;
}

static void
test_joint (void)
{
  static const Case cases[] = { { 1, 1, 1, 1, 2 }, { 7, 33, 3, 3, 4 }, { 33, 129, 2, 2, 32 }, { 9, 20, 1, 1, 128 },
                                { 20, 20, 1, 1, 384 }, { 65, 65, 24, 24, 10 }, { 5, 130, 2, 2, 1 }, { 25, 70, 1, 1, 33 },
                                { 3, 9, 1, 1, 512 },   { 49, 257, 3, 3, 80 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_free (check (&cases[i]));
}

static void
test_grouped (void)
{
  g_free (check (&(Case){ 17, 17, 6, 2, 16 }));
  g_free (check (&(Case){ 17, 19, 28, 4, 8 }));
}

static void
test_causal (void)
{
  g_free (check (&(Case){ 17, 17, 4, 2, 16, TRUE }));
  g_free (check (&(Case){ 1, 33, 2, 2, 16, TRUE }));
  g_free (check (&(Case){ 9, 33, 2, 2, 16, TRUE }));
}

static void
test_ranges (void)
{
  g_free (check (&(Case){ 40, 40, 2, 2, 20, FALSE, TRUE }));
  g_free (check (&(Case){ 40, 40, 2, 2, 20, TRUE, TRUE }));
}

/* Rows of queries see all keys of theirs in one go or not: the bytes are the same. */
static void
test_windows (void)
{
  const Case whole = { 70, 70, 4, 2, 16, TRUE, TRUE };
  g_autofree float *one = check (&whole);
  const guint n = 70 * 4 * 16;

  for (guint i = 0; i < 3; i++)
    {
      Case split = whole;
      g_autofree float *got = NULL;

      split.max_binding = i == 1 ? 0 : 70 * 2 * 16 * 4;   /* keys in one window, 31 rows of state */
      split.flops = i == 0 ? 0 : 4.0 * 70 * 16 * 24 * 1.5; /* 1 head of a tile of 24 rows */
      got = check (&split);
      g_assert_cmpmem (got, n * 4, one, n * 4);
    }
}

/* Keys in windows of a block or of less than one, with queries in windows of one row and of more. */
static void
test_key_windows (void)
{
  g_free (check (&(Case){ 50, 300, 2, 2, 16, FALSE, FALSE, 128 * 64 }));
  g_free (check (&(Case){ 50, 300, 2, 1, 16, TRUE, FALSE, 64 * 150 }));
  g_free (check (&(Case){ 300, 300, 2, 2, 16, TRUE, TRUE, 128 * 100 }));
  g_free (check (&(Case){ 50, 50, 2, 2, 16, FALSE, TRUE, 144 * 1 }));
  g_free (check (&(Case){ 9, 200, 2, 2, 33, FALSE, FALSE, 264 * 130, 1e4 }));
}

/* A row that sees no key gives zeros; large scores do not overflow. */
static void
test_extremes (void)
{
  g_autoptr (QiStream) s = op_stream (compute);
  const float q[] = { 1e4f, -1e4f, 3, 4 }, k[] = { 1e4f, 0, 0, 1e4f }, v[] = { 1, 2, 3, 4 };
  const guint32 ranges[] = { 0, 2, 1, 1 };
  const QiAttention attention = { .n_heads = 1, .n_kv_heads = 1, .ranges = op_raw (s, QI_DTYPE_U32, 2, 2, ranges) };
  g_autofree float *got = op_download (s, qi_attention (s, op_tensor (s, 2, 2, q), op_tensor (s, 2, 2, k),
                                                        op_tensor (s, 2, 2, v), &attention));

  g_assert_cmpfloat (got[0], ==, 1);
  g_assert_cmpfloat (got[1], ==, 2);
  g_assert_cmpfloat (got[2], ==, 0);
  g_assert_cmpfloat (got[3], ==, 0);
}

static void
add_tests (void)
{
  compute = g_strcmp0 (qi_env_kernels (), "coopmat") == 0 ? QI_COMPUTE_F16 : QI_COMPUTE_F32;
  g_test_add_func ("/attention/joint", test_joint);
  g_test_add_func ("/attention/grouped", test_grouped);
  g_test_add_func ("/attention/causal", test_causal);
  g_test_add_func ("/attention/ranges", test_ranges);
  g_test_add_func ("/attention/windows", test_windows);
  g_test_add_func ("/attention/key-windows", test_key_windows);
  g_test_add_func ("/attention/extremes", test_extremes);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
