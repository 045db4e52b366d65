/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Either side dies, or is of another build, or has nothing to do: the other one is told once and goes on. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/wire/wire-test.h"
#include "wire/place.h"

static const char *self; /* this program, which is its own client in other processes */

static void
assert_works (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiResult) result = wire_run (request, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (result->images->len, ==, 1);
}

/* -- the worker ------------------------------------------------------------------------------------ */

static void
kill_worker (gpointer data)
{
  pid_t *pid = data;

  *pid = wire_worker_pid ();
  g_assert_cmpint (kill (*pid, SIGKILL), ==, 0);
}

typedef struct
{
  guint n;
  GError *error;
  GMainLoop *loop;
} Answer;

typedef struct
{
  QiClient *client;
  pid_t pid;
} Stuck;

static void
answered (GObject *client, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->n++;
  g_clear_error (&answer->error);
  qi_result_free (qi_client_run_finish (QI_CLIENT (client), result, &answer->error));
  g_main_loop_quit (answer->loop);
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

/* One client, two jobs of it at once: each is told once; the same client's next job has a new worker. */
static void
test_killed (void)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Answer answers[2] = { { .loop = loop }, { .loop = loop } };
  pid_t pid = 0;
  int status = 0;
  WireSeen seen = { .stage = QI_STAGE_DENOISE, .in_stage = kill_worker, .data = &pid };

  wire_stub ("seed;slow:100");
  qi_client_run_async (client, request, NULL, wire_see, &seen, NULL, answered, &answers[0]);
  g_main_loop_run (loop);
  g_assert_error (answers[0].error, QI_ERROR, QI_ERROR_WORKER_GONE);
  g_test_message ("%s", answers[0].error->message);
  wire_wait_gone (pid, 5, &status);
  g_assert_true (WIFSIGNALED (status));

  qi_client_run_async (client, request, NULL, NULL, NULL, NULL, answered, &answers[1]);
  g_main_loop_run (loop);
  g_assert_no_error (answers[1].error);

  /* With several at once. */
  seen = (WireSeen){ .stage = QI_STAGE_DENOISE, .in_stage = kill_worker, .data = &pid };
  qi_client_run_async (client, request, NULL, wire_see, &seen, NULL, answered, &answers[0]);
  qi_client_run_async (client, request, NULL, NULL, NULL, NULL, answered, &answers[1]);
  while (answers[0].n < 2 || answers[1].n < 2)
    g_main_loop_run (loop);
  g_timeout_add (300, quit, loop);
  g_main_loop_run (loop);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpuint (answers[i].n, ==, 2);
      g_assert_error (answers[i].error, QI_ERROR, QI_ERROR_WORKER_GONE);
      g_clear_error (&answers[i].error);
    }
  wire_wait_gone (pid, 5, &status);
  assert_works ();
  wire_end_worker ();
}

static void
test_dies (gconstpointer data)
{
  const char *stage = data;
  g_autofree char *stub = g_strdup_printf ("seed;die:%s", stage);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  int status = 0;

  wire_stub (stub);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_WORKER_GONE);
  g_assert_cmpint (wire_worker_pid (), ==, 0);
  while (waitpid (-1, &status, 0) > 0)
    g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);

  /* What it left is no obstacle, and is cleared by the next one. */
  g_autofree char *socket = qi_place_socket (NULL);

  g_assert_true (g_file_test (socket, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_WORKER_GONE);
  while (waitpid (-1, &status, 0) > 0)
    ;
  g_unlink (socket);
}

static void
test_fails (gconstpointer data)
{
  const char *stage = data;
  g_autofree char *stub = g_strdup_printf ("seed;fail:%s", stage);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  pid_t pid;

  wire_stub (stub);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_assert_true (g_str_has_prefix (error->message, "The stage ")); /* and nothing of D-Bus before it */
  pid = wire_worker_pid ();
  g_clear_error (&error);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_assert_cmpint (wire_worker_pid (), ==, pid); /* which is no reason to end */
  wire_end_worker ();
}

static void
take_pid (gpointer data)
{
  *(pid_t *) data = wire_worker_pid ();
}

/* With the tiny model: the device is gone in the middle of a picture. The job is told so, the worker ends by itself, and the next
 * job's worker has a device again. */
static void
test_device_lost (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiResult) result = NULL;
  pid_t pid = 0;
  WireSeen seen = { .stage = QI_STAGE_LOAD, .in_stage = take_pid, .data = &pid };
  int status = 0;

  wire_stub (NULL);
  request->model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  request->width = request->height = 64;
  request->steps = 1;
  g_setenv ("QI_FAIL", "lost:6", TRUE);
  g_assert_null (wire_run (request, NULL, &seen, NULL, &error));
  g_unsetenv ("QI_FAIL");
  g_assert_error (error, QI_ERROR, QI_ERROR_DEVICE_LOST);
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  wire_wait_gone (pid, 10, &status);
  result = wire_run (request, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (result);
  wire_end_worker ();
}

