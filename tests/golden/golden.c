/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/golden/golden.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/env.h"
#include "base/error.h"

static void
file_free (gpointer data)
{
  QiGoldenFile *file = data;

  g_free (file->name);
  g_bytes_unref (file->bytes);
  qi_image_unref (file->image);
  g_free (file);
}

void
qi_case_free (QiCase *c)
{
  if (!c)
    return;
  g_free (c->folder);
  g_free (c->name);
  yyjson_doc_free (c->doc);
  g_ptr_array_unref (c->outputs);
  g_ptr_array_unref (c->output_names);
  g_ptr_array_unref (c->files);
  g_free (c);
}

QiCase *
qi_case_open (QiGolden *golden, const char *folder, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (folder, NULL);
  g_autofree char *path = g_build_filename (absolute, "case.json", NULL);
  g_autofree char *text = NULL;
  gsize n = 0;

  if (!g_file_get_contents (path, &text, &n, error))
    return NULL;

  yyjson_doc *doc = yyjson_read (text, n, 0);

  if (!yyjson_is_obj (yyjson_doc_get_root (doc)))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s is no JSON object.", path);
      yyjson_doc_free (doc);
      return NULL;
    }

  QiCase *c = g_new0 (QiCase, 1);

  c->golden = golden;
  c->name = g_path_get_basename (absolute);
  c->folder = g_steal_pointer (&absolute);
  c->doc = doc;
  c->root = yyjson_doc_get_root (doc);
  c->outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_file_free);
  c->output_names = g_ptr_array_new_with_free_func (g_free);
  c->files = g_ptr_array_new_with_free_func (file_free);
  return c;
}

const char *
qi_case_string (const QiCase *c, const char *key)
{
  return yyjson_get_str (yyjson_obj_get (c->root, key));
}

gint64
qi_json_int (yyjson_val *object, const char *key, gint64 fallback)
{
  yyjson_val *value = yyjson_obj_get (object, key);

  return yyjson_is_int (value) ? (gint64) yyjson_get_sint (value) : fallback;
}

double
qi_json_real (yyjson_val *object, const char *key, double fallback)
{
  yyjson_val *value = yyjson_obj_get (object, key);

  return yyjson_is_num (value) ? yyjson_get_num (value) : fallback;
}

char *
qi_case_path (const QiCase *c, const char *relative, GError **error)
{
  if (!relative)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s/case.json names no such file.", c->folder);
      return NULL;
    }
  return g_canonicalize_filename (relative, c->folder);
}

QiTensorFile *
qi_case_inputs (const QiCase *c, yyjson_val *object, GError **error)
{
  const char *name = yyjson_get_str (yyjson_obj_get (yyjson_obj_get (object, "inputs"), "file"));
  g_autofree char *path = qi_case_path (c, name ? name : "inputs.safetensors", error);

  return path ? qi_tensor_file_read (path, error) : NULL;
}

const QiTensorEntry *
qi_need_tensor (const QiTensorFile *file, const char *name, guint n_dims, GError **error)
{
  const QiTensorEntry *entry = qi_tensor_file_find (file, name);

  if (entry && (n_dims == 0 || entry->n_dims == n_dims))
    return entry;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The inputs have no tensor %s of %u dims.", name, n_dims);
  return NULL;
}

QiTensorFile *
qi_case_output (QiCase *c, const char *name)
{
  for (guint i = 0; i < c->outputs->len; i++)
    if (strcmp (g_ptr_array_index (c->output_names, i), name) == 0)
      return g_ptr_array_index (c->outputs, i);
  g_ptr_array_add (c->output_names, g_strdup (name));
  g_ptr_array_add (c->outputs, qi_tensor_file_new ());
  return g_ptr_array_index (c->outputs, c->outputs->len - 1);
}

const char *
qi_outputs_name (yyjson_val *object)
{
  const char *name = yyjson_get_str (yyjson_obj_get (yyjson_obj_get (object, "outputs"), "file"));

  return name ? name : "outputs.safetensors";
}

void
qi_case_add_file (QiCase *c, const char *name, GBytes *bytes)
{
  QiGoldenFile *file = g_new0 (QiGoldenFile, 1);

  file->name = g_strdup (name);
  file->bytes = g_bytes_ref (bytes);
  g_ptr_array_add (c->files, file);
}

