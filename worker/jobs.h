/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/jobs.h — the queue, and the one thread that makes pictures.
 *
 * Threads: the main one; callbacks run there too. */
#pragma once
#include <gio/gio.h>

#include "base/job.h"
#include "wire/messages.h"
#include "worker/maker.h"

typedef struct _QiJobs QiJobs;

/* idle is called whenever the last job has ended. A cancelled job that does not end, in a driver say, ends the process
 * after a while, since nothing else frees the thread. maker is taken. */
QiJobs *qi_jobs_new (QiMaker *maker, void (*idle) (gpointer user_data), gpointer user_data);

/* Waits for the thread; cancels what there is. */
void qi_jobs_free (QiJobs *jobs);

guint qi_jobs_n (QiJobs *jobs); /* running and waiting */

/* done is called once, with a result or an error; progress before that. owner and number name the job. Takes request and
 * inputs; destroy frees user_data after done. */
typedef void (*QiJobDone) (const QiResult *result, const GError *error, gpointer user_data);
void qi_jobs_add (QiJobs *jobs, gpointer owner, guint number, QiRequest *request, QiInputsBox *inputs, QiProgressFunc progress,
                  QiJobDone done, gpointer user_data, GDestroyNotify destroy);

void qi_jobs_cancel (QiJobs *jobs, gpointer owner, guint number);
void qi_jobs_cancel_all (QiJobs *jobs, gpointer owner); /* owner NULL: everybody's */
