/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/layers.h — a picture taken apart: the model's layers with the original's pixels. */
#pragma once
#include "base/image.h"
#include "compose/frame.h"

/* original: the frame's pixels. layers: what the model made of Picture 1, bottom to top, RGBA, all of one size. Each
 * comes back at the size of the frame with the alpha of the model's, but for edges that the model missed: where its layers together are not
 * what the original shows there, and that is a mixture of the plain colours on both sides (compose/matte.h). Its colours are the original's where it is seen,
 * and the model's where other layers hide it or it is not there; so they add up to the original, and what was hidden
 * is there when a layer is moved. *n_whole (may be NULL): how many would show the whole original and keep the model's
 * colours instead; more than 0: the model did not take the picture apart. (transfer full) */
GPtrArray *qi_layers_recover (const QiImage *original, const QiFrame *frame, QiImage *const *layers, guint n_layers,
                              guint *n_whole);
