/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/diffusion/mmdit-private.h"

#define EPS 1e-6f

static QiMmdit *
load_mmdit (const QiMmditConfig *config, const QiLoad *load, gboolean end, GError **error)
{
  g_autoptr (QiMmdit) dit = g_new0 (QiMmdit, 1);
  const guint64 d = (guint64) config->n_heads * config->head_dim;
  QiWeights *w = dit->weights = qi_weights_new (load);

  dit->config = *config;
  dit->late = load->late_modulation;
  dit->blocks = g_new0 (QiMmditBlock, config->n_layers);
  qi_weights_linear (w, &dit->time_1, QI_TIME_DIM, d, TRUE, "time_text_embed.timestep_embedder.linear_1");
  qi_weights_linear (w, &dit->time_2, d, d, TRUE, "time_text_embed.timestep_embedder.linear_2");
  if (config->additional_t_cond)
    dit->addition = qi_weights_array (w, QI_N_ADDITIONS, d, "time_text_embed.addition_t_embedding.weight");
  qi_weights_linear (w, &dit->img_in, config->in_channels, d, TRUE, "img_in");
  dit->txt_norm = qi_weights_array (w, 1, config->text_dim, "txt_norm.weight");
  qi_weights_linear (w, &dit->txt_in, config->text_dim, d, TRUE, "txt_in");
  for (guint i = 0; i < config->n_layers; i++)
    {
      qi_weights_begin_block (w, i, config->n_layers);
      qi_mmdit_block_load (&dit->blocks[i], w, config, i, load->late_modulation);
      qi_weights_end_block (w);
    }
  if (end)
    {
      qi_weights_linear (w, &dit->norm_out, d, 2 * d, TRUE, "norm_out.linear");
      qi_weights_linear (w, &dit->proj_out, d, 4 * (guint64) config->out_channels, TRUE, "proj_out");
    }
  return qi_weights_finish (w, error) ? g_steal_pointer (&dit) : NULL;
}

QiMmdit *
qi_mmdit_new (const QiMmditConfig *config, const QiLoad *load, GError **error)
{
  return load_mmdit (config, load, TRUE, error);
}

QiMmdit *
qi_mmdit_trunk_new (const QiMmditConfig *config, const QiLoad *load, GError **error)
{
  return load_mmdit (config, load, FALSE, error);
}

void
qi_mmdit_free (QiMmdit *dit)
{
  if (!dit)
    return;
  qi_weights_free (dit->weights);
  g_free (dit->blocks);
  g_free (dit);
}

const QiMmditConfig *
qi_mmdit_config (const QiMmdit *dit)
{
  return &dit->config;
}

QiLinear *
qi_mmdit_find_linear (QiMmdit *dit, const char *name)
{
  return qi_weights_find_linear (dit->weights, name);
}

/* -- rotation -------------------------------------------------------------------------------------- */

/* Rows [first, first + n) of a rotation table: [n, head_dim / 2, 2]. */
static const QiTensor *
rope_rows (QiStream *s, const QiTensor *rope, guint64 first, guint64 n)
{
  const guint64 half = qi_tensor_dim (rope, 1);

  return qi_view_as (s, qi_view_rows (s, rope, first * half, n * half), n, half, 2);
}

static void
tap_rope (QiStream *s, const QiTensor *rope, guint64 first, guint64 n, const char *cosines, const char *sines,
          const QiTap *tap)
{
  const guint64 half = qi_tensor_dim (rope, 1);

  if (!tap || !tap->func)
    return;
  qi_stream_begin_scope (s);
  const QiTensor *rows = rope_rows (s, rope, first, n);

  qi_tap (tap, s, qi_view_as (s, qi_slice_columns (s, rows, 0, 1), n, half), cosines);
  qi_tap (tap, s, qi_view_as (s, qi_slice_columns (s, rows, 1, 1), n, half), sines);
  qi_stream_end_scope (s);
}

const QiTensor *
qi_mmdit_rope (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, const QiTap *tap)
{
  const guint64 n_text = qi_tensor_rows (input->text), n_image = qi_token_grids_total (input->grids, input->n_grids);
  const QiTensor *rope = qi_scratch (s, QI_DTYPE_F32, n_text + n_image, dit->config.head_dim / 2, 2);

  if (!qi_stream_is_plan (s))
    {
      g_autofree float *table = qi_msrope_new (&dit->config, input->grids, input->n_grids, input->text_indices, n_text);
      qi_stream_upload (s, rope, 0, table, qi_tensor_bytes (rope));
    }
  tap_rope (s, rope, 0, n_text, "rope.txt_cos", "rope.txt_sin", tap);
  tap_rope (s, rope, n_text, n_image, "rope.img_cos", "rope.img_sin", tap);
  return rope;
}

/* -- forward --------------------------------------------------------------------------------------- */

/* Both streams and what they are rotated by. */
typedef struct
{
  const QiTensor *img, *txt; /* [n_image, d], [n_text, d] */
  const QiTensor *rope;
  guint64 n_target; /* image rows under the step's own modulation; the rest is under that of sigma 0 */
} Tokens;

static const QiTensor *
modulation_row (QiStream *s, const QiTensor *rows, guint64 i)
{
  return qi_view_as (s, qi_view_rows (s, rows, i, 1), 6, qi_tensor_dim (rows, -1) / 6);
}

