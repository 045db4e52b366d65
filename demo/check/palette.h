/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/palette.h — the eleven colours that prompts name, and distances as eyes see them. */
#pragma once
#include <glib.h>

#define CHECK_N_COLOURS 11

typedef struct
{
  double l, a, b;
} CheckLab; /* CIELAB, D65 */

const char *check_colour_name (guint i);
CheckLab check_colour_lab (guint i);
int check_colour_by_name (const char *name); /* -1: none of the eleven */

CheckLab check_lab (double r, double g, double b); /* of sRGB, 0 … 255 */
double check_distance (CheckLab x, CheckLab y);
guint check_nearest_colour (CheckLab x);
