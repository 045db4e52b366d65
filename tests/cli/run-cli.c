/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/cli/run-cli.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char *cli_folder;

void
cli_run_clear (CliRun *run)
{
  g_free (run->out);
  g_free (run->err);
}

/* A run that hangs, on a pipe say, ends by a signal, which spawn() takes for a failure. */
static void
limit_time (gpointer data)
{
  alarm (120);
}

static CliRun
spawn (GPtrArray *argv)
{
  CliRun run = { 0 };
  g_autoptr (GError) error = NULL;
  int status = 0;

  g_ptr_array_insert (argv, 0, (gpointer) g_getenv ("SFUMATO"));
  g_ptr_array_add (argv, NULL);
  g_assert_true (g_spawn_sync (cli_folder, (char **) argv->pdata, NULL, G_SPAWN_DEFAULT, limit_time, NULL, &run.out, &run.err,
                               &status, &error));
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  run.status = WEXITSTATUS (status);
  return run;
}

CliRun
cli_run (const char *first, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  va_list args;

  va_start (args, first);
  for (const char *arg = first; arg; arg = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer) arg);
  va_end (args);
  return spawn (argv);
}

/* generate, its common arguments, and those of args. */
static CliRun
generate (const char *output, va_list args)
{
  static const char *const common[] = { "generate", "--quiet", "--device", "cpu", "--width", "96", "--height", "64", "--steps", "2", "--seed", "3", "--output" };
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (common); i++)
    g_ptr_array_add (argv, (gpointer) common[i]);
  g_ptr_array_add (argv, (gpointer) output);
  for (const char *arg; (arg = va_arg (args, const char *));)
    g_ptr_array_add (argv, (gpointer) arg);
  return spawn (argv);
}

CliRun
cli_generate (const char *output, ...)
{
  va_list args;
  CliRun run;

  va_start (args, output);
  run = generate (output, args);
  va_end (args);
  return run;
}

void
cli_assert_refused (int status, const char *word, const char *other, ...)
{
  g_autofree char *folder = cli_path ("refused"), *output = g_build_filename (folder, "picture.png", NULL);
  g_auto (CliRun) run = { 0 };
  const char *end;
  va_list args;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  va_start (args, other);
  run = generate (output, args);
  va_end (args);
  g_test_message ("%s", run.err);
  cli_assert_status (&run, status);
  g_assert_cmpstr (run.out, ==, "");
  g_assert_true (g_str_has_prefix (run.err, "sfumato: "));
  end = strchr (run.err, '\n');
  g_assert_true (end && end[1] == '\0');
  if (!strstr (run.err, word) || (other && !strstr (run.err, other)))
    g_test_fail_printf ("neither “%s” nor “%s” may be missing in: %s", word, other ? other : word, run.err);
  g_assert_cmpint (g_rmdir (folder), ==, 0); /* which it only is when nothing is left in it */
}

void
cli_assert_status (const CliRun *run, int status)
{
  if (run->status != status)
    g_test_message ("%s%s", run->out, run->err);
  g_assert_cmpint (run->status, ==, status);
}

char *cli_path (const char *name) { return g_build_filename (cli_folder, name, NULL); }
char *cli_data (const char *name) { return g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), name, NULL); }
char *cli_variant (const char *name) { return g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), name, NULL); }

guint8 *
cli_pixels (const char *path, int *width, int *height, gsize *n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new_from_file (path, &error);
  gsize row;
  guint8 *pixels;

  g_assert_no_error (error);
  *width = gdk_pixbuf_get_width (pixbuf);
  *height = gdk_pixbuf_get_height (pixbuf);
  row = (gsize) *width * gdk_pixbuf_get_n_channels (pixbuf);
  *n = row * *height;
  pixels = g_malloc (*n);
  for (int y = 0; y < *height; y++)
    memcpy (pixels + y * row, gdk_pixbuf_read_pixels (pixbuf) + (gsize) y * gdk_pixbuf_get_rowstride (pixbuf), row);
  return pixels;
}

guint
cli_difference (const char *a, const char *b)
{
  int w[2], h[2];
  gsize n[2];
  g_autofree guint8 *x = cli_pixels (a, &w[0], &h[0], &n[0]), *y = cli_pixels (b, &w[1], &h[1], &n[1]);
  guint most = 0;

  g_assert_cmpint (w[0], ==, w[1]);
  g_assert_cmpint (h[0], ==, h[1]);
  for (gsize i = 0; i < n[0]; i++)
    most = MAX (most, (guint) ABS (x[i] - y[i]));
  return most;
}

int
cli_test_main (int argc, char **argv, void (*add) (void))
{
  g_autofree char *remove = NULL;
  int status;

  setlocale (LC_CTYPE, "C.UTF-8"); /* for the quotes in what is reported */
  g_test_init (&argc, &argv, NULL);
  cli_folder = g_dir_make_tmp ("sfumato-cli-XXXXXX", NULL);
  g_assert_nonnull (cli_folder);
  /* No model of the person's own may answer. */
  g_setenv ("XDG_CONFIG_HOME", cli_folder, TRUE);
  add ();
  status = g_test_run ();
  remove = g_strdup_printf ("rm -rf '%s'", cli_folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (cli_folder);
  return status;
}
