/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/place.h — pixels → a layer of GIMP. Selection and selected layers stay as they are, no other layer is written to,
 * and each call is at most one undo step. */
#pragma once
#include <libgimp/gimp.h>

#include "ui/host.h"

/* A new layer above target, or on top of the stack when that is NULL. NULL with error: the image is as it was. */
GimpLayer *qi_place_insert (GimpImage *image, GimpLayer *target, const QiHostResult *result, GError **error);
/* A new image with that layer in it; shown: in a window of its own. */
GimpImage *qi_place_open (const QiHostResult *result, gboolean shown, GError **error);
/* Pixels, mask, name and memory of a layer that was inserted become those of result, without an undo step. */
gboolean qi_place_rewrite (GimpLayer *layer, const QiHostResult *result, GError **error);

/* Says whether pixels, mask and place are still what they were: equal for equal layers. (transfer full) */
char *qi_place_fingerprint (GimpLayer *layer);
