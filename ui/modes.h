/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/modes.h — which mode the window is in. Words in the prompt never decide it. */
#pragma once
#include "ui/host.h"

/* What is there to work on; view NULL: no image. */
QiTask qi_mode_for (const QiHostView *view);
/* Whether a mode can be used at all now. */
gboolean qi_mode_possible (QiTask task, const QiHostView *view);

/* The mode chosen so far, and by whom. All zero: by nobody. */
typedef struct
{
  QiTask task;
  gboolean by_hand; /* stays until a selection comes or goes, or another image is bound */
  gboolean had_selection;
  gint image;
  gboolean moved; /* a mode chosen by hand is no longer possible: the sentence says so */
  gint64 typed; /* µs of the last key in the prompt; 0: none */
} QiModeChoice;

/* As a command or a person chooses. */
void qi_mode_choose (QiModeChoice *choice, QiTask task, const QiHostView *view);
/* As the image changes; busy: a job runs, so nothing moves. now: µs. TRUE when the mode became another one. */
gboolean qi_mode_follow (QiModeChoice *choice, const QiHostView *view, gboolean busy, gint64 now);
