/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/tensor-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yyjson.h>

#include "base/error.h"

#define MAX_HEADER (64u << 20)
#define MAX_FILE ((guint64) 4 << 30)

static const struct
{
  const char *name;
  guint bytes;
} element_types[] = {
  { "F64", 8 }, { "I64", 8 },  { "U64", 8 }, { "F32", 4 }, { "I32", 4 },     { "U32", 4 },     { "F16", 2 },
  { "BF16", 2 }, { "I16", 2 }, { "U16", 2 }, { "I8", 1 },  { "U8", 1 },      { "BOOL", 1 },    { "F8_E4M3", 1 },
  { "F8_E5M2", 1 },
};

guint
qi_tensor_file_element_bytes (const char *dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (element_types); i++)
    if (strcmp (dtype, element_types[i].name) == 0)
      return element_types[i].bytes;
  return 0;
}

static void
entry_free (gpointer data)
{
  QiTensorEntry *entry = data;

  g_free (entry->name);
  g_free (entry->dtype);
  g_clear_pointer (&entry->data, g_bytes_unref);
  g_free (entry);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTensorEntry, entry_free)

QiTensorFile *
qi_tensor_file_new (void)
{
  QiTensorFile *file = g_new0 (QiTensorFile, 1);

  file->entries = g_ptr_array_new_with_free_func (entry_free);
  return file;
}

void
qi_tensor_file_free (QiTensorFile *file)
{
  if (!file)
    return;
  g_ptr_array_unref (file->entries);
  g_free (file);
}

const QiTensorEntry *
qi_tensor_file_find (const QiTensorFile *file, const char *name)
{
  for (guint i = 0; i < file->entries->len; i++)
    {
      const QiTensorEntry *entry = g_ptr_array_index (file->entries, i);

      if (strcmp (entry->name, name) == 0)
        return entry;
    }
  return NULL;
}

/* -- reading ------------------------------------------------------------------------------------------ */

static gboolean
damaged (GError **error, const char *path, const char *what)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s is damaged or no safetensors file: %s.", path, what);
  return FALSE;
}

/* The whole file. O_NONBLOCK keeps a FIFO from holding us; what is no ordinary file is refused. */
static GBytes *
read_whole (const char *path, GError **error)
{
  struct stat st;
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    {
      const char *why = fd < 0 ? g_strerror (errno) : "it is not an ordinary file";

      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s cannot be read: %s.", path, why);
      if (fd >= 0)
        close (fd);
      return NULL;
    }

  const guint64 n = (guint64) st.st_size;
  g_autofree guint8 *data = n <= MAX_FILE ? g_try_malloc (MAX (n, 1)) : NULL;
  guint64 done = 0;

  while (data && done < n)
    {
      const gssize got = read (fd, data + done, MIN (n - done, 1u << 30));

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        break;
      done += (guint64) got;
    }
  close (fd);
  if (!data || done < n)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s: only %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                   " bytes could be read.", path, done, n);
      return NULL;
    }
  return g_bytes_new_take (g_steal_pointer (&data), n);
}

/* One "name": {"dtype", "shape", "data_offsets"} of the header; body: what follows the header. */
static QiTensorEntry *
parse_entry (const char *path, yyjson_val *key, yyjson_val *value, GBytes *body, GError **error)
{
  g_autoptr (QiTensorEntry) entry = g_new0 (QiTensorEntry, 1);
  yyjson_val *shape = yyjson_obj_get (value, "shape");
  yyjson_val *offsets = yyjson_obj_get (value, "data_offsets");
  const guint64 begin = yyjson_get_uint (yyjson_arr_get (offsets, 0));
  const guint64 end = yyjson_get_uint (yyjson_arr_get (offsets, 1));
  guint64 bytes = 0;

  entry->name = g_strdup (yyjson_get_str (key));
  entry->dtype = g_strdup (yyjson_get_str (yyjson_obj_get (value, "dtype")));
  bytes = entry->dtype ? qi_tensor_file_element_bytes (entry->dtype) : 0;
  entry->n_dims = (guint) MIN (yyjson_arr_size (shape), G_MAXUINT);
  if (bytes == 0 || !yyjson_is_arr (shape) || entry->n_dims > QI_TENSOR_FILE_DIMS || yyjson_arr_size (offsets) != 2)
    {
      damaged (error, path, "a tensor has no dtype, shape or data_offsets of a known form");
      return NULL;
    }
  entry->elements = 1;
  for (guint i = 0; i < entry->n_dims; i++)
    {
      yyjson_val *dim = yyjson_arr_get (shape, i);

      entry->dims[i] = yyjson_get_uint (dim);
      if (!yyjson_is_uint (dim) || !g_uint64_checked_mul (&entry->elements, entry->elements, entry->dims[i]))
        {
          damaged (error, path, "a shape is no list of sizes");
          return NULL;
        }
    }
  if (!g_uint64_checked_mul (&bytes, bytes, entry->elements) || end < begin || end > g_bytes_get_size (body)
      || end - begin != bytes)
    {
      damaged (error, path, "a tensor's bytes lie outside the file or do not fit its shape");
      return NULL;
    }
  entry->data = g_bytes_new_from_bytes (body, begin, bytes);
  return g_steal_pointer (&entry);
}

