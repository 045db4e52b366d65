/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/encoder-layer.h"

void
qi_text_layer_load (QiTextLayer *layer, QiWeights *w, const QiTextConfig *c, guint i)
{
  const guint64 q_dim = (guint64) c->n_heads * c->head_dim, kv_dim = (guint64) c->n_kv_heads * c->head_dim;

  layer->input_norm = qi_weights_array (w, 1, c->width, "model.layers.%u.input_layernorm.weight", i);
  qi_weights_linear (w, &layer->q, c->width, q_dim, TRUE, "model.layers.%u.self_attn.q_proj", i);
  qi_weights_linear (w, &layer->k, c->width, kv_dim, TRUE, "model.layers.%u.self_attn.k_proj", i);
  qi_weights_linear (w, &layer->v, c->width, kv_dim, TRUE, "model.layers.%u.self_attn.v_proj", i);
  qi_weights_linear (w, &layer->o, q_dim, c->width, FALSE, "model.layers.%u.self_attn.o_proj", i);
  layer->mlp_norm = qi_weights_array (w, 1, c->width, "model.layers.%u.post_attention_layernorm.weight", i);
  qi_weights_linear (w, &layer->gate, c->width, c->ffn_dim, FALSE, "model.layers.%u.mlp.gate_proj", i);
  qi_weights_linear (w, &layer->up, c->width, c->ffn_dim, FALSE, "model.layers.%u.mlp.up_proj", i);
  qi_weights_linear (w, &layer->down, c->ffn_dim, c->width, FALSE, "model.layers.%u.mlp.down_proj", i);
}

/* x += Wo attention (rms (x)) */
static void
attend (QiStream *s, const QiTextConfig *c, const QiTextLayer *layer, const QiTensor *x, const QiRope *rope, const QiTextKept *kept)
{
  const guint64 n = qi_tensor_rows (x), kv_width = (guint64) c->n_kv_heads * c->head_dim;

  qi_stream_begin_scope (s);
  const QiTensor *q = qi_scratch (s, QI_DTYPE_F32, n, (guint64) c->n_heads * c->head_dim);
  const QiTensor *k = kept->keys ? qi_view_rows (s, kept->keys, kept->n, n) : qi_scratch (s, QI_DTYPE_F32, n, kv_width);
  const QiTensor *v = kept->keys ? qi_view_rows (s, kept->values, kept->n, n) : qi_scratch (s, QI_DTYPE_F32, n, kv_width);
  const QiTensor *normed = qi_rms_norm (s, x, layer->input_norm, (float) c->eps);

  qi_norm_rope_into (s, q, qi_linear (s, normed, &layer->q, QI_ACT_NONE), c->n_heads, NULL, 0, rope);
  qi_norm_rope_into (s, k, qi_linear (s, normed, &layer->k, QI_ACT_NONE), c->n_kv_heads, NULL, 0, rope);
  qi_linear_into (s, v, normed, &layer->v, QI_ACT_NONE);
  if (kept->n)
    {
      k = qi_view_rows (s, kept->keys, 0, kept->n + n);
      v = qi_view_rows (s, kept->values, 0, kept->n + n);
    }
  const QiAttention attention = { .n_heads = c->n_heads, .n_kv_heads = c->n_kv_heads, .causal = TRUE };

  qi_linear_add_into (s, x, qi_attention (s, q, k, v, &attention), &layer->o, NULL);
  qi_stream_end_scope (s);
}

/* x += Wdown (silu (Wgate n) * (Wup n)), n = rms (x) */
static void
feed_forward (QiStream *s, const QiTextConfig *c, const QiTextLayer *layer, const QiTensor *x)
{
  qi_stream_begin_scope (s);
  const QiTensor *normed = qi_rms_norm (s, x, layer->mlp_norm, (float) c->eps);
  const QiTensor *gate = qi_linear (s, normed, &layer->gate, QI_ACT_NONE);
  const QiTensor *up = qi_linear (s, normed, &layer->up, QI_ACT_NONE);

  qi_linear_add_into (s, x, qi_swiglu (s, gate, up), &layer->down, NULL);
  qi_stream_end_scope (s);
}

void
qi_text_layer_forward (QiStream *s, const QiTextConfig *c, const QiTextLayer *layer, const QiTensor *x, const QiRope *rope,
                       const QiTextKept *kept)
{
  attend (s, c, layer, x, rope, kept);
  feed_forward (s, c, layer, x);
}
