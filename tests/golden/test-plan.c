/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory plan against what a run really takes: both peaks, of tensors and of blocks, as the device counts them; with
 * room for all parts at once, and with so little that they hand their memory over; and too little, which is refused before
 * anything is allocated. */
#include "base/error.h"
#include "models/plan.h"
#include "models/vae/encoder.h"
#include "tests/golden/on-device.h"

static QiDevice *device;

typedef struct
{
  const char *model, *pipeline, *controlnet; /* folders of tests/data/models */
  guint n_pictures;
  guint width, height, n;
  double guidance;
  QiCompute compute;
  const char *sampler;
  const char *loras; /* files of tests/data/make-loras.py, one a line; NULL: none */
  gboolean previews;
  const char *transformer; /* of tests/data/make-variants.py; NULL: the model's */
} Case;

/* A case's set, pictures and jobs. */
typedef struct
{
  QiModelSet *set;
  const QiPipeline *pipeline;
  QiPicture pictures[4], mask;
  QiPipelineJob *jobs;
  QiDraws draws;
  guint n_results;
} Work;

static void
work_clear (Work *work)
{
  for (guint i = 0; i < G_N_ELEMENTS (work->pictures); i++)
    g_clear_pointer (&work->pictures[i].image, qi_image_unref);
  g_clear_pointer (&work->mask.image, qi_image_unref);
  qi_draws_clear (&work->draws);
  g_free (work->jobs);
  qi_model_set_free (work->set);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

static char *
model_path (const char *name)
{
  return name ? g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", name, NULL) : NULL;
}

/* All grey, of that size. */
static QiPicture
grey (guint width, guint height, guint channels)
{
  const gsize n = (gsize) width * height * channels;
  guint8 *pixels = g_malloc (n);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8) (i * 7);
  return (QiPicture){ qi_image_new (width, height, channels, (gsize) width * channels, bytes), width, height };
}

static void
prepare (const Case *c, Work *work)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *model = model_path (c->model), *controlnet = model_path (c->controlnet);
  const char *variants = g_getenv ("SFUMATO_TEST_VARIANTS");
  g_autofree char *transformer = c->transformer ? g_build_filename (variants, "transformer", c->transformer, NULL) : NULL;
  g_autofree char *config = c->transformer ? g_build_filename (variants, "config", NULL) : NULL;

  work->set = qi_model_set_open (&(QiModelPaths){ .model = model, .controlnet = controlnet, .transformer = transformer,
                                                  .config = config },
                                 &error);
  g_assert_no_error (error);
  work->pipeline = qi_pipeline_by_name (c->pipeline);
  for (guint i = 0; i < c->n_pictures; i++)
    work->pictures[i] = grey (160 + 32 * i, 96, 3);
  work->mask = grey (160, 96, 1);
  work->jobs = g_new0 (QiPipelineJob, c->n);
  for (guint i = 0; i < c->n; i++)
    work->jobs[i] = (QiPipelineJob){ .prompt = "a red circle on a white ground",
                                     .negative = " ",
                                     .width = c->width,
                                     .height = c->height,
                                     .steps = 3,
                                     .guidance = c->guidance,
                                     .sampler = c->sampler,
                                     .previews = c->previews,
                                     .pictures = work->pictures,
                                     .n_pictures = c->n_pictures,
                                     .mask = work->pipeline->mask ? &work->mask : NULL,
                                     .layers = 2,
                                     .areas = { 128 * 128, 128 * 128, 96 * 96 } };
  work->n_results = c->n * qi_pipeline_n_results (work->pipeline, work->jobs);
  for (guint i = 0; i < c->n; i++)
    g_assert_true (qi_pipeline_size (work->pipeline, work->set, &work->jobs[i], &work->jobs[i].width,
                                     &work->jobs[i].height, &error));
  qi_pipeline_draw (work->pipeline, work->set, work->jobs, c->n, 1, FALSE, &work->draws);
}

