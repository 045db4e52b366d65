/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/pixels.h — making and reading images inside compose. */
#pragma once
#include "base/image.h"
#include "compose/rect.h"

#define QI_CLAMP_BYTE(v) ((guint8) CLAMP ((v) + 0.5f, 0.f, 255.f))

/* Packed pixels, [height, width, channels], which the image then owns. (transfer full) */
QiImage *qi_pixels_take (guint width, guint height, guint channels, guint8 *pixels);
guint8 *qi_pixels_alloc (guint width, guint height, guint channels); /* zeroed; g_free() */

/* A part that lies within the image. (transfer full) */
QiImage *qi_pixels_crop (const QiImage *image, const QiRect *part);

/* Other numbers of channels: grey spreads, colours become luminance, a new alpha is 255. What is transparent is seen
 * against white when alpha goes. (transfer full) */
QiImage *qi_pixels_convert (const QiImage *image, guint channels);

/* Some pixel is not opaque. */
gboolean qi_pixels_has_transparency (const QiImage *image);

/* The largest difference of the first three channels. */
static inline int
qi_pixels_apart (const guint8 a[3], const guint8 b[3])
{
  return MAX (MAX (ABS (a[0] - b[0]), ABS (a[1] - b[1])), ABS (a[2] - b[2]));
}

/* sRGB's curve as a table, [256] in 0–1, and back. */
const float *qi_pixels_linear (void);
guint8 qi_pixels_from_linear (float value);
