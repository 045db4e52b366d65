/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/events.h — what a command tells while it works: progress on standard error, results on standard output, errors on
 * both forms, and with --json one line per event on standard output:
 *
 *   {"event":"plan","pipeline":"edit-plus","width":1024,"height":1024,"steps":40,"guidance":4,"peak_bytes":…,"budget_bytes":…}
 *   {"event":"progress","stage":"denoise","step":3,"n_steps":20,"seconds_left":41.2}
 *   {"event":"result","path":"fox.png","seed":7,"width":1328,"height":1328,"steps":20,"guidance":2.5}
 *   {"event":"caption","path":"fox.png","caption":"…","type":"…","style":"…","watermarks":[],"words":["SALE"],"reply":"…"}
 *   {"event":"error","code":"bad-checkpoint","status":3,"message":"…"}
 *
 * Steps of the stage "load" are MiB; seconds_left is null as long as it is not known. */
#pragma once
#include "models/engine.h"

enum
{
  QI_STATUS_DONE = 0,
  QI_STATUS_FAILED = 1,
  QI_STATUS_USAGE = 2,
  QI_STATUS_BAD_FILE = 3,
  QI_STATUS_NO_MEMORY = 4,
  QI_STATUS_NO_DEVICE = 5
  /* 130: cli/interrupt.h */
};

typedef struct
{
  gboolean quiet, json;
  gboolean terminal;  /* standard error is one: the line is rewritten */
  gboolean line_open; /* it holds text without an end of line */
  QiStage stage;      /* what was told last */
  guint step, n_steps, result;
  gint64 last_us;     /* when that was; 0: nothing yet */
} QiEvents;

void qi_events_init (QiEvents *events, gboolean quiet, gboolean json);

/* A QiProgressFunc; user_data is a QiEvents. */
void qi_events_progress (const QiProgress *progress, gpointer user_data);

/* What the job will need, before it begins. FALSE with error: it is refused. */
gboolean qi_events_plan (QiEvents *events, QiEngine *engine, const QiRequest *request, const QiInputs *inputs, GError **error);

/* A picture that is there now; k: which of the run's. */
void qi_events_result (QiEvents *events, const char *path, const QiResult *result, guint k);

/* What was seen in the picture of this path. */
void qi_events_caption (QiEvents *events, const char *path, const QiCaption *caption);

/* Tells the error and gives the exit status that stands for it. */
int qi_events_error (QiEvents *events, const GError *error);
int qi_exit_status (const GError *error);
