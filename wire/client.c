/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/client.h"

#include "base/env.h"
#include "base/error.h"
#include "wire/connect.h"
#include "wire/messages.h"
#include "wire/place.h"
#include "worker-bus.h"

#define CANCEL_MS 700    /* that a cancelled job may take to answer */
#define INFO_MS 30000

struct _QiClient
{
  GObject parent;
  GDBusConnection *bus;      /* NULL: not connected */
  QiBusWatcher *watcher;     /* exported on bus */
  GHashTable *jobs;          /* number → the GTask that runs it, borrowed */
  guint32 last_job;
};

G_DEFINE_FINAL_TYPE (QiClient, qi_client, G_TYPE_OBJECT)

/* What a call needs, as its GTask's data. */
typedef struct
{
  gboolean run; /* else info */
  guint32 number;
  guint n_pictures;
  GVariant *request, *inputs;
  GUnixFDList *fds;
  QiProgressFunc progress;
  gpointer progress_data;
  GCancellable *connecting; /* cancels finding the worker */
  GSource *cancelled, *patience;
  gboolean used_before; /* the connection */
  gboolean accepted;    /* the worker has said something about the job */
  gboolean retried, answered;
} Call;

static void
clear_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
call_free (gpointer data)
{
  Call *call = data;

  clear_source (&call->cancelled);
  clear_source (&call->patience);
  g_clear_pointer (&call->request, g_variant_unref);
  g_clear_pointer (&call->inputs, g_variant_unref);
  g_clear_object (&call->fds);
  g_object_unref (call->connecting);
  g_free (call);
}

static void start_call (GTask *task);

/* -- the connection -------------------------------------------------------------------------------- */

static void
drop_bus (QiClient *client)
{
  if (client->watcher)
    g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (client->watcher));
  g_clear_object (&client->watcher);
  if (client->bus && !g_dbus_connection_is_closed (client->bus))
    g_dbus_connection_close (client->bus, NULL, NULL, NULL);
  g_clear_object (&client->bus);
}

static void
tell_progress (QiClient *client, guint number, GVariant *variant, GUnixFDList *fds)
{
  GTask *task = g_hash_table_lookup (client->jobs, GUINT_TO_POINTER (number));
  Call *call = task ? g_task_get_task_data (task) : NULL;
  g_autoptr (QiImage) preview = NULL;
  g_autoptr (GError) error = NULL;
  QiProgress progress;

  if (!call)
    return;
  call->accepted = TRUE;
  if (!qi_progress_from_variant (variant, fds, &progress, &preview, &error))
    g_warning ("A word about the picture's progress is passed over: %s", error->message);
  else if (call->progress && !g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    call->progress (&progress, call->progress_data);
}

static gboolean
handle_progress (QiBusWatcher *watcher, GDBusMethodInvocation *invocation, GUnixFDList *fds, guint number, GVariant *progress,
                 QiClient *client)
{
  g_object_ref (client);
  tell_progress (client, number, progress, fds);
  qi_bus_watcher_complete_progress (watcher, invocation, NULL);
  g_object_unref (client);
  return TRUE;
}

/* Takes bus, unless another call was quicker. */
static gboolean
take_bus (QiClient *client, GDBusConnection *bus, GError **error)
{
  if (client->bus && !g_dbus_connection_is_closed (client->bus))
    {
      g_dbus_connection_close (bus, NULL, NULL, NULL);
      g_object_unref (bus);
      return TRUE;
    }
  drop_bus (client);
  client->bus = bus;
  client->watcher = qi_bus_watcher_skeleton_new ();
  g_signal_connect (client->watcher, "handle-progress", G_CALLBACK (handle_progress), client);
  return g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (client->watcher), bus, QI_WATCHER_PATH, error);
}

/* -- a call ---------------------------------------------------------------------------------------- */

/* The first of answer, cancel and loss of patience counts. FALSE: the call has its answer already. */
static gboolean
end_call (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  QiClient *client = g_task_get_source_object (task);

  if (call->answered)
    return FALSE;
  call->answered = TRUE;
  clear_source (&call->cancelled);
  clear_source (&call->patience);
  g_hash_table_remove (client->jobs, GUINT_TO_POINTER (call->number));
  return TRUE;
}

static void
fail_call (GTask *task, GError *error)
{
  g_autoptr (GError) owned = error;

  if (end_call (task))
    g_task_return_error (task, g_steal_pointer (&owned));
}

