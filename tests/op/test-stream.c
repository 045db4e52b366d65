/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream itself: order, derived barriers, misaligned ranges, scopes, planning, cancelling, memory counts. */
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "compute/op.h"
#include "compute/stream.h"
#include "tests/op/increment.h"

static QiDevice *device;

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

/* 64 words read and as many written are 512 bytes, which count for more than the FLOPs here. Three fit a submission, and what is
 * more than one takes has one of its own. */
static void
test_budget (void)
{
  for (guint plan = 0; plan < 2; plan++)
    {
      g_autoptr (QiStream) s = qi_stream_new (device, plan);
      const QiTensor *a = qi_scratch (s, QI_DTYPE_F32, 6400), *b = qi_scratch (s, QI_DTYPE_F32, 6400);
      g_autoptr (GError) error = NULL;

      qi_stream_set_limits (s, 0, 3 * 512 * QI_FLOPS_PER_BYTE + 1);
      qi_stream_fill_zero (s, a);
      for (guint i = 0; i < 7; i++)
        increment (s, (QiArg){ a, 0, 256 }, (QiArg){ b, 0, 256 }, 64);
      g_assert_cmpuint (qi_stream_work (s).n_submissions, ==, 3);
      g_assert_cmpfloat (qi_stream_work (s).most, ==, 3 * 512 * QI_FLOPS_PER_BYTE);
      increment (s, (QiArg){ a }, (QiArg){ b }, 6400);
      increment (s, (QiArg){ a, 0, 256 }, (QiArg){ b, 0, 256 }, 64);
      g_assert_cmpuint (qi_stream_work (s).n_submissions, ==, 5);
      g_assert_cmpuint (qi_stream_work (s).n_dispatches, ==, 9);
      g_assert_cmpfloat (qi_stream_work (s).largest, ==, 51200 * QI_FLOPS_PER_BYTE);
      g_assert_true (qi_stream_finish (s, &error));
      g_assert_no_error (error);
    }
}

static void
plan_linear (QiStream *s, guint64 rows, guint64 n_out, guint64 n_in, QiDtype type)
{
  qi_linear (s, qi_scratch (s, QI_DTYPE_F32, rows, n_in), &(QiLinear){ .weight = qi_scratch (s, type, n_out, n_in) }, QI_ACT_NONE);
}

static void
plan_attention (QiStream *s, guint64 rows, guint heads, guint kv_heads, guint d, gboolean causal)
{
  const QiTensor *q = qi_scratch (s, QI_DTYPE_F32, rows, heads * d), *k = qi_scratch (s, QI_DTYPE_F32, rows, kv_heads * d);

  qi_attention (s, q, k, k, &(QiAttention){ .n_heads = heads, .n_kv_heads = kv_heads, .causal = causal });
}

/* What the released models do at 1024² and more, without doing it: no dispatch and no submission is more than the budget, so that a
 * job that is cancelled waits for no more than two of them. */
static void
test_real_shapes (void)
{
  const QiDtype types[] = { QI_DTYPE_F32, QI_DTYPE_BF16, QI_DTYPE_Q8_0, QI_DTYPE_Q4_K };
  g_autoptr (QiStream) s = qi_stream_new (device, TRUE);
  const QiTensor *map = qi_scratch (s, QI_DTYPE_F32, 1024, 1024, 96);
  const QiConv conv = { .weight = qi_scratch (s, QI_DTYPE_BF16, 96, 3, 3, 96) };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      plan_linear (s, 4096, 12288, 3072, types[i]); /* a picture, the transformer's MLP */
      plan_linear (s, 4096, 3072, 12288, types[i]);
      plan_linear (s, 40, 18432, 3072, types[i]); /* modulation of all steps */
      plan_linear (s, 1500, 18944, 3584, types[i]); /* the text encoder's */
      plan_linear (s, 1500, 3584, 18944, types[i]);
    }
  plan_attention (s, 4096 + 100, 24, 24, 128, FALSE);
  plan_attention (s, 3 * 6889, 24, 24, 128, FALSE); /* 1328² and two references */
  plan_attention (s, 1500, 28, 4, 128, TRUE);
  plan_attention (s, 128 * 128, 1, 1, 384, FALSE); /* in the middle of the VAE */
  qi_conv2d (s, map, &conv, QI_CONV_SAME, map);
  qi_l2_norm (s, map, NULL, QI_ACT_SILU);
  qi_add (s, map, map);
  g_test_message ("%u dispatches in %u submissions, most work %.2e, of a dispatch %.2e (%s)", qi_stream_work (s).n_dispatches,
                  qi_stream_work (s).n_submissions, qi_stream_work (s).most, qi_stream_work (s).largest,
                  qi_stream_work (s).largest_name);
  g_assert_cmpfloat (qi_stream_work (s).work, >, 2e12);
  g_assert_cmpfloat (qi_stream_work (s).most, <=, qi_stream_flops_budget (s));
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
  g_test_add_func ("/stream/budget", test_budget);
  g_test_add_func ("/stream/real-shapes", test_real_shapes);
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
