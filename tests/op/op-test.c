/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/op/op-test.h"

#include <math.h>

#include "base/env.h"
#include "compute/kernels.h"

static QiDevice *device;

/* A row of the kernel table that this device does not offer is no missing device; one that computes garbage is offered. */
static gboolean
lacks_row (void)
{
  g_autoptr (QiDevice) plain = qi_device_open (&(QiDeviceParams){ .device = qi_env_device () }, NULL);
  QiKernels kernels;

  return plain && !qi_kernels_init (&kernels, qi_device_info (plain), qi_env_kernels (), NULL);
}

int
op_test_main (int argc, char **argv, void (*add) (void))
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = TRUE, .kernels = qi_env_kernels () }, &error);
  if (!device)
    {
      if ((qi_env_require_vulkan () || qi_env_kernels ()) && !lacks_row ())
        g_error ("%s", error->message);
      g_print ("1..0 # SKIP %s\n", error->message);
      return 0;
    }
  add ();
  status = g_test_run ();
  if (qi_device_validation_messages (device, &text))
    {
      g_printerr ("validation: %s\n", text);
      status = 1;
    }
  qi_device_close (device);
  return status;
}

QiStream *
op_stream (QiCompute compute)
{
  QiStream *s = qi_stream_new (device, FALSE);

  qi_stream_set_compute (s, compute);
  return s;
}

gboolean
op_int8 (void)
{
  return g_strcmp0 (qi_env_kernels (), "dot") == 0;
}

void
op_round_int8 (float *values, gsize rows, gsize columns)
{
  for (gsize i = 0; i < rows; i++)
    for (gsize first = 0; first < columns; first += 32)
      {
        float *block = values + i * columns + first, top = 0;
        const gsize n = MIN (columns - first, 32);

        for (gsize j = 0; j < n; j++)
          top = MAX (top, fabsf (block[j]));
        for (gsize j = 0; top > 0 && j < n; j++)
          block[j] = rintf (block[j] / top * 127) * (top / 127);
      }
}

float *
op_random (gsize n, guint32 seed, float scale)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = scale * sqrt (-2 * log (1 - g_rand_double (rand))) * cos (2 * G_PI * g_rand_double (rand));
  return values;
}

const QiTensor *
op_raw (QiStream *s, QiDtype dtype, guint64 rows, guint64 columns, const void *bytes)
{
  const QiTensor *t = rows == 1 ? qi_scratch (s, dtype, columns) : qi_scratch (s, dtype, rows, columns);

  qi_stream_upload (s, t, 0, bytes, qi_tensor_bytes (t));
  return t;
}

const QiTensor *
op_tensor (QiStream *s, guint64 rows, guint64 columns, const float *values)
{
  return op_raw (s, QI_DTYPE_F32, rows, columns, values);
}

float *
op_download (QiStream *s, const QiTensor *t)
{
  float *values = g_malloc (qi_tensor_bytes (t));
  g_autoptr (GError) error = NULL;

  qi_stream_download (s, t, values, qi_tensor_bytes (t), &error);
  g_assert_no_error (error);
  return values;
}

void
op_assert_near (const char *what, const float *got, const double *want, gsize n, double limit)
{
  double sum = 0, rms;

  for (gsize i = 0; i < n; i++)
    sum += want[i] * want[i];
  rms = MAX (sqrt (sum / n), 1e-30);
  for (gsize i = 0; i < n; i++)
    if (!(fabs (got[i] - want[i]) <= limit * rms))
      {
        g_test_message ("%s: element %" G_GSIZE_FORMAT " is %.9g, want %.9g (rms %.3g, limit %.3g)", what, i,
                        got[i], want[i], rms, limit);
        g_test_fail ();
        return;
      }
}
