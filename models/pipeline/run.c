/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* All pipelines: looking at pictures, encoding, denoising, decoding. */
#include <math.h>
#include <string.h>

#include "base/error.h"

#include "models/pipeline/denoise.h"
#include "models/pipeline/describe.h"
#include "models/pipeline/latents.h"
#include "models/pipeline/preview.h"
#include "models/pipeline/sources.h"
#include "models/sample/sigmas.h"

/* One job under way. */
typedef struct
{
  const QiPipelineJob *job;
  QiGuidance guidance;
  gboolean guided;
  GBytes *cond, *uncond; /* f32 [rows, text_dim]; uncond NULL: not guided */
  float *latents;        /* [frames, c, h, w]: normalised, after the last step */
} Run;

typedef struct
{
  const QiPipeline *pipeline;
  QiRuntime *runtime;
  const QiModelSet *set;
  Run *runs;
  guint n;
  QiLooked looked; /* pictures, the same for all jobs */
  const QiTap *tap; /* for the first run */
} Batch;

static const QiTap *
tap_of (const Batch *batch, guint i)
{
  return i == 0 ? batch->tap : NULL;
}

static guint64 latent_channels (const Batch *batch) { return batch->set->mmdit_config.out_channels; }

/* Rows and columns of a run's latents. */
static guint latent_height (const Batch *batch, const Run *run) { return run->job->height / qi_vae_factor (&batch->set->vae_config); }
static guint latent_width (const Batch *batch, const Run *run) { return run->job->width / qi_vae_factor (&batch->set->vae_config); }

/* -- prompts --------------------------------------------------------------------------------------- */

static QiPrompt
prompt_of (const Batch *batch, const QiPipelineJob *job, const char *text, const QiPromptPicture *pictures, guint n,
           const char *ids_tap)
{
  return (QiPrompt){ .template = batch->pipeline->sees ? batch->pipeline->many ? QI_TEMPLATE_EDIT_PLUS : QI_TEMPLATE_EDIT
                                                       : QI_TEMPLATE_IMAGE,
                     .text = text,
                     .special_in_prompt = job->special_in_prompt,
                     .max_rows = batch->pipeline->sees ? 0 : job->max_rows ? job->max_rows : QI_DEFAULT_PROMPT_ROWS,
                     .pictures = pictures,
                     .n_pictures = n,
                     .ids_tap = ids_tap };
}

static gboolean
encode (Batch *batch, GError **error)
{
  g_autofree QiPrompt *prompts = g_new0 (QiPrompt, 2 * batch->n);
  g_autofree GBytes **rows = g_new0 (GBytes *, 2 * batch->n);
  QiPromptPicture pictures[QI_MAX_SOURCES];
  g_autofree char *described = NULL;
  guint n = 0, n_pictures;

  if (qi_pipeline_describes (batch->pipeline, batch->set, batch->runs[0].job)
      && !(described = qi_pipeline_describe (batch->runtime, batch->runs[0].job, error)))
    return FALSE;
  if (!qi_pipeline_seen (batch->pipeline, batch->runs[0].job, pictures, &n_pictures, error))
    return FALSE;
  for (guint i = 0; i < batch->n; i++)
    {
      const QiPipelineJob *job = batch->runs[i].job;

      prompts[n++] = prompt_of (batch, job, described ? described : job->prompt, pictures, n_pictures, i == 0 ? "token_ids.prompt" : NULL);
      if (batch->runs[i].guided)
        prompts[n++] = prompt_of (batch, job, job->negative, pictures, n_pictures, i == 0 ? "token_ids.negative" : NULL);
    }
  if (!qi_prompts_encode (batch->runtime, prompts, n, rows, batch->tap, error))
    return FALSE;
  n = 0;
  for (guint i = 0; i < batch->n; i++)
    {
      batch->runs[i].cond = rows[n++];
      batch->runs[i].uncond = batch->runs[i].guided ? rows[n++] : NULL;
    }
  return TRUE;
}

/* -- denoise --------------------------------------------------------------------------------------- */

