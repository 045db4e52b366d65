/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/tensor.h — the insides of QiTensor and QiPool, for compute/ alone. */
#pragma once
#include "compute/compute.h"
#include "compute/memory.h"

struct _QiTensor
{
  int ref_count; /* atomic */
  QiDtype dtype;
  guint n_dims;
  guint64 dims[QI_MAX_DIMS];
  guint64 bytes;

  QiBlock *block;  /* NULL: shape only (planning, or after an error) */
  guint64 offset;  /* in block */
  QiTensor *base;  /* views: the tensor that owns the range; NULL: it is its own */
  QiPool *pool;    /* owners: where the range goes back to; NULL for views */
  guint block_index;
  VmaVirtualAllocation range;
};

/* A view of bytes of base; dims must fit into it. (transfer full) */
QiTensor *qi_tensor_new_view (const QiTensor *base, guint64 offset, QiDtype dtype, guint n_dims, const guint64 *dims);

/* A tensor with a shape and no memory. (transfer full) */
QiTensor *qi_tensor_new_shape (QiDtype dtype, guint n_dims, const guint64 *dims);
