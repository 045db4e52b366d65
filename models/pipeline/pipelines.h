/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/pipelines.h — the table of pipelines. Rows are data: what each needs and in what it differs; the run is one
 * and the same (models/pipeline/run.h). */
#pragma once
#include "models/pipeline/job.h"
#include "models/runtime.h"

/* How a picture becomes latents. */
typedef enum
{
  QI_POSTERIOR_MEAN,
  QI_POSTERIOR_SAMPLE,       /* of the first picture; others are references and have the mean. Its noise is drawn before that of the start */
  QI_POSTERIOR_SAMPLE_GLOBAL /* its noise comes from a generator of its own, seeded with seed + 999 */
} QiPosterior;

/* What the size of the result follows from when nobody says. */
typedef enum
{
  QI_SIZE_MODEL, /* the model's own */
  QI_SIZE_FIRST, /* area and the first picture's shape */
  QI_SIZE_LAST   /* area and the last picture's shape */
} QiSizeRule;

typedef struct
{
  const char *name;
  guint min_pictures, max_pictures;
  gboolean mask;            /* a mask is needed */
  gboolean control, control_inpaint; /* a ControlNet of that kind is needed */
  gboolean from_picture;    /* starts from the first picture with noise on it, not from noise alone */
  gboolean blend;           /* after each step what the mask keeps is put back */
  gboolean references;      /* pictures are tokens beside those of the result */
  gboolean sees;            /* pictures are shown to the text encoder */
  gboolean many;            /* edit-plus: sizes for each picture, smaller ones for the vision tower */
  gboolean layered;
  gboolean fixed_size;      /* the rule's size cannot be overruled, and is the first reference's too */
  QiPosterior posterior;
  QiSizeRule size;
} QiPipeline;

/* "text-to-image", "image-to-image", "inpaint", "edit", "edit-plus", "edit-inpaint", "edit-plus-inpaint", "controlnet",
 * "controlnet-inpaint", "layered". NULL: there is none of that name. */
const QiPipeline *qi_pipeline_by_name (const char *name);

/* Whether the set can run it: parts are there, of the right kind, and belong together. */
gboolean qi_pipeline_check (const QiPipeline *pipeline, const QiModelSet *set, GError **error);

/* Pictures that one job makes; latent frames that it needs noise for. */
guint qi_pipeline_n_results (const QiPipeline *pipeline, const QiPipelineJob *job);
guint qi_pipeline_n_frames (const QiPipeline *pipeline, const QiPipelineJob *job);

/* Sides of the result: those of job where they are given and the pipeline lets them be, else what its rule says. Multiples of
 * 16. */
gboolean qi_pipeline_size (const QiPipeline *pipeline, const QiModelSet *set, const QiPipelineJob *job, guint *width,
                           guint *height, GError **error);

/* The row's; blockwise ControlNets take the mean. */
QiPosterior qi_pipeline_posterior (const QiPipeline *pipeline, const QiModelSet *set);

/* Noise of n_jobs jobs of the same size, in the order in which the reference draws it. */
typedef struct
{
  guint64 dims[4];   /* frames, c, h, w: of one job's noise */
  float *noise;      /* [n_jobs, dims] */
  float *posterior;  /* [n_posteriors, c, h, w]; NULL: the pipeline does not sample */
  QiNoise *generators; /* [n_jobs]: after the draws */
} QiDraws;
void qi_draws_clear (QiDraws *draws);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiDraws, qi_draws_clear)

/* together: all from one generator, as a batch of the reference: one posterior, then all the noise at once. Else job k draws for
 * itself with seed + k. Fills in the pointers of jobs. */
void qi_pipeline_draw (const QiPipeline *pipeline, const QiModelSet *set, QiPipelineJob *jobs, guint n_jobs, guint64 seed,
                       gboolean together, QiDraws *draws);

/* Runs jobs in one stage each for looking, encoding, denoising and decoding. results: [n_jobs * qi_pipeline_n_results()],
 * filled in on success, for qi_planes_clear(). Progress is told when a step begins: step is the one being done,
 * seconds_left counts all jobs' steps. Latents or pictures that are not finite are QI_ERROR_FAILED: none is ever returned.
 *
 * Taps (of the first job; those of the networks are not told): "token_ids.prompt", "token_ids.negative" u32 [n] (not when
 * the embeddings were remembered), "prompt_embeds", "negative_embeds" [rows, d], "image_latents" [tokens, 4 c] (of all
 * references, or of the picture that a fill begins with), "initial_latents", "noise_packed", "mask_packed" [tokens, 4 c],
 * "control.cond" [tokens, condition channels], "control.sampleN_K" [tokens, width], "stepK.cond", "stepK.uncond",
 * "stepK.guided", "stepK.before_blend", "stepK.latents" [tokens, 4 c], "vae_encodeN.moments" [h, w, 2 c],
 * "vae_decode.input" [h, w, c], of the first result, "vae_decodeN.input" of the others. Steps count from 0 in the run, which
 * with a strength below 1 begins later in the schedule. */
gboolean qi_pipeline_run (const QiPipeline *pipeline, QiRuntime *runtime, const QiPipelineJob *jobs, guint n_jobs,
                          QiPlanes *results, const QiTap *tap, GError **error);
