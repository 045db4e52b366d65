/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/register.h"

QiDrift
qi_drift_measure (const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  return (QiDrift){ .zoom = 1, .negligible = TRUE };
}

QiMapping
qi_drift_undo (const QiDrift *drift, const QiMapping *mapping, guint width, guint height)
{
  /* What picture shows at p lies in result at centre + (p - centre) · zoom + (dx, dy). */
  const double cx = width / 2.0, cy = height / 2.0;

  return (QiMapping){ cx + (mapping->x - cx) * drift->zoom + drift->dx, mapping->dx * drift->zoom,
                      cy + (mapping->y - cy) * drift->zoom + drift->dy, mapping->dy * drift->zoom };
}