/* (transfer full) */
static QiLoras *
open_loras (const QiModelSet *set, const char *files)
{
  g_auto (GStrv) lines = g_strsplit (files ? files : "", "\n", -1);
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
  g_auto (Work) work = { 0 };
  g_autofree QiPlanes *pictures = NULL;
  g_autoptr (QiPlan) plan = NULL;
  g_autoptr (QiRuntime) runtime = NULL;
  g_autoptr (QiLoras) loras = NULL;
  QiMemoryCount before, after;
  guint64 budget = 0;

  prepare (c, &work);
  g_test_message ("%s of %u × %u with %u pictures", c->pipeline, work.jobs[0].width, work.jobs[0].height, c->n_pictures);
  runtime = qi_runtime_new (device, work.set, c->compute, FALSE);
  loras = open_loras (work.set, c->loras);
  pictures = g_new0 (QiPlanes, work.n_results);
  plan = qi_plan_new (device, work.set, c->compute, work.pipeline, work.jobs, c->n, loras, budget, &error);
  g_assert_no_error (error);
  if (!resident)
    for (QiPart part = 0; part < QI_N_PARTS; part++)
      budget = MAX (budget, qi_plan_stage_bytes (plan, part));
  before = qi_device_memory (device);
  g_assert_cmpuint (before.tensors, ==, 0);
  qi_device_reset_memory_peak (device);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .budget = budget, .loras = loras });
  g_assert_true (qi_pipeline_run (work.pipeline, runtime, work.jobs, c->n, pictures, NULL, &error));
  g_assert_no_error (error);
  after = qi_device_memory (device);
  assert_within ("blocks", qi_plan_peak_bytes (plan, budget), after.blocks_peak - before.blocks);
  assert_within ("tensors", tensor_peak (plan, resident), after.tensors_peak);
  if (budget)
    g_assert_cmpuint (after.blocks_peak - before.blocks, <=, budget);
  for (guint i = 0; i < work.n_results; i++)
    qi_planes_clear (&pictures[i]);
}

static void
test_resident (void)
{
  run (&(Case){ "base", "text-to-image", NULL, 0, 128, 96, 1, 1, QI_COMPUTE_F32, NULL }, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 256, 256, 2, 3, QI_COMPUTE_F32, NULL }, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 208, 336, 1, 3, QI_COMPUTE_F16, NULL }, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 208, 336, 1, 3, QI_COMPUTE_F32, "heun" }, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 208, 336, 1, 3, QI_COMPUTE_F32, "dpmpp-2m" }, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 208, 336, 1, 3, QI_COMPUTE_F32, "stochastic" }, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 256, 256, 1, 1, QI_COMPUTE_F32, .previews = TRUE }, TRUE);
}

static void
test_handed_over (void)
{
  run (&(Case){ "base", "text-to-image", NULL, 0, 128, 96, 2, 3, QI_COMPUTE_F32, NULL }, FALSE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 512, 256, 1, 1, QI_COMPUTE_F16, NULL }, FALSE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 256, 256, 1, 1, QI_COMPUTE_F32, .previews = TRUE }, FALSE);
}

