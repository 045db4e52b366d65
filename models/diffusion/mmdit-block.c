/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/diffusion/mmdit-block.h"

#define EPS 1e-6f

enum { SHIFT_1, SCALE_1, GATE_1, SHIFT_2, SCALE_2, GATE_2, N_MODULATIONS };

/* Where each stream's layers are found below transformer_blocks.K. */
typedef struct
{
  const char *q, *k, *v, *out, *q_norm, *k_norm, *up, *down, *mod;
} StreamNames;

static const StreamNames img_names = { "attn.to_q",          "attn.to_k",          "attn.to_v",
                                       "attn.to_out.0",      "attn.norm_q",        "attn.norm_k",
                                       "img_mlp.net.0.proj", "img_mlp.net.2",      "img_mod.1" };
static const StreamNames txt_names = { "attn.add_q_proj",    "attn.add_k_proj",    "attn.add_v_proj",
                                       "attn.to_add_out",    "attn.norm_added_q",  "attn.norm_added_k",
                                       "txt_mlp.net.0.proj", "txt_mlp.net.2",      "txt_mod.1" };

static void
load_stream (QiMmditStream *stream, QiLinear *mod, QiWeights *w, const QiMmditConfig *c, guint i, gboolean late,
             const StreamNames *names)
{
  const guint64 d = (guint64) c->n_heads * c->head_dim;

  if (late)
    qi_weights_linear_late (w, mod, d, N_MODULATIONS * d, TRUE, "transformer_blocks.%u.%s", i, names->mod);
  else
    qi_weights_linear (w, mod, d, N_MODULATIONS * d, TRUE, "transformer_blocks.%u.%s", i, names->mod);
  qi_weights_linear (w, &stream->q, d, d, TRUE, "transformer_blocks.%u.%s", i, names->q);
  qi_weights_linear (w, &stream->k, d, d, TRUE, "transformer_blocks.%u.%s", i, names->k);
  qi_weights_linear (w, &stream->v, d, d, TRUE, "transformer_blocks.%u.%s", i, names->v);
  qi_weights_linear (w, &stream->out, d, d, TRUE, "transformer_blocks.%u.%s", i, names->out);
  stream->q_norm = qi_weights_array (w, 1, c->head_dim, "transformer_blocks.%u.%s.weight", i, names->q_norm);
  stream->k_norm = qi_weights_array (w, 1, c->head_dim, "transformer_blocks.%u.%s.weight", i, names->k_norm);
  qi_weights_linear (w, &stream->up, d, 4 * d, TRUE, "transformer_blocks.%u.%s", i, names->up);
  qi_weights_linear (w, &stream->down, 4 * d, d, TRUE, "transformer_blocks.%u.%s", i, names->down);
}

void
qi_mmdit_block_load (QiMmditBlock *block, QiWeights *weights, const QiMmditConfig *config, guint index, gboolean late_modulation)
{
  load_stream (&block->img, &block->img_mod, weights, config, index, late_modulation, &img_names);
  load_stream (&block->txt, &block->txt_mod, weights, config, index, late_modulation, &txt_names);
}

/* Vector number i of a part's modulation: [d]. */
static const QiTensor *
modulation (QiStream *s, const QiMmditPart *part, guint i)
{
  return qi_view_as (s, qi_view_rows (s, part->mod, i, 1), qi_tensor_dim (part->mod, -1));
}

/* LN (x) (1 + scale) + shift */
static const QiTensor *
modulated_norm (QiStream *s, const QiMmditPart *part, guint shift, guint scale)
{
  return qi_layer_norm (s, part->x, modulation (s, part, shift), modulation (s, part, scale), EPS);
}

/* The part's rows of the joint q, k and v. */
static void
project (QiStream *s, const QiMmditConfig *c, const QiMmditPart *part, const QiTensor *q, const QiTensor *k, const QiTensor *v)
{
  const QiMmditStream *w = part->weights;
  const guint64 n = qi_tensor_rows (part->x);
  const QiRope rope = { part->rope, FALSE };

  qi_stream_begin_scope (s);
  const QiTensor *x = modulated_norm (s, part, SHIFT_1, SCALE_1);
  const QiTensor *projected = qi_linear (s, x, &w->q, QI_ACT_NONE);

  qi_norm_rope_into (s, qi_view_rows (s, q, part->first, n), projected, c->n_heads, w->q_norm, EPS, &rope);
  qi_linear_into (s, projected, x, &w->k, QI_ACT_NONE);
  qi_norm_rope_into (s, qi_view_rows (s, k, part->first, n), projected, c->n_heads, w->k_norm, EPS, &rope);
  qi_linear_into (s, qi_view_rows (s, v, part->first, n), x, &w->v, QI_ACT_NONE);
  qi_stream_end_scope (s);
}

/* x += gate * MLP (LN (x) (1 + scale) + shift) */
static void
feed_forward (QiStream *s, const QiMmditPart *part)
{
  qi_stream_begin_scope (s);
  const QiTensor *x = modulated_norm (s, part, SHIFT_2, SCALE_2);
  const QiTensor *hidden = qi_linear (s, x, &part->weights->up, QI_ACT_GELU_TANH);

  qi_linear_add_into (s, part->x, hidden, &part->weights->down, modulation (s, part, GATE_2));
  qi_stream_end_scope (s);
}

/* What the gates are going to be applied to; computed for listeners only. */
static void
tap_attention (QiStream *s, const QiTensor *joint, const QiMmditPart *parts, guint n_parts, guint64 n_text, guint index,
               const QiTap *tap)
{
  const guint64 n_image = qi_tensor_rows (joint) - n_text;

  if (!tap || !tap->func)
    return;
  qi_stream_begin_scope (s);
  qi_tap_n (tap, s, qi_linear (s, qi_view_rows (s, joint, 0, n_text), &parts[0].weights->out, QI_ACT_NONE),
            "block%u.attn.txt", index);
  qi_tap_n (tap, s, qi_linear (s, qi_view_rows (s, joint, n_text, n_image), &parts[n_parts - 1].weights->out, QI_ACT_NONE),
            "block%u.attn.img", index);
  qi_stream_end_scope (s);
}

void
qi_mmdit_block_forward (QiStream *s, const QiMmditConfig *config, const QiMmditPart *parts, guint n_parts, guint64 n_rows,
                        guint64 n_text, guint index, const QiTap *tap)
{
  const guint64 d = (guint64) config->n_heads * config->head_dim;
  const QiAttention attention = { .n_heads = config->n_heads, .n_kv_heads = config->n_heads };

  qi_stream_begin_scope (s);
  const QiTensor *q = qi_scratch (s, QI_DTYPE_F32, n_rows, d);
  const QiTensor *k = qi_scratch (s, QI_DTYPE_F32, n_rows, d);
  const QiTensor *v = qi_scratch (s, QI_DTYPE_F32, n_rows, d);

  for (guint i = 0; i < n_parts; i++)
    project (s, config, &parts[i], q, k, v);

  const QiTensor *joint = qi_attention (s, q, k, v, &attention);

  tap_attention (s, joint, parts, n_parts, n_text, index, tap);
  for (guint i = 0; i < n_parts; i++)
    if (!parts[i].skip_tail)
      qi_linear_add_into (s, parts[i].x, qi_view_rows (s, joint, parts[i].first, qi_tensor_rows (parts[i].x)),
                          &parts[i].weights->out, modulation (s, &parts[i], GATE_1));
  qi_stream_end_scope (s);

  for (guint i = 0; i < n_parts; i++)
    if (!parts[i].skip_tail)
      feed_forward (s, &parts[i]);
}
