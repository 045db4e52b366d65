/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/work.h — one request about an image, from its pixels to layers ready to be inserted. Window and procedures share it, so
 * that the same request gives the same bytes.
 *
 *   qi_work_new()    reads all that is needed from the host: frame, selection, references; later changes do not matter
 *   qi_work_run()    the engine, then around the model: registration, colour, blend
 *   qi_work_result() each result, as the host inserts it
 *
 * Threads: main thread; what is around the model is computed in a thread of its own while the main loop runs.
 * Errors:  those of host and engine, and QI_ERROR_BAD_REQUEST; ui/messages.h turns each into words for people. */
#pragma once
#include <gio/gio.h>

#include "base/job.h"
#include "base/request.h"
#include "ui/host.h"
#include "ui/messages.h"
#include "wire/client.h"

typedef struct _QiWork QiWork;

typedef struct
{
  gint image;            /* QI_HOST_NONE: none, a new image is made */
  gint target;           /* the layer that is changed; QI_HOST_NONE: what is visible */
  gint selection_layer;  /* whose mask is the selection; QI_HOST_NONE: the image's own selection */
  gint above;            /* the results go above this layer; 0, QI_HOST_NONE: above target */
  gint except;           /* a layer of ours that does not count as visible; 0, QI_HOST_NONE: none */
  QiRect place;          /* of a new picture: its middle; empty: that of the selection, else of the canvas */
  QiRect bounds;         /* stands for the selection where it is not empty and there is no selection_layer; of an expansion
                            the old picture, empty: the canvas */
  GPtrArray *references; /* of QiHostReference; NULL: none */
} QiWorkSource;

/* request may name sizes, frame and so on, or leave them automatic. info: of the engine asked for this request. (transfer full) */
QiWork *qi_work_new (QiHost *host, const QiWorkSource *source, const QiRequest *request, const QiEngineInfo *info,
                     GError **error);
void qi_work_free (QiWork *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiWork, qi_work_free)

/* What the job is about, for drawing it. */
const QiRect *qi_work_frame (const QiWork *work); /* in image pixels; nothing for a new picture */
QiRect qi_work_part (const QiWork *work);         /* what a preview shows: the frame, or the pass of an expansion */
guint qi_work_n_passes (const QiWork *work);      /* for each result */

/* A card about a task that the model cannot do; NULL: it can. (transfer full) */
QiCard *qi_work_misfit (const QiEngineInfo *info, QiTask task);

/* Where the old picture lies in what it was expanded to; nothing: it does not fit in. */
QiRect qi_work_old_of (const QiRequest *request, const QiRect *after);

/* Each result is a job of its own, so that the first can be looked at while the next one forms; ready runs after each, on the
 * main thread, and may cancel. A preview is as the engine gives it, the whole frame. seconds_left counts all results. After an
 * error or a cancel the results that were ready stay. */
typedef void (*QiWorkReady) (QiWork *work, guint k, gpointer user_data);
void qi_work_run_async (QiWork *work, QiClient *client, QiProgressFunc progress, QiWorkReady ready, gpointer data,
                        GCancellable *cancellable, GAsyncReadyCallback done, gpointer user_data);
gboolean qi_work_run_finish (QiWork *work, GAsyncResult *result, GError **error);
gboolean qi_work_run (QiWork *work, QiClient *client, QiProgressFunc progress, gpointer data, GCancellable *cancellable,
                      GError **error); /* blocks */

/* Result k, from 0; borrowed. */
guint qi_work_n_results (const QiWork *work);
const QiHostResult *qi_work_result (const QiWork *work, guint k);
gint64 qi_work_seed (const QiWork *work);         /* of the first; -1: not known yet */
const char *qi_work_note (const QiWork *work);    /* "Used smaller tiles to fit the card."; NULL: nothing to tell */
double qi_work_moved (const QiWork *work, guint k); /* pixels, where a result moved further than can be corrected; else 0 */
gboolean qi_work_cut_off (const QiWork *work, guint k); /* what is new reaches the edge of the selection */
