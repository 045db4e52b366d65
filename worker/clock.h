/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/clock.h — stands between the engine and whoever is told of its progress: takes the time of each stage, and says
 * how long the whole job will still take. Belongs to the engine thread. */
#pragma once
#include "base/job.h"
#include "worker/timings.h"

typedef struct
{
  QiProgressFunc progress;
  gpointer user_data;
  QiExpect expect; /* of one picture */
  guint passes;    /* of one step */

  double seconds[QI_N_STAGES];
  gboolean began;          /* some stage was told of */
  QiStage stage;           /* the last one told of */
  gint64 last, step_began; /* µs */
  double step_seconds;     /* of the timed ones, the first of the job excepted */
  guint n_steps, n_timed;
  double left; /* of the job, as last told; < 0: not known */
} QiClock;

void qi_clock_start (QiClock *clock, QiProgressFunc progress, gpointer user_data);
void qi_clock_progress (const QiProgress *progress, gpointer clock); /* a QiProgressFunc */
void qi_clock_stop (QiClock *clock);
double qi_clock_step_seconds (const QiClock *clock); /* < 0: none was timed */
