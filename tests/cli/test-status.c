/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Exit statuses for what is wrong with the command line, the device or the memory, and the sentences that go with them. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/cli/run-cli.h"

static char *base; /* the tiny model */

static void
test_help (void)
{
  static const struct
  {
    const char *command, *word;
  } commands[] = { { "generate", "--save-latents" }, { "info", "--plan" }, { "bench", "--synthetic" } };
  g_auto (CliRun) help = cli_run ("--help", NULL);
  g_auto (CliRun) version = cli_run ("--version", NULL);

  cli_assert_status (&help, 0);
  cli_assert_status (&version, 0);
  g_assert_cmpstr (version.out, ==, "sfumato " QI_VERSION "\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_auto (CliRun) run = cli_run (commands[i].command, "--help", NULL);

      g_assert_nonnull (strstr (help.out, commands[i].command));
      cli_assert_status (&run, 0);
      g_assert_cmpstr (run.err, ==, "");
      g_assert_nonnull (strstr (run.out, commands[i].word));
      g_assert_nonnull (strstr (run.out, "--json"));
    }
}

static void
test_commands (void)
{
  g_auto (CliRun) none = cli_run (NULL, NULL);
  g_auto (CliRun) unknown = cli_run ("draw", NULL);
  g_auto (CliRun) info = cli_run ("info", "--frobnicate", NULL);
  g_auto (CliRun) plan = cli_run ("info", "--plan", NULL);
  g_auto (CliRun) op = cli_run ("bench", "--blocks=0", NULL);

  cli_assert_status (&none, 2);
  cli_assert_status (&unknown, 2);
  g_assert_nonnull (strstr (unknown.err, "\"draw\""));
  cli_assert_status (&info, 2);
  cli_assert_status (&plan, 2);
  g_assert_nonnull (strstr (plan.err, "--model"));
  cli_assert_status (&op, 2);
}

