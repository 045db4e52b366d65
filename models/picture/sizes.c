/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/picture/sizes.h"

#include <math.h>

#include "base/error.h"

#define MAX_RATIO 200

gboolean
qi_calculate_dimensions (double area, double ratio, guint *width, guint *height, GError **error)
{
  const double w = sqrt (area * ratio);
  const double h = w / ratio; /* of the width before rounding */
  const double wide = rint (w / 32) * 32, high = rint (h / 32) * 32;

  if (wide >= 32 && high >= 32 && wide <= QI_MAX_SIDE && high <= QI_MAX_SIDE)
    {
      *width = (guint) wide;
      *height = (guint) high;
      return TRUE;
    }
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
               "A picture %.4g times as wide as high cannot be brought to the model's size: it would have %.0f × %.0f pixels. "
               "Crop it to a more even shape.",
               ratio, wide, high);
  return FALSE;
}

gboolean
qi_smart_resize (guint width, guint height, guint factor, guint64 min_area, guint64 max_area, guint *new_width,
                 guint *new_height, GError **error)
{
  g_return_val_if_fail (factor > 0 && max_area > 0, FALSE);

  if (width == 0 || height == 0 || MAX (width, height) > (guint64) MAX_RATIO * MIN (width, height))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   "The model cannot look at a picture of %u × %u pixels: one side is more than %d times the other. Crop it to a "
                   "more even shape.",
                   width, height, MAX_RATIO);
      return FALSE;
    }

  const double w = width, h = height, f = factor;
  double wide = rint (w / f) * f, high = rint (h / f) * f;

  if (wide * high > max_area)
    {
      const double shrink = sqrt (h * w / max_area);

      wide = MAX (f, floor (w / shrink / f) * f);
      high = MAX (f, floor (h / shrink / f) * f);
    }
  else if (wide * high < min_area)
    {
      const double grow = sqrt (min_area / (h * w));

      wide = ceil (w * grow / f) * f;
      high = ceil (h * grow / f) * f;
    }
  *new_width = (guint) wide;
  *new_height = (guint) high;
  return TRUE;
}
