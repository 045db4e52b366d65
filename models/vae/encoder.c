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

const QiTensor *
qi_vae_encode (const QiVaeEncoder *encoder, QiStream *s, const QiTensor *pixels, const QiTap *tap)
{
  static const char *const mid_taps[2] = { "enc.mid.res0", "enc.mid.attn" };
  g_autoptr (QiTensor) x = qi_tensor_ref (pixels);

  g_return_val_if_fail (qi_tensor_n_dims (pixels) == 3 && qi_tensor_dim (pixels, 2) == encoder->config.image_channels, NULL);

  qi_vae_conv (s, &x, &encoder->conv_in, QI_CONV_SAME);
  qi_tap (tap, s, x, "enc.conv_in");
  for (guint k = 0; k < encoder->n_steps; k++)
    {
      if (encoder->steps[k].down.weight)
        qi_vae_conv (s, &x, &encoder->steps[k].down, QI_CONV_DOWN);
      else
        qi_vae_res (s, &x, &encoder->steps[k].res);
      qi_tap_n (tap, s, x, "enc.down%u", k);
    }
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
