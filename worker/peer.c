/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection: what it asks for, and what it is told. */
#include "base/error.h"
#include "wire/place.h"
#include "worker-bus.h"
#include "worker/info.h"
#include "worker/server-private.h"

#define MAX_JOBS 64       /* running and waiting, of everybody */
#define MAX_UNANSWERED 16 /* words about a job that the client has not taken yet; then only the latest is kept */

struct _QiPeer
{
  gatomicrefcount ref_count;
  QiServer *server; /* NULL: the connection is gone */
  GDBusConnection *bus;
  QiBusWorker *skeleton;
  gulong closed;
};

/* A job that it has asked for. */
typedef struct
{
  gatomicrefcount ref_count;
  QiPeer *peer;
  GDBusMethodInvocation *invocation;
  guint number, n_unanswered;
  gboolean ended, holds;
  QiProgress held;
  QiImage *held_preview;
} Order;

static void
peer_unref (QiPeer *peer)
{
  if (!g_atomic_ref_count_dec (&peer->ref_count))
    return;
  g_object_unref (peer->bus);
  g_object_unref (peer->skeleton);
  g_free (peer);
}

static QiPeer *
peer_ref (QiPeer *peer)
{
  g_atomic_ref_count_inc (&peer->ref_count);
  return peer;
}

static void
order_unref (gpointer data)
{
  Order *order = data;

  if (!g_atomic_ref_count_dec (&order->ref_count))
    return;
  g_clear_pointer (&order->held_preview, qi_image_unref);
  g_clear_object (&order->invocation);
  peer_unref (order->peer);
  g_free (order);
}

/* -- progress -------------------------------------------------------------------------------------- */

static void send_progress (Order *order, const QiProgress *progress);

static void
progress_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Order *order = user_data;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, NULL);

  order->n_unanswered--;
  if (reply && order->holds && !order->ended)
    {
      g_autoptr (QiImage) preview = g_steal_pointer (&order->held_preview);

      order->holds = FALSE;
      order->held.preview = preview;
      send_progress (order, &order->held);
    }
  order_unref (order);
}

static void
hold_progress (Order *order, const QiProgress *progress)
{
  order->holds = TRUE;
  order->held = *progress;
  g_clear_pointer (&order->held_preview, qi_image_unref);
  if (progress->preview)
    order->held_preview = qi_image_ref ((QiImage *) progress->preview);
}

static void
send_progress (Order *order, const QiProgress *progress)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  GVariant *variant = qi_progress_to_variant (progress, fds, &error);

  if (!variant)
    {
      g_warning ("A word about a picture's progress is lost: %s", error->message);
      return;
    }
  order->n_unanswered++;
  g_atomic_ref_count_inc (&order->ref_count);
  g_dbus_connection_call_with_unix_fd_list (order->peer->bus, NULL, QI_WATCHER_PATH, "org.sfumato.Watcher1", "Progress",
                                            g_variant_new ("(u@a{sv})", order->number, variant), NULL, G_DBUS_CALL_FLAGS_NONE,
                                            G_MAXINT, fds, NULL, progress_taken, order);
}

static void
job_progress (const QiProgress *progress, gpointer data)
{
  Order *order = data;

  if (!order->peer->server)
    return;
  if (order->n_unanswered < MAX_UNANSWERED)
    send_progress (order, progress);
  else
    hold_progress (order, progress);
}

/* -- the interface --------------------------------------------------------------------------------- */

static void
job_done (const QiResult *result, const GError *error, gpointer data)
{
  Order *order = data;
  QiServer *server = order->peer->server;
  GDBusMethodInvocation *invocation = g_steal_pointer (&order->invocation);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) local = NULL;
  GVariant *variant = result ? qi_result_to_variant (result, fds, &local) : NULL;

  order->ended = TRUE;
  if (variant)
    g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, g_variant_new ("(@a{sv})", variant), fds);
  else
    {
      const GError *reason = error ? error : local;
      g_autofree char *text = g_utf8_make_valid (reason->message, -1);

      g_dbus_method_invocation_return_gerror (invocation, g_error_new_literal (reason->domain, reason->code, text));
    }
  if (server && g_error_matches (error, QI_ERROR, QI_ERROR_DEVICE_LOST))
    qi_server_leave (server, FALSE); /* a clean process is the recovery */
}

static gboolean
handle_run (QiBusWorker *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, guint number, GVariant *request_variant,
            GVariant *inputs_variant, QiPeer *peer)
{
  QiServer *server = peer->server;
  g_autoptr (QiRequest) request = NULL;
  g_autoptr (QiInputsBox) inputs = NULL;
  GError *error = NULL;
  Order *order;

  if (!server || server->left)
    g_set_error_literal (&error, QI_ERROR, QI_ERROR_WORKER_GONE, "The engine is leaving.");
  else if (qi_jobs_n (server->jobs) >= MAX_JOBS)
    g_set_error (&error, QI_ERROR, QI_ERROR_FAILED, "%d pictures are waiting already: cancel some, or wait.", MAX_JOBS);
  else if ((request = qi_request_from_variant (request_variant, &error)))
    inputs = qi_inputs_from_variant (inputs_variant, fds, &error);
  if (!inputs)
    {
      g_dbus_method_invocation_take_error (invocation, error);
      return TRUE;
    }
  order = g_new0 (Order, 1);
  g_atomic_ref_count_init (&order->ref_count);
  order->peer = peer_ref (peer);
  order->invocation = g_object_ref (invocation);
  order->number = number;
  qi_server_touch (server);
  qi_jobs_add (server->jobs, peer, number, g_steal_pointer (&request), g_steal_pointer (&inputs), job_progress, job_done, order,
               order_unref);
  return TRUE;
}

