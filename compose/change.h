/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/change.h — where an edit without a selection changed the picture, so that all else may keep its own pixels. */
#pragma once
#include "base/image.h"
#include "compose/rect.h"

/* The pixels around what is changed that count as changed too: at the size of the model, a little more than a cell of the
 * latents. */
#define QI_CHANGE_GROWN 10

/* picture, result: RGB, the same size, aligned. content: the part of them that counts. 255 at what has changed and
 * QI_CHANGE_GROWN pixels around it, 0 at what the model only drew once more. NULL: nothing has changed, or most of it,
 * or all of it has another light — then the whole result is what was asked for. (transfer full) */
QiImage *qi_change_find (const QiImage *picture, const QiImage *result, const QiRect *content);
