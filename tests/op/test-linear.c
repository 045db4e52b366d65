/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* linear and decode against double loops at awkward shapes. Block types are compared through qi_decode, whose values
 * the golden cases judge: here the sum over k, the tiles and the epilogues matter. */
#include <math.h>

#include "tests/op/op-test.h"

/* Random blocks whose f16 scales are small numbers. */
static guint8 *
random_weight (QiDtype type, guint64 rows, guint64 columns)
{
  const guint64 bytes = rows * qi_dtype_row_bytes (type, columns);
  const QiDtypeInfo *info = qi_dtype_info (type);
  static const guint scale_at[QI_N_WEIGHT_DTYPES][2] = {
    [QI_DTYPE_Q2_K] = { 80, 82 }, [QI_DTYPE_Q3_K] = { 108, 108 }, [QI_DTYPE_Q6_K] = { 208, 208 },
    [QI_DTYPE_Q4_1] = { 0, 2 }, [QI_DTYPE_Q5_1] = { 0, 2 }, [QI_DTYPE_Q4_K] = { 0, 2 }, [QI_DTYPE_Q5_K] = { 0, 2 },
  };
  guint8 *w = g_malloc (bytes);
  g_autoptr (GRand) rand = g_rand_new_with_seed (type * 77 + columns);

  for (guint64 i = 0; i < bytes; i++)
    w[i] = g_rand_int (rand);
  if (type == QI_DTYPE_F32)
    {
      g_free (w);
      return (guint8 *) op_random (rows * columns, 5, 1);
    }
  for (guint64 at = 0; at + info->block_bytes <= bytes; at += info->block_bytes)
    if (type == QI_DTYPE_F16 || type == QI_DTYPE_F8_E5M2)
      w[at + info->block_bytes - 1] = (w[at + info->block_bytes - 1] & 0x83) | 0x38;
    else if (type == QI_DTYPE_BF16)
      w[at + 1] = (w[at + 1] & 0x80) | 0x3f;
    else if (type == QI_DTYPE_F8_E4M3)
      w[at] = (w[at] & 0x87) | 0x30;
    else
      for (guint j = 0; j < 2; j++)
        w[at + scale_at[type][j] + 1] = 0x24 | (w[at + scale_at[type][j] + 1] & 0x83);
  return w;
}

/* f32: k roundings of 6e-8; f16: operands rounded to 2^-11, errors of a sum grow with its root. 8 bits: where the device's
 * division ends on the other side of a half, which quantised weights are often at, one step of 1/127. */
static double
limit (QiCompute compute)
{
  return op_int8 () ? 6e-3 : compute ? 5e-3 : 5e-6;
}

static void
check_linear (QiDtype type, QiCompute compute, guint64 m, guint64 n, guint64 k, QiActivation act, guint64 max_binding)
{
  g_autoptr (QiStream) s = op_stream (compute);
  g_autofree float *x = op_random (m * k, 1, 1), *bias = op_random (n, 2, 1), *scale = op_random (n, 3, 1);
  g_autofree guint8 *w = random_weight (type, n, k);
  const QiTensor *tx = op_tensor (s, m, k, x), *tw = qi_scratch (s, type, n, k);
  QiLinear linear = { .weight = tw };
  g_autofree float *dense = NULL, *got = NULL;
  g_autofree double *want = g_new (double, m * n);
  g_autofree char *what = g_strdup_printf ("%s %s %" G_GUINT64_FORMAT "x%" G_GUINT64_FORMAT "x%" G_GUINT64_FORMAT,
                                           qi_dtype_info (type)->name, compute ? "f16" : "f32", m, n, k);

  tx = qi_view_as (s, tx, m, k);
  qi_stream_upload (s, tw, 0, w, qi_tensor_bytes (tw));
  linear.bias = op_tensor (s, 1, n, bias);
  linear.scale = op_tensor (s, 1, n, scale);
  dense = op_download (s, qi_decode (s, tw));
  qi_stream_set_limits (s, max_binding, max_binding ? 1e4 : 0);
  got = op_download (s, qi_linear (s, tx, &linear, act));
  if (op_int8 ())
    {
      op_round_int8 (x, m, k);
      if (type != QI_DTYPE_Q8_0 && type != QI_DTYPE_Q4_0) /* these have whole numbers already */
        op_round_int8 (dense, n, k);
    }
  for (guint64 i = 0; i < m; i++)
    for (guint64 j = 0; j < n; j++)
      {
        double sum = 0, v;

        for (guint64 l = 0; l < k; l++)
          sum += (double) x[i * k + l] * dense[j * k + l];
        v = sum * scale[j] + bias[j];
        if (act == QI_ACT_GELU_TANH)
          v = 0.5 * v * (1 + tanh (sqrt (2 / G_PI) * (v + 0.044715 * v * v * v)));
        else if (act == QI_ACT_GELU_ERF)
          v = 0.5 * v * (1 + erf (v / sqrt (2)));
        else if (act == QI_ACT_SILU)
          v = v / (1 + exp (-v));
        want[i * n + j] = v;
      }
  op_assert_near (what, got, want, m * n, limit (compute));
}

