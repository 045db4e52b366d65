/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Scaled fp8 in both of ComfyUI's spellings: LAYER.scale_weight or LAYER.weight_scale beside LAYER.weight. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/checkpoint/container.h"
#include "models/checkpoint/scales.h"

static gboolean
is_fp8 (const QiCheckpointTensor *t)
{
  return t->dtype == QI_DTYPE_F8_E4M3 || t->dtype == QI_DTYPE_F8_E5M2;
}

static const QiRawTensor *
find_raw (const QiHeader *header, const char *name)
{
  for (guint i = 0; i < header->tensors->len; i++)
    if (strcmp (((QiRawTensor *) g_ptr_array_index (header->tensors, i))->name, name) == 0)
      return g_ptr_array_index (header->tensors, i);
  return NULL;
}

/* A layer's format as its comfy_quant tensor says. */
static gboolean
check_format (const QiFile *file, const QiRawTensor *raw, GError **error)
{
  g_autofree char *json = NULL, *format = NULL;

  if (raw->bytes == 0 || raw->bytes > 65536)
    return qi_bad_checkpoint (error, file->path, raw->name, "has %" G_GUINT64_FORMAT " bytes, too few or many for a description", raw->bytes);
  json = g_malloc (raw->bytes + 1);
  if (!qi_file_pread (file, raw->offset, json, raw->bytes, error) ||
      !(format = qi_comfy_quant_parse (json, raw->bytes, file->path, error)))
    return FALSE;
  if (g_str_has_prefix (format, "float8_e"))
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The file “%s”: tensor “%s” says that its layer is stored as %.40s, which is not supported; use the BF16, FP8 or GGUF file of this model",
               file->path, raw->name, format);
  return FALSE;
}

static gboolean
read_scales (const QiFile *file, const QiRawTensor *raw, QiCheckpointTensor *t, GError **error)
{
  guint64 n = 1;

  for (guint i = 0; i < raw->n_dims; i++)
    n *= raw->dims[i];
  if (!raw->known || raw->dtype != QI_DTYPE_F32 || (n != 1 && n != t->dims[0]))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                   "The file “%s”: tensor “%s” holds scales of a kind that is not supported; one number, or one a row, in F32 can be used",
                   file->path, raw->name);
      return FALSE;
    }
  t->n_scales = n;
  t->scales = g_new (float, n);
  if (!qi_file_pread (file, raw->offset, t->scales, n * sizeof *t->scales, error))
    return FALSE;
  for (guint64 i = 0; i < n; i++)
    if (!isfinite (t->scales[i]) || t->scales[i] <= 0)
      return qi_bad_checkpoint (error, file->path, raw->name, "holds a scale that is not a positive number");
  return TRUE;
}

/* The scale of a weight, by the spelling of its name in the file. */
static const QiRawTensor *
scale_of (GHashTable *raws, const QiCheckpointTensor *t)
{
  g_autofree char *layer = NULL, *old = NULL, *young = NULL;
  const QiRawTensor *found;

  if (!g_str_has_suffix (t->file_name, ".weight"))
    return NULL;
  layer = g_strndup (t->file_name, strlen (t->file_name) - strlen (".weight"));
  old = g_strconcat (layer, ".scale_weight", NULL);
  young = g_strconcat (layer, ".weight_scale", NULL);
  found = g_hash_table_lookup (raws, old);
  return found ? found : g_hash_table_lookup (raws, young);
}

gboolean
qi_checkpoint_take_scales (const QiHeader *header, const QiFile *file, GPtrArray *tensors,
                           guint file_index, GError **error)
{
  g_autoptr (GHashTable) raws = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean scaled = find_raw (header, "scaled_fp8") != NULL;

  for (guint i = 0; i < header->tensors->len; i++)
    {
      QiRawTensor *raw = g_ptr_array_index (header->tensors, i);

      g_hash_table_insert (raws, raw->name, raw);
      scaled |= g_str_has_suffix (raw->name, ".scaled_fp8");
      if (g_str_has_suffix (raw->name, ".weight_scale_inv"))
        {
          g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                       "The file “%s”: tensor “%s” scales blocks of a weight, which is not supported; use the BF16, FP8 or GGUF file of this model",
                       file->path, raw->name);
          return FALSE;
        }
      if (g_str_has_suffix (raw->name, ".comfy_quant") && !check_format (file, raw, error))
        return FALSE;
    }
  for (guint i = 0; i < tensors->len; i++)
    {
      QiCheckpointTensor *t = g_ptr_array_index (tensors, i);
      const QiRawTensor *raw = t->file == file_index && is_fp8 (t) ? scale_of (raws, t) : NULL;

      if (raw && !read_scales (file, raw, t, error))
        return FALSE;
      scaled |= raw != NULL;
    }
  /* A forgotten scale loads without a word and gives a saturated picture. */
  for (guint i = 0; scaled && i < tensors->len; i++)
    {
      const QiCheckpointTensor *t = g_ptr_array_index (tensors, i);

      if (t->file == file_index && is_fp8 (t) && t->n_dims == 2 && t->n_scales == 0)
        return qi_bad_checkpoint (error, file->path, t->file_name, "has no scale although the file's other FP8 weights have one");
    }
  return TRUE;
}
