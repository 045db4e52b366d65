/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/resize.h — pixels at other places and sizes. */
#pragma once
#include "base/image.h"

typedef enum
{
  QI_FILTER_LANCZOS, /* three lobes, for pictures */
  QI_FILTER_TRIANGLE /* never overshoots, for masks */
} QiFilter;

/* The centre of pixel i of the new image, i + ½, comes from place x + (i + ½) · dx of the old one; y alike. */
typedef struct
{
  double x, dx, y, dy;
} QiMapping;

/* Whole image to whole image. */
QiMapping qi_mapping_fit (guint from_width, guint from_height, guint width, guint height);

/* The filter widens where the image shrinks. Beyond its edges the image is mirrored, as often as need be. Four
 * channels are resampled with their alpha multiplied in. A shift by whole pixels copies bytes. (transfer full) */
QiImage *qi_resample (const QiImage *image, guint width, guint height, const QiMapping *mapping, QiFilter filter);

/* The place x of an image of n pixels, mirrored at its edges: … 1 0 | 0 1 … n-1 | n-1 n-2 … */
static inline guint
qi_mirror (gint64 x, guint n)
{
  const gint64 period = 2 * (gint64) n;
  const gint64 at = ((x % period) + period) % period;

  return (guint) (at < n ? at : period - 1 - at);
}
