/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/tensor.h"

#include "base/error.h"

/* Bytes of a tensor; 0 when a size is 0, overflows, or a row is no whole number of blocks. */
static guint64
shape_bytes (QiDtype dtype, guint n_dims, const guint64 *dims)
{
  guint64 bytes;

  if (n_dims == 0 || n_dims > QI_MAX_DIMS || dims[n_dims - 1] == 0)
    return 0;
  bytes = qi_dtype_row_bytes (dtype, dims[n_dims - 1]);
  for (guint i = 0; bytes && i + 1 < n_dims; i++)
    if (dims[i] == 0 || bytes > G_MAXINT64 / dims[i])
      return 0;
    else
      bytes *= dims[i];
  return bytes;
}

QiTensor *
qi_tensor_new_shape (QiDtype dtype, guint n_dims, const guint64 *dims)
{
  const guint64 bytes = shape_bytes (dtype, n_dims, dims);
  QiTensor *t;

  g_return_val_if_fail (bytes > 0, NULL);
  t = g_new0 (QiTensor, 1);
  t->ref_count = 1;
  t->dtype = dtype;
  t->n_dims = n_dims;
  memcpy (t->dims, dims, n_dims * sizeof *dims);
  t->bytes = bytes;
  return t;
}

QiTensor *
qi_tensor_new (QiPool *pool, QiDtype dtype, guint n_dims, const guint64 *dims, GError **error)
{
  QiTensor *t;

  if (shape_bytes (dtype, n_dims, dims) == 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "A tensor of %u dimensions has no such size", n_dims);
      return NULL;
    }
  t = qi_tensor_new_shape (dtype, n_dims, dims);
  if (!qi_pool_allocate (pool, t->bytes, &t->block, &t->block_index, &t->offset, &t->range, error))
    {
      g_free (t);
      return NULL;
    }
  t->pool = pool;
  return t;
}

QiTensor *
qi_tensor_new_view (const QiTensor *base, guint64 offset, QiDtype dtype, guint n_dims, const guint64 *dims)
{
  QiTensor *t = qi_tensor_new_shape (dtype, n_dims, dims);

  g_return_val_if_fail (t && offset <= base->bytes && t->bytes <= base->bytes - offset, NULL);
  t->base = qi_tensor_ref (base);
  t->block = base->block;
  t->offset = base->offset + offset;
  return t;
}

QiTensor *
qi_tensor_ref (const QiTensor *tensor)
{
  QiTensor *t = (QiTensor *) tensor;

  g_atomic_int_inc (&t->ref_count);
  return t;
}

void
qi_tensor_unref (QiTensor *tensor)
{
  if (!tensor || !g_atomic_int_dec_and_test (&tensor->ref_count))
    return;
  if (tensor->pool)
    qi_pool_release (tensor->pool, tensor->block_index, tensor->range, tensor->bytes);
  qi_tensor_unref (tensor->base);
  g_free (tensor);
}

QiDtype qi_tensor_dtype (const QiTensor *tensor) { return tensor->dtype; }
guint qi_tensor_n_dims (const QiTensor *tensor) { return tensor->n_dims; }
guint64 qi_tensor_bytes (const QiTensor *tensor) { return tensor->bytes; }

guint64
qi_tensor_dim (const QiTensor *tensor, int i)
{
  const int at = i < 0 ? (int) tensor->n_dims + i : i;

  g_return_val_if_fail (at >= 0 && at < (int) tensor->n_dims, 0);
  return tensor->dims[at];
}

guint64
qi_tensor_elements (const QiTensor *tensor)
{
  guint64 n = 1;

  for (guint i = 0; i < tensor->n_dims; i++)
    n *= tensor->dims[i];
  return n;
}

guint64
qi_tensor_rows (const QiTensor *tensor)
{
  return qi_tensor_elements (tensor) / tensor->dims[tensor->n_dims - 1];
}
