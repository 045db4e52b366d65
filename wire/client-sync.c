/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The blocking calls: the asynchronous ones of a client of their own, in a main context of its own, so that nothing of the
 * caller's runs meanwhile. */
#include "wire/client.h"

typedef struct
{
  GMainContext *context;
  QiClient *client;
  GAsyncResult *result;
} Wait;

static void
wait_begin (Wait *wait)
{
  wait->context = g_main_context_new ();
  g_main_context_push_thread_default (wait->context);
  wait->client = qi_client_new ();
  wait->result = NULL;
}

static void
arrived (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Wait *wait = user_data;

  wait->result = g_object_ref (result);
}

static void
wait_for_result (Wait *wait)
{
  while (!wait->result)
    g_main_context_iteration (wait->context, TRUE);
}

static void
wait_end (Wait *wait)
{
  g_object_unref (wait->result);
  g_object_unref (wait->client);
  while (g_main_context_iteration (wait->context, FALSE))
    ;
  g_main_context_pop_thread_default (wait->context);
  g_main_context_unref (wait->context);
}

QiResult *
qi_client_run (QiClient *client, const QiRequest *request, const QiInputs *inputs, QiProgressFunc progress,
               gpointer progress_data, GCancellable *cancellable, GError **error)
{
  Wait wait;
  QiResult *result;

  wait_begin (&wait);
  qi_client_run_async (wait.client, request, inputs, progress, progress_data, cancellable, arrived, &wait);
  wait_for_result (&wait);
  result = qi_client_run_finish (wait.client, wait.result, error);
  wait_end (&wait);
  return result;
}

QiEngineInfo *
qi_client_info (QiClient *client, const QiRequest *request, guint n_pictures, GCancellable *cancellable, GError **error)
{
  Wait wait;
  QiEngineInfo *info;

  wait_begin (&wait);
  qi_client_info_async (wait.client, request, n_pictures, cancellable, arrived, &wait);
  wait_for_result (&wait);
  info = qi_client_info_finish (wait.client, wait.result, error);
  wait_end (&wait);
  return info;
}
