/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 700

static GMutex saving;
static GCancellable *cancellable;

static void
nothing (int number)
{
}

/* Waits for the signals of set, cancels at the first, ends the process at the second or after the grace time. */
static gpointer
wait_for_signals (gpointer data)
{
  const sigset_t *set = data;
  const gint64 grace_us = GRACE_MS * 1000;
  int number = 0;

  while (sigwait (set, &number) != 0)
    ;
  g_cancellable_cancel (cancellable);

  const gint64 deadline = g_get_monotonic_time () + grace_us;

  for (;;)
    {
      const gint64 left = MAX (deadline - g_get_monotonic_time (), 0);
      const struct timespec wait = { .tv_sec = left / G_USEC_PER_SEC, .tv_nsec = left % G_USEC_PER_SEC * 1000 };

      if (sigtimedwait (set, NULL, &wait) > 0 || errno == EAGAIN)
        break;
    }
  g_mutex_lock (&saving);
  _exit (QI_STATUS_INTERRUPTED);
}

GCancellable *
qi_interrupt_watch (void)
{
  static sigset_t set;
  const struct sigaction handler = { .sa_handler = nothing };

  g_return_val_if_fail (cancellable == NULL, cancellable);

  cancellable = g_cancellable_new ();
  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGTERM);
  /* A shell starts background jobs with SIGINT ignored, and what is ignored is never waited for. */
  sigaction (SIGINT, &handler, NULL);
  sigaction (SIGTERM, &handler, NULL);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  signal (SIGPIPE, SIG_IGN); /* a reader of our progress may go away; the picture is still wanted */
  g_thread_unref (g_thread_new ("signals", wait_for_signals, &set));
  return cancellable;
}

gboolean
qi_interrupt_hold (void)
{
  g_mutex_lock (&saving);
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_mutex_unlock (&saving);
  return FALSE;
}

void
qi_interrupt_release (void)
{
  g_mutex_unlock (&saving);
}
