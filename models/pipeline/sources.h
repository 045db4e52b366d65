/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/sources.h — which pictures of a job the VAE and the vision tower are shown, how large, and under which mask. */
#pragma once
#include "models/pipeline/pipelines.h"
#include "models/text/prompt-embeddings.h"

#define QI_MAX_SOURCES 16 /* pictures of a job */

/* One picture on its way to the VAE. */
typedef struct
{
  const QiPicture *source;
  guint width, height; /* to which it is brought */
} QiShown;

/* For the VAE: shown [QI_MAX_SOURCES]. */
gboolean qi_pipeline_shown (const QiPipeline *pipeline, const QiPipelineJob *job, QiShown *shown, guint *n, GError **error);
/* For the text encoder: pictures [QI_MAX_SOURCES]. */
gboolean qi_pipeline_seen (const QiPipeline *pipeline, const QiPipelineJob *job, QiPromptPicture *pictures, guint *n,
                           GError **error);

/* Resized, without alpha unless channels is 4; where a ControlNet for inpainting is to draw, black. (transfer full) */
QiImage *qi_shown_image (const QiPipeline *pipeline, const QiPipelineJob *job, const QiShown *shown, guint channels,
                         GError **error);

/* The mask at the size of the latents, [h, w]: 1 where it is at least one half, 0 elsewhere. (transfer full, g_free) */
float *qi_job_mask (const QiPipelineJob *job, guint h, guint w, GError **error);
