/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/image.h — pixels on the host, immutable once made. */
#pragma once
#include <glib.h>

typedef struct _QiImage QiImage;

/* 8 bits a channel, sRGB, straight alpha when there are four channels. stride: bytes per row, at least
 * width * channels; pixels must hold stride * (height - 1) + width * channels bytes and are kept, not copied. (transfer full) */
QiImage *qi_image_new (guint width, guint height, guint channels, gsize stride, GBytes *pixels);
QiImage *qi_image_ref (QiImage *image); /* atomic */
void qi_image_unref (QiImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiImage, qi_image_unref)

guint qi_image_width (const QiImage *image);
guint qi_image_height (const QiImage *image);
guint qi_image_channels (const QiImage *image); /* 1, 3 or 4 */
gsize qi_image_stride (const QiImage *image);
const guint8 *qi_image_row (const QiImage *image, guint y);
