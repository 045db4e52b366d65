/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/picture.h — picture files and QiImage. */
#pragma once
#include "base/image.h"

/* Text chunks of a PNG, in the order they were added: keywords of 1–79 printable ASCII characters, UTF-8 values. */
typedef struct
{
  GPtrArray *keys, *values; /* of char *, NULL at the end once written */
} QiPictureText;

QiPictureText *qi_picture_text_new (void);
void qi_picture_text_free (QiPictureText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiPictureText, qi_picture_text_free)
void qi_picture_text_add (QiPictureText *text, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

#define QI_PICTURE_MAX_SIDE 32768
#define QI_PICTURE_MAX_PIXELS (1u << 28) /* a picture in memory then has at most a gigabyte */

/* A PNG, JPEG, WebP or TIFF with its orientation applied: three channels, or four with alpha. QI_ERROR_BAD_CHECKPOINT: it
 * is missing, damaged or of another kind; QI_ERROR_BAD_REQUEST: it is larger than the above. (transfer full) */
QiImage *qi_picture_load (const char *path, GError **error);

/* Writes image as an 8-bit PNG; grey becomes RGB. The file appears under its name when it is complete. text may be NULL.
 * QI_ERROR_FAILED. */
gboolean qi_picture_save (const QiImage *image, const char *path, const QiPictureText *text, GError **error);

/* Whether a file can be written there: its folder exists and lets us, and the name is not a folder's or a device's.
 * QI_ERROR_BAD_REQUEST. */
gboolean qi_picture_check_output (const char *path, GError **error);
