/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/utf8.h — what GLib's UTF-8 functions do not do: texts with NULs, and repair as Unicode recommends it. */
#pragma once
#include <glib.h>

/* The text with each maximal run of bytes that only begins a character replaced by U+FFFD, as Python's
 * bytes.decode ("utf-8", "replace") does. n: bytes, NULs allowed. (transfer full) */
GString *qi_utf8_repair (const char *text, gsize n);

/* Canonical composition (NFC) of n bytes of valid UTF-8, NULs allowed. (transfer full) */
GString *qi_utf8_compose (const char *text, gsize n);