/* What stands beside the noise is planned too. */
static void
test_pictures (void)
{
  const Case cases[] = {
    { "base", "image-to-image", NULL, 1, 208, 144, 2, 3, QI_COMPUTE_F32, NULL },
    { "base", "inpaint", NULL, 1, 208, 144, 1, 3, QI_COMPUTE_F32, NULL },
    { "edit", "edit", NULL, 1, 208, 144, 1, 3, QI_COMPUTE_F32, NULL },
    { "edit", "edit-inpaint", NULL, 1, 0, 0, 1, 3, QI_COMPUTE_F32, NULL },
    { "edit-plus", "edit-plus", NULL, 3, 208, 144, 1, 3, QI_COMPUTE_F32, NULL },
    { "edit-2511", "edit-plus", NULL, 3, 208, 144, 1, 3, QI_COMPUTE_F16, NULL },
    { "edit-2511", "edit-plus-inpaint", NULL, 2, 0, 0, 1, 3, QI_COMPUTE_F32, NULL },
    { "base", "controlnet", "controlnet", 1, 208, 144, 1, 3, QI_COMPUTE_F32, NULL },
    { "base", "controlnet-inpaint", "controlnet-inpaint", 1, 208, 144, 2, 1, QI_COMPUTE_F32, NULL },
    { "layered", "layered", NULL, 1, 0, 0, 1, 3, QI_COMPUTE_F32, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      run (&cases[i], TRUE);
      run (&cases[i], FALSE);
    }
}

/* Three references need more than one, and the plan says so before anything is read. */
static void
test_references (void)
{
  guint64 peak[2];

  for (guint i = 0; i < 2; i++)
    {
      const Case c = { "edit-plus", "edit-plus", NULL, 1 + 2 * i, 208, 144, 1, 3, QI_COMPUTE_F32, NULL };
      g_autoptr (GError) error = NULL;
      g_auto (Work) work = { 0 };
      g_autoptr (QiPlan) plan = NULL;

      prepare (&c, &work);
      for (guint k = 0; k < c.n_pictures; k++) /* sizes are enough */
        g_clear_pointer (&work.pictures[k].image, qi_image_unref);
      plan = qi_plan_new (device, work.set, c.compute, work.pipeline, work.jobs, 1, NULL, 0, &error);
      g_assert_no_error (error);
      peak[i] = qi_plan_stage (plan, QI_PART_MMDIT).scratch;
    }
  g_assert_cmpuint (peak[1], >, peak[0] * 3 / 2);
}

/* Adapters are counted as a part of their own, Kronecker products with what they need for work. */
static void
test_addons (void)
{
  const char *both = "diffusers.safetensors\nlokr.safetensors";
  const Case with = { "base", "text-to-image", NULL, 0, 256, 256, 1, 3, QI_COMPUTE_F32, NULL, both };
  g_auto (Work) work = { 0 };
  g_autoptr (QiLoras) loras = NULL;
  guint64 bytes[2];

  run (&with, TRUE);
  run (&(Case){ "base", "text-to-image", NULL, 0, 208, 336, 1, 1, QI_COMPUTE_F16, NULL, both }, TRUE);
  run (&(Case){ "base", "controlnet", "controlnet", 1, 208, 144, 1, 3, QI_COMPUTE_F32, NULL, both }, FALSE);
  run (&with, FALSE);

  prepare (&with, &work);
  loras = open_loras (work.set, both);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (QiPlan) plan = qi_plan_new (device, work.set, QI_COMPUTE_F32, work.pipeline, work.jobs, 1, i ? loras : NULL, 0, &error);

      g_assert_no_error (error);
      g_assert_cmpint (qi_plan_stage (plan, QI_PART_ADDONS).used, ==, i == 1);
      bytes[i] = qi_plan_stage_bytes (plan, QI_PART_MMDIT);
    }
  g_assert_cmpuint (bytes[1], >, bytes[0]);
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
  g_autoptr (GError) error = NULL;
  g_autofree char *model = model_path ("base");
  g_autoptr (QiModelSet) set = qi_model_set_open (&(QiModelPaths){ .model = model }, &error);
  g_autoptr (QiLoras) first = open_loras (set, "second.safetensors");
  g_autoptr (QiLoras) again = open_loras (set, "\nsecond.safetensors:1");
  g_autoptr (QiLoras) weaker = open_loras (set, "second.safetensors:0.5");
  g_autoptr (QiLoras) zero = open_loras (set, "second.safetensors:0");
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

/* Within budget (0: none). strips: of part; stages: [QI_N_PARTS] bytes. (g_free) */
static float *
draw_within (const Case *c, guint64 budget, QiPart part, guint *strips, QiPlanStage *transformer, guint64 *stages)
{
  g_autoptr (GError) error = NULL;
  g_auto (Work) work = { 0 };
  QiPlanes picture = { 0 };
  g_autoptr (QiPlan) plan = NULL;
  g_autoptr (QiRuntime) runtime = NULL;
  g_autoptr (QiLoras) loras = NULL;
  guint64 before, peak;

  prepare (c, &work);
  runtime = qi_runtime_new (device, work.set, c->compute, FALSE);
  loras = open_loras (work.set, c->loras);
  plan = qi_plan_new (device, work.set, c->compute, work.pipeline, work.jobs, 1, loras, budget, &error);
  g_assert_no_error (error);
  before = qi_device_memory (device).blocks;
  qi_device_reset_memory_peak (device);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .loras = loras, .budget = budget });
  g_assert_true (qi_pipeline_run (work.pipeline, runtime, work.jobs, 1, &picture, NULL, &error));
  g_assert_no_error (error);
  peak = qi_device_memory (device).blocks_peak - before;
  *strips = qi_plan_strips (plan, part);
  *transformer = qi_plan_stage (plan, QI_PART_MMDIT);
  for (QiPart i = 0; i < QI_N_PARTS; i++)
    stages[i] = qi_plan_stage_bytes (plan, i);
  assert_within ("blocks", qi_plan_peak_bytes (plan, budget), peak);
  if (budget)
    g_assert_cmpuint (peak, <=, budget);
  return picture.values;
}

