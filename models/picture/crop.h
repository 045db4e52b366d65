/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/picture/crop.h — inpainting only the surroundings of a mask, as the reference does it: a box around the mask, brought to
 * the model's size, and the result put back into the picture. */
#pragma once
#include "base/image.h"

/* Pixels x1 … x2 - 1, y1 … y2 - 1. */
typedef struct
{
  gint x1, y1, x2, y2;
} QiBox;

/* Around all that is not black in mask, pad more on each side, then grown towards the shape width : height as far as the
 * picture reaches. QI_ERROR_BAD_REQUEST: all is black. */
gboolean qi_mask_box (QiImage *mask, guint width, guint height, guint pad, QiBox *box, GError **error);

/* The pixels of box, which lies within image. (transfer full) */
QiImage *qi_image_crop (const QiImage *image, const QiBox *box);

/* Lanczos to width × height with the shape kept. fit: all of it is seen, and its edges go on where it does not reach; cover:
 * what reaches further is cut. RGB. (transfer full) */
QiImage *qi_image_fit (QiImage *image, guint width, guint height, GError **error);
QiImage *qi_image_cover (QiImage *image, guint width, guint height, GError **error);

/* original where mask is black, drawn (of box's shape) within box where it is white, in proportion between. RGB, original's size,
 * which is mask's. (transfer full) */
QiImage *qi_image_overlay (QiImage *original, QiImage *mask, QiImage *drawn, const QiBox *box, GError **error);
