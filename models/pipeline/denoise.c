/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/denoise.h"

#include "models/diffusion/patchify.h"

#define PREVIEW_US 100000 /* between two looks at what is expected */

/* What stays the same over the steps. */
typedef struct
{
  const QiDenoise *d;
  const QiMmdit *dit;
  QiStream *s;
  const QiTap *tap;
  guint step; /* from 0, of the steps that are done */

  const QiTensor *tokens; /* [n_target + n_reference, 4 c]: all that the network sees */
  const QiTensor *x;      /* its first n_target rows, updated in place */
  guint64 n_target;
  QiTokenGrid *grids;     /* [n_frames + n_references] */
  QiMmditInput cond, uncond;
  GBytes *modulation; /* a row a step; empty in a plan */
  QiControl control;
  const QiTensor *expected; /* [n_target, 4 c]; NULL: nobody wants to see it */
  gint64 seen;              /* µs, when it was last looked at */
  const QiTensor *mask, *kept_noise, *kept_clean; /* [n_target, 4 c]; the latter two 0 where the mask is 1 */
} Loop;

static guint64
channels (const Loop *loop)
{
  return qi_mmdit_config (loop->dit)->out_channels;
}

/* -- before the first step ------------------------------------------------------------------------- */

static const QiTensor *
upload_embeddings (const Loop *loop, GBytes *embeddings, const char *name)
{
  const guint64 d = qi_mmdit_config (loop->dit)->text_dim;
  gsize bytes;
  const float *rows = g_bytes_get_data (embeddings, &bytes);
  const QiTensor *t = qi_scratch (loop->s, QI_DTYPE_F32, bytes / (d * sizeof (float)), d);

  qi_stream_upload (loop->s, t, 0, rows, bytes);
  qi_tap (loop->tap, loop->s, t, name);
  return t;
}

/* Planes to rows [first, …) of the tokens; values NULL, in a plan: rows of no meaning. */
static guint64
place (const Loop *loop, const float *values, guint h, guint w, guint64 first)
{
  const guint64 n = (guint64) (h / 2) * (w / 2);

  qi_stream_begin_scope (loop->s);
  qi_copy_into (loop->s, qi_view_rows (loop->s, loop->tokens, first, n),
                qi_tokens_from_latents (loop->s, values, channels (loop), h, w));
  qi_stream_end_scope (loop->s);
  return first + n;
}

static void
place_tokens (Loop *loop)
{
  const QiDenoise *d = loop->d;
  const gsize frame = (gsize) channels (loop) * d->h * d->w;
  guint64 at = 0, n;

  loop->grids = g_new (QiTokenGrid, d->n_frames + d->n_references);
  for (guint i = 0; i < d->n_frames; i++)
    loop->grids[i] = (QiTokenGrid){ 1, d->h / 2, d->w / 2 };
  for (guint i = 0; i < d->n_references; i++)
    loop->grids[d->n_frames + i] = (QiTokenGrid){ 1, d->references[i].h / 2, d->references[i].w / 2 };
  loop->n_target = qi_token_grids_total (loop->grids, d->n_frames);
  n = qi_token_grids_total (loop->grids, d->n_frames + d->n_references);
  loop->tokens = qi_scratch (loop->s, QI_DTYPE_F32, n, 4 * channels (loop));
  for (guint i = 0; i < d->n_frames; i++)
    at = place (loop, d->start ? d->start + i * frame : NULL, d->h, d->w, at);
  for (guint i = 0; i < d->n_references; i++)
    at = place (loop, d->references[i].values, d->references[i].h, d->references[i].w, at);
  loop->x = qi_view_rows (loop->s, loop->tokens, 0, loop->n_target);
  qi_tap (loop->tap, loop->s, loop->x, "initial_latents");
  if (n > loop->n_target)
    qi_tap (loop->tap, loop->s, qi_view_rows (loop->s, loop->tokens, loop->n_target, n - loop->n_target), "image_latents");
}

static void
prepare_input (const Loop *loop, QiMmditInput *input, GBytes *embeddings, const char *name)
{
  *input = (QiMmditInput){ .x = loop->tokens,
                           .text = upload_embeddings (loop, embeddings, name),
                           .grids = loop->grids,
                           .n_grids = loop->d->n_frames + loop->d->n_references };
  input->rope = qi_mmdit_rope (loop->dit, loop->s, input, NULL);
}

/* values (1 - mask), or the mask itself for every channel when values is NULL. */
static const QiTensor *
masked (const Loop *loop, const float *values)
{
  const QiDenoise *d = loop->d;
  const gsize n = (gsize) d->h * d->w, c = channels (loop);
  g_autofree float *planes = g_new (float, c * n);

  for (gsize i = 0; i < c * n; i++)
    planes[i] = values ? values[i] * (1 - d->mask[i % n]) : d->mask[i % n];
  return qi_tokens_from_latents (loop->s, planes, c, d->h, d->w);
}

