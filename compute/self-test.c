/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/self-test.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "compute/learnt.h"
#include "compute/op.h"
#include "compute/pipeline.h"

#define GROUP "self-test"

/* Few and many rows, at least once for each group of tiles; odd ends of every tile, decoding in the tile and beforehand. */
static const struct
{
  QiDtype type;
  guint m, n, k;
} cases[] = {
  { QI_DTYPE_F16, 9, 19, 36 },
  { QI_DTYPE_BF16, 130, 137, 41 },
  { QI_DTYPE_Q8_0, 21, 24, 96 },
  { QI_DTYPE_Q8_0, 41, 70, 64 },
  { QI_DTYPE_Q4_K, 1, 50, 256 },
  { QI_DTYPE_Q4_K, 3, 17, 256 },
  { QI_DTYPE_Q4_K, 300, 40, 256 },
};

/* Largest difference, in units of the answers' root mean square: sums in f32; operands in f16; x in 8 bits. */
static const double limits[QI_N_KERNELS][2] = {
  [QI_KERNEL_SCALAR] = { [QI_COMPUTE_F32] = 1e-4, [QI_COMPUTE_F16] = 1e-2 },
  [QI_KERNEL_COOPMAT] = { [QI_COMPUTE_F16] = 1e-2 },
  [QI_KERNEL_DOT] = { [QI_COMPUTE_F32] = 0.1, [QI_COMPUTE_F16] = 0.1 },
  [QI_KERNEL_COOPMAT2] = { [QI_COMPUTE_F16] = 1e-2 },
  [QI_KERNEL_PANELS] = { [QI_COMPUTE_F32] = 1e-4, [QI_COMPUTE_F16] = 1e-2 },
};

/* -- numbers and their meaning --------------------------------------------------------------------- */

