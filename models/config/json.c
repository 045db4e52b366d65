/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* --- files --- */

char *
qi_file_read (const char *path, gsize max, gsize *n, GError **error)
{
  const int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* O_NONBLOCK: opening a FIFO must not wait */
  struct stat info;

  if (fd < 0 || fstat (fd, &info) != 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” cannot be opened: %s.", path, g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  if (!S_ISREG (info.st_mode) || (guint64) info.st_size > max)
    {
      if (!S_ISREG (info.st_mode))
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” is not an ordinary file.", path);
      else
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                     "“%s” has %" G_GUINT64_FORMAT " bytes; such a file has at most %" G_GSIZE_FORMAT ".", path,
                     (guint64) info.st_size, max);
      close (fd);
      return NULL;
    }

  g_autofree char *data = g_malloc (info.st_size + 1);
  gsize have = 0;
  while (have < (gsize) info.st_size)
    {
      const ssize_t got = read (fd, data + have, info.st_size - have);
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        break;
      have += got;
    }
  close (fd);
  if (have < (gsize) info.st_size)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” cannot be read: it ends after %" G_GSIZE_FORMAT " of %" G_GUINT64_FORMAT " bytes.", path, have,
                   (guint64) info.st_size);
      return NULL;
    }
  data[have] = '\0';
  *n = have;
  return g_steal_pointer (&data);
}

/* --- the document --- */

/* Brackets outside strings nested at most QI_JSON_MAX_DEPTH deep: what follows may then recurse. */
static gboolean
depth_is_sane (const char *json, gsize n)
{
  gint depth = 0;
  gboolean string = FALSE;

  for (gsize i = 0; i < n; i++)
    if (string)
      {
        if (json[i] == '\\')
          i++;
        else if (json[i] == '"')
          string = FALSE;
      }
    else if (json[i] == '"')
      string = TRUE;
    else if (json[i] == '{' || json[i] == '[')
      {
        if (++depth > QI_JSON_MAX_DEPTH)
          return FALSE;
      }
    else if (json[i] == '}' || json[i] == ']')
      depth--;
  return TRUE;
}

/* The first key that an object holds twice, or that has a NUL in it; NULL: there is none. */
static const char *
find_bad_key (yyjson_val *value)
{
  if (yyjson_is_arr (value))
    {
      yyjson_arr_iter iter = yyjson_arr_iter_with (value);
      for (yyjson_val *item; (item = yyjson_arr_iter_next (&iter));)
        {
          const char *bad = find_bad_key (item);
          if (bad != NULL)
            return bad;
        }
    }
  if (yyjson_is_obj (value))
    {
      g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
      yyjson_obj_iter iter = yyjson_obj_iter_with (value);
      for (yyjson_val *key; (key = yyjson_obj_iter_next (&iter));)
        {
          const char *text = yyjson_get_str (key);
          if (strlen (text) != yyjson_get_len (key) || !g_hash_table_add (seen, (gpointer) text))
            return text;
          const char *bad = find_bad_key (yyjson_obj_iter_get_val (key));
          if (bad != NULL)
            return bad;
        }
    }
  return NULL;
}

yyjson_doc *
qi_json_read (const char *json, gsize n, const char *file, GError **error)
{
  if (n > QI_JSON_MAX_BYTES || !depth_is_sane (json, n))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” is no configuration: it is larger than %u bytes or nested deeper than %d levels.", file,
                   QI_JSON_MAX_BYTES, QI_JSON_MAX_DEPTH);
      return NULL;
    }

  yyjson_read_err fault;
  yyjson_doc *doc = yyjson_read_opts ((char *) json, n, YYJSON_READ_NOFLAG, NULL, &fault);
  if (doc == NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” is not valid JSON: %s at byte %zu.", file, fault.msg,
                   fault.pos);
      return NULL;
    }

  yyjson_val *root = yyjson_doc_get_root (doc);
  const char *bad = find_bad_key (root);
  if (!yyjson_is_obj (root) || bad != NULL)
    {
      g_autofree char *key = bad != NULL ? g_strndup (bad, 64) : NULL;
      if (bad != NULL)
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                     "“%s” holds the key “%s” twice or with a NUL in it; which value is meant cannot be known.", file, key);
      else
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” does not hold a JSON object.", file);
      yyjson_doc_free (doc);
      return NULL;
    }
  return doc;
}

/* --- fields --- */

void
qi_json_fail (QiJson *json, gint code, const char *format, ...)
{
  if (json->failed)
    return;
  json->failed = TRUE;

  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (json->error, QI_ERROR, code, "“%s”: %s", json->file, text);
}

