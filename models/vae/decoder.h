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
 * scope. Taps: "dec.conv_in", "dec.mid", "dec.upK" after up_blocks.K, "dec.unclamped", "dec.image"; maps [h, w, c]. */
const QiTensor *qi_vae_decode (const QiVaeDecoder *decoder, QiStream *s, const QiTensor *latents, const QiTap *tap);
