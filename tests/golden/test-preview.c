/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Previews: the map finds a linear decoder exactly, and what progress shows of a real run resembles its result more and more. */
#include <math.h>
#include <string.h>

#include "models/pipeline/pipelines.h"
#include "models/pipeline/preview.h"
#include "tests/golden/on-device.h"

#define SIDE 8 /* latents, of the first test */
#define CHANNELS 3

/* -- the map --------------------------------------------------------------------------------------- */

/* Colour k of a latent pixel, in [0, 1] for what is asked here. */
static float
decode (const float *latents, gsize n, gsize at, guint k)
{
  static const float map[3][CHANNELS + 1] = { { 0.1f, 0.02f, 0, 0.5f }, { 0, -0.1f, 0.05f, 0.4f }, { 0.03f, 0, 0.1f, 0.6f } };
  float value = map[k][CHANNELS];

  for (guint c = 0; c < CHANNELS; c++)
    value += map[k][c] * latents[c * n + at];
  return value;
}

static void
test_linear (void)
{
  const gsize n = SIDE * SIDE, pixels = 4 * n;
  g_autofree float *latents = g_new (float, CHANNELS * n), *values = g_new (float, 3 * pixels);
  g_autofree float *tokens = g_new (float, CHANNELS * n);
  QiPreview *preview = qi_preview_new ();
  QiNoise noise;

  qi_noise_seed (&noise, 3);
  qi_noise_normal (&noise, latents, CHANNELS * n);
  for (guint k = 0; k < 3; k++) /* each latent is 2 × 2 pixels */
    for (gsize i = 0; i < pixels; i++)
      values[k * pixels + i] = decode (latents, n, i / (2 * SIDE) / 2 * SIDE + i % (2 * SIDE) / 2, k);
  for (guint y = 0; y < SIDE; y++)
    for (guint x = 0; x < SIDE; x++)
      for (guint c = 0; c < CHANNELS; c++)
        tokens[(y / 2 * (SIDE / 2) + x / 2) * 4 * CHANNELS + 4 * c + y % 2 * 2 + x % 2] = latents[c * n + y * SIDE + x];
  g_assert_false (qi_preview_is_fitted (preview));
  g_assert_null (qi_preview_image (preview, tokens, CHANNELS, SIDE, SIDE));
  qi_preview_learn (preview, latents, CHANNELS, SIDE, SIDE, &(QiPlanes){ 3, 2 * SIDE, 2 * SIDE, values });
  g_assert_true (qi_preview_is_fitted (preview));

  g_autoptr (QiImage) image = qi_preview_image (preview, tokens, CHANNELS, SIDE, SIDE);

  for (guint y = 0; y < SIDE; y++)
    for (guint x = 0; x < SIDE; x++)
      for (guint k = 0; k < 3; k++)
        {
          const float want = CLAMP (decode (latents, n, y * SIDE + x, k), 0, 1) * 255;

          g_assert_cmpfloat (fabsf (qi_image_row (image, y)[3 * x + k] - want), <=, 1.5);
        }
  qi_preview_free (preview);
}

/* -- a run ----------------------------------------------------------------------------------------- */

typedef struct
{
  GPtrArray *images; /* of QiImage */
  guint told;
} Seen;

static void
on_progress (const QiProgress *progress, gpointer user_data)
{
  Seen *seen = user_data;

  if (progress->stage != QI_STAGE_DENOISE)
    {
      g_assert_null (progress->preview);
      return;
    }
  seen->told++;
  if (progress->step == 1)
    g_assert_null (progress->preview);
  if (progress->preview)
    g_ptr_array_add (seen->images, qi_image_ref ((QiImage *) progress->preview));
  g_usleep (110000); /* previews are not made more often */
}

/* Root mean square difference in bytes between a preview and the result's blocks of 8 × 8. */
static double
distance (const QiImage *preview, const QiPlanes *picture)
{
  const guint w = qi_image_width (preview), h = qi_image_height (preview);
  double squares = 0;

  g_assert_cmpuint (picture->width, ==, 8 * w);
  g_assert_cmpuint (picture->height, ==, 8 * h);
  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      for (guint k = 0; k < 3; k++)
        {
          double mean = 0;

          for (guint i = 0; i < 64; i++)
            mean += picture->values[((gsize) k * picture->height + 8 * y + i / 8) * picture->width + 8 * x + i % 8] / 64;
          squares += pow (mean * 255 - qi_image_row (preview, y)[3 * x + k], 2);
        }
  return sqrt (squares / (3.0 * w * h));
}

static void
run (QiRuntime *runtime, guint64 seed, gboolean previews, Seen *seen, QiPlanes *picture)
{
  g_autoptr (GError) error = NULL;
  const QiPipeline *pipeline = qi_pipeline_by_name ("text-to-image");
  QiPipelineJob job = { .prompt = "a fox", .width = 128, .height = 96, .steps = 5, .guidance = 1, .previews = previews };
  g_auto (QiDraws) draws = { 0 };

  seen->told = 0;
  g_ptr_array_set_size (seen->images, 0);
  qi_pipeline_draw (pipeline, qi_runtime_set (runtime), &job, 1, seed, FALSE, &draws);
  qi_runtime_set_job (runtime, &(QiJob){ .progress = on_progress, .user_data = seen });
  g_assert_true (qi_pipeline_run (pipeline, runtime, &job, 1, picture, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (seen->told, ==, 5);
}

static QiDevice *device;

static void
test_run (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  g_autoptr (QiModelSet) set = qi_model_set_open (&(QiModelPaths){ .model = model }, &error);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  Seen seen = { g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref), 0 };
  QiPlanes without = { 0 }, with = { 0 }, other = { 0 };
  double early, late;

  run (runtime, 1, FALSE, &seen, &without);
  g_assert_cmpuint (seen.images->len, ==, 0);
  run (runtime, 1, TRUE, &seen, &with);
  g_assert_cmpuint (seen.images->len, ==, 4);
  g_assert_cmpmem (with.values, 3 * 128 * 96 * sizeof (float), without.values, 3 * 128 * 96 * sizeof (float));

  /* By now it has seen a picture of this model. */
  run (runtime, 2, TRUE, &seen, &other);
  early = distance (seen.images->pdata[0], &other);
  late = distance (seen.images->pdata[3], &other);
  g_test_message ("off by %.1f levels after one step, %.1f after four; from another picture %.1f", early, late,
                  distance (seen.images->pdata[3], &with));
  g_assert_cmpfloat (late, <, early);
  g_assert_cmpfloat (late, <, distance (seen.images->pdata[3], &with));
  qi_planes_clear (&without);
  qi_planes_clear (&with);
  qi_planes_clear (&other);
  g_ptr_array_unref (seen.images);
}

int
main (int argc, char **argv)
{
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  g_test_add_func ("/preview/linear", test_linear);
  g_test_add_func ("/preview/run", test_run);
  return golden_run (device);
}
