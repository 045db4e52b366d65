/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/layers.h — layers, masks and selections of GIMP → pixels. Nothing here changes an image.
 *
 * Units:  pixels of the image; layers may begin at negative coordinates.
 * Colour: whatever precision, mode and profile the image has comes out as 8-bit sRGB; what lies outside that gamut is
 *         clipped. Masks come out as they are. */
#pragma once
#include <libgimp/gimp.h>

#include "base/image.h"
#include "ui/host.h"

/* The layer that a drawable stands for: itself, or for a layer mask the layer that has it; NULL for a channel. */
GimpLayer *qi_layer_of (GimpDrawable *drawable);
/* The topmost of these; NULL: what is visible. drawables is NULL-terminated and may be NULL itself. */
GimpLayer *qi_layers_topmost (GimpDrawable *const *drawables);
/* QiHostReference for each of these GimpDrawable: a channel stands for what is visible of its image. (transfer full) */
GPtrArray *qi_layers_references (GPtrArray *drawables);

GimpImage *qi_image_by_id (gint id); /* NULL: it was closed */
GimpLayer *qi_layer_by_id (gint id); /* NULL: it is gone, or in no image */

QiRect qi_layer_rect (GimpLayer *layer);
/* Bounds of what is selected, cut to the canvas; empty without a selection. */
QiRect qi_selection_rect (GimpImage *image);

/* Nothing below it can be seen. */
gboolean qi_layer_is_opaque (GimpLayer *layer);
/* Every pixel is transparent. */
gboolean qi_layer_is_empty (GimpLayer *layer);

/* Pixels of rect, at width × height: 4 channels, transparent where there is nothing. A layer shows itself through its
 * mask, without opacity or mode; layer NULL: what is visible, as if there were no layer except (may be NULL). (transfer full) */
QiImage *qi_layers_read (GimpImage *image, GimpLayer *layer, GimpLayer *except, const QiRect *rect, guint width,
                         guint height, GError **error);
/* The selection in rect, or the mask of mask_layer where that is not NULL: 1 channel, 0 outside. (transfer full) */
QiImage *qi_layers_read_mask (GimpImage *image, GimpLayer *mask_layer, const QiRect *rect, guint width, guint height,
                              GError **error);
