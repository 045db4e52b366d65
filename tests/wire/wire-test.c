/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/wire-test.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/place.h"

char *wire_folder;

void
wire_stub (const char *stub)
{
  if (stub)
    g_setenv ("QI_STUB", stub, TRUE);
  else
    g_unsetenv ("QI_STUB");
}

pid_t
wire_worker_pid (void)
{
  g_autofree char *path = qi_place_socket (NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) stream = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
  g_autoptr (GCredentials) peer = stream ? g_socket_get_credentials (g_socket_connection_get_socket (stream), NULL) : NULL;

  return peer ? g_credentials_get_unix_pid (peer, NULL) : 0;
}

/* This process adopts orphans (see wire_test_main), so a worker's end is seen here. */
void
wire_wait_gone (pid_t pid, int seconds, int *status)
{
  const gint64 deadline = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  pid_t got;

  while ((got = waitpid (pid, status, WNOHANG)) == 0 && g_get_monotonic_time () < deadline)
    g_usleep (10000);
  g_assert_cmpint (got, ==, pid);
}

void
wire_end_worker (void)
{
  const pid_t pid = wire_worker_pid ();
  g_autofree char *path = qi_place_socket (NULL);
  int status = 0;

  if (pid)
    {
      g_assert_cmpint (kill (pid, SIGTERM), ==, 0);
      wire_wait_gone (pid, 10, &status);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 0);
    }
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_cmpint (waitpid (-1, &status, WNOHANG), ==, -1); /* nobody else is left behind */
  g_assert_cmpint (errno, ==, ECHILD);
}

QiImage *
wire_picture (guint w, guint h, guint channels)
{
  guint8 *pixels = g_malloc ((gsize) w * h * channels);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, (gsize) w * h * channels);

  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      for (guint k = 0; k < channels; k++)
        pixels[((gsize) y * w + x) * channels + k] = (guint8) (k == 0 ? x : k == 1 ? y : k == 2 ? (x * y) >> 3 : 255);
  return qi_image_new (w, h, channels, (gsize) w * channels, bytes);
}

void
wire_assert_equal (const QiImage *a, const QiImage *b)
{
  g_assert_cmpuint (qi_image_width (a), ==, qi_image_width (b));
  g_assert_cmpuint (qi_image_height (a), ==, qi_image_height (b));
  g_assert_cmpuint (qi_image_channels (a), ==, qi_image_channels (b));
  for (guint y = 0; y < qi_image_height (a); y++)
    g_assert_cmpmem (qi_image_row (a, y), qi_image_width (a) * qi_image_channels (a), qi_image_row (b, y),
                     qi_image_width (b) * qi_image_channels (b));
}

void
wire_see (const QiProgress *progress, gpointer data)
{
  WireSeen *seen = data;
  /* Stages come in order, each for all results; except that a part of the model is loaded when it is first needed. */
  if (seen->n && progress->stage != QI_STAGE_LOAD)
    {
      g_assert_cmpuint (progress->stage, >=, seen->last);
      if (progress->stage == seen->last && progress->stage != QI_STAGE_WAIT)
        {
          g_assert_cmpuint (progress->result, >=, seen->last_result);
          if (progress->result == seen->last_result)
            g_assert_cmpuint (progress->step, >=, seen->last_step);
        }
    }
  if (progress->stage == QI_STAGE_WAIT)
    seen->waited_for = MAX (seen->waited_for, progress->step);
  else
    g_assert_cmpuint (progress->step, <=, progress->n_steps);
  seen->n++;
  seen->n_previews += progress->preview != NULL;
  seen->n_steps += progress->stage == QI_STAGE_DENOISE;
  seen->seen[progress->stage] = TRUE;
  if (progress->stage != QI_STAGE_LOAD)
    {
      seen->last = progress->stage;
      seen->last_result = progress->result;
      seen->last_step = progress->step;
    }
  seen->seconds_left = progress->seconds_left;
  if (progress->stage == seen->stage && !seen->reached)
    {
      seen->reached = g_get_monotonic_time ();
      if (seen->cancel_in)
        g_cancellable_cancel (seen->cancel_in);
      if (seen->in_stage)
        seen->in_stage (seen->data);
    }
}

QiRequest *
wire_request (QiTask task)
{
  QiRequest *request = qi_request_new ();

  request->task = task;
  request->prompt = g_strdup ("a fox in the snow");
  request->seed = 7;
  request->steps = 3;
  return request;
}

QiResult *
wire_run (const QiRequest *request, QiImage *picture, WireSeen *seen, GCancellable *cancellable, GError **error)
{
  g_autoptr (QiClient) client = qi_client_new ();
  const QiInputs inputs = { .pictures = &picture, .n_pictures = picture ? 1 : 0 };

  return qi_client_run (client, request, &inputs, seen ? wire_see : NULL, seen, cancellable, error);
}

int
wire_test_main (int argc, char **argv, void (*add) (void))
{
  g_autofree char *remove = NULL;
  int status;

  setlocale (LC_CTYPE, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  wire_folder = g_dir_make_tmp ("sfumato-wire-XXXXXX", NULL);
  g_assert_nonnull (wire_folder);
  for (guint i = 0; i < 4; i++)
    g_setenv (((const char *[]){ "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME" })[i], wire_folder, TRUE);
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  add ();
  status = g_test_run ();
  remove = g_strdup_printf ("rm -rf '%s'", wire_folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (wire_folder);
  return status;
}
