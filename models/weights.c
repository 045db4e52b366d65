/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/weights-private.h"

#include <string.h>

#include "base/error.h"

#define CHUNK (G_GUINT64_CONSTANT (4) << 20)
#define MAX_TAPS 16 /* temporal, of a convolution */

QiWeights *
qi_weights_new (const QiLoad *load)
{
  QiWeights *w = g_new0 (QiWeights, 1);

  w->load = *load;
  w->tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_unref);
  w->linears = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  w->groups = g_array_new (FALSE, FALSE, sizeof (gint));
  return w;
}

void
qi_weights_free (QiWeights *w)
{
  if (!w)
    return;
  g_ptr_array_unref (w->tensors);
  g_hash_table_unref (w->linears);
  g_array_unref (w->groups);
  g_free (w->buffer);
  g_clear_error (&w->error);
  g_free (w);
}

gboolean
qi_weights_finish (QiWeights *w, GError **error)
{
  g_autoptr (GError) stream_error = NULL;
  const gboolean ran = qi_stream_finish (w->load.stream, &stream_error); /* also after an error: nothing may be under way */

  g_clear_pointer (&w->buffer, g_free);
  if (!w->error && ran && w->load.ring)
    qi_ring_open (w->load.ring, &w->error);
  if (w->error)
    g_propagate_error (error, g_steal_pointer (&w->error));
  else if (ran)
    return TRUE;
  else
    g_propagate_error (error, g_steal_pointer (&stream_error));
  return FALSE;
}

static gboolean
stopped (QiWeights *w)
{
  if (!w->error)
    g_cancellable_set_error_if_cancelled (w->load.cancellable, &w->error);
  return w->error || qi_stream_failed (w->load.stream);
}

static void G_GNUC_PRINTF (4, 5)
refuse (QiWeights *w, QiErrorCode code, const QiCheckpointTensor *tensor, const char *format, ...)
{
  va_list args;

  if (w->error)
    return;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (&w->error, QI_ERROR, code, "The tensor “%s” of “%s” %s", tensor->name,
               qi_checkpoint_path (w->load.checkpoint), what);
}

/* NULL and an error when it is not there, or of no type that ops know. */
static const QiCheckpointTensor *
find (QiWeights *w, const char *name)
{
  const QiCheckpointTensor *tensor = qi_checkpoint_find (w->load.checkpoint, name);

  if (tensor && tensor->dtype < QI_N_WEIGHT_DTYPES)
    return tensor;
  if (tensor)
    refuse (w, QI_ERROR_UNSUPPORTED, tensor, "holds %s, which cannot be weights.", qi_dtype_info (tensor->dtype)->name);
  else if (!w->error)
    g_set_error (&w->error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                 "“%s” has no tensor “%s”; the file is incomplete or of another model.",
                 qi_checkpoint_path (w->load.checkpoint), name);
  return NULL;
}

static guint64
elements_of (const QiCheckpointTensor *tensor)
{
  guint64 n = 1;

  for (guint i = 0; i < tensor->n_dims; i++)
    n *= tensor->dims[i]; /* checked against the file's size when it was opened */
  return n;
}

static const QiTensor *
allocate (QiWeights *w, QiDtype dtype, guint n_dims, const guint64 *dims)
{
  QiTensor *t = w->error ? NULL : qi_tensor_new (w->load.pool, dtype, n_dims, dims, &w->error);

  if (t)
    g_ptr_array_add (w->tensors, t);
  return t;
}

static void
tick (QiWeights *w, guint64 n)
{
  w->done += n;
  if (w->load.progress)
    w->load.progress (w->done, w->load.user_data);
}