/* Steps of all runs: how many, how many are done, and how long they take. */
typedef struct
{
  guint total, done, timed;
  gint64 last;    /* µs, end of the last step; 0: none was told yet */
  double seconds; /* of the timed ones; the first, which may compile shaders, is not */
} Clock;

/* One run's steps on their way to the progress function. */
typedef struct
{
  Batch *batch;
  guint run, n_steps;
  Clock *clock;
} Teller;

/* A step begins, so the one before has ended. */
static void
tell_step (guint step, const float *expected, gpointer user_data)
{
  const Teller *t = user_data;
  const Run *run = &t->batch->runs[t->run];
  g_autoptr (QiImage) preview = expected ? qi_preview_image (qi_runtime_preview (t->batch->runtime), expected,
                                                             latent_channels (t->batch), latent_height (t->batch, run),
                                                             latent_width (t->batch, run))
                                         : NULL;
  Clock *clock = t->clock;
  const gint64 now = g_get_monotonic_time ();

  if (clock->done > 1)
    {
      clock->seconds += (now - clock->last) / 1e6;
      clock->timed++;
    }
  clock->last = now;

  const QiProgress progress = { .stage = QI_STAGE_DENOISE,
                                .step = step + 1,
                                .n_steps = t->n_steps,
                                .result = t->run,
                                .n_results = t->batch->n,
                                .preview = preview,
                                .seconds_left = clock->timed ? clock->seconds / clock->timed * (clock->total - clock->done)
                                                             : -1 };

  clock->done++;
  qi_runtime_progress (t->batch->runtime, &progress);
}

static guint
first_step (const Batch *batch, const QiPipelineJob *job)
{
  return batch->pipeline->from_picture ? qi_sigmas_start (job->steps, job->strength > 0 ? job->strength : 1) : 0;
}

static guint
n_steps_of (const Batch *batch, const QiPipelineJob *job)
{
  return job->steps - first_step (batch, job);
}

/* Latents that a run begins with and is held to, on the host. In a plan there are none: zeros. */
typedef struct
{
  float *sigmas;
  float *references[QI_MAX_SOURCES]; /* of the pictures shown */
  float *start;
  float *condition;
} Latents;