static gboolean
parse_header (QiTensorFile *file, const char *path, yyjson_val *root, GBytes *body, GError **error)
{
  yyjson_obj_iter iter;
  yyjson_val *key;

  if (!yyjson_is_obj (root))
    return damaged (error, path, "its header is no JSON object");
  yyjson_obj_iter_init (root, &iter);
  while ((key = yyjson_obj_iter_next (&iter)))
    {
      if (yyjson_equals_str (key, "__metadata__"))
        continue;

      QiTensorEntry *entry = parse_entry (path, key, yyjson_obj_iter_get_val (key), body, error);

      if (!entry)
        return FALSE;
      g_ptr_array_add (file->entries, entry);
    }
  return TRUE;
}

QiTensorFile *
qi_tensor_file_read (const char *path, GError **error)
{
  g_autoptr (GBytes) whole = read_whole (path, error);
  guint64 header = 0;

  if (!whole)
    return NULL;

  const gsize n = g_bytes_get_size (whole);
  const guint8 *data = g_bytes_get_data (whole, NULL);

  if (n >= 8)
    memcpy (&header, data, 8);
  header = GUINT64_FROM_LE (header);
  if (n < 8 || header > MAX_HEADER || header > n - 8)
    {
      damaged (error, path, "its header is longer than the file");
      return NULL;
    }

  g_autoptr (QiTensorFile) file = qi_tensor_file_new ();
  g_autoptr (GBytes) body = g_bytes_new_from_bytes (whole, 8 + header, n - 8 - header);
  yyjson_doc *doc = yyjson_read ((const char *) data + 8, header, 0);
  const gboolean ok = parse_header (file, path, yyjson_doc_get_root (doc), body, error);

  yyjson_doc_free (doc);
  return ok ? g_steal_pointer (&file) : NULL;
}

/* -- values ------------------------------------------------------------------------------------------- */

static float
half_to_float (guint16 h)
{
  const guint32 sign = (guint32) (h & 0x8000) << 16;
  guint32 exponent = (h >> 10) & 31, mantissa = h & 1023, bits;
  float value;

  if (exponent == 0 && mantissa)
    {
      value = (float) mantissa * 0x1p-24f;
      return sign ? -value : value;
    }
  bits = exponent == 31 ? 0x7f800000u : exponent ? (exponent + 112) << 23 : 0;
  bits |= sign | mantissa << 13;
  memcpy (&value, &bits, 4);
  return value;
}

static gboolean
wrong_kind (GError **error, const QiTensorEntry *entry, const char *wanted)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "Tensor %s is %s, and %s were expected.", entry->name,
               entry->dtype, wanted);
  return FALSE;
}

float *
qi_tensor_entry_floats (const QiTensorEntry *entry, GError **error)
{
  const guint8 *data = g_bytes_get_data (entry->data, NULL);
  g_autofree float *values = g_new (float, MAX (entry->elements, 1));

  for (guint64 i = 0; i < entry->elements; i++)
    if (strcmp (entry->dtype, "F32") == 0)
      {
        memcpy (&values[i], data + 4 * i, 4);
      }
    else if (strcmp (entry->dtype, "F64") == 0)
      {
        double wide;

        memcpy (&wide, data + 8 * i, 8);
        values[i] = (float) wide;
      }
    else if (strcmp (entry->dtype, "F16") == 0)
      {
        values[i] = half_to_float ((guint16) (data[2 * i] | data[2 * i + 1] << 8));
      }
    else if (strcmp (entry->dtype, "BF16") == 0)
      {
        const guint32 bits = ((guint32) data[2 * i] | (guint32) data[2 * i + 1] << 8) << 16;

        memcpy (&values[i], &bits, 4);
      }
    else
      {
        wrong_kind (error, entry, "floats");
        return NULL;
      }
  return g_steal_pointer (&values);
}

