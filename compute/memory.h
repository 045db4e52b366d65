/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/memory.h — blocks of device memory, counted, and the pools that tensors live in. Internal to compute/. */
#pragma once
#include "compute/compute.h"
#include "compute/vma.h"

#define QI_TENSOR_ALIGN 256 /* of a tensor in its block: the largest minStorageBufferOffsetAlignment there is */

/* One VkBuffer with memory of its own. */
typedef struct
{
  QiDevice *device;
  VkBuffer buffer;
  VmaAllocation allocation;
  VkDeviceSize bytes;
  void *mapped; /* host address, for host-visible blocks */
  VkDeviceAddress address;
} QiBlock;

typedef enum
{
  QI_BLOCK_DEVICE, /* the GPU's own */
  QI_BLOCK_MAPPED, /* the GPU's own, written by the host: where both share a memory */
  QI_BLOCK_HOST    /* for transfers */
} QiBlockKind;

/* What is mapped is coherent. Counted. QI_ERROR_OUT_OF_MEMORY says the figures. */
QiBlock *qi_block_new (QiDevice *device, const char *name, guint64 bytes, QiBlockKind kind, GError **error);
void qi_block_free (QiBlock *block);

/* A range of bytes in pool, a new block where none has room. In a planning pool *block is NULL. */
gboolean qi_pool_allocate (QiPool *pool, guint64 bytes, QiBlock **block, guint *block_index, guint64 *offset,
                           VmaVirtualAllocation *range, GError **error);
void qi_pool_release (QiPool *pool, guint block_index, VmaVirtualAllocation range, guint64 bytes);