/* Whether it is the connection that failed, not the job. */
static gboolean
is_lost (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY);
}

/* Takes error: that of the call's reply. */
static void
take_error (GTask *task, GError *error)
{
  Call *call = g_task_get_task_data (task);
  QiClient *client = g_task_get_source_object (task);

  if (!is_lost (error))
    {
      g_dbus_error_strip_remote_error (error);
      fail_call (task, error);
      return;
    }
  g_error_free (error);
  if (client->bus && g_dbus_connection_is_closed (client->bus))
    drop_bus (client);
  if (call->used_before && !call->accepted && !call->retried && !call->answered)
    {
      /* It left for want of work just when this came. */
      call->retried = TRUE;
      start_call (task);
      return;
    }
  fail_call (task, g_error_new_literal (QI_ERROR, QI_ERROR_WORKER_GONE,
                                        "The engine's process ended before it had answered. Your picture is unchanged; the next "
                                        "attempt starts it anew."));
}

static void
run_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) dictionary = NULL;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  QiResult *pictures = NULL;

  if (!reply)
    {
      take_error (task, error);
      return;
    }
  g_variant_get (reply, "(@a{sv})", &dictionary);
  if (!(pictures = qi_result_from_variant (dictionary, fds, &error)))
    fail_call (task, error);
  else if (end_call (task))
    g_task_return_pointer (task, pictures, (GDestroyNotify) qi_result_free);
  else
    qi_result_free (pictures);
}

static void
info_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) dictionary = NULL;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  QiEngineInfo *info;

  if (!reply)
    {
      take_error (task, error);
      return;
    }
  g_variant_get (reply, "(@a{sv})", &dictionary);
  if (!(info = qi_info_from_variant (dictionary, &error)))
    fail_call (task, error);
  else if (end_call (task))
    g_task_return_pointer (task, info, (GDestroyNotify) qi_engine_info_free);
  else
    qi_engine_info_free (info);
}

static void
send_call (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  QiClient *client = g_task_get_source_object (task);

  if (call->run)
    {
      g_hash_table_insert (client->jobs, GUINT_TO_POINTER (call->number), task);
      g_dbus_connection_call_with_unix_fd_list (client->bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Run",
                                                g_variant_new ("(u@a{sv}@a{sv})", call->number, call->request, call->inputs),
                                                G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, call->fds, NULL,
                                                run_done, g_object_ref (task));
    }
  else
    g_dbus_connection_call (client->bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Info",
                            g_variant_new ("(@a{sv}u)", call->request, call->n_pictures), G_VARIANT_TYPE ("(a{sv})"),
                            G_DBUS_CALL_FLAGS_NONE, INFO_MS, NULL, info_done, g_object_ref (task));
}

static void
connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;
  GDBusConnection *bus = qi_connect_finish (result, &error);

  if (call->answered)
    {
      g_clear_error (&error);
      g_clear_object (&bus);
    }
  else if (!bus || !take_bus (g_task_get_source_object (task), bus, &error))
    fail_call (task, error);
  else
    {
      call->used_before = FALSE;
      send_call (task);
    }
}

static void
start_call (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  QiClient *client = g_task_get_source_object (task);

  if (client->bus && !g_dbus_connection_is_closed (client->bus))
    {
      call->used_before = TRUE;
      send_call (task);
    }
  else
    qi_connect_async (call->connecting, connected, g_object_ref (task));
}

/* -- cancel ---------------------------------------------------------------------------------------- */

static void
return_cancelled (GTask *task)
{
  if (end_call (task))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The work was cancelled.");
}

/* The worker does not answer: whoever comes next shall find out whether it still can. */
static gboolean
lose_patience (gpointer data)
{
  GTask *task = data;
  QiClient *client = g_task_get_source_object (task);

  g_object_ref (task);
  if (g_hash_table_size (client->jobs) <= 1)
    drop_bus (client);
  return_cancelled (task);
  g_object_unref (task);
  return G_SOURCE_REMOVE;
}

