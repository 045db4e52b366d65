/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/picture/sizes.h — how large a picture is made for the model, by the rules of the reference. */
#pragma once
#include <glib.h>

#define QI_MAX_SIDE 65536u /* pixels; a side of a picture for the model */

/* The size of that area and ratio (width / height): sqrt (area * ratio) and what remains, each rounded to a multiple of 32,
 * half to even. QI_ERROR_BAD_REQUEST when a side is then 0, or larger than QI_MAX_SIDE. */
gboolean qi_calculate_dimensions (double area, double ratio, guint *width, guint *height, GError **error);

/* The rule of Qwen2-VL: sides to multiples of factor (28: two patches of 14), half to even, and the area within
 * [min_area, max_area], rounding down or up. QI_ERROR_BAD_REQUEST where one side is more than 200 times the other. */
#define QI_SMART_MIN_AREA 3136
#define QI_SMART_MAX_AREA 12845056
gboolean qi_smart_resize (guint width, guint height, guint factor, guint64 min_area, guint64 max_area, guint *new_width,
                          guint *new_height, GError **error);
