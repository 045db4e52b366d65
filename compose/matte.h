/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/matte.h — the edge of a layer where the picture shows it, instead of where a model of few pixels drew it. */
#pragma once
#include "base/image.h"

/* layer: one of the model's, RGBA, at its own size. Of what lies within a few pixels the mean colour, weighed by alpha,
 * and the mean alpha; nothing where the colours there are not smooth. (transfer full) */
QiImage *qi_matte_surroundings (const QiImage *layer);

/* The alpha of a pixel of a layer that nothing covers. was: its colour in the picture; own: the layer's, as the model drew
 * it; around: of its surroundings; below: the surroundings of what lies below the layer. Where the pixel is a mixture of
 * both, as much as it is of around; else, and where either is not smooth, own's. */
guint8 qi_matte_alpha (const guint8 was[3], const guint8 own[4], const guint8 around[4], const guint8 below[4]);
