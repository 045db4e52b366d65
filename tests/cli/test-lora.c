/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* --lora from the command line: the merged model's picture, the schedule of few-step files, and what is said. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "cli/tensor-file.h"
#include "tests/cli/run-cli.h"
#include "tests/golden/merge-lora.h"

static char *base; /* the tiny model */

static char *
lora (const char *file)
{
  return g_build_filename (g_getenv ("SFUMATO_TEST_LORAS"), "base", file, NULL);
}

/* The tiny model's transformer in f32 with the file in it; file NULL: as it is. (g_free) */
static char *
write_merged (const char *name, const char *file, double strength)
{
  g_autofree char *weights = g_build_filename (base, "transformer", "diffusion_pytorch_model.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiTensorFile) from = qi_tensor_file_read (weights, &error), to = qi_tensor_file_new ();
  char *path = cli_path (name);

  g_assert_no_error (error);
  for (guint i = 0; i < from->entries->len; i++)
    {
      const QiTensorEntry *entry = g_ptr_array_index (from->entries, i);
      g_autofree float *values = qi_tensor_entry_floats (entry, &error);
      g_autofree double *w = g_new (double, entry->elements);
      g_autofree char *module = g_strndup (entry->name, strlen (entry->name) - strlen (".weight"));

      for (gsize k = 0; k < entry->elements; k++)
        w[k] = values[k];
      if (file && entry->n_dims == 2)
        lora_merge (lora_spelling (file), "base", strength, module, w, entry->dims[0], entry->dims[1]);
      for (gsize k = 0; k < entry->elements; k++)
        values[k] = (float) w[k];
      qi_tensor_file_add (to, entry->name, "F32", entry->n_dims, entry->dims, values);
    }
  g_assert_true (qi_tensor_file_write (to, path, &error));
  return path;
}

static void
test_picture (void)
{
  static const char *const files[] = { "diffusers.safetensors", "kohya.safetensors", "lokr.safetensors" };
  g_autofree char *plain = write_merged ("plain.safetensors", NULL, 0), *config = cli_variant ("config"), *none = cli_path ("none.png"),
                  *a = cli_path ("a.png"), *b = cli_path ("b.png"), *c = cli_path ("c.png");
  g_auto (CliRun) first = cli_generate (none, "--prompt", "x", "--model", base, "--config", config, "--transformer", plain, NULL);

  cli_assert_status (&first, 0);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = lora (files[i]), *line = g_strconcat (path, ":0.8", NULL), *zero = g_strconcat (path, ":0", NULL),
                      *merged = write_merged ("merged.safetensors", files[i], 0.8);
      g_auto (CliRun) with = cli_generate (a, "--prompt", "x", "--model", base, "--config", config, "--transformer", plain, "--lora", line, NULL);
      g_auto (CliRun) again = cli_generate (b, "--prompt", "x", "--model", base, "--config", config, "--transformer", plain, "--lora", line, NULL);
      g_auto (CliRun) one = cli_generate (c, "--prompt", "x", "--model", base, "--config", config, "--transformer", merged, NULL);

      cli_assert_status (&with, 0);
      cli_assert_status (&again, 0);
      cli_assert_status (&one, 0);
      g_test_message ("%s: %u levels from merged, %u from none", files[i], cli_difference (a, c), cli_difference (a, none));
      g_assert_cmpuint (cli_difference (a, none), >, 10);
      g_assert_cmpuint (cli_difference (a, b), ==, 0);
      g_assert_cmpuint (cli_difference (a, c), <=, 1);

      g_auto (CliRun) nothing = cli_generate (b, "--prompt", "x", "--model", base, "--config", config, "--transformer", plain, "--lora", zero, NULL);
      cli_assert_status (&nothing, 0);
      g_assert_cmpuint (cli_difference (b, none), ==, 0);
    }
}

/* Two, one of them under a name with colons; what the picture's text says of them. */
static void
test_two (void)
{
  g_autofree char *first = lora ("diffusers.safetensors"), *second = lora ("second.safetensors"), *odd = cli_path ("a:b:1.5"),
                  *odd_line = g_strconcat (odd, ":0.5", NULL), *a = cli_path ("two-a.png"), *b = cli_path ("two-b.png"), *c = cli_path ("two-c.png"),
                  *bytes = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (second, &bytes, &n, NULL));
  g_assert_true (g_file_set_contents (odd, bytes, (gssize) n, NULL));
  g_clear_pointer (&bytes, g_free);

  g_auto (CliRun) both = cli_generate (a, "--prompt", "x", "--model", base, "--lora", first, "--lora", odd_line, NULL);
  g_auto (CliRun) other = cli_generate (b, "--prompt", "x", "--model", base, "--lora", odd_line, "--lora", first, NULL);
  g_auto (CliRun) one = cli_generate (c, "--prompt", "x", "--model", base, "--lora", first, NULL);

  cli_assert_status (&both, 0);
  cli_assert_status (&other, 0);
  cli_assert_status (&one, 0);
  g_assert_cmpuint (cli_difference (a, b), <=, 1);
  g_assert_cmpuint (cli_difference (a, c), >, 5);
  g_assert_true (g_file_get_contents (a, &bytes, &n, NULL));
  g_assert_nonnull (memmem (bytes, n, "diffusers.safetensors\na:b:1.5:0.5", strlen ("diffusers.safetensors\na:b:1.5:0.5")));
  g_assert_null (memmem (bytes, n, "loras/base", strlen ("loras/base")));
}

