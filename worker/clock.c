/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/clock.h"

void
qi_clock_start (QiClock *clock, QiProgressFunc progress, gpointer user_data)
{
  *clock = (QiClock){ .progress = progress, .user_data = user_data, .expect = { -1, -1, -1, -1 }, .passes = 1, .left = -1 };
  clock->last = g_get_monotonic_time ();
}

/* Stages are told of when they begin, loading when a piece of it is done. */
static void
take_time (QiClock *clock, QiStage stage, gint64 now)
{
  const QiStage spent = !clock->began || stage == QI_STAGE_LOAD ? stage : clock->stage;

  clock->seconds[spent] += (now - clock->last) / 1e6;
  clock->last = now;
}

static void
time_step (QiClock *clock, QiStage stage, gint64 now)
{
  if (clock->began && clock->stage == QI_STAGE_DENOISE && clock->step_began)
    {
      /* The first may compile shaders, and says nothing about the others; unless there is no other. */
      if (clock->n_steps++ > 0)
        {
          clock->step_seconds += (now - clock->step_began) / 1e6;
          clock->n_timed++;
        }
    }
  clock->step_began = stage == QI_STAGE_DENOISE ? now : 0;
}

double
qi_clock_step_seconds (const QiClock *clock)
{
  return clock->n_timed ? clock->step_seconds / clock->n_timed : -1;
}

/* < 0: not known. */
static double
seconds_left (const QiClock *clock, const QiProgress *progress)
{
  const double timed = qi_clock_step_seconds (clock);
  const double step = timed >= 0 ? timed : clock->expect.pass >= 0 ? clock->expect.pass * clock->passes : -1;
  const double encode = MAX (clock->expect.encode, 0), decode = MAX (clock->expect.decode, 0);
  const guint more = progress->n_results > progress->result ? progress->n_results - progress->result - 1 : 0;

  switch (progress->stage)
    {
    case QI_STAGE_DENOISE:
      if (step < 0)
        return progress->seconds_left;
      return step * (progress->n_steps - MIN (progress->step - 1, progress->n_steps) + (double) progress->n_steps * more)
             + decode * progress->n_results;
    case QI_STAGE_DECODE:
      return clock->expect.decode >= 0 ? decode * (more + 1) : progress->seconds_left;
    case QI_STAGE_LOAD:
    case QI_STAGE_ENCODE:
      /* How many steps there will be is not told yet: left is what the maker has reckoned, less what has passed. */
      return clock->left < 0 ? -1 : MAX (clock->left - clock->seconds[QI_STAGE_LOAD] - clock->seconds[QI_STAGE_ENCODE], encode);
    default:
      return progress->seconds_left;
    }
}

void
qi_clock_progress (const QiProgress *progress, gpointer data)
{
  QiClock *clock = data;
  const gint64 now = g_get_monotonic_time ();
  QiProgress told = *progress;

  take_time (clock, progress->stage, now);
  time_step (clock, progress->stage, now);
  clock->began = TRUE;
  clock->stage = progress->stage;
  told.seconds_left = seconds_left (clock, progress);
  if (clock->progress)
    clock->progress (&told, clock->user_data);
}

void
qi_clock_stop (QiClock *clock)
{
  const gint64 now = g_get_monotonic_time ();

  if (clock->began)
    {
      take_time (clock, clock->stage, now);
      time_step (clock, QI_STAGE_DECODE, now);
    }
}
