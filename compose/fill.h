/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/fill.h — what the model is given where it shall draw anew. */
#pragma once
#include "base/image.h"
#include "base/request.h"

/* picture: RGB. mask: its size, repainted where not 0.
 * keep     as it is
 * neutral  mid grey
 * blur     what is there, without any detail
 * border   the surroundings, grown inwards
 * noise    the colours of the surroundings at random, the same for the same seed
 * (transfer full) */
QiImage *qi_prefill (const QiImage *picture, const QiImage *mask, QiPrefill prefill, gint64 seed);
