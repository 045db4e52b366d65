/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* wire/place.h — where the two processes meet: a folder of the user's own, a socket in it, the worker's file. */
#pragma once
#include <gio/gio.h>

#define QI_WIRE_VERSION 1 /* of wire/worker.xml; raised with the interfaces' names */
#define QI_WORKER_PATH "/worker"
#define QI_WATCHER_PATH "/watcher"

/* The folder: sfumato in the user's runtime folder, or sfumato/run in the cache folder where there is no such; where the path
 * is too long for a socket, one in the folder of temporary files. Made when missing; an error unless it is the user's alone.
 * (transfer full) */
char *qi_place_folder (GError **error);

/* The socket in that folder. Its name says the protocol and, as a hash, whatever of the environment makes a worker answer
 * differently: QI_STUB, and the QI_ variables of compute. (transfer full) */
char *qi_place_socket (GError **error);

/* The one lock around finding, starting and leaving: a handle to be closed, -1 when another process has it (error is not
 * set) or on failure. */
int qi_place_try_lock (GError **error);

/* The worker's file: QI_WORKER; beside the running program; in the build; where it is installed. G_IO_ERROR_NOT_FOUND when
 * it is nowhere. (transfer full) */
char *qi_place_worker (GError **error);

/* Which build that file is: the version, and the file's size and time. The worker asks for itself with NULL.
 * (transfer full) */
char *qi_place_build (const char *worker, GError **error);
