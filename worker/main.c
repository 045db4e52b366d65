/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato-worker: the engine in a process of its own. Started by whoever first needs it (wire/connect.c); leaves by itself. */
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/stub.h"
#include "wire/place.h"
#include "worker/server.h"

typedef struct
{
  char *socket;
  int ready_fd;
  double idle;
  gboolean version;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->socket);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* The one who waits is told that we listen, or why not. */
static void
tell_ready (const Options *options, const char *problem)
{
  const char *text = problem ? problem : "\n";

  if (options->ready_fd >= 0)
    {
      if (write (options->ready_fd, text, strlen (text)) < 0)
        g_debug ("nobody waits any more");
      close (options->ready_fd);
    }
  else if (problem)
    fprintf (stderr, "sfumato-worker: %s\n", problem);
}

/* What is said goes to a file: a terminal or pipe of the program that started us must not be held open by us. */
static void
redirect_log (const char *socket)
{
  g_autofree char *name = g_path_get_basename (socket), *file = g_strconcat (name, ".log", NULL);
  g_autofree char *path = g_build_filename (g_get_user_cache_dir (), "sfumato", file, NULL);
  g_autofree char *folder = g_path_get_dirname (path);
  int fd;

  g_mkdir_with_parents (folder, 0700);
  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd >= 0)
    {
      dup2 (fd, STDERR_FILENO);
      close (fd);
    }
}

/* Short of memory, the system shall end us and not somebody's drawing program. */
static void
offer_to_die (void)
{
  const int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

  if (fd >= 0 && write (fd, "500", 3) != 3)
    g_debug ("oom_score_adj cannot be set");
  if (fd >= 0)
    close (fd);
}

static gboolean
parse (Options *options, int argc, char **argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket, "where to listen; default: where clients look", "PATH" },
    { "idle", 0, 0, G_OPTION_ARG_DOUBLE, &options->idle, "leave after so long without work; default: as configured, 600",
      "SECONDS" },
    { "ready-fd", 0, 0, G_OPTION_ARG_INT, &options->ready_fd, "a line end is written there once it listens", "N" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "say the version", NULL },
    { 0 }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- makes Sfumato's pictures for other programs");

  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, &argc, &argv, error)
         && (options->socket || options->version || (options->socket = qi_place_socket (error)));
}

static void
quit (gpointer loop)
{
  g_main_loop_quit (loop);
}

static gboolean
signalled (gpointer server)
{
  qi_server_leave (server, TRUE);
  return G_SOURCE_CONTINUE;
}

static int
serve (const Options *options)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  QiServer *server = qi_server_new (options->socket, options->idle, quit, loop, &error);

  tell_ready (options, server ? NULL : error->message);
  if (!server)
    return 1;
  for (guint i = 0; i < 3; i++)
    g_unix_signal_add (((const int[]){ SIGTERM, SIGINT, SIGHUP })[i], signalled, server);
  g_main_loop_run (loop);
  qi_server_free (server);
  return 0;
}

int
main (int argc, char **argv)
{
  g_auto (Options) options = { .ready_fd = -1, .idle = -1 };
  g_autoptr (GError) error = NULL;
  QiStub stub;

  setsid (); /* so that Ctrl+C in the terminal of the program that started us is not meant for us */
  setlocale (LC_CTYPE, "");
  signal (SIGPIPE, SIG_IGN);
  if (!parse (&options, argc, argv, &error))
    {
      tell_ready (&options, error->message);
      return 2;
    }
  if (options.version)
    {
      printf ("sfumato-worker %s\n", QI_VERSION);
      return 0;
    }
  if (options.ready_fd >= 0)
    {
      fcntl (options.ready_fd, F_SETFD, FD_CLOEXEC);
      redirect_log (options.socket);
    }
  offer_to_die ();
#ifdef QI_STUBS
  if (!qi_stub_parse (qi_env_stub (), &stub, &error))
    {
      tell_ready (&options, error->message);
      return 2;
    }
#else
  if (qi_env_stub ())
    g_warning ("QI_STUB is set, and this build has no stubs: the model is used");
  (void) stub;
#endif
  return serve (&options);
}