static void
latents_clear (Latents *l)
{
  g_free (l->sigmas);
  g_free (l->start);
  g_free (l->condition);
  for (guint i = 0; i < QI_MAX_SOURCES; i++)
    g_free (l->references[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Latents, latents_clear)

static float *
sigmas_of (const Batch *batch, const QiPipelineJob *job, guint h, guint w)
{
  const double n_tokens = (h / 2) * (double) (w / 2);
  const QiSchedulerConfig *scheduler = qi_runtime_scheduler (batch->runtime);

  return batch->pipeline->layered ? qi_sigmas_new_mu (scheduler, job->steps, sqrt (n_tokens / 256), TRUE)
                                  : qi_sigmas_new (scheduler, job->steps, n_tokens);
}

/* The picture with as much noise on it as the first sigma says. */
static float *
noised (const float *clean, const float *noise, gsize n, float sigma)
{
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = sigma * noise[i] + (1.0f - sigma) * clean[i];
  return values;
}

/* The picture's latents, and for inpainting a plane of what is kept. */
static float *
condition_of (const Batch *batch, const float *latents, gsize n_pixels)
{
  const gsize c = latent_channels (batch);
  float *values = g_new (float, (c + 1) * n_pixels);

  memcpy (values, latents, c * n_pixels * sizeof *values);
  for (gsize i = 0; i < n_pixels; i++)
    values[c * n_pixels + i] = batch->looked.mask ? 1 - batch->looked.mask[i] : 0;
  return values;
}

static void
fill_references (const Batch *batch, const Latents *l, QiDenoise *d, QiLatentPlanes *planes)
{
  const guint factor = qi_vae_factor (&batch->set->vae_config);

  if (!batch->pipeline->references)
    return;
  for (guint k = 0; k < batch->looked.n; k++)
    planes[k] = (QiLatentPlanes){ l->references[k], batch->looked.shown[k].height / factor,
                                  batch->looked.shown[k].width / factor };
  d->references = planes;
  d->n_references = batch->looked.n;
}

/* Fills d, whose arrays belong to l and planes. */
static gboolean
fill_denoise (const Batch *batch, guint i, QiDenoise *d, Latents *l, QiLatentPlanes *planes, GError **error)
{
  const QiPipeline *p = batch->pipeline;
  const Run *run = &batch->runs[i];
  const QiPipelineJob *job = run->job;
  const guint h = latent_height (batch, run), w = latent_width (batch, run);
  const gsize n_pixels = (gsize) h * w, n = latent_channels (batch) * n_pixels;
  const gboolean plan = qi_runtime_is_plan (batch->runtime);
  const float *posterior_noise = qi_pipeline_posterior (p, batch->set) == QI_POSTERIOR_MEAN ? NULL : job->posterior_noise;

  for (guint k = 0; k < batch->looked.n; k++)
    l->references[k] = qi_looked_latents (&batch->looked, &batch->set->vae_config, k, k == 0 ? posterior_noise : NULL);
  l->sigmas = sigmas_of (batch, job, h, w);
  *d = (QiDenoise){ .n_frames = qi_pipeline_n_frames (p, job), .h = h, .w = w, .sigmas = l->sigmas, .n_steps = job->steps,
                    .first = first_step (batch, job),
                    .cond = run->cond, .uncond = run->uncond, .guidance = run->guidance, .start = job->noise,
                    .sampler = qi_sampler_find (job->sampler, error), .generator = job->generator,
                    .control_scale = job->control_scale != 0 ? job->control_scale : 1,
                    .control_start = job->control_start, .control_end = job->control_end > 0 ? job->control_end : 1,
                    .previews = job->previews };
  if (p->from_picture && !plan)
    d->start = l->start = noised (l->references[0], job->noise, n, l->sigmas[d->first]);
  if (p->blend)
    {
      d->mask = batch->looked.mask;
      d->clean = l->references[0];
      d->noise = plan ? l->references[0] : job->noise;
    }
  if (p->control)
    {
      d->condition = l->condition = condition_of (batch, l->references[0], n_pixels);
      d->condition_channels = batch->set->control_config.condition_channels;
    }
  fill_references (batch, l, d, planes);
  return d->sampler != NULL;
}

static gboolean
denoise_run (Batch *batch, QiStream *s, guint i, Clock *clock, GError **error)
{
  Run *run = &batch->runs[i];
  g_auto (Latents) latents = { 0 };
  QiLatentPlanes planes[QI_MAX_SOURCES];
  QiDenoise d;

  if (!fill_denoise (batch, i, &d, &latents, planes, error))
    return FALSE;

  Teller teller = { batch, i, d.n_steps - d.first, clock };

  run->latents = g_new (float, latent_channels (batch) * d.n_frames * d.h * d.w);
  return qi_denoise (batch->runtime, s, &d, tell_step, &teller, tap_of (batch, i), run->latents, error);
}

/* NaN anywhere in the network ends here; so does a network that has stopped doing anything. */
static gboolean
check_latents (const Batch *batch, const Run *run, GError **error)
{
  const gsize n = latent_channels (batch) * latent_height (batch, run) * latent_width (batch, run)
                  * qi_pipeline_n_frames (batch->pipeline, run->job);
  gsize bad = 0, equal = 0;

  if (qi_runtime_is_plan (batch->runtime))
    return TRUE;
  for (gsize i = 0; i < n; i++)
    {
      bad += !isfinite (run->latents[i]);
      equal += run->latents[i] == run->latents[0];
    }
  if (bad)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED,
                 "%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " latents are not numbers after the last step, so there is no "
                 "picture: the weights of “%s” are damaged or the GPU's driver computes wrongly; try another file, or the "
                 "device “cpu”.",
                 bad, n, batch->set->name);
  else if (equal == n)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED,
                 "All %" G_GSIZE_FORMAT " latents are equal after the last step, so the picture would be flat: the weights "
                 "of “%s” are damaged or the GPU's driver computes wrongly; try another file, or the device “cpu”.",
                 n, batch->set->name);
  return !bad && equal < n;
}

