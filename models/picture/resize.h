/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/picture/resize.h — resizing, to the byte as the reference's libraries do it: antialiased, horizontally first, bytes
 * in between, integer weights. */
#pragma once
#include "base/image.h"

typedef enum
{
  QI_RESIZE_LANCZOS,       /* PIL: support 3, weights of 22 bits */
  QI_RESIZE_BICUBIC,       /* PIL: support 2, a = -1/2, weights of 22 bits */
  QI_RESIZE_BICUBIC_TENSOR /* torchvision's on bytes: the same with weights of 16 bits; for the vision tower */
} QiResize;

/* image as width × height pixels; at its own size it is image itself. Four channels are resized premultiplied and come
 * back straight. QI_ERROR_OUT_OF_MEMORY. (transfer full) */
QiImage *qi_image_resize (QiImage *image, guint width, guint height, QiResize how, GError **error);
