/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/wording.h — times and progress in words. Every string is new. (transfer full) */
#pragma once
#include "base/job.h"

/* Before a job: "About 45 s", never more exact than it can be. seconds < 0: not known. */
char *qi_words_estimate (double seconds);
/* On a button: "22 s", "1 min 35 s". seconds < 0: "–". */
char *qi_words_short (double seconds);
/* During one: "34 s left", "almost done"; late: past the estimate by a fifth. "" where nothing is known. */
char *qi_words_left (double seconds, gboolean late);
/* The stage: "Step 3 of 8". */
char *qi_words_stage (const QiProgress *progress);
/* "12.1 GB" of 10^9 bytes, as cards and files are sold. */
char *qi_words_bytes (guint64 bytes);

/* Seconds left that never rise and a bar that never goes back, whatever the engine says. All zero at the start of a job. */
typedef struct
{
  double began; /* seconds of the caller's clock; 0: not begun */
  double promised; /* when the job would end, by what was last believed; 0: not known */
  double left; /* last shown; < 0: none yet */
  double bar; /* 0–1 */
  gboolean late;
} QiPace;
void qi_pace_begin (QiPace *pace, double now, double estimate);
/* seconds_left < 0: the engine does not know. */
void qi_pace_tell (QiPace *pace, double now, double seconds_left);
/* Between two tellings: time goes on. */
void qi_pace_tick (QiPace *pace, double now);
