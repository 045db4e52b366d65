/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/adapter/lora-part.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#include "models/checkpoint/container.h"
#include "models/config/json.h"

#define MAX_SCALE 1e6 /* of alpha / rank; trained ones lie about 1 */

void
qi_lora_part_free (QiLoraPart *part)
{
  g_free (part->stem);
  g_free (part->module);
  g_free (part);
}

/* -- values on the host ------------------------------------------------------------------------------ */

static double
from_f16 (guint16 bits)
{
  const guint exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double magnitude = exponent ? ldexp (1024 + mantissa, (int) exponent - 25) : ldexp (mantissa, -24);

  return bits & 0x8000 ? -magnitude : magnitude;
}

/* n values of the types that small factors and alphas come in. Infinite ones were refused by the reading. */
static gboolean
decode (const QiCheckpointTensor *tensor, const guint8 *bytes, gsize n, double *values)
{
  for (gsize i = 0; i < n; i++)
    {
      union
      {
        guint64 u64;
        gint64 i64;
        double f64;
      } wide;
      guint32 bits = 0;
      guint16 half = 0;
      float f;

      if (tensor->dtype == QI_DTYPE_F32)
        {
          memcpy (&f, bytes + 4 * i, 4);
          values[i] = f;
        }
      else if (tensor->dtype == QI_DTYPE_BF16)
        {
          memcpy (&half, bytes + 2 * i, 2);
          bits = (guint32) half << 16;
          memcpy (&f, &bits, 4);
          values[i] = f;
        }
      else if (tensor->dtype == QI_DTYPE_F16)
        {
          memcpy (&half, bytes + 2 * i, 2);
          values[i] = from_f16 (half);
        }
      else if (strcmp (tensor->type_name, "F64") == 0 || strcmp (tensor->type_name, "I64") == 0)
        {
          memcpy (&wide.u64, bytes + 8 * i, 8);
          values[i] = *tensor->type_name == 'F' ? wide.f64 : (double) wide.i64;
        }
      else
        return FALSE;
    }
  return TRUE;
}

/* NULL after an error (transfer full). */
static double *
read_values (const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, gsize n, GError **error)
{
  g_autofree guint8 *bytes = g_try_malloc (tensor->bytes);
  g_autofree double *values = g_try_new (double, n);

  if (!bytes || !values)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY,
                   "The tensor “%s” of “%s” needs %" G_GUINT64_FORMAT " bytes of memory to be read.", tensor->name,
                   qi_checkpoint_path (checkpoint), tensor->bytes);
      return NULL;
    }
  if (!qi_checkpoint_read (checkpoint, tensor, 0, bytes, tensor->bytes, error))
    return NULL;
  if (decode (tensor, bytes, n, values))
    return g_steal_pointer (&values);
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "The tensor “%s” of “%s” is of type %s; F32, F16 and BF16 can be read.",
               tensor->name, qi_checkpoint_path (checkpoint), tensor->type_name);
  return NULL;
}

/* -- scale -------------------------------------------------------------------------------------------- */

void
qi_lora_meta_clear (QiLoraMeta *meta)
{
  g_clear_pointer (&meta->alphas, g_hash_table_unref);
}

/* {"attn.to_q": 4, …}; PEFT allows patterns there, which nobody writes: only names are known here. */
static void
read_alphas (QiLoraMeta *meta, QiJson *json, const char *key)
{
  yyjson_val *object = qi_json_object_or_null (json, key), *name;
  yyjson_obj_iter iter;

  if (!object)
    return;
  meta->alphas = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  yyjson_obj_iter_init (object, &iter);
  while ((name = yyjson_obj_iter_next (&iter)))
    {
      yyjson_val *value = yyjson_obj_iter_get_val (name);
      const double alpha = yyjson_get_num (value);

      if (!yyjson_is_num (value) || !(fabs (alpha) <= MAX_SCALE))
        qi_json_fail (json, QI_ERROR_BAD_CHECKPOINT, "%s holds an alpha that is no number up to %g.", key, MAX_SCALE);
      g_hash_table_insert (meta->alphas, g_strdup (yyjson_get_str (name)), g_memdup2 (&alpha, sizeof alpha));
    }
}

