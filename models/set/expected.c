/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/set/expected.h"

#include <string.h>

typedef struct
{
  const QiCheckpoint *checkpoint;
  QiTensorCheck *check;
} Walk;

/* "[2, 3]" for messages (transfer full) */
static char *
shape_text (guint n_dims, const guint64 *dims)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < n_dims; i++)
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "", dims[i]);
  return g_string_free (g_string_append (text, "]"), FALSE);
}

/* Equal but for dims of size 1: gammas are [c], [c, 1, 1] or [c, 1, 1, 1]. */
static gboolean
same_shape (const QiCheckpointTensor *tensor, guint n_dims, const guint64 *dims)
{
  guint at = 0;

  for (guint i = 0; i < tensor->n_dims; i++)
    if (tensor->dims[i] != 1)
      {
        while (at < n_dims && dims[at] == 1)
          at++;
        if (at == n_dims || dims[at++] != tensor->dims[i])
          return FALSE;
      }
  while (at < n_dims && dims[at] == 1)
    at++;
  return at == n_dims;
}

/* rows 0: a shape is not compared; cols 0: the tensor has one dimension. */
static void G_GNUC_PRINTF (4, 5)
want (Walk *walk, guint64 rows, guint64 cols, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);

  const QiCheckpointTensor *tensor = qi_checkpoint_find (walk->checkpoint, name);
  const guint64 dims[2] = { rows, cols };
  const guint n_dims = cols > 0 ? 2 : 1;

  walk->check->n_expected++;
  if (tensor == NULL)
    g_ptr_array_add (walk->check->missing, g_steal_pointer (&name));
  else if (rows > 0 && !same_shape (tensor, n_dims, dims))
    {
      g_autofree char *is = shape_text (tensor->n_dims, tensor->dims);
      g_autofree char *should = shape_text (n_dims, dims);
      g_ptr_array_add (walk->check->wrong, g_strdup_printf ("“%s” is %s and should be %s", name, is, should));
    }
}

static void
want_linear (Walk *walk, guint64 n_out, guint64 n_in, const char *prefix, guint block, const char *name)
{
  want (walk, n_out, n_in, "%s.%u.%s.weight", prefix, block, name);
  want (walk, n_out, 0, "%s.%u.%s.bias", prefix, block, name);
}

/* --- transformer --- */

static void
want_mmdit_block (Walk *walk, const QiMmditConfig *c, guint block)
{
  static const char *const projections[] = { "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "attn.add_q_proj",
                                             "attn.add_k_proj", "attn.add_v_proj", "attn.to_add_out" };
  static const char *const norms[] = { "norm_q", "norm_k", "norm_added_q", "norm_added_k" };
  static const char *const streams[] = { "img", "txt" };
  const guint64 d = (guint64) c->n_heads * c->head_dim;

  for (guint i = 0; i < G_N_ELEMENTS (projections); i++)
    want_linear (walk, d, d, "transformer_blocks", block, projections[i]);
  for (guint i = 0; i < G_N_ELEMENTS (norms); i++)
    want (walk, c->head_dim, 0, "transformer_blocks.%u.attn.%s.weight", block, norms[i]);
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      g_autofree char *mod = g_strconcat (streams[i], "_mod.1", NULL);
      g_autofree char *up = g_strconcat (streams[i], "_mlp.net.0.proj", NULL);
      g_autofree char *down = g_strconcat (streams[i], "_mlp.net.2", NULL);
      want_linear (walk, 6 * d, d, "transformer_blocks", block, mod);
      want_linear (walk, 4 * d, d, "transformer_blocks", block, up);
      want_linear (walk, d, 4 * d, "transformer_blocks", block, down);
    }
}

static void
want_mmdit (Walk *walk, const QiMmditConfig *c)
{
  const guint64 d = (guint64) c->n_heads * c->head_dim;
  const struct
  {
    const char *name;
    guint64 n_out, n_in;
  } linears[] = {
    { "img_in", d, c->in_channels },
    { "txt_in", d, c->text_dim },
    { "time_text_embed.timestep_embedder.linear_1", d, 256 },
    { "time_text_embed.timestep_embedder.linear_2", d, d },
    { "norm_out.linear", 2 * d, d },
    { "proj_out", 4 * (guint64) c->out_channels, d },
  };

  for (guint i = 0; i < G_N_ELEMENTS (linears); i++)
    {
      want (walk, linears[i].n_out, linears[i].n_in, "%s.weight", linears[i].name);
      want (walk, linears[i].n_out, 0, "%s.bias", linears[i].name);
    }
  want (walk, c->text_dim, 0, "txt_norm.weight");
  if (c->additional_t_cond)
    want (walk, 2, d, "time_text_embed.addition_t_embedding.weight");
  for (guint block = 0; block < c->n_layers; block++)
    want_mmdit_block (walk, c, block);
}