/* Strips with all around them that they depend on: the same values, in less memory. */
static void
check_strips (const Case *c, QiPart part)
{
  const gsize bytes = 3 * (gsize) c->width * c->height * sizeof (float);
  guint strips;
  QiPlanStage transformer;
  guint64 stages[QI_N_PARTS];
  g_autofree float *expected = draw_within (c, 0, part, &strips, &transformer, stages);
  const guint64 whole = stages[part];

  g_assert_cmpuint (strips, ==, 1);
  g_autofree float *values = draw_within (c, whole * 4 / 5, part, &strips, &transformer, stages);

  g_test_message ("four fifths of %" G_GUINT64_FORMAT " bytes: %u strips", whole, strips);
  g_assert_cmpuint (strips, >, 1);
  g_assert_cmpmem (values, bytes, expected, bytes);
}

static void
test_strips (void)
{
  const QiCompute computes[] = { QI_COMPUTE_F32, QI_COMPUTE_F16 };

  for (guint i = 0; i < G_N_ELEMENTS (computes); i++)
    check_strips (&(Case){ "base", "text-to-image", NULL, 0, 96, 1024, 1, 1, computes[i], NULL }, QI_PART_VAE_DECODER);
}

static void
test_encode_strips (void)
{
  check_strips (&(Case){ "base", "image-to-image", NULL, 1, 96, 1024, 1, 1, QI_COMPUTE_F32, NULL }, QI_PART_VAE_ENCODER);
}

/* The encoder's answer to a picture in n_strips. (g_free) */
static float *
encode (QiRuntime *runtime, const float *values, guint64 h, guint64 w, guint n_strips, gsize *bytes)
{
  g_autoptr (GError) error = NULL;
  QiStream *s = qi_runtime_begin (runtime, QI_PART_VAE_ENCODER, &error);
  float *moments;

  g_assert_no_error (error);
  const QiTensor *pixels = qi_scratch (s, QI_DTYPE_F32, h, w, 3);

  qi_stream_upload (s, pixels, 0, values, h * w * 3 * sizeof (float));
  const QiTensor *t = qi_vae_encode (qi_runtime_vae_encoder (runtime), s, pixels, n_strips, NULL);

  *bytes = qi_tensor_bytes (t);
  moments = g_malloc (*bytes);
  g_assert_true (qi_stream_download (s, t, moments, *bytes, &error));
  g_assert_true (qi_runtime_end (runtime, &error));
  g_assert_no_error (error);
  return moments;
}

