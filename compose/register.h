/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/register.h — how far the model moved what it should have left alone. */
#pragma once
#include "base/image.h"
#include "compose/resize.h"

#define QI_DRIFT_LIMIT_PX 12.0
#define QI_DRIFT_LIMIT_ZOOM 0.03

/* result (x) shows what picture has at centre + (x - dx - centre) / zoom, the centre being that of the image: things
 * lie dx further right, and are zoom times as large. Pixels of the two images. */
typedef struct
{
  gboolean measured;       /* the ring has contrast, and correlates by at least 0.5 */
  double dx, dy, zoom;     /* zoom 1: none; as found, also beyond the limits */
  double correlation;      /* of luminance on the ring, after undoing the drift; 0: not measured */
  gboolean negligible;     /* nowhere more than a tenth of a pixel: better left as it is */
  gboolean beyond;         /* confident, and more than 12 px or 3 % */
} QiDrift;

/* picture, result: the same size, 1, 3 or 4 channels. mask: its size, what may have changed is not 0; NULL: anything
 * may, and what most of the picture says counts. Then nothing is measured where only a thing or two moved: somebody may
 * have asked for it (compose/agreement.h). */
QiDrift qi_drift_measure (const QiImage *picture, const QiImage *result, const QiImage *mask);

/* A mapping into what picture should show → one into the drifted result. */
QiMapping qi_drift_undo (const QiDrift *drift, const QiMapping *mapping, guint width, guint height);
