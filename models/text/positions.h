/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/positions.h — positions of tokens in the text encoder, and M-RoPE's table of angles. */
#pragma once
#include "models/config.h"

/* A picture in the text: patches after merging, rows and columns. */
typedef struct
{
  guint h, w;
} QiMergedGrid;

/* Positions [3][n] (frame, height, width) of n tokens: text counts on, picture k's tokens (id image_id, h w of them in a
 * row) stay at the current frame and count rows and columns from it; text goes on after max (h, w). A run of image ids
 * that is no picture's is an error. (transfer full, g_free) */
guint32 *qi_text_positions_new (const guint32 *ids, guint n, guint32 image_id, const QiMergedGrid *pictures,
                                guint n_pictures, GError **error);

/* cos and sin [n, head_dim / 2, 2] of the angles: pair i turns with the position that its section of M-RoPE names.
 * positions: [3][n]; NULL: 0, 1, … on all axes. (transfer full, g_free) */
float *qi_mrope_new (const QiTextConfig *config, const guint32 *positions, guint n);

/* One axis' frequency of pair i, in f32 as the reference has it. */
float qi_mrope_frequency (const QiTextConfig *config, guint i);
