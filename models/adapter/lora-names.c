/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/adapter/lora-names.h"

#include <string.h>

/* Ends of keys, longer ones before their own ends. */
static const struct
{
  const char *suffix;
  QiLoraRole role;
} suffixes[] = {
  { ".lora_A.default.weight", QI_LORA_DOWN },
  { ".lora_B.default.weight", QI_LORA_UP },
  { ".lora_A.weight", QI_LORA_DOWN },
  { ".lora_B.weight", QI_LORA_UP },
  { ".lora_A", QI_LORA_DOWN },
  { ".lora_B", QI_LORA_UP },
  { ".lora_linear_layer.down.weight", QI_LORA_DOWN },
  { ".lora_linear_layer.up.weight", QI_LORA_UP },
  { ".lora_down.weight", QI_LORA_DOWN },
  { ".lora_up.weight", QI_LORA_UP },
  { ".lora.down.weight", QI_LORA_DOWN },
  { ".lora.up.weight", QI_LORA_UP },
  { "_lora.down.weight", QI_LORA_DOWN },
  { "_lora.up.weight", QI_LORA_UP },
  { ".alpha", QI_LORA_ALPHA },
  { ".lokr_w1", QI_LORA_W1 },
  { ".lokr_w1_a", QI_LORA_W1_A },
  { ".lokr_w1_b", QI_LORA_W1_B },
  { ".lokr_w2", QI_LORA_W2 },
  { ".lokr_w2_a", QI_LORA_W2_A },
  { ".lokr_w2_b", QI_LORA_W2_B },
  { ".dora_scale", QI_LORA_DORA },
  { ".lora_magnitude_vector", QI_LORA_DORA },
  { ".lora_magnitude_vector.weight", QI_LORA_DORA },
  { ".hada_w1_a", QI_LORA_LOHA },
  { ".hada_w1_b", QI_LORA_LOHA },
  { ".hada_w2_a", QI_LORA_LOHA },
  { ".hada_w2_b", QI_LORA_LOHA },
};

/* What may stand before a module, also several in a row. */
static const char *const prefixes[] = {
  "base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.", "unet.",
  "lora_unet_",        "lora_transformer_",      "lycoris_",
};

static const char *const top_modules[] = {
  "img_in", "txt_in", "time_text_embed.timestep_embedder.linear_1", "time_text_embed.timestep_embedder.linear_2",
  "norm_out.linear", "proj_out",
};

/* Below transformer_blocks.N. */
static const char *const block_modules[] = {
  "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj",
  "attn.to_add_out", "img_mlp.net.0.proj", "img_mlp.net.2", "txt_mlp.net.0.proj", "txt_mlp.net.2", "img_mod.1", "txt_mod.1",
};

/* Projections that tools fuse, and what they call that. */
static const struct
{
  const char *name, *spellings[3], *parts[4];
} fused[] = {
  { "attn.to_qkv", { "attn.to_qkv" }, { "attn.to_q", "attn.to_k", "attn.to_v" } },
  { "attn.add_qkv_proj", { "attn.add_qkv_proj", "attn.to_added_qkv" },
    { "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj" } },
};

struct _QiLoraNames
{
  GHashTable *modules;     /* spelling with dots: char * to char *, canonical */
  GHashTable *underscored; /* with underscores */
};

/* Two spellings; the hash tables own them. */
static void
add (QiLoraNames *names, const char *spelling, const char *canonical)
{
  g_hash_table_insert (names->modules, g_strdup (spelling), g_strdup (canonical));
  g_hash_table_insert (names->underscored, g_strdelimit (g_strdup (spelling), ".", '_'), g_strdup (canonical));
}

static void
add_block (QiLoraNames *names, guint block)
{
  for (guint i = 0; i < G_N_ELEMENTS (block_modules); i++)
    {
      g_autofree char *name = g_strdup_printf ("transformer_blocks.%u.%s", block, block_modules[i]);

      add (names, name, name);
    }
  for (guint i = 0; i < G_N_ELEMENTS (fused); i++)
    for (guint k = 0; fused[i].spellings[k]; k++)
      {
        g_autofree char *name = g_strdup_printf ("transformer_blocks.%u.%s", block, fused[i].name);
        g_autofree char *spelling = g_strdup_printf ("transformer_blocks.%u.%s", block, fused[i].spellings[k]);

        add (names, spelling, name);
      }
}

QiLoraNames *
qi_lora_names_new (guint n_layers)
{
  QiLoraNames *names = g_new0 (QiLoraNames, 1);

  names->modules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  names->underscored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < G_N_ELEMENTS (top_modules); i++)
    add (names, top_modules[i], top_modules[i]);
  for (guint i = 0; i < n_layers; i++)
    add_block (names, i);
  return names;
}

void
qi_lora_names_free (QiLoraNames *names)
{
  if (!names)
    return;
  g_hash_table_unref (names->modules);
  g_hash_table_unref (names->underscored);
  g_free (names);
}

QiLoraRole
qi_lora_role (const char *key, gsize *n_stem)
{
  *n_stem = strlen (key);
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    if (g_str_has_suffix (key, suffixes[i].suffix))
      {
        *n_stem -= strlen (suffixes[i].suffix);
        return suffixes[i].role;
      }
  return QI_LORA_OTHER;
}

const char *
qi_lora_module (const QiLoraNames *names, const char *stem, gboolean *underscored)
{
  for (gboolean stripped = TRUE; stripped;)
    {
      const char *dotted = g_hash_table_lookup (names->modules, stem), *found = dotted;

      if (!found)
        found = g_hash_table_lookup (names->underscored, stem);
      *underscored = found != dotted;
      if (found)
        return found;
      stripped = FALSE;
      for (guint i = 0; i < G_N_ELEMENTS (prefixes) && !stripped; i++)
        if (g_str_has_prefix (stem, prefixes[i]))
          {
            stem += strlen (prefixes[i]);
            stripped = TRUE;
          }
    }
  return NULL;
}

GStrv
qi_lora_fused_parts (const char *module)
{
  for (guint i = 0; i < G_N_ELEMENTS (fused); i++)
    if (g_str_has_suffix (module, fused[i].name))
      {
        const int n = (int) (strlen (module) - strlen (fused[i].name));
        GPtrArray *parts = g_ptr_array_new ();

        for (guint k = 0; fused[i].parts[k]; k++)
          g_ptr_array_add (parts, g_strdup_printf ("%.*s%s", n, module, fused[i].parts[k]));
        g_ptr_array_add (parts, NULL);
        return (GStrv) g_ptr_array_free (parts, FALSE);
      }
  return NULL;
}
