/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/vae/vae-common.h — what VAE encoder and decoder share. Maps are f32 [h, w, c], channels last. At one frame the
 * causal 3-D convolutions of the released VAE are plain 2-D ones. */
#pragma once
#include "models/config.h"
#include "models/tap.h"
#include "models/weights.h"

typedef struct
{
  const QiTensor *norm1, *norm2; /* f32 [c_in], [c_out] */
  QiConv conv1, conv2;
  QiLinear shortcut; /* weight NULL: the input itself */
} QiVaeResBlock;

typedef struct
{
  const QiTensor *norm;
  QiLinear qkv, proj;
} QiVaeAttention;

typedef struct
{
  QiVaeResBlock res[2];
  QiVaeAttention attention;
} QiVaeMid;

void qi_vae_res_load (QiVaeResBlock *block, QiWeights *weights, guint64 c_in, guint64 c_out, const char *name);
void qi_vae_mid_load (QiVaeMid *mid, QiWeights *weights, guint64 c, const char *name);

/* These replace *x, which belongs to the caller, by their result: at most three maps are alive at a time. */
void qi_vae_res (QiStream *s, QiTensor **x, const QiVaeResBlock *block);
void qi_vae_conv (QiStream *s, QiTensor **x, const QiConv *conv, QiConvMode mode);
void qi_vae_norm_conv (QiStream *s, QiTensor **x, const QiTensor *gamma, const QiConv *conv); /* norm, SiLU, 3x3 */
void qi_vae_linear (QiStream *s, QiTensor **x, const QiLinear *linear);                        /* 1x1 */

/* The middle: residual block, attention, residual block. taps: names for the results of the first two. */
void qi_vae_mid (QiStream *s, QiTensor **x, const QiVaeMid *mid, const char *const taps[2], const QiTap *tap);

/* Pixels of a latent's side: 8. */
guint qi_vae_factor (const QiVaeConfig *config);

/* Rows of the smallest map that a pixel depends on, or the other way round, to either side: a whole row for each 3 × 3
 * convolution of the smallest level, half a row for each of the next, and so on. n_blocks: of a level, two convolutions each. */
guint64 qi_vae_halo (const QiVaeConfig *config, guint n_blocks);

/* Rows [first, end) of the smallest map, and [from, to) with what they depend on around them. */
typedef struct
{
  guint64 first, end, from, to;
} QiVaeStrip;
QiVaeStrip qi_vae_strip (guint64 halo, guint64 n_rows, guint i, guint n);
guint qi_vae_strips_at_most (guint64 halo, guint64 n_rows); /* narrower ones are nearly all halo */

/* Latents as the transformer has them: (z - mean) / std channel by channel, and back. x: [h, w, z_dim]; results in the
 * current scope. */
const QiTensor *qi_vae_normalize (QiStream *s, const QiVaeConfig *config, const QiTensor *x);
const QiTensor *qi_vae_denormalize (QiStream *s, const QiVaeConfig *config, const QiTensor *x);
