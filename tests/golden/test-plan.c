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
  const char *loras; /* files of tests/data/make-loras.py, one a line; NULL: none */
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

/* (transfer full) */
static QiLoras *
open_loras (const Case *c)
{
  g_auto (GStrv) lines = g_strsplit (c->loras ? c->loras : "", "\n", -1);
  g_autoptr (GError) error = NULL;
  g_autofree char *joined = NULL;
  QiLoras *loras;

  for (guint i = 0; lines[i]; i++)
    {
      char *path = *lines[i] ? g_build_filename (g_getenv ("SFUMATO_TEST_LORAS"), "base", lines[i], NULL) : g_strdup ("");

      g_free (lines[i]);
      lines[i] = path;
    }
  joined = g_strjoinv ("\n", lines);
  loras = qi_loras_open (joined, set, &error);
  g_assert_no_error (error);
  return loras;
}

static guint64
tensor_peak (const QiPlan *plan, gboolean resident)
{
  guint64 weights = 0, most = 0;

  for (QiPart part = 0; part < QI_N_PARTS; part++)
    {
      const QiPlanStage stage = qi_plan_stage (plan, part);

      guint64 own = stage.weights;

      for (QiPart with = 0; with < QI_N_PARTS; with++)
        own += qi_plan_is_together (plan, part, with) ? qi_plan_stage (plan, with).weights : 0;
      weights += resident ? stage.weights : 0;
      most = MAX (most, (resident ? weights : own) + stage.scratch);
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
  g_autoptr (QiLoras) loras = open_loras (c);
  QiMemoryCount before, after;
  guint64 budget = 0;

  fill_jobs (c, jobs, noise);
  plan = qi_plan_new (device, set, c->compute, pipeline, jobs, c->n, loras, &error);
  g_assert_no_error (error);
  if (!resident)
    for (QiPart part = 0; part < QI_N_PARTS; part++)
      budget = MAX (budget, qi_plan_stage_bytes (plan, part));
  before = qi_device_memory (device);
  g_assert_cmpuint (before.tensors, ==, 0);
  qi_device_reset_memory_peak (device);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .budget = budget, .loras = loras });
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

/* Adapters are counted as a part of their own, Kronecker products with what they need for work. */
static void
test_addons (void)
{
  const char *both = "diffusers.safetensors\nlokr.safetensors";
  const Case with = { 256, 256, 1, 3, QI_COMPUTE_F32, both }, without = { 256, 256, 1, 3, QI_COMPUTE_F32, NULL };

  run (&with, TRUE);
  run (&(Case){ 208, 336, 1, 1, QI_COMPUTE_F16, both }, TRUE);
  run (&with, FALSE);

  g_autofree float *noise = g_new (float, 16 * 32 * 32);
  g_autoptr (QiLoras) loras = open_loras (&with);
  guint64 peaks[2];

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (QiPlan) plan = NULL;
      QiPipelineJob job;

      fill_jobs (&without, &job, noise);
      plan = qi_plan_new (device, set, QI_COMPUTE_F32, qi_pipeline_by_name ("text-to-image"), &job, 1, i ? loras : NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (qi_plan_stage (plan, QI_PART_ADDONS).used, ==, i == 1);
      peaks[i] = qi_plan_stage_bytes (plan, QI_PART_MMDIT);
    }
  g_assert_cmpuint (peaks[1], >, peaks[0]);
}

static void
count_loads (const QiProgress *progress, gpointer user_data)
{
  *(guint *) user_data += progress->stage == QI_STAGE_LOAD;
}

/* The transformer's stage with these files; how many reads of weights were told. */
static guint
stage_with (QiRuntime *runtime, const QiLoras *loras)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  qi_runtime_set_job (runtime, &(QiJob){ .loras = loras, .progress = count_loads, .user_data = &n });
  g_assert_nonnull (qi_runtime_begin (runtime, QI_PART_MMDIT, &error));
  g_assert_true (qi_runtime_end (runtime, &error));
  g_assert_no_error (error);
  qi_runtime_set_job (runtime, NULL);
  return n;
}

/* Other files, another strength, or none: only they are read, and only when they differ. */
static void
test_exchange (void)
{
  g_autoptr (QiLoras) first = open_loras (&(Case){ .loras = "second.safetensors" });
  g_autoptr (QiLoras) again = open_loras (&(Case){ .loras = "\nsecond.safetensors:1" });
  g_autoptr (QiLoras) weaker = open_loras (&(Case){ .loras = "second.safetensors:0.5" });
  g_autoptr (QiLoras) zero = open_loras (&(Case){ .loras = "second.safetensors:0" });
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);

  g_assert_cmpuint (stage_with (runtime, NULL), >, 90);
  g_assert_cmpuint (stage_with (runtime, first), ==, 30);
  g_assert_cmpuint (stage_with (runtime, again), ==, 0);
  g_assert_cmpuint (stage_with (runtime, weaker), ==, 30);
  g_assert_true (qi_runtime_is_loaded (runtime, QI_PART_ADDONS));
  g_assert_cmpuint (stage_with (runtime, zero), ==, 0);
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_ADDONS));
  g_assert_cmpuint (stage_with (runtime, first), ==, 30);
  qi_runtime_unload (runtime, QI_PART_MMDIT);
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_ADDONS));
  g_assert_cmpuint (stage_with (runtime, first), >, 120);
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
  g_test_add_func ("/plan/addons", test_addons);
  g_test_add_func ("/plan/exchange", test_exchange);
  status = g_test_run ();
  if (qi_device_validation_messages (device, NULL))
    status = 1;
  qi_model_set_free (set);
  qi_device_close (device);
  return status;
}
