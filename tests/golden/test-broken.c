/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights that are sound numbers and make nonsense: a picture of NaN, or of nothing, is an error that says whose it is, and never
 * shown. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "models/plan.h"
#include "tests/golden/on-device.h"

static QiDevice *device;

/* A copy of the base model's file in a folder of its own, with every value of a tensor set. (transfer full): the folder */
static char *
damage (const char *part, const char *tensor, guint16 value)
{
  static const char *const files[] = { "config.json", "diffusion_pytorch_model.safetensors" };
  g_autoptr (GError) error = NULL;
  g_autofree char *from = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", part, NULL);
  g_autofree char *file = g_build_filename (from, files[1], NULL);
  g_autoptr (QiCheckpoint) checkpoint = qi_checkpoint_open (file, strcmp (part, "vae") == 0 ? QI_COMPONENT_VAE : QI_COMPONENT_TRANSFORMER,
                                                            &error);
  const QiCheckpointTensor *where = qi_checkpoint_find (checkpoint, tensor);
  char *folder = g_dir_make_tmp ("sfumato-broken-XXXXXX", &error);

  g_assert_nonnull (where);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *source = g_build_filename (from, files[i], NULL), *path = g_build_filename (folder, files[i], NULL);
      g_autofree char *data = NULL;
      gsize n;

      g_assert_true (g_file_get_contents (source, &data, &n, &error));
      for (guint64 at = 0; i == 1 && at < where->bytes; at += 2)
        memcpy (data + where->offset + at, &value, 2);
      g_assert_true (g_file_set_contents (path, data, (gssize) n, &error));
    }
  return folder;
}

static void
remove_copy (const char *folder)
{
  static const char *const files[] = { "config.json", "diffusion_pytorch_model.safetensors" };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i], NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

static void
assert_refused (const char *part, const char *tensor, guint16 value, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = damage (part, tensor, value);
  g_autofree char *base = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  const gboolean vae = strcmp (part, "vae") == 0;
  g_autoptr (QiModelSet) set = qi_model_set_open (&(QiModelPaths){ .model = base, .vae = vae ? folder : NULL,
                                                                   .transformer = vae ? NULL : folder },
                                                  &error);
  const QiPipeline *pipeline = qi_pipeline_by_name ("text-to-image");
  QiPipelineJob job = { .prompt = "a red circle", .negative = " ", .width = 64, .height = 64, .steps = 1, .guidance = 1 };
  g_auto (QiDraws) draws = { 0 };
  g_autoptr (QiRuntime) runtime = NULL;
  QiPlanes picture = { 0 };

  g_assert_no_error (error);
  runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  qi_pipeline_draw (pipeline, set, &job, 1, 1, FALSE, &draws);
  g_assert_false (qi_pipeline_run (pipeline, runtime, &job, 1, &picture, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_FAILED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_null (picture.values);
  remove_copy (folder);
}

static void
test_not_numbers (void)
{
  assert_refused ("transformer", "proj_out.weight", 0x7f7f, "latents are not numbers"); /* the largest there is */
  assert_refused ("vae", "decoder.conv_out.weight", 0x7f7f, "values that are not numbers");
}

static void
test_flat (void)
{
  assert_refused ("vae", "decoder.conv_out.weight", 0, "one colour");
}

int
main (int argc, char **argv)
{
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  g_test_add_func ("/broken/not-numbers", test_not_numbers);
  g_test_add_func ("/broken/flat", test_flat);
  return golden_run (device);
}
