/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/vae/encoder.h"

#include <math.h>

/* One of down_blocks: a residual block, or the convolution that halves the map. */
typedef struct
{
  QiVaeResBlock res;
  QiConv down; /* weight NULL: it is a residual block */
} Step;

struct _QiVaeEncoder
{
  QiVaeConfig config;
  QiWeights *weights;
  QiConv conv_in, conv_out;
  Step *steps; /* down_blocks.K */
  guint n_steps;
  QiVaeMid mid;
  const QiTensor *norm_out;
  QiLinear quant;
};

/* All levels: n_res_blocks residual blocks, then, save for the last, a halving. Returns the last level's channels. */
static guint64
load_steps (QiVaeEncoder *encoder)
{
  const QiVaeConfig *c = &encoder->config;
  guint64 c_in = c->base_dim, c_out = c_in;
  guint k = 0;

  encoder->n_steps = c->n_levels * (c->n_res_blocks + 1) - 1;
  encoder->steps = g_new0 (Step, encoder->n_steps);
  for (guint i = 0; i < c->n_levels; i++)
    {
      c_out = (guint64) c->base_dim * c->dim_mult[i];
      for (guint r = 0; r < c->n_res_blocks; r++, k++, c_in = c_out)
        {
          g_autofree char *name = g_strdup_printf ("encoder.down_blocks.%u", k);
          qi_vae_res_load (&encoder->steps[k].res, encoder->weights, c_in, c_out, name);
        }
      if (i + 1 < c->n_levels)
        {
          qi_weights_conv (encoder->weights, &encoder->steps[k].down, c_out, c_out, "encoder.down_blocks.%u.resample.1", k);
          k++;
        }
    }
  return c_out;
}

QiVaeEncoder *
qi_vae_encoder_new (const QiVaeConfig *config, const QiLoad *load, GError **error)
{
  g_autoptr (QiVaeEncoder) encoder = g_new0 (QiVaeEncoder, 1);
  QiWeights *w = encoder->weights = qi_weights_new (load);
  const guint64 z2 = 2 * (guint64) config->z_dim;
  guint64 c;

  encoder->config = *config;
  qi_weights_conv (w, &encoder->conv_in, config->image_channels, config->base_dim, "encoder.conv_in");
  c = load_steps (encoder);
  qi_vae_mid_load (&encoder->mid, w, c, "encoder.mid_block");
  encoder->norm_out = qi_weights_array (w, 1, c, "encoder.norm_out.gamma");
  qi_weights_conv (w, &encoder->conv_out, c, z2, "encoder.conv_out");
  qi_weights_conv1 (w, &encoder->quant, z2, z2, "quant_conv");
  return qi_weights_finish (w, error) ? g_steal_pointer (&encoder) : NULL;
}

void
qi_vae_encoder_free (QiVaeEncoder *encoder)
{
  if (!encoder)
    return;
  qi_weights_free (encoder->weights);
  g_free (encoder->steps);
  g_free (encoder);
}

/* Up to the middle: nothing looks further than its neighbours. */
static void
run_steps (const QiVaeEncoder *encoder, QiStream *s, QiTensor **x, const QiTap *tap)
{
  qi_vae_conv (s, x, &encoder->conv_in, QI_CONV_SAME);
  qi_tap (tap, s, *x, "enc.conv_in");
  for (guint k = 0; k < encoder->n_steps; k++)
    {
      if (encoder->steps[k].down.weight)
        qi_vae_conv (s, x, &encoder->steps[k].down, QI_CONV_DOWN);
      else
        qi_vae_res (s, x, &encoder->steps[k].res);
      qi_tap_n (tap, s, *x, "enc.down%u", k);
    }
}

/* A level has two convolutions a block, and the one that halves to it (the first: conv_in); of the released VAE 8.5 rows. */
static guint64
halo (const QiVaeConfig *config)
{
  return qi_vae_halo (config, config->n_res_blocks);
}

guint
qi_vae_max_encode_strips (const QiVaeConfig *config, guint64 n_rows)
{
  return qi_vae_strips_at_most (halo (config), n_rows);
}

