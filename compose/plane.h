/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/plane.h — one float a pixel, for measuring. */
#pragma once
#include <math.h>

#include "base/image.h"

typedef struct
{
  guint width, height;
  float *values; /* [height, width] */
} QiPlane;

void qi_plane_clear (QiPlane *plane);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiPlane, qi_plane_clear)

QiPlane qi_plane_new (guint width, guint height); /* zeroed */
QiPlane qi_plane_luminance (const QiImage *image); /* 0–255 */
QiPlane qi_plane_ring (const QiImage *mask, guint width, guint height); /* 1 where mask is 0; NULL: everywhere */

/* Half the size, rounded down but at least 1, each value from the 4 × 4 about it, weighted 1 3 3 1. */
QiPlane qi_plane_halve (const QiPlane *plane);
/* The same for a ring: 1 where all 4 × 4 are. */
QiPlane qi_plane_halve_ring (const QiPlane *ring);

/* Cubic (Catmull-Rom) at place (x, y), pixel centres at whole numbers; the place must lie in [1, width - 2) × [1,
 * height - 2). */
static inline float
qi_plane_cubic (const QiPlane *plane, float x, float y)
{
  const guint ix = (guint) x, iy = (guint) y;
  const float u = x - ix, v = y - iy;
  const float wx[4] = { u * (-0.5f + u * (1 - 0.5f * u)), 1 + u * u * (-2.5f + 1.5f * u),
                        u * (0.5f + u * (2 - 1.5f * u)), u * u * (-0.5f + 0.5f * u) };
  const float wy[4] = { v * (-0.5f + v * (1 - 0.5f * v)), 1 + v * v * (-2.5f + 1.5f * v),
                        v * (0.5f + v * (2 - 1.5f * v)), v * v * (-0.5f + 0.5f * v) };
  const float *row = plane->values + (gsize) (iy - 1) * plane->width + ix - 1;
  float sum = 0;

  for (guint j = 0; j < 4; j++, row += plane->width)
    sum += wy[j] * (wx[0] * row[0] + wx[1] * row[1] + wx[2] * row[2] + wx[3] * row[3]);
  return sum;
}
