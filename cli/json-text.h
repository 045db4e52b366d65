/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/json-text.h — a JSON value for people: one "key: value" a line, indented by depth. */
#pragma once
#include <glib.h>
#include <yyjson.h>

/* Appends value to text. Numbers under keys that are or end in "bytes" are written as sizes, underscores as spaces. */
void qi_json_text (GString *text, yyjson_val *value, guint depth);
