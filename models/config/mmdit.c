/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/source.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"

#define MAX_WIDTH 65536
#define MAX_HEAD_DIM 512

static void
check_sums (QiJson *j, const QiMmditConfig *c)
{
  const guint sum = c->axes[0] + c->axes[1] + c->axes[2];

  if (c->n_heads * c->head_dim > MAX_WIDTH) /* each is at most 65536 and 512: no overflow */
    qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT, "%u heads of %u are wider than %d.", c->n_heads, c->head_dim, MAX_WIDTH);
  if (sum != c->head_dim || c->axes[0] % 2 != 0 || c->axes[1] % 2 != 0 || c->axes[2] % 2 != 0)
    qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT,
                  "axes_dims_rope must be three even numbers that add up to attention_head_dim %u; they are %u, %u, %u.",
                  c->head_dim, c->axes[0], c->axes[1], c->axes[2]);
  if (c->in_channels != 4 * c->out_channels)
    qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT,
                  "in_channels %u must be four times out_channels %u, since the network predicts a change of its own input.",
                  c->in_channels, c->out_channels);
}

gboolean
qi_mmdit_config_parse (QiMmditConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);
  if (doc == NULL)
    return FALSE;

  QiMmditConfig c = { 0 };
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  const char *class_name = qi_json_string_or_null (&j, "_class_name");
  if (class_name != NULL && strcmp (class_name, "QwenImageTransformer2DModel") != 0
      && strcmp (class_name, "QwenImageControlNetModel") != 0)
    qi_json_fail (&j, QI_ERROR_UNSUPPORTED, "describes a %.80s; only QwenImageTransformer2DModel can be run.", class_name);
  if (qi_json_uint_or (&j, "patch_size", 1, 64, 2) != 2)
    qi_json_fail (&j, QI_ERROR_UNSUPPORTED, "patch_size must be 2.");
  if (qi_json_bool_or (&j, "guidance_embeds", FALSE))
    qi_json_fail (&j, QI_ERROR_UNSUPPORTED, "guidance_embeds is on; networks with a guidance embedding are not supported.");

  c.n_layers = qi_json_uint (&j, "num_layers", 1, QI_MAX_LAYERS);
  c.n_heads = qi_json_uint (&j, "num_attention_heads", 1, MAX_WIDTH);
  c.head_dim = qi_json_uint (&j, "attention_head_dim", 2, MAX_HEAD_DIM);
  c.in_channels = qi_json_uint (&j, "in_channels", 4, 4 * QI_MAX_LATENT_CHANNELS);
  c.out_channels = qi_json_uint (&j, "out_channels", 1, QI_MAX_LATENT_CHANNELS);
  c.text_dim = qi_json_uint (&j, "joint_attention_dim", 1, MAX_WIDTH);
  qi_json_uints (&j, "axes_dims_rope", 2, MAX_HEAD_DIM, c.axes, 3, 3);
  c.zero_cond_t = qi_json_bool_or (&j, "zero_cond_t", FALSE);
  c.additional_t_cond = qi_json_bool_or (&j, "use_additional_t_cond", FALSE);
  c.layer3d_rope = qi_json_bool_or (&j, "use_layer3d_rope", FALSE);
  c.zero_cond_t_from = "config";
  if (!j.failed)
    check_sums (&j, &c);

  yyjson_doc_free (doc);
  if (!j.failed)
    *config = c;
  return !j.failed;
}

/* A network of another family under similar names is refused by its own name, before any width is compared. */
static gboolean
check_family (const QiCheckpoint *checkpoint, GError **error)
{
  const char *path = qi_checkpoint_path (checkpoint);

  if (qi_checkpoint_find (checkpoint, "modulation.1.weight") != NULL
      || qi_checkpoint_find (checkpoint, "txt_in.text_norm.weight") != NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                 "“%s” is Qwen-Image 2.1, another network than Qwen-Image 1.x, with another encoder and VAE; choose a "
                 "checkpoint of Qwen-Image, 2512, Edit, 2509, 2511 or Layered.",
                 path);
  else if (qi_checkpoint_find (checkpoint, "transformer_blocks.0.attn.to_qkv.weight") != NULL
           || qi_checkpoint_find (checkpoint, "transformer_blocks.0.attn.to_qkv.qweight") != NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                 "“%s” has query, key and value fused (a Nunchaku file); choose a plain safetensors or GGUF file.", path);
  else if (qi_checkpoint_find (checkpoint, "controlnet_x_embedder.weight") != NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                 "“%s” is a ControlNet, not a transformer; it needs a Qwen-Image model beside it.", path);
  else if (qi_checkpoint_find (checkpoint, "txt_norm.weight") == NULL
           || qi_checkpoint_find (checkpoint, "img_in.weight") == NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                 "“%s” has no “img_in.weight” and “txt_norm.weight”; it is no Qwen-Image transformer.", path);
  else if (qi_config_dim (checkpoint, "img_in.weight", 1) == 128)
    g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                 "“%s” takes 128 channels in “img_in.weight”, as no Qwen-Image 1.x does.", path);
  else
    return TRUE;
  return FALSE;
}

/* What the tensors show; 0 where a tensor is missing. */
typedef struct
{
  guint n_layers;
  guint64 width, head_dim, in_channels, out_width, text_dim;
} Shown;