static guint32
next (guint32 *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static guint16
read_16 (const guint8 *at)
{
  return (guint16) (at[0] | at[1] << 8);
}

/* A normal f16 number. */
static double
half (guint16 bits)
{
  return ldexp (1024 + (bits & 1023), (bits >> 10 & 31) - 25) * (bits & 0x8000 ? -1 : 1);
}

/* One of magnitude 2^(exponent - 15) to 2^(exponent - 13). */
static void
put_half (guint8 *at, guint exponent, guint32 *state)
{
  const guint32 r = next (state);

  at[0] = (guint8) r;
  at[1] = (guint8) ((r >> 8 & 0x87) | exponent << 2);
}

static void
fill_weight (QiDtype type, guint8 *w, gsize bytes, guint32 *state)
{
  const guint block = qi_dtype_info (type)->block_bytes;

  for (gsize i = 0; i < bytes; i++)
    w[i] = (guint8) next (state);
  for (gsize at = 0; at < bytes; at += block)
    if (type == QI_DTYPE_F16)
      put_half (w + at, 12, state);
    else if (type == QI_DTYPE_BF16)
      w[at + 1] = (w[at + 1] & 0x80) | 0x3e;
    else if (type == QI_DTYPE_Q8_0)
      put_half (w + at, 6, state);
    else
      {
        put_half (w + at, 4, state);
        put_half (w + at + 2, 4, state);
      }
}

static double
q4_k_value (const guint8 *b, guint i)
{
  const guint8 *sc = b + 4;
  const guint s = i / 32;
  const guint scale = s < 4 ? sc[s] & 63 : (sc[s + 4] & 15) | sc[s - 4] >> 6 << 4;
  const guint low = s < 4 ? sc[s + 4] & 63 : (guint) (sc[s + 4] >> 4 | sc[s] >> 6 << 4);
  const guint q = b[16 + 32 * (i / 64) + i % 32] >> 4 * (s & 1) & 15;

  return half (read_16 (b)) * scale * q - half (read_16 (b + 2)) * low;
}

static double
weight_value (QiDtype type, const guint8 *row, guint i)
{
  const guint8 *b = row + i / qi_dtype_info (type)->block_len * qi_dtype_info (type)->block_bytes;
  const guint e = i % qi_dtype_info (type)->block_len;
  const guint32 wide = (guint32) read_16 (b) << 16;
  float f;

  switch (type)
    {
    case QI_DTYPE_F16: return half (read_16 (b));
    case QI_DTYPE_BF16: memcpy (&f, &wide, sizeof f); return f;
    case QI_DTYPE_Q8_0: return half (read_16 (b)) * (gint8) b[2 + e];
    default: return q4_k_value (b, e);
    }
}

/* -- one row --------------------------------------------------------------------------------------- */

/* silu (x w^T + bias); the largest difference from the answer in units of its root mean square, NaN counting as infinite. */
static gboolean
run_case (QiStream *s, guint i, double *difference, GError **error)
{
  const QiDtype type = cases[i].type;
  const guint m = cases[i].m, n = cases[i].n, k = cases[i].k;
  const gsize row_bytes = qi_dtype_row_bytes (type, k);
  g_autofree float *x = g_new (float, m * k), *bias = g_new (float, n), *got = g_new0 (float, m * n);
  g_autofree double *dense = g_new (double, n * k);
  g_autofree guint8 *w = g_malloc (n * row_bytes);
  const QiTensor *tx = qi_scratch (s, QI_DTYPE_F32, m, k), *tw = qi_scratch (s, type, n, k), *tb = qi_scratch (s, QI_DTYPE_F32, n), *y;
  guint32 state = i + 1;
  double squares = 0, worst = 0;

  for (guint j = 0; j < m * k; j++)
    x[j] = (float) next (&state) / (1 << 23) - 1;
  for (guint j = 0; j < n; j++)
    bias[j] = (float) next (&state) / (1 << 23) - 1;
  fill_weight (type, w, n * row_bytes, &state);
  for (guint j = 0; j < n * k; j++)
    dense[j] = weight_value (type, w + j / k * row_bytes, j % k);
  qi_stream_upload (s, tx, 0, x, qi_tensor_bytes (tx));
  qi_stream_upload (s, tw, 0, w, n * row_bytes);
  qi_stream_upload (s, tb, 0, bias, qi_tensor_bytes (tb));
  y = qi_linear (s, tx, &(QiLinear){ .weight = tw, .bias = tb }, QI_ACT_SILU);
  if (!qi_stream_download (s, y, got, qi_tensor_bytes (y), error))
    return FALSE;
  for (guint r = 0; r < m; r++)
    for (guint c = 0; c < n; c++)
      {
        double want = bias[c], off;

        for (guint j = 0; j < k; j++)
          want += x[r * k + j] * dense[c * k + j];
        want /= 1 + exp (-want);
        off = fabs (got[r * n + c] - want);
        squares += want * want;
        worst = isfinite (off) ? MAX (worst, off) : INFINITY;
      }
  *difference = worst / sqrt (squares / (m * n));
  return TRUE;
}

/* Widths of heads that attention is tried with: one that is no whole number of any tile, and one that rows for even widths take. */
static const guint heads[] = { 40, 48 };

/* Attention of a head of width d over 70 keys, causal: odd ends of every tile. */
static gboolean
run_attention (QiStream *s, guint d, double *difference, GError **error)
{
  enum { N = 70, MOST = 48 };
  const QiTensor *t[3], *y;
  g_autofree float *values = g_new (float, 3 * N * d), *got = g_new0 (float, N * d);
  const float *q = values, *k = values + N * d, *v = values + 2 * N * d;
  guint32 state = 7;
  double squares = 0, worst = 0;

  for (guint i = 0; i < 3 * N * d; i++)
    values[i] = (float) next (&state) / (1 << 22) - 2;
  for (guint i = 0; i < 3; i++)
    {
      t[i] = qi_scratch (s, QI_DTYPE_F32, N, d);
      qi_stream_upload (s, t[i], 0, values + i * N * d, N * d * sizeof *values);
    }
  y = qi_attention (s, t[0], t[1], t[2], &(QiAttention){ .n_heads = 1, .n_kv_heads = 1, .causal = TRUE });
  if (!qi_stream_download (s, y, got, N * d * sizeof *got, error))
    return FALSE;
  for (guint i = 0; i < N; i++)
    {
      double want[MOST] = { 0 }, sum = 0;

      for (guint j = 0; j <= i; j++)
        {
          double score = 0, p;

          for (guint c = 0; c < d; c++)
            score += (double) q[i * d + c] * k[j * d + c] / sqrt (d);
          p = exp (score);
          sum += p;
          for (guint c = 0; c < d; c++)
            want[c] += p * v[j * d + c];
        }
      for (guint c = 0; c < d; c++)
        {
          const double off = fabs (got[i * d + c] - want[c] / sum);

          squares += want[c] / sum * (want[c] / sum);
          worst = isfinite (off) ? MAX (worst, off) : INFINITY;
        }
    }
  *difference = worst / sqrt (squares / (N * d));
  return TRUE;
}

static void
set_wrong (QiDevice *device, QiKernel kernel, const char *what, double difference, double limit, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The kernels “%s” compute wrong results on %s with the driver %s: %s is off by %.3g of its size, %.3g are allowed",
               qi_kernel_name (kernel), device->name, device->driver, what, difference, limit);
}