/* --- text encoder and vision tower --- */

static void
want_text (Walk *walk, const QiTextConfig *c)
{
  const guint64 kv = (guint64) c->n_kv_heads * c->head_dim;
  const char *layers = "model.layers";

  want (walk, c->vocabulary, c->width, "model.embed_tokens.weight");
  want (walk, c->width, 0, "model.norm.weight");
  for (guint block = 0; block < c->n_layers; block++)
    {
      want_linear (walk, c->width, c->width, layers, block, "self_attn.q_proj");
      want_linear (walk, kv, c->width, layers, block, "self_attn.k_proj");
      want_linear (walk, kv, c->width, layers, block, "self_attn.v_proj");
      want (walk, c->width, c->width, "%s.%u.self_attn.o_proj.weight", layers, block);
      want (walk, c->ffn_dim, c->width, "%s.%u.mlp.gate_proj.weight", layers, block);
      want (walk, c->ffn_dim, c->width, "%s.%u.mlp.up_proj.weight", layers, block);
      want (walk, c->width, c->ffn_dim, "%s.%u.mlp.down_proj.weight", layers, block);
      want (walk, c->width, 0, "%s.%u.input_layernorm.weight", layers, block);
      want (walk, c->width, 0, "%s.%u.post_attention_layernorm.weight", layers, block);
    }
}

/* An mmproj stores query, key and value apart; the loader joins them, by these names. */
static void
want_qkv (Walk *walk, const QiVisionConfig *c, guint block)
{
  static const char *const parts[] = { "attn.q", "attn.k", "attn.v" };
  g_autofree char *apart = g_strdup_printf ("visual.blocks.%u.attn.q.weight", block);

  if (qi_checkpoint_find (walk->checkpoint, apart) == NULL)
    want_linear (walk, 3 * (guint64) c->width, c->width, "visual.blocks", block, "attn.qkv");
  else
    for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
      want_linear (walk, c->width, c->width, "visual.blocks", block, parts[i]);
}

static void
want_vision (Walk *walk, const QiVisionConfig *c)
{
  const guint64 merged = (guint64) c->width * c->merge * c->merge;
  const char *blocks = "visual.blocks";
  const gboolean swapped = qi_vision_ffn_is_swapped (walk->checkpoint, c);

  want (walk, 0, 0, "visual.patch_embed.proj.weight");
  qi_checkpoint_find (walk->checkpoint, "visual.patch_embed.proj.weight.1"); /* the other half of an mmproj */
  want (walk, c->width, 0, "visual.merger.ln_q.weight");
  want (walk, merged, merged, "visual.merger.mlp.0.weight");
  want (walk, merged, 0, "visual.merger.mlp.0.bias");
  want (walk, c->out_dim, merged, "visual.merger.mlp.2.weight");
  want (walk, c->out_dim, 0, "visual.merger.mlp.2.bias");
  for (guint block = 0; block < c->n_layers; block++)
    {
      want (walk, c->width, 0, "%s.%u.norm1.weight", blocks, block);
      want (walk, c->width, 0, "%s.%u.norm2.weight", blocks, block);
      want_qkv (walk, c, block);
      want_linear (walk, c->width, c->width, blocks, block, "attn.proj");
      want_linear (walk, c->ffn_dim, c->width, blocks, block, "mlp.gate_proj");
      want_linear (walk, c->ffn_dim, c->width, blocks, block, swapped ? "mlp.down_proj" : "mlp.up_proj");
      want_linear (walk, c->width, c->ffn_dim, blocks, block, swapped ? "mlp.up_proj" : "mlp.down_proj");
    }
}

/* --- VAE --- */

static void
want_conv (Walk *walk, guint64 c_out, const char *name)
{
  want (walk, 0, 0, "%s.weight", name);
  want (walk, c_out, 0, "%s.bias", name);
}

static void
want_res (Walk *walk, guint64 c_in, guint64 c_out, const char *name)
{
  g_autofree char *conv1 = g_strconcat (name, ".conv1", NULL);
  g_autofree char *conv2 = g_strconcat (name, ".conv2", NULL);
  g_autofree char *shortcut = g_strconcat (name, ".conv_shortcut", NULL);

  want (walk, c_in, 0, "%s.norm1.gamma", name);
  want_conv (walk, c_out, conv1);
  want (walk, c_out, 0, "%s.norm2.gamma", name);
  want_conv (walk, c_out, conv2);
  if (c_in != c_out)
    want_conv (walk, c_out, shortcut);
}

