/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/server.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/client.h"
#include "wire/place.h"
#include "worker/server-private.h"

#define LEAST_IDLE 1.0  /* seconds in which whoever started it can say what it is for */
#define LOOK_SECONDS 10 /* between two looks at the user's setting */

/* -- leaving --------------------------------------------------------------------------------------- */

/* The file first: whoever finds none starts another worker, and that one's file is not touched. */
static void
stop_listening (QiServer *server)
{
  GStatBuf st;

  if (!server->service)
    return;
  if (g_lstat (server->path, &st) == 0 && st.st_ino == server->inode)
    g_unlink (server->path);
  g_socket_service_stop (server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (server->service));
  g_clear_object (&server->service);
}

static gboolean
leave_now (gpointer data)
{
  QiServer *server = data;

  server->leave_idle = 0;
  if (server->left || qi_jobs_n (server->jobs) > 0 || server->n_infos > 0)
    return G_SOURCE_REMOVE;
  server->left = TRUE;
  for (guint i = 0; i < server->peers->len; i++)
    qi_peer_flush (server->peers->pdata[i]);
  server->gone (server->user_data);
  return G_SOURCE_REMOVE;
}

void
qi_server_check (QiServer *server)
{
  if (server->leaving && !server->left && !server->leave_idle && qi_jobs_n (server->jobs) == 0 && server->n_infos == 0)
    server->leave_idle = g_idle_add (leave_now, server);
}

void
qi_server_leave (QiServer *server, gboolean cancel)
{
  server->leaving = TRUE;
  stop_listening (server);
  if (cancel)
    qi_jobs_cancel_all (server->jobs, NULL);
  qi_server_check (server);
}

/* -- idle time ------------------------------------------------------------------------------------- */

static void watch_idle (QiServer *server);

static gboolean
look_at_idle (gpointer data)
{
  QiServer *server = data;

  server->idle_timer = 0;
  watch_idle (server);
  return G_SOURCE_REMOVE;
}

/* Leaves when the time is over, else looks again: the user may have changed it meanwhile. */
static void
watch_idle (QiServer *server)
{
  const double setting = server->idle_seconds >= 0 ? server->idle_seconds : qi_client_get_keep_ready ();
  const double left = MAX (setting, LEAST_IDLE) - (g_get_monotonic_time () - server->last_activity) / 1e6;

  g_clear_handle_id (&server->idle_timer, g_source_remove);
  if (server->leaving || qi_jobs_n (server->jobs) > 0)
    return;
  if (left <= 0)
    {
      g_info ("nothing to do for %.0f s: leaving", setting);
      qi_server_leave (server, FALSE);
    }
  else
    server->idle_timer = g_timeout_add ((guint) (1000 * MIN (left, LOOK_SECONDS)) + 1, look_at_idle, server);
}

void
qi_server_touch (QiServer *server)
{
  server->last_activity = g_get_monotonic_time ();
  watch_idle (server);
}

static void
jobs_ended (gpointer data)
{
  qi_server_touch (data);
  qi_server_check (data);
}

/* -- connections ----------------------------------------------------------------------------------- */

static gboolean
allow_mechanism (GDBusAuthObserver *observer, const char *mechanism, gpointer data)
{
  return strcmp (mechanism, "EXTERNAL") == 0; /* the kernel's word for who it is */
}

static void
bus_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  QiServer *server = user_data;
  g_autoptr (GError) error = NULL;
  GDBusConnection *bus = g_dbus_connection_new_finish (result, &error);

  if (bus)
    qi_peer_add (server, bus);
  else
    g_debug ("somebody came and said nothing: %s", error->message);
}

static gboolean
incoming (GSocketService *service, GSocketConnection *stream, GObject *object, QiServer *server)
{
  g_autoptr (GDBusAuthObserver) observer = g_dbus_auth_observer_new ();
  g_autofree char *guid = g_dbus_generate_guid ();

  qi_server_touch (server);
  g_signal_connect (observer, "allow-mechanism", G_CALLBACK (allow_mechanism), NULL);
  g_dbus_connection_new (G_IO_STREAM (stream), guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER | G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER
                           | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         observer, NULL, bus_ready, server);
  return TRUE;
}

/* A socket's file that nobody answers at was left by a worker that was killed. */
static gboolean
clear_path (const char *path, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) stream = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
  GStatBuf st;

  if (stream)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "Another engine listens at %s.", path);
      return FALSE;
    }
  if (g_lstat (path, &st) == 0 && S_ISSOCK (st.st_mode))
    g_unlink (path);
  return TRUE;
}

static gboolean
listen_at (QiServer *server, GError **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (server->path);
  const mode_t before = umask (0177);
  GStatBuf st;
  gboolean ok;

  server->service = g_socket_service_new ();
  ok = g_socket_listener_add_address (G_SOCKET_LISTENER (server->service), address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                                      NULL, NULL, error);
  umask (before);
  if (!ok)
    return FALSE;
  if (g_lstat (server->path, &st) == 0)
    server->inode = st.st_ino;
  g_signal_connect (server->service, "incoming", G_CALLBACK (incoming), server);
  g_socket_service_start (server->service);
  return TRUE;
}

QiServer *
qi_server_new (const char *path, double idle_seconds, void (*gone) (gpointer user_data), gpointer user_data, GError **error)
{
  QiServer *server = g_new0 (QiServer, 1);

  qi_wire_register_errors ();
  server->path = g_strdup (path);
  server->idle_seconds = idle_seconds;
  server->gone = gone;
  server->user_data = user_data;
  server->peers = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_peer_free);
  server->timings = qi_timings_new ();
  server->maker = qi_maker_new (server->timings);
  server->jobs = qi_jobs_new (server->maker, jobs_ended, server);
  server->build = qi_place_build (NULL, error);
  if (!server->build || !clear_path (path, error) || !listen_at (server, error))
    {
      server->left = TRUE;
      qi_server_free (server);
      return NULL;
    }
  qi_server_touch (server);
  return server;
}

void
qi_server_free (QiServer *server)
{
  if (!server)
    return;
  server->leaving = server->left = TRUE;
  g_clear_handle_id (&server->leave_idle, g_source_remove);
  stop_listening (server);
  qi_jobs_free (server->jobs);
  g_clear_handle_id (&server->idle_timer, g_source_remove);
  g_ptr_array_unref (server->peers);
  qi_timings_free (server->timings);
  g_free (server->path);
  g_free (server->build);
  g_free (server);
}