static gboolean
denoise (Batch *batch, GError **error)
{
  QiStream *s = qi_runtime_begin (batch->runtime, QI_PART_MMDIT, error);
  Clock clock = { 0 };

  if (!s)
    return FALSE;
  if (batch->pipeline->control && !qi_runtime_load (batch->runtime, QI_PART_CONTROLNET, error))
    {
      qi_runtime_abandon (batch->runtime);
      return FALSE;
    }
  for (guint i = 0; i < batch->n; i++)
    clock.total += n_steps_of (batch, batch->runs[i].job);
  for (guint i = 0; i < batch->n; i++)
    if (!denoise_run (batch, s, i, &clock, error) || !check_latents (batch, &batch->runs[i], error))
      {
        qi_runtime_abandon (batch->runtime);
        return FALSE;
      }
  return qi_runtime_end (batch->runtime, error);
}

/* -- decode ---------------------------------------------------------------------------------------- */

/* From [-1, 1] to [0, 1]. NULL, or what is wrong with them. Before they are limited those of a sound decoder are never all
 * equal, whatever the picture; transparency is a plane of its own, and may be. */
static const char *
to_unit_range (float *values, gsize n, gsize plane)
{
  const gsize n_colours = MIN (n, 3 * plane);
  gboolean finite = TRUE, equal = n_colours > 1;

  for (gsize i = 0; i < n; i++)
    {
      finite &= isfinite (values[i]) != 0;
      equal &= i >= n_colours || values[i] == values[i / plane * plane];
    }
  for (gsize i = 0; i < n; i++)
    values[i] = CLAMP (values[i] * 0.5f + 0.5f, 0.0f, 1.0f);
  return !finite ? "has values that are not numbers" : equal ? "is one colour from edge to edge, to the last digit" : NULL;
}

/* Latents [c, h, w] to a picture. name: of the tap. */
static gboolean
decode_latents (Batch *batch, QiStream *s, const float *values, guint h, guint w, const char *name, const QiTap *tap,
                QiPlanes *picture, GError **error)
{
  const QiVaeConfig *config = &batch->set->vae_config;
  const guint factor = qi_vae_factor (config);
  const char *wrong;
  gboolean done;

  qi_stream_begin_scope (s);
  const QiTensor *planes = qi_scratch (s, QI_DTYPE_F32, config->z_dim, h, w);

  qi_stream_upload (s, planes, 0, values, qi_tensor_bytes (planes));
  const QiTensor *latents = qi_vae_denormalize (s, config, qi_planes_to_pixels (s, planes));

  qi_tap (tap, s, latents, name);
  const QiTensor *pixels = qi_vae_decode_raw (qi_runtime_vae_decoder (batch->runtime), s, latents,
                                              MIN (qi_runtime_strips (batch->runtime, QI_PART_VAE_DECODER),
                                                   qi_vae_max_strips (config, h)),
                                              NULL);
  const gsize n = qi_tensor_elements (pixels);

  /* Transparency, the last plane, is for layers. */
  *picture = (QiPlanes){ batch->pipeline->layered ? config->image_channels : 3, w * factor, h * factor,
                         g_new (float, n) };
  done = qi_stream_download (s, qi_pixels_to_planes (s, pixels), picture->values, n * sizeof (float), error);
  qi_stream_end_scope (s);
  if (!done || qi_runtime_is_plan (batch->runtime))
    return done;
  if (!(wrong = to_unit_range (picture->values, n, (gsize) w * factor * h * factor)))
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_FAILED,
               "The decoded picture %s: the VAE of “%s” is damaged or the GPU's driver computes wrongly; try another file, or the "
               "device “cpu”.",
               wrong, batch->set->name);
  return FALSE;
}

