/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/job.h"

#include <math.h>

void
qi_planes_clear (QiPlanes *planes)
{
  g_free (planes->values);
  *planes = (QiPlanes){ 0 };
}

QiImage *
qi_planes_to_image (const QiPlanes *planes)
{
  const gsize n = (gsize) planes->width * planes->height, c = planes->channels;
  guint8 *pixels = g_malloc (n * c);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n * c);

  for (gsize i = 0; i < n; i++)
    for (gsize k = 0; k < c; k++)
      pixels[i * c + k] = (guint8) rintf (planes->values[k * n + i] * 255.0f);
  return qi_image_new (planes->width, planes->height, c, planes->width * c, bytes);
}
