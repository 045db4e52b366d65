/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/vae/decoder.h — latents to pixels. */
#pragma once
#include "models/vae/vae-common.h"

typedef struct _QiVaeDecoder QiVaeDecoder;

/* (transfer full) */
QiVaeDecoder *qi_vae_decoder_new (const QiVaeConfig *config, const QiLoad *load, GError **error);
void qi_vae_decoder_free (QiVaeDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiVaeDecoder, qi_vae_decoder_free)

/* latents: f32 [h, w, z_dim], not normalised (qi_vae_denormalize). f32 [8 h, 8 w, image_channels] in [-1, 1], in the current
 * scope. Taps: "dec.post_quant", "dec.conv_in", "dec.mid.res0", "dec.mid.attn", "dec.mid", "dec.upK.res0" after the first
 * residual block of up_blocks.K, "dec.upK" after its last layer, "dec.unclamped", "dec.image"; maps [h, w, c]. */
const QiTensor *qi_vae_decode (const QiVaeDecoder *decoder, QiStream *s, const QiTensor *latents, const QiTap *tap);

/* The same before the values are limited, where NaN still shows; no tap "dec.image". n_strips: 1, or from the middle on in so many
 * horizontal strips, one after the other, each with all that it depends on around it: the same values with less memory and
 * more work, and no tap after "dec.mid". */
const QiTensor *qi_vae_decode_raw (const QiVaeDecoder *decoder, QiStream *s, const QiTensor *latents, guint n_strips,
                                   const QiTap *tap);
/* More strips than this of latents of n_rows rows save little. */
guint qi_vae_max_strips (const QiVaeConfig *config, guint64 n_rows);
