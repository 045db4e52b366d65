/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Cancelling: at every stage, in the queue, before there is a worker, and where the worker does not answer. Within a
 * second each, nothing left behind, and the next job works. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/wire/wire-test.h"

#define SECOND_US G_USEC_PER_SEC

static void
assert_cancelled (QiResult *result, const GError *error, gint64 since)
{
  const gint64 took = g_get_monotonic_time () - since;

  g_assert_null (result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_test_message ("answered after %d ms", (int) (took / 1000));
  g_assert_cmpint (took, <, SECOND_US);
}

/* A job that waits for nobody and is made: the one before is really over. */
static void
assert_free (void)
{
  g_autoptr (QiImage) picture = wire_picture (48, 32, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_EDIT);
  g_autoptr (GError) error = NULL;
  WireSeen seen = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  /* Its first stage with a picture says enough where stages are slow. */
  seen.stage = QI_STAGE_ENCODE;
  seen.cancel_in = cancellable;
  g_assert_null (wire_run (request, picture, &seen, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (seen.waited_for, ==, 0);
}

static void
test_stage (gconstpointer data)
{
  const QiStage stage = GPOINTER_TO_UINT (data);
  g_autofree char *stub = g_strdup_printf ("copy;slow:20000:%s", qi_stage_name (stage));
  g_autoptr (QiImage) picture = wire_picture (48, 32, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_EDIT);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  WireSeen seen = { .stage = stage, .cancel_in = cancellable };
  pid_t pid;

  wire_stub (stub);

  g_autoptr (QiResult) result = wire_run (request, picture, &seen, cancellable, &error);

  assert_cancelled (result, error, seen.reached);
  g_assert_true (seen.seen[stage]);
  pid = wire_worker_pid ();
  if (stage != QI_STAGE_LOAD) /* where it would be in the same stage again */
    assert_free ();
  g_assert_cmpint (wire_worker_pid (), ==, pid);
  wire_end_worker ();
}

/* -- in the queue ---------------------------------------------------------------------------------- */

typedef struct
{
  WireSeen seen;
  GCancellable *cancellable;
  QiResult *result;
  GError *error;
} Background;

static gpointer
run_in_background (gpointer data)
{
  Background *background = data;
  g_autoptr (QiImage) picture = wire_picture (48, 32, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_EDIT);

  background->result = wire_run (request, picture, &background->seen, background->cancellable, &background->error);
  return NULL;
}

static void
wait_for_stage (Background *background, QiStage stage)
{
  const gint64 deadline = g_get_monotonic_time () + 20 * SECOND_US;

  while (!g_atomic_int_get (&background->seen.seen[stage]) && g_get_monotonic_time () < deadline)
    g_usleep (2000);
  g_assert_true (background->seen.seen[stage]);
}

static void
test_queue (void)
{
  g_autoptr (GCancellable) mine = g_cancellable_new (), theirs = g_cancellable_new ();
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  Background background = { .cancellable = theirs };
  WireSeen seen = { .stage = QI_STAGE_WAIT, .cancel_in = mine };

  wire_stub ("seed;slow:20000;slow:0:paste");

  GThread *thread = g_thread_new ("other", run_in_background, &background);

  wait_for_stage (&background, QI_STAGE_DENOISE);

  g_autoptr (QiResult) result = wire_run (request, NULL, &seen, mine, &error);

  assert_cancelled (result, error, seen.reached);
  g_assert_cmpuint (seen.waited_for, ==, 1);

  /* The one that runs is not touched by that, nor by one with its number that is another client's. */
  g_assert_null (background.result);
  g_assert_no_error (background.error);
  g_cancellable_cancel (theirs);
  g_thread_join (thread);
  g_assert_error (background.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&background.error);
  assert_free ();
  wire_end_worker ();
}

/* -- before, and where nobody answers --------------------------------------------------------------- */

static void
test_before (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  wire_stub ("seed");
  g_cancellable_cancel (cancellable);

  g_autoptr (QiResult) result = wire_run (request, NULL, NULL, cancellable, &error);

  assert_cancelled (result, error, g_get_monotonic_time ());
  g_assert_cmpint (wire_worker_pid (), ==, 0); /* none was started for it */
  wire_end_worker ();
}

static void
stop_worker (gpointer data)
{
  pid_t *pid = data;

  *pid = wire_worker_pid ();
  g_assert_cmpint (kill (*pid, SIGSTOP), ==, 0);
}

/* A worker that is stopped answers nothing: the cancel comes back all the same, and the next job ends it. */
static void
test_hanging (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  pid_t pid = 0, next;
  int status = 0;
  WireSeen seen = { .stage = QI_STAGE_DENOISE, .cancel_in = cancellable, .in_stage = stop_worker, .data = &pid };

  wire_stub ("seed;slow:300");

  g_autoptr (QiResult) result = wire_run (request, NULL, &seen, cancellable, &error);

  assert_cancelled (result, error, seen.reached);
  g_clear_error (&error);

  g_test_expect_message ("qi-wire", G_LOG_LEVEL_WARNING, "*does not answer and is ended*");

  g_autoptr (QiResult) second = wire_run (request, NULL, NULL, NULL, &error);

  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  g_assert_cmpuint (second->images->len, ==, 1);
  next = wire_worker_pid ();
  g_assert_cmpint (next, !=, pid);
  wire_wait_gone (pid, 5, &status);
  g_assert_true (WIFSIGNALED (status));
  wire_end_worker ();
}

static void
add_tests (void)
{
  for (QiStage stage = QI_STAGE_LOAD; stage <= QI_STAGE_DECODE; stage++)
    {
      g_autofree char *path = g_strdup_printf ("/wire/cancel/%s", qi_stage_name (stage));

      g_test_add_data_func (path, GUINT_TO_POINTER (stage), test_stage);
    }
  g_test_add_func ("/wire/cancel/queue", test_queue);
  g_test_add_func ("/wire/cancel/before", test_before);
  g_test_add_func ("/wire/cancel/hanging", test_hanging);
}

int
main (int argc, char **argv)
{
  return wire_test_main (argc, argv, add_tests);
}
