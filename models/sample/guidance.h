/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/guidance.h — true classifier-free guidance: two predictions become one. */
#pragma once
#include "compute/op.h"

typedef struct
{
  double scale;     /* u + scale (p - u) */
  gboolean rescale; /* each token back to the length of the conditional one: all models but Layered */
} QiGuidance;

/* Guidance does something only with a negative prompt and a scale above 1. */
gboolean qi_guidance_is_on (const QiGuidance *guidance, gboolean has_negative);

/* cond, uncond: [n, channels]; uncond NULL: cond itself. In the current scope. */
const QiTensor *qi_guidance_apply (QiStream *s, const QiGuidance *guidance, const QiTensor *cond, const QiTensor *uncond);
