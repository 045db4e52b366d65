/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/config/json.h — small JSON files from outside, read with distrust.
 *
 * A QiJson is one object of such a file. Its first fault stays: it is put into *error, later calls answer with a
 * harmless value, and failed says that the values so far are not to be used. So a reader is a list of fields and one
 * test at the end. Threads: one at a time. */
#pragma once
#include <glib.h>
#include <yyjson.h>

#define QI_JSON_MAX_BYTES (1u << 20) /* of one configuration file; released ones are below 8 KiB */
#define QI_JSON_MAX_DEPTH 16

typedef struct
{
  yyjson_val *object;
  const char *file;   /* for messages */
  const char *prefix; /* of the keys in messages: "", "vision_config." */
  GError **error;
  gboolean failed;
} QiJson;

/* The whole text: one object, no duplicate keys at any depth, no comments. NULL and QI_ERROR_BAD_CHECKPOINT otherwise.
 * (transfer full, yyjson_doc_free) */
yyjson_doc *qi_json_read (const char *json, gsize n, const char *file, GError **error);

/* The whole of a regular file of at most max bytes, whatever a path may lead to: a folder, a FIFO or a device is an
 * error, never a wait. (transfer full) */
char *qi_file_read (const char *path, gsize max, gsize *n, GError **error);

/* A fault of the caller's finding; only the first is kept. */
void qi_json_fail (QiJson *json, gint code, const char *format, ...) G_GNUC_PRINTF (3, 4);

gboolean qi_json_has (const QiJson *json, const char *key); /* and is not null */

/* Required: absent or null is a fault. */
guint qi_json_uint (QiJson *json, const char *key, guint min, guint max);
double qi_json_double (QiJson *json, const char *key, double min, double max);
/* Absent or null: fallback. */
guint qi_json_uint_or (QiJson *json, const char *key, guint min, guint max, guint fallback);
double qi_json_double_or (QiJson *json, const char *key, double min, double max, double fallback);
gboolean qi_json_bool_or (QiJson *json, const char *key, gboolean fallback);
/* Borrowed from the document; NULL when absent or null. */
const char *qi_json_string_or_null (QiJson *json, const char *key);
yyjson_val *qi_json_object_or_null (QiJson *json, const char *key);

/* Required arrays of min_n … max_n numbers, each in min … max; the count is returned, 0 after a fault. */
guint qi_json_uints (QiJson *json, const char *key, guint min, guint max, guint *values, guint min_n, guint max_n);
guint qi_json_floats (QiJson *json, const char *key, double min, double max, float *values, guint min_n, guint max_n);
