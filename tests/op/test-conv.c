/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* 3x3 convolutions against double loops: every mode, odd sizes, few and many channels, 16-bit weights, windows. */
#include <math.h>
#include <string.h>

#include "tests/op/op-test.h"

typedef struct
{
  guint h, w, ci, co;
  QiConvMode mode;
  QiDtype type;
  gboolean residual;
  guint64 max_binding;
} Case;

static void
output_size (const Case *c, guint *oh, guint *ow)
{
  *oh = c->mode == QI_CONV_UP ? 2 * c->h : c->mode == QI_CONV_DOWN ? c->h / 2 : c->h;
  *ow = c->mode == QI_CONV_UP ? 2 * c->w : c->mode == QI_CONV_DOWN ? c->w / 2 : c->w;
}

/* Value of the padded, perhaps grown, input that tap (ky, kx) of output (y, x) reads. */
static double
input (const Case *c, const float *in, int y, int x, int ky, int kx, guint ch)
{
  const int grown = c->mode == QI_CONV_UP ? 2 : 1;
  int iy = c->mode == QI_CONV_DOWN ? 2 * y + ky : y + ky - 1, ix = c->mode == QI_CONV_DOWN ? 2 * x + kx : x + kx - 1;

  if (iy < 0 || ix < 0 || iy >= (int) c->h * grown || ix >= (int) c->w * grown)
    return 0;
  return in[((iy / grown) * c->w + ix / grown) * c->ci + ch];
}

/* Rounds w to what a 16-bit type holds (f16: down to 1/64, so that the encoding is simple) and gives its bits. */
static guint16
to_half (QiDtype type, float *w)
{
  guint32 bits;
  int e;

  if (type == QI_DTYPE_F16)
    {
      const double m = frexp (fabs (*w = roundf (*w * 64) / 64), &e);

      return *w ? (*w < 0) << 15 | (e + 14) << 10 | (guint16) ((2 * m - 1) * 1024) : 0;
    }
  memcpy (&bits, w, 4);
  bits &= 0xffff0000u;
  memcpy (w, &bits, 4);
  return bits >> 16;
}

/* The op's result, compared with the loops. (transfer full) */
static float *
check (const Case *c)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  guint oh, ow;
  g_autofree float *x = op_random (c->h * c->w * c->ci, 1, 1), *w = op_random (c->co * 9 * c->ci, 2, 1),
                   *bias = op_random (c->co, 3, 1), *residual = NULL;
  g_autofree guint16 *half = g_new (guint16, c->co * 9 * c->ci);
  g_autofree double *want = NULL;
  float *got;
  QiConv conv = { 0 };
  const QiTensor *tx, *tr = NULL, *tw;
  g_autofree char *what = g_strdup_printf ("%ux%u, %u to %u, mode %u, %s", c->h, c->w, c->ci, c->co, c->mode,
                                           qi_dtype_info (c->type)->name);

  output_size (c, &oh, &ow);
  residual = op_random (oh * ow * c->co, 4, 1);
  want = g_new0 (double, oh * ow * c->co);
  for (guint i = 0; c->type != QI_DTYPE_F32 && i < c->co * 9 * c->ci; i++)
    half[i] = to_half (c->type, &w[i]);
  tx = qi_view_as (s, op_tensor (s, 1, c->h * c->w * c->ci, x), c->h, c->w, c->ci);
  tw = qi_scratch (s, c->type, c->co, 3, 3, c->ci);
  qi_stream_upload (s, tw, 0, c->type == QI_DTYPE_F32 ? (void *) w : half, qi_tensor_bytes (tw));
  conv.weight = tw;
  conv.bias = op_tensor (s, 1, c->co, bias);
  if (c->residual)
    tr = qi_view_as (s, op_tensor (s, 1, oh * ow * c->co, residual), oh, ow, c->co);
  qi_stream_set_limits (s, c->max_binding, 0);
  got = op_download (s, qi_conv2d (s, tx, &conv, c->mode, tr));
  for (guint y = 0; y < oh; y++)
    for (guint px = 0; px < ow; px++)
      for (guint o = 0; o < c->co; o++)
        {
          double sum = bias[o] + (c->residual ? residual[(y * ow + px) * c->co + o] : 0);

          for (guint tap = 0; tap < 9; tap++)
            for (guint ch = 0; ch < c->ci; ch++)
              sum += input (c, x, y, px, tap / 3, tap % 3, ch) * w[(o * 9 + tap) * c->ci + ch];
          want[(y * ow + px) * c->co + o] = sum;
        }
  /* 9 c_in roundings of 6e-8, which partly cancel. */
  op_assert_near (what, got, want, oh * ow * c->co, 5e-6);
  return got;
}

static void
test_mode (gconstpointer data)
{
  const QiConvMode mode = GPOINTER_TO_UINT (data);
  static const guint sizes[][4] = { { 2, 2, 1, 1 }, { 7, 5, 3, 33 }, { 13, 27, 8, 7 }, { 16, 16, 20, 96 }, { 3, 129, 96, 3 } };
  static const QiDtype types[] = { QI_DTYPE_F32, QI_DTYPE_F16, QI_DTYPE_BF16 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint k = 0; k < G_N_ELEMENTS (types); k++)
      g_free (check (&(Case){ sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], mode, types[k], (i + k) & 1 }));
}

/* Windows of output rows give the same bytes as one dispatch, however many rows they have. */
static void
test_windows (gconstpointer data)
{
  const QiConvMode mode = GPOINTER_TO_UINT (data);
  Case c = { 21, 9, 8, 12, mode, QI_DTYPE_F32, TRUE };
  const guint n = mode == QI_CONV_UP ? 42 * 18 * 12 : mode == QI_CONV_DOWN ? 10 * 4 * 12 : 21 * 9 * 12;
  g_autofree float *whole = check (&c);

  for (guint rows = 1; rows < 8; rows += 3)
    {
      g_autofree float *split = NULL;

      c.max_binding = 18 * 12 * 4 * rows;
      split = check (&c);
      g_assert_cmpmem (split, n * 4, whole, n * 4);
    }
  g_free (check (&(Case){ 21, 9, 7, 5, mode, QI_DTYPE_BF16, FALSE, 9 * 8 * 4 * 7 }));
}

static void
test_one_pixel (void)
{
  g_free (check (&(Case){ 1, 1, 4, 5, QI_CONV_SAME, QI_DTYPE_F32 }));
  g_free (check (&(Case){ 1, 1, 4, 5, QI_CONV_UP, QI_DTYPE_F32 }));
  g_free (check (&(Case){ 1, 70, 4, 5, QI_CONV_SAME, QI_DTYPE_F32 }));
  g_free (check (&(Case){ 70, 1, 4, 5, QI_CONV_SAME, QI_DTYPE_F32 }));
}

static void
add_tests (void)
{
  g_test_add_data_func ("/conv/same", GUINT_TO_POINTER (QI_CONV_SAME), test_mode);
  g_test_add_data_func ("/conv/down", GUINT_TO_POINTER (QI_CONV_DOWN), test_mode);
  g_test_add_data_func ("/conv/up", GUINT_TO_POINTER (QI_CONV_UP), test_mode);
  g_test_add_data_func ("/conv/windows/same", GUINT_TO_POINTER (QI_CONV_SAME), test_windows);
  g_test_add_data_func ("/conv/windows/down", GUINT_TO_POINTER (QI_CONV_DOWN), test_windows);
  g_test_add_data_func ("/conv/windows/up", GUINT_TO_POINTER (QI_CONV_UP), test_windows);
  g_test_add_func ("/conv/one-pixel", test_one_pixel);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