static gboolean
look (const QiCheckpoint *checkpoint, Shown *shown, GError **error)
{
  shown->n_layers = qi_config_count_blocks (checkpoint, "transformer_blocks", error);
  shown->width = qi_config_dim (checkpoint, "img_in.weight", 0);
  shown->in_channels = qi_config_dim (checkpoint, "img_in.weight", 1);
  shown->out_width = qi_config_dim (checkpoint, "proj_out.weight", 0);
  shown->text_dim = qi_config_dim (checkpoint, "txt_in.weight", 1);
  shown->head_dim = qi_config_dim (checkpoint, "transformer_blocks.0.attn.norm_q.weight", 0);
  return shown->n_layers > 0;
}

/* Axes are the one thing no tensor shows. Pruned models of the released widths keep them: layers do not count here. */
static gboolean
take_released (QiMmditConfig *c, const QiCheckpoint *checkpoint, const Shown *s, GError **error)
{
  if (s->width != 3072 || s->head_dim != 128 || s->in_channels != 64 || s->out_width != 64 || s->text_dim != 3584)
    return qi_config_unknown (checkpoint, "axes_dims_rope (how a head is shared among frame, height and width)",
                              "transformer/config.json", error);
  *c = (QiMmditConfig){ .n_layers = s->n_layers, .n_heads = 24, .head_dim = 128, .in_channels = 64, .out_channels = 16,
                        .text_dim = 3584, .axes = { 16, 56, 56 }, .zero_cond_t_from = QI_FROM_RELEASED };
  return TRUE;
}

static gboolean
agree (const QiMmditConfig *c, const QiCheckpoint *checkpoint, const Shown *s, const char *from, GError **error)
{
  return qi_config_agree (checkpoint, "layers", s->n_layers, c->n_layers, from, error)
         && qi_config_agree (checkpoint, "a width of", s->width, (guint64) c->n_heads * c->head_dim, from, error)
         && qi_config_agree (checkpoint, "a head width of", s->head_dim, c->head_dim, from, error)
         && qi_config_agree (checkpoint, "input channels", s->in_channels, c->in_channels, from, error)
         && qi_config_agree (checkpoint, "output channels", s->out_width, 4 * (guint64) c->out_channels, from, error)
         && qi_config_agree (checkpoint, "a text width of", s->text_dim, c->text_dim, from, error);
}

/* Flags of the variants that tensors or the file name tell, in falling order of trust: they travel with the weights
 * where a configuration, written by hand or shared among files, may not. */
static gboolean
settle_flags (QiMmditConfig *c, const QiCheckpoint *checkpoint, const char *from, GError **error)
{
  const gboolean table = qi_checkpoint_find (checkpoint, "time_text_embed.addition_t_embedding.weight") != NULL;
  g_autofree char *name = g_path_get_basename (qi_checkpoint_path (checkpoint));

  if (strcmp (from, QI_FROM_RELEASED) == 0)
    c->additional_t_cond = c->layer3d_rope = table;
  else if (c->additional_t_cond != table)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” %s “time_text_embed.addition_t_embedding.weight”, but its configuration (%s) says %s; the two "
                   "belong to different models.",
                   qi_checkpoint_path (checkpoint), table ? "has" : "has no", from,
                   table ? "that there is none" : "use_additional_t_cond");
      return FALSE;
    }

  if (qi_checkpoint_find (checkpoint, "__index_timestep_zero__") != NULL)
    {
      c->zero_cond_t = TRUE;
      c->zero_cond_t_from = "marker";
    }
  else if (!c->zero_cond_t && strstr (name, "2511") != NULL)
    {
      c->zero_cond_t = TRUE;
      c->zero_cond_t_from = "file name";
    }
  return TRUE;
}

gboolean
qi_mmdit_config_load (QiMmditConfig *config, const QiCheckpoint *checkpoint, const char *config_dir, const char **from,
                      GError **error)
{
  g_return_val_if_fail (config != NULL && checkpoint != NULL, FALSE);

  Shown shown = { 0 };
  if (!check_family (checkpoint, error) || !look (checkpoint, &shown, error))
    return FALSE;

  g_autofree char *json = NULL, *file = NULL;
  gsize n = 0;
  QiMmditConfig c = { 0 };
  if (!qi_config_find (checkpoint, QI_COMPONENT_TRANSFORMER, NULL, &json, &n, &file, error))
    return FALSE;
  const char *source = QI_FROM_FILE;
  if (json == NULL)
    {
      source = QI_FROM_DIR;
      if (config_dir != NULL
          && !qi_config_find (checkpoint, QI_COMPONENT_TRANSFORMER, config_dir, &json, &n, &file, error))
        return FALSE;
      if (json == NULL)
        {
          source = QI_FROM_RELEASED;
          if (!take_released (&c, checkpoint, &shown, error))
            return FALSE;
        }
    }
  if (json != NULL && !qi_mmdit_config_parse (&c, json, n, file, error))
    return FALSE;
  if (!agree (&c, checkpoint, &shown, file != NULL ? file : source, error)
      || !settle_flags (&c, checkpoint, source, error))
    return FALSE;
  *config = c;
  if (from != NULL)
    *from = source;
  return TRUE;
}
