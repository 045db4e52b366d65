/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/picture/planes.h — pictures of bytes as the planes of floats that networks take. */
#pragma once
#include "base/image.h"

/* [channels, height, width] in [-1, 1]: byte / 255 * 2 - 1. channels is 3 or 4: grey is repeated, a missing alpha is
 * opaque, one too many is left out (not blended). (g_free) */
float *qi_image_to_planes (const QiImage *image, guint channels);

/* Grey as PIL's "L": (19595 R + 38470 G + 7471 B + 2^15) >> 16, alpha left out. (transfer full) */
QiImage *qi_image_to_grey (QiImage *image);

/* Without alpha: three channels, grey repeated. (transfer full) */
QiImage *qi_image_to_rgb (QiImage *image);