/* Frame of a run's latents to a picture. */
static gboolean
decode_frame (Batch *batch, QiStream *s, guint i, guint frame, const char *name, QiPlanes *picture, GError **error)
{
  const Run *run = &batch->runs[i];
  const guint h = latent_height (batch, run), w = latent_width (batch, run), c = latent_channels (batch);
  const float *values = run->latents + (gsize) frame * c * h * w;

  if (!decode_latents (batch, s, values, h, w, name, tap_of (batch, i), picture, error))
    return FALSE;
  if (run->job->previews && !qi_runtime_is_plan (batch->runtime))
    qi_preview_learn (qi_runtime_preview (batch->runtime), values, c, h, w, picture);
  return TRUE;
}

/* Before there are pictures to learn from the decoder is shown something; it gives its memory back at once. */
static gboolean
prepare_previews (Batch *batch, GError **error)
{
  QiPreview *preview = qi_runtime_preview (batch->runtime);
  const guint c = latent_channels (batch);
  g_autofree float *latents = NULL;
  QiPlanes picture = { 0 };
  QiStream *s;

  if (!batch->runs[0].job->previews || qi_preview_is_fitted (preview))
    return TRUE;
  if (!(s = qi_runtime_begin (batch->runtime, QI_PART_VAE_DECODER, error)))
    return FALSE;
  latents = qi_preview_latents_new (c);
  if (!decode_latents (batch, s, latents, QI_PREVIEW_SIDE, QI_PREVIEW_SIDE, "preview", NULL, &picture, error))
    {
      qi_planes_clear (&picture);
      qi_runtime_abandon (batch->runtime);
      return FALSE;
    }
  if (!qi_runtime_is_plan (batch->runtime))
    qi_preview_learn (preview, latents, c, QI_PREVIEW_SIDE, QI_PREVIEW_SIDE, &picture);
  qi_planes_clear (&picture);
  if (!qi_runtime_end (batch->runtime, error))
    return FALSE;
  if (!qi_runtime_is_plan (batch->runtime))
    qi_runtime_unload (batch->runtime, QI_PART_VAE_DECODER);
  return TRUE;
}