static void
test_arguments (void)
{
  g_autofree char *too_long = g_strnfill (20481, 'a'), *prompt = g_strconcat ("--prompt=", too_long, NULL);
  const struct
  {
    const char *argument, *word, *other;
  } rows[] = { { "--frobnicate", "--frobnicate", NULL },
               { "--steps=201", "201", "200" },
               { "--steps=-1", "-1", "steps" },
               { "--steps=many", "many", "steps" },
               { "--results=9", "results", "8" },
               { "--results=0", "results", "8" },
               { "--guidance=21", "21", "20" },
               { "--guidance=-1", "guidance", "-1" },
               { "--guidance=nan", "guidance", "nan" },
               { "--width=15", "15 pixels", "16" },
               { "--width=-16", "-16", "width" },
               { "--height=1", "height", "16" },
               { "--height=16385", "16385", "16384" },
               { "--seed=-2", "-2", "2147483647" },
               { "--seed=2147483648", "2147483648", "2147483647" },
               { "--quality=super", "super", "balanced" },
               { "--sampler=ddim", "ddim", "euler" },
               { "--compute=f8", "f8", "f16" },
               { "--memory=lots", "lots", "8G" },
               { "--variant=other", "other", "qwen-image" },
               { "--lettering=nowhere: X", "nowhere", "top-left" },
               { "--lettering=top", "PLACE: WORDS", NULL },
               { "--prompt=bad \xff bytes", "prompt", "UTF-8 from byte 4" },
               { "--negative-prompt=\xc3", "negative-prompt", "UTF-8" },
               { prompt, "20481", "20480" },
               { "--output=/no/such/folder/a.png", "/no/such/folder", "make it" },
               { "--output=a.jpg", "a.jpg", ".png" },
               { "--output=.", "folder", "name" },
               { "--output=", "output", "name" },
               { "--save-latents=/no/such/folder/l.safetensors", "/no/such/folder", "make it" },
               { "two", "more than one prompt", "quotes" } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    cli_assert_refused (2, rows[i].word, rows[i].other, "--model", base, "--prompt=x", rows[i].argument, NULL);
}

static void
test_no_model (void)
{
  g_autofree char *path = cli_path ("demo.png");
  g_auto (CliRun) run = cli_run ("generate", "--prompt=x", "--steps=1", "--output", path, NULL), info = cli_run ("info", NULL);

  cli_assert_status (&run, 0);
  g_assert_nonnull (strstr (run.err, "no model is configured: the demo model"));
  cli_assert_status (&info, 0);
  g_assert_nonnull (strstr (info.out, "None is configured: the demo model"));
}

/* A program that lies alone, without a share folder beside it, has no demo model. */
static void
test_no_demo_model (void)
{
  g_autofree char *program = g_strdup (g_getenv ("SFUMATO")), *alone = cli_path ("alone"), *bytes = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (program, &bytes, &n, NULL));
  g_assert_true (g_file_set_contents_full (alone, bytes, (gssize) n, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  g_setenv ("SFUMATO", alone, TRUE);
  cli_assert_refused (2, "--model PATH", "models.conf", "--prompt=x", NULL);
  g_setenv ("SFUMATO", program, TRUE);
}

/* What is there already is not lost to a run that fails. */
static void
test_output_stays (void)
{
  g_autofree char *path = cli_path ("mine.png"), *pipe = cli_path ("pipe.png"), *text = NULL;
  g_auto (CliRun) memory = { 0 };

  g_assert_true (g_file_set_contents (path, "mine", -1, NULL));
  memory = cli_generate (path, "--model", base, "--prompt=x", "--memory=1K", NULL);
  cli_assert_status (&memory, 4);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "mine");

  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_auto (CliRun) run = cli_generate (pipe, "--model", base, "--prompt=x", NULL);
  cli_assert_status (&run, 2);
  g_assert_cmpint (g_unlink (pipe), ==, 0);
}

static void
test_device (void)
{
  cli_assert_refused (5, "Unheard-of 9999", NULL, "--model", base, "--prompt=x", "--device=Unheard-of 9999", NULL);
}

/* By the option and by the environment; the sentence says what is needed and what there is. */
static void
test_memory (void)
{
  cli_assert_refused (4, "text encoder needs", "64.0 KiB may be used", "--model", base, "--prompt=x", "--memory=64K", NULL);
  g_setenv ("QI_MEMORY_LIMIT", "16M", TRUE);
  cli_assert_refused (4, "needs", "16.0 MiB may be used", "--model", base, "--prompt=x", "--width=1024", "--height=1024", NULL);
  g_unsetenv ("QI_MEMORY_LIMIT");
}

static void
test_latents (void)
{
  g_autofree char *text = cli_path ("text"), *pipe = cli_path ("pipe"), *a = g_strconcat ("--init-latents=", text, NULL),
                  *b = g_strconcat ("--init-latents=", pipe, NULL);

  g_assert_true (g_file_set_contents (text, "These are no latents at all.", -1, NULL));
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  cli_assert_refused (3, "nowhere", "No such file", "--model", base, "--prompt=x", "--init-latents=nowhere", NULL);
  cli_assert_refused (3, text, "no safetensors file", "--model", base, "--prompt=x", a, NULL);
  cli_assert_refused (3, pipe, "not an ordinary file", "--model", base, "--prompt=x", b, NULL);
}

static void
add_tests (void)
{
  base = cli_data ("models/base");
  g_test_add_func ("/status/help", test_help);
  g_test_add_func ("/status/commands", test_commands);
  g_test_add_func ("/status/arguments", test_arguments);
  g_test_add_func ("/status/no-model", test_no_model);
  g_test_add_func ("/status/no-demo-model", test_no_demo_model);
  g_test_add_func ("/status/output-stays", test_output_stays);
  g_test_add_func ("/status/device", test_device);
  g_test_add_func ("/status/memory", test_memory);
  g_test_add_func ("/status/latents", test_latents);
}

int
main (int argc, char **argv)
{
  const int status = cli_test_main (argc, argv, add_tests);

  g_free (base);
  return status;
}
