/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole pipelines, from prompts to pictures. Prompts of a batch are run one by one; their noise is one draw. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/pipeline/pipelines.h"
#include "models/runtime.h"
#include "models/sample/noise.h"
#include "tests/golden/golden.h"

#define DEFAULT_SIDE 1024 /* of the reference's pipeline */
#define MAX_BATCH 64

typedef struct
{
  const QiModelSet *set;
  guint batch, width, height, steps, max_rows;
  double guidance;
  const char *prompts[MAX_BATCH], *negatives[MAX_BATCH]; /* negatives NULL: none */
  guint64 noise_each;
  float *noise; /* [batch, c, h / 8, w / 8] */
} Job;

static gboolean
unsupported (GError **error, const char *what)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "%s", what);
  return FALSE;
}

/* A string, or a list of n of them, each n_each times over; absent: all NULL. */
static gboolean
read_strings (yyjson_val *value, guint n_each, const char **strings, guint *n, GError **error)
{
  const guint given = yyjson_is_arr (value) ? yyjson_arr_size (value) : 1;

  if (given * n_each > MAX_BATCH || given == 0)
    return unsupported (error, "The batch is empty or too large.");
  for (guint i = 0; i < given; i++)
    for (guint j = 0; j < n_each; j++)
      strings[i * n_each + j] = yyjson_get_str (yyjson_is_arr (value) ? yyjson_arr_get (value, i) : value);
  *n = given * n_each;
  return TRUE;
}

static gboolean
read_job (const QiCase *c, const QiModelSet *set, Job *job, GError **error)
{
  yyjson_val *args = yyjson_obj_get (c->root, "args");
  const guint each = qi_json_int (args, "num_images_per_prompt", 1);
  guint n = 0;

  job->set = set;
  if (!read_strings (yyjson_obj_get (args, "prompt"), each, job->prompts, &job->batch, error) ||
      !read_strings (yyjson_obj_get (args, "negative_prompt"), each, job->negatives, &n, error))
    return FALSE;
  for (guint i = n; i < job->batch; i++)
    job->negatives[i] = job->negatives[i % n];
  job->width = qi_json_int (args, "width", DEFAULT_SIDE) / 16 * 16;
  job->height = qi_json_int (args, "height", DEFAULT_SIDE) / 16 * 16;
  job->steps = qi_json_int (args, "num_inference_steps", 50);
  job->guidance = qi_json_real (args, "true_cfg_scale", 4);
  job->max_rows = qi_json_int (args, "max_sequence_length", 0);
  return TRUE;
}

static void
draw_noise (const QiCase *c, Job *job)
{
  const guint factor = qi_vae_factor (&job->set->vae_config);
  QiNoise generator;

  job->noise_each = (guint64) job->set->mmdit_config.out_channels * (job->height / factor) * (job->width / factor);
  job->noise = g_new (float, job->noise_each * job->batch);
  qi_noise_seed (&generator, (guint64) qi_json_int (c->root, "seed", 0));
  qi_noise_normal (&generator, job->noise, job->noise_each * job->batch);
}

static gboolean
run_row (QiCase *c, const Job *job, guint b, QiPlanes *planes, QiTaps *taps, GError **error)
{
  const QiTap tap = { qi_taps_collect, taps };
  const QiPipelineJob one = { .prompt = job->prompts[b],
                              .negative = job->negatives[b],
                              .special_in_prompt = TRUE,
                              .max_rows = job->max_rows,
                              .width = job->width,
                              .height = job->height,
                              .steps = job->steps,
                              .guidance = job->guidance,
                              .noise = job->noise + b * job->noise_each };
  /* A runtime of its own: remembered embeddings are not tapped again. */
  g_autoptr (QiRuntime) runtime = qi_runtime_new (c->golden->device, job->set, c->golden->compute, FALSE);

  if (!qi_pipeline_run (qi_pipeline_by_name ("text-to-image"), runtime, &one, 1, planes, &tap, error))
    return FALSE;
  if (!taps->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&taps->error));
  return FALSE;
}

/* [batch, longest, cols] or [batch, longest] from tapped rows of several lengths, filled up. */
static void
add_padded_floats (const Job *job, const QiTaps *taps, const char *name, const char *mask_name, QiTensorFile *out)
{
  guint64 longest = 0, cols = 1;
  g_autofree float *values = NULL;
  g_autofree gint64 *mask = NULL;

  for (guint b = 0; b < job->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&taps[b], name);

      if (!t)
        return;
      longest = MAX (longest, t->dims[0]);
      cols = t->dims[1];
    }
  values = g_new0 (float, job->batch * longest * cols);
  mask = g_new0 (gint64, job->batch * longest);
  for (guint b = 0; b < job->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&taps[b], name);

      memcpy (values + b * longest * cols, t->values, t->elements * sizeof *values);
      for (guint64 i = 0; i < t->dims[0]; i++)
        mask[b * longest + i] = 1;
    }
  qi_add (out, name, values, job->batch, longest, cols);
  if (mask_name)
    qi_tensor_file_add (out, mask_name, "I64", 2, (guint64[]){ job->batch, longest }, mask);
}

static void
add_padded_ids (const Job *job, const QiTaps *taps, const char *name, QiTensorFile *out)
{
  guint64 longest = 0;
  guint32 pad = 0;
  g_autofree gint64 *ids = NULL;

  qi_tokenizer_special (job->set->tokenizer, "<|endoftext|>", &pad);
  for (guint b = 0; b < job->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&taps[b], name);

      if (!t)
        return;
      longest = MAX (longest, t->elements);
    }
  ids = g_new (gint64, job->batch * longest);
  for (guint b = 0; b < job->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&taps[b], name);

      for (guint64 i = 0; i < longest; i++)
        ids[b * longest + i] = i < t->elements ? t->ints[i] : pad;
    }
  qi_tensor_file_add (out, name, "I64", 2, (guint64[]){ job->batch, longest }, ids);
}

