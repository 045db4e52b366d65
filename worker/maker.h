/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/maker.h — from a request to pictures: the engine of the model it names, kept open for the next one; or the stub.
 *
 * Threads: all of it belongs to the engine thread, except qi_maker_is_loaded() and qi_maker_key(). */
#pragma once
#include <gio/gio.h>

#include "base/job.h"
#include "base/request.h"
#include "models/model-set.h"
#include "worker/timings.h"

typedef struct _QiMaker QiMaker;

QiMaker *qi_maker_new (QiTimings *timings); /* borrows timings */
void qi_maker_free (QiMaker *maker);

/* The time each stage took comes with the result, and seconds_left is of the whole job. (transfer full) */
QiResult *qi_maker_make (QiMaker *maker, const QiRequest *request, const QiInputs *inputs, QiProgressFunc progress,
                         gpointer user_data, GCancellable *cancellable, GError **error);

/* Whether a job of that key needs no loading. warm_load_seconds: what it loads all the same, where not all parts fit the
 * card at once. */
gboolean qi_maker_is_loaded (QiMaker *maker, const char *key, double *warm_load_seconds);

/* What tells engines apart: the files, when they were changed, and the device. (transfer full) */
char *qi_maker_key (const QiModelPaths *paths, const char *device);