gint64 *
qi_tensor_entry_ints (const QiTensorEntry *entry, GError **error)
{
  const guint8 *data = g_bytes_get_data (entry->data, NULL);
  const guint size = qi_tensor_file_element_bytes (entry->dtype);
  const gboolean is_signed = entry->dtype[0] == 'I';
  g_autofree gint64 *values = g_new (gint64, MAX (entry->elements, 1));

  if (!is_signed && entry->dtype[0] != 'U' && strcmp (entry->dtype, "BOOL") != 0)
    {
      wrong_kind (error, entry, "whole numbers");
      return NULL;
    }
  for (guint64 i = 0; i < entry->elements; i++)
    {
      guint64 bits = 0;

      memcpy (&bits, data + size * i, size);
      bits = GUINT64_FROM_LE (bits);
      if (is_signed && size < 8 && bits >> (8 * size - 1))
        bits |= G_MAXUINT64 << (8 * size);
      values[i] = (gint64) bits;
    }
  return g_steal_pointer (&values);
}

/* -- writing ------------------------------------------------------------------------------------------ */

void
qi_tensor_file_add (QiTensorFile *file, const char *name, const char *dtype, guint n_dims, const guint64 *dims,
                    const void *data)
{
  QiTensorEntry *entry = g_new0 (QiTensorEntry, 1);

  g_return_if_fail (n_dims <= QI_TENSOR_FILE_DIMS);
  g_return_if_fail (qi_tensor_file_element_bytes (dtype) > 0);

  entry->name = g_strdup (name);
  entry->dtype = g_strdup (dtype);
  entry->n_dims = n_dims;
  entry->elements = 1;
  for (guint i = 0; i < n_dims; i++)
    entry->elements *= entry->dims[i] = dims[i];
  entry->data = g_bytes_new (data, entry->elements * qi_tensor_file_element_bytes (dtype));
  for (guint i = 0; i < file->entries->len; i++)
    {
      const QiTensorEntry *old = g_ptr_array_index (file->entries, i);

      if (strcmp (old->name, name) == 0)
        {
          g_ptr_array_remove_index (file->entries, i);
          break;
        }
    }
  g_ptr_array_add (file->entries, entry);
}

/* The JSON header, padded with spaces so that the data begins at a multiple of 8. (g_free) */
static char *
header_json (const QiTensorFile *file, gsize *n)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc);
  guint64 offset = 0;

  yyjson_mut_doc_set_root (doc, root);
  for (guint i = 0; i < file->entries->len; i++)
    {
      const QiTensorEntry *entry = g_ptr_array_index (file->entries, i);
      yyjson_mut_val *value = yyjson_mut_obj (doc);
      yyjson_mut_val *offsets = yyjson_mut_arr (doc);
      yyjson_mut_val *shape = yyjson_mut_arr (doc);

      for (guint k = 0; k < entry->n_dims; k++)
        yyjson_mut_arr_add_uint (doc, shape, entry->dims[k]);
      yyjson_mut_arr_add_uint (doc, offsets, offset);
      offset += g_bytes_get_size (entry->data);
      yyjson_mut_arr_add_uint (doc, offsets, offset);
      yyjson_mut_obj_add_str (doc, value, "dtype", entry->dtype);
      yyjson_mut_obj_add_val (doc, value, "shape", shape);
      yyjson_mut_obj_add_val (doc, value, "data_offsets", offsets);
      yyjson_mut_obj_add_val (doc, root, entry->name, value);
    }

  char *json = yyjson_mut_write (doc, 0, n);
  const gsize padded = (*n + 7) / 8 * 8;
  char *header = g_malloc (padded);

  memset (header, ' ', padded);
  memcpy (header, json, *n);
  free (json);
  yyjson_mut_doc_free (doc);
  *n = padded;
  return header;
}

gboolean
qi_tensor_file_write (const QiTensorFile *file, const char *path, GError **error)
{
  gsize n_header = 0;
  g_autofree char *header = header_json (file, &n_header);
  g_autoptr (GByteArray) all = g_byte_array_new ();
  const guint64 n = GUINT64_TO_LE ((guint64) n_header);
  g_autoptr (GError) local = NULL;

  g_byte_array_append (all, (const guint8 *) &n, 8);
  g_byte_array_append (all, (const guint8 *) header, (guint) n_header);
  for (guint i = 0; i < file->entries->len; i++)
    {
      const QiTensorEntry *entry = g_ptr_array_index (file->entries, i);
      gsize size = 0;
      const guint8 *data = g_bytes_get_data (entry->data, &size);

      g_byte_array_append (all, data, (guint) size);
    }
  if (!g_file_set_contents_full (path, (const char *) all->data, all->len,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, &local))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s could not be written: %s", path, local->message);
      return FALSE;
    }
  return TRUE;
}