static void
run_block (const QiMmdit *dit, QiStream *s, const Tokens *t, const QiModulation *modulation, guint i, const QiTap *tap)
{
  const QiMmditBlock *block = &dit->blocks[i];
  const guint64 n_text = qi_tensor_rows (t->txt), n_image = qi_tensor_rows (t->img), n_rest = n_image - t->n_target;
  QiMmditPart parts[3];
  guint n_parts = 0;

  qi_stream_begin_scope (s);
  parts[n_parts++] = (QiMmditPart){ .weights = &block->txt,
                                    .x = t->txt,
                                    .mod = modulation_row (s, modulation->txt[i], 0),
                                    .first = 0,
                                    .rope = rope_rows (s, t->rope, 0, n_text),
                                    .skip_tail = i + 1 == dit->config.n_layers && !(tap && tap->func) };
  parts[n_parts++] = (QiMmditPart){ .weights = &block->img,
                                    .x = qi_view_rows (s, t->img, 0, t->n_target),
                                    .mod = modulation_row (s, modulation->img[i], 0),
                                    .first = n_text,
                                    .rope = rope_rows (s, t->rope, n_text, t->n_target) };
  if (n_rest > 0)
    parts[n_parts++] = (QiMmditPart){ .weights = &block->img,
                                      .x = qi_view_rows (s, t->img, t->n_target, n_rest),
                                      .mod = modulation_row (s, modulation->img[i], 1),
                                      .first = n_text + t->n_target,
                                      .rope = rope_rows (s, t->rope, n_text + t->n_target, n_rest) };
  qi_mmdit_block_forward (s, &dit->config, parts, n_parts, n_text + n_image, n_text, i, tap);
  qi_tap_n (tap, s, t->txt, "block%u.txt", i);
  qi_tap_n (tap, s, t->img, "block%u.img", i);
  qi_stream_end_scope (s);
}

static void
embed_tokens (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, Tokens *t, const QiTap *tap)
{
  const QiTensor *text;

  t->img = qi_linear (s, input->x, &dit->img_in, QI_ACT_NONE);
  if (input->embedded_add)
    qi_add_gated_into (s, t->img, input->embedded_add, NULL);
  qi_tap (tap, s, t->img, "img_in");
  text = qi_rms_norm (s, input->text, dit->txt_norm, EPS);
  qi_tap (tap, s, text, "txt_norm");
  t->txt = qi_linear (s, text, &dit->txt_in, QI_ACT_NONE);
  qi_tap (tap, s, t->txt, "txt_in");
  t->rope = input->rope ? input->rope : qi_mmdit_rope (dit, s, input, tap);
  t->n_target = qi_token_grids_total (input->grids, dit->config.zero_cond_t ? 1 : input->n_grids);
}

static void
tell_block (QiStream *s, const QiMmditInput *input, const Tokens *tokens, guint i)
{
  if (!input->after_block)
    return;
  qi_stream_begin_scope (s);
  input->after_block (s, i, qi_view_rows (s, tokens->img, 0, input->n_target ? input->n_target : qi_tensor_rows (tokens->img)),
                      input->after_block_data);
  qi_stream_end_scope (s);
}

static void
run_trunk (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, Tokens *tokens, QiModulation *modulation,
           const QiTap *tap)
{
  embed_tokens (dit, s, input, tokens, tap);
  if (input->modulation)
    *modulation = *input->modulation;
  else
    qi_mmdit_modulation (dit, s, input->sigma, input->addition_t_cond, modulation, tap);
  for (guint i = 0; i < dit->config.n_layers; i++)
    {
      qi_weights_use_block (dit->weights, s, i);
      run_block (dit, s, tokens, modulation, i, tap);
      tell_block (s, input, tokens, i);
    }
}

void
qi_mmdit_run_trunk (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, const QiTap *tap)
{
  QiModulation modulation;
  Tokens tokens;

  g_return_if_fail (input->n_grids > 0
                    && qi_tensor_rows (input->x) == qi_token_grids_total (input->grids, input->n_grids));

  qi_stream_begin_scope (s);
  run_trunk (dit, s, input, &tokens, &modulation, tap);
  qi_stream_end_scope (s);
}

const QiTensor *
qi_mmdit_forward (const QiMmdit *dit, QiStream *s, const QiMmditInput *input, const QiTap *tap)
{
  const guint64 n = qi_tensor_rows (input->x), d = (guint64) dit->config.n_heads * dit->config.head_dim;
  QiModulation modulation;
  Tokens tokens;

  g_return_val_if_fail (input->n_grids > 0 && n == qi_token_grids_total (input->grids, input->n_grids), NULL);

  const QiTensor *velocity = qi_scratch (s, QI_DTYPE_F32, n, 4 * (guint64) dit->config.out_channels);

  qi_stream_begin_scope (s);
  run_trunk (dit, s, input, &tokens, &modulation, tap);

  const QiTensor *ends = qi_view_as (s, modulation.out, 2, d); /* scale, shift: the blocks have them the other way round */
  const QiTensor *normed = qi_layer_norm (s, tokens.img, qi_view_as (s, qi_view_rows (s, ends, 1, 1), d),
                                          qi_view_as (s, qi_view_rows (s, ends, 0, 1), d), EPS);

  qi_tap (tap, s, normed, "norm_out");
  qi_linear_into (s, velocity, normed, &dit->proj_out, QI_ACT_NONE);
  qi_tap (tap, s, velocity, "output");
  qi_stream_end_scope (s);
  return velocity;
}
