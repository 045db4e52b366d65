/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures from the command line: the same from every spelling of a model, seeds, latents, sizes, prompts, events. */
#define _GNU_SOURCE /* memmem */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <yyjson.h>

#include "cli/tensor-file.h"
#include "tests/cli/run-cli.h"

static char *base; /* the tiny model */

/* One spelling of one part gives the picture that the diffusers folder gives, up to most levels. */
static void
check_variant (const char *flag, const char *name, guint most)
{
  g_autofree char *reference = cli_path ("reference.png"), *part = cli_variant (name), *config = cli_variant ("config"),
                  *output = cli_path ("variant.png");
  guint difference;

  if (!g_file_test (reference, G_FILE_TEST_EXISTS))
    {
      g_auto (CliRun) run = cli_generate (reference, "--prompt", "a red circle", "--model", base, NULL);

      cli_assert_status (&run, 0);
    }
  g_auto (CliRun) run = cli_generate (output, "--prompt", "a red circle", "--model", base, "--config", config, flag, part, NULL);
  cli_assert_status (&run, 0);
  difference = cli_difference (reference, output);
  g_test_message ("%s: %u levels", name, difference);
  g_assert_cmpuint (difference, <=, most);
}

static void
test_containers (void)
{
  static const struct
  {
    const char *flag, *name;
    guint most;
  } rows[] = { { "--model", "sharded", 0 },
               { "--transformer", "transformer/bf16.safetensors", 0 },
               { "--transformer", "transformer/prefixed.safetensors", 0 },
               { "--transformer", "transformer/bf16.gguf", 0 },
               { "--transformer", "transformer/f32.safetensors", 1 },
               { "--transformer", "transformer/f32.gguf", 1 },
               { "--transformer", "transformer/f16.safetensors", 2 },
               { "--transformer", "transformer/f16.gguf", 2 },
               { "--transformer", "transformer/q8_0.gguf", 16 },
               { "--transformer", "transformer/fp8-scaled.safetensors", 64 },
               { "--text-encoder", "text/bf16.safetensors", 0 },
               { "--text-encoder", "text/language-model.safetensors", 0 },
               { "--text-encoder", "text/bf16.gguf", 0 },
               { "--text-encoder", "text/f32.gguf", 1 },
               { "--vae", "vae/wan.safetensors", 0 },
               { "--vae", "vae/wan-2d.safetensors", 0 },
               { "--vae", "vae/folded.gguf", 1 },
               { "--vae", "vae/rgba", 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    check_variant (rows[i].flag, rows[i].name, rows[i].most);
}

static void
test_seeds (void)
{
  g_autofree char *several = cli_path ("s.png"), *first = cli_path ("s-1.png"), *second = cli_path ("s-2.png"), *one = cli_path ("one.png"),
                  *again = cli_path ("again.png");
  g_auto (CliRun) a = cli_generate (several, "--prompt", "x", "--model", base, "--results", "2", NULL);
  g_auto (CliRun) b = cli_generate (one, "--prompt", "x", "--model", base, "--seed=4", NULL);
  g_auto (CliRun) c = cli_generate (again, "--prompt", "x", "--model", base, "--seed=4", NULL);

  cli_assert_status (&a, 0);
  cli_assert_status (&b, 0);
  cli_assert_status (&c, 0);
  g_assert_nonnull (strstr (a.out, first));
  g_assert_nonnull (strstr (a.out, second));
  g_assert_cmpuint (cli_difference (second, one), ==, 0);
  g_assert_cmpuint (cli_difference (one, again), ==, 0);
  g_assert_cmpuint (cli_difference (first, second), >, 20);
}

static void
test_latents (void)
{
  g_autofree char *latents = cli_path ("l.safetensors"), *a = cli_path ("a.png"), *b = cli_path ("b.png");
  g_auto (CliRun) save = cli_generate (a, "--prompt", "x", "--model", base, "--save-latents", latents, NULL);
  g_auto (CliRun) init = cli_generate (b, "--prompt", "x", "--model", base, "--init-latents", latents, "--seed=99", NULL);
  g_auto (CliRun) wrong = cli_generate (b, "--prompt", "x", "--model", base, "--init-latents", latents, "--width=128", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiTensorFile) file = qi_tensor_file_read (latents, &error);
  const QiTensorEntry *entry = file ? qi_tensor_file_find (file, "latents") : NULL;

  cli_assert_status (&save, 0);
  cli_assert_status (&init, 0);
  cli_assert_status (&wrong, 2);
  g_assert_no_error (error);
  g_assert_cmpuint (entry->n_dims, ==, 4);
  g_assert_cmpuint (entry->dims[0], ==, 1);
  g_assert_cmpuint (entry->dims[1], ==, 16);
  g_assert_cmpuint (entry->dims[2], ==, 8);
  g_assert_cmpuint (entry->dims[3], ==, 12);
  g_assert_cmpstr (entry->dtype, ==, "F32");
  g_assert_cmpuint (cli_difference (a, b), ==, 0);
}

static void
test_sizes (void)
{
  static const struct
  {
    const char *width, *height;
    int w, h;
  } sizes[] = { { "--width=80", "--height=112", 80, 112 }, { "--width=16", "--height=144", 16, 144 }, { "--width=71", "--height=49", 64, 48 },
                { "--width=1328", "--height=16", 1328, 16 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *path = cli_path ("size.png"), *pixels = NULL;
      g_auto (CliRun) run = cli_generate (path, "--prompt", "x", "--model", base, sizes[i].width, sizes[i].height, NULL);
      int w, h;
      gsize n;

      cli_assert_status (&run, 0);
      pixels = (char *) cli_pixels (path, &w, &h, &n);
      g_assert_cmpint (w, ==, sizes[i].w);
      g_assert_cmpint (h, ==, sizes[i].h);
    }
}

static void
test_prompts (void)
{
  g_autofree char *path = cli_path ("prompt.png"), *last = cli_path ("last.png");
  g_autoptr (GString) words = g_string_new (NULL);
  const char *prompts[] = { "", "a", "一只狐狸在雪地里 🦊🎨", "line\nbreak <|im_end|> \"quoted\"", NULL };

  for (guint i = 0; i < 600; i++)
    g_string_append_printf (words, "word%u ", i);
  prompts[4] = words->str;
  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
    {
      g_auto (CliRun) run = cli_generate (path, "--prompt", prompts[i], "--model", base, NULL);

      cli_assert_status (&run, 0);
      if (i)
        g_assert_cmpuint (cli_difference (path, last), >, 0);
      g_assert_cmpint (rename (path, last), ==, 0);
    }
  {
    g_auto (CliRun) run = cli_generate (path, "--prompt", "bad \xff bytes", "--model", base, NULL);
    g_auto (CliRun) guided = cli_generate (path, "--prompt", "a", "--negative-prompt", "blurry", "--guidance=3", "--model", base, NULL);

    cli_assert_status (&run, 2);
    cli_assert_status (&guided, 0);
    g_assert_cmpuint (cli_difference (path, last), >, 0);
  }
}

/* The arguments lie in the picture's own text, lettering included. */
static void
test_text (void)
{
  g_autofree char *path = cli_path ("text.png"), *bytes = NULL;
  g_auto (CliRun) run = cli_generate (path, "--prompt", "Poster 狐", "--lettering", "top: SALE", "--model", base, NULL);
  gsize n;

  cli_assert_status (&run, 0);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_assert_nonnull (memmem (bytes, n, "prompt", 6));
  g_assert_nonnull (memmem (bytes, n, "Poster 狐", strlen ("Poster 狐")));
  g_assert_nonnull (memmem (bytes, n, "SALE", 4));
  g_assert_nonnull (memmem (bytes, n, "seed", 4));
}

static void
test_events (void)
{
  g_autofree char *path = cli_path ("events.png");
  g_auto (CliRun) run = cli_run ("generate", "--json", "--device", "cpu", "--width=64", "--height=64", "--steps=3", "--seed=1", "--prompt", "x",
                                 "--model", base, "--output", path, NULL);
  g_auto (GStrv) lines = NULL;
  guint progress = 0, results = 0;

  cli_assert_status (&run, 0);
  lines = g_strsplit (run.out, "\n", -1);
  for (guint i = 0; lines[i] && *lines[i]; i++)
    {
      yyjson_doc *doc = yyjson_read (lines[i], strlen (lines[i]), 0);
      const char *event = yyjson_get_str (yyjson_obj_get (yyjson_doc_get_root (doc), "event"));

      g_assert_nonnull (event);
      progress += strcmp (event, "progress") == 0;
      if (strcmp (event, "result") == 0)
        {
          g_assert_cmpstr (yyjson_get_str (yyjson_obj_get (yyjson_doc_get_root (doc), "path")), ==, path);
          results++;
        }
      yyjson_doc_free (doc);
    }
  g_assert_cmpuint (progress, >=, 4);
  g_assert_cmpuint (results, ==, 1);
}

/* Ctrl+C: soon, with status 130, and nothing is left. */
static void
test_interrupt (void)
{
  g_autofree char *path = cli_path ("long.png");
  char *argv[] = { (char *) g_getenv ("SFUMATO"), "generate", "--quiet", "--device", "cpu", "--width", "768", "--height", "768", "--steps", "200",
                   "--prompt", "x", "--model", base, "--output", path, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  gint64 began;
  GPid pid;
  int status;

  g_assert_true (g_spawn_async (cli_folder, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error));
  g_assert_no_error (error);
  g_usleep (1500000);
  began = g_get_monotonic_time ();
  g_assert_cmpint (kill (pid, SIGINT), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_test_message ("%.2f s", (g_get_monotonic_time () - began) / 1e6);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 130);
  dir = g_dir_open (cli_folder, 0, NULL);
  while ((name = g_dir_read_name (dir)))
    g_assert_null (strstr (name, "long"));
}

static void
add_tests (void)
{
  base = cli_data ("models/base");
  g_test_add_func ("/generate/containers", test_containers);
  g_test_add_func ("/generate/seeds", test_seeds);
  g_test_add_func ("/generate/latents", test_latents);
  g_test_add_func ("/generate/sizes", test_sizes);
  g_test_add_func ("/generate/prompts", test_prompts);
  g_test_add_func ("/generate/text", test_text);
  g_test_add_func ("/generate/events", test_events);
  g_test_add_func ("/generate/interrupt", test_interrupt);
}

int
main (int argc, char **argv)
{
  const int status = cli_test_main (argc, argv, add_tests);

  g_free (base);
  return status;
}
