/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups of tensors that take turns in slots: every use sees its own bytes, whichever way they are copied and whoever is
 * late, the reading or the computing; failures and cancelling end it, and it can be used again. */
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "compute/device.h"
#include "compute/ring.h"
#include "compute/stream.h"
#include "tests/op/increment.h"

#define N_GROUPS 5
#define N_WORDS 60000u /* of a tensor; two make a group */

static QiDevice *device;

typedef struct
{
  guint delay_us;  /* of each reading */
  gint fail_after; /* readings; negative: never */
  gint reads;      /* atomic */
  gint first;      /* of bytes that nobody had read before; atomic */
} Source;

static float
value_of (guint tensor, guint64 i)
{
  return (float) (tensor * 1000 + i % 977);
}

static gboolean
read_source (gconstpointer source, guint64 offset, void *to, gsize n, gboolean first, gpointer user_data, GError **error)
{
  Source *s = user_data;
  const guint tensor = GPOINTER_TO_UINT (source);
  float *values = to;

  if (s->delay_us)
    g_usleep (s->delay_us);
  if (s->fail_after >= 0 && g_atomic_int_add (&s->reads, 1) >= s->fail_after)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The source has dried up.");
      return FALSE;
    }
  if (first)
    g_atomic_int_inc (&s->first);
  for (gsize i = 0; i < n / 4; i++)
    values[i] = value_of (tensor, offset / 4 + i);
  return TRUE;
}

typedef struct
{
  QiRing *ring;
  const QiTensor *tensors[N_GROUPS][2];
  Source source;
} Case;

static void
open_case (Case *c, QiRingPath path, guint n_slots, guint delay_us)
{
  const guint64 dims[1] = { N_WORDS };
  const guint64 small[1] = { 33 }; /* the second of a group begins at an odd place and is not of the first's size */
  g_autoptr (GError) error = NULL;

  c->source = (Source){ .delay_us = delay_us, .fail_after = -1 };
  c->ring = qi_ring_new (device, "ring", n_slots, path, FALSE, read_source, &c->source);
  for (guint g = 0; g < N_GROUPS; g++)
    {
      qi_ring_add_group (c->ring);
      c->tensors[g][0] = qi_ring_add (c->ring, QI_DTYPE_F32, 1, dims, GUINT_TO_POINTER (2 * g));
      c->tensors[g][1] = qi_ring_add (c->ring, QI_DTYPE_F32, 1, g % 2 ? small : dims, GUINT_TO_POINTER (2 * g + 1));
    }
  g_assert_true (qi_ring_open (c->ring, &error));
  g_assert_no_error (error);
}

static void
next_of (QiStream *s, const QiTensor *x, const QiTensor *y)
{
  increment (s, (QiArg){ x }, (QiArg){ y }, (guint) qi_tensor_elements (x));
}

/* busy: dispatches on top of the two that count, the last of which read the group once more. */
static void
use_group (Case *c, QiStream *s, guint g, const QiTensor *const out[2], guint busy)
{
  qi_ring_use (c->ring, s, g);
  for (guint i = 0; i < busy; i++)
    next_of (s, c->tensors[g][0], out[0]);
  for (guint t = 0; t < 2; t++)
    next_of (s, c->tensors[g][t], out[t]);
}

static void
assert_group (QiStream *s, const Case *c, guint g, const QiTensor *const out[2])
{
  g_autoptr (GError) error = NULL;
  g_autofree float *host = g_new (float, N_WORDS);

  for (guint t = 0; t < 2; t++)
    {
      const guint64 n = qi_tensor_elements (c->tensors[g][t]);

      g_assert_true (qi_stream_download (s, out[t], host, n * sizeof *host, &error));
      g_assert_no_error (error);
      for (guint64 i = 0; i < n; i++)
        g_assert_cmpfloat (host[i], ==, value_of (2 * g + t, i) + 1);
    }
}

/* Passes over all groups; what each use left is looked at when all is done. */
static void
run (QiRingPath path, guint n_slots, guint delay_us, guint busy)
{
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const guint n_uses = 3 * N_GROUPS;
  const QiTensor *out[3 * N_GROUPS][2];
  Case c;

  open_case (&c, path, n_slots, delay_us);
  for (guint u = 0; u < n_uses; u++)
    for (guint t = 0; t < 2; t++)
      out[u][t] = qi_scratch (s, QI_DTYPE_F32, N_WORDS);
  for (guint u = 0; u < n_uses; u++)
    use_group (&c, s, u % N_GROUPS, out[u], busy);
  for (guint u = 0; u < n_uses; u++)
    assert_group (s, &c, u % N_GROUPS, out[u]);
  g_assert_cmpint (c.source.first, ==, 2 * N_GROUPS); /* bytes are looked at once */
  g_assert_cmpuint (qi_ring_stats (c.ring).n_groups, >=, n_uses);
  qi_ring_free (c.ring);
}

