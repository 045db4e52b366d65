/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/diffusion/mmdit.h — the diffusion transformer: noisy tokens, prompt embeddings and sigma to a velocity. */
#pragma once
#include "models/config.h"
#include "models/diffusion/msrope.h"
#include "models/tap.h"
#include "models/weights.h"

typedef struct _QiMmdit QiMmdit;

/* (transfer full) */
QiMmdit *qi_mmdit_new (const QiMmditConfig *config, const QiLoad *load, GError **error);
/* The same without its end: what a ControlNet has of its own. Only qi_mmdit_run_trunk() may be called. (transfer full) */
QiMmdit *qi_mmdit_trunk_new (const QiMmditConfig *config, const QiLoad *load, GError **error);
void qi_mmdit_free (QiMmdit *dit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiMmdit, qi_mmdit_free)
const QiMmditConfig *qi_mmdit_config (const QiMmdit *dit);
/* By canonical name without ".weight", for adapters; NULL: there is none. */
QiLinear *qi_mmdit_find_linear (QiMmdit *dit, const char *name);

/* The conditioning of all blocks at one timestep; borrowed from the scope it was made in. Two rows when references are
 * modulated as at sigma 0 (zero_cond_t), else one. */
typedef struct
{
  const QiTensor *img[QI_MAX_LAYERS];  /* f32 [1 or 2, 6 d] */
  const QiTensor *txt[QI_MAX_LAYERS];  /* f32 [1, 6 d] */
  const QiTensor *out;                 /* f32 [1, 2 d]: scale, shift of the last norm */
} QiModulation;

/* addition_t_cond: row of the additional embedding, of models that have one (else 0).
 * Not where load->late_modulation was set. Taps: "time_proj" [1 or 2, 256], "temb", "blockK.img_mod", "blockK.txt_mod" (text:
 * one row). */
void qi_mmdit_modulation (const QiMmdit *dit, QiStream *s, float sigma, guint addition_t_cond, QiModulation *modulation,
                          const QiTap *tap);

/* The same for n sigmas at once, on the host: values [n, qi_mmdit_modulation_values ()]; NULL in a plan. The layers are brought
 * where they are not kept. */
gsize qi_mmdit_modulation_values (const QiMmdit *dit);
gboolean qi_mmdit_modulate (const QiMmdit *dit, QiStream *s, const float *sigmas, guint n, guint addition_t_cond, float *values,
                            GError **error);
/* One sigma's values back on the device, in the current scope. */
void qi_mmdit_take_modulation (const QiMmdit *dit, QiStream *s, const float *values, QiModulation *modulation);

/* Called after each block, in a scope of its own. img: f32 [n, d], the image stream of the first n_target tokens; it may be
 * changed in place. */
typedef void (*QiBlockFunc) (QiStream *s, guint block, const QiTensor *img, gpointer user_data);

typedef struct
{
  const QiTensor *x;           /* f32 [n_image, in_channels]: noise tokens, then those of each reference */
  const QiTensor *text;        /* f32 [n_text, text_dim]: rows that count (masked ones left out) */
  const guint32 *text_indices; /* [n_text]: where they stand in the padded prompt; NULL: 0, 1, … */
  const QiTokenGrid *grids;    /* of the pictures in x, in order */
  guint n_grids;
  float sigma;
  guint addition_t_cond;
  const QiModulation *modulation; /* at sigma; NULL: made for this call */
  const QiTensor *rope;        /* of qi_mmdit_rope(); NULL: made for this call */
  const QiTensor *embedded_add; /* f32 [n_image, d]: added to the tokens once they are embedded; NULL: nothing */
  QiBlockFunc after_block;     /* NULL: nobody */
  guint64 n_target;            /* tokens that it sees; 0: all */
  gpointer after_block_data;
} QiMmditInput;

/* The table of input's rotations, [n_text + n_image, head_dim / 2, 2], for reuse over steps; input->x, sigma and rope are
 * not looked at. In the current scope. Taps: "rope.txt_cos", "rope.txt_sin", "rope.img_cos", "rope.img_sin". */
const QiTensor *qi_mmdit_rope (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, const QiTap *tap);

/* Velocity of all image tokens: f32 [n_image, 4 out_channels], in the current scope.
 * Taps beside those above: "img_in", "txt_norm", "txt_in", "blockK.txt", "blockK.img", "blockK.attn.txt",
 * "blockK.attn.img", "norm_out", "output". Text rows are those of input->text. */
const QiTensor *qi_mmdit_forward (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, const QiTap *tap);

/* As far as the last block: its results are what after_block saw. */
void qi_mmdit_run_trunk (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, const QiTap *tap);
