/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Naming schemes as rows: how the files people have spell the canonical names. Prefixes first, then the tables of those
 * that name things differently (Wan's VAE, llama.cpp's text encoder and vision tower). */
#include <string.h>

#include "models/checkpoint/container.h"

/* A prefix that is taken off, and what the rest is then spelt like. Longer ones first. */
typedef struct
{
  QiComponent component;
  const char *prefix, *naming;
} Prefix;
static const Prefix prefixes[] = {
  { QI_COMPONENT_TRANSFORMER, "model.diffusion_model.", "comfyui all-in-one" },
  { QI_COMPONENT_TRANSFORMER, "diffusion_model.", "comfyui" },
  { QI_COMPONENT_TRANSFORMER, "transformer.", "diffusers" },
  { QI_COMPONENT_TRANSFORMER, "model.", "comfyui" },
  { QI_COMPONENT_TRANSFORMER, "net.", "comfyui" },
  { QI_COMPONENT_TRANSFORMER, "", "diffusers" },
  { QI_COMPONENT_TEXT_ENCODER, "text_encoders.qwen25_7b.transformer.", "comfyui all-in-one" },
  { QI_COMPONENT_TEXT_ENCODER, "text_encoders.llm.", "stable-diffusion.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "text_encoder.", "diffusers" },
  { QI_COMPONENT_TEXT_ENCODER, "", "hugging face" },
  { QI_COMPONENT_VISION, "text_encoders.qwen25_7b.transformer.", "comfyui all-in-one" },
  { QI_COMPONENT_VISION, "text_encoders.llm.", "stable-diffusion.cpp" },
  { QI_COMPONENT_VISION, "text_encoder.", "diffusers" },
  { QI_COMPONENT_VISION, "", "hugging face" },
  { QI_COMPONENT_VAE, "first_stage_model.", "comfyui all-in-one" },
  { QI_COMPONENT_VAE, "vae.", "comfyui all-in-one" },
  { QI_COMPONENT_VAE, "", "diffusers" },
};

/* What canonical names of a component begin with. */
static const char *const heads[QI_N_COMPONENTS][16] = {
  [QI_COMPONENT_TRANSFORMER] = { "transformer_blocks.", "img_in.", "txt_in.", "txt_norm.", "time_text_embed.", "norm_out.",
                                 "proj_out.", "__index_timestep_zero__", "modulation.", "controlnet_", NULL },
  [QI_COMPONENT_TEXT_ENCODER] = { "model.embed_tokens.", "model.layers.", "model.norm.", "lm_head.", NULL },
  [QI_COMPONENT_VISION] = { "visual.", NULL },
  [QI_COMPONENT_VAE] = { "encoder.", "decoder.", "quant_conv.", "post_quant_conv.", NULL },
};

/* A name that has to be rewritten: %N stands for a number, kept. The rest of the name follows unchanged. */
typedef struct
{
  QiComponent component;
  const char *from, *to, *naming;
} Rewrite;
static const Rewrite rewrites[] = {
  { QI_COMPONENT_TEXT_ENCODER, "model.language_model.", "model.", "hugging face" },
  { QI_COMPONENT_TEXT_ENCODER, "token_embd.", "model.embed_tokens.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "output_norm.", "model.norm.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "output.", "lm_head.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.attn_norm.", "model.layers.%N.input_layernorm.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.attn_q.", "model.layers.%N.self_attn.q_proj.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.attn_k.", "model.layers.%N.self_attn.k_proj.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.attn_v.", "model.layers.%N.self_attn.v_proj.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.attn_output.", "model.layers.%N.self_attn.o_proj.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.ffn_norm.", "model.layers.%N.post_attention_layernorm.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.ffn_gate.", "model.layers.%N.mlp.gate_proj.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.ffn_up.", "model.layers.%N.mlp.up_proj.", "llama.cpp" },
  { QI_COMPONENT_TEXT_ENCODER, "blk.%N.ffn_down.", "model.layers.%N.mlp.down_proj.", "llama.cpp" },

  /* The tower's q, k and v are apart here and one matrix elsewhere; the consumer takes either. */
  { QI_COMPONENT_VISION, "model.visual.", "visual.", "hugging face" },
  { QI_COMPONENT_VISION, "v.patch_embd.weight.1", "visual.patch_embed.proj.weight.1", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.patch_embd.", "visual.patch_embed.proj.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.ln1.", "visual.blocks.%N.norm1.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.ln2.", "visual.blocks.%N.norm2.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.attn_qkv.", "visual.blocks.%N.attn.qkv.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.attn_q.", "visual.blocks.%N.attn.q.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.attn_k.", "visual.blocks.%N.attn.k.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.attn_v.", "visual.blocks.%N.attn.v.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.attn_out.", "visual.blocks.%N.attn.proj.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.ffn_gate.", "visual.blocks.%N.mlp.gate_proj.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.ffn_up.", "visual.blocks.%N.mlp.up_proj.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.blk.%N.ffn_down.", "visual.blocks.%N.mlp.down_proj.", "llama.cpp" },
  { QI_COMPONENT_VISION, "v.post_ln.", "visual.merger.ln_q.", "llama.cpp" },
  { QI_COMPONENT_VISION, "mm.%N.", "visual.merger.mlp.%N.", "llama.cpp" },

  /* Wan's VAE; its top-level conv1 and conv2 are what diffusers calls quant_conv and post_quant_conv. */
  { QI_COMPONENT_VAE, "conv1.", "quant_conv.", "wan" },
  { QI_COMPONENT_VAE, "conv2.", "post_quant_conv.", "wan" },
  { QI_COMPONENT_VAE, "encoder.conv1.", "encoder.conv_in.", "wan" },
  { QI_COMPONENT_VAE, "decoder.conv1.", "decoder.conv_in.", "wan" },
  { QI_COMPONENT_VAE, "encoder.head.0.", "encoder.norm_out.", "wan" },
  { QI_COMPONENT_VAE, "encoder.head.2.", "encoder.conv_out.", "wan" },
  { QI_COMPONENT_VAE, "decoder.head.0.", "decoder.norm_out.", "wan" },
  { QI_COMPONENT_VAE, "decoder.head.2.", "decoder.conv_out.", "wan" },
  { QI_COMPONENT_VAE, "encoder.middle.0.", "encoder.mid_block.resnets.0.", "wan" },
  { QI_COMPONENT_VAE, "encoder.middle.1.", "encoder.mid_block.attentions.0.", "wan" },
  { QI_COMPONENT_VAE, "encoder.middle.2.", "encoder.mid_block.resnets.1.", "wan" },
  { QI_COMPONENT_VAE, "decoder.middle.0.", "decoder.mid_block.resnets.0.", "wan" },
  { QI_COMPONENT_VAE, "decoder.middle.1.", "decoder.mid_block.attentions.0.", "wan" },
  { QI_COMPONENT_VAE, "decoder.middle.2.", "decoder.mid_block.resnets.1.", "wan" },
  { QI_COMPONENT_VAE, "encoder.downsamples.%N.", "encoder.down_blocks.%N.", "wan" },
};

/* Inside a residual block of Wan's. */
static const char *const wan_residual[][2] = {
  { "residual.0.", "norm1." }, { "residual.2.", "conv1." }, { "residual.3.", "norm2." }, { "residual.6.", "conv2." }, { "shortcut.", "conv_shortcut." },
};

/* Ends of names that belong to a component and are wanted by nobody. */
static const char *const superfluous_ends[] = { ".scale_weight", ".weight_scale", ".scale_input", ".input_scale", ".comfy_quant" };

/* The length of name that pattern matches, the number of %N in it; 0: none. */
static gsize
match (const char *pattern, const char *name, guint64 *number)
{
  const char *mark = strstr (pattern, "%N");
  const gsize before = mark ? (gsize) (mark - pattern) : strlen (pattern);
  gsize at = before, digits = 0;

  if (strncmp (name, pattern, before) != 0)
    return 0;
  if (!mark)
    return before;
  for (*number = 0; g_ascii_isdigit (name[at]) && digits < 6; at++, digits++)
    *number = *number * 10 + (guint64) (name[at] - '0');
  if (digits == 0 || !g_str_has_prefix (name + at, mark + 2))
    return 0;
  return at + strlen (mark + 2);
}

static char *
fill (const char *to, guint64 number, const char *rest)
{
  const char *mark = strstr (to, "%N");

  if (!mark)
    return g_strconcat (to, rest, NULL);
  return g_strdup_printf ("%.*s%" G_GUINT64_FORMAT "%s%s", (int) (mark - to), to, number, mark + 2, rest);
}

/* decoder.upsamples.K: three residual blocks, then an upsampler, over and over. (transfer full) */
static char *
wan_upsamples (const char *name)
{
  guint64 k;
  const gsize n = match ("decoder.upsamples.%N.", name, &k);

  if (n == 0)
    return NULL;
  if (k % 4 == 3)
    return g_strdup_printf ("decoder.up_blocks.%" G_GUINT64_FORMAT ".upsamplers.0.%s", k / 4, name + n);
  return g_strdup_printf ("decoder.up_blocks.%" G_GUINT64_FORMAT ".resnets.%" G_GUINT64_FORMAT ".%s", k / 4, k % 4, name + n);
}

static char *
wan_inside (char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (wan_residual); i++)
    {
      const char *at = strstr (name, wan_residual[i][0]);

      if (at && (at == name || at[-1] == '.'))
        {
          char *result = g_strdup_printf ("%.*s%s%s", (int) (at - name), name, wan_residual[i][1], at + strlen (wan_residual[i][0]));

          g_free (name);
          return result;
        }
    }
  return name;
}

static char *
rewrite (QiComponent component, const char *name, const char **naming)
{
  guint64 number = 0;
  char *result = component == QI_COMPONENT_VAE ? wan_upsamples (name) : NULL;

  if (result)
    *naming = "wan";
  for (guint i = 0; !result && i < G_N_ELEMENTS (rewrites); i++)
    {
      const gsize n = rewrites[i].component == component ? match (rewrites[i].from, name, &number) : 0;

      if (n)
        {
          *naming = rewrites[i].naming;
          result = fill (rewrites[i].to, number, name + n);
        }
    }
  if (!result)
    result = g_strdup (name);
  return component == QI_COMPONENT_VAE ? wan_inside (result) : result;
}

static gboolean
belongs (QiComponent component, const char *name)
{
  for (guint i = 0; heads[component][i]; i++)
    if (g_str_has_prefix (name, heads[component][i]))
      return TRUE;
  return FALSE;
}

static gboolean
is_superfluous (QiComponent component, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (superfluous_ends); i++)
    if (g_str_has_suffix (name, superfluous_ends[i]))
      return TRUE;
  if (component == QI_COMPONENT_VAE)
    return strstr (name, ".time_conv.") != NULL;
  return component == QI_COMPONENT_TEXT_ENCODER && (g_str_has_prefix (name, "lm_head.") || strstr (name, "rotary_emb.") != NULL);
}

char *
qi_canonical_name (QiComponent component, const char *name, gboolean *superfluous, const char **naming)
{
  if (component == QI_COMPONENT_ADAPTER)
    {
      *naming = "own";
      return g_strdup (name);
    }
  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (prefixes[i].component == component && g_str_has_prefix (name, prefixes[i].prefix))
      {
        const char *scheme = prefixes[i].naming;
        char *result = rewrite (component, name + strlen (prefixes[i].prefix), &scheme);

        if (belongs (component, result))
          {
            *superfluous = is_superfluous (component, result);
            *naming = scheme;
            return result;
          }
        g_free (result);
      }
  return NULL;
}