/* Steps, guidance and shift of a Lightning file, as a scheduler's configuration of that kind gives them. */
static void
test_few_steps (void)
{
  const char *file = "Qwen-Image-Lightning-4steps-V1.0.safetensors";
  g_autofree char *path = lora (file), *merged = write_merged ("few.safetensors", file, 1), *config = cli_variant ("config"),
                  *scheduler = g_build_filename (base, "scheduler-lightning", NULL), *a = cli_path ("few-a.png"), *b = cli_path ("few-b.png"),
                  *c = cli_path ("few-c.png"), *zero = g_strconcat (path, ":0", NULL), *plain = write_merged ("few-plain.safetensors", NULL, 0);
  g_auto (CliRun) with = cli_run ("generate", "--json", "--quality", "best", "--device", "cpu", "--width=96", "--height=64", "--seed=3", "--prompt", "x",
                                  "--model", base, "--config", config, "--transformer", plain, "--lora", path, "--output", a, NULL);
  g_auto (CliRun) same = cli_run ("generate", "--device", "cpu", "--width=96", "--height=64", "--seed=3", "--prompt", "x", "--model", base, "--config",
                                  config, "--transformer", merged, "--scheduler", scheduler, "--steps=4", "--guidance=1", "--output", b, NULL);
  g_auto (CliRun) own = cli_run ("generate", "--json", "--device", "cpu", "--width=96", "--height=64", "--seed=3", "--prompt", "x", "--model", base,
                                 "--lora", path, "--steps=3", "--guidance=2", "--output", c, NULL);
  g_auto (CliRun) off = cli_run ("generate", "--json", "--quality=fast", "--device", "cpu", "--width=96", "--height=64", "--seed=3", "--prompt", "x",
                                 "--model", base, "--lora", zero, "--output", c, NULL);

  cli_assert_status (&with, 0);
  cli_assert_status (&same, 0);
  cli_assert_status (&own, 0);
  cli_assert_status (&off, 0);
  g_assert_nonnull (strstr (with.out, "\"steps\":4,\"guidance\":1.0"));
  g_assert_nonnull (strstr (own.out, "\"steps\":3,\"guidance\":2.0"));
  g_assert_nonnull (strstr (off.out, "\"steps\":8,\"guidance\":1.0"));
  g_assert_cmpuint (cli_difference (a, b), <=, 1);
}

/* The schedule is what makes the difference, not the weights alone. */
static void
test_shift (void)
{
  const char *file = "Qwen-Image-Lightning-4steps-V1.0.safetensors";
  g_autofree char *path = lora (file), *renamed = cli_path ("renamed.safetensors"), *bytes = NULL, *a = cli_path ("shift-a.png"),
                  *b = cli_path ("shift-b.png");
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_assert_true (g_file_set_contents (renamed, bytes, (gssize) n, NULL));

  g_auto (CliRun) known = cli_generate (a, "--prompt", "x", "--model", base, "--guidance=1", "--lora", path, NULL);
  g_auto (CliRun) unknown = cli_generate (b, "--prompt", "x", "--model", base, "--guidance=1", "--lora", renamed, NULL);

  cli_assert_status (&known, 0);
  cli_assert_status (&unknown, 0);
  g_assert_cmpuint (cli_difference (a, b), >, 2);
}