static void
test_mapped (void)
{
  run (QI_RING_MAPPED, 2, 0, 60);
  run (QI_RING_MAPPED, 3, 0, 60);
  run (QI_RING_MAPPED, 2, 5000, 0);
}

static void
test_queued (void)
{
  run (QI_RING_QUEUED, 2, 0, 60);
  run (QI_RING_QUEUED, 3, 0, 60);
  run (QI_RING_QUEUED, 2, 5000, 0);
}

/* How much of the copying lies under computing, by the device's timestamps: a figure, no judgement, since it depends on what
 * else the machine does. The reading sleeps, as a device's own copying would leave the processor alone. */
static void
test_hidden (gconstpointer data)
{
  QiRingStats stats;
  Case c;

  open_case (&c, GPOINTER_TO_INT (data), 2, 4000);
  {
    g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
    g_autoptr (GError) error = NULL;
    const QiTensor *out[2] = { qi_scratch (s, QI_DTYPE_F32, N_WORDS), qi_scratch (s, QI_DTYPE_F32, N_WORDS) };

    for (guint u = 0; u < 4 * N_GROUPS; u++)
      use_group (&c, s, u % N_GROUPS, out, 240);
    g_assert_true (qi_stream_finish (s, &error));
    g_assert_no_error (error);
  }
  stats = qi_ring_stats (c.ring);
  g_test_maximized_result (stats.hidden / stats.copied, "%u groups copied in %.2f s, %.0f %% of that while the device computed",
                           stats.n_groups, stats.copied, 100 * stats.hidden / stats.copied);
  qi_ring_free (c.ring);
}

/* Another order than the ring's, and another stream: it begins anew there. */
static void
test_order (gconstpointer data)
{
  const guint order[] = { 0, 1, 2, 1, 4, 0, 0, 3 };
  const QiRingPath path = GPOINTER_TO_INT (data);
  Case c;

  open_case (&c, path, 2, 100);
  for (guint k = 0; k < 2; k++)
    {
      g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
      const QiTensor *out[2] = { qi_scratch (s, QI_DTYPE_F32, N_WORDS), qi_scratch (s, QI_DTYPE_F32, N_WORDS) };

      for (guint i = 0; i < G_N_ELEMENTS (order); i++)
        {
          use_group (&c, s, order[i], out, 3);
          if (i % 3 != 1)
            assert_group (s, &c, order[i], out);
        }
    }
  qi_ring_free (c.ring);
}

/* Streams one after another: what one leaves under way is not taken for the next one's. */
static void
test_again (gconstpointer data)
{
  Case c;

  open_case (&c, GPOINTER_TO_INT (data), 2, 0);
  for (guint k = 0; k < 40; k++)
    {
      g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
      const QiTensor *out[N_GROUPS][2];

      for (guint g = 0; g < N_GROUPS; g++)
        {
          out[g][0] = qi_scratch (s, QI_DTYPE_F32, N_WORDS);
          out[g][1] = qi_scratch (s, QI_DTYPE_F32, N_WORDS);
        }
      for (guint g = 0; g < N_GROUPS; g++)
        use_group (&c, s, g, out[g], 0);
      for (guint g = 0; g < N_GROUPS; g++)
        assert_group (s, &c, g, out[g]);
    }
  qi_ring_free (c.ring);
}

