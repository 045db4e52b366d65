/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/blend.h — a patch onto a picture, where there is nobody to make a layer of it. */
#pragma once
#include "base/image.h"

/* patch (RGB or RGBA) at (x, y) over image, through mask (one channel, size of the patch; NULL: all of it), in linear
 * light. Where mask or the patch's alpha is 0, and outside, the bytes stay; where both are 255, they are the patch's.
 * Parts beyond the image are passed over. The result has image's number of channels. (transfer full) */
QiImage *qi_blend_onto (const QiImage *image, const QiImage *patch, const QiImage *mask, int x, int y);

/* patch with its alpha multiplied by mask: RGBA. (transfer full) */
QiImage *qi_blend_cut_out (const QiImage *patch, const QiImage *mask);
