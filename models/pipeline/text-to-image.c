/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/text-to-image.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#include "models/diffusion/patchify.h"
#include "models/sample/guidance.h"
#include "models/sample/sampler.h"
#include "models/sample/sigmas.h"
#include "models/text/prompt-embeddings.h"

/* One job under way. */
typedef struct
{
  const QiTextToImage *job;
  QiGuidance guidance;
  gboolean guided;
  GBytes *cond, *uncond; /* f32 [rows, text_dim]; uncond NULL: not guided */
  float *latents;        /* [c, h, w]: normalised, after the last step */
} Run;

typedef struct
{
  QiRuntime *runtime;
  const QiModelSet *set;
  Run *runs;
  guint n;
  const QiTap *tap; /* for the first run */
} Batch;

void
qi_planes_clear (QiPlanes *planes)
{
  g_free (planes->values);
  *planes = (QiPlanes){ 0 };
}

static const QiTap *
tap_of (const Batch *batch, guint i)
{
  return i == 0 ? batch->tap : NULL;
}

static guint64 latent_channels (const Batch *batch) { return batch->set->mmdit_config.out_channels; }

/* Rows and columns of a run's latents. */
static guint latent_height (const Batch *batch, const Run *run) { return run->job->height / qi_vae_factor (&batch->set->vae_config); }
static guint latent_width (const Batch *batch, const Run *run) { return run->job->width / qi_vae_factor (&batch->set->vae_config); }

/* -- encode ---------------------------------------------------------------------------------------- */

static QiPrompt
prompt_of (const QiTextToImage *job, const char *text, const char *ids_tap)
{
  return (QiPrompt){ .template = QI_TEMPLATE_IMAGE,
                     .text = text,
                     .special_in_prompt = job->special_in_prompt,
                     .max_rows = job->max_rows ? job->max_rows : QI_DEFAULT_PROMPT_ROWS,
                     .ids_tap = ids_tap };
}