static void
test_shapes (gconstpointer data)
{
  static const guint sizes[][3] = { { 1, 1, 1 }, { 7, 33, 129 }, { 33, 7, 64 }, { 129, 65, 36 }, { 4, 17, 132 }, { 1, 129, 256 },
                                   { 389, 35, 36 }, { 5, 9, 4 }, { 129, 71, 96 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    check_linear (QI_DTYPE_F32, GPOINTER_TO_UINT (data), sizes[i][0], sizes[i][1], sizes[i][2], QI_ACT_NONE, 0);
}

static void
test_types (gconstpointer data)
{
  for (QiDtype type = 0; type < QI_N_WEIGHT_DTYPES; type++)
    {
      const guint block = qi_dtype_info (type)->block_len;
      const guint k = block > 1 ? block * 2 : 68;

      check_linear (type, GPOINTER_TO_UINT (data), 3, 19, k, QI_ACT_NONE, 0);
      check_linear (type, GPOINTER_TO_UINT (data), 21, 19, k, QI_ACT_NONE, 0);
      check_linear (type, GPOINTER_TO_UINT (data), 50, 19, k, QI_ACT_NONE, 0); /* block types are expanded first */
      check_linear (type, GPOINTER_TO_UINT (data), block > 1 ? 50 : 131, 37, MAX (block, 64), QI_ACT_NONE, 0); /* panels, on processors */
    }
}

static void
test_epilogues (gconstpointer data)
{
  for (QiActivation act = 0; act <= QI_ACT_SILU; act++)
    check_linear (QI_DTYPE_BF16, GPOINTER_TO_UINT (data), 9, 21, 40, act, 0);
}

/* The split into windows changes nothing that the double loops can see, nor a bit. */
static void
test_windows (void)
{
  check_linear (QI_DTYPE_F32, QI_COMPUTE_F32, 37, 50, 64, QI_ACT_NONE, 2048);
  check_linear (QI_DTYPE_Q4_K, QI_COMPUTE_F16, 37, 50, 256, QI_ACT_NONE, 4096);
  check_linear (QI_DTYPE_Q4_K, QI_COMPUTE_F16, 101, 50, 256, QI_ACT_NONE, 4096);
}

static void
test_add (gconstpointer data)
{
  const QiCompute compute = GPOINTER_TO_UINT (data);
  g_autoptr (QiStream) s = op_stream (compute);
  const guint m = 5, n = 13, k = 12;
  g_autofree float *x = op_random (m * k, 1, 1), *w = op_random (n * k, 2, 1), *y = op_random (m * n, 3, 1),
                   *gate = op_random (n, 4, 1), *got = NULL;
  double want[5 * 13];
  const QiTensor *ty = op_tensor (s, m, n, y);

  qi_linear_add_into (s, ty, op_tensor (s, m, k, x), &(QiLinear){ .weight = op_tensor (s, n, k, w) }, op_tensor (s, 1, n, gate));
  got = op_download (s, ty);
  if (op_int8 ())
    {
      op_round_int8 (x, m, k);
      op_round_int8 (w, n, k);
    }
  for (guint i = 0; i < m; i++)
    for (guint j = 0; j < n; j++)
      {
        want[i * n + j] = y[i * n + j];
        for (guint l = 0; l < k; l++)
          want[i * n + j] += (double) gate[j] * x[i * k + l] * w[j * k + l];
      }
  op_assert_near ("add", got, want, m * n, limit (compute));
}

/* What is no number stays none, in its row alone: rounding to 8 bits must not make a picture of it. */
static void
test_not_a_number (gconstpointer data)
{
  g_autoptr (QiStream) s = op_stream (GPOINTER_TO_UINT (data));
  const guint m = 3, n = 5, k = 70;
  g_autofree float *x = op_random (m * k, 1, 1), *w = op_random (n * k, 2, 1), *got = NULL;

  x[k + 40] = NAN;
  got = op_download (s, qi_linear (s, op_tensor (s, m, k, x), &(QiLinear){ .weight = op_tensor (s, n, k, w) }, QI_ACT_NONE));
  for (guint i = 0; i < m * n; i++)
    g_assert_cmpint (isfinite (got[i]) != 0, ==, i / n != 1);
}

/* f16 operands never overflow: rows of 1e6 beside rows of 1e-6 and zeros. */
static void
test_f16_range (void)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F16);
  const guint k = 40, n = 9;
  g_autofree float *x = op_random (3 * k, 1, 1), *w = op_random (n * k, 2, 1), *got = NULL;

  for (guint i = 0; i < k; i++)
    {
      x[i] *= 1e6f;
      x[k + i] *= 1e-6f;
      x[2 * k + i] = 0;
    }
  got = op_download (s, qi_linear (s, op_tensor (s, 3, k, x), &(QiLinear){ .weight = op_tensor (s, n, k, w) }, QI_ACT_NONE));
  if (op_int8 ())
    {
      op_round_int8 (x, 3, k);
      op_round_int8 (w, n, k);
    }
  for (guint i = 0; i < 3; i++)
    {
      double want[9] = { 0 };

      for (guint j = 0; j < n; j++)
        for (guint l = 0; l < k; l++)
          want[j] += (double) x[i * k + l] * w[j * k + l];
      op_assert_near ("row", got + i * n, want, n, 5e-3);
    }
}

