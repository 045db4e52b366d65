/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/encoder.h — the language model of Qwen2.5-VL: token ids to prompt embeddings.
 *
 * The embedding table stays in the file: the rows of a prompt are read from there. The output head is a part of its own
 * (models/text/head.h). */
#pragma once
#include "models/config.h"
#include "models/tap.h"
#include "models/weights.h"

typedef struct _QiTextEncoder QiTextEncoder;

/* load->checkpoint is used for embedding rows as long as the encoder lives. (transfer full) */
QiTextEncoder *qi_text_encoder_new (const QiTextConfig *config, const QiLoad *load, GError **error);
void qi_text_encoder_free (QiTextEncoder *encoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTextEncoder, qi_text_encoder_free)

/* Keys and values of the tokens so far, so that a text can go on piece by piece. */
typedef struct
{
  const QiTensor *keys[QI_MAX_LAYERS], *values[QI_MAX_LAYERS]; /* f32 [capacity, kv heads * head_dim] */
  guint n, capacity; /* tokens */
} QiTextCache;

/* An empty cache, whose tensors are of s's current scope. */
void qi_text_cache_init (QiTextCache *cache, const QiTextEncoder *encoder, QiStream *s, guint capacity);

typedef struct
{
  const guint32 *ids;       /* [n_ids] */
  guint n_ids;
  const guint32 *positions; /* [3][n_ids]; NULL: 0, 1, … on all axes */
  const QiTensor *pictures; /* f32 [n, width]: rows for the tokens image_id, in order; NULL: there are none */
  guint32 image_id;
  guint drop;               /* first rows to leave out of the result; less than n_ids */
  QiTextCache *cache;       /* ids go on where it ends, and are added to it; positions are then needed; NULL: none */
} QiTextInput;

/* Hidden states after the final norm: f32 [n_ids - drop, width], in the current scope. Ids that the table has not, and
 * failing reads, become the stream's error.
 * Taps: "hidden_states.K" [n_ids, width], K = 0 the embeddings, K = n_layers after the final norm (all rows);
 * "last_layer_before_norm"; "rope.cos", "rope.sin" [3, n_ids, head_dim], as the reference has them: before the sections
 * are chosen, both halves alike. */
const QiTensor *qi_text_encoder_forward (const QiTextEncoder *encoder, QiStream *s, const QiTextInput *input,
                                         const QiTap *tap);
