/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/place.h"
#include "worker-bus.h"

#define READY_SECONDS 20 /* for a new worker to listen */
#define HELLO_MS 15000   /* for one that listens to say a word */
#define LOCK_SECONDS 60  /* others may be starting one */
#define ATTEMPTS 3       /* a worker may leave just when it is found */

static gboolean
gone (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
gone (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, QI_ERROR, QI_ERROR_WORKER_GONE, text);
  return FALSE;
}

/* -- the socket ------------------------------------------------------------------------------------ */

/* NULL without an error: nobody listens there. (transfer full) */
static GSocketConnection *
try_socket (const char *path, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) stream = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
  g_autoptr (GCredentials) peer = stream ? g_socket_get_credentials (g_socket_connection_get_socket (stream), error) : NULL;

  if (!stream || !peer)
    return NULL;
  if (g_credentials_get_unix_user (peer, NULL) == getuid ())
    return g_steal_pointer (&stream);
  g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s belongs to another user's program; it is not used.", path);
  return NULL;
}

static int
wait_for_lock (GCancellable *cancellable, GError **error)
{
  const gint64 deadline = g_get_monotonic_time () + LOCK_SECONDS * G_USEC_PER_SEC;
  g_autoptr (GError) local = NULL;

  for (;;)
    {
      const int lock = qi_place_try_lock (&local);

      if (lock >= 0)
        return lock;
      if (local)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return -1;
        }
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return -1;
      if (g_get_monotonic_time () > deadline)
        {
          gone (error, "Another program has been starting the engine for %d seconds.", LOCK_SECONDS);
          return -1;
        }
      g_usleep (20000);
    }
}

/* -- starting -------------------------------------------------------------------------------------- */

/* A byte says that it listens; whatever else it writes is the reason why not. */
static gboolean
wait_until_ready (int fd, GCancellable *cancellable, GError **error)
{
  const gint64 deadline = g_get_monotonic_time () + READY_SECONDS * G_USEC_PER_SEC;
  char text[512] = "";
  gsize n = 0;

  for (;;)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
      const int ready = poll (&poll_fd, 1, 50);
      const ssize_t got = ready > 0 ? read (fd, text + n, sizeof text - 1 - n) : 0;

      if (got > 0 && n == 0 && text[0] == '\n')
        return TRUE;
      if (got > 0)
        n += (gsize) got;
      if ((ready > 0 && got <= 0 && !(got < 0 && errno == EINTR)) || n == sizeof text - 1)
        break;
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (g_get_monotonic_time () > deadline)
        return gone (error, "The engine did not start within %d seconds.", READY_SECONDS);
    }
  g_strchomp (text);
  return gone (error, "The engine ended while it was starting%s%s", *text ? ": " : ".",
               *text && g_utf8_validate (text, -1, NULL) ? text : "");
}

/* The worker is nobody's child and has no handle of ours but the pipe; it makes a session of its own. */
static gboolean
spawn (const char *worker, const char *socket, GCancellable *cancellable, GError **error)
{
  g_autofree char *address = g_strconcat ("--socket=", socket, NULL);
  const char *const argv[] = { worker, address, "--ready-fd=3", NULL };
  g_autoptr (GError) local = NULL;
  int ends[2], target = 3;
  gboolean ready;

  if (pipe2 (ends, O_CLOEXEC) != 0)
    return gone (error, "The engine cannot be started: %s.", g_strerror (errno));

  const gboolean ok = g_spawn_async_with_pipes_and_fds ("/", argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_CLOEXEC_PIPES, NULL,
                                                        NULL, -1, -1, -1, &ends[1], &target, 1, NULL, NULL, NULL, NULL, &local);

  close (ends[1]);
  ready = ok ? wait_until_ready (ends[0], cancellable, error)
             : gone (error, "The engine cannot be started: %s", local->message);
  close (ends[0]);
  return ready;
}

/* Under the lock, so that no two are started. (transfer full) */
static GSocketConnection *
find_or_spawn (const char *worker, gboolean *spawned, GCancellable *cancellable, GError **error)
{
  g_autofree char *socket = qi_place_socket (error);
  g_autoptr (GError) local = NULL;
  GSocketConnection *stream = NULL;
  const int lock = socket ? wait_for_lock (cancellable, error) : -1;

  if (lock < 0)
    return NULL;
  stream = try_socket (socket, &local);
  if (!stream && !local && spawn (worker, socket, cancellable, &local))
    {
      *spawned = TRUE;
      stream = try_socket (socket, &local);
      if (!stream && !local)
        gone (&local, "The engine was started and is already gone.");
    }
  close (lock);
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  return stream;
}

