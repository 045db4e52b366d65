/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/diffusion/msrope.h — multi-scale RoPE: positions of text, latents and references, centred on each picture. */
#pragma once
#include "models/config.h"

/* A picture's tokens: frames, rows, columns (pixels / 16), in this order of nesting. */
typedef struct
{
  guint frames, h, w;
} QiTokenGrid;

/* Positions [n_text + sum of frames h w][3] (frame, height, width), text rows first.
 * Rows run from -ceil (h / 2), columns alike; picture i has frame i, in the layered form the last one -1. Text token n is at
 * M + n on all axes, M the largest floor (h / 2) or floor (w / 2) of all pictures, layered: at least n_grids - 1.
 * text: [n_text] indices n of the text rows, for prompts with rows left out; NULL: 0, 1, …. (transfer full, g_free) */
gint32 *qi_msrope_positions_new (const QiTokenGrid *grids, guint n_grids, const guint32 *text, guint n_text,
                                 gboolean layered);

/* cos and sin of the angles: [rows, head_dim / 2, 2] in the order of qi_msrope_positions_new(). (transfer full, g_free) */
float *qi_msrope_new (const QiMmditConfig *config, const QiTokenGrid *grids, guint n_grids, const guint32 *text,
                      guint n_text);

/* Tokens of all pictures. */
guint64 qi_token_grids_total (const QiTokenGrid *grids, guint n_grids);
