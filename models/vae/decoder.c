/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/vae/decoder.h"

#define MAX_LEVELS G_N_ELEMENTS (((QiVaeConfig *) NULL)->dim_mult)

typedef struct
{
  QiVaeResBlock *res; /* [n_res_blocks + 1] */
  QiConv up;          /* weight NULL: the last level */
} Level;

struct _QiVaeDecoder
{
  QiVaeConfig config;
  QiWeights *weights;
  QiLinear post_quant;
  QiConv conv_in, conv_out;
  QiVaeMid mid;
  Level levels[MAX_LEVELS];
  const QiTensor *norm_out;
};

/* Channels of level i, 0 the smallest map. */
static guint64
width_of (const QiVaeConfig *c, guint i)
{
  return (guint64) c->base_dim * c->dim_mult[c->n_levels - 1 - i];
}

/* Upsampling halves the channels on the way to the next level. */
static void
load_level (QiVaeDecoder *decoder, guint i)
{
  const QiVaeConfig *c = &decoder->config;
  const guint64 c_out = width_of (c, i);
  Level *level = &decoder->levels[i];
  guint64 c_in = i ? width_of (c, i - 1) / 2 : c_out;

  level->res = g_new0 (QiVaeResBlock, c->n_res_blocks + 1);
  for (guint k = 0; k <= c->n_res_blocks; k++, c_in = c_out)
    {
      g_autofree char *name = g_strdup_printf ("decoder.up_blocks.%u.resnets.%u", i, k);
      qi_vae_res_load (&level->res[k], decoder->weights, c_in, c_out, name);
    }
  if (i + 1 < c->n_levels)
    qi_weights_conv (decoder->weights, &level->up, c_out, c_out / 2, "decoder.up_blocks.%u.upsamplers.0.resample.1", i);
}

QiVaeDecoder *
qi_vae_decoder_new (const QiVaeConfig *config, const QiLoad *load, GError **error)
{
  g_autoptr (QiVaeDecoder) decoder = g_new0 (QiVaeDecoder, 1);
  QiWeights *w = decoder->weights = qi_weights_new (load);
  const guint64 widest = width_of (config, 0);

  decoder->config = *config;
  qi_weights_conv1 (w, &decoder->post_quant, config->z_dim, config->z_dim, "post_quant_conv");
  qi_weights_conv (w, &decoder->conv_in, config->z_dim, widest, "decoder.conv_in");
  qi_vae_mid_load (&decoder->mid, w, widest, "decoder.mid_block");
  for (guint i = 0; i < config->n_levels; i++)
    load_level (decoder, i);
  decoder->norm_out = qi_weights_array (w, 1, width_of (config, config->n_levels - 1), "decoder.norm_out.gamma");
  qi_weights_conv (w, &decoder->conv_out, width_of (config, config->n_levels - 1), config->image_channels,
                   "decoder.conv_out");
  return qi_weights_finish (w, error) ? g_steal_pointer (&decoder) : NULL;
}

void
qi_vae_decoder_free (QiVaeDecoder *decoder)
{
  if (!decoder)
    return;
  qi_weights_free (decoder->weights);
  for (guint i = 0; i < MAX_LEVELS; i++)
    g_free (decoder->levels[i].res);
  g_free (decoder);
}

/* From the middle on: nothing looks further than its neighbours. */
static void
run_levels (const QiVaeDecoder *decoder, QiStream *s, QiTensor **x, const QiTap *tap)
{
  const QiVaeConfig *c = &decoder->config;

  for (guint i = 0; i < c->n_levels; i++)
    {
      for (guint k = 0; k <= c->n_res_blocks; k++)
        {
          qi_vae_res (s, x, &decoder->levels[i].res[k]);
          if (k == 0)
            qi_tap_n (tap, s, *x, "dec.up%u.res0", i);
        }
      if (decoder->levels[i].up.weight)
        qi_vae_conv (s, x, &decoder->levels[i].up, QI_CONV_UP);
      qi_tap_n (tap, s, *x, "dec.up%u", i);
    }
  qi_vae_norm_conv (s, x, decoder->norm_out, &decoder->conv_out);
  qi_tap (tap, s, *x, "dec.unclamped");
}

