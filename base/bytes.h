/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/bytes.h — amounts of memory, as people write and read them. */
#pragma once
#include <glib.h>

/* "512", "512M", "8G" to bytes (binary suffixes); FALSE when it is no such number. */
gboolean qi_parse_bytes (const char *text, guint64 *bytes);

typedef struct
{
  char text[24];
} QiBytesText;

/* "11.25 GiB", below one "16.3 MiB" or "64.0 KiB". By value, so that a message can hold several:
 * qi_bytes (n).text lives until the end of the expression. */
QiBytesText qi_bytes (guint64 bytes);
