/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory plan against what a run really takes: both peaks, of tensors and of blocks, as the device counts them; with
 * room for all parts at once, and with so little that they hand their memory over; and too little, which is refused before
 * anything is allocated. */
#include "base/env.h"
#include "base/error.h"
#include "models/plan.h"
#include "models/sample/noise.h"

static QiDevice *device;
static QiModelSet *set;

typedef struct
{
  guint width, height, n;
  double guidance;
  QiCompute compute;
} Case;

static void
fill_jobs (const Case *c, QiPipelineJob *jobs, float *noise)
{
  QiNoise generator;

  qi_noise_seed (&generator, 1);
  qi_noise_normal (&generator, noise, 16 * (c->width / 8) * (c->height / 8));
  for (guint i = 0; i < c->n; i++)
    jobs[i] = (QiPipelineJob){ .prompt = "a red circle on a white ground",
                               .negative = " ",
                               .width = c->width,
                               .height = c->height,
                               .steps = 2,
                               .guidance = c->guidance,
                               .noise = noise };
}

static guint64
tensor_peak (const QiPlan *plan, gboolean resident)
{
  guint64 weights = 0, most = 0;

  for (QiPart part = 0; part < QI_N_PARTS; part++)
    {
      const QiPlanStage stage = qi_plan_stage (plan, part);

      weights += resident ? stage.weights : 0;
      most = MAX (most, (resident ? weights : stage.weights) + stage.scratch);
    }
  return most;
}

static void
assert_within (const char *what, guint64 planned, guint64 seen)
{
  g_test_message ("%s: planned %" G_GUINT64_FORMAT ", seen %" G_GUINT64_FORMAT, what, planned, seen);
  g_assert_cmpfloat (ABS ((double) planned - seen), <=, 0.05 * planned);
}

static void
run (const Case *c, gboolean resident)
{
  g_autoptr (GError) error = NULL;
  const QiPipeline *pipeline = qi_pipeline_by_name ("text-to-image");
  g_autofree float *noise = g_new (float, 16 * (c->width / 8) * (c->height / 8));
  g_autofree QiPipelineJob *jobs = g_new0 (QiPipelineJob, c->n);
  g_autofree QiPlanes *pictures = g_new0 (QiPlanes, c->n);
  g_autoptr (QiPlan) plan = NULL;
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, c->compute, FALSE);
  QiMemoryCount before, after;
  guint64 budget = 0;

  fill_jobs (c, jobs, noise);
  plan = qi_plan_new (device, set, c->compute, pipeline, jobs, c->n, NULL, &error);
  g_assert_no_error (error);
  if (!resident)
    for (QiPart part = 0; part < QI_N_PARTS; part++)
      budget = MAX (budget, qi_plan_stage_bytes (plan, part));
  before = qi_device_memory (device);
  g_assert_cmpuint (before.tensors, ==, 0);
  qi_device_reset_memory_peak (device);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .budget = budget });
  g_assert_true (qi_pipeline_run (pipeline, runtime, jobs, c->n, pictures, NULL, &error));
  g_assert_no_error (error);
  after = qi_device_memory (device);
  assert_within ("blocks", qi_plan_peak_bytes (plan, budget), after.blocks_peak - before.blocks);
  assert_within ("tensors", tensor_peak (plan, resident), after.tensors_peak);
  if (budget)
    g_assert_cmpuint (after.blocks_peak - before.blocks, <=, budget);
  for (guint i = 0; i < c->n; i++)
    qi_planes_clear (&pictures[i]);
}

static void
test_resident (void)
{
  run (&(Case){ 128, 96, 1, 1, QI_COMPUTE_F32 }, TRUE);
  run (&(Case){ 256, 256, 2, 3, QI_COMPUTE_F32 }, TRUE);
  run (&(Case){ 208, 336, 1, 3, QI_COMPUTE_F16 }, TRUE);
}

static void
test_handed_over (void)
{
  run (&(Case){ 128, 96, 2, 3, QI_COMPUTE_F32 }, FALSE);
  run (&(Case){ 512, 256, 1, 1, QI_COMPUTE_F16 }, FALSE);
}

static void
test_too_little (void)
{
  g_autoptr (GError) error = NULL;
  const QiPipeline *pipeline = qi_pipeline_by_name ("text-to-image");
  const Case c = { 256, 256, 1, 1, QI_COMPUTE_F32 };
  g_autofree float *noise = g_new (float, 16 * 32 * 32);
  QiPipelineJob job;
  QiPlanes picture = { 0 };
  g_autoptr (QiPlan) plan = NULL;
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);

  fill_jobs (&c, &job, noise);
  plan = qi_plan_new (device, set, QI_COMPUTE_F32, pipeline, &job, 1, NULL, &error);
  g_assert_no_error (error);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .budget = 1 << 20 });
  g_assert_false (qi_pipeline_run (pipeline, runtime, &job, 1, &picture, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_assert_nonnull (strstr (error->message, ", 1.0 MiB may be used"));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  int status;

  g_test_init (&argc, &argv, NULL);
  device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = TRUE }, &error);
  if (!device)
    {
      if (qi_env_require_vulkan ())
        g_error ("%s", error->message);
      g_print ("1..0 # SKIP %s\n", error->message);
      return 0;
    }
  set = qi_model_set_open (&(QiModelPaths){ .model = model }, &error);
  g_assert_no_error (error);
  g_test_add_func ("/plan/resident", test_resident);
  g_test_add_func ("/plan/handed-over", test_handed_over);
  g_test_add_func ("/plan/too-little", test_too_little);
  status = g_test_run ();
  if (qi_device_validation_messages (device, NULL))
    status = 1;
  qi_model_set_free (set);
  qi_device_close (device);
  return status;
}
