/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/sample/guidance.h"

gboolean
qi_guidance_is_on (const QiGuidance *guidance, gboolean has_negative)
{
  return has_negative && guidance->scale > 1;
}

const QiTensor *
qi_guidance_apply (QiStream *s, const QiGuidance *guidance, const QiTensor *cond, const QiTensor *uncond)
{
  return uncond ? qi_guide (s, cond, uncond, (float) guidance->scale, guidance->rescale) : cond;
}
