/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/vae/vae-common.h"

#include <math.h>

/* -- loading --------------------------------------------------------------------------------------- */

void
qi_vae_res_load (QiVaeResBlock *block, QiWeights *weights, guint64 c_in, guint64 c_out, const char *name)
{
  block->norm1 = qi_weights_array (weights, 1, c_in, "%s.norm1.gamma", name);
  qi_weights_conv (weights, &block->conv1, c_in, c_out, "%s.conv1", name);
  block->norm2 = qi_weights_array (weights, 1, c_out, "%s.norm2.gamma", name);
  qi_weights_conv (weights, &block->conv2, c_out, c_out, "%s.conv2", name);
  if (c_in != c_out)
    qi_weights_conv1 (weights, &block->shortcut, c_in, c_out, "%s.conv_shortcut", name);
}

void
qi_vae_mid_load (QiVaeMid *mid, QiWeights *weights, guint64 c, const char *name)
{
  g_autofree char *res0 = g_strconcat (name, ".resnets.0", NULL);
  g_autofree char *res1 = g_strconcat (name, ".resnets.1", NULL);

  qi_vae_res_load (&mid->res[0], weights, c, c, res0);
  mid->attention.norm = qi_weights_array (weights, 1, c, "%s.attentions.0.norm.gamma", name);
  qi_weights_conv1 (weights, &mid->attention.qkv, c, 3 * c, "%s.attentions.0.to_qkv", name);
  qi_weights_conv1 (weights, &mid->attention.proj, c, c, "%s.attentions.0.proj", name);
  qi_vae_res_load (&mid->res[1], weights, c, c, res1);
}

/* -- steps ----------------------------------------------------------------------------------------- */

/* y outlives the scope it was made in, and takes the place of *x. */
static void
replace (QiStream *s, QiTensor **x, const QiTensor *y)
{
  QiTensor *kept = qi_tensor_ref (y);

  qi_stream_end_scope (s);
  qi_tensor_unref (*x);
  *x = kept;
}

void
qi_vae_conv (QiStream *s, QiTensor **x, const QiConv *conv, QiConvMode mode)
{
  qi_stream_begin_scope (s);
  replace (s, x, qi_conv2d (s, *x, conv, mode, NULL));
}

void
qi_vae_norm_conv (QiStream *s, QiTensor **x, const QiTensor *gamma, const QiConv *conv)
{
  qi_stream_begin_scope (s);
  replace (s, x, qi_l2_norm (s, *x, gamma, QI_ACT_SILU));
  qi_vae_conv (s, x, conv, QI_CONV_SAME);
}

/* y as a map of x's size. */
static const QiTensor *
as_map (QiStream *s, const QiTensor *y, const QiTensor *x)
{
  return qi_view_as (s, y, qi_tensor_dim (x, 0), qi_tensor_dim (x, 1), qi_tensor_dim (y, -1));
}

void
qi_vae_linear (QiStream *s, QiTensor **x, const QiLinear *linear)
{
  qi_stream_begin_scope (s);
  replace (s, x, as_map (s, qi_linear (s, *x, linear, QI_ACT_NONE), *x));
}

/* x + conv2 (silu (norm2 (conv1 (silu (norm1 (x)))))), x through the shortcut where there is one */
void
qi_vae_res (QiStream *s, QiTensor **x, const QiVaeResBlock *block)
{
  g_autoptr (QiTensor) y = qi_tensor_ref (*x);

  qi_vae_norm_conv (s, &y, block->norm1, &block->conv1);
  if (block->shortcut.weight)
    qi_vae_linear (s, x, &block->shortcut);
  qi_stream_begin_scope (s);
  replace (s, &y, qi_l2_norm (s, y, block->norm2, QI_ACT_SILU));
  qi_stream_begin_scope (s);
  replace (s, x, qi_conv2d (s, y, &block->conv2, QI_CONV_SAME, *x));
}

