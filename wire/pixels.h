/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* wire/pixels.h — pictures between processes: a sealed memfd each, so that neither side can change, cut or grow what the
 * other one has begun to read.
 *
 * A picture is (uuuh): width, height, channels, index of the handle; rows follow each other without gaps. Whatever
 * comes from the other side is hostile until checked: seals, size, channels, handle. Any thread.
 * Errors: QI_ERROR_BAD_REQUEST for what came, QI_ERROR_FAILED where the system refuses memory. */
#pragma once
#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "base/image.h"

#define QI_PIXELS_TYPE "(uuuh)"
#define QI_PIXELS_MAX_SIDE 32768
#define QI_PIXELS_MAX_BYTES (G_GUINT64_CONSTANT (1) << 30)

/* A copy of the picture, its handle appended to fds. NULL on failure. (floating) */
GVariant *qi_pixels_write (const QiImage *image, GUnixFDList *fds, GError **error);

/* Maps what the other side wrote, without a copy. fds may be NULL: there came none. (transfer full) */
QiImage *qi_pixels_read (GVariant *pixels, GUnixFDList *fds, GError **error);

/* Bytes that are no picture, the same way: their handle's index, -1 on failure; what it names, exactly n bytes. */
gint qi_pixels_write_bytes (const void *data, gsize n, GUnixFDList *fds, GError **error);
GBytes *qi_pixels_read_bytes (gint handle, GUnixFDList *fds, guint64 n, GError **error); /* (transfer full) */