/* The tensor's bytes [from, end) as they are. */
static void
upload_range (QiWeights *w, const QiCheckpointTensor *tensor, guint64 from, guint64 end, const QiTensor *to)
{
  const guint block = qi_dtype_info (tensor->dtype)->block_bytes;
  const guint64 chunk = CHUNK / block * block;

  if (qi_stream_is_plan (w->load.stream))
    return;
  if (!w->buffer)
    w->buffer = g_malloc (CHUNK);
  for (guint64 at = from; at < end && !stopped (w); at += chunk)
    {
      const guint64 n = MIN (chunk, end - at);

      if (!qi_checkpoint_read (w->load.checkpoint, tensor, at, w->buffer, n, &w->error))
        return;
      qi_stream_upload (w->load.stream, to, at - from, w->buffer, n);
      tick (w, n);
    }
}

static void
upload (QiWeights *w, const QiCheckpointTensor *tensor, const QiTensor *to)
{
  upload_range (w, tensor, 0, tensor->bytes, to);
}

/* As stored, [rows, n], and its scales. The caller has compared the shape. late: not the matrix itself. */
static void
load_matrix (QiWeights *w, QiLinear *linear, const QiCheckpointTensor *tensor, guint64 rows, guint64 n, gboolean late)
{
  const guint64 dims[2] = { rows, n };

  if (!qi_dtype_row_bytes (tensor->dtype, n) || tensor->bytes / qi_dtype_row_bytes (tensor->dtype, n) != rows)
    {
      refuse (w, QI_ERROR_BAD_CHECKPOINT, tensor, "has rows that are not whole blocks of %s.",
              qi_dtype_info (tensor->dtype)->name);
      return;
    }
  if (w->streaming && !late)
    linear->weight = qi_ring_add (w->load.ring, tensor->dtype, 2, dims, tensor);
  else if (!late && (linear->weight = allocate (w, tensor->dtype, 2, dims)))
    upload (w, tensor, linear->weight);
  if (tensor->n_scales == 0 || w->error)
    return;
  if (tensor->n_scales != 1 && tensor->n_scales != rows)
    refuse (w, QI_ERROR_BAD_CHECKPOINT, tensor, "has %u scales, not one, nor one a row.", tensor->n_scales);
  else if ((linear->scale = allocate (w, QI_DTYPE_F32, 1, (guint64[]){ tensor->n_scales })))
    qi_stream_upload (w->load.stream, linear->scale, 0, tensor->scales, tensor->n_scales * sizeof (float));
}

static const QiTensor *
load_array (QiWeights *w, const char *name, guint64 rows, guint64 n)
{
  QiStream *s = w->load.stream;
  const QiCheckpointTensor *tensor = find (w, name);
  const QiTensor *array;

  if (!tensor)
    return NULL;
  if (elements_of (tensor) != rows * n || !qi_dtype_row_bytes (tensor->dtype, n) || tensor->n_scales)
    {
      refuse (w, QI_ERROR_BAD_CHECKPOINT, tensor,
              "has %" G_GUINT64_FORMAT " values of %s%s; %" G_GUINT64_FORMAT " without a scale are expected.",
              elements_of (tensor), qi_dtype_info (tensor->dtype)->name, tensor->n_scales ? " with a scale" : "",
              rows * n);
      return NULL;
    }
  array = rows > 1 ? allocate (w, QI_DTYPE_F32, 2, (guint64[]){ rows, n })
                   : allocate (w, QI_DTYPE_F32, 1, (guint64[]){ n });
  if (!array || tensor->dtype == QI_DTYPE_F32)
    {
      if (array)
        upload (w, tensor, array);
      return array;
    }
  qi_stream_begin_scope (s);
  const QiTensor *raw = qi_scratch (s, tensor->dtype, rows, n);
  upload (w, tensor, raw);
  qi_decode_into (s, array, raw);
  qi_stream_end_scope (s);
  return array;
}

