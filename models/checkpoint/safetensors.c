/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* safetensors: u64 length, JSON header, data. Rules: the format's own, and the limits of container.h. */
#include <string.h>
#include <yyjson.h>

#include "models/checkpoint/container.h"

#define MAX_DEPTH 8

/* yyjson parses recursively deep input without recursion, but no header is deeper than this: refuse it before its tree is
 * made. Strings are skipped. */
static gboolean
too_deep (const char *json, gsize n)
{
  gboolean in_string = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < n; i++)
    if (in_string)
      {
        if (json[i] == '\\')
          i++;
        else if (json[i] == '"')
          in_string = FALSE;
      }
    else if (json[i] == '"')
      in_string = TRUE;
    else if (json[i] == '{' || json[i] == '[')
      {
        if (++depth > MAX_DEPTH)
          return TRUE;
      }
    else if ((json[i] == '}' || json[i] == ']') && depth > 0)
      depth--;
  return FALSE;
}

static yyjson_doc *
read_json (const char *json, gsize n, const char *name, GError **error)
{
  yyjson_read_err problem;
  yyjson_doc *doc;

  if (n == 0 || json[0] != '{')
    return qi_bad_checkpoint (error, name, NULL, "its header is not a JSON object; the file is damaged or of another kind"), NULL;
  if (too_deep (json, n))
    return qi_bad_checkpoint (error, name, NULL, "its header is nested deeper than %u levels", MAX_DEPTH), NULL;
  doc = yyjson_read_opts ((char *) json, n, 0, NULL, &problem);
  if (!doc)
    qi_bad_checkpoint (error, name, NULL, "its header is no valid JSON: %s at byte %" G_GSIZE_FORMAT, problem.msg,
                       (gsize) problem.pos);
  return doc;
}

/* Names are shown to people and looked up: no control characters, no NUL. */
static gboolean
good_name (yyjson_val *key)
{
  const char *s = yyjson_get_str (key);
  const gsize n = yyjson_get_len (key);

  if (n == 0 || n > QI_MAX_NAME)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if ((guchar) s[i] < 0x20 || s[i] == 0x7f)
      return FALSE;
  return TRUE;
}

static const struct
{
  const char *name;
  guint bytes;
} other_types[] = { { "BOOL", 1 }, { "U8", 1 }, { "I8", 1 }, { "U16", 2 }, { "I16", 2 }, { "U32", 4 }, { "I32", 4 },
                    { "U64", 8 }, { "I64", 8 }, { "F64", 8 }, { "F8_E8M0", 1 } };

static guint
type_bytes (const char *type)
{
  QiDtype dtype;

  if (qi_dtype_from_safetensors (type, &dtype))
    return qi_dtype_info (dtype)->block_bytes;
  for (guint i = 0; i < G_N_ELEMENTS (other_types); i++)
    if (strcmp (other_types[i].name, type) == 0)
      return other_types[i].bytes;
  return 0;
}

static gboolean
read_shape (QiRawTensor *t, yyjson_val *shape, guint64 *elements, const char *name, GError **error)
{
  yyjson_val *item;
  yyjson_arr_iter iter;

  if (!yyjson_is_arr (shape) || yyjson_arr_size (shape) > QI_MAX_DIMS)
    return qi_bad_checkpoint (error, name, t->name, "has a shape that is no list of at most %u sizes", QI_MAX_DIMS);
  *elements = 1;
  yyjson_arr_iter_init (shape, &iter);
  while ((item = yyjson_arr_iter_next (&iter)))
    {
      if (!yyjson_is_uint (item))
        return qi_bad_checkpoint (error, name, t->name, "has a size that is no whole number");
      t->dims[t->n_dims++] = yyjson_get_uint (item);
      if (t->dims[t->n_dims - 1] > G_MAXINT32 ||
          (t->dims[t->n_dims - 1] && *elements > QI_MAX_ELEMENTS / t->dims[t->n_dims - 1]))
        return qi_bad_checkpoint (error, name, t->name, "would have more than %" G_GUINT64_FORMAT " elements", QI_MAX_ELEMENTS);
      *elements *= t->dims[t->n_dims - 1];
    }
  return TRUE;
}

