/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/sampler.h — ways from one sigma to the next. A table; "euler" is its first row. */
#pragma once
#include "compute/op.h"

typedef struct
{
  const char *name;
  /* Latents at sigma_next from those at sigma and the velocity there; all [n, channels], in the current scope. */
  const QiTensor *(*step) (QiStream *s, const QiTensor *x, const QiTensor *velocity, float sigma, float sigma_next);
} QiSampler;

/* NULL or "": the first. NULL with QI_ERROR_BAD_REQUEST, which names those there are. */
const QiSampler *qi_sampler_find (const char *name, GError **error);