/* The tapped map [h, w, c] of each row as [batch, c, 1, h, w]. */
static void
add_decode_input (const Job *job, const QiTaps *taps, QiTensorFile *out)
{
  const QiTapped *first = qi_taps_find (&taps[0], "vae_decode.input");
  g_autofree float *values = first ? g_new (float, job->batch * first->elements) : NULL;
  const guint64 pixels = first ? first->dims[0] * first->dims[1] : 0, n = first ? first->dims[2] : 0;

  if (!first)
    return;
  for (guint b = 0; b < job->batch; b++)
    for (guint64 ch = 0; ch < n; ch++)
      for (guint64 i = 0; i < pixels; i++)
        values[(b * n + ch) * pixels + i] = qi_taps_find (&taps[b], "vae_decode.input")->values[i * n + ch];
  qi_add (out, "vae_decode.input", values, job->batch, n, 1, first->dims[0], first->dims[1]);
}

static void
add_tensors (const Job *job, const QiTaps *taps, QiTensorFile *out)
{
  g_autoptr (GList) names = g_hash_table_get_keys (taps[0].table);

  add_padded_ids (job, taps, "token_ids.prompt", out);
  add_padded_ids (job, taps, "token_ids.negative", out);
  add_padded_floats (job, taps, "prompt_embeds", "prompt_mask", out);
  add_padded_floats (job, taps, "negative_embeds", "negative_mask", out);
  add_padded_floats (job, taps, "initial_latents", NULL, out);
  for (GList *l = names; l; l = l->next)
    if (g_str_has_prefix (l->data, "step"))
      add_padded_floats (job, taps, l->data, NULL, out);
  add_decode_input (job, taps, out);
}

/* The picture as the reference writes it: rounded half to even. */
static gboolean
add_png (QiCase *c, const char *name, const QiPlanes *planes, GError **error)
{
  const gsize pixels = (gsize) planes->width * planes->height;
  guint8 *bytes = g_malloc (pixels * planes->channels);
  g_autoptr (GBytes) data = NULL;
  g_autoptr (QiImage) image = NULL;

  for (guint ch = 0; ch < planes->channels; ch++)
    for (gsize i = 0; i < pixels; i++)
      bytes[i * planes->channels + ch] = (guint8) lrintf (CLAMP (planes->values[ch * pixels + i], 0, 1) * 255);
  data = g_bytes_new_take (bytes, pixels * planes->channels);
  image = qi_image_new (planes->width, planes->height, planes->channels, (gsize) planes->width * planes->channels, data);
  return qi_case_add_png (c, name, image, error);
}

static gboolean
add_pictures (QiCase *c, const Job *job, const QiPlanes *planes, QiTensorFile *out, GError **error)
{
  const guint64 each = (guint64) planes[0].channels * planes[0].width * planes[0].height;
  g_autofree float *values = g_new (float, job->batch * each);
  yyjson_val *names = yyjson_obj_get (c->root, "png");

  for (guint b = 0; b < job->batch; b++)
    {
      const char *name = yyjson_get_str (yyjson_arr_get (names, b));

      memcpy (values + b * each, planes[b].values, each * sizeof *values);
      if (name && !add_png (c, name, &planes[b], error))
        return FALSE;
    }
  qi_add (out, "image", values, job->batch, planes[0].channels, planes[0].height, planes[0].width);
  return TRUE;
}

static gboolean
run_job (QiCase *c, Job *job, GError **error)
{
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  g_autofree QiTaps *taps = g_new0 (QiTaps, job->batch);
  g_autofree QiPlanes *planes = g_new0 (QiPlanes, job->batch);
  gboolean ok = TRUE;

  draw_noise (c, job);
  for (guint b = 0; b < job->batch; b++)
    {
      qi_taps_init (&taps[b]);
      ok = ok && run_row (c, job, b, &planes[b], &taps[b], error);
    }
  if (ok)
    {
      add_tensors (job, taps, out);
      ok = add_pictures (c, job, planes, out, error);
    }
  for (guint b = 0; b < job->batch; b++)
    {
      qi_taps_clear (&taps[b]);
      qi_planes_clear (&planes[b]);
    }
  g_free (job->noise);
  return ok;
}

gboolean
qi_golden_pipeline (QiCase *c, GError **error)
{
  const char *scheduler = qi_case_string (c, "scheduler");
  g_autofree char *folder = qi_case_path (c, qi_case_string (c, "model_folder"), error);
  g_autofree char *scheduler_path = scheduler ? qi_case_path (c, scheduler, error) : NULL;
  const QiModelPaths paths = { .model = folder, .scheduler = scheduler_path };
  g_autoptr (QiModelSet) set = NULL;
  Job job = { 0 };

  if (!folder)
    return FALSE;
  if (g_strcmp0 (qi_case_string (c, "pipeline"), "QwenImagePipeline") != 0)
    return unsupported (error, "Only the pipeline QwenImagePipeline is known here.");
  if (!qi_golden_device (c->golden, error) || !(set = qi_model_set_open (&paths, error)) ||
      !qi_model_set_require (set, FALSE, error) || !read_job (c, set, &job, error))
    return FALSE;
  return run_job (c, &job, error);
}