/* The same bytes whatever the number of strips. */
static void
test_encoder (void)
{
  const guint64 h = 296, w = 16;
  g_autofree float *values = g_new (float, h * w * 3);
  g_autofree char *model = model_path ("base");
  g_autoptr (QiModelSet) set = qi_model_set_open (&(QiModelPaths){ .model = model }, NULL);
  const guint n_strips[] = { 2, 5 };

  for (gsize i = 0; i < h * w * 3; i++)
    values[i] = (float) (i * 2654435761u % 2001) / 1000 - 1;
  for (guint c = 0; c < 2; c++)
    {
      g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, c ? QI_COMPUTE_F16 : QI_COMPUTE_F32, FALSE);
      gsize whole_bytes, bytes;
      g_autofree float *whole = encode (runtime, values, h, w, 1, &whole_bytes);

      for (guint i = 0; i < G_N_ELEMENTS (n_strips); i++)
        {
          g_autofree float *moments = encode (runtime, values, h, w, n_strips[i], &bytes);

          g_assert_cmpmem (moments, bytes, whole, whole_bytes);
        }
    }
}

/* What hangs on layers whose weights come and go stays. */
static void
test_streamed_addons (void)
{
  const Case c = { "base", "text-to-image", NULL, 0, 64, 64, 1, 1, QI_COMPUTE_F32, NULL, "diffusers.safetensors\nlokr.safetensors",
                   .transformer = "f32.safetensors" };
  guint strips;
  QiPlanStage transformer;
  guint64 stages[QI_N_PARTS];
  g_autofree float *expected = draw_within (&c, 0, QI_PART_VAE_DECODER, &strips, &transformer, stages);

  g_assert_cmpuint (transformer.n_streamed, ==, 0);

  g_autofree float *values = draw_within (&c, stages[QI_PART_MMDIT] - 1, QI_PART_VAE_DECODER, &strips, &transformer, stages);

  g_assert_cmpuint (transformer.n_streamed, >, 0);
  g_assert_cmpmem (values, 3 * 64 * 64 * sizeof (float), expected, 3 * 64 * 64 * sizeof (float));
}

static void
test_too_little (void)
{
  g_autoptr (GError) error = NULL;
  const Case c = { "base", "text-to-image", NULL, 0, 256, 256, 1, 1, QI_COMPUTE_F32, NULL };
  g_auto (Work) work = { 0 };
  QiPlanes picture = { 0 };
  g_autoptr (QiPlan) plan = NULL;
  g_autoptr (QiRuntime) runtime = NULL;

  prepare (&c, &work);
  runtime = qi_runtime_new (device, work.set, QI_COMPUTE_F32, FALSE);
  plan = qi_plan_new (device, work.set, QI_COMPUTE_F32, work.pipeline, work.jobs, 1, NULL, 0, &error);
  g_assert_no_error (error);
  qi_runtime_set_job (runtime, &(QiJob){ .plan = plan, .budget = 1 << 20 });
  g_assert_false (qi_pipeline_run (work.pipeline, runtime, work.jobs, 1, &picture, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_assert_nonnull (strstr (error->message, ", 1.0 MiB may be used"));
}

int
main (int argc, char **argv)
{
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  g_test_add_func ("/plan/resident", test_resident);
  g_test_add_func ("/plan/handed-over", test_handed_over);
  g_test_add_func ("/plan/pictures", test_pictures);
  g_test_add_func ("/plan/references", test_references);
  g_test_add_func ("/plan/addons", test_addons);
  g_test_add_func ("/plan/exchange", test_exchange);
  g_test_add_func ("/plan/strips", test_strips);
  g_test_add_func ("/plan/encode-strips", test_encode_strips);
  g_test_add_func ("/plan/encoder", test_encoder);
  g_test_add_func ("/plan/streamed-addons", test_streamed_addons);
  g_test_add_func ("/plan/too-little", test_too_little);
  return golden_run (device);
}
