/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/spread.h — what is known carried smoothly into what is not. */
#pragma once
#include <glib.h>

/* rgb: [height, width, 3]. known: [height, width], 0–1; becomes 1 where something had to be filled in. nothing: the value where
 * nothing at all is known. */
void qi_spread (float *rgb, float *known, guint width, guint height, float nothing);