/* Takes name. */
static void
load_linear (QiWeights *w, QiLinear *linear, guint64 n_in, guint64 n_out, gboolean bias, gboolean late, char *taken)
{
  g_autofree char *name = taken;
  g_autofree char *weight_name = g_strconcat (name, ".weight", NULL);
  g_autofree char *bias_name = g_strconcat (name, ".bias", NULL);
  const guint64 dims[2] = { n_out, n_in };
  const QiCheckpointTensor *tensor;

  *linear = (QiLinear){ 0 };
  if (stopped (w) || !find (w, weight_name))
    return;
  if (!(tensor = qi_checkpoint_require (w->load.checkpoint, weight_name, 2, dims, &w->error)))
    return;
  load_matrix (w, linear, tensor, n_out, n_in, late);
  if (bias && !stopped (w))
    linear->bias = load_array (w, bias_name, 1, n_out);
  g_hash_table_insert (w->linears, g_steal_pointer (&name), linear);
}

void
qi_weights_linear (QiWeights *w, QiLinear *linear, guint64 n_in, guint64 n_out, gboolean bias, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  load_linear (w, linear, n_in, n_out, bias, FALSE, g_strdup_vprintf (format, args));
  va_end (args);
}

void
qi_weights_linear_late (QiWeights *w, QiLinear *linear, guint64 n_in, guint64 n_out, gboolean bias, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  load_linear (w, linear, n_in, n_out, bias, TRUE, g_strdup_vprintf (format, args));
  va_end (args);
}

QiLinear *
qi_weights_find_linear (QiWeights *w, const char *name)
{
  return g_hash_table_lookup (w->linears, name);
}

void
qi_weights_matrix (QiWeights *w, QiLinear *linear, const QiCheckpointTensor *tensor, guint64 n_in, guint64 first, guint64 n)
{
  const guint64 row = qi_dtype_row_bytes (tensor->dtype, n_in);

  *linear = (QiLinear){ 0 };
  if (stopped (w))
    return;
  if (tensor->dtype >= QI_N_WEIGHT_DTYPES || tensor->n_scales || !row || tensor->bytes / row < first + n)
    refuse (w, QI_ERROR_UNSUPPORTED, tensor, "is a matrix of %s%s, which cannot be used here.", tensor->type_name,
            tensor->n_scales ? " with scales" : "");
  else if ((linear->weight = allocate (w, tensor->dtype, 2, (guint64[]){ n, n_in })))
    upload_range (w, tensor, first * row, (first + n) * row, linear->weight);
}

const QiTensor *
qi_weights_values (QiWeights *w, const float *values, guint64 rows, guint64 n)
{
  const QiTensor *t;

  if (stopped (w))
    return NULL;
  t = rows ? allocate (w, QI_DTYPE_F32, 2, (guint64[]){ rows, n }) : allocate (w, QI_DTYPE_F32, 1, (guint64[]){ n });
  if (t && !qi_stream_is_plan (w->load.stream))
    qi_stream_upload (w->load.stream, t, 0, values, qi_tensor_bytes (t));
  return t;
}

const QiTensor *
qi_weights_array (QiWeights *w, guint64 rows, guint64 n, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  return stopped (w) ? NULL : load_array (w, name, rows, n);
}

/* -- convolutions ---------------------------------------------------------------------------------- */

/* Temporal taps of a kernel of this shape; 0: it has another one. */
static guint64
conv_taps (const QiCheckpointTensor *tensor, guint64 c_in, guint64 c_out, guint64 size)
{
  const guint64 *d = tensor->dims;
  const guint n = tensor->n_dims;
  guint at;

  if (n >= 2 && d[0] == c_out && d[1] == c_in)
    at = 2;
  else if (n >= 1 && d[0] == c_out * c_in)
    at = 1;
  else
    return 0;
  if (size == 1)
    {
      while (at < n && d[at] == 1)
        at++;
      return at == n;
    }
  if (n - at < 2 || n - at > 3 || d[n - 1] != size || d[n - 2] != size)
    return 0;
  return n - at == 2 ? 1 : d[at] <= MAX_TAPS ? d[at] : 0;
}