static void
prepare_blend (Loop *loop)
{
  const QiDenoise *d = loop->d;

  if (!d->mask)
    return;
  loop->mask = masked (loop, NULL);
  loop->kept_noise = masked (loop, d->noise);
  loop->kept_clean = masked (loop, d->clean);
  qi_tap (loop->tap, loop->s, loop->mask, "mask_packed");
  if (!loop->tap || !loop->tap->func)
    return;
  qi_stream_begin_scope (loop->s);
  qi_tap (loop->tap, loop->s, qi_tokens_from_latents (loop->s, d->noise, channels (loop), d->h, d->w), "noise_packed");
  if (d->n_references == 0)
    qi_tap (loop->tap, loop->s, qi_tokens_from_latents (loop->s, d->clean, channels (loop), d->h, d->w), "image_latents");
  qi_stream_end_scope (loop->s);
}

static void
prepare_control (Loop *loop, QiRuntime *runtime)
{
  const QiDenoise *d = loop->d;
  const QiTensor *condition;

  if (!d->condition_channels)
    return;
  condition = qi_tokens_from_latents (loop->s, d->condition, d->condition_channels / 4, d->h, d->w);
  qi_tap (loop->tap, loop->s, condition, "control.cond");
  qi_control_begin (qi_runtime_controlnet (runtime), loop->s, condition, qi_mmdit_config (loop->dit)->n_layers,
                    &loop->control);
}

/* -- a step ---------------------------------------------------------------------------------------- */

static float
control_scale (const Loop *loop)
{
  const QiDenoise *d = loop->d;
  const double n = d->n_steps - d->first, i = loop->step;

  if (!loop->control.net)
    return 0;
  if (qi_stream_is_plan (loop->s)) /* the most that a step can need */
    return 1;
  return i / n < d->control_start || (i + 1) / n > d->control_end ? 0 : (float) d->control_scale;
}

static const QiTensor *
target_rows (const Loop *loop, const QiTensor *velocity)
{
  return qi_view_rows (loop->s, velocity, 0, loop->n_target);
}

/* The row of this sigma, which is one of the steps' own whatever the sampler. */
static void
take_modulation (const Loop *loop, QiStream *s, float sigma, QiModulation *modulation)
{
  const QiDenoise *d = loop->d;
  const float *values = g_bytes_get_data (loop->modulation, NULL);
  guint i = d->first;

  while (i + 1 < d->n_steps && d->sigmas[i] != sigma)
    i++;
  g_warn_if_fail (d->sigmas[i] == sigma);
  qi_mmdit_take_modulation (loop->dit, s, values ? values + (i - d->first) * qi_mmdit_modulation_values (loop->dit) : NULL,
                            modulation);
}

/* A QiVelocityFunc: the network at x, with guidance. Only a step's first evaluation is told. */
static const QiTensor *
predict (QiStream *s, float sigma, guint evaluation, gpointer user_data)
{
  Loop *loop = user_data;
  QiMmditInput cond = loop->cond, uncond = loop->uncond;
  const QiTap *tap = evaluation == 0 ? loop->tap : NULL;
  const QiTensor *p, *u = NULL, *v;
  QiModulation modulation;

  take_modulation (loop, s, sigma, &modulation);
  cond.modulation = uncond.modulation = &modulation;
  cond.sigma = uncond.sigma = sigma;
  qi_control_step (&loop->control, s, control_scale (loop), loop->step, &cond, tap);
  p = target_rows (loop, qi_mmdit_forward (loop->dit, s, &cond, NULL));
  qi_tap_n (tap, s, p, "step%u.cond", loop->step);
  if (loop->d->uncond)
    {
      uncond.after_block = cond.after_block; /* the same residuals */
      uncond.after_block_data = cond.after_block_data;
      uncond.n_target = cond.n_target;
      u = target_rows (loop, qi_mmdit_forward (loop->dit, s, &uncond, NULL));
      qi_tap_n (tap, s, u, "step%u.uncond", loop->step);
    }
  v = qi_guidance_apply (s, &loop->d->guidance, p, u);
  if (loop->expected && evaluation == 0)
    qi_copy_into (s, loop->expected, qi_axpby (s, 1.0f, loop->x, -sigma, v));
  qi_tap_n (tap, s, v, "step%u.guided", loop->step);
  return v;
}

