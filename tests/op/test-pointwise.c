/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The pointwise ops against loops in double, at awkward shapes, whole and cut into small windows. Limits, relative to
 * the rms of what is wanted: one or two roundings of 6e-8 times the size of the largest value; exp brings a few more. */
#include <math.h>
#include <string.h>

#include "tests/op/op-test.h"
#include "tests/ref/ref-pointwise.h"

#define ROUNDING 1e-6
#define WITH_EXP 4e-6

static const guint shapes[][2] = { { 1, 1 }, { 7, 33 }, { 33, 7 }, { 129, 5 }, { 3, 1000 }, { 200, 64 } };

/* What one check works on: three operands of one shape, three of one row. */
typedef struct
{
  QiStream *s;
  guint64 rows, columns, n;
  float *v[3], *c[2];
  const QiTensor *tv[3], *tc[2];
  double *want;
} Case;

static void
compare (const Case *c, const char *what, const QiTensor *y, double limit)
{
  g_autofree float *got = op_download (c->s, y);
  g_autofree char *label = g_strdup_printf ("%s %dx%d", what, (int) c->rows, (int) c->columns);

  op_assert_near (label, got, c->want, c->n, limit);
}

static void
check_elements (Case *c)
{
  for (QiActivation act = 0; act <= QI_ACT_SILU; act++)
    {
      ref_activate (c->want, c->v[0], c->n, act);
      compare (c, "activate", qi_activate (c->s, c->tv[0], act), WITH_EXP);
    }
  ref_swiglu (c->want, c->v[0], c->v[1], c->n);
  compare (c, "swiglu", qi_swiglu (c->s, c->tv[0], c->tv[1]), WITH_EXP);
  ref_axpby (c->want, -0.75f, c->v[0], 3.5f, c->v[1], c->n);
  compare (c, "axpby", qi_axpby (c->s, -0.75f, c->tv[0], 3.5f, c->tv[1]), ROUNDING);
  ref_axpby (c->want, 1.25f, c->v[0], 0, NULL, c->n);
  compare (c, "scale", qi_axpby (c->s, 1.25f, c->tv[0], 7, NULL), ROUNDING);
  ref_axpby (c->want, 1, c->v[0], 1, c->v[1], c->n);
  compare (c, "add", qi_add (c->s, c->tv[0], c->tv[1]), ROUNDING);
  for (guint64 i = 0; i < c->n; i++)
    c->want[i] = CLAMP (c->v[0][i], -0.5f, 0.25f);
  compare (c, "clamp", qi_clamp (c->s, c->tv[0], -0.5f, 0.25f), 0);
}

static void
check_columns (Case *c)
{
  for (guint have = 0; have < 4; have++)
    {
      const gboolean m = have & 1, a = have & 2;

      ref_affine (c->want, c->v[0], m ? c->c[0] : NULL, 0, a ? c->c[1] : NULL, c->rows, c->columns);
      compare (c, "affine", qi_affine (c->s, c->tv[0], m ? c->tc[0] : NULL, a ? c->tc[1] : NULL), ROUNDING);
      ref_affine (c->want, c->v[0], m ? c->c[0] : NULL, 1, a ? c->c[1] : NULL, c->rows, c->columns);
      compare (c, "modulate", qi_modulate (c->s, c->tv[0], a ? c->tc[1] : NULL, m ? c->tc[0] : NULL), ROUNDING);
    }
  /* Twice into the same tensor: v2 + gate v0, then + v1. */
  ref_add_gated (c->want, c->v[2], c->v[0], c->c[0], c->rows, c->columns);
  qi_add_gated_into (c->s, c->tv[2], c->tv[0], c->tc[0]);
  compare (c, "add_gated", c->tv[2], ROUNDING);
  for (guint64 i = 0; i < c->n; i++)
    c->want[i] += c->v[1][i];
  qi_add_gated_into (c->s, c->tv[2], c->tv[1], NULL);
  compare (c, "add_gated again", c->tv[2], ROUNDING);
}

static void
check_guide (Case *c)
{
  for (guint rescale = 0; rescale < 2; rescale++)
    {
      ref_guide (c->want, c->v[0], c->v[1], 4.0f, rescale, c->rows, c->columns);
      compare (c, rescale ? "guide, rescaled" : "guide", qi_guide (c->s, c->tv[0], c->tv[1], 4.0f, rescale), 2e-6);
    }
}