static void
add_tests (void)
{
  g_test_add_data_func ("/linear/f32/shapes", GUINT_TO_POINTER (QI_COMPUTE_F32), test_shapes);
  g_test_add_data_func ("/linear/f16/shapes", GUINT_TO_POINTER (QI_COMPUTE_F16), test_shapes);
  g_test_add_data_func ("/linear/f32/types", GUINT_TO_POINTER (QI_COMPUTE_F32), test_types);
  g_test_add_data_func ("/linear/f16/types", GUINT_TO_POINTER (QI_COMPUTE_F16), test_types);
  g_test_add_data_func ("/linear/f32/epilogues", GUINT_TO_POINTER (QI_COMPUTE_F32), test_epilogues);
  g_test_add_data_func ("/linear/f16/epilogues", GUINT_TO_POINTER (QI_COMPUTE_F16), test_epilogues);
  g_test_add_func ("/linear/windows", test_windows);
  g_test_add_data_func ("/linear/f32/add", GUINT_TO_POINTER (QI_COMPUTE_F32), test_add);
  g_test_add_data_func ("/linear/f16/add", GUINT_TO_POINTER (QI_COMPUTE_F16), test_add);
  g_test_add_func ("/linear/f16/range", test_f16_range);
  g_test_add_data_func ("/linear/f32/not-a-number", GUINT_TO_POINTER (QI_COMPUTE_F32), test_not_a_number);
  g_test_add_data_func ("/linear/f16/not-a-number", GUINT_TO_POINTER (QI_COMPUTE_F16), test_not_a_number);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
