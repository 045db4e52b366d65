/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/reference.h — values that the PyTorch reference computed: tests/data/reference/NAME.json. */
#pragma once
#include <glib.h>
#include <yyjson.h>

/* The array in the file; its rows are objects. (transfer full, yyjson_doc_free) */
static inline yyjson_doc *
reference_read (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".json", NULL);
  g_autofree char *path = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "reference", file, NULL);
  yyjson_doc *doc = yyjson_read_file (path, YYJSON_READ_NOFLAG, NULL, NULL);

  g_assert_nonnull (doc);
  g_assert_cmpuint (yyjson_arr_size (yyjson_doc_get_root (doc)), >, 0);
  return doc;
}

static inline double
reference_number (yyjson_val *row, const char *key)
{
  g_assert_true (yyjson_is_num (yyjson_obj_get (row, key)));
  return yyjson_get_num (yyjson_obj_get (row, key));
}

/* (transfer full) */
static inline float *
reference_floats (yyjson_val *row, const char *key, gsize *n)
{
  yyjson_val *array = yyjson_obj_get (row, key);
  float *values = g_new (float, yyjson_arr_size (array) + 1);
  yyjson_arr_iter iter = yyjson_arr_iter_with (array);

  *n = 0;
  for (yyjson_val *item; (item = yyjson_arr_iter_next (&iter));)
    values[(*n)++] = (float) yyjson_get_num (item);
  return values;
}
