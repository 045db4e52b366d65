/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/diffusion/patchify.h — latents on the host to tokens on the device, and back to latents for the VAE. */
#pragma once
#include "compute/op.h"

/* latents: [c, h, w] planes, h and w even. f32 [(h/2) (w/2), 4 c], in the current scope. */
const QiTensor *qi_tokens_from_latents (QiStream *s, const float *latents, guint64 c, guint64 h, guint64 w);

/* tokens [(h/2) (w/2), 4 c] to planes [c, h, w] on the host; runs the stream. */
gboolean qi_tokens_to_latents (QiStream *s, const QiTensor *tokens, guint64 c, guint64 h, guint64 w, float *latents,
                               GError **error);
