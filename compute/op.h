/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/op.h — every op: formula, shapes, dtypes.
 *
 * Shapes are written [outermost, …, row length]. Unless said otherwise tensors are f32, and an op works on rows:
 * all dims but the last are folded into one. Results are borrowed from the stream's current scope; an _into form
 * writes into a tensor of the caller's, which may be a view of rows. Nothing here reads a result on the host.
 * An op splits itself into dispatches that respect the device's binding size and its share of time. */
#pragma once
#include "compute/compute.h"

/* -- matrix multiplication ------------------------------------------------------------------------- */

typedef enum
{
  QI_ACT_NONE,
  QI_ACT_GELU_TANH, /* 0.5 x (1 + tanh (sqrt (2/pi) (x + 0.044715 x^3))) */
  QI_ACT_GELU_ERF,  /* 0.5 x (1 + erf (x / sqrt 2)) */
  QI_ACT_SILU       /* x / (1 + exp (-x)) */
} QiActivation;

typedef struct _QiSide QiSide;

/* A linear layer's weights; the tensors belong to the caller. */
typedef struct
{
  const QiTensor *weight; /* [n_out, n_in], any weight dtype */
  const QiTensor *bias;   /* f32 [n_out]; NULL: none */
  const QiTensor *scale;  /* f32 [1] or [n_out], multiplies the rows of weight (scaled fp8); NULL: 1 */
  const QiSide *sides;    /* [n_sides] what adapters add; NULL: nothing */
  guint n_sides;
} QiLinear;

/* An adapter's part of a linear layer, beside the weight, which stays as it is. Low rank, mix NULL:
 *   side = (x down^T) up^T                          down: [r, n_in], up: [n_out, r]
 * Kronecker product of mix [a, b] and V [p, q], n_out = a p, n_in = b q, where V is down or, with an up, up down:
 *   side[i p + k] = sum_jl mix[i, j] V[k, l] x[j q + l]
 * Biases and sides of down and up are not looked at. */
struct _QiSide
{
  QiLinear down, up; /* up.weight NULL, Kronecker only: V is down */
  const QiTensor *mix; /* f32 */
};

/* y = act (x W^T scale + bias + sides). x: [rows, n_in]; y: [rows, n_out]. With QI_COMPUTE_F16 x is rounded to f16, row
 * by row scaled by a power of two, and so is W where it is f32; sums are f32. */
const QiTensor *qi_linear (QiStream *s, const QiTensor *x, const QiLinear *w, QiActivation act);
void qi_linear_into (QiStream *s, const QiTensor *y, const QiTensor *x, const QiLinear *w, QiActivation act);

/* y = y + gate * (x W^T scale + bias + sides), gate: f32 [n_out] or NULL for 1. */
void qi_linear_add_into (QiStream *s, const QiTensor *y, const QiTensor *x, const QiLinear *w, const QiTensor *gate);

/* y[i p + k] = act (y[i p + k] + gate[i p + k] sum_j mix[i, j] z[j, k]), row by row. z: [rows b, p], mix: [a, b],
 * y: [rows, a p]; gate: f32 [a p] or NULL for 1. */
void qi_kron_add_into (QiStream *s, const QiTensor *y, const QiTensor *z, const QiTensor *mix, const QiTensor *gate,
                       QiActivation act);

/* t in f32, whatever its dtype: [.., d] to the same shape. Exact to one rounding of the GGUF reference. */
const QiTensor *qi_decode (QiStream *s, const QiTensor *t);
void qi_decode_into (QiStream *s, const QiTensor *y, const QiTensor *t); /* y: f32 */

/* -- attention --------------------------------------------------------------------------------------- */

typedef struct
{
  guint n_heads, n_kv_heads; /* query head h uses key head h / (n_heads / n_kv_heads) */
  float scale;               /* of the scores; 0: 1 / sqrt (head_dim) */
  gboolean causal;           /* row i of q sees keys 0 … i + (n_k - n_q) */
  const QiTensor *ranges;    /* u32 [n_q, 2]: keys [begin, end) that row i of q sees; NULL: all. Windows, blocks */
} QiAttention;

/* softmax (scale q k^T) v per head, flash form: no score matrix in memory, f32 sums.
 * q: [n_q, n_heads * head_dim], k: [n_k, n_kv_heads * head_dim], v: [n_k, n_kv_heads * v_dim] with v_dim = head_dim.
 * An empty range gives zeros. */
const QiTensor *qi_attention (QiStream *s, const QiTensor *q, const QiTensor *k, const QiTensor *v,
                              const QiAttention *attention);

/* -- norms ------------------------------------------------------------------------------------------- */

/* y = x / sqrt (mean (x^2) + eps) * weight. weight: [d] or NULL. */
const QiTensor *qi_rms_norm (QiStream *s, const QiTensor *x, const QiTensor *weight, float eps);

/* y = (x - mean) / sqrt (var + eps), then * (1 + scale) + shift where these are given: f32 [d] or NULL. */
const QiTensor *qi_layer_norm (QiStream *s, const QiTensor *x, const QiTensor *shift, const QiTensor *scale, float eps);