static gboolean
handle_cancel (QiBusWorker *skeleton, GDBusMethodInvocation *invocation, guint number, QiPeer *peer)
{
  if (peer->server)
    qi_jobs_cancel (peer->server->jobs, peer, number);
  qi_bus_worker_complete_cancel (skeleton, invocation);
  return TRUE;
}

static gboolean
handle_hello (QiBusWorker *skeleton, GDBusMethodInvocation *invocation, const char *build, QiPeer *peer)
{
  qi_bus_worker_complete_hello (skeleton, invocation, peer->server ? peer->server->build : "");
  return TRUE;
}

static gboolean
handle_leave (QiBusWorker *skeleton, GDBusMethodInvocation *invocation, QiPeer *peer)
{
  if (peer->server)
    qi_server_leave (peer->server, FALSE);
  qi_bus_worker_complete_leave (skeleton, invocation);
  return TRUE;
}

typedef struct
{
  QiPeer *peer;
  QiServer *server; /* waits for it */
  QiBusWorker *skeleton;
  GDBusMethodInvocation *invocation;
  QiRequest *request;
  guint n_pictures;
} Question;

static void
question_free (gpointer data)
{
  Question *question = data;

  peer_unref (question->peer);
  qi_request_free (question->request);
  g_free (question);
}

static void
answer_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Question *question = data;

  g_task_return_pointer (task, qi_info_of (question->request, question->n_pictures, question->server->maker,
                                           question->server->timings), (GDestroyNotify) qi_engine_info_free);
}

static void
answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Question *question = g_task_get_task_data (G_TASK (result));
  QiServer *server = question->server;
  g_autoptr (QiEngineInfo) info = g_task_propagate_pointer (G_TASK (result), NULL);

  qi_bus_worker_complete_info (question->skeleton, question->invocation, qi_info_to_variant (info));
  server->n_infos--;
  qi_server_check (server);
}

static gboolean
handle_info (QiBusWorker *skeleton, GDBusMethodInvocation *invocation, GVariant *request_variant, guint n_pictures, QiPeer *peer)
{
  GError *error = NULL;
  g_autoptr (QiRequest) request = qi_request_from_variant (request_variant, &error);
  g_autoptr (GTask) task = NULL;
  Question *question;

  if (!request || !peer->server || peer->server->left)
    {
      g_dbus_method_invocation_take_error (invocation, error ? error : g_error_new_literal (QI_ERROR, QI_ERROR_WORKER_GONE,
                                                                                            "The engine is leaving."));
      return TRUE;
    }
  question = g_new0 (Question, 1);
  *question = (Question){ .peer = peer_ref (peer),
                          .server = peer->server,
                          .skeleton = skeleton,
                          .invocation = invocation,
                          .request = g_steal_pointer (&request),
                          .n_pictures = MIN (n_pictures, QI_MAX_PICTURES) };
  qi_server_touch (peer->server);
  peer->server->n_infos++;
  task = g_task_new (NULL, NULL, answered, NULL);
  g_task_set_task_data (task, question, question_free);
  g_task_run_in_thread (task, answer_in_thread);
  return TRUE;
}

/* -- coming and going ------------------------------------------------------------------------------ */

static void
closed (GDBusConnection *bus, gboolean remote, GError *error, QiPeer *peer)
{
  QiServer *server = peer->server;

  if (!server)
    return;
  peer_ref (peer);
  g_ptr_array_remove_fast (server->peers, peer);
  qi_jobs_cancel_all (server->jobs, peer);
  qi_server_touch (server);
  peer_unref (peer);
}

void
qi_peer_free (QiPeer *peer)
{
  if (peer->server)
    {
      peer->server = NULL;
      g_signal_handler_disconnect (peer->bus, peer->closed);
      g_signal_handlers_disconnect_by_data (peer->skeleton, peer);
      g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (peer->skeleton));
    }
  peer_unref (peer);
}

void
qi_peer_flush (QiPeer *peer)
{
  if (!g_dbus_connection_is_closed (peer->bus))
    g_dbus_connection_flush_sync (peer->bus, NULL, NULL);
}

void
qi_peer_add (QiServer *server, GDBusConnection *bus)
{
  QiPeer *peer = g_new0 (QiPeer, 1);
  g_autoptr (GError) error = NULL;

  g_atomic_ref_count_init (&peer->ref_count);
  peer->server = server;
  peer->bus = bus;
  peer->skeleton = qi_bus_worker_skeleton_new ();
  peer->closed = g_signal_connect (bus, "closed", G_CALLBACK (closed), peer);
  g_signal_connect (peer->skeleton, "handle-hello", G_CALLBACK (handle_hello), peer);
  g_signal_connect (peer->skeleton, "handle-run", G_CALLBACK (handle_run), peer);
  g_signal_connect (peer->skeleton, "handle-cancel", G_CALLBACK (handle_cancel), peer);
  g_signal_connect (peer->skeleton, "handle-info", G_CALLBACK (handle_info), peer);
  g_signal_connect (peer->skeleton, "handle-leave", G_CALLBACK (handle_leave), peer);
  g_ptr_array_add (server->peers, peer);
  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (peer->skeleton), bus, QI_WORKER_PATH, &error))
    {
      g_warning ("a client cannot be served: %s", error->message);
      g_ptr_array_remove_fast (server->peers, peer);
      return;
    }
  g_dbus_connection_start_message_processing (bus);
}
