/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures in prompts: the tower from other files, what is remembered, what is refused, and the memory plan. Its numbers are
 * compared with the reference's by the golden cases. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/text/prompt-embeddings.h"
#include "tests/golden/on-device.h"

#define DROPPED 64 /* of the templates with pictures */
#define WIDTH 64   /* of the tiny text encoder */

static QiDevice *device;

static QiModelSet *
open_set (const char *tower)
{
  g_autofree char *model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  g_autofree char *vision = tower ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "text", tower, NULL) : NULL;
  const QiModelPaths paths = { .model = model, .vision = vision };
  g_autoptr (GError) error = NULL;
  QiModelSet *set = qi_model_set_open (&paths, &error);

  g_assert_no_error (error);
  g_assert_true (qi_model_set_require (set, TRUE, &error));
  g_assert_no_error (error);
  return set;
}

static GBytes *
encode (QiRuntime *runtime, const char *text, const QiPromptPicture *pictures, guint n, GError **error)
{
  const QiPrompt prompt = { .template = QI_TEMPLATE_EDIT_PLUS, .text = text, .pictures = pictures, .n_pictures = n };
  GBytes *rows = NULL;

  return qi_prompts_encode (runtime, &prompt, 1, &rows, NULL, error) ? rows : NULL;
}

static double
distance (GBytes *a, GBytes *b)
{
  gsize n, m;
  const float *x = g_bytes_get_data (a, &n), *y = g_bytes_get_data (b, &m);
  double sum = 0, ref = 0;

  g_assert_cmpuint (n, ==, m);
  for (gsize i = 0; i < n / sizeof *x; i++)
    {
      sum += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
      ref += (double) x[i] * x[i];
    }
  return sqrt (sum / ref);
}

/* The tower out of an mmproj: q, k and v apart, the kernel in halves, up and down exchanged. */
static void
other_files (void)
{
  static const char *const towers[] = { NULL, "mmproj-f32.gguf", "mmproj-f32-swapped.gguf" };
  g_autoptr (QiImage) image = golden_noise (150, 90, 1);
  g_autoptr (GBytes) first = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (towers); i++)
    {
      g_autoptr (QiModelSet) set = open_set (towers[i]);
      g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
      g_autoptr (GError) error = NULL;
      GBytes *rows = encode (runtime, "a fox", &(QiPromptPicture){ .image = image }, 1, &error);

      g_assert_no_error (error);
      if (first)
        {
          g_assert_cmpfloat (distance (first, rows), <, 1e-5);
          g_bytes_unref (rows);
        }
      else
        first = rows;
    }
}

static void
count_steps (const QiProgress *progress, gpointer user_data)
{
  *(guint *) user_data += progress->stage == QI_STAGE_ENCODE;
}

/* Two pictures of different sizes, each with its tokens; equal ones and equal prompts are computed once. */
static void
remembered (void)
{
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (QiImage) a = golden_noise (112, 84, 1), b = golden_noise (56, 140, 2), again = golden_noise (112, 84, 1);
  const QiPromptPicture pictures[] = { { a }, { b }, { again } };
  g_autoptr (GError) error = NULL;
  guint steps = 0;

  qi_runtime_set_job (runtime, &(QiJob){ .progress = count_steps, .user_data = &steps });
  g_autoptr (GBytes) two = encode (runtime, "a fox", pictures, 2, &error);
  g_assert_no_error (error);
  g_autoptr (GBytes) one = encode (runtime, "a fox", pictures, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (steps, ==, 4); /* two pictures, two prompts */
  /* Picture 2: <|vision_start|> … <|vision_end|> around 5 × 2 tokens; "Picture 2: " has at least one. */
  g_assert_cmpuint (g_bytes_get_size (two), >=, g_bytes_get_size (one) + (10 + 2 + 1) * WIDTH * sizeof (float));
  g_assert_cmpuint (g_bytes_get_size (two), <=, g_bytes_get_size (one) + (10 + 2 + 11) * WIDTH * sizeof (float));

  g_autoptr (GBytes) three = encode (runtime, "a fox", pictures, 3, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (steps, ==, 5); /* the third is the first: a new prompt alone */
  qi_runtime_unload (runtime, QI_PART_VISION);
  qi_runtime_unload (runtime, QI_PART_TEXT_ENCODER);
  g_autoptr (GBytes) known = encode (runtime, "a fox", pictures, 2, &error);
  g_assert_true (known == two);
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_VISION) || qi_runtime_is_loaded (runtime, QI_PART_TEXT_ENCODER));

  /* Order matters, and so does the size that the pipeline gives a picture. */
  const QiPromptPicture swapped[] = { { b }, { a } }, larger[] = { { a, 224, 168 }, { b } };
  g_autoptr (GBytes) other = encode (runtime, "a fox", swapped, 2, &error), wide = encode (runtime, "a fox", larger, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (distance (two, other), >, 0.01);
  g_assert_cmpuint (g_bytes_get_size (wide), ==, g_bytes_get_size (two) + (8 * 6 - 4 * 3) * WIDTH * sizeof (float));
  qi_runtime_set_job (runtime, NULL);
}

/* Sizes at the edges: few pixels are enlarged, long ones keep one row of tokens, too long ones are refused at once. */
static void
edges (void)
{
  static const guint sizes[][3] = { { 1, 1, 4 }, { 1, 150, 25 }, { 4000, 20, 143 }, { 42, 70, 4 }, { 13, 2600, 29 } };
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiImage) none = golden_noise (28 * 2, 28 * 2, 3), strip = golden_noise (1, 4000, 3);
  g_autoptr (GBytes) base = encode (runtime, "a fox", &(QiPromptPicture){ none }, 1, &error);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (QiImage) image = golden_noise (sizes[i][0], sizes[i][1], 4);
      g_autoptr (GBytes) rows = encode (runtime, "a fox", &(QiPromptPicture){ image }, 1, &error);
      gsize bytes;

      g_assert_no_error (error);
      const float *values = g_bytes_get_data (rows, &bytes);
      g_assert_cmpuint (bytes + 4 * WIDTH * sizeof (float), ==, g_bytes_get_size (base) + sizes[i][2] * WIDTH * sizeof (float));
      for (gsize k = 0; k < bytes / sizeof (float); k++)
        g_assert_true (isfinite (values[k]));
    }
  qi_runtime_unload (runtime, QI_PART_VISION);
  g_assert_null (encode (runtime, "a fox", &(QiPromptPicture){ strip }, 1, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_assert_nonnull (strstr (error->message, "1 × 4000"));
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_VISION));
}