/* x + proj (attention (norm (x))): one head as wide as the map has channels, over all pixels */
static void
attend (QiStream *s, QiTensor **x, const QiVaeAttention *attention)
{
  const guint64 c = qi_tensor_dim (*x, -1);
  const QiAttention one_head = { .n_heads = 1, .n_kv_heads = 1 };

  qi_stream_begin_scope (s);
  const QiTensor *normed = qi_l2_norm (s, *x, attention->norm, QI_ACT_NONE);
  const QiTensor *qkv = qi_linear (s, normed, &attention->qkv, QI_ACT_NONE);
  const QiTensor *q = qi_slice_columns (s, qkv, 0, c);
  const QiTensor *k = qi_slice_columns (s, qkv, c, c);
  const QiTensor *v = qi_slice_columns (s, qkv, 2 * c, c);

  qi_linear_add_into (s, *x, qi_attention (s, q, k, v, &one_head), &attention->proj, NULL);
  qi_stream_end_scope (s);
}

void
qi_vae_mid (QiStream *s, QiTensor **x, const QiVaeMid *mid, const char *const taps[2], const QiTap *tap)
{
  qi_vae_res (s, x, &mid->res[0]);
  qi_tap (tap, s, *x, taps[0]);
  attend (s, x, &mid->attention);
  qi_tap (tap, s, *x, taps[1]);
  qi_vae_res (s, x, &mid->res[1]);
}

guint
qi_vae_factor (const QiVaeConfig *config)
{
  return 1u << (config->n_levels - 1);
}

guint64
qi_vae_halo (const QiVaeConfig *config, guint n_blocks)
{
  double rows = 0, row = 1;

  for (guint i = 0; i < config->n_levels; i++)
    {
      rows += 2 * n_blocks * row;
      row /= i + 1 < config->n_levels ? 2 : 1;
      rows += row; /* what halves or follows the enlargement; of the last level, the first or last convolution of all */
    }
  return (guint64) ceil (rows);
}

QiVaeStrip
qi_vae_strip (guint64 halo, guint64 n_rows, guint i, guint n)
{
  const guint64 first = n_rows * i / n, end = n_rows * (i + 1) / n;

  return (QiVaeStrip){ first, end, first > halo ? first - halo : 0, MIN (end + halo, n_rows) };
}

guint
qi_vae_strips_at_most (guint64 halo, guint64 n_rows)
{
  return (guint) MAX (1, n_rows / MAX (1, halo / 4));
}

/* -- normalisation --------------------------------------------------------------------------------- */

/* x * mul + add, channel by channel. */
static const QiTensor *
scale_channels (QiStream *s, const QiTensor *x, const float *mul, const float *add)
{
  const guint64 c = qi_tensor_dim (x, -1);
  const QiTensor *scale = qi_scratch (s, QI_DTYPE_F32, c);
  const QiTensor *shift = qi_scratch (s, QI_DTYPE_F32, c);

  qi_stream_upload (s, scale, 0, mul, c * sizeof (float));
  qi_stream_upload (s, shift, 0, add, c * sizeof (float));
  return qi_affine (s, x, scale, shift);
}

const QiTensor *
qi_vae_normalize (QiStream *s, const QiVaeConfig *config, const QiTensor *x)
{
  float mul[QI_MAX_LATENT_CHANNELS], add[QI_MAX_LATENT_CHANNELS];

  g_return_val_if_fail (qi_tensor_dim (x, -1) == config->z_dim && config->z_dim <= QI_MAX_LATENT_CHANNELS, NULL);
  for (guint i = 0; i < config->z_dim; i++)
    {
      mul[i] = 1.0f / config->std[i];
      add[i] = -config->mean[i] / config->std[i];
    }
  return scale_channels (s, x, mul, add);
}

const QiTensor *
qi_vae_denormalize (QiStream *s, const QiVaeConfig *config, const QiTensor *x)
{
  g_return_val_if_fail (qi_tensor_dim (x, -1) == config->z_dim && config->z_dim <= QI_MAX_LATENT_CHANNELS, NULL);
  return scale_channels (s, x, config->std, config->mean);
}
