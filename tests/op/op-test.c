/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/op/op-test.h"

#include <math.h>
#include <string.h>

typedef struct
{
  OpTestFunc func;
  gconstpointer data;
} OpCase;

static QiDevice *device; /* opened by the first test that runs */
static char *no_device;  /* why there is none */
static guint64 own_max_binding;

/* Opens the device at the first call. FALSE: the test is skipped, or has failed. */
static gboolean
have_device (void)
{
  if (!device && !no_device)
    {
      const QiDeviceParams params = { .validate = TRUE };
      g_autoptr (GError) error = NULL;

      device = qi_device_open (&params, &error);
      if (device)
        own_max_binding = qi_device_info (device)->max_binding;
      else
        no_device = g_strdup (error->message);
    }
  if (device)
    return TRUE;
  if (g_strcmp0 (g_getenv ("QI_REQUIRE_VULKAN"), "1") == 0)
    {
      g_test_message ("QI_REQUIRE_VULKAN=1, but %s", no_device);
      g_test_fail ();
    }
  else
    g_test_skip (no_device);
  return FALSE;
}

static void
set_max_binding (guint64 bytes)
{
  /* the info belongs to the device, which reads it afresh for each window */
  ((QiDeviceInfo *) qi_device_info (device))->max_binding = bytes;
}

static void
run_case (gconstpointer user_data)
{
  const OpCase *c = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;
  OpTest t = { 0 };
  guint n_messages;

  if (!have_device ())
    return;
  n_messages = qi_device_validation_messages (device, NULL);
  t.device = device;
  t.pool = qi_pool_new (device, "test", FALSE);
  t.s = qi_stream_new (device, FALSE);
  t.tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_unref);
  qi_stream_begin_scope (t.s);
  c->func (&t, c->data);
  qi_stream_end_scope (t.s);
  qi_stream_finish (t.s, &error);
  g_assert_no_error (error);
  qi_stream_free (t.s);
  g_ptr_array_unref (t.tensors);
  qi_pool_free (t.pool);
  set_max_binding (own_max_binding);
  if (qi_device_validation_messages (device, &message) > n_messages)
    g_error ("validation: %s", message ? message : "a message");
}

static void
free_case (gpointer data)
{
  g_free (data);
}

void
op_test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
}

void
op_test_add (const char *path, OpTestFunc func, gconstpointer data)
{
  OpCase *c = g_new (OpCase, 1);

  c->func = func;
  c->data = data;
  g_test_add_data_func_full (path, c, (void (*) (gconstpointer)) run_case, free_case);
}

int
op_test_run (void)
{
  int status = g_test_run ();

  g_clear_pointer (&device, qi_device_close);
  g_clear_pointer (&no_device, g_free);
  return status;
}

const QiTensor *
op_test_tensor (OpTest *t, QiDtype dtype, const void *bytes, guint n_dims, const guint64 *dims)
{
  g_autoptr (GError) error = NULL;
  QiTensor *tensor = qi_tensor_new (t->pool, dtype, n_dims, dims, &error);

  g_assert_no_error (error);
  g_ptr_array_add (t->tensors, tensor);
  if (bytes)
    qi_stream_upload (t->s, tensor, 0, bytes, qi_tensor_bytes (tensor));
  return tensor;
}

const QiTensor *
op_test_misaligned (OpTest *t, QiDtype dtype, const void *bytes, guint64 rows, guint64 row_len)
{
  const QiTensor *whole = op_test_bytes (t, dtype, NULL, rows + 1, row_len);
  const QiTensor *view = qi_view_rows (t->s, whole, 1, rows);

  qi_stream_upload (t->s, view, 0, bytes, qi_tensor_bytes (view));
  return view;
}

void *
op_test_download (OpTest *t, const QiTensor *tensor)
{
  g_autoptr (GError) error = NULL;
  gsize n;
  void *data;

  g_assert_nonnull (tensor);
  n = qi_tensor_bytes (tensor);
  data = g_malloc (n);
  qi_stream_download (t->s, tensor, data, n, &error);
  g_assert_no_error (error);
  return data;
}

void
op_test_limit_binding (OpTest *t, guint64 bytes)
{
  set_max_binding (bytes ? bytes : own_max_binding);
}

float *
op_test_random (gsize n, guint32 seed, float amplitude)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = (float) g_rand_double_range (rand, -1.0, 1.0) * amplitude;
  return values;
}

/* How far got is outside the bound, <= 0 when it is within. */
static double
excess (double got, double want, double bound)
{
  if (isnan (want) || isnan (got))
    return isnan (want) && isnan (got) ? 0.0 : INFINITY;
  if (isinf (want) || isinf (got))
    return got == want ? 0.0 : INFINITY;
  return fabs (got - want) - bound;
}

static void
compare (const float *got, const double *want, const double *bounds, gsize n, double absolute, double relative)
{
  gsize worst = 0, n_bad = 0;
  double most = 0.0;

  for (gsize i = 0; i < n; i++)
    {
      double over = excess (got[i], want[i], bounds ? bounds[i] : absolute + relative * fabs (want[i]));

      n_bad += over > 0.0;
      if (over > most)
        {
          most = over;
          worst = i;
        }
    }
  if (n_bad)
    g_error ("%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " values are wrong; worst is [%" G_GSIZE_FORMAT
             "]: got %.9g, want %.9g (%g beyond the bound)",
             n_bad, n, worst, got[worst], want[worst], most);
}

void
op_test_near (const float *got, const double *want, gsize n, double absolute, double relative)
{
  compare (got, want, NULL, n, absolute, relative);
}

void
op_test_within (const float *got, const double *want, const double *bound, gsize n)
{
  compare (got, want, bound, n, 0.0, 0.0);
}
