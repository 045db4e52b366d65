/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/match.h — colours of the result → those of the picture, as the ring shows them. */
#pragma once
#include "base/image.h"
#include "compose/resize.h"

/* Values 0–255 become value · gain + offset, and then what the field says is added: a coarse grid over the model's picture, of
 * what is still missing on the ring, carried smoothly over what is not ring. */
typedef struct
{
  gboolean measured;
  float gain[3], offset[3];
  guint columns, rows;
  float *field; /* [rows, columns, 3]; NULL: nothing worth adding */
} QiMatch;
void qi_match_clear (QiMatch *match);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiMatch, qi_match_clear)

/* picture, result: RGB, the same size, aligned. mask: what is not 0 may have changed and does not count. */
QiMatch qi_match_measure (const QiImage *picture, const QiImage *result, const QiImage *mask);

/* image: RGB or RGBA. mapping: from its pixels to the places of a picture of width × height that was measured; NULL: the image is that picture. (transfer full) */
QiImage *qi_match_apply (const QiMatch *match, const QiImage *image, const QiMapping *mapping, guint width, guint height);
