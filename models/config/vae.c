/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/source.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"

#define MAX_BASE 1024
#define MAX_MULT 64
#define N_LEVELS 4 /* three halvings: a latent cell is 8 × 8 pixels, as all sizes of pictures assume */

/* Per latent channel, of every released Qwen-Image VAE. */
static const float released_mean[16] = { -0.7571f, -0.7089f, -0.9113f, 0.1075f,  -0.1745f, 0.9653f,  -0.1517f, 1.5508f,
                                         0.4134f,  -0.0715f, 0.5517f,  -0.3632f, -0.1922f, -0.9497f, 0.2503f,  -0.2921f };
static const float released_std[16] = { 2.8184f, 1.4541f, 2.3275f, 2.6558f, 1.2196f, 1.7708f, 2.6052f, 2.0743f,
                                        3.2687f, 2.1526f, 2.8652f, 1.5579f, 1.6382f, 1.1253f, 2.8251f, 1.9160f };

static void
parse_fields (QiJson *j, QiVaeConfig *c)
{
  const char *class_name = qi_json_string_or_null (j, "_class_name");
  float none[1];

  if (class_name != NULL && strcmp (class_name, "AutoencoderKLQwenImage") != 0)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "describes a %.80s; the VAE of Qwen-Image 1.x is an AutoencoderKLQwenImage.",
                  class_name);
  if (qi_json_has (j, "attn_scales")) /* attention at inner levels: no released VAE has it */
    qi_json_floats (j, "attn_scales", 0.0, 0.0, none, 0, 0);
  c->base_dim = qi_json_uint (j, "base_dim", 1, MAX_BASE);
  c->z_dim = qi_json_uint (j, "z_dim", 1, QI_MAX_LATENT_CHANNELS);
  c->n_res_blocks = qi_json_uint (j, "num_res_blocks", 1, 8);
  c->image_channels = qi_json_uint_or (j, "input_channels", 3, 4, 3);
  c->n_levels = qi_json_uints (j, "dim_mult", 1, MAX_MULT, c->dim_mult, N_LEVELS, N_LEVELS);
  qi_json_floats (j, "latents_mean", -1e4, 1e4, c->mean, c->z_dim, c->z_dim);
  qi_json_floats (j, "latents_std", 1e-4, 1e4, c->std, c->z_dim, c->z_dim);
  for (guint level = 1; level < c->n_levels; level++)
    if (c->base_dim * c->dim_mult[level] % 2 != 0)
      qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT, "base_dim %u times dim_mult %u is odd; each upsampling halves it.", c->base_dim,
                    c->dim_mult[level]);
}

gboolean
qi_vae_config_parse (QiVaeConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);
  if (doc == NULL)
    return FALSE;

  QiVaeConfig c = { 0 };
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  parse_fields (&j, &c);
  yyjson_doc_free (doc);
  if (!j.failed)
    *config = c;
  return !j.failed;
}

/* What the tensors show. z and the channels come from biases, which no container reshapes. */
typedef struct
{
  guint64 base, z_dim, channels, top;
  guint n_res_blocks, n_levels;
} Shown;

static gboolean
look (const QiCheckpoint *checkpoint, Shown *s, GError **error)
{
  if (qi_checkpoint_find (checkpoint, "decoder.conv_in.bias") == NULL
      || qi_checkpoint_find (checkpoint, "post_quant_conv.bias") == NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” has no “decoder.conv_in.bias” and “post_quant_conv.bias”; it is no VAE of Qwen-Image.",
                   qi_checkpoint_path (checkpoint));
      return FALSE;
    }
  s->z_dim = qi_config_dim (checkpoint, "post_quant_conv.bias", 0);
  if (s->z_dim == 48)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                   "“%s” has 48 latent channels (a VAE of Wan 2.2); Qwen-Image 1.x needs one of 16.",
                   qi_checkpoint_path (checkpoint));
      return FALSE;
    }
  s->base = qi_config_dim (checkpoint, "decoder.norm_out.gamma", 0);
  s->channels = qi_config_dim (checkpoint, "decoder.conv_out.bias", 0);
  s->top = qi_config_dim (checkpoint, "decoder.conv_in.bias", 0);
  s->n_levels = qi_config_count_blocks (checkpoint, "decoder.up_blocks", error);
  if (s->n_levels == 0)
    return FALSE;
  const guint resnets = qi_config_count_blocks (checkpoint, "decoder.up_blocks.0.resnets", error);
  s->n_res_blocks = resnets - 1; /* the decoder has one more than the encoder */
  return resnets > 0;
}

