/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole pipelines, from prompts and pictures to pictures. Prompts of a batch are run one by one; their noise is one draw. */
#include <string.h>

#include "base/error.h"
#include "models/picture/crop.h"
#include "models/runtime.h"
#include "tests/golden/kind-pipeline.h"

#define DEFAULT_SIDE 1024 /* of the reference's pipelines without pictures to go by */
#define MAX_BATCH 64

/* Classes of the reference, the pipelines they are here, and their argument for the picture and the mask. */
static const struct
{
  const char *class_name, *name, *image, *mask;
} classes[] = {
  { "QwenImagePipeline", "text-to-image", NULL, NULL },
  { "QwenImageImg2ImgPipeline", "image-to-image", "image", NULL },
  { "QwenImageInpaintPipeline", "inpaint", "image", "mask_image" },
  { "QwenImageEditPipeline", "edit", "image", NULL },
  { "QwenImageEditPlusPipeline", "edit-plus", "image", NULL },
  { "QwenImageEditInpaintPipeline", "edit-inpaint", "image", "mask_image" },
  { "QwenImageControlNetPipeline", "controlnet", "control_image", NULL },
  { "QwenImageControlNetInpaintPipeline", "controlnet-inpaint", "control_image", "control_mask" },
  { "QwenImageLayeredPipeline", "layered", "image", NULL },
};

/* What the jobs of a case are made of. */
typedef struct
{
  const char *prompts[MAX_BATCH], *negatives[MAX_BATCH]; /* negatives NULL: none */
  QiPicture pictures[QI_MAX_SOURCES], mask;
  guint n_pictures;
} Material;

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
read_picture (const QiCase *c, const char *name, QiPicture *picture, GError **error)
{
  g_autofree char *path = qi_case_path (c, name, error);

  picture->image = path ? qi_picture_load (path, error) : NULL;
  if (!picture->image)
    return FALSE;
  picture->width = qi_image_width (picture->image);
  picture->height = qi_image_height (picture->image);
  return TRUE;
}

static gboolean
read_pictures (const QiCase *c, yyjson_val *args, guint class, Material *material, GError **error)
{
  yyjson_val *value = classes[class].image ? yyjson_obj_get (args, classes[class].image) : NULL;
  const guint n = yyjson_is_arr (value) ? yyjson_arr_size (value) : value ? 1 : 0;

  if (n > QI_MAX_SOURCES)
    return unsupported (error, "There are too many pictures.");
  for (guint i = 0; i < n; i++)
    {
      material->n_pictures = i + 1;
      if (!read_picture (c, yyjson_get_str (yyjson_is_arr (value) ? yyjson_arr_get (value, i) : value),
                         &material->pictures[i], error))
        return FALSE;
    }
  return !classes[class].mask
         || read_picture (c, yyjson_get_str (yyjson_obj_get (args, classes[class].mask)), &material->mask, error);
}

static void
material_clear (Material *material)
{
  for (guint i = 0; i < material->n_pictures; i++)
    g_clear_pointer (&material->pictures[i].image, qi_image_unref);
  g_clear_pointer (&material->mask.image, qi_image_unref);
}

/* The arguments that all rows of a batch share. */
static void
read_numbers (yyjson_val *args, yyjson_val *areas, const QiPipeline *pipeline, QiPipelineJob *job)
{
  const guint fallback = pipeline->size == QI_SIZE_MODEL ? DEFAULT_SIDE : 0;
  const double resolution = qi_json_real (args, "resolution", 640);

  job->special_in_prompt = TRUE;
  job->width = qi_json_int (args, "width", fallback);
  job->height = qi_json_int (args, "height", fallback);
  job->steps = qi_json_int (args, "num_inference_steps", 50);
  job->guidance = qi_json_real (args, "true_cfg_scale", 4);
  job->max_rows = qi_json_int (args, "max_sequence_length", 0);
  job->strength = qi_json_real (args, "strength", 0.6);
  job->control_scale = qi_json_real (args, "controlnet_conditioning_scale", 1);
  job->control_start = qi_json_real (args, "control_guidance_start", 0);
  job->control_end = qi_json_real (args, "control_guidance_end", 1);
  job->layers = qi_json_int (args, "layers", 4);
  job->rescale_layers = yyjson_get_bool (yyjson_obj_get (args, "cfg_normalize"));
  job->areas.target = qi_json_real (areas, "target", pipeline->layered ? resolution * resolution : 0);
  job->areas.vae = qi_json_real (areas, "vae", 0);
  job->areas.condition = qi_json_real (areas, "condition", 0);
}

/* padding_mask_crop: the surroundings of the mask take the place of picture and mask. */
static gboolean
crop (QiGoldenPipeline *p, yyjson_val *args, Material *material, GError **error)
{
  yyjson_val *pad = yyjson_obj_get (args, "padding_mask_crop");
  QiPicture *picture = &material->pictures[0], *mask = &material->mask;
  QiImage *cut[2];

  if (!yyjson_is_int (pad) || !mask->image)
    return TRUE;
  if (!qi_mask_box (mask->image, p->jobs[0].width, p->jobs[0].height, (guint) yyjson_get_uint (pad), &p->box, error))
    return FALSE;
  p->cropped = TRUE;
  p->original = qi_image_ref (picture->image);
  p->mask = qi_image_ref (mask->image);
  for (guint i = 0; i < 2; i++)
    {
      QiPicture *whole = i ? mask : picture;
      g_autoptr (QiImage) part = qi_image_crop (whole->image, &p->box);

      if (!part || !(cut[i] = qi_image_fit (part, p->jobs[0].width, p->jobs[0].height, error)))
        return FALSE;
      qi_image_unref (whole->image);
      *whole = (QiPicture){ cut[i], qi_image_width (cut[i]), qi_image_height (cut[i]) };
    }
  for (guint b = 0; b < p->batch; b++)
    p->jobs[b].own_size = TRUE;
  return TRUE;
}