static gboolean
run_cases (QiDevice *device, QiKernel kernel, QiCompute compute, double limit, gboolean *known, GError **error)
{
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);

  qi_stream_set_compute (s, compute);
  for (guint i = 0; i < G_N_ELEMENTS (cases) + G_N_ELEMENTS (heads); i++)
    {
      const gboolean linear = i < G_N_ELEMENTS (cases);
      double difference;

      *known = linear ? run_case (s, i, &difference, error)
                      : run_attention (s, heads[i - G_N_ELEMENTS (cases)], &difference, error);
      if (!*known)
        return FALSE;
      if (!(difference <= limit))
        {
          g_autofree char *what = linear ? g_strdup_printf ("%u×%u×%u with %s weights", cases[i].m, cases[i].n, cases[i].k,
                                                            qi_dtype_info (cases[i].type)->name)
                                         : g_strdup_printf ("attention with heads of %u", heads[i - G_N_ELEMENTS (cases)]);

          set_wrong (device, kernel, what, difference, limit, error);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
qi_self_test_row (QiDevice *device, QiKernel kernel, double strictness, gboolean *known, GError **error)
{
  const int forced = device->kernels.forced;
  gboolean right = TRUE;

  *known = TRUE;
  device->kernels.forced = (int) kernel;
  for (guint compute = 0; right && compute < G_N_ELEMENTS (limits[kernel]); compute++)
    if (limits[kernel][compute] > 0)
      right = run_cases (device, kernel, (QiCompute) compute, limits[kernel][compute] / strictness, known, error);
  device->kernels.forced = forced;
  return right;
}

/* -- what is known --------------------------------------------------------------------------------- */

/* Whether the row is right, as far as one knows; learns it where that is not known. */
static gboolean
look (QiDevice *device, QiKernel kernel, GKeyFile *file, gboolean *learnt, GError **error)
{
  const char *name = qi_kernel_name (kernel);
  g_autoptr (GError) why = NULL;
  g_autofree char *before = g_key_file_get_string (file, GROUP, name, NULL);
  gboolean known, right;

  if (g_strcmp0 (before, "right") == 0)
    return TRUE;
  if (before)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_UNSUPPORTED, before);
      return FALSE;
    }
  right = qi_self_test_row (device, kernel, 1, &known, &why);
  if (!known)
    {
      /* No memory, say: that tells nothing about the row, and whoever uses it will be told. */
      g_info ("kernels %s not tried: %s", name, why->message);
      return TRUE;
    }
  g_key_file_set_string (file, GROUP, name, right ? "right" : why->message);
  *learnt = TRUE;
  if (!right)
    g_propagate_error (error, g_steal_pointer (&why));
  return right;
}

gboolean
qi_self_test (QiDevice *device, GError **error)
{
  const guint32 in_use = qi_kernels_in_use (&device->kernels, &device->info);
  g_autofree char *path = NULL;
  g_autoptr (GKeyFile) file = NULL;
  gboolean learnt = FALSE, usable = TRUE;

  if (in_use == QI_KERNEL_BIT (QI_KERNEL_SCALAR))
    return TRUE;
  path = qi_pipeline_cache_path (device, "kernels");
  file = qi_learnt_load (path, GROUP, qi_shader_digest);
  for (QiKernel kernel = 0; kernel < QI_N_KERNELS && usable; kernel++)
    {
      g_autoptr (GError) why = NULL;

      if (!(in_use & QI_KERNEL_BIT (kernel)) || look (device, kernel, file, &learnt, &why))
        continue;
      device->kernels.failed |= QI_KERNEL_BIT (kernel);
      usable = kernel != QI_KERNEL_SCALAR && device->kernels.forced != (int) kernel;
      if (usable)
        g_warning ("%s; others take their place", why->message);
      else
        g_propagate_error (error, g_steal_pointer (&why));
    }
  if (learnt)
    qi_learnt_save (file, path, NULL);
  qi_device_reset_memory_peak (device);
  return usable;
}