/* What the thread cannot read is the stream's error; afterwards both work. */
static void
test_failure (gconstpointer data)
{
  const QiRingPath path = GPOINTER_TO_INT (data);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const QiTensor *out[2] = { qi_scratch (s, QI_DTYPE_F32, N_WORDS), qi_scratch (s, QI_DTYPE_F32, N_WORDS) };
  Case c;

  open_case (&c, path, 2, 0);
  for (gint n = 0; n < 9; n += 2)
    {
      g_autoptr (GError) error = NULL;

      c.source.fail_after = n;
      c.source.reads = 0;
      for (guint u = 0; u < 2 * N_GROUPS; u++)
        use_group (&c, s, u % N_GROUPS, out, 1);
      g_assert_false (qi_stream_finish (s, &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
      c.source.fail_after = -1;
      use_group (&c, s, 1, out, 1);
      assert_group (s, &c, 1, out);
    }
  qi_ring_free (c.ring);
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (100000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

/* Also while it waits for a slow source; answered long before that. */
static void
test_cancel (gconstpointer data)
{
  const QiRingPath path = GPOINTER_TO_INT (data);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  const QiTensor *out[2] = { qi_scratch (s, QI_DTYPE_F32, N_WORDS), qi_scratch (s, QI_DTYPE_F32, N_WORDS) };
  GThread *thread;
  Case c;

  open_case (&c, path, 2, 300000);
  qi_stream_set_cancellable (s, cancellable);
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  for (guint u = 0; u < 2 * N_GROUPS; u++)
    use_group (&c, s, u % N_GROUPS, out, 1);
  g_assert_false (qi_stream_finish (s, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (qi_ring_stats (c.ring).n_groups, <, 2);
  g_thread_join (thread);
  qi_stream_set_cancellable (s, NULL);
  c.source.delay_us = 0;
  use_group (&c, s, 2, out, 1);
  assert_group (s, &c, 2, out);
  qi_ring_free (c.ring); /* before the stream */
}

/* A planned ring counts what a real one allocates. */
static void
test_plan (void)
{
  const QiRingPath paths[] = { QI_RING_MAPPED, QI_RING_QUEUED };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      const QiMemoryCount before = qi_device_memory (device);
      const guint64 dims[1] = { N_WORDS };
      g_autoptr (QiRing) plan = qi_ring_new (device, "plan", 2, paths[i], TRUE, read_source, NULL);
      g_autoptr (GError) error = NULL;
      Case c;

      for (guint g = 0; g < N_GROUPS; g++)
        {
          qi_ring_add_group (plan);
          qi_ring_add (plan, QI_DTYPE_F32, 1, dims, NULL);
          qi_ring_add (plan, QI_DTYPE_F32, 1, dims, NULL);
        }
      g_assert_true (qi_ring_open (plan, &error));
      g_assert_cmpuint (qi_device_memory (device).blocks, ==, before.blocks);
      open_case (&c, paths[i], 2, 0);
      g_assert_cmpuint (qi_device_memory (device).blocks - before.blocks, ==, qi_ring_bytes (plan));
      g_assert_cmpuint (qi_device_memory (device).tensors - before.tensors, ==, qi_ring_slot_bytes (plan));
      qi_ring_free (c.ring);
      g_assert_cmpuint (qi_device_memory (device).blocks, ==, before.blocks);
      g_assert_cmpuint (qi_device_memory (device).tensors, ==, before.tensors);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = !g_test_perf (), .profile = g_test_perf () },
                           &error);
  if (!device)
    {
      if (qi_env_require_vulkan ())
        g_error ("%s", error->message);
      g_print ("1..0 # SKIP %s\n", error->message);
      return 0;
    }
  g_test_add_func ("/ring/mapped", test_mapped);
  g_test_add_func ("/ring/queued", test_queued);
  if (g_test_perf ())
    {
      g_test_add_data_func ("/ring/hidden/mapped", GINT_TO_POINTER (QI_RING_MAPPED), test_hidden);
      g_test_add_data_func ("/ring/hidden/queued", GINT_TO_POINTER (QI_RING_QUEUED), test_hidden);
    }
  g_test_add_data_func ("/ring/order/mapped", GINT_TO_POINTER (QI_RING_MAPPED), test_order);
  g_test_add_data_func ("/ring/order/queued", GINT_TO_POINTER (QI_RING_QUEUED), test_order);
  g_test_add_data_func ("/ring/again/mapped", GINT_TO_POINTER (QI_RING_MAPPED), test_again);
  g_test_add_data_func ("/ring/again/queued", GINT_TO_POINTER (QI_RING_QUEUED), test_again);
  g_test_add_data_func ("/ring/failure/mapped", GINT_TO_POINTER (QI_RING_MAPPED), test_failure);
  g_test_add_data_func ("/ring/failure/queued", GINT_TO_POINTER (QI_RING_QUEUED), test_failure);
  g_test_add_data_func ("/ring/cancel/mapped", GINT_TO_POINTER (QI_RING_MAPPED), test_cancel);
  g_test_add_data_func ("/ring/cancel/queued", GINT_TO_POINTER (QI_RING_QUEUED), test_cancel);
  g_test_add_func ("/ring/plan", test_plan);
  status = g_test_run ();
  if (qi_device_validation_messages (device, &text))
    {
      g_printerr ("validation: %s\n", text);
      status = 1;
    }
  qi_device_close (device);
  return status;
}
