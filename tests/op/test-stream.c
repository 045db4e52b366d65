/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream itself: order, derived barriers, misaligned ranges, scopes, planning, cancelling, memory counts. */
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "compute/stream.h"

static QiDevice *device;

static void
increment (QiStream *s, QiArg x, QiArg y, guint n)
{
  const struct
  {
    guint n, columns;
    float a, b;
  } push = { .n = n };

  qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_INCREMENT,
                                        .name = "increment",
                                        .args = { x, y },
                                        .n_args = 2,
                                        .push = &push,
                                        .push_bytes = sizeof push,
                                        .spec = { 8 },
                                        .n_spec = 1,
                                        .groups = { (n + 7) / 8, 1, 1 },
                                        .flops = n });
}

static void
test_chain (void)
{
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const guint n = 1000;
  const QiTensor *a = qi_scratch (s, QI_DTYPE_F32, n), *b = qi_scratch (s, QI_DTYPE_F32, n);
  g_autofree float *host = g_new (float, n);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    host[i] = i;
  qi_stream_upload (s, a, 0, host, n * sizeof *host);
  for (guint i = 0; i < 10; i++)
    {
      increment (s, (QiArg){ a }, (QiArg){ b }, n);
      increment (s, (QiArg){ b }, (QiArg){ a }, n);
    }
  g_assert_true (qi_stream_download (s, a, host, n * sizeof *host, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat (host[i], ==, i + 20);
}

/* Ranges at odd offsets keep what lies around them. */
static void
test_misaligned (void)
{
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const guint n = 100;
  const QiTensor *a = qi_scratch (s, QI_DTYPE_F32, n), *b = qi_scratch (s, QI_DTYPE_F32, n);
  float host[100] = { 0 };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    host[i] = i;
  qi_stream_upload (s, a, 0, host, sizeof host);
  qi_stream_upload (s, b, 0, host, sizeof host);
  increment (s, (QiArg){ a, 4, 8 * 4 }, (QiArg){ b, 12, 8 * 4 }, 8);
  g_assert_true (qi_stream_download (s, b, host, sizeof host, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat (host[i], ==, i >= 3 && i < 11 ? i - 3 + 1 + 1 : i);
}

/* Big transfers go through small staging memory in order. */
static void
test_transfer (void)
{
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const guint n = 5000003;
  const QiTensor *a = qi_scratch (s, QI_DTYPE_U32, n);
  g_autofree guint32 *in = g_new (guint32, n), *out = g_new0 (guint32, n);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    in[i] = i * 2654435761u;
  qi_stream_upload (s, a, 0, in, n * 4);
  g_assert_true (qi_stream_download (s, a, out, n * 4, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (in, n * 4, out, n * 4);
}

static const QiTensor *
some_work (QiStream *s)
{
  const QiTensor *keep = qi_scratch (s, QI_DTYPE_F32, 3000);

  for (guint i = 1; i < 20; i++)
    {
      qi_stream_begin_scope (s);
      const QiTensor *a = qi_scratch (s, QI_DTYPE_F32, 1000 * i);
      increment (s, (QiArg){ a, 4, 400 }, (QiArg){ qi_scratch (s, QI_DTYPE_F32, 777 * (20 - i)) }, 100);
      qi_stream_end_scope (s);
    }
  return keep;
}

/* A dry run knows the bytes of the real one. */
static void
test_plan (void)
{
  g_autoptr (QiStream) plan = qi_stream_new (device, TRUE);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const guint64 before = qi_device_memory (device).blocks;
  g_autoptr (GError) error = NULL;

  some_work (plan);
  g_assert_true (qi_stream_finish (plan, &error));
  g_assert_true (qi_pool_reserve_like (qi_stream_pool (s), qi_stream_pool (plan), &error));
  some_work (s);
  g_assert_true (qi_stream_finish (s, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (qi_pool_peak (qi_stream_pool (s)), ==, qi_pool_peak (qi_stream_pool (plan)));
  g_assert_cmpuint (qi_device_memory (device).blocks - before, ==, qi_pool_block_bytes (qi_stream_pool (plan)));
}

/* What recording costs the processor: a figure, without validation. */
static void
test_recording (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const QiTensor *a = qi_scratch (s, QI_DTYPE_F32, 64), *b = qi_scratch (s, QI_DTYPE_F32, 64);
  const guint n = 20000;
  gint64 start;

  qi_stream_fill_zero (s, a);
  increment (s, (QiArg){ a }, (QiArg){ b }, 64);
  g_assert_true (qi_stream_finish (s, &error));
  start = g_get_monotonic_time ();
  for (guint i = 0; i < n; i++)
    increment (s, (QiArg){ i % 2 ? b : a }, (QiArg){ i % 2 ? a : b }, 1); /* each waits for the one before */
  g_test_minimized_result ((g_get_monotonic_time () - start) / (double) n, "%.2f µs a dispatch, barrier included",
                           (g_get_monotonic_time () - start) / (double) n);
  g_assert_true (qi_stream_finish (s, &error));
  g_assert_no_error (error);
}

static void
test_cancel (void)
{
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const QiTensor *a = qi_scratch (s, QI_DTYPE_F32, 64);
  g_autoptr (GError) error = NULL;

  qi_stream_fill_zero (s, a);
  g_cancellable_cancel (cancellable);
  qi_stream_set_cancellable (s, cancellable);
  increment (s, (QiArg){ a, 0, 128 }, (QiArg){ a, 128, 128 }, 32);
  g_assert_false (qi_stream_finish (s, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  /* The stream is usable again. */
  qi_stream_set_cancellable (s, NULL);
  test_chain ();
  qi_stream_fill_zero (s, a);
  g_assert_true (qi_stream_finish (s, &error));
  g_assert_no_error (error);
}

static void
test_out_of_memory (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) small = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .memory_limit = 16 << 20 }, &error);
  g_autoptr (QiStream) s = NULL;

  g_assert_no_error (error);
  s = qi_stream_new (small, FALSE);
  g_assert_nonnull (qi_scratch (s, QI_DTYPE_F32, 8 << 20));
  g_assert_false (qi_stream_finish (s, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "32.0 MiB"));
}

/* Validation sees the barrier that is left out on purpose, and none of ours before. */
static void
test_missing_barrier (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) own = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = TRUE }, &error);
  g_autoptr (QiStream) s = NULL;
  g_autofree char *text = NULL;
  const QiTensor *a, *b, *c;

  g_assert_no_error (error);
  s = qi_stream_new (own, FALSE);
  a = qi_scratch (s, QI_DTYPE_F32, 64);
  b = qi_scratch (s, QI_DTYPE_F32, 64);
  c = qi_scratch (s, QI_DTYPE_F32, 64);
  qi_stream_fill_zero (s, a);
  increment (s, (QiArg){ a }, (QiArg){ b }, 64);
  g_assert_true (qi_stream_finish (s, &error));
  g_assert_cmpuint (qi_device_validation_messages (own, NULL), ==, 0);

  qi_stream_set_barriers (s, FALSE);
  increment (s, (QiArg){ a }, (QiArg){ b }, 64);
  increment (s, (QiArg){ b }, (QiArg){ c }, 64);
  g_assert_true (qi_stream_finish (s, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (qi_device_validation_messages (own, &text), >, 0);
  g_assert_nonnull (strstr (text, "READ_AFTER_WRITE"));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = !g_test_perf () }, &error);
  if (!device)
    {
      if (qi_env_require_vulkan ())
        g_error ("%s", error->message);
      g_print ("1..0 # SKIP %s\n", error->message);
      return 0;
    }
  g_test_add_func ("/stream/chain", test_chain);
  g_test_add_func ("/stream/misaligned", test_misaligned);
  g_test_add_func ("/stream/transfer", test_transfer);
  g_test_add_func ("/stream/plan", test_plan);
  if (g_test_perf ())
    g_test_add_func ("/stream/recording", test_recording);
  g_test_add_func ("/stream/cancel", test_cancel);
  g_test_add_func ("/stream/out-of-memory", test_out_of_memory);
  g_test_add_func ("/stream/missing-barrier", test_missing_barrier);
  status = g_test_run ();
  {
    g_autofree char *text = NULL;

    if (qi_device_validation_messages (device, &text))
      {
        g_printerr ("validation: %s\n", text);
        status = 1;
      }
  }
  qi_device_close (device);
  return status;
}
