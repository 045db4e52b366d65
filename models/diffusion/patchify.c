/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/diffusion/patchify.h"

const QiTensor *
qi_tokens_from_latents (QiStream *s, const float *latents, guint64 c, guint64 h, guint64 w)
{
  const QiTensor *tokens = qi_scratch (s, QI_DTYPE_F32, h / 2 * (w / 2), 4 * c);

  qi_stream_begin_scope (s);
  const QiTensor *planes = qi_scratch (s, QI_DTYPE_F32, c, h, w);

  qi_stream_upload (s, planes, 0, latents, qi_tensor_bytes (planes));
  qi_copy_into (s, tokens, qi_patchify (s, qi_planes_to_pixels (s, planes)));
  qi_stream_end_scope (s);
  return tokens;
}

gboolean
qi_tokens_to_latents (QiStream *s, const QiTensor *tokens, guint64 c, guint64 h, guint64 w, float *latents, GError **error)
{
  gboolean done;

  qi_stream_begin_scope (s);
  const QiTensor *planes = qi_pixels_to_planes (s, qi_unpatchify (s, tokens, h, w));

  done = qi_stream_download (s, planes, latents, c * h * w * sizeof (float), error);
  qi_stream_end_scope (s);
  return done;
}