static gboolean
read_jobs (const QiCase *c, guint class, Material *material, QiGoldenPipeline *p, GError **error)
{
  yyjson_val *args = yyjson_obj_get (c->root, "args"), *areas = yyjson_obj_get (c->root, "areas");
  const guint each = qi_json_int (args, "num_images_per_prompt", 1);
  QiPipelineJob job = { .pictures = material->pictures, .n_pictures = material->n_pictures,
                        .mask = classes[class].mask ? &material->mask : NULL };
  guint n = 0;

  if (!read_strings (yyjson_obj_get (args, "prompt"), each, material->prompts, &p->batch, error)
      || !read_strings (yyjson_obj_get (args, "negative_prompt"), each, material->negatives, &n, error))
    return FALSE;
  read_numbers (args, areas, p->pipeline, &job);
  if (!qi_pipeline_size (p->pipeline, p->set, &job, &job.width, &job.height, error))
    return FALSE;
  p->jobs = g_new (QiPipelineJob, p->batch);
  for (guint b = 0; b < p->batch; b++)
    {
      p->jobs[b] = job;
      p->jobs[b].prompt = material->prompts[b];
      p->jobs[b].negative = material->negatives[b % n];
    }
  return crop (p, args, material, error);
}

static gboolean
run_row (QiCase *c, const QiGoldenPipeline *p, guint b, GError **error)
{
  const QiTap tap = { qi_taps_collect, &p->taps[b] };
  /* A runtime of its own: remembered embeddings are not tapped again. */
  g_autoptr (QiRuntime) runtime = qi_runtime_new (c->golden->device, p->set, c->golden->compute, FALSE);

  if (!qi_pipeline_run (p->pipeline, runtime, &p->jobs[b], 1, p->planes + b * p->n_results, &tap, error))
    return FALSE;
  if (!p->taps[b].error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&p->taps[b].error));
  return FALSE;
}

static gboolean
run_jobs (QiCase *c, QiGoldenPipeline *p, GError **error)
{
  g_auto (QiDraws) draws = { 0 };
  gboolean ok = TRUE;

  qi_pipeline_draw (p->pipeline, p->set, p->jobs, p->batch, (guint64) qi_json_int (c->root, "seed", 0), TRUE, &draws);
  p->n_results = qi_pipeline_n_results (p->pipeline, p->jobs);
  p->taps = g_new0 (QiTaps, p->batch);
  p->planes = g_new0 (QiPlanes, p->batch * p->n_results);
  for (guint b = 0; b < p->batch; b++)
    {
      qi_taps_init (&p->taps[b]);
      ok = ok && run_row (c, p, b, error);
    }
  return ok && qi_golden_pipeline_outputs (c, p, error);
}

static void
pipeline_clear (QiGoldenPipeline *p)
{
  for (guint b = 0; b < p->batch && p->taps; b++)
    qi_taps_clear (&p->taps[b]);
  for (guint i = 0; i < p->batch * p->n_results && p->planes; i++)
    qi_planes_clear (&p->planes[i]);
  g_free (p->taps);
  g_free (p->planes);
  g_free (p->jobs);
  g_clear_pointer (&p->original, qi_image_unref);
  g_clear_pointer (&p->mask, qi_image_unref);
}

static gboolean
run_case (QiCase *c, guint class, const QiModelSet *set, GError **error)
{
  QiGoldenPipeline p = { .set = set, .pipeline = qi_pipeline_by_name (classes[class].name) };
  Material material = { 0 };
  const gboolean ok = qi_pipeline_check (p.pipeline, set, error)
                      && read_pictures (c, yyjson_obj_get (c->root, "args"), class, &material, error)
                      && read_jobs (c, class, &material, &p, error) && run_jobs (c, &p, error);

  pipeline_clear (&p);
  material_clear (&material);
  return ok;
}

gboolean
qi_golden_pipeline (QiCase *c, GError **error)
{
  const char *scheduler = qi_case_string (c, "scheduler");
  const char *control = yyjson_get_str (yyjson_obj_get (yyjson_obj_get (c->root, "extra_models"), "controlnet"));
  g_autofree char *folder = qi_case_path (c, qi_case_string (c, "model_folder"), error);
  g_autofree char *scheduler_path = scheduler ? qi_case_path (c, scheduler, error) : NULL;
  g_autofree char *control_path = control ? qi_case_path (c, control, error) : NULL;
  const QiModelPaths paths = { .model = folder, .scheduler = scheduler_path, .controlnet = control_path };
  g_autoptr (QiModelSet) set = NULL;
  guint class = 0;

  while (class < G_N_ELEMENTS (classes) && g_strcmp0 (qi_case_string (c, "pipeline"), classes[class].class_name) != 0)
    class++;
  if (class == G_N_ELEMENTS (classes))
    return unsupported (error, "The pipeline is not known here.");
  if (!folder || !qi_golden_device (c->golden, error) || !(set = qi_model_set_open (&paths, error)))
    return FALSE;
  return run_case (c, class, set, error);
}