static gboolean
take_released (QiVaeConfig *c, const QiCheckpoint *checkpoint, const Shown *s, GError **error)
{
  const gboolean widths = qi_config_dim (checkpoint, "decoder.up_blocks.1.resnets.0.conv1.bias", 0) == 384
                          && qi_config_dim (checkpoint, "decoder.up_blocks.2.resnets.0.conv1.bias", 0) == 192
                          && qi_config_dim (checkpoint, "decoder.up_blocks.3.resnets.0.conv1.bias", 0) == 96;

  if (!widths || s->base != 96 || s->z_dim != 16 || s->top != 384 || s->n_res_blocks != 2 || s->n_levels != N_LEVELS
      || (s->channels != 3 && s->channels != 4))
    return qi_config_unknown (checkpoint, "latents_mean and latents_std", "vae/config.json", error);
  *c = (QiVaeConfig){ .base_dim = 96, .z_dim = 16, .n_res_blocks = 2, .image_channels = s->channels, .n_levels = N_LEVELS,
                      .dim_mult = { 1, 2, 4, 4 } };
  memcpy (c->mean, released_mean, sizeof released_mean);
  memcpy (c->std, released_std, sizeof released_std);
  return TRUE;
}

static gboolean
agree (const QiVaeConfig *c, const QiCheckpoint *checkpoint, const Shown *s, const char *from, GError **error)
{
  return qi_config_agree (checkpoint, "latent channels", s->z_dim, c->z_dim, from, error)
         && qi_config_agree (checkpoint, "a base width of", s->base, (guint64) c->base_dim * c->dim_mult[0], from, error)
         && qi_config_agree (checkpoint, "image channels", s->channels, c->image_channels, from, error)
         && qi_config_agree (checkpoint, "levels", s->n_levels, c->n_levels, from, error)
         && qi_config_agree (checkpoint, "residual blocks a level", s->n_res_blocks, c->n_res_blocks, from, error)
         && qi_config_agree (checkpoint, "a top width of", s->top, (guint64) c->base_dim * c->dim_mult[c->n_levels - 1], from,
                             error);
}

gboolean
qi_vae_config_load (QiVaeConfig *config, const QiCheckpoint *checkpoint, const char *config_dir, const char **from,
                    GError **error)
{
  g_return_val_if_fail (config != NULL && checkpoint != NULL, FALSE);

  Shown shown = { 0 };
  g_autofree char *json = NULL, *file = NULL;
  gsize n = 0;
  QiVaeConfig c = { 0 };
  if (!look (checkpoint, &shown, error) || !qi_config_find (checkpoint, QI_COMPONENT_VAE, NULL, &json, &n, &file, error))
    return FALSE;
  const char *source = QI_FROM_FILE;
  if (json == NULL)
    {
      source = QI_FROM_DIR;
      if (config_dir != NULL && !qi_config_find (checkpoint, QI_COMPONENT_VAE, config_dir, &json, &n, &file, error))
        return FALSE;
      if (json == NULL)
        {
          source = QI_FROM_RELEASED;
          if (!take_released (&c, checkpoint, &shown, error))
            return FALSE;
        }
    }
  if (json != NULL && !qi_vae_config_parse (&c, json, n, file, error))
    return FALSE;
  if (!agree (&c, checkpoint, &shown, file != NULL ? file : source, error))
    return FALSE;
  *config = c;
  if (from != NULL)
    *from = source;
  return TRUE;
}
