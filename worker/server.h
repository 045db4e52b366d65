/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/server.h — the worker's side of wire/worker.xml: a socket, its peers, their jobs, and when to go. Main thread. */
#pragma once
#include <gio/gio.h>

#include "worker/jobs.h"
#include "worker/timings.h"

typedef struct _QiServer QiServer;

/* Listens at path, where a socket that nobody answers at is replaced. idle_seconds < 0: as the user has set it. gone is
 * called once, when it has left: the process shall end. */
QiServer *qi_server_new (const char *path, double idle_seconds, void (*gone) (gpointer user_data), gpointer user_data,
                         GError **error);
void qi_server_free (QiServer *server);

/* The socket goes at once, the rest with the last job; cancel: without waiting for the jobs. */
void qi_server_leave (QiServer *server, gboolean cancel);