static const QiCheckpointTensor *
find_conv (QiWeights *w, const char *name, guint64 c_in, guint64 c_out, guint64 size, guint64 *taps)
{
  const QiCheckpointTensor *tensor = find (w, name);

  if (!tensor)
    return NULL;
  *taps = conv_taps (tensor, c_in, c_out, size);
  if (*taps)
    return tensor;
  refuse (w, QI_ERROR_BAD_CHECKPOINT, tensor,
          "is no convolution of %" G_GUINT64_FORMAT " channels to %" G_GUINT64_FORMAT " with a kernel of %d×%d.", c_in,
          c_out, (int) size, (int) size);
  return NULL;
}

/* The last temporal tap of [c_out, c_in, taps, 9] as [c_out, 9, c_in], elements of size bytes. */
static void
channels_last (guint8 *to, const guint8 *from, guint64 c_in, guint64 c_out, guint64 taps, guint size)
{
  for (guint64 o = 0; o < c_out; o++)
    for (guint64 i = 0; i < c_in; i++)
      {
        const guint8 *kernel = from + ((o * c_in + i) * taps + taps - 1) * 9 * size;

        for (guint k = 0; k < 9; k++)
          memcpy (to + ((o * 9 + k) * c_in + i) * size, kernel + k * size, size);
      }
}

/* The whole kernel in the op's order; NULL after an error. */
static guint8 *
read_conv (QiWeights *w, const QiCheckpointTensor *tensor, guint64 c_in, guint64 c_out, guint64 taps)
{
  const guint size = qi_dtype_info (tensor->dtype)->block_bytes;
  g_autofree guint8 *stored = g_try_malloc (tensor->bytes);
  g_autofree guint8 *sorted = g_try_malloc (c_out * 9 * c_in * size);

  if (!stored || !sorted)
    {
      refuse (w, QI_ERROR_OUT_OF_MEMORY, tensor, "needs %" G_GUINT64_FORMAT " bytes of memory to be read.", tensor->bytes);
      return NULL;
    }
  for (guint64 at = 0; at < tensor->bytes; at += CHUNK)
    {
      const guint64 n = MIN (CHUNK, tensor->bytes - at);

      if (stopped (w) || !qi_checkpoint_read (w->load.checkpoint, tensor, at, stored + at, n, &w->error))
        return NULL;
      tick (w, n);
    }
  channels_last (sorted, stored, c_in, c_out, taps, size);
  return g_steal_pointer (&sorted);
}

static void
load_conv (QiWeights *w, QiConv *conv, const QiCheckpointTensor *tensor, guint64 c_in, guint64 c_out, guint64 taps)
{
  QiStream *s = w->load.stream;
  const QiDtypeInfo *type = qi_dtype_info (tensor->dtype);
  const gboolean direct = tensor->dtype <= QI_DTYPE_BF16;
  g_autofree guint8 *sorted = NULL;
  const QiTensor *raw;

  if (type->block_len != 1 || tensor->n_scales)
    {
      refuse (w, QI_ERROR_UNSUPPORTED, tensor, "is a convolution in %s; only f32, f16, bf16 and fp8 without scales are read.",
              type->name);
      return;
    }
  if (!qi_stream_is_plan (s) && !(sorted = read_conv (w, tensor, c_in, c_out, taps)))
    return;
  conv->weight = allocate (w, direct ? tensor->dtype : QI_DTYPE_F32, 4, (guint64[]){ c_out, 3, 3, c_in });
  if (!conv->weight)
    return;
  qi_stream_begin_scope (s);
  raw = direct ? conv->weight : qi_scratch (s, tensor->dtype, c_out, 3, 3, c_in);
  if (sorted)
    qi_stream_upload (s, raw, 0, sorted, c_out * 9 * c_in * type->block_bytes);
  if (!direct)
    qi_decode_into (s, conv->weight, raw);
  qi_stream_end_scope (s);
}

void
qi_weights_conv (QiWeights *w, QiConv *conv, guint64 c_in, guint64 c_out, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *weight_name = g_strconcat (name, ".weight", NULL);
  g_autofree char *bias_name = g_strconcat (name, ".bias", NULL);
  const QiCheckpointTensor *tensor;
  guint64 taps;

  *conv = (QiConv){ 0 };
  if (stopped (w) || !(tensor = find_conv (w, weight_name, c_in, c_out, 3, &taps)))
    return;
  load_conv (w, conv, tensor, c_in, c_out, taps);
  if (!stopped (w))
    conv->bias = load_array (w, bias_name, 1, c_out);
}