gboolean
qi_lora_meta_read (QiLoraMeta *meta, const QiCheckpoint *checkpoint, GError **error)
{
  const char *text;
  yyjson_doc *doc;
  g_autofree char *name = g_strconcat (qi_checkpoint_path (checkpoint), ", lora_adapter_metadata", NULL);
  QiJson json = { .file = name, .prefix = "", .error = error };

  if (!qi_checkpoint_meta_string (checkpoint, "lora_adapter_metadata", &text))
    return TRUE;
  if (!(doc = qi_json_read (text, strlen (text), json.file, error)))
    return FALSE;
  json.object = yyjson_doc_get_root (doc);

  /* diffusers puts the component's name before every key. */
  const gboolean named = qi_json_has (&json, "transformer.lora_alpha");
  const char *alpha = named ? "transformer.lora_alpha" : "lora_alpha";

  meta->has_alpha = qi_json_has (&json, alpha);
  meta->alpha = qi_json_double_or (&json, alpha, -MAX_SCALE, MAX_SCALE, 1);
  meta->root = qi_json_bool_or (&json, named ? "transformer.use_rslora" : "use_rslora", FALSE);
  read_alphas (meta, &json, named ? "transformer.alpha_pattern" : "alpha_pattern");
  yyjson_doc_free (doc);
  return !json.failed;
}

/* The metadata's alpha for a layer. */
static double
meta_alpha (const QiLoraMeta *meta, const char *module)
{
  GHashTableIter iter;
  gpointer end, alpha;

  if (!meta->alphas)
    return meta->alpha;
  g_hash_table_iter_init (&iter, meta->alphas);
  while (g_hash_table_iter_next (&iter, &end, &alpha))
    if (g_str_has_suffix (module, end)
        && (strlen (module) == strlen (end) || module[strlen (module) - strlen (end) - 1] == '.'))
      return *(const double *) alpha;
  return meta->alpha;
}

static gboolean
bad (GError **error, const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, const char *format, ...)
  G_GNUC_PRINTF (4, 5);

static gboolean
bad (GError **error, const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  return qi_bad_checkpoint (error, qi_checkpoint_path (checkpoint), tensor->file_name, "%s", what);
}

static guint64
elements (const QiCheckpointTensor *tensor)
{
  guint64 n = 1;

  for (guint i = 0; i < tensor->n_dims; i++)
    n *= tensor->dims[i]; /* checked against the file's size when it was opened */
  return n;
}

/* alpha / rank, from the part's own alpha or from the metadata. */
static gboolean
read_scale (QiLoraPart *part, const QiCheckpoint *checkpoint, const QiLoraMeta *meta, GError **error)
{
  const QiCheckpointTensor *tensor = part->tensors[QI_LORA_ALPHA];
  double alpha = meta_alpha (meta, part->module);

  part->scale = 1;
  if (tensor)
    {
      if (elements (tensor) != 1)
        return bad (error, checkpoint, tensor, "has %" G_GUINT64_FORMAT " values; an alpha is one number", elements (tensor));

      g_autofree double *value = read_values (checkpoint, tensor, 1, error);

      if (!value)
        return FALSE;
      alpha = *value;
    }
  if ((tensor || meta->has_alpha) && part->rank)
    part->scale = alpha / (!tensor && meta->root ? sqrt ((double) part->rank) : (double) part->rank);
  if (isfinite (part->scale) && fabs (part->scale) <= MAX_SCALE)
    return TRUE;
  return bad (error, checkpoint, tensor ? tensor : part->tensors[QI_LORA_DOWN],
              "belongs to an alpha of %g at rank %" G_GUINT64_FORMAT ", which no training gives", alpha, part->rank);
}

/* -- shapes ------------------------------------------------------------------------------------------- */

/* [rows, columns], with dims of size 1 behind them. */
static gboolean
matrix_dims (const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, guint64 *rows, guint64 *columns, GError **error)
{
  gboolean flat = tensor->n_dims >= 2;

  for (guint i = 2; i < tensor->n_dims; i++)
    flat &= tensor->dims[i] == 1;
  if (!flat)
    return bad (error, checkpoint, tensor, "has %u dimensions and is no matrix", tensor->n_dims);
  *rows = tensor->dims[0];
  *columns = tensor->dims[1];
  if (*rows == 0 || *columns == 0)
    return bad (error, checkpoint, tensor, "is [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "]: a matrix without values, of rank 0",
                *rows, *columns);
  if (*rows > G_MAXUINT32 || *columns > G_MAXUINT32)
    return bad (error, checkpoint, tensor, "is [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "], larger than any layer", *rows, *columns);
  return TRUE;
}

