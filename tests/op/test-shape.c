/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Moves of values: each element lands where the index formula of op.h says, exactly. */
#include "tests/op/op-test.h"

static float *
counted (gsize n)
{
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = i;
  return values;
}

/* A limit so small that rows go one by one, or none. */
static void
set_limit (QiStream *s, gconstpointer small)
{
  qi_stream_set_limits (s, GPOINTER_TO_UINT (small), 0);
}

static void
test_planes (void)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint c = 3, h = 5, w = 7;
  g_autofree float *in = counted (c * h * w), *pixels = NULL, *back = NULL;
  const QiTensor *x = qi_view_as (s, op_tensor (s, 1, c * h * w, in), c, h, w), *p = qi_planes_to_pixels (s, x);

  g_assert_cmpuint (qi_tensor_dim (p, 2), ==, c);
  pixels = op_download (s, p);
  for (guint i = 0; i < c * h * w; i++)
    g_assert_cmpfloat (pixels[(i / w % h * w + i % w) * c + i / (h * w)], ==, i);
  back = op_download (s, qi_pixels_to_planes (s, p));
  g_assert_cmpmem (back, c * h * w * 4, in, c * h * w * 4);
}

static void
test_patchify (gconstpointer limit)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint c = 5, h = 6, w = 14;
  g_autofree float *in = counted (c * h * w), *tokens = NULL, *back = NULL;
  const QiTensor *x = qi_view_as (s, op_tensor (s, 1, c * h * w, in), h, w, c), *t;

  set_limit (s, limit);
  t = qi_patchify (s, x);
  g_assert_cmpuint (qi_tensor_dim (t, 0), ==, h / 2 * (w / 2));
  g_assert_cmpuint (qi_tensor_dim (t, 1), ==, 4 * c);
  tokens = op_download (s, t);
  for (guint y = 0; y < h; y++)
    for (guint px = 0; px < w; px++)
      for (guint ch = 0; ch < c; ch++)
        g_assert_cmpfloat (tokens[(y / 2 * (w / 2) + px / 2) * 4 * c + 4 * ch + 2 * (y % 2) + px % 2], ==,
                           in[(y * w + px) * c + ch]);
  back = op_download (s, qi_unpatchify (s, t, h, w));
  g_assert_cmpmem (back, c * h * w * 4, in, c * h * w * 4);
}

static void
test_sizes (gconstpointer limit)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint c = 3, h = 5, w = 5; /* odd: what has no pair is left out */
  g_autofree float *in = counted (c * h * w), *up = NULL, *down = NULL;
  const QiTensor *x = qi_view_as (s, op_tensor (s, 1, c * h * w, in), h, w, c);

  set_limit (s, limit);
  up = op_download (s, qi_upsample (s, x));
  for (guint y = 0; y < 2 * h; y++)
    for (guint px = 0; px < 2 * w; px++)
      for (guint ch = 0; ch < c; ch++)
        g_assert_cmpfloat (up[(y * 2 * w + px) * c + ch], ==, in[(y / 2 * w + px / 2) * c + ch]);
  down = op_download (s, qi_downsample (s, x));
  for (guint y = 0; y < h / 2; y++)
    for (guint px = 0; px < w / 2; px++)
      for (guint ch = 0; ch < c; ch++)
        g_assert_cmpfloat (down[(y * (w / 2) + px) * c + ch], ==,
                           (in[(2 * y * w + 2 * px) * c + ch] + in[(2 * y * w + 2 * px + 1) * c + ch] +
                            in[((2 * y + 1) * w + 2 * px) * c + ch] + in[((2 * y + 1) * w + 2 * px + 1) * c + ch]) / 4);
}

static void
test_rows_and_columns (gconstpointer limit)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint rows = 700, n = 131; /* more than one row of groups */
  g_autofree float *in = counted (rows * n), *part = NULL, *both = NULL;
  const QiTensor *x = op_tensor (s, rows, n, in);

  set_limit (s, limit);
  part = op_download (s, qi_slice_columns (s, x, 2, 127));
  for (guint i = 0; i < rows * 127; i++)
    g_assert_cmpfloat (part[i], ==, in[i / 127 * n + 2 + i % 127]);
  both = op_download (s, qi_concat_rows (s, qi_view_rows (s, x, 3, 2), qi_view_rows (s, x, 1, 4)));
  g_assert_cmpmem (both, 2 * n * 4, in + 3 * n, 2 * n * 4);
  g_assert_cmpmem (both + 2 * n, 4 * n * 4, in + n, 4 * n * 4);
}

static void
add_tests (void)
{
  static const struct { const char *name; GTestDataFunc func; guint limit; } rows[] = {
    { "patchify", test_patchify, 600 }, { "sizes", test_sizes, 100 }, { "rows-and-columns", test_rows_and_columns, 20000 }
  };

  g_test_add_func ("/shape/planes", test_planes);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *whole = g_strdup_printf ("/shape/%s", rows[i].name), *windows = g_strdup_printf ("%s/windows", whole);

      g_test_add_data_func (whole, NULL, rows[i].func);
      g_test_add_data_func (windows, GUINT_TO_POINTER (rows[i].limit), rows[i].func);
    }
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