static void
give_up (gpointer data)
{
  Stuck *stuck = data;

  stuck->pid = wire_worker_pid ();
  g_assert_cmpint (kill (stuck->pid, SIGSTOP), ==, 0);
  qi_client_end_worker (stuck->client);
}

/* A person has waited long enough. */
static void
test_ended (void)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Answer answer = { .loop = loop };
  Stuck stuck = { client, 0 };
  int status = 0;
  WireSeen seen = { .stage = QI_STAGE_DENOISE, .in_stage = give_up, .data = &stuck };

  wire_stub ("seed;slow:100");
  qi_client_end_worker (client); /* there is none: nothing happens */
  qi_client_run_async (client, request, NULL, wire_see, &seen, NULL, answered, &answer);
  g_main_loop_run (loop);
  g_assert_error (answer.error, QI_ERROR, QI_ERROR_WORKER_GONE);
  g_clear_error (&answer.error);
  wire_wait_gone (stuck.pid, 5, &status);
  assert_works ();
  wire_end_worker ();
}

/* -- the client ------------------------------------------------------------------------------------ */

static void
say (gpointer text)
{
  puts (text);
}

/* A client in a process of its own; it writes a line when its job is in the stage of denoising, and one at its end. */
static int
be_client (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  WireSeen seen = { .stage = QI_STAGE_DENOISE, .in_stage = say, .data = (gpointer) "denoise" };

  setvbuf (stdout, NULL, _IONBF, 0);

  g_autoptr (QiResult) result = wire_run (request, NULL, &seen, NULL, &error);

  puts (result ? "done" : error->message);
  return !result;
}

static GPid
spawn_client (int *out)
{
  const char *const argv[] = { self, "client", NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, out, NULL, &error);
  g_assert_no_error (error);
  return pid;
}

static char *
read_line (int fd)
{
  GString *line = g_string_new (NULL);
  char c;

  while (read (fd, &c, 1) == 1 && c != '\n')
    g_string_append_c (line, c);
  return g_string_free (line, FALSE);
}

static void
test_client_killed (void)
{
  g_autofree char *line = NULL;
  WireSeen seen = { 0 };
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  int out, status = 0;
  GPid client;
  pid_t worker;
  gint64 began;

  wire_stub ("seed;slow:700");
  request->steps = 1;
  client = spawn_client (&out);
  line = read_line (out);
  g_assert_cmpstr (line, ==, "denoise");
  worker = wire_worker_pid ();
  g_assert_cmpint (kill (client, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (client, &status, 0), ==, client);
  close (out);

  /* Its three steps of 700 ms are not waited for, and the model is still there. */
  began = g_get_monotonic_time ();

  g_autoptr (QiResult) result = wire_run (request, NULL, &seen, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time () - began, <, 1600 * 1000);
  g_assert_false (seen.seen[QI_STAGE_LOAD]);
  g_assert_cmpint (wire_worker_pid (), ==, worker);
  wire_end_worker ();
}

/* Programs that need a worker at the same moment share one. */
static void
test_together (void)
{
  enum { N = 6 };
  GPid pids[N];
  int out[N], status = 0;
  pid_t worker;

  wire_stub ("seed;slow:10");
  for (guint i = 0; i < N; i++)
    pids[i] = spawn_client (&out[i]);
  for (guint i = 0; i < N; i++)
    {
      g_autofree char *first = read_line (out[i]), *second = read_line (out[i]);

      g_assert_cmpstr (first, ==, "denoise");
      g_assert_cmpstr (second, ==, "done");
      close (out[i]);
      g_assert_cmpint (waitpid (pids[i], &status, 0), ==, pids[i]);
      g_assert_cmpint (status, ==, 0);
    }
  worker = wire_worker_pid ();
  g_assert_cmpint (worker, !=, 0);
  g_assert_cmpint (waitpid (-1, &status, WNOHANG), ==, 0); /* it is the only child left, and lives */
  g_assert_cmpint (getsid (worker), ==, worker);           /* out of reach of a terminal's Ctrl+C */
  wire_end_worker ();
}

/* -- builds ---------------------------------------------------------------------------------------- */

typedef struct
{
  WireSeen seen;
  QiResult *result;
  GError *error;
} Background;

static gpointer
run_in_background (gpointer data)
{
  Background *background = data;
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);

  background->result = wire_run (request, NULL, &background->seen, NULL, &background->error);
  return NULL;
}

