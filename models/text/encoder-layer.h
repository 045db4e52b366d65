/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/encoder-layer.h — one layer of the language model: causal attention, then the gated MLP. */
#pragma once
#include "models/config.h"
#include "models/weights.h"

typedef struct
{
  const QiTensor *input_norm, *mlp_norm; /* [width] */
  QiLinear q, k, v, o;
  QiLinear gate, up, down;
} QiTextLayer;

/* Keys and values of earlier tokens, and room for those of x behind them. */
typedef struct
{
  const QiTensor *keys, *values; /* f32 [capacity, kv heads * head_dim]; NULL: nothing is kept, and n is 0 */
  guint64 n;                     /* tokens that are there */
} QiTextKept;

/* Layer number i of weights. */
void qi_text_layer_load (QiTextLayer *layer, QiWeights *weights, const QiTextConfig *config, guint i);

/* x: f32 [n, width], updated in place. */
void qi_text_layer_forward (QiStream *s, const QiTextConfig *config, const QiTextLayer *layer, const QiTensor *x,
                            const QiRope *rope, const QiTextKept *kept);