/* The last frames of a run are its pictures. */
static gboolean
decode_run (Batch *batch, QiStream *s, guint i, QiPlanes *pictures, GError **error)
{
  const QiPipelineJob *job = batch->runs[i].job;
  const guint n = qi_pipeline_n_results (batch->pipeline, job), skipped = qi_pipeline_n_frames (batch->pipeline, job) - n;

  for (guint k = 0; k < n; k++)
    {
      g_autofree char *name = k ? g_strdup_printf ("vae_decode%u.input", k) : g_strdup ("vae_decode.input");
      const QiProgress progress = { .stage = QI_STAGE_DECODE, .step = k + 1, .n_steps = n, .result = i,
                                    .n_results = batch->n, .seconds_left = -1 };

      qi_runtime_progress (batch->runtime, &progress);
      if (!decode_frame (batch, s, i, skipped + k, name, &pictures[k], error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
decode (Batch *batch, QiPlanes *pictures, GError **error)
{
  QiStream *s = qi_runtime_begin (batch->runtime, QI_PART_VAE_DECODER, error);

  if (!s)
    return FALSE;
  for (guint i = 0; i < batch->n; i++)
    if (!decode_run (batch, s, i, pictures + i * qi_pipeline_n_results (batch->pipeline, batch->runs[i].job), error))
      {
        qi_runtime_abandon (batch->runtime);
        return FALSE;
      }
  return qi_runtime_end (batch->runtime, error);
}

/* -- all of it ------------------------------------------------------------------------------------- */

static gboolean
bad_request (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
bad_request (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, text);
  return FALSE;
}

/* Everything that is to be looked at is there. */
static gboolean
check_pictures (const Batch *batch, const QiPipelineJob *job, GError **error)
{
  const QiPipeline *p = batch->pipeline;
  const gboolean plan = qi_runtime_is_plan (batch->runtime);
  const QiPicture *const others[] = { job->mask, job->control };

  if (job->n_pictures < p->min_pictures || job->n_pictures > p->max_pictures)
    return bad_request (error, "%u pictures are given; %s takes %u to %u.", job->n_pictures, p->name, p->min_pictures,
                        p->max_pictures);
  if (p->mask && !job->mask)
    return bad_request (error, "There is no mask that says where to draw.");
  if (p->control && !job->control && job->n_pictures == 0)
    return bad_request (error, "There is no picture for the ControlNet.");
  for (guint i = 0; i < job->n_pictures + G_N_ELEMENTS (others); i++)
    {
      const QiPicture *source = i < job->n_pictures ? &job->pictures[i] : others[i - job->n_pictures];

      if (source && (source->width == 0 || source->height == 0 || (!source->image && !plan)))
        return bad_request (error, "Picture %u has no pixels.", i + 1);
    }
  return TRUE;
}

static gboolean
check_job (const Batch *batch, const QiPipelineJob *job, GError **error)
{
  const QiModelSet *set = batch->set;
  const QiPipeline *p = batch->pipeline;
  const gboolean plan = qi_runtime_is_plan (batch->runtime);
  const guint unit = 2 * qi_vae_factor (&set->vae_config); /* pixels of a token */

  if (set->vae_config.z_dim != set->mmdit_config.out_channels || set->text_config.width != set->mmdit_config.text_dim)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "The parts of “%s” do not belong together: the transformer makes %u latent channels from embeddings of %u, "
                   "the VAE has %u channels and the text encoder embeddings of %u.",
                   set->name, set->mmdit_config.out_channels, set->mmdit_config.text_dim, set->vae_config.z_dim,
                   set->text_config.width);
      return FALSE;
    }
  if (job->width == 0 || job->height == 0 || job->width % unit || job->height % unit || job->steps == 0)
    return bad_request (error,
                        "%u × %u pixels in %u steps cannot be made; sides must be multiples of %u, and there is at least one "
                        "step.",
                        job->width, job->height, job->steps, unit);
  if (job->strength < 0 || job->strength > 1 || (p->from_picture && n_steps_of (batch, job) == 0))
    return bad_request (error, "With a strength of %g none of the %u steps is left to be done; raise one or the other.",
                        job->strength, job->steps);
  if (plan)
    return check_pictures (batch, job, error);
  if (!job->noise || (qi_pipeline_posterior (p, set) != QI_POSTERIOR_MEAN && !job->posterior_noise))
    return bad_request (error, "There is no noise to start from.");
  return check_pictures (batch, job, error);
}

static gboolean
run_batch (Batch *batch, QiPlanes *pictures, GError **error)
{
  return encode (batch, error)
         && qi_look (batch->pipeline, batch->runtime, batch->runs[0].job, &batch->looked, batch->tap, error)
         && prepare_previews (batch, error) && denoise (batch, error) && decode (batch, pictures, error);
}

gboolean
qi_pipeline_run (const QiPipeline *pipeline, QiRuntime *runtime, const QiPipelineJob *jobs, guint n_jobs,
                 QiPlanes *results, const QiTap *tap, GError **error)
{
  g_autofree Run *runs = g_new0 (Run, n_jobs);
  Batch batch = { .pipeline = pipeline, .runtime = runtime, .set = qi_runtime_set (runtime), .runs = runs, .n = n_jobs,
                  .tap = tap };
  const guint n_results = n_jobs * qi_pipeline_n_results (pipeline, jobs);
  gboolean done;

  memset (results, 0, n_results * sizeof *results);
  for (guint i = 0; i < n_jobs; i++)
    {
      if (!check_job (&batch, &jobs[i], error))
        return FALSE;
      runs[i] = (Run){ .job = &jobs[i],
                       .guidance = { jobs[i].guidance, !pipeline->layered || jobs[i].rescale_layers } };
      runs[i].guided = qi_guidance_is_on (&runs[i].guidance, jobs[i].negative != NULL);
    }
  done = run_batch (&batch, results, error);
  qi_looked_clear (&batch.looked);
  for (guint i = 0; i < n_jobs; i++)
    {
      g_clear_pointer (&runs[i].cond, g_bytes_unref);
      g_clear_pointer (&runs[i].uncond, g_bytes_unref);
      g_free (runs[i].latents);
    }
  for (guint i = 0; i < n_results && !done; i++)
    qi_planes_clear (&results[i]);
  return done;
}
