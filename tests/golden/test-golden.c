/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The golden cases that the project carries (tests/data), through qi-golden, in f32 and f16: every tensor within the limits of
 * its case, and validation silent. */
#include <string.h>

#include <glib.h>

/* Case, and how many tensors at least must have been compared. */
static const struct
{
  const char *name;
  guint n;
} cases[] = { { "mmdit-square", 15 },   { "mmdit-masked", 15 },   { "mmdit-zero-cond-t", 15 }, { "text-plain", 5 },
              { "text-padded-batch", 5 }, { "text-one-image", 12 }, { "text-two-images", 9 }, { "text-image-preprocess", 5 }, { "vae-pipeline-b8-z16", 10 }, { "tokenizer-tiny", 1 }, { "rng-torch-cpu", 5 },
              { "quant-gguf", 15 },     { "pipeline-t2i", 8 },    { "pipeline-t2i-cfg", 10 },  { "pipeline-t2i-batch", 10 },
              { "pipeline-t2i-lightning", 8 },
              { "pipeline-img2img", 10 },        { "pipeline-inpaint-cfg-strength", 20 }, { "pipeline-inpaint-crop", 6 },
              { "pipeline-edit-cfg", 12 },       { "pipeline-edit-inpaint", 12 },         { "pipeline-edit-2511", 12 },
              { "pipeline-edit-plus-cfg", 12 },  { "pipeline-controlnet", 18 },           { "pipeline-controlnet-inpaint", 12 },
              { "pipeline-layered-cfg", 12 },    { "pipeline-layered-cfgnorm", 12 } };

static void
test_case (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data) / 2;
  g_autofree char *folder = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), cases[i].name, NULL);
  char *argv[] = { (char *) g_getenv ("QI_GOLDEN"), "--compute", GPOINTER_TO_UINT (data) % 2 ? "f16" : "f32", folder, NULL };
  g_autofree char *out = NULL, *err = NULL;
  g_autoptr (GError) error = NULL;
  int status;
  guint n = 0;

  g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, &error));
  g_assert_no_error (error);
  for (const char *at = out; (at = strstr (at, " PASS\n")); at++)
    n++;
  if (status != 0 || n < cases[i].n)
    g_test_message ("%s\n%s", out, err);
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpuint (n, >=, cases[i].n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/golden/%s/%s", cases[i / 2].name, i % 2 ? "f16" : "f32");

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
    }
  return g_test_run ();
}