/* The mask multiplies value by value: both are looked at as one row. */
static void
put_back (const Loop *loop, float sigma)
{
  QiStream *s = loop->s;
  const guint64 n = qi_tensor_elements (loop->x);
  const QiTensor *kept;

  if (!loop->mask)
    return;
  qi_tap_n (loop->tap, s, loop->x, "step%u.before_blend", loop->step);
  kept = qi_axpby (s, sigma, loop->kept_noise, 1 - sigma, loop->kept_clean);
  qi_copy_into (s, loop->x,
                qi_affine (s, qi_view_as (s, loop->x, 1, n), qi_view_as (s, loop->mask, n), qi_view_as (s, kept, n)));
}

/* What the step before expects, on the host; it waits for the GPU, and so is not done all the time. NULL without error: not
 * now. (g_free) */
static float *
look_ahead (Loop *loop, GError **error)
{
  const QiDenoise *d = loop->d;
  const guint64 rows = (guint64) (d->h / 2) * (d->w / 2);
  const gint64 now = g_get_monotonic_time ();
  g_autofree float *values = NULL;
  gboolean done;

  if (!loop->expected || loop->step == 0 || now - loop->seen < PREVIEW_US)
    return NULL;
  values = g_new (float, rows * 4 * channels (loop));
  qi_stream_begin_scope (loop->s);
  done = qi_stream_download (loop->s, qi_view_rows (loop->s, loop->expected, 0, rows), values,
                             rows * 4 * channels (loop) * sizeof (float), error);
  qi_stream_end_scope (loop->s);
  loop->seen = g_get_monotonic_time ();
  return done ? g_steal_pointer (&values) : NULL;
}

/* FALSE: it was cancelled, or the GPU fails. */
static gboolean
tell (Loop *loop, QiStepFunc told, gpointer user_data, GError **error)
{
  GError *failure = NULL;
  g_autofree float *expected = look_ahead (loop, &failure);

  if (failure)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (told)
    told (loop->step, expected, user_data);
  return TRUE;
}

static gboolean
run_steps (Loop *loop, QiStepFunc told, gpointer user_data, GError **error)
{
  const QiDenoise *d = loop->d;
  const guint n = d->n_steps - d->first;
  const guint n_done = qi_stream_is_plan (loop->s) ? MIN (n, qi_sampler_plan_steps (d->sampler)) : n;
  QiNoise generator = d->generator ? *d->generator : (QiNoise){ 0 };
  QiSampling sampling = { .sampler = d->sampler, .sigmas = d->sigmas, .x = loop->x, .velocity = predict,
                          .user_data = loop, .noise_scale = -1, .noise = &generator };

  qi_sampling_begin (loop->s, &sampling);
  for (loop->step = 0; loop->step < n_done; loop->step++)
    {
      if (!tell (loop, told, user_data, error))
        return FALSE;
      qi_stream_begin_scope (loop->s);
      qi_sampling_step (loop->s, &sampling, d->first + loop->step);
      put_back (loop, d->sigmas[d->first + loop->step + 1]);
      qi_tap_n (loop->tap, loop->s, loop->x, "step%u.latents", loop->step);
      qi_stream_end_scope (loop->s);
      if (!qi_stream_submit (loop->s, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
take_latents (const Loop *loop, float *latents, GError **error)
{
  const QiDenoise *d = loop->d;
  const guint64 n = (guint64) (d->h / 2) * (d->w / 2), c = channels (loop);
  gboolean done = TRUE;

  qi_stream_begin_scope (loop->s);
  for (guint i = 0; i < d->n_frames && done; i++)
    done = qi_tokens_to_latents (loop->s, qi_view_rows (loop->s, loop->x, i * n, n), c, d->h, d->w,
                                 latents + i * c * d->h * d->w, error);
  qi_stream_end_scope (loop->s);
  return done;
}

gboolean
qi_denoise (QiRuntime *runtime, QiStream *s, const QiDenoise *d, QiStepFunc told, gpointer user_data, const QiTap *tap,
            float *latents, GError **error)
{
  Loop loop = { .d = d, .dit = qi_runtime_mmdit (runtime), .s = s, .tap = tap };
  gboolean done;

  loop.modulation = qi_runtime_modulation (runtime, d->sigmas + d->first, d->n_steps - d->first, error);
  if (!loop.modulation)
    return FALSE;
  qi_stream_begin_scope (s);
  place_tokens (&loop);
  prepare_input (&loop, &loop.cond, d->cond, "prompt_embeds");
  if (d->uncond)
    prepare_input (&loop, &loop.uncond, d->uncond, "negative_embeds");
  prepare_blend (&loop);
  prepare_control (&loop, runtime);
  if (d->previews)
    loop.expected = qi_scratch (s, QI_DTYPE_F32, loop.n_target, 4 * channels (&loop));
  done = run_steps (&loop, told, user_data, error) && take_latents (&loop, latents, error);
  qi_stream_end_scope (s);
  g_free (loop.grids);
  g_bytes_unref (loop.modulation);
  return done;
}