/* The middle and both ends, which encoder and decoder share. */
static void
want_frame (Walk *walk, guint64 first, guint64 middle, guint64 last, guint64 out, const char *side)
{
  g_autofree char *conv_in = g_strconcat (side, ".conv_in", NULL);
  g_autofree char *conv_out = g_strconcat (side, ".conv_out", NULL);
  g_autofree char *attention = g_strconcat (side, ".mid_block.attentions.0", NULL);
  g_autofree char *qkv = g_strconcat (attention, ".to_qkv", NULL);
  g_autofree char *proj = g_strconcat (attention, ".proj", NULL);

  want_conv (walk, first, conv_in);
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *res = g_strdup_printf ("%s.mid_block.resnets.%u", side, i);
      want_res (walk, middle, middle, res);
    }
  want (walk, middle, 0, "%s.norm.gamma", attention);
  want_conv (walk, 3 * middle, qkv);
  want_conv (walk, middle, proj);
  want (walk, last, 0, "%s.norm_out.gamma", side);
  want_conv (walk, out, conv_out);
}

static void
want_encoder (Walk *walk, const QiVaeConfig *c)
{
  guint64 width = (guint64) c->base_dim * c->dim_mult[0];
  guint at = 0;

  for (guint level = 0; level < c->n_levels; level++)
    {
      const guint64 next = (guint64) c->base_dim * c->dim_mult[level];
      for (guint i = 0; i < c->n_res_blocks; i++, width = next)
        {
          g_autofree char *res = g_strdup_printf ("encoder.down_blocks.%u", at++);
          want_res (walk, width, next, res);
        }
      if (level + 1 < c->n_levels)
        {
          g_autofree char *down = g_strdup_printf ("encoder.down_blocks.%u.resample.1", at++);
          want_conv (walk, width, down);
        }
    }
}

static void
want_decoder (Walk *walk, const QiVaeConfig *c)
{
  guint64 width = (guint64) c->base_dim * c->dim_mult[c->n_levels - 1];

  for (guint level = 0; level < c->n_levels; level++)
    {
      const guint64 next = (guint64) c->base_dim * c->dim_mult[c->n_levels - 1 - level];
      for (guint i = 0; i <= c->n_res_blocks; i++, width = next)
        {
          g_autofree char *res = g_strdup_printf ("decoder.up_blocks.%u.resnets.%u", level, i);
          want_res (walk, width, next, res);
        }
      if (level + 1 < c->n_levels)
        {
          g_autofree char *up = g_strdup_printf ("decoder.up_blocks.%u.upsamplers.0.resample.1", level);
          width = next / 2;
          want_conv (walk, width, up);
        }
    }
}

static void
want_vae (Walk *walk, const QiVaeConfig *c)
{
  const guint64 bottom = (guint64) c->base_dim * c->dim_mult[0];
  const guint64 top = (guint64) c->base_dim * c->dim_mult[c->n_levels - 1];

  want_frame (walk, c->base_dim, top, top, 2 * (guint64) c->z_dim, "encoder");
  want_encoder (walk, c);
  want_conv (walk, 2 * (guint64) c->z_dim, "quant_conv");
  want_conv (walk, c->z_dim, "post_quant_conv");
  want_frame (walk, top, top, bottom, c->image_channels, "decoder");
  want_decoder (walk, c);
}

/* --- the comparison --- */

QiTensorCheck *
qi_tensor_check_new (const QiModelSet *set, QiComponent component)
{
  g_return_val_if_fail (qi_model_set_part (set, component) != NULL, NULL);

  QiTensorCheck *check = g_new0 (QiTensorCheck, 1);
  Walk walk = { qi_model_set_part (set, component), check };
  check->missing = g_ptr_array_new_with_free_func (g_free);
  check->wrong = g_ptr_array_new_with_free_func (g_free);
  switch (component)
    {
    case QI_COMPONENT_TRANSFORMER:
      want_mmdit (&walk, &set->mmdit_config);
      break;
    case QI_COMPONENT_TEXT_ENCODER:
      want_text (&walk, &set->text_config);
      break;
    case QI_COMPONENT_VISION:
      want_vision (&walk, &set->vision_config);
      break;
    case QI_COMPONENT_VAE:
      want_vae (&walk, &set->vae_config);
      break;
    case QI_N_COMPONENTS:
      break;
    }
  check->foreign = qi_checkpoint_foreign (walk.checkpoint);
  return check;
}

void
qi_tensor_check_free (QiTensorCheck *check)
{
  if (check == NULL)
    return;
  g_ptr_array_unref (check->missing);
  g_ptr_array_unref (check->wrong);
  g_ptr_array_unref (check->foreign);
  g_free (check);
}