/* The VAE's norm: y = x / max (|x|_2, 1e-12) * sqrt (d) * gamma per row (pixel), then act. gamma: [d]. */
const QiTensor *qi_l2_norm (QiStream *s, const QiTensor *x, const QiTensor *gamma, QiActivation act);

/* -- positions --------------------------------------------------------------------------------------- */

/* Rotation of pairs by the angles of a table made on the host. */
typedef struct
{
  const QiTensor *cos_sin; /* f32 [rows, head_dim / 2, 2]: (cos, sin) of pair k */
  gboolean halves;         /* pairs (k, k + head_dim/2): M-RoPE of the encoder; FALSE: (2k, 2k + 1): MSRoPE */
} QiRope;

/* Per head: RMS norm over head_dim with weight [head_dim] (NULL: no norm), then rotation (rope NULL: none).
 * x, y: [rows, n_heads * head_dim]; y may not be x. */
void qi_norm_rope_into (QiStream *s, const QiTensor *y, const QiTensor *x, guint n_heads, const QiTensor *weight,
                        float eps, const QiRope *rope);

/* -- pointwise --------------------------------------------------------------------------------------- */

const QiTensor *qi_activate (QiStream *s, const QiTensor *x, QiActivation act);
const QiTensor *qi_add (QiStream *s, const QiTensor *a, const QiTensor *b);
const QiTensor *qi_swiglu (QiStream *s, const QiTensor *gate, const QiTensor *up); /* silu (gate) * up */

/* y = a x + b z, element by element; z NULL: a x. The Euler step is one. */
const QiTensor *qi_axpby (QiStream *s, float a, const QiTensor *x, float b, const QiTensor *z);
const QiTensor *qi_clamp (QiStream *s, const QiTensor *x, float low, float high);

/* Columns: y[r, c] = x[r, c] * mul[c] + add[c]; mul and add f32 [d], either may be NULL. The modulation
 * x * (1 + scale) + shift has its own form below. */
const QiTensor *qi_affine (QiStream *s, const QiTensor *x, const QiTensor *mul, const QiTensor *add);
const QiTensor *qi_modulate (QiStream *s, const QiTensor *x, const QiTensor *shift, const QiTensor *scale);
void qi_add_gated_into (QiStream *s, const QiTensor *y, const QiTensor *x, const QiTensor *gate); /* y += gate x; gate [d] or NULL */
void qi_copy_into (QiStream *s, const QiTensor *y, const QiTensor *x); /* same bytes, any dtype */

/* True CFG, row by row: c = u + g (p - u), y = c |p| / |c| (|c| = 0: c) when rescale, else c. p: conditional. */
const QiTensor *qi_guide (QiStream *s, const QiTensor *p, const QiTensor *u, float g, gboolean rescale);

/* -- convolution -------------------------------------------------------------------------------------- */

typedef enum
{
  QI_CONV_SAME, /* stride 1, padded by one zero all round */
  QI_CONV_DOWN, /* padded by one zero right and below only, stride 2: [h, w] to [h / 2, w / 2] rounded down */
  QI_CONV_UP    /* nearest 2x, then as SAME: [h, w] to [2h, 2w] */
} QiConvMode;

/* 3x3; channels last throughout. 1x1 is qi_linear on [h * w, c]. */
typedef struct
{
  const QiTensor *weight; /* [c_out, 3, 3, c_in], f32 f16 bf16 */
  const QiTensor *bias;   /* f32 [c_out]; NULL: none */
} QiConv;

/* x: [h, w, c_in] to [h', w', c_out]; residual, of the result's shape, is added; NULL: none. */
const QiTensor *qi_conv2d (QiStream *s, const QiTensor *x, const QiConv *conv, QiConvMode mode,
                           const QiTensor *residual);

/* [h, w, c] to [2h, 2w, c], each pixel repeated; and the mean of 2x2 blocks, [h, w, c] to [h/2, w/2, c]. */
const QiTensor *qi_upsample (QiStream *s, const QiTensor *x);
const QiTensor *qi_downsample (QiStream *s, const QiTensor *x);

/* -- shape -------------------------------------------------------------------------------------------- */

/* Planes [c, h, w] to pixels [h, w, c] and back. */
const QiTensor *qi_planes_to_pixels (QiStream *s, const QiTensor *x);
const QiTensor *qi_pixels_to_planes (QiStream *s, const QiTensor *x);

/* Latent pixels [h, w, c], h and w even, to tokens [(h/2) (w/2), 4 c] and back: token channel 4 c + 2 py + px. */
const QiTensor *qi_patchify (QiStream *s, const QiTensor *x);
const QiTensor *qi_unpatchify (QiStream *s, const QiTensor *tokens, guint64 h, guint64 w);

/* Rows of a table by index: y[i] = decode (table[ids[i]]). table: [n, d], any weight dtype; ids: u32 [k], each < n
 * (checked by the caller); y: f32 [k, d]. */
const QiTensor *qi_embed_rows (QiStream *s, const QiTensor *table, const QiTensor *ids);

/* [rows_a + rows_b, d]. */
const QiTensor *qi_concat_rows (QiStream *s, const QiTensor *a, const QiTensor *b);

/* Columns [first, first + n) of each row: [rows, n]. */
const QiTensor *qi_slice_columns (QiStream *s, const QiTensor *x, guint64 first, guint64 n);