static gboolean
cancelled (GCancellable *cancellable, gpointer data)
{
  GTask *task = data;
  Call *call = g_task_get_task_data (task);
  QiClient *client = g_task_get_source_object (task);

  g_cancellable_cancel (call->connecting);
  if (!client->bus || !g_hash_table_contains (client->jobs, GUINT_TO_POINTER (call->number)))
    {
      g_object_ref (task);
      return_cancelled (task);
      g_object_unref (task);
      return G_SOURCE_REMOVE;
    }
  g_dbus_connection_call (client->bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Cancel", g_variant_new ("(u)", call->number),
                          NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
  call->patience = g_timeout_source_new (CANCEL_MS);
  g_source_set_callback (call->patience, lose_patience, task, NULL);
  g_source_attach (call->patience, g_main_context_get_thread_default ());
  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (GTask *task, GCancellable *cancellable)
{
  Call *call = g_task_get_task_data (task);

  if (!cancellable)
    return;
  call->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (call->cancelled, G_SOURCE_FUNC (cancelled), task, NULL);
  g_source_attach (call->cancelled, g_main_context_get_thread_default ());
}

/* -- the public face ------------------------------------------------------------------------------- */

/* A relative path means this process's folder, not the worker's; and QI_DEVICE that of this process. (transfer full) */
static GVariant *
portable_request (const QiRequest *request)
{
  g_autoptr (QiRequest) copy = qi_request_copy (request);

  if (copy->model && *copy->model && !g_path_is_absolute (copy->model) && g_file_test (copy->model, G_FILE_TEST_EXISTS))
    {
      char *full = g_canonicalize_filename (copy->model, NULL);

      g_free (copy->model);
      copy->model = full;
    }
  if (!(copy->device && *copy->device) && qi_env_device ())
    {
      g_free (copy->device);
      copy->device = g_strdup (qi_env_device ());
    }
  return g_variant_ref_sink (qi_request_to_variant (copy));
}

static Call *
call_new (QiClient *client, GTask *task, const QiRequest *request)
{
  Call *call = g_new0 (Call, 1);

  call->number = ++client->last_job;
  call->connecting = g_cancellable_new ();
  call->request = portable_request (request);
  g_task_set_task_data (task, call, call_free);
  return call;
}

QiClient *
qi_client_new (void)
{
  return g_object_new (QI_TYPE_CLIENT, NULL);
}

void
qi_client_run_async (QiClient *client, const QiRequest *request, const QiInputs *inputs, QiProgressFunc progress,
                     gpointer progress_data, GCancellable *cancellable, GAsyncReadyCallback done, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (client, cancellable, done, user_data);
  Call *call;
  GVariant *variant;
  GError *error = NULL;

  g_task_set_source_tag (task, qi_client_run_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!qi_request_check (request, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  call = call_new (client, task, request);
  call->run = TRUE;
  call->progress = progress;
  call->progress_data = progress_data;
  call->fds = g_unix_fd_list_new ();
  if (!(variant = qi_inputs_to_variant (inputs, call->fds, &error)))
    {
      g_task_return_error (task, error);
      return;
    }
  call->inputs = g_variant_ref_sink (variant);
  watch_cancellable (task, cancellable);
  start_call (task);
}

QiResult *
qi_client_run_finish (QiClient *client, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
qi_client_info_async (QiClient *client, const QiRequest *request, guint n_pictures, GCancellable *cancellable,
                      GAsyncReadyCallback done, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (client, cancellable, done, user_data);
  Call *call;

  g_task_set_source_tag (task, qi_client_info_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  call = call_new (client, task, request);
  call->n_pictures = n_pictures;
  watch_cancellable (task, cancellable);
  start_call (task);
}

QiEngineInfo *
qi_client_info_finish (QiClient *client, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
qi_client_free_memory (QiClient *client)
{
  if (client->bus && !g_dbus_connection_is_closed (client->bus))
    g_dbus_connection_call (client->bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Leave", NULL, NULL,
                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
}

static void
qi_client_dispose (GObject *object)
{
  drop_bus (QI_CLIENT (object));
  G_OBJECT_CLASS (qi_client_parent_class)->dispose (object);
}

static void
qi_client_finalize (GObject *object)
{
  g_hash_table_unref (QI_CLIENT (object)->jobs);
  G_OBJECT_CLASS (qi_client_parent_class)->finalize (object);
}

static void
qi_client_class_init (QiClientClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = qi_client_dispose;
  G_OBJECT_CLASS (klass)->finalize = qi_client_finalize;
}

static void
qi_client_init (QiClient *client)
{
  client->jobs = g_hash_table_new (NULL, NULL);
  qi_wire_register_errors ();
}
