/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* wire/connect.h — a connection to the user's worker of our build: to the one that is there, else to a new one. Internal
 * to wire/. */
#pragma once
#include <gio/gio.h>

/* Finds or starts the worker in a thread of its own and greets it. A worker of another build is asked to leave, one that
 * does not answer is ended. Callbacks and messages come in the caller's thread-default main context.
 * Errors: G_IO_ERROR_NOT_FOUND (no worker is installed), QI_ERROR_WORKER_GONE (it cannot be started). */
void qi_connect_async (GCancellable *cancellable, GAsyncReadyCallback done, gpointer user_data);
GDBusConnection *qi_connect_finish (GAsyncResult *result, GError **error); /* (transfer full) */