static gboolean
read_offsets (QiRawTensor *t, yyjson_val *offsets, guint64 data_start, guint64 file_bytes, guint64 want, const char *name,
              GError **error)
{
  yyjson_val *begin = yyjson_arr_get (offsets, 0), *end = yyjson_arr_get (offsets, 1);
  const guint64 room = file_bytes - data_start;
  guint64 from, to;

  if (!yyjson_is_arr (offsets) || yyjson_arr_size (offsets) != 2 || !yyjson_is_uint (begin) || !yyjson_is_uint (end))
    return qi_bad_checkpoint (error, name, t->name, "has data_offsets that are not two whole numbers");
  from = yyjson_get_uint (begin);
  to = yyjson_get_uint (end);
  if (from > to || to > room)
    return qi_bad_checkpoint (error, name, t->name,
                              "lies at bytes %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                              " bytes of data; the file is truncated or damaged", from, to, room);
  if (to - from != want)
    return qi_bad_checkpoint (error, name, t->name,
                              "has %" G_GUINT64_FORMAT " bytes where its shape and type need %" G_GUINT64_FORMAT, to - from, want);
  t->offset = data_start + from;
  t->bytes = want;
  return TRUE;
}

static gboolean
read_tensor (QiHeader *header, yyjson_val *key, yyjson_val *value, guint64 data_start, guint64 file_bytes, const char *name,
             GError **error)
{
  QiRawTensor *t = g_new0 (QiRawTensor, 1);
  yyjson_val *type = yyjson_obj_get (value, "dtype");
  guint64 elements = 0;
  guint size;

  t->name = g_strdup (yyjson_get_str (key));
  g_ptr_array_add (header->tensors, t);
  if (!yyjson_is_obj (value) || !yyjson_is_str (type))
    return qi_bad_checkpoint (error, name, t->name, "has no type");
  t->type_name = g_strdup (yyjson_get_str (type));
  if (!(size = type_bytes (t->type_name)))
    return qi_bad_checkpoint (error, name, t->name, "is of the unknown type %.20s", t->type_name);
  t->known = qi_dtype_from_safetensors (t->type_name, &t->dtype);
  return read_shape (t, yyjson_obj_get (value, "shape"), &elements, name, error) &&
         read_offsets (t, yyjson_obj_get (value, "data_offsets"), data_start, file_bytes, elements * size, name, error);
}

static gboolean
read_metadata (QiHeader *header, yyjson_val *value, const char *name, GError **error)
{
  yyjson_val *key;
  yyjson_obj_iter iter;

  if (!yyjson_is_obj (value))
    return qi_bad_checkpoint (error, name, NULL, "its __metadata__ is no object");
  yyjson_obj_iter_init (value, &iter);
  while ((key = yyjson_obj_iter_next (&iter)))
    {
      yyjson_val *text = yyjson_obj_iter_get_val (key);
      QiMeta *meta;

      if (!yyjson_is_str (text))
        return qi_bad_checkpoint (error, name, NULL, "its __metadata__ holds something that is no text");
      meta = g_new0 (QiMeta, 1);
      meta->kind = QI_META_STRING;
      meta->string = g_strdup (yyjson_get_str (text));
      g_hash_table_insert (header->meta, g_strdup (yyjson_get_str (key)), meta);
    }
  return TRUE;
}

/* The data section is covered exactly: no gap, nothing after the last tensor. */
static gboolean
check_cover (const QiHeader *header, guint64 data_start, guint64 file_bytes, const char *name, GError **error)
{
  guint64 at = data_start;

  for (guint i = 0; i < header->tensors->len; i++)
    {
      const QiRawTensor *t = g_ptr_array_index (header->tensors, i);

      if (t->offset != at && t->bytes)
        return qi_bad_checkpoint (error, name, t->name, "leaves a gap of %" G_GUINT64_FORMAT " bytes before it", t->offset - at);
      at += t->bytes;
    }
  if (at != file_bytes)
    return qi_bad_checkpoint (error, name, NULL, "%" G_GUINT64_FORMAT " bytes follow its last tensor", file_bytes - at);
  return TRUE;
}

QiHeader *
qi_safetensors_parse (const char *json, gsize n, guint64 data_start, guint64 file_bytes, const char *name, GError **error)
{
  g_autoptr (QiHeader) header = qi_header_new ();
  yyjson_doc *doc = read_json (json, n, name, error);
  gboolean ok = doc != NULL;
  yyjson_obj_iter iter;
  yyjson_val *key;

  if (!ok)
    return NULL;
  yyjson_obj_iter_init (yyjson_doc_get_root (doc), &iter);
  while (ok && (key = yyjson_obj_iter_next (&iter)))
    if (yyjson_equals_str (key, "__metadata__"))
      ok = read_metadata (header, yyjson_obj_iter_get_val (key), name, error);
    else if (!good_name (key))
      ok = qi_bad_checkpoint (error, name, NULL, "a tensor has a name that is empty, too long or not printable");
    else if (header->tensors->len >= QI_MAX_TENSORS)
      ok = qi_bad_checkpoint (error, name, NULL, "it has more than %u tensors", QI_MAX_TENSORS);
    else
      ok = read_tensor (header, key, yyjson_obj_iter_get_val (key), data_start, file_bytes, name, error);
  yyjson_doc_free (doc);
  if (!ok || !qi_header_check (header, name, error) || !check_cover (header, data_start, file_bytes, name, error))
    return NULL;
  return g_steal_pointer (&header);
}

QiHeader *
qi_safetensors_read (const QiFile *file, GError **error)
{
  g_autofree char *json = NULL;
  guint64 n;

  if (file->bytes < 8 || !qi_file_pread (file, 0, &n, sizeof n, error))
    return qi_bad_checkpoint (error, file->path, NULL, "it has %" G_GUINT64_FORMAT " bytes and is no safetensors file", file->bytes), NULL;
  n = GUINT64_FROM_LE (n);
  if (n > QI_MAX_HEADER_BYTES || n > file->bytes - 8)
    return qi_bad_checkpoint (error, file->path, NULL,
                              "its header would have %" G_GUINT64_FORMAT " bytes, the file has %" G_GUINT64_FORMAT
                              "; it is truncated, damaged or no safetensors file", n, file->bytes), NULL;
  json = g_malloc (n + 1);
  if (!qi_file_pread (file, 8, json, n, error))
    return NULL;
  return qi_safetensors_parse (json, n, 8 + n, file->bytes, file->path, error);
}

GHashTable *
qi_safetensors_index_parse (const char *json, gsize n, const char *name, GError **error)
{
  g_autoptr (GHashTable) map = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  yyjson_doc *doc = read_json (json, n, name, error);
  yyjson_val *weights = doc ? yyjson_obj_get (yyjson_doc_get_root (doc), "weight_map") : NULL, *key;
  gboolean ok = doc != NULL;
  yyjson_obj_iter iter;

  if (ok && !yyjson_is_obj (weights))
    ok = qi_bad_checkpoint (error, name, NULL, "it has no weight_map; it is no index of a sharded checkpoint");
  if (ok)
    yyjson_obj_iter_init (weights, &iter);
  while (ok && (key = yyjson_obj_iter_next (&iter)))
    {
      const char *shard = yyjson_get_str (yyjson_obj_iter_get_val (key));

      if (!good_name (key) || g_hash_table_size (map) >= QI_MAX_TENSORS)
        ok = qi_bad_checkpoint (error, name, NULL, "it names a tensor that cannot be, or more than %u", QI_MAX_TENSORS);
      /* A shard lies beside its index: nothing else may be reached through one. */
      else if (!shard || !*shard || strlen (shard) != yyjson_get_len (yyjson_obj_iter_get_val (key)) ||
               strpbrk (shard, "/\\") || strstr (shard, ".."))
        ok = qi_bad_checkpoint (error, name, yyjson_get_str (key), "is said to be in a file that is not beside the index");
      else if (!g_hash_table_insert (map, g_strdup (yyjson_get_str (key)), g_strdup (shard)))
        ok = qi_bad_checkpoint (error, name, yyjson_get_str (key), "is named twice");
    }
  yyjson_doc_free (doc);
  return ok ? g_steal_pointer (&map) : NULL;
}

char *
qi_comfy_quant_parse (const char *json, gsize n, const char *name, GError **error)
{
  yyjson_doc *doc = read_json (json, n, name, error);
  yyjson_val *format = doc ? yyjson_obj_get (yyjson_doc_get_root (doc), "format") : NULL;
  char *result = format && yyjson_is_str (format) ? g_strdup (yyjson_get_str (format)) : NULL;

  if (doc && !result)
    qi_bad_checkpoint (error, name, NULL, "a comfy_quant tensor names no format");
  yyjson_doc_free (doc);
  return result;
}
