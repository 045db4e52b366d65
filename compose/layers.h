/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/layers.h — a picture taken apart: the model's layers with the original's pixels. */
#pragma once
#include "base/image.h"
#include "compose/frame.h"

/* original: the frame's pixels. layers: what the model made of Picture 1, bottom to top, RGBA. Each comes back at the size of the
 * frame with the alpha of the model's and the original's colours where it is seen, the model's where other layers hide it or
 * it is not there; so they add up, byte values with byte values, to the original, and what was hidden is there when a layer
 * is moved.
 * Where they are all of one size, and together show the original in four fifths of it at least, little of a layer is left
 * below it either: an edge that the model missed is where the original's colours say (compose/matte.h), and of what shines
 * through a soft edge each layer has its share. *n_whole (may be NULL): how many would show the whole original and keep the model's colours instead; more than
 * 0: the model did not take the picture apart. (transfer full) */
GPtrArray *qi_layers_recover (const QiImage *original, const QiFrame *frame, QiImage *const *layers, guint n_layers,
                              guint *n_whole);
