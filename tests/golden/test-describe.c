/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers of a picture without a prompt: as with the description for a prompt, within the planned memory, and not at all
 * where the encoder cannot write. */
#include <string.h>

#include "base/error.h"
#include "models/pipeline/describe.h"
#include "models/plan.h"
#include "models/text/speak.h"
#include "tests/golden/on-device.h"

#define SIDE 64
#define N_LAYERS 2

static QiDevice *device;

typedef struct
{
  QiModelSet *set;
  QiImage *image;
  QiPicture picture;
  QiPipelineJob job;
  QiDraws draws;
} Work;

static void
work_clear (Work *work)
{
  g_clear_pointer (&work->image, qi_image_unref);
  qi_draws_clear (&work->draws);
  qi_model_set_free (work->set);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

static const QiPipeline *
layered (void)
{
  return qi_pipeline_by_name ("layered");
}

/* encoder: in place of the model's own; NULL: that. */
static void
prepare (Work *work, const char *encoder)
{
  g_autofree char *model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "layered", NULL);
  g_autofree char *text = encoder ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "text", encoder, NULL) : NULL;
  g_autofree char *config = encoder ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "config", NULL) : NULL;
  const gsize n = 80 * 72 * 4;
  guint8 *pixels = g_malloc (n);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8) (i * i % 251);
  work->image = qi_image_new (80, 72, 4, 80 * 4, bytes);
  work->picture = (QiPicture){ work->image, 80, 72 };
  work->set = qi_model_set_open (&(QiModelPaths){ .model = model, .text_encoder = text, .config = config }, &error);
  g_assert_no_error (error);
  work->job = (QiPipelineJob){ .prompt = " \n", .steps = 1, .guidance = 1, .pictures = &work->picture, .n_pictures = 1,
                               .layers = N_LAYERS, .max_rows = 24, .areas = { .target = SIDE * SIDE } };
  g_assert_true (qi_pipeline_size (layered (), work->set, &work->job, &work->job.width, &work->job.height, &error));
  qi_pipeline_draw (layered (), work->set, &work->job, 1, 1, FALSE, &work->draws);
}

static void
run (const Work *work, QiRuntime *runtime, QiPlanes *layers)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_pipeline_run (layered (), runtime, &work->job, 1, layers, NULL, &error));
  g_assert_no_error (error);
}

static void
count_encode (const QiProgress *progress, gpointer user_data)
{
  *(guint *) user_data += progress->stage == QI_STAGE_ENCODE;
}

static void
as_prompt (void)
{
  g_auto (Work) work = { 0 };
  g_autofree char *described = NULL;
  QiPlanes layers[3][N_LAYERS];
  guint n_first = 0, n_again = 0;

  prepare (&work, NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, work.set, QI_COMPUTE_F32, FALSE);
  g_assert_null (qi_pipeline_described (runtime, &work.job));
  qi_runtime_set_job (runtime, &(QiJob){ .progress = count_encode, .user_data = &n_first });
  run (&work, runtime, layers[0]);
  qi_runtime_set_job (runtime, &(QiJob){ .progress = count_encode, .user_data = &n_again });
  run (&work, runtime, layers[1]);
  qi_runtime_set_job (runtime, NULL);
  g_assert_cmpuint (n_first, >, 10);
  g_assert_cmpuint (n_again, ==, 0); /* words and rows are remembered */

  described = qi_pipeline_described (runtime, &work.job);
  g_assert_nonnull (described);
  g_assert_cmpuint (strlen (described), >, 20);
  work.job.prompt = described;
  g_assert_false (qi_pipeline_describes (layered (), work.set, &work.job));
  g_autoptr (QiRuntime) other = qi_runtime_new (device, work.set, QI_COMPUTE_F32, FALSE);
  run (&work, other, layers[2]);
  for (guint i = 1; i < 3; i++)
    for (guint k = 0; k < N_LAYERS; k++)
      g_assert_cmpmem (layers[0][k].values, SIDE * SIDE * 4 * sizeof (float), layers[i][k].values, SIDE * SIDE * 4 * sizeof (float));
  for (guint i = 0; i < 3; i++)
    for (guint k = 0; k < N_LAYERS; k++)
      qi_planes_clear (&layers[i][k]);
}

/* In the least memory that the plan allows; more is planned than is taken, since descriptions end when they like. */
static void
planned (void)
{
  g_auto (Work) work = { 0 };
  g_autoptr (GError) error = NULL;
  QiPlanes layers[N_LAYERS];
  guint64 budget = 0, before;

  prepare (&work, NULL);
  g_autoptr (QiPlan) plan = qi_plan_new (device, work.set, QI_COMPUTE_F32, layered (), &work.job, 1, NULL, 0, &error);
  g_assert_no_error (error);
  g_assert_true (qi_plan_stage (plan, QI_PART_TEXT_HEAD).used && qi_plan_stage (plan, QI_PART_VISION).used);
  for (QiPart part = 0; part < QI_N_PARTS; part++)
    budget = MAX (budget, qi_plan_stage_bytes (plan, part));
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, work.set, QI_COMPUTE_F32, FALSE);
  before = qi_device_memory (device).blocks;
  qi_device_reset_memory_peak (device);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .budget = budget });
  run (&work, runtime, layers);
  g_test_message ("may be %" G_GUINT64_FORMAT ", was %" G_GUINT64_FORMAT, budget, qi_device_memory (device).blocks_peak - before);
  g_assert_cmpuint (qi_device_memory (device).blocks_peak - before, <=, budget);
  for (guint k = 0; k < N_LAYERS; k++)
    qi_planes_clear (&layers[k]);
  qi_runtime_set_job (runtime, NULL);

  /* With a prompt there is nothing to describe, and nothing planned for it. */
  work.job.prompt = "a fox";
  g_autoptr (QiPlan) lean = qi_plan_new (device, work.set, QI_COMPUTE_F32, layered (), &work.job, 1, NULL, 0, &error);
  g_assert_no_error (error);
  g_assert_false (qi_plan_stage (lean, QI_PART_TEXT_HEAD).used || qi_plan_stage (lean, QI_PART_VISION).used);
}

/* An encoder that cannot write leaves it at no words. */
static void
speechless (void)
{
  g_auto (Work) work = { 0 };
  g_autoptr (GError) error = NULL;

  prepare (&work, "fp8-scaled.safetensors");
  g_assert_false (qi_speak_check (work.set, NULL));
  g_assert_false (qi_pipeline_describes (layered (), work.set, &work.job));
  g_autoptr (QiPlan) plan = qi_plan_new (device, work.set, QI_COMPUTE_F32, layered (), &work.job, 1, NULL, 0, &error);
  g_assert_no_error (error);
  g_assert_false (qi_plan_stage (plan, QI_PART_TEXT_HEAD).used || qi_plan_stage (plan, QI_PART_VISION).used);
}

int
main (int argc, char **argv)
{
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  g_test_add_func ("/describe/as-prompt", as_prompt);
  g_test_add_func ("/describe/planned", planned);
  g_test_add_func ("/describe/speechless", speechless);
  return golden_run (device);
}