gboolean
qi_case_add_png (QiCase *c, const char *name, QiImage *image, GError **error)
{
  g_autofree char *folder = g_dir_make_tmp ("qi-golden-XXXXXX", error);
  g_autofree char *path = folder ? g_build_filename (folder, "picture.png", NULL) : NULL;
  g_autofree char *text = NULL;
  gsize n;
  gboolean ok;

  if (!folder)
    return FALSE;
  ok = qi_picture_save (image, path, NULL, error) && g_file_get_contents (path, &text, &n, error);
  g_unlink (path);
  g_rmdir (folder);
  if (!ok)
    return FALSE;

  g_autoptr (GBytes) png = g_bytes_new (text, n);
  QiGoldenFile *file;

  qi_case_add_file (c, name, png);
  file = g_ptr_array_index (c->files, c->files->len - 1);
  file->image = qi_image_ref (image);
  return TRUE;
}

void
qi_add_floats (QiTensorFile *file, const char *name, const float *values, guint n_dims, const guint64 *dims)
{
  qi_tensor_file_add (file, name, "F32", n_dims, dims, values);
}

/* -- device ------------------------------------------------------------------------------------------- */

QiDevice *
qi_golden_device (QiGolden *golden, GError **error)
{
  const QiDeviceParams params = { .device = qi_env_device (), .memory_limit = qi_env_memory_limit (),
                                  .validate = qi_env_validate (), .kernels = qi_env_kernels () };

  if (!golden->device)
    golden->device = qi_device_open (&params, error);
  return golden->device;
}

const QiTensor *
qi_upload_floats (QiStream *s, const float *values, guint n_dims, const guint64 *dims)
{
  const QiTensor *tensor = qi_stream_scratch (s, QI_DTYPE_F32, n_dims, dims);

  qi_stream_upload (s, tensor, 0, values, qi_tensor_bytes (tensor));
  return tensor;
}

void *
qi_download (QiStream *s, const QiTensor *tensor, GError **error)
{
  const gsize n = tensor ? qi_tensor_bytes (tensor) : 0;
  g_autofree void *data = g_malloc0 (MAX (n, 4));

  if (tensor && qi_stream_download (s, tensor, data, n, error))
    return g_steal_pointer (&data);
  if (!tensor)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "There is no result.");
  return NULL;
}

/* -- taps --------------------------------------------------------------------------------------------- */

static void
tapped_free (gpointer data)
{
  QiTapped *tapped = data;

  g_free (tapped->data);
  g_free (tapped);
}

void
qi_taps_init (QiTaps *taps)
{
  *taps = (QiTaps){ .table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, tapped_free) };
}

void
qi_taps_clear (QiTaps *taps)
{
  g_clear_pointer (&taps->table, g_hash_table_unref);
  g_clear_error (&taps->error);
}

void
qi_taps_collect (const char *name, const QiTensor *tensor, QiStream *s, gpointer user_data)
{
  QiTaps *taps = user_data;
  void *data = taps->error ? NULL : qi_download (s, tensor, &taps->error);

  if (!data)
    return;

  QiTapped *tapped = g_new0 (QiTapped, 1);

  tapped->n_dims = qi_tensor_n_dims (tensor);
  tapped->elements = qi_tensor_elements (tensor);
  for (guint i = 0; i < tapped->n_dims; i++)
    tapped->dims[i] = qi_tensor_dim (tensor, (int) i);
  tapped->integer = qi_tensor_dtype (tensor) == QI_DTYPE_U32;
  tapped->data = data;
  g_hash_table_replace (taps->table, g_strdup (name), tapped);
}

const QiTapped *
qi_taps_find (const QiTaps *taps, const char *name)
{
  return g_hash_table_lookup (taps->table, name);
}

/* -- the end of a case -------------------------------------------------------------------------------- */

gboolean
qi_case_write (const QiCase *c, GError **error)
{
  g_autofree char *folder = g_build_filename (c->golden->out, c->name, NULL);

  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "The folder %s cannot be made.", folder);
      return FALSE;
    }
  for (guint i = 0; i < c->outputs->len; i++)
    {
      g_autofree char *path = g_build_filename (folder, g_ptr_array_index (c->output_names, i), NULL);

      if (!qi_tensor_file_write (g_ptr_array_index (c->outputs, i), path, error))
        return FALSE;
    }
  for (guint i = 0; i < c->files->len; i++)
    {
      const QiGoldenFile *file = g_ptr_array_index (c->files, i);
      g_autofree char *path = g_build_filename (folder, file->name, NULL);
      gsize n = 0;
      const char *data = g_bytes_get_data (file->bytes, &n);

      if (!g_file_set_contents (path, data, (gssize) n, error))
        return FALSE;
    }
  return TRUE;
}