static gboolean
encode (Batch *batch, GError **error)
{
  g_autofree QiPrompt *prompts = g_new0 (QiPrompt, 2 * batch->n);
  g_autofree GBytes **rows = g_new0 (GBytes *, 2 * batch->n);
  guint n = 0;

  for (guint i = 0; i < batch->n; i++)
    {
      const Run *run = &batch->runs[i];

      prompts[n++] = prompt_of (run->job, run->job->prompt, i == 0 ? "token_ids.prompt" : NULL);
      if (run->guided)
        prompts[n++] = prompt_of (run->job, run->job->negative, i == 0 ? "token_ids.negative" : NULL);
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

/* What stays the same over the steps of one run. */
typedef struct
{
  const QiMmdit *dit;
  QiMmditInput cond, uncond;
  gboolean guided;
  const QiTensor *x; /* [tokens, 4 c], updated in place */
  QiTokenGrid grid;
  float *sigmas;
} Loop;

static const QiTensor *
upload_embeddings (const Batch *batch, QiStream *s, GBytes *embeddings, const char *name, const QiTap *tap)
{
  const guint64 d = batch->set->mmdit_config.text_dim;
  gsize bytes;
  const float *rows = g_bytes_get_data (embeddings, &bytes);
  const QiTensor *t = qi_scratch (s, QI_DTYPE_F32, bytes / (d * sizeof (float)), d);

  qi_stream_upload (s, t, 0, rows, bytes);
  qi_tap (tap, s, t, name);
  return t;
}

static void
prepare_input (const Batch *batch, QiStream *s, Loop *loop, QiMmditInput *input, GBytes *embeddings, const char *name,
               const QiTap *tap)
{
  *input = (QiMmditInput){ .x = loop->x,
                           .text = upload_embeddings (batch, s, embeddings, name, tap),
                           .grids = &loop->grid,
                           .n_grids = 1 };
  input->rope = qi_mmdit_rope (loop->dit, s, input, NULL);
}

static void
prepare_loop (const Batch *batch, QiStream *s, guint i, Loop *loop)
{
  const Run *run = &batch->runs[i];
  const guint h = latent_height (batch, run), w = latent_width (batch, run);
  const guint64 c = latent_channels (batch);
  const QiTap *tap = tap_of (batch, i);

  *loop = (Loop){ .dit = qi_runtime_mmdit (batch->runtime), .grid = { 1, h / 2, w / 2 }, .guided = run->guided };
  loop->sigmas = qi_sigmas_new (&batch->set->scheduler_config, run->job->steps, (h / 2) * (double) (w / 2));
  loop->x = qi_tokens_from_latents (s, run->job->noise, c, h, w);
  qi_tap (tap, s, loop->x, "initial_latents");
  prepare_input (batch, s, loop, &loop->cond, run->cond, "prompt_embeds", tap);
  if (loop->guided)
    prepare_input (batch, s, loop, &loop->uncond, run->uncond, "negative_embeds", tap);
}

static void
denoise_step (QiStream *s, const Loop *loop, const QiGuidance *guidance, const QiSampler *sampler, guint step,
              const QiTap *tap)
{
  QiMmditInput cond = loop->cond, uncond = loop->uncond;
  const QiTensor *p, *u = NULL, *v;

  cond.sigma = uncond.sigma = loop->sigmas[step];
  qi_stream_begin_scope (s);
  p = qi_mmdit_forward (loop->dit, s, &cond, NULL);
  qi_tap_n (tap, s, p, "step%u.cond", step);
  if (loop->guided)
    {
      u = qi_mmdit_forward (loop->dit, s, &uncond, NULL);
      qi_tap_n (tap, s, u, "step%u.uncond", step);
    }
  v = qi_guidance_apply (s, guidance, p, u);
  qi_tap_n (tap, s, v, "step%u.guided", step);
  qi_copy_into (s, loop->x, sampler->step (s, loop->x, v, loop->sigmas[step], loop->sigmas[step + 1]));
  qi_tap_n (tap, s, loop->x, "step%u.latents", step);
  qi_stream_end_scope (s);
}

/* Steps of all runs: how many, how many are done, and how long they take. */
typedef struct
{
  guint total, done, timed;
  gint64 last;    /* µs, end of the last step */
  double seconds; /* of the timed ones; the first, which may compile shaders, is not */
} Clock;

static void
tell_step (const Batch *batch, guint run, guint step, const Clock *clock)
{
  const QiProgress progress = { .stage = QI_STAGE_DENOISE,
                                .step = step + 1,
                                .n_steps = batch->runs[run].job->steps,
                                .result = run,
                                .n_results = batch->n,
                                .seconds_left = clock->timed ? clock->seconds / clock->timed * (clock->total - clock->done)
                                                             : -1 };

  qi_runtime_progress (batch->runtime, &progress);
}

static void
tick (Clock *clock)
{
  const gint64 now = g_get_monotonic_time ();

  if (clock->done++ > 0)
    {
      clock->seconds += (now - clock->last) / 1e6;
      clock->timed++;
    }
  clock->last = now;
}

static gboolean
denoise_run (Batch *batch, QiStream *s, guint i, Clock *clock, GError **error)
{
  Run *run = &batch->runs[i];
  const QiSampler *sampler = qi_sampler_find (run->job->sampler, error);
  const guint n_steps = qi_runtime_is_plan (batch->runtime) ? 1 : run->job->steps; /* one is like another */
  const guint h = latent_height (batch, run), w = latent_width (batch, run);
  gboolean done = TRUE;
  Loop loop;

  if (!sampler)
    return FALSE;
  qi_stream_begin_scope (s);
  prepare_loop (batch, s, i, &loop);
  for (guint step = 0; step < n_steps && done; step++)
    {
      tell_step (batch, i, step, clock);
      denoise_step (s, &loop, &run->guidance, sampler, step, tap_of (batch, i));
      done = qi_stream_submit (s, error);
      tick (clock);
    }
  run->latents = g_new (float, latent_channels (batch) * h * w);
  done = done && qi_tokens_to_latents (s, loop.x, latent_channels (batch), h, w, run->latents, error);
  qi_stream_end_scope (s);
  g_free (loop.sigmas);
  return done;
}

/* NaN anywhere in the network ends here; so does a network that has stopped doing anything. */
static gboolean
check_latents (const Batch *batch, const Run *run, GError **error)
{
  const gsize n = latent_channels (batch) * latent_height (batch, run) * latent_width (batch, run);
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
  for (guint i = 0; i < batch->n; i++)
    clock.total += batch->runs[i].job->steps;
  for (guint i = 0; i < batch->n; i++)
    if (!denoise_run (batch, s, i, &clock, error) || !check_latents (batch, &batch->runs[i], error))
      {
        qi_runtime_abandon (batch->runtime);
        return FALSE;
      }
  return qi_runtime_end (batch->runtime, error);
}

/* -- decode ---------------------------------------------------------------------------------------- */

/* From [-1, 1] to [0, 1]. FALSE: one is not a number. */
static gboolean
to_unit_range (float *values, gsize n)
{
  gboolean finite = TRUE;

  for (gsize i = 0; i < n; i++)
    {
      finite &= isfinite (values[i]) != 0;
      values[i] = CLAMP (values[i] * 0.5f + 0.5f, 0.0f, 1.0f);
    }
  return finite;
}

static gboolean
decode_run (Batch *batch, QiStream *s, guint i, QiPlanes *picture, GError **error)
{
  const Run *run = &batch->runs[i];
  const guint h = latent_height (batch, run), w = latent_width (batch, run);
  const QiVaeConfig *config = &batch->set->vae_config;
  gboolean done;

  qi_stream_begin_scope (s);
  const QiTensor *planes = qi_scratch (s, QI_DTYPE_F32, config->z_dim, h, w);

  qi_stream_upload (s, planes, 0, run->latents, qi_tensor_bytes (planes));
  const QiTensor *latents = qi_vae_denormalize (s, config, qi_planes_to_pixels (s, planes));

  qi_tap (tap_of (batch, i), s, latents, "vae_decode.input");
  const QiTensor *pixels = qi_vae_decode_raw (qi_runtime_vae_decoder (batch->runtime), s, latents, NULL);
  const gsize n = qi_tensor_elements (pixels);

  /* Transparency, the last plane, is for layers. */
  *picture = (QiPlanes){ batch->set->variant->layered ? config->image_channels : 3, run->job->width, run->job->height,
                         g_new (float, n) };
  done = qi_stream_download (s, qi_pixels_to_planes (s, pixels), picture->values, n * sizeof (float), error);
  qi_stream_end_scope (s);
  if (!done || to_unit_range (picture->values, n))
    return done;
  g_set_error (error, QI_ERROR, QI_ERROR_FAILED,
               "The decoded picture has values that are not numbers: the VAE of “%s” is damaged or the GPU's driver computes "
               "wrongly; try another file, or the device “cpu”.",
               batch->set->name);
  return FALSE;
}

static gboolean
decode (Batch *batch, QiPlanes *pictures, GError **error)
{
  QiStream *s = qi_runtime_begin (batch->runtime, QI_PART_VAE_DECODER, error);

  if (!s)
    return FALSE;
  for (guint i = 0; i < batch->n; i++)
    {
      const QiProgress progress = { .stage = QI_STAGE_DECODE, .step = 1, .n_steps = 1, .result = i, .n_results = batch->n,
                                    .seconds_left = -1 };

      qi_runtime_progress (batch->runtime, &progress);
      if (!decode_run (batch, s, i, &pictures[i], error))
        {
          qi_runtime_abandon (batch->runtime);
          return FALSE;
        }
    }
  return qi_runtime_end (batch->runtime, error);
}

/* -- all of it ------------------------------------------------------------------------------------- */

static gboolean
check_job (const QiModelSet *set, const QiTextToImage *job, gboolean plan, GError **error)
{
  const guint unit = 2 * qi_vae_factor (&set->vae_config); /* pixels of a token */

  if (set->vae_config.z_dim != set->mmdit_config.out_channels || set->text_config.width != set->mmdit_config.text_dim)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                 "The parts of “%s” do not belong together: the transformer makes %u latent channels from embeddings of %u, "
                 "the VAE has %u channels and the text encoder embeddings of %u.",
                 set->name, set->mmdit_config.out_channels, set->mmdit_config.text_dim, set->vae_config.z_dim,
                 set->text_config.width);
  else if (job->width == 0 || job->height == 0 || job->width % unit || job->height % unit || job->steps == 0)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                 "%u × %u pixels in %u steps cannot be made; sides must be multiples of %u, and there is at least one step.",
                 job->width, job->height, job->steps, unit);
  else if (!job->noise && !plan)
    g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no noise to start from.");
  else
    return TRUE;
  return FALSE;
}

