/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/plane.h"

#include "compose/pixels.h"

void
qi_plane_clear (QiPlane *plane)
{
  g_clear_pointer (&plane->values, g_free);
}

QiPlane
qi_plane_new (guint width, guint height)
{
  return (QiPlane){ width, height, g_new0 (float, (gsize) width * height) };
}

QiPlane
qi_plane_luminance (const QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), channels = qi_image_channels (image);
  QiPlane plane = qi_plane_new (width, height);

  for (guint y = 0; y < height; y++)
    {
      const guint8 *p = qi_image_row (image, y);
      float *values = plane.values + (gsize) y * width;

      for (guint x = 0; x < width; x++, p += channels)
        values[x] = channels == 1 ? p[0] : 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
    }
  return plane;
}

QiPlane
qi_plane_ring (const QiImage *mask, guint width, guint height)
{
  QiPlane plane = qi_plane_new (width, height);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      plane.values[(gsize) y * width + x] = mask && qi_image_row (mask, y)[x] ? 0 : 1;
  return plane;
}

static inline float
at (const QiPlane *plane, int x, int y)
{
  const int u = CLAMP (x, 0, (int) plane->width - 1), v = CLAMP (y, 0, (int) plane->height - 1);

  return plane->values[(gsize) v * plane->width + (gsize) u];
}

QiPlane
qi_plane_halve (const QiPlane *plane)
{
  static const float weights[4] = { 0.125f, 0.375f, 0.375f, 0.125f };
  const guint width = MAX (1, plane->width / 2), height = MAX (1, plane->height / 2);
  QiPlane half = qi_plane_new (width, height);
  QiPlane rows = qi_plane_new (width, plane->height);

  for (guint y = 0; y < plane->height; y++)
    for (guint x = 0; x < width; x++)
      for (int i = 0; i < 4; i++)
        rows.values[(gsize) y * width + x] += weights[i] * at (plane, 2 * (int) x - 1 + i, (int) y);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      for (int i = 0; i < 4; i++)
        half.values[(gsize) y * width + x] += weights[i] * at (&rows, (int) x, 2 * (int) y - 1 + i);
  qi_plane_clear (&rows);
  return half;
}

QiPlane
qi_plane_halve_ring (const QiPlane *ring)
{
  QiPlane half = qi_plane_halve (ring);

  for (gsize i = 0; i < (gsize) half.width * half.height; i++)
    half.values[i] = half.values[i] > 0.999f ? 1 : 0;
  return half;
}
