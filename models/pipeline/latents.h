/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/latents.h — pictures to latents: the VAE encoder's stage. */
#pragma once
#include "models/pipeline/sources.h"

/* What the VAE encoder says of the pictures of a job. */
typedef struct
{
  QiShown shown[QI_MAX_SOURCES];
  guint n;
  GBytes *moments[QI_MAX_SOURCES]; /* f32 [h w, 2 c] */
  float *mask;                     /* [h, w] of the result's latents, 0 or 1; NULL: the pipeline has none */
} QiLooked;
void qi_looked_clear (QiLooked *looked);

/* Only what is not remembered is computed; without pictures there is no stage. In a plan pixels are not looked at. Taps:
 * "vae_encodeN.moments" [h, w, 2 c]. */
gboolean qi_look (const QiPipeline *pipeline, QiRuntime *runtime, const QiPipelineJob *job, QiLooked *looked,
                  const QiTap *tap, GError **error);

/* Latents of picture i as the transformer has them, planes [c, h, w]: of the posterior's mean, or of its sample with noise
 * [c, h, w]. (transfer full, g_free) */
float *qi_looked_latents (const QiLooked *looked, const QiVaeConfig *config, guint i, const float *noise);
