/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/pipelines.h"

#include <string.h>

#include "base/error.h"

#include "models/picture/sizes.h"
#include "models/pipeline/sources.h"

#define AREA (1024.0 * 1024.0)
#define LAYERED_AREA (640.0 * 640.0) /* of stacks of layers: what they were trained for first */

static const QiPipeline pipelines[] = {
  { .name = "text-to-image" },
  { .name = "image-to-image", .min_pictures = 1, .max_pictures = 1, .from_picture = TRUE,
    .posterior = QI_POSTERIOR_SAMPLE },
  { .name = "inpaint", .min_pictures = 1, .max_pictures = 1, .mask = TRUE, .from_picture = TRUE, .blend = TRUE,
    .posterior = QI_POSTERIOR_SAMPLE },
  { .name = "edit", .min_pictures = 1, .max_pictures = 1, .references = TRUE, .sees = TRUE, .size = QI_SIZE_FIRST },
  { .name = "edit-plus", .min_pictures = 1, .max_pictures = QI_MAX_SOURCES, .references = TRUE, .sees = TRUE, .many = TRUE,
    .size = QI_SIZE_LAST },
  { .name = "edit-inpaint", .min_pictures = 1, .max_pictures = 1, .mask = TRUE, .from_picture = TRUE, .blend = TRUE,
    .references = TRUE, .sees = TRUE, .fixed_size = TRUE, .posterior = QI_POSTERIOR_SAMPLE, .size = QI_SIZE_FIRST },
  /* Not the reference's: its edit-inpaint with the prompt and the references of edit-plus. */
  { .name = "edit-plus-inpaint", .min_pictures = 1, .max_pictures = QI_MAX_SOURCES, .mask = TRUE, .from_picture = TRUE,
    .blend = TRUE, .references = TRUE, .sees = TRUE, .many = TRUE, .fixed_size = TRUE, .posterior = QI_POSTERIOR_SAMPLE,
    .size = QI_SIZE_FIRST },
  { .name = "controlnet", .max_pictures = 1, .control = TRUE, .posterior = QI_POSTERIOR_SAMPLE },
  { .name = "controlnet-inpaint", .max_pictures = 1, .mask = TRUE, .control = TRUE, .control_inpaint = TRUE,
    .posterior = QI_POSTERIOR_SAMPLE_GLOBAL },
  { .name = "layered", .min_pictures = 1, .max_pictures = 1, .references = TRUE, .layered = TRUE, .fixed_size = TRUE,
    .size = QI_SIZE_FIRST },
};

const QiPipeline *
qi_pipeline_by_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (pipelines); i++)
    if (strcmp (pipelines[i].name, name) == 0)
      return &pipelines[i];
  return NULL;
}

/* -- does the set fit? ----------------------------------------------------------------------------- */

static gboolean
refuse (GError **error, const QiModelSet *set, const char *what)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "“%s” %s", set->name, what);
  return FALSE;
}

static gboolean
check_control (const QiPipeline *p, const QiModelSet *set, GError **error)
{
  if (!set->controlnet)
    return refuse (error, set, p->control_inpaint ? "has no ControlNet for inpainting; name one with --controlnet."
                                                  : "has no ControlNet; name one with --controlnet.");
  if (set->control_config.inpaint == p->control_inpaint)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The ControlNet “%s” takes conditions of %u channels, which is one %s; this needs one %s.",
               qi_checkpoint_path (set->controlnet), set->control_config.condition_channels,
               set->control_config.inpaint ? "for inpainting" : "for outlines, depth or poses",
               p->control_inpaint ? "for inpainting" : "for outlines, depth or poses");
  return FALSE;
}

gboolean
qi_pipeline_check (const QiPipeline *p, const QiModelSet *set, GError **error)
{
  const gboolean layered = set->variant->layered || set->mmdit_config.layer3d_rope;

  if (!qi_model_set_require (set, p->sees, error))
    return FALSE;
  if (layered && !p->layered)
    return refuse (error, set, p->min_pictures ? "splits pictures into layers and does nothing else; choose another model."
                                               : "splits pictures into layers and cannot make one from words; choose another "
                                                 "model.");
  if (p->layered && !layered)
    return refuse (error, set, "cannot split a picture into layers; choose Qwen-Image-Layered.");
  if (p->sees && !set->variant->edits)
    return refuse (error, set, "was not made to look at pictures; choose Qwen-Image-Edit, 2509 or 2511.");
  if (p->layered && set->vae_config.image_channels != 4)
    return refuse (error, set, "needs a VAE with transparency, of 4 channels; the one here has 3.");
  return !p->control || check_control (p, set, error);
}

