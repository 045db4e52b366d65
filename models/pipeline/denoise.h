/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/denoise.h — THE loop from noise to latents. In what pipelines differ is data here: where it starts, what stands
 * beside it as reference, what is put back after a step, and what steers the network. */
#pragma once
#include "models/runtime.h"
#include "models/sample/guidance.h"
#include "models/sample/sampler.h"

/* Latents on the host, planes [c, h, w], normalised. */
typedef struct
{
  const float *values;
  guint h, w;
} QiLatentPlanes;

/* All borrowed. c: latent channels; frames and all that is blended have h × w latents. */
typedef struct
{
  guint n_frames, h, w;
  const float *start;               /* [n_frames, c, h, w] */
  const QiLatentPlanes *references; /* [n_references] */
  guint n_references;
  const float *sigmas;              /* [n_steps + 1] */
  guint n_steps, first;             /* steps first … n_steps - 1 are done */
  GBytes *cond, *uncond;            /* f32 [rows, text_dim]; uncond NULL: not guided */
  QiGuidance guidance;
  const QiSampler *sampler;
  const QiNoise *generator;         /* copied; NULL when nothing is drawn */

  /* After each step x = mask x + (1 - mask) (sigma noise + (1 - sigma) clean). mask NULL: nothing is put back. */
  const float *mask;                /* [h, w], 0 or 1 */
  const float *noise, *clean;       /* [c, h, w] */

  /* NULL: no ControlNet. Step i of n counts when i / n is at least start and (i + 1) / n at most end. */
  const float *condition;           /* [condition_channels / 4, h, w] */
  guint condition_channels;
  double control_scale, control_start, control_end;

  gboolean previews;                /* the step function gets to see what is expected */
} QiDenoise;

/* Called when a step begins (step from 0, of the steps that are done). expected: tokens [(h / 2) (w / 2), 4 c] of the first frame
 * as the step before would have it end, x - sigma v; NULL before the first, without previews, and where the last one was seen
 * but a moment ago. */
typedef void (*QiStepFunc) (guint step, const float *expected, gpointer user_data);

/* In the transformer's stage. latents: [n_frames, c, h, w]; taps as in models/pipeline/pipelines.h. */
gboolean qi_denoise (QiRuntime *runtime, QiStream *s, const QiDenoise *d, QiStepFunc told, gpointer user_data,
                     const QiTap *tap, float *latents, GError **error);
