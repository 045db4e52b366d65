/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/text-to-image.h — a picture from words: encode, denoise, decode. */
#pragma once
#include "models/runtime.h"

#define QI_DEFAULT_PROMPT_ROWS 512 /* rows of the embeddings that are kept, as the authors' default */

/* One picture. All borrowed. */
typedef struct
{
  const char *prompt;
  const char *negative;       /* NULL: no guidance, whatever its scale */
  gboolean special_in_prompt; /* strings of added tokens in prompts are tokens, as in the reference */
  guint max_rows;             /* 0: QI_DEFAULT_PROMPT_ROWS */
  guint width, height;        /* pixels, multiples of 16 */
  guint steps;
  double guidance;
  const char *sampler;        /* NULL: Euler */
  const float *noise;         /* [c, height / 8, width / 8]; NULL only in a planning runtime */
} QiTextToImage;

/* Floats of a picture, [channels, height, width] in [0, 1]. */
typedef struct
{
  guint channels, width, height;
  float *values;
} QiPlanes;
void qi_planes_clear (QiPlanes *planes);

/* Runs jobs in one stage each for encoding, denoising and decoding. pictures: [n_jobs], filled in on success, for
 * qi_planes_clear(). Progress is told when a step begins: step is the one being done, seconds_left counts all jobs' steps.
 * Latents or pictures that are not finite are QI_ERROR_FAILED: none is ever returned.
 *
 * Taps (of the first job; those of the networks are not told): "token_ids.prompt", "token_ids.negative" u32 [n] (not when
 * the embeddings were remembered), "prompt_embeds", "negative_embeds" [rows, d], "initial_latents" [tokens, 4 c],
 * "stepK.cond", "stepK.uncond", "stepK.guided", "stepK.latents" [tokens, 4 c], "vae_decode.input" [h, w, c]. */
gboolean qi_text_to_image (QiRuntime *runtime, const QiTextToImage *jobs, guint n_jobs, QiPlanes *pictures,
                           const QiTap *tap, GError **error);