/* The product of first [rows, inner] and second [inner, columns]. */
static gboolean
product_dims (const QiCheckpoint *checkpoint, const QiCheckpointTensor *first, const QiCheckpointTensor *second, guint64 *rows,
              guint64 *inner, guint64 *columns, GError **error)
{
  const QiCheckpointTensor *there = first ? first : second;
  guint64 other;

  if (!first || !second)
    return bad (error, checkpoint, there, "has no partner: the file is incomplete");
  if (!matrix_dims (checkpoint, first, rows, inner, error) || !matrix_dims (checkpoint, second, &other, columns, error))
    return FALSE;
  if (*inner == other)
    return TRUE;
  return bad (error, checkpoint, first, "is of rank %" G_GUINT64_FORMAT " and its partner “%s” of rank %" G_GUINT64_FORMAT, *inner,
              second->file_name, other);
}

/* One factor of a Kronecker product, whole or decomposed. *rank: 0 when it is whole. */
static gboolean
factor_dims (const QiCheckpoint *checkpoint, const QiLoraPart *part, QiLoraRole whole, guint64 *rows, guint64 *rank,
             guint64 *columns, GError **error)
{
  const QiCheckpointTensor *const *t = part->tensors + whole;
  const QiCheckpointTensor *other = part->tensors[whole == QI_LORA_W1 ? QI_LORA_W2 : QI_LORA_W1];

  *rank = 0;
  if (t[0] && (t[1] || t[2]))
    return bad (error, checkpoint, t[0], "is there whole and as a product");
  if (t[0])
    return matrix_dims (checkpoint, t[0], rows, columns, error);
  if (t[1] || t[2])
    return product_dims (checkpoint, t[1], t[2], rows, rank, columns, error);
  for (guint i = QI_LORA_W1; !other && i < QI_LORA_N_ROLES; i++)
    other = part->tensors[i];
  return bad (error, checkpoint, other, "has no partner: the file is incomplete");
}

static gboolean
check_kron (QiLoraPart *part, const QiCheckpoint *checkpoint, GError **error)
{
  guint64 rank_1, rank_2;

  if (!factor_dims (checkpoint, part, QI_LORA_W1, &part->a, &rank_1, &part->b, error)
      || !factor_dims (checkpoint, part, QI_LORA_W2, &part->p, &rank_2, &part->q, error))
    return FALSE;
  part->rank = rank_2 ? rank_2 : rank_1;
  part->n_out = part->a * part->p;
  part->n_in = part->b * part->q;
  return TRUE;
}

gboolean
qi_lora_part_check (QiLoraPart *part, const QiCheckpoint *checkpoint, const QiLoraMeta *meta, GError **error)
{
  const QiCheckpointTensor *const *t = part->tensors;
  const gboolean low_rank = t[QI_LORA_DOWN] || t[QI_LORA_UP];

  for (guint i = QI_LORA_W1; i < QI_LORA_N_ROLES; i++)
    part->kron |= t[i] != NULL;
  if (low_rank && part->kron)
    return bad (error, checkpoint, t[QI_LORA_DOWN] ? t[QI_LORA_DOWN] : t[QI_LORA_UP],
                "belongs to a layer that also has a Kronecker product; which of them is meant cannot be known");
  if (!low_rank && !part->kron)
    return bad (error, checkpoint, t[QI_LORA_ALPHA], "has no matrices that it scales: the file is incomplete");
  if (part->kron ? !check_kron (part, checkpoint, error)
                 : !product_dims (checkpoint, t[QI_LORA_UP], t[QI_LORA_DOWN], &part->n_out, &part->rank, &part->n_in, error))
    return FALSE;
  return read_scale (part, checkpoint, meta, error);
}

/* -- the small factor --------------------------------------------------------------------------------- */

float *
qi_lora_part_mix (const QiLoraPart *part, const QiCheckpoint *checkpoint, double factor, GError **error)
{
  const QiCheckpointTensor *const *t = part->tensors + QI_LORA_W1;
  const gsize n = part->a * part->b, rank = t[0] ? 0 : t[1]->dims[1];
  g_autofree double *left = read_values (checkpoint, t[0] ? t[0] : t[1], t[0] ? n : part->a * rank, error);
  g_autofree double *right = left && !t[0] ? read_values (checkpoint, t[2], rank * part->b, error) : NULL;
  float *mix;

  if (!left || (!t[0] && !right))
    return NULL;
  mix = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    {
      double sum = t[0] ? left[i] : 0;

      for (gsize l = 0; l < rank; l++)
        sum += left[i / part->b * rank + l] * right[l * part->b + i % part->b];
      mix[i] = (float) (factor * sum);
    }
  return mix;
}
