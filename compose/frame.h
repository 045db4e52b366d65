/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/frame.h — which part of the image the model sees, and at what size.
 *
 * Pure arithmetic on sizes: cheap enough for a window to ask on every motion of the pointer. Units: pixels. */
#pragma once
#include <glib.h>

#include "base/request.h"
#include "compose/rect.h"

/* The sizes a model likes. */
typedef struct
{
  guint unit;                 /* sides are multiples of this; 0: 16 */
  guint64 min_area, max_area; /* width × height it works well at */
} QiModelSizes;

/* From what the engine says about itself (QiEngineInfo): the size of a new picture, and the unit. Edits are worked on
 * at up to a megapixel, as their authors do, even where new pictures may be larger; and down to a quarter of that, save with
 * very small models, which are shown as much of the picture as they have room for. */
QiModelSizes qi_model_sizes (guint width, guint height, guint unit);

typedef struct
{
  QiRect frame;        /* in image pixels, never outside the canvas: what is read, and where the result goes */
  guint width, height; /* of Picture 1 */
  QiRect content;      /* where in Picture 1 the frame lies; what is left over is the frame mirrored at its edges. Equal
                          in size to the frame wherever that is possible: then nothing is resampled */
  QiRect selection;    /* in image pixels, within the frame; empty: there is no selection, the whole frame may change */
  gboolean inner_left, inner_top, inner_right, inner_bottom; /* sides at which the canvas goes on */
} QiFrame;

/* request says `frame` ("auto", "tight", "wide", "layer", "X Y W H"). layer, selection: bounds in image pixels, NULL
 * or empty when there is none. With a selection the frame is it and its surroundings; without, the layer, or the
 * canvas, as far as one can see it. QI_ERROR_BAD_REQUEST: nothing of it lies on the canvas, or `frame` is not one of
 * these. */
gboolean qi_frame_plan (const QiRequest *request, const QiRect *canvas, const QiRect *layer, const QiRect *selection,
                        const QiModelSizes *sizes, QiFrame *frame, GError **error);

/* A frame that is settled already, and lies on the canvas. */
QiFrame qi_frame_at (const QiRect *frame, const QiRect *canvas, const QiRect *selection, const QiModelSizes *sizes);

/* The size of a new picture for a canvas: its shape at the model's own area (width × height of the engine's info). */
void
qi_frame_new_picture (guint canvas_width, guint canvas_height, guint64 area, guint unit, guint *width, guint *height);