/* Other tasks go the same way. */
static void
test_edit (void)
{
  g_autofree char *model = cli_data ("models/edit-plus"), *picture = cli_data ("text-one-image/image1.png"), *right = lora ("metadata-2509.safetensors"),
                  *wrong = lora ("style-2511.safetensors"), *a = cli_path ("edit-a.png"), *b = cli_path ("edit-b.png"),
                  *c = cli_path ("edit-c.png");
  g_auto (CliRun) none = cli_run ("edit", "--quiet", "--device=cpu", "--model", model, "--variant=edit-2509", "--image", picture, "--prompt=x",
                                  "--steps=1", "--seed=1", "--output", a, NULL);
  g_auto (CliRun) with = cli_run ("edit", "--quiet", "--device=cpu", "--model", model, "--variant=edit-2509", "--image", picture, "--prompt=x",
                                  "--steps=1", "--seed=1", "--lora", right, "--output", b, NULL);
  g_auto (CliRun) refused = cli_run ("edit", "--quiet", "--device=cpu", "--model", model, "--variant=edit-2509", "--image", picture, "--prompt=x",
                                     "--steps=1", "--seed=1", "--lora", wrong, "--output", c, NULL);

  cli_assert_status (&none, 0);
  cli_assert_status (&with, 0);
  g_assert_cmpuint (cli_difference (a, b), >, 5);
  cli_assert_status (&refused, 3);
  g_assert_nonnull (strstr (refused.err, "is for Qwen-Image-Edit-2511 and does not fit"));
  g_assert_false (g_file_test (c, G_FILE_TEST_EXISTS));
}

static void
test_told (void)
{
  g_autofree char *extra = lora ("extra.safetensors"), *few = lora ("few-match.safetensors"), *fused = lora ("fused.safetensors"),
                  *path = cli_path ("told.png"), *lines = g_strconcat (fused, ":0.25", NULL);
  g_auto (CliRun) alone = cli_run ("info", "--json", "--lora", extra, "--lora", lines, NULL);
  g_auto (CliRun) with = cli_run ("info", "--json", "--model", base, "--lora", extra, "--plan", NULL);
  g_auto (CliRun) text = cli_run ("info", "--model", base, "--lora", extra, NULL);
  g_auto (CliRun) misfit = cli_run ("info", "--model", base, "--lora", few, NULL);
  g_auto (CliRun) picture = cli_run ("generate", "--device", "cpu", "--width=64", "--height=64", "--steps=1", "--prompt", "x", "--model", base, "--lora",
                                     extra, "--output", path, NULL);

  cli_assert_status (&alone, 0);
  g_assert_nonnull (strstr (alone.out, "\"name\":\"extra\",\"strength\":1.0,\"format\":\"diffusers\",\"made_for\":null,\"parts\":17,\"matched\":15"));
  g_assert_nonnull (strstr (alone.out, "\"unused_count\":5"));
  g_assert_nonnull (strstr (alone.out, "\"name\":\"fused\",\"strength\":0.25"));
  cli_assert_status (&with, 0);
  g_assert_nonnull (strstr (with.out, "\"parts\":17,\"matched\":15"));
  g_assert_nonnull (strstr (with.out, "\"part\":\"add-ons\",\"weights_bytes\":"));
  cli_assert_status (&text, 0);
  g_assert_nonnull (strstr (text.out, "Add-ons\n"));
  cli_assert_status (&misfit, 3);
  g_assert_nonnull (strstr (misfit.err, "2 of 12 parts match. It was not used."));
  cli_assert_status (&picture, 0);
  g_assert_nonnull (strstr (picture.err, "sfumato: Of the add-on “extra” 5 of 35 keys are not used.\n"));
}

static void
test_refused (void)
{
  g_autofree char *few = lora ("few-match.safetensors"), *wide = lora ("other-width.safetensors"), *young = lora ("style-2511.safetensors"),
                  *strength = g_strconcat (few, ":1000", NULL), *nowhere = lora ("nowhere.safetensors:0.5");

  cli_assert_refused (3, "2 of 12 parts match", "It was not used.", "--prompt", "x", "--model", base, "--lora", few, NULL);
  cli_assert_refused (3, "0 of 24 parts match", "96 × 96", "--prompt", "x", "--model", base, "--lora", wide, NULL);
  cli_assert_refused (2, "strength", "1000", "--prompt", "x", "--model", base, "--lora", strength, NULL);
  cli_assert_refused (3, "nowhere.safetensors”", "cannot be opened", "--prompt", "x", "--model", base, "--lora", nowhere, NULL);
  cli_assert_refused (3, "2511 and does not fit", "2509", "--prompt", "x", "--model", base, "--variant", "edit-2509", "--lora", young, NULL);
}

static void
add_tests (void)
{
  base = cli_data ("models/base");
  g_test_add_func ("/lora/picture", test_picture);
  g_test_add_func ("/lora/two", test_two);
  g_test_add_func ("/lora/few-steps", test_few_steps);
  g_test_add_func ("/lora/shift", test_shift);
  g_test_add_func ("/lora/edit", test_edit);
  g_test_add_func ("/lora/told", test_told);
  g_test_add_func ("/lora/refused", test_refused);
}

int
main (int argc, char **argv)
{
  const int status = cli_test_main (argc, argv, add_tests);

  g_free (base);
  return status;
}