/* NULL: absent or null */
static yyjson_val *
field (const QiJson *json, const char *key)
{
  yyjson_val *value = yyjson_obj_get (json->object, key);

  return yyjson_is_null (value) ? NULL : value;
}

gboolean
qi_json_has (const QiJson *json, const char *key)
{
  return field (json, key) != NULL;
}

static void
missing (QiJson *json, const char *key)
{
  qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s is missing.", json->prefix, key);
}

static guint
as_uint (QiJson *json, const char *key, yyjson_val *value, guint min, guint max)
{
  if (!yyjson_is_uint (value) || yyjson_get_uint (value) < min || yyjson_get_uint (value) > max)
    {
      qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be a whole number from %u to %u.", json->prefix, key, min, max);
      return min;
    }
  return yyjson_get_uint (value);
}

static double
as_double (QiJson *json, const char *key, yyjson_val *value, double min, double max)
{
  const double number = yyjson_is_num (value) ? yyjson_get_num (value) : NAN;

  if (!(number >= min && number <= max))
    {
      qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be a number from %g to %g.", json->prefix, key, min, max);
      return min;
    }
  return number;
}

guint
qi_json_uint (QiJson *json, const char *key, guint min, guint max)
{
  if (field (json, key) == NULL)
    missing (json, key);
  return qi_json_uint_or (json, key, min, max, min);
}

double
qi_json_double (QiJson *json, const char *key, double min, double max)
{
  if (field (json, key) == NULL)
    missing (json, key);
  return qi_json_double_or (json, key, min, max, min);
}

guint
qi_json_uint_or (QiJson *json, const char *key, guint min, guint max, guint fallback)
{
  yyjson_val *value = field (json, key);

  return value == NULL ? fallback : as_uint (json, key, value, min, max);
}

double
qi_json_double_or (QiJson *json, const char *key, double min, double max, double fallback)
{
  yyjson_val *value = field (json, key);

  return value == NULL ? fallback : as_double (json, key, value, min, max);
}

gboolean
qi_json_bool_or (QiJson *json, const char *key, gboolean fallback)
{
  yyjson_val *value = field (json, key);

  if (value != NULL && !yyjson_is_bool (value))
    qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be true or false.", json->prefix, key);
  return value == NULL ? fallback : yyjson_get_bool (value);
}

const char *
qi_json_string_or_null (QiJson *json, const char *key)
{
  yyjson_val *value = field (json, key);

  if (value == NULL)
    return NULL;
  if (!yyjson_is_str (value) || strlen (yyjson_get_str (value)) != yyjson_get_len (value))
    {
      qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be a string.", json->prefix, key);
      return NULL;
    }
  return yyjson_get_str (value);
}

yyjson_val *
qi_json_object_or_null (QiJson *json, const char *key)
{
  yyjson_val *value = field (json, key);

  if (value != NULL && !yyjson_is_obj (value))
    {
      qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be an object.", json->prefix, key);
      return NULL;
    }
  return value;
}

/* The array under key when it has min_n … max_n items, else NULL. */
static yyjson_val *
array (QiJson *json, const char *key, guint min_n, guint max_n)
{
  yyjson_val *value = field (json, key);

  if (value == NULL)
    {
      missing (json, key);
      return NULL;
    }
  if (!yyjson_is_arr (value) || yyjson_arr_size (value) < min_n || yyjson_arr_size (value) > max_n)
    {
      if (min_n == max_n)
        qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be an array of %u numbers.", json->prefix, key, min_n);
      else
        qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s%s must be an array of %u to %u numbers.", json->prefix, key, min_n,
                      max_n);
      return NULL;
    }
  return value;
}

guint
qi_json_uints (QiJson *json, const char *key, guint min, guint max, guint *values, guint min_n, guint max_n)
{
  yyjson_val *items = array (json, key, min_n, max_n);
  guint n = 0;

  if (items == NULL)
    return 0;
  yyjson_arr_iter iter = yyjson_arr_iter_with (items);
  for (yyjson_val *item; (item = yyjson_arr_iter_next (&iter));)
    values[n++] = as_uint (json, key, item, min, max);
  return json->failed ? 0 : n;
}

guint
qi_json_floats (QiJson *json, const char *key, double min, double max, float *values, guint min_n, guint max_n)
{
  yyjson_val *items = array (json, key, min_n, max_n);
  guint n = 0;

  if (items == NULL)
    return 0;
  yyjson_arr_iter iter = yyjson_arr_iter_with (items);
  for (yyjson_val *item; (item = yyjson_arr_iter_next (&iter));)
    values[n++] = as_double (json, key, item, min, max);
  return json->failed ? 0 : n;
}