void
qi_weights_conv1 (QiWeights *w, QiLinear *linear, guint64 c_in, guint64 c_out, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *weight_name = g_strconcat (name, ".weight", NULL);
  g_autofree char *bias_name = g_strconcat (name, ".bias", NULL);
  const QiCheckpointTensor *tensor;
  guint64 taps;

  *linear = (QiLinear){ 0 };
  if (stopped (w) || !(tensor = find_conv (w, weight_name, c_in, c_out, 1, &taps)))
    return;
  load_matrix (w, linear, tensor, c_out, c_in, FALSE);
  if (!stopped (w))
    linear->bias = load_array (w, bias_name, 1, c_out);
}

/* -- patches --------------------------------------------------------------------------------------- */

/* The tensor in f32 [rows, n], in the current scope; NULL after an error. */
static const QiTensor *
decoded (QiWeights *w, const QiCheckpointTensor *tensor, guint64 rows, guint64 n)
{
  const QiTensor *raw;

  if (!qi_dtype_row_bytes (tensor->dtype, n) || tensor->n_scales)
    {
      refuse (w, QI_ERROR_UNSUPPORTED, tensor, "is a kernel over patches in %s%s, which is not read.",
              qi_dtype_info (tensor->dtype)->name, tensor->n_scales ? " with scales" : "");
      return NULL;
    }
  raw = qi_scratch (w->load.stream, tensor->dtype, rows, n);
  upload (w, tensor, raw);
  return qi_decode (w->load.stream, raw);
}

/* Both frames' kernels summed, [rows, pixels]; NULL after an error. */
static const QiTensor *
sum_frames (QiWeights *w, const QiCheckpointTensor *tensor, const char *second_name, guint64 rows, guint64 pixels)
{
  QiStream *s = w->load.stream;
  const QiTensor *both, *first, *second;

  if (elements_of (tensor) == 2 * rows * pixels)
    {
      if (!(both = decoded (w, tensor, rows, 2 * pixels)))
        return NULL;
      return qi_add (s, qi_slice_columns (s, both, 0, pixels), qi_slice_columns (s, both, pixels, pixels));
    }

  const QiCheckpointTensor *other = elements_of (tensor) == rows * pixels ? find (w, second_name) : NULL;

  if (!w->error && (!other || elements_of (other) != rows * pixels))
    refuse (w, QI_ERROR_BAD_CHECKPOINT, tensor,
            "has %" G_GUINT64_FORMAT " values, not %" G_GUINT64_FORMAT " for patches of two frames, nor half of that twice.",
            elements_of (tensor), 2 * rows * pixels);
  if (w->error || !(first = decoded (w, tensor, rows, pixels)) || !(second = decoded (w, other, rows, pixels)))
    return NULL;
  return qi_add (s, first, second);
}

void
qi_weights_patches (QiWeights *w, QiLinear *linear, guint64 channels, guint64 pixels, guint64 n_out, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *weight_name = g_strconcat (name, ".weight", NULL);
  g_autofree char *second_name = g_strconcat (name, ".weight.1", NULL);
  const QiCheckpointTensor *tensor;
  const QiTensor *sum;

  *linear = (QiLinear){ 0 };
  if (stopped (w) || !(tensor = find (w, weight_name))
      || !(linear->weight = allocate (w, QI_DTYPE_F32, 2, (guint64[]){ n_out, channels * pixels })))
    return;
  qi_stream_begin_scope (w->load.stream);
  if ((sum = sum_frames (w, tensor, second_name, n_out * channels, pixels)))
    qi_copy_into (w->load.stream, linear->weight, sum);
  qi_stream_end_scope (w->load.stream);
}