/* data: bytes of one binding, 0 for the device's own. */
static void
test_shapes (gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
      Case c = { .s = s, .rows = shapes[i][0], .columns = shapes[i][1] };

      c.n = c.rows * c.columns;
      c.want = g_new (double, c.n);
      qi_stream_set_limits (s, GPOINTER_TO_UINT (data), GPOINTER_TO_UINT (data) ? 1e4 : 0);
      for (guint j = 0; j < 3; j++)
        c.tv[j] = qi_view_as (s, op_tensor (s, c.rows, c.columns, c.v[j] = op_random (c.n, 10 + j, 2)), c.rows, c.columns);
      for (guint j = 0; j < 2; j++)
        c.tc[j] = op_tensor (s, 1, c.columns, c.c[j] = op_random (c.columns, 20 + j, 1));
      check_elements (&c);
      check_columns (&c);
      check_guide (&c);
      for (guint j = 0; j < 3; j++)
        g_free (c.v[j]);
      for (guint j = 0; j < 2; j++)
        g_free (c.c[j]);
      g_free (c.want);
    }
}

/* Activations where a careless formula gives NaN, infinity or nothing at all: each value to a few roundings of its own
 * size, below zero of its input's. */
static void
test_extremes (void)
{
  static const float x[] = { 0.0f,  1e-30f, -1e-6f, 0.5f,  -0.5f, 3.0f,   -3.0f,  6.0f,  -6.0f,
                             15.0f, -15.0f, 88.0f,  -88.0f, 90.0f, -90.0f, 200.0f, -200.0f, 1e6f, -1e6f, 1e20f, -1e20f };
  const guint n = G_N_ELEMENTS (x);

  for (QiActivation act = QI_ACT_GELU_TANH; act <= QI_ACT_SILU; act++)
    {
      g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
      g_autofree float *got = op_download (s, qi_activate (s, op_tensor (s, 1, n, x), act));

      for (guint i = 0; i < n; i++)
        {
          const double want = ref_activation (act, x[i]);

          if (!(fabs (got[i] - want) <= 3e-6 * fabs (want) + 2e-7 * MIN (fabs (x[i]), 20.0)))
            {
              g_test_message ("activation %d of %g is %.9g, want %.9g", act, x[i], got[i], want);
              g_test_fail ();
            }
        }
    }
}

/* Rows whose guided value is zero stay zero, however they are rescaled. */
static void
test_guide_zero (void)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const float p[2 * 3] = { 0, 0, 0, 1, 2, -2 }, u[2 * 3] = { 0, 0, 0, 2, 4, -4 };
  g_autofree float *got = op_download (s, qi_guide (s, op_tensor (s, 2, 3, p), op_tensor (s, 2, 3, u), 2, TRUE));

  for (guint i = 0; i < 6; i++) /* second row: u + 2 (p - u) = 0 as well */
    g_assert_cmpfloat (got[i], ==, 0.0f);
}

/* A view that starts off every alignment is read and written in place, and its neighbours are left alone. */
static void
test_views (void)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  const guint columns = 7;
  g_autofree float *a = op_random (5 * columns, 1, 1), *b = op_random (3 * columns, 2, 1), *got = NULL;
  const QiTensor *t = op_tensor (s, 5, columns, a);
  double want[5 * 7];

  for (guint i = 0; i < 5 * columns; i++)
    want[i] = a[i] + (i >= columns && i < 4 * columns ? b[i - columns] : 0.0f);
  qi_add_gated_into (s, qi_view_rows (s, t, 1, 3), op_tensor (s, 3, columns, b), NULL);
  got = op_download (s, t);
  op_assert_near ("views", got, want, 5 * columns, ROUNDING);
}

static void
test_copy (void)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  guint8 bytes[3 * 34], *got;
  const QiTensor *y = qi_scratch (s, QI_DTYPE_Q8_0, 3, 32);

  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = i * 37;
  qi_copy_into (s, y, op_raw (s, QI_DTYPE_Q8_0, 3, 32, bytes));
  got = (guint8 *) op_download (s, y);
  g_assert_cmpmem (got, sizeof bytes, bytes, sizeof bytes);
  g_free (got);
}

static void
add_tests (void)
{
  g_test_add_data_func ("/pointwise/shapes", GUINT_TO_POINTER (0), test_shapes);
  g_test_add_data_func ("/pointwise/windows", GUINT_TO_POINTER (4096), test_shapes);
  g_test_add_func ("/pointwise/extremes", test_extremes);
  g_test_add_func ("/pointwise/guide-zero", test_guide_zero);
  g_test_add_func ("/pointwise/views", test_views);
  g_test_add_func ("/pointwise/copy", test_copy);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
