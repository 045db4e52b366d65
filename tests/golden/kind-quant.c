/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Element types: tensors of GGUF files, and every code of the small floats, decoded on the device. */
#include <string.h>

#include "base/error.h"
#include "models/checkpoint/container.h"
#include "tests/golden/golden.h"

static gboolean
decode (QiStream *s, QiTensorFile *out, const char *name, QiDtype dtype, guint n_dims, const guint64 *dims,
        const void *data, gsize n, GError **error)
{
  qi_stream_begin_scope (s);

  const QiTensor *stored = qi_stream_scratch (s, dtype, n_dims, dims);

  qi_stream_upload (s, stored, 0, data, n);

  g_autofree float *values = qi_download (s, qi_decode (s, stored), error);

  qi_stream_end_scope (s);
  if (values)
    qi_add_floats (out, name, values, n_dims, dims);
  return values != NULL;
}

static gboolean
decode_raw (QiStream *s, QiTensorFile *out, const char *name, const QiFile *file, const QiRawTensor *raw, GError **error)
{
  g_autofree void *data = g_try_malloc (MAX (raw->bytes, 1));

  if (!data)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "%s does not fit into memory.", raw->name);
      return FALSE;
    }
  return qi_file_pread (file, raw->offset, data, raw->bytes, error)
         && decode (s, out, name, raw->dtype, raw->n_dims, raw->dims, data, raw->bytes, error);
}

static QiHeader *
open_gguf (const QiCase *c, const char *name, QiFile **file, GError **error)
{
  g_autofree char *path = qi_case_path (c, name, error);

  *file = path ? qi_regular_file_open (path, error) : NULL;
  return *file ? qi_gguf_read (*file, error) : NULL;
}

/* A row names a file, a tensor in it, and what the result is called. */
static gboolean
decode_row (QiCase *c, QiStream *s, QiTensorFile *out, yyjson_val *row, GError **error)
{
  const char *wanted = yyjson_get_str (yyjson_obj_get (row, "tensor"));
  const char *name = yyjson_get_str (yyjson_obj_get (row, "dequantised"));
  g_autoptr (QiFile) file = NULL;
  g_autoptr (QiHeader) header = open_gguf (c, yyjson_get_str (yyjson_obj_get (row, "file")), &file, error);

  if (!header)
    return FALSE;
  if (!name)
    name = yyjson_get_str (yyjson_obj_get (row, "type"));
  for (guint i = 0; i < header->tensors->len; i++)
    {
      const QiRawTensor *raw = g_ptr_array_index (header->tensors, i);

      if (raw->known && name && g_strcmp0 (raw->name, wanted) == 0)
        return decode_raw (s, out, name, file, raw, error);
    }
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s has no tensor \"%s\" of a type known here.", file->path,
               wanted ? wanted : "");
  return FALSE;
}

/* The float tensors of a file, as PREFIX/NAME. */
static gboolean
decode_floats (QiCase *c, QiStream *s, QiTensorFile *out, const char *name, const char *prefix, GError **error)
{
  g_autoptr (QiFile) file = NULL;
  g_autoptr (QiHeader) header = open_gguf (c, name, &file, error);

  for (guint i = 0; header && i < header->tensors->len; i++)
    {
      const QiRawTensor *raw = g_ptr_array_index (header->tensors, i);
      g_autofree char *full = g_strdup_printf ("%s/%s", prefix, raw->name);

      if (raw->known && qi_dtype_info (raw->dtype)->block_len == 1 && !decode_raw (s, out, full, file, raw, error))
        return FALSE;
    }
  return header != NULL;
}

/* The same tensors in a file of another alignment must have the same values. */
static gboolean
check_aligned (QiCase *c, QiStream *s, const QiTensorFile *out, const char *name, GError **error)
{
  g_autoptr (QiTensorFile) other = qi_tensor_file_new ();

  if (!decode_floats (c, s, other, name, "mixed", error))
    return FALSE;
  for (guint i = 0; i < other->entries->len; i++)
    {
      const QiTensorEntry *entry = g_ptr_array_index (other->entries, i);
      const QiTensorEntry *first = qi_tensor_file_find (out, entry->name);

      if (!first || !g_bytes_equal (first->data, entry->data))
        {
          g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s: %s has other values than in the first file.", name,
                       entry->name);
          return FALSE;
        }
    }
  return TRUE;
}

/* codes.safetensors to tables.safetensors. */
static gboolean
decode_codes (QiCase *c, QiStream *s, GError **error)
{
  g_autofree char *path = g_build_filename (c->folder, "codes.safetensors", NULL);
  g_autoptr (QiTensorFile) codes = qi_tensor_file_read (path, error);
  QiTensorFile *out = qi_case_output (c, "tables.safetensors");

  for (guint i = 0; codes && i < codes->entries->len; i++)
    {
      const QiTensorEntry *entry = g_ptr_array_index (codes->entries, i);
      gsize n = 0;
      const void *data = g_bytes_get_data (entry->data, &n);
      QiDtype dtype;

      if (!qi_dtype_from_safetensors (entry->dtype, &dtype) || entry->n_dims > QI_MAX_DIMS || entry->elements == 0)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "%s is of the type %s, which is not known here.",
                       entry->name, entry->dtype);
          return FALSE;
        }
      if (!decode (s, out, entry->name, dtype, entry->n_dims, entry->dims, data, n, error))
        return FALSE;
    }
  return codes != NULL;
}

gboolean
qi_golden_quant (QiCase *c, GError **error)
{
  yyjson_val *rows = yyjson_obj_get (c->root, "rows"), *mixed = yyjson_obj_get (c->root, "mixed");
  const char *first = yyjson_get_str (yyjson_obj_get (mixed, "file"));
  const char *aligned = yyjson_get_str (yyjson_obj_get (mixed, "file_align64"));
  QiDevice *device = qi_golden_device (c->golden, error);
  yyjson_arr_iter iter;
  yyjson_val *row;

  if (!device)
    return FALSE;

  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);

  if (!rows)
    return decode_codes (c, s, error);

  QiTensorFile *out = qi_case_output (c, yyjson_obj_get (c->root, "outputs") ? qi_outputs_name (c->root)
                                                                           : "dequantised.safetensors");

  yyjson_arr_iter_init (rows, &iter);
  while ((row = yyjson_arr_iter_next (&iter)))
    if (!decode_row (c, s, out, row, error))
      return FALSE;
  return (!first || decode_floats (c, s, out, first, "mixed", error))
         && (!aligned || check_aligned (c, s, out, aligned, error));
}
