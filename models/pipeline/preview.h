/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/preview.h — a rough picture of latents without a decoder: colours as a linear map of a latent pixel's channels.
 * The map is fitted to what the decoder made of latents, and gets better with every picture that is decoded. */
#pragma once
#include "models/pipeline/job.h"

#define QI_PREVIEW_SIDE 24 /* latents of what the map is fitted to before there are pictures */

typedef struct _QiPreview QiPreview;

QiPreview *qi_preview_new (void);
void qi_preview_free (QiPreview *preview);
gboolean qi_preview_is_fitted (const QiPreview *preview);

/* latents: [c, h, w]; picture: its decoding, sides whole multiples of h and w. What was learnt before counts half. */
void qi_preview_learn (QiPreview *preview, const float *latents, guint c, guint h, guint w, const QiPlanes *picture);

/* Smooth random latents to begin with: [c, QI_PREVIEW_SIDE, QI_PREVIEW_SIDE]. (transfer full, g_free) */
float *qi_preview_latents_new (guint c);

/* tokens: [(h / 2) (w / 2), 4 c]. w × h pixels, RGB; NULL: nothing was learnt yet. (transfer full) */
QiImage *qi_preview_image (const QiPreview *preview, const float *tokens, guint c, guint h, guint w);