/* A worker of another build is replaced. One that is at work first ends what it has begun. */
static void
test_other_build (void)
{
  g_autofree char *ours = g_strdup (g_getenv ("QI_WORKER")), *other = g_build_filename (wire_folder, "sfumato-worker", NULL);
  g_autofree char *copy = g_strdup_printf ("cp '%s' '%s'", ours, other);
  Background background = { 0 };
  pid_t old;
  int status = 0;

  g_assert_true (g_spawn_command_line_sync (copy, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  wire_stub ("seed;slow:200");
  assert_works ();
  old = wire_worker_pid ();

  GThread *thread = g_thread_new ("other", run_in_background, &background);

  while (!g_atomic_int_get (&background.seen.seen[QI_STAGE_DENOISE]))
    g_usleep (1000);
  g_setenv ("QI_WORKER", other, TRUE);
  assert_works ();
  g_assert_cmpint (wire_worker_pid (), !=, old);
  g_thread_join (thread);
  g_assert_no_error (background.error);
  g_assert_nonnull (background.result);
  qi_result_free (background.result);
  wire_wait_gone (old, 5, &status);
  g_assert_true (WIFEXITED (status));
  g_setenv ("QI_WORKER", ours, TRUE);
  assert_works (); /* and back */
  while (waitpid (-1, &status, WNOHANG) > 0)
    g_assert_true (WIFEXITED (status));
  g_usleep (300000);
  while (waitpid (-1, &status, WNOHANG) > 0)
    g_assert_true (WIFEXITED (status));
  wire_end_worker ();
}

static void
test_missing (void)
{
  g_autofree char *ours = g_strdup (g_getenv ("QI_WORKER"));
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  int status;

  wire_stub ("seed;slow:1");
  g_setenv ("QI_WORKER", "/nowhere/sfumato-worker", TRUE);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_setenv ("QI_WORKER", "/bin/false", TRUE);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_WORKER_GONE);
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  g_setenv ("QI_WORKER", ours, TRUE);
  wire_stub ("nonsense");
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_WORKER_GONE);
  g_assert_nonnull (strstr (error->message, "“nonsense”"));
  while (waitpid (-1, &status, 0) > 0)
    g_assert_true (WIFEXITED (status));
  wire_end_worker ();
}

/* -- idle ------------------------------------------------------------------------------------------ */

/* It goes when the time set is over, with a client connected, and that client's next job has another. */
static void
test_idle (void)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  g_autofree char *socket = NULL;
  Answer answer = { .loop = loop };
  const gint64 began = g_get_monotonic_time ();
  pid_t pid;
  int status = 0;

  g_assert_cmpfloat (qi_client_get_keep_ready (), ==, 600);
  g_assert_true (qi_client_set_keep_ready (1.2, &error));
  g_assert_no_error (error);
  g_assert_cmpfloat_with_epsilon (qi_client_get_keep_ready (), 1.2, 1e-9);
  wire_stub ("seed");
  socket = qi_place_socket (NULL);
  qi_client_run_async (client, request, NULL, NULL, NULL, NULL, answered, &answer);
  g_main_loop_run (loop);
  g_assert_no_error (answer.error);
  pid = wire_worker_pid ();
  wire_wait_gone (pid, 6, &status);
  g_assert_cmpint (g_get_monotonic_time () - began, >, 1200 * 1000);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  g_assert_false (g_file_test (socket, G_FILE_TEST_EXISTS));

  g_assert_true (qi_client_set_keep_ready (600, &error));
  qi_client_run_async (client, request, NULL, NULL, NULL, NULL, answered, &answer);
  g_main_loop_run (loop);
  g_assert_no_error (answer.error);

  /* Memory that is asked back. */
  pid = wire_worker_pid ();
  qi_client_free_memory (client);
  wire_wait_gone (pid, 5, &status);
  g_assert_true (WIFEXITED (status));
  g_assert_false (g_file_test (socket, G_FILE_TEST_EXISTS));
  wire_end_worker ();
}

static void
add_tests (void)
{
  static const char *const stages[] = { "load", "encode", "denoise", "decode" };

  g_test_add_func ("/wire/death/killed", test_killed);
  g_test_add_func ("/wire/death/ended", test_ended);
  g_test_add_func ("/wire/death/device-lost", test_device_lost);
  for (guint i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      g_autofree char *dies = g_strdup_printf ("/wire/death/dies/%s", stages[i]);
      g_autofree char *fails = g_strdup_printf ("/wire/death/fails/%s", stages[i]);

      g_test_add_data_func (dies, stages[i], test_dies);
      g_test_add_data_func (fails, stages[i], test_fails);
    }
  g_test_add_func ("/wire/death/client-killed", test_client_killed);
  g_test_add_func ("/wire/death/together", test_together);
  g_test_add_func ("/wire/death/other-build", test_other_build);
  g_test_add_func ("/wire/death/missing", test_missing);
  g_test_add_func ("/wire/death/idle", test_idle);
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "client") == 0)
    return be_client ();
  self = argv[0];
  return wire_test_main (argc, argv, add_tests);
}
