/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* wire/client.h — the engine in its own process, as its users see it: windows, scripts, the plug-in.
 *
 * The worker is spawned when it is first needed, shared by all clients of a user, and stays warm between jobs. One call
 * is one job; jobs wait for each other in the worker.
 *
 * Threads: a client belongs to the thread whose default main context it was made in; callbacks run there.
 * Cancel:  G_IO_ERROR_CANCELLED within a second, whatever the worker does. A worker that does not answer is then left
 *          alone, and ended when the next job finds it still mute.
 * Errors:  those of the engine as they are (base/error.h); QI_ERROR_WORKER_GONE when the worker died, once a job; the next
 *          job spawns a new one. G_IO_ERROR_NOT_FOUND: the worker's file is not installed. */
#pragma once
#include <gio/gio.h>

#include "base/job.h"
#include "base/request.h"

#define QI_TYPE_CLIENT (qi_client_get_type ())
G_DECLARE_FINAL_TYPE (QiClient, qi_client, QI, CLIENT, GObject)

QiClient *qi_client_new (void);

/* The pictures request asks for. request and inputs are copied before this returns. progress may be NULL; its preview is
 * borrowed for the call. */
void qi_client_run_async (QiClient *client, const QiRequest *request, const QiInputs *inputs, QiProgressFunc progress,
                          gpointer progress_data, GCancellable *cancellable, GAsyncReadyCallback done, gpointer user_data);
QiResult *qi_client_run_finish (QiClient *client, GAsyncResult *result, GError **error); /* (transfer full) */

/* The same for scripts: blocks, with a main context of its own. (transfer full) */
QiResult *qi_client_run (QiClient *client, const QiRequest *request, const QiInputs *inputs, QiProgressFunc progress,
                         gpointer progress_data, GCancellable *cancellable, GError **error);

/* What a window says about device and model before anything is made. No weight is read for it. */
typedef struct
{
  char *device;                 /* "NVIDIA RTX 4060"; NULL: no usable one */
  gboolean software;            /* it is the processor */
  guint64 memory_bytes, used_bytes;
  char *model, *model_path;     /* name for people; NULL: none is usable, and why is in problem */
  char *variant;                /* of models/variants.c */
  char *model_hash;             /* of the transformer's header: what a parasite remembers */
  gboolean demo, edits, layered, stub, loaded;
  guint width, height;          /* pixels of a new picture, when nobody says how large */
  guint unit;                   /* sides are multiples of this */
  gint problem_code;            /* of QI_ERROR; -1: none */
  char *problem;                /* a sentence; NULL: none */
  double seconds[QI_QUALITY_MAXIMUM + 1]; /* of the request that was asked about, one result; < 0: not known yet */
  double load_seconds;          /* beside that, now; 0: it is loaded; < 0: not known */
  guint steps[QI_QUALITY_MAXIMUM + 1];
  double guidance[QI_QUALITY_MAXIMUM + 1];
} QiEngineInfo;
QiEngineInfo *qi_engine_info_new (void); /* nothing is known yet */
void qi_engine_info_free (QiEngineInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiEngineInfo, qi_engine_info_free)

/* n_pictures: references that go with it. */
void qi_client_info_async (QiClient *client, const QiRequest *request, guint n_pictures, GCancellable *cancellable,
                           GAsyncReadyCallback done, gpointer user_data);
QiEngineInfo *qi_client_info_finish (QiClient *client, GAsyncResult *result, GError **error); /* (transfer full) */
QiEngineInfo *qi_client_info (QiClient *client, const QiRequest *request, guint n_pictures, GCancellable *cancellable,
                              GError **error); /* blocks */

/* Gives the card's memory back: the worker leaves after the jobs it has. Nothing is started for it. */
void qi_client_free_memory (QiClient *client);

/* How long the worker stays with nothing to do, seconds; 600 where nothing is configured. Kept as keep-ready-minutes in
 * group [worker] of sfumato/sfumato.conf in the user's configuration folder; a running worker follows. */
double qi_client_get_keep_ready (void);
gboolean qi_client_set_keep_ready (double seconds, GError **error);