/* A picture's token spelt in the prompt is text, not a picture that is missing; with the reference's rule it is refused. */
static void
spelt (void)
{
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (QiImage) image = golden_noise (56, 56, 1);
  const QiPromptPicture picture = { image };
  QiPrompt prompt = { .template = QI_TEMPLATE_EDIT, .text = "a <|image_pad|> b", .pictures = &picture, .n_pictures = 1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) rows = NULL;

  g_assert_true (qi_prompts_encode (runtime, &prompt, 1, &rows, NULL, &error));
  g_assert_no_error (error);
  prompt.special_in_prompt = TRUE;
  g_clear_pointer (&rows, g_bytes_unref);
  g_assert_false (qi_prompts_encode (runtime, &prompt, 1, &rows, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_assert_null (rows);
}

/* What a planning runtime counts is what a run takes; and a picture too large for any card is counted all the same. */
static void
planned (void)
{
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiImage) a = golden_noise (224, 168, 1), b = golden_noise (56, 140, 2);
  const QiPromptPicture pictures[] = { { a }, { b } }, sizes[] = { { NULL, 224, 168 }, { NULL, 56, 140 } };
  const QiPromptPicture huge = { NULL, 20000, 10000 };
  g_autoptr (QiRuntime) plan = qi_runtime_new (device, set, QI_COMPUTE_F32, TRUE);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (GError) error = NULL;
  guint64 most = 0, weights = 0;

  g_autoptr (GBytes) dry = encode (plan, "a fox", sizes, 2, &error);
  g_assert_no_error (error);
  for (QiPart part = QI_PART_VISION; part <= QI_PART_TEXT_ENCODER; part++)
    {
      if (qi_part_is_guest (part))
        continue;
      weights += qi_pool_peak (qi_runtime_weights (plan, part));
      most = MAX (most, weights + qi_pool_peak (qi_runtime_scratch (plan, part)));
    }
  g_assert_cmpuint (qi_device_memory (device).tensors, ==, 0);
  qi_device_reset_memory_peak (device);
  g_autoptr (GBytes) rows = encode (runtime, "a fox", pictures, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (rows), ==, g_bytes_get_size (dry));
  g_test_message ("planned %" G_GUINT64_FORMAT ", seen %" G_GUINT64_FORMAT, most, qi_device_memory (device).tensors_peak);
  g_assert_cmpfloat (fabs ((double) most - qi_device_memory (device).tensors_peak), <=, 0.05 * most);

  g_autoptr (GBytes) big = encode (plan, "a fox", &huge, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (qi_pool_peak (qi_runtime_scratch (plan, QI_PART_VISION)), >, 65000ull * 3 * 32 * 4); /* patches × … */
}

int
main (int argc, char **argv)
{
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  g_test_add_func ("/vision/files", other_files);
  g_test_add_func ("/vision/remembered", remembered);
  g_test_add_func ("/vision/edges", edges);
  g_test_add_func ("/vision/spelt", spelt);
  g_test_add_func ("/vision/planned", planned);
  return golden_run (device);
}