/* Strip number i of n of the smallest map, from the pixels that it depends on: the same values as from all of them, since a strip
 * begins with a whole row of that map and so halves the same rows. */
static void
run_strip (const QiVaeEncoder *encoder, QiStream *s, const QiTensor *pixels, guint i, guint n, const QiTensor *map)
{
  const guint64 factor = qi_vae_factor (&encoder->config), w = qi_tensor_dim (map, 1), width = qi_tensor_dim (pixels, 1);
  const QiVaeStrip strip = qi_vae_strip (halo (&encoder->config), qi_tensor_dim (map, 0), i, n);
  const guint64 read = strip.to - strip.from, kept = strip.end - strip.first;

  qi_stream_begin_scope (s);
  const QiTensor *rows = qi_view_rows (s, pixels, strip.from * factor * width, read * factor * width);
  g_autoptr (QiTensor) x = qi_tensor_ref (qi_view_as (s, rows, read * factor, width, qi_tensor_dim (pixels, 2)));

  run_steps (encoder, s, &x, NULL);
  qi_copy_into (s, qi_view_rows (s, map, strip.first * w, kept * w), qi_view_rows (s, x, (strip.first - strip.from) * w, kept * w));
  qi_stream_end_scope (s);
}

/* What run_steps() makes of it, strip by strip. */
static void
run_strips (const QiVaeEncoder *encoder, QiStream *s, QiTensor **x, guint n_strips)
{
  const QiVaeConfig *c = &encoder->config;
  const guint factor = qi_vae_factor (c);
  const QiTensor *map = qi_scratch (s, QI_DTYPE_F32, qi_tensor_dim (*x, 0) / factor, qi_tensor_dim (*x, 1) / factor,
                                    (guint64) c->base_dim * c->dim_mult[c->n_levels - 1]);

  for (guint i = 0; i < n_strips; i++)
    run_strip (encoder, s, *x, i, n_strips, map);
  qi_tensor_unref (*x);
  *x = qi_tensor_ref (map);
}

const QiTensor *
qi_vae_encode (const QiVaeEncoder *encoder, QiStream *s, const QiTensor *pixels, guint n_strips, const QiTap *tap)
{
  static const char *const mid_taps[2] = { "enc.mid.res0", "enc.mid.attn" };
  g_autoptr (QiTensor) x = qi_tensor_ref (pixels);

  g_return_val_if_fail (qi_tensor_n_dims (pixels) == 3 && qi_tensor_dim (pixels, 2) == encoder->config.image_channels, NULL);

  if (n_strips > 1)
    run_strips (encoder, s, &x, n_strips);
  else
    run_steps (encoder, s, &x, tap);
  qi_vae_mid (s, &x, &encoder->mid, mid_taps, tap);
  qi_tap (tap, s, x, "enc.mid");
  qi_vae_norm_conv (s, &x, encoder->norm_out, &encoder->conv_out);

  const QiTensor *moments = qi_view_as (s, qi_linear (s, x, &encoder->quant, QI_ACT_NONE), qi_tensor_dim (x, 0),
                                        qi_tensor_dim (x, 1), qi_tensor_dim (x, 2));

  qi_tap (tap, s, moments, "enc.moments");
  return moments;
}

const QiTensor *
qi_vae_mean (QiStream *s, const QiTensor *moments)
{
  const guint64 z = qi_tensor_dim (moments, -1) / 2;

  return qi_view_as (s, qi_slice_columns (s, moments, 0, z), qi_tensor_dim (moments, 0), qi_tensor_dim (moments, 1), z);
}

void
qi_vae_sample (const float *moments, guint64 n_pixels, guint z_dim, const float *noise, float *sample)
{
  for (guint64 p = 0; p < n_pixels; p++)
    for (guint c = 0; c < z_dim; c++)
      {
        const float mean = moments[p * 2 * z_dim + c];
        const float logvar = CLAMP (moments[p * 2 * z_dim + z_dim + c], -30.0f, 20.0f);

        sample[c * n_pixels + p] = mean + expf (0.5f * logvar) * noise[c * n_pixels + p];
      }
}