static gboolean
run_batch (Batch *batch, QiPlanes *pictures, GError **error)
{
  return encode (batch, error) && denoise (batch, error) && decode (batch, pictures, error);
}

gboolean
qi_text_to_image (QiRuntime *runtime, const QiTextToImage *jobs, guint n_jobs, QiPlanes *pictures, const QiTap *tap,
                  GError **error)
{
  g_autofree Run *runs = g_new0 (Run, n_jobs);
  Batch batch = { runtime, qi_runtime_set (runtime), runs, n_jobs, tap };
  gboolean done;

  memset (pictures, 0, n_jobs * sizeof *pictures);
  for (guint i = 0; i < n_jobs; i++)
    {
      if (!check_job (batch.set, &jobs[i], qi_runtime_is_plan (runtime), error))
        return FALSE;
      runs[i] = (Run){ .job = &jobs[i], .guidance = { jobs[i].guidance, TRUE } };
      runs[i].guided = qi_guidance_is_on (&runs[i].guidance, jobs[i].negative != NULL);
    }
  done = run_batch (&batch, pictures, error);
  for (guint i = 0; i < n_jobs; i++)
    {
      g_clear_pointer (&runs[i].cond, g_bytes_unref);
      g_clear_pointer (&runs[i].uncond, g_bytes_unref);
      g_free (runs[i].latents);
      if (!done)
        qi_planes_clear (&pictures[i]);
    }
  return done;
}
