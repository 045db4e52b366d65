/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/match.h — colours of the result → those of the picture, as the ring shows them. */
#pragma once
#include "base/image.h"

typedef struct
{
  gboolean measured;
  float gain[3], offset[3]; /* value · gain + offset, values 0–255 */
} QiMatch;

/* picture, result: RGB, the same size, aligned. mask: what is not 0 may have changed and does not count. */
QiMatch qi_match_measure (const QiImage *picture, const QiImage *result, const QiImage *mask);

/* RGB or RGBA. (transfer full) */
QiImage *qi_match_apply (const QiMatch *match, const QiImage *image);