/* -- greeting -------------------------------------------------------------------------------------- */

typedef struct
{
  char *worker, *build;
} Connect;

static void
connect_free (gpointer data)
{
  Connect *connect = data;

  g_free (connect->worker);
  g_free (connect->build);
  g_free (connect);
}

/* A worker that has not said a word in all that time never will: the same user's, and stopped or stuck. */
static void
end_peer (GSocketConnection *stream)
{
  g_autoptr (GCredentials) peer = g_socket_get_credentials (g_socket_connection_get_socket (stream), NULL);
  const pid_t pid = peer ? g_credentials_get_unix_pid (peer, NULL) : -1;

  if (pid > 1)
    {
      g_warning ("The engine (process %d) does not answer and is ended", (int) pid);
      kill (pid, SIGKILL);
    }
}

/* (transfer full) */
static GDBusConnection *
open_bus (GSocketConnection *stream, GCancellable *cancellable, GError **error)
{
  g_autoptr (GDBusAuthObserver) observer = g_dbus_auth_observer_new ();

  g_socket_set_timeout (g_socket_connection_get_socket (stream), HELLO_MS / 1000);

  GDBusConnection *bus = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL,
                                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                       | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                                     observer, cancellable, error);

  g_socket_set_timeout (g_socket_connection_get_socket (stream), 0);
  if (bus)
    g_dbus_connection_start_message_processing (bus);
  return bus;
}

/* One attempt. NULL without an error: the worker left meanwhile, or has been asked to. (transfer full) */
static GDBusConnection *
attempt (const Connect *connect, GCancellable *cancellable, GError **error)
{
  gboolean spawned = FALSE;
  g_autoptr (GSocketConnection) stream = find_or_spawn (connect->worker, &spawned, cancellable, error);
  g_autoptr (GError) local = NULL;
  g_autofree char *theirs = NULL;
  g_autoptr (GDBusConnection) bus = NULL;
  g_autoptr (GVariant) reply = NULL;

  if (!stream)
    return NULL;
  if ((bus = open_bus (stream, cancellable, &local)))
    reply = g_dbus_connection_call_sync (bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Hello",
                                         g_variant_new ("(s)", connect->build), G_VARIANT_TYPE ("(s)"), G_DBUS_CALL_FLAGS_NONE,
                                         HELLO_MS, cancellable, &local);
  if (!reply)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        end_peer (stream);
      g_debug ("greeting the engine failed: %s", local->message);
      return NULL;
    }
  g_variant_get (reply, "(s)", &theirs);
  if (strcmp (theirs, connect->build) == 0 || spawned)
    return g_steal_pointer (&bus);
  g_info ("the engine that runs is of build %s, ours is %s: it is asked to leave", theirs, connect->build);

  g_autoptr (GVariant) left = g_dbus_connection_call_sync (bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Leave", NULL, NULL,
                                                           G_DBUS_CALL_FLAGS_NONE, HELLO_MS, cancellable, NULL);

  return NULL;
}

static void
connect_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Connect *connect = data;
  GError *error = NULL;

  for (guint i = 0; i < ATTEMPTS && !error; i++)
    {
      GDBusConnection *bus = attempt (connect, cancellable, &error);

      if (bus)
        {
          g_task_return_pointer (task, bus, g_object_unref);
          return;
        }
    }
  if (!error)
    gone (&error, "The engine cannot be reached: %d attempts failed.", ATTEMPTS);
  g_task_return_error (task, error);
}

void
qi_connect_async (GCancellable *cancellable, GAsyncReadyCallback done, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, done, user_data);
  Connect *connect = g_new0 (Connect, 1);
  GError *error = NULL;

  g_task_set_task_data (task, connect, connect_free);
  if ((connect->worker = qi_place_worker (&error)) && (connect->build = qi_place_build (connect->worker, &error)))
    g_task_run_in_thread (task, connect_thread);
  else
    g_task_return_error (task, error);
}

GDBusConnection *
qi_connect_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
