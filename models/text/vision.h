/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/vision.h — the vision tower of Qwen2.5-VL: pixels to rows that stand in the text for a picture.
 *
 * A picture is resized to whole merged patches (2 × 2 patches of 14 pixels), each of which becomes one token. Most blocks
 * attend within windows of 112 pixels, a few over the whole picture. */
#pragma once
#include "base/image.h"
#include "models/config.h"
#include "models/tap.h"
#include "models/text/positions.h"
#include "models/weights.h"

typedef struct _QiVision QiVision;

/* (transfer full) */
QiVision *qi_vision_new (const QiVisionConfig *config, const QiLoad *load, GError **error);
void qi_vision_free (QiVision *vision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiVision, qi_vision_free)

/* Tokens (rows and columns) of a picture of width × height pixels. QI_ERROR_BAD_REQUEST: one side is more than 200 times
 * the other. */
gboolean qi_vision_grid (const QiVisionConfig *config, guint width, guint height, QiMergedGrid *grid, GError **error);

/* image resized to grid, as bytes: what the tower is shown. (transfer full) */
QiImage *qi_vision_resize (const QiVisionConfig *config, QiImage *image, const QiMergedGrid *grid, GError **error);

/* The patches of an image of grid's size: [4 tokens, 3 patch patch], normalised; four in a row are one token's. (g_free) */
float *qi_vision_patches_new (const QiVisionConfig *config, const QiImage *image, const QiMergedGrid *grid);

/* f32 [tokens, out_dim], row by row, in the current scope. patches: as above; NULL in a planning stream.
 * Taps: "vis.patch_embed", "vis.blockK" [patches, width] (blocks in the order of windows), "vis.merger_window_order",
 * "vis.embeds" [tokens, out_dim]. */
const QiTensor *qi_vision_forward (const QiVision *vision, QiStream *s, const float *patches, const QiMergedGrid *grid,
                                   const QiTap *tap);
