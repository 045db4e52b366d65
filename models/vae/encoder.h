/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/vae/encoder.h — pixels to latents. */
#pragma once
#include "models/vae/vae-common.h"

typedef struct _QiVaeEncoder QiVaeEncoder;

/* (transfer full) */
QiVaeEncoder *qi_vae_encoder_new (const QiVaeConfig *config, const QiLoad *load, GError **error);
void qi_vae_encoder_free (QiVaeEncoder *encoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiVaeEncoder, qi_vae_encoder_free)

/* pixels: f32 [h, w, image_channels] in [-1, 1], h and w multiples of 8. The posterior's mean and log variance,
 * [h / 8, w / 8, 2 z_dim], not normalised, in the current scope. n_strips: 1, or up to the middle in so many horizontal strips, one
 * after the other, each with all that it depends on around it: the same values with less memory and more work, and no tap before
 * "enc.mid.res0".
 * Taps: "enc.conv_in", "enc.downK" after down_blocks.K, "enc.mid.res0", "enc.mid.attn", "enc.mid", "enc.moments"; maps
 * [h, w, c]. */
const QiTensor *qi_vae_encode (const QiVaeEncoder *encoder, QiStream *s, const QiTensor *pixels, guint n_strips,
                               const QiTap *tap);
/* More strips than this of a picture whose latents have n_rows rows save little. */
guint qi_vae_max_encode_strips (const QiVaeConfig *config, guint64 n_rows);

/* The mean: [h, w, z_dim]. */
const QiTensor *qi_vae_mean (QiStream *s, const QiTensor *moments);

/* mean + exp (logvar / 2) noise, on the host. moments: [n_pixels, 2 z_dim] as the encoder gives them; noise and sample: planes
 * [z_dim, n_pixels]. logvar is limited to -30 … 20. */
void qi_vae_sample (const float *moments, guint64 n_pixels, guint z_dim, const float *noise, float *sample);