/* A level has a block more, and the convolution after its enlargement (the last: conv_out); of the released VAE 12.25 rows. */
static guint64
halo (const QiVaeConfig *config)
{
  return qi_vae_halo (config, config->n_res_blocks + 1);
}

guint
qi_vae_max_strips (const QiVaeConfig *config, guint64 n_rows)
{
  return qi_vae_strips_at_most (halo (config), n_rows);
}

/* Strip number i of n of the middle's result, with as much around it as it depends on, to its rows of image: the same values as
 * those of the whole map. */
static void
run_strip (const QiVaeDecoder *decoder, QiStream *s, const QiTensor *mid, guint i, guint n, const QiTensor *image)
{
  const QiVaeConfig *c = &decoder->config;
  const guint64 w = qi_tensor_dim (mid, 1), factor = qi_vae_factor (c);
  const QiVaeStrip strip = qi_vae_strip (halo (c), qi_tensor_dim (mid, 0), i, n);
  const guint64 read = strip.to - strip.from;

  qi_stream_begin_scope (s);
  const QiTensor *part = qi_view_as (s, qi_view_rows (s, mid, strip.from * w, read * w), read, w, qi_tensor_dim (mid, 2));
  g_autoptr (QiTensor) x = qi_tensor_ref (part);

  run_levels (decoder, s, &x, NULL);

  const guint64 width = w * factor, rows = (strip.end - strip.first) * factor * width;

  qi_copy_into (s, qi_view_rows (s, image, strip.first * factor * width, rows),
                qi_view_rows (s, x, (strip.first - strip.from) * factor * width, rows));
  qi_stream_end_scope (s);
}

const QiTensor *
qi_vae_decode_raw (const QiVaeDecoder *decoder, QiStream *s, const QiTensor *latents, guint n_strips, const QiTap *tap)
{
  const QiVaeConfig *c = &decoder->config;
  static const char *const mid_taps[2] = { "dec.mid.res0", "dec.mid.attn" };
  const guint64 factor = qi_vae_factor (c);
  g_autoptr (QiTensor) x = qi_tensor_ref (latents);
  const QiTensor *image;

  g_return_val_if_fail (qi_tensor_n_dims (latents) == 3 && qi_tensor_dim (latents, 2) == c->z_dim, NULL);

  qi_vae_linear (s, &x, &decoder->post_quant);
  qi_tap (tap, s, x, "dec.post_quant");
  qi_vae_conv (s, &x, &decoder->conv_in, QI_CONV_SAME);
  qi_tap (tap, s, x, "dec.conv_in");
  qi_vae_mid (s, &x, &decoder->mid, mid_taps, tap);
  qi_tap (tap, s, x, "dec.mid");
  if (n_strips <= 1)
    {
      run_levels (decoder, s, &x, tap);
      return qi_view_as (s, x, qi_tensor_dim (x, 0), qi_tensor_dim (x, 1), qi_tensor_dim (x, 2));
    }
  image = qi_scratch (s, QI_DTYPE_F32, qi_tensor_dim (x, 0) * factor, qi_tensor_dim (x, 1) * factor, c->image_channels);
  for (guint i = 0; i < n_strips; i++)
    run_strip (decoder, s, x, i, n_strips, image);
  return image;
}

const QiTensor *
qi_vae_decode (const QiVaeDecoder *decoder, QiStream *s, const QiTensor *latents, const QiTap *tap)
{
  const QiTensor *image = qi_clamp (s, qi_vae_decode_raw (decoder, s, latents, 1, tap), -1, 1);

  qi_tap (tap, s, image, "dec.image");
  return image;
}
