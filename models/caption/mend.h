/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/caption/mend.h — JSON as language models write it: with words around it, line breaks in strings, commas too many, and
 * cut off where the tokens ran out. */
#pragma once
#include <yyjson.h>

/* The first object in text (n bytes of valid UTF-8), as much of it as is there; NULL: there is none that could be read.
 * (transfer full, yyjson_doc_free) */
yyjson_doc *qi_json_mend (const char *text, size_t n);