/* -- how many, how large --------------------------------------------------------------------------- */

guint
qi_pipeline_n_results (const QiPipeline *p, const QiPipelineJob *job)
{
  return !p->layered ? 1 : job->layers ? job->layers : QI_DEFAULT_LAYERS;
}

/* The first of a stack is the whole picture once more. */
guint
qi_pipeline_n_frames (const QiPipeline *p, const QiPipelineJob *job)
{
  return qi_pipeline_n_results (p, job) + (p->layered ? 1 : 0);
}

gboolean
qi_pipeline_size (const QiPipeline *p, const QiModelSet *set, const QiPipelineJob *job, guint *width, guint *height,
                  GError **error)
{
  const guint unit = 2 * qi_vae_factor (&set->vae_config); /* pixels of a token */
  const double area = job->areas.target > 0 ? job->areas.target : p->layered ? LAYERED_AREA : AREA;
  const QiPicture *picture = job->n_pictures ? &job->pictures[p->size == QI_SIZE_LAST ? job->n_pictures - 1 : 0] : NULL;

  guint w = set->width, h = set->height;

  if (p->size != QI_SIZE_MODEL && picture
      && !qi_calculate_dimensions (area, (double) picture->width / picture->height, &w, &h, error))
    return FALSE;
  if (job->width && (!p->fixed_size || job->own_size))
    w = job->width;
  if (job->height && (!p->fixed_size || job->own_size))
    h = job->height;
  if (w < unit || h < unit)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%u × %u pixels are too few; a side has at least %u.", w, h, unit);
      return FALSE;
    }
  *width = w / unit * unit; /* may be job's own */
  *height = h / unit * unit;
  return TRUE;
}

/* -- noise ----------------------------------------------------------------------------------------- */

#define GLOBAL_SEED 999 /* what is added to the seed for draws from torch's global generator */

void
qi_draws_clear (QiDraws *draws)
{
  g_clear_pointer (&draws->noise, g_free);
  g_clear_pointer (&draws->posterior, g_free);
  g_clear_pointer (&draws->generators, g_free);
}

QiPosterior
qi_pipeline_posterior (const QiPipeline *p, const QiModelSet *set)
{
  return p->control && set->control_config.blockwise ? QI_POSTERIOR_MEAN : p->posterior;
}

/* A picture's posterior comes first, from the same generator or from the other one. */
static void
draw_posterior (const QiPipeline *p, QiNoise *generator, guint64 seed, float *values, gsize n)
{
  QiNoise global;

  if (p->posterior == QI_POSTERIOR_SAMPLE)
    qi_noise_normal (generator, values, n);
  else
    {
      qi_noise_seed (&global, seed + GLOBAL_SEED);
      qi_noise_normal (&global, values, n);
    }
}

void
qi_pipeline_draw (const QiPipeline *p, const QiModelSet *set, QiPipelineJob *jobs, guint n_jobs, guint64 seed,
                  gboolean together, QiDraws *draws)
{
  const guint factor = qi_vae_factor (&set->vae_config), n_draws = together ? 1 : n_jobs;
  const guint64 dims[4] = { qi_pipeline_n_frames (p, jobs), set->vae_config.z_dim, jobs->height / factor,
                            jobs->width / factor };
  const gsize latent = dims[1] * dims[2] * dims[3], each = dims[0] * latent;

  memcpy (draws->dims, dims, sizeof dims);
  draws->noise = g_new (float, n_jobs * each);
  draws->posterior = qi_pipeline_posterior (p, set) == QI_POSTERIOR_MEAN ? NULL : g_new (float, n_draws * latent);
  draws->generators = g_new (QiNoise, n_jobs);
  for (guint k = 0; k < n_draws; k++)
    {
      QiNoise *generator = &draws->generators[k];

      qi_noise_seed (generator, seed + k);
      if (draws->posterior)
        draw_posterior (p, generator, seed + k, draws->posterior + k * latent, latent);
      qi_noise_normal (generator, draws->noise + k * each, together ? n_jobs * each : each);
    }
  for (guint k = 0; k < n_jobs; k++)
    {
      draws->generators[k] = draws->generators[together ? 0 : k];
      jobs[k].noise = draws->noise + k * each;
      jobs[k].posterior_noise = draws->posterior ? draws->posterior + (together ? 0 : k) * latent : NULL;
      jobs[k].generator = &draws->generators[k];
    }
}
