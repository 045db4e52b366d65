/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/mask.h — selection → what fades in, and what the model repaints. Masks are one-channel images, 255:
 * selected. */
#pragma once
#include "base/image.h"
#include "compose/frame.h"

/* The width in pixels of the soft edge for a request's `soft-edge`: itself, or for -1 a small part of the selection,
 * and 0 where the selection has partial values already. mask may be NULL: from the bounds alone. */
guint qi_mask_soft_edge (int soft_edge, const QiRect *selection, const QiImage *mask);

/* The selection, of the frame's size, with an edge that fades over so many pixels. Values only go down; what was 0
 * stays 0. Where the selection meets the end of the canvas there is no edge to fade; where it is cut by a frame set
 * by hand, there is. A selection too thin to fade keeps its middle. (transfer full) */
QiImage *qi_mask_soften (const QiImage *selection, const QiFrame *frame, guint soft_edge);

/* What the model may repaint: 0 or 255, at the size of Picture 1. All that is selected even faintly, and grown by one
 * cell of the latents, so that the fading edge lies in what the model has drawn. (transfer full) */
QiImage *qi_mask_for_model (const QiImage *selection, const QiFrame *frame);

/* 255 wherever mask is not 0 within so many pixels along both axes. (transfer full) */
QiImage *qi_mask_grow (const QiImage *mask, guint radius);
