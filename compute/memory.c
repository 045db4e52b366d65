/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/memory.h"

#include "base/bytes.h"
#include "base/error.h"
#include "compute/device.h"
#include "compute/fault.h"
#include "compute/vk-check.h"

/* A planning pool's block is as large as the device allows, and remembers how far it was used; a pool reserved
 * like it gets blocks of just that size. First-fit (lowest offset) makes the same calls give the same offsets. */
typedef struct
{
  QiBlock *block; /* NULL in a planning pool */
  VmaVirtualBlock space;
  guint64 bytes, high_water;
} PoolBlock;

struct _QiPool
{
  QiDevice *device;
  char *name;
  gboolean plan;
  GArray *blocks; /* PoolBlock */
  guint64 used, peak;
};

QiBlock *
qi_block_new (QiDevice *device, const char *name, guint64 bytes, QiBlockKind kind, GError **error)
{
  const gboolean host = kind == QI_BLOCK_HOST, mapped = kind != QI_BLOCK_DEVICE;
  const guint32 families[2] = { device->queue_family, device->copy_family };
  const VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                           .size = bytes,
                                           .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                                    VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                                    VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                                    VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                           .sharingMode = families[0] != families[1] ? VK_SHARING_MODE_CONCURRENT
                                                                                     : VK_SHARING_MODE_EXCLUSIVE,
                                           .queueFamilyIndexCount = families[0] != families[1] ? 2 : 0,
                                           .pQueueFamilyIndices = families };
  const VmaAllocationCreateInfo allocation_info = {
    .flags = VMA_ALLOCATION_CREATE_DEDICATED_MEMORY_BIT |
             (host     ? VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT
              : mapped ? VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT
                       : 0),
    .usage = host ? VMA_MEMORY_USAGE_AUTO_PREFER_HOST : VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE,
    .requiredFlags = mapped ? VK_MEMORY_PROPERTY_HOST_COHERENT_BIT : 0
  };
  QiBlock *block = g_new0 (QiBlock, 1);
  VmaAllocationInfo info = { 0 };
  VkBufferDeviceAddressInfo address_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO };
  VkResult result;

  if (qi_fault (QI_FAULT_ALLOCATION) || (!host && qi_device_over_limit (device, bytes)))
    result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  else
    result = vmaCreateBuffer (device->vma, &buffer_info, &allocation_info, &block->buffer, &block->allocation, &info);
  if (result != VK_SUCCESS)
    {
      g_free (block);
      if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
        g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY,
                     "%s needs a block of %s of memory, %s are free on %s", name, qi_bytes (bytes).text,
                     qi_bytes (qi_device_free_bytes (device)).text, device->info.name);
      else
        qi_vk_check (result, "vmaCreateBuffer", error);
      return NULL;
    }
  vmaSetAllocationName (device->vma, block->allocation, name);
  qi_device_name_object (device, VK_OBJECT_TYPE_BUFFER, (guint64) block->buffer, name);
  block->device = device;
  block->bytes = bytes;
  block->mapped = mapped ? info.pMappedData : NULL;
  address_info.buffer = block->buffer;
  block->address = vkGetBufferDeviceAddress (device->device, &address_info);
  qi_device_count_blocks (device, (gint64) bytes);
  return block;
}

void
qi_block_free (QiBlock *block)
{
  if (!block)
    return;
  vmaDestroyBuffer (block->device->vma, block->buffer, block->allocation);
  qi_device_count_blocks (block->device, -(gint64) block->bytes);
  g_free (block);
}

static void
clear_pool_block (gpointer data)
{
  PoolBlock *b = data;

  if (b->space)
    vmaDestroyVirtualBlock (b->space);
  qi_block_free (b->block);
}

QiPool *
qi_pool_new (QiDevice *device, const char *name, gboolean plan)
{
  QiPool *pool = g_new0 (QiPool, 1);

  pool->device = device;
  pool->name = g_strdup (name);
  pool->plan = plan;
  pool->blocks = g_array_new (FALSE, TRUE, sizeof (PoolBlock));
  g_array_set_clear_func (pool->blocks, clear_pool_block);
  return pool;
}

void
qi_pool_free (QiPool *pool)
{
  if (!pool)
    return;
  g_warn_if_fail (pool->used == 0);
  g_array_unref (pool->blocks);
  g_free (pool->name);
  g_free (pool);
}

static gboolean
add_block (QiPool *pool, guint64 bytes, GError **error)
{
  const VmaVirtualBlockCreateInfo info = { .size = bytes };
  PoolBlock b = { .bytes = bytes };

  if (!pool->plan && !(b.block = qi_block_new (pool->device, pool->name, bytes, QI_BLOCK_DEVICE, error)))
    return FALSE;
  if (vmaCreateVirtualBlock (&info, &b.space) != VK_SUCCESS)
    {
      qi_block_free (b.block);
      g_set_error_literal (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "No memory for the table of a memory block");
      return FALSE;
    }
  g_array_append_val (pool->blocks, b);
  return TRUE;
}

gboolean
qi_pool_reserve_like (QiPool *pool, const QiPool *plan, GError **error)
{
  g_return_val_if_fail (pool->blocks->len == 0 && !pool->plan, FALSE);

  for (guint i = 0; i < plan->blocks->len; i++)
    if (!add_block (pool, g_array_index (plan->blocks, PoolBlock, i).high_water, error))
      return FALSE;
  return TRUE;
}

guint64
qi_pool_peak (const QiPool *pool)
{
  return pool->peak;
}

guint64
qi_pool_block_bytes (const QiPool *pool)
{
  guint64 bytes = 0;

  for (guint i = 0; i < pool->blocks->len; i++)
    {
      const PoolBlock *b = &g_array_index (pool->blocks, PoolBlock, i);
      bytes += pool->plan ? b->high_water : b->bytes;
    }
  return bytes;
}

static gboolean
take_range (QiPool *pool, guint i, guint64 bytes, QiBlock **block, guint64 *offset, VmaVirtualAllocation *range)
{
  PoolBlock *b = &g_array_index (pool->blocks, PoolBlock, i);
  const VmaVirtualAllocationCreateInfo info = { .size = bytes,
                                                .alignment = QI_TENSOR_ALIGN,
                                                .flags = VMA_VIRTUAL_ALLOCATION_CREATE_STRATEGY_MIN_OFFSET_BIT };
  VkDeviceSize at = 0;

  if (vmaVirtualAllocate (b->space, &info, range, &at) != VK_SUCCESS)
    return FALSE;
  b->high_water = MAX (b->high_water, at + bytes);
  *block = b->block;
  *offset = at;
  return TRUE;
}

gboolean
qi_pool_allocate (QiPool *pool, guint64 bytes, QiBlock **block, guint *block_index, guint64 *offset,
                  VmaVirtualAllocation *range, GError **error)
{
  const guint64 largest = pool->device->info.max_allocation;
  guint i = 0;

  bytes = (bytes + QI_TENSOR_ALIGN - 1) / QI_TENSOR_ALIGN * QI_TENSOR_ALIGN;
  while (i < pool->blocks->len && !take_range (pool, i, bytes, block, offset, range))
    i++;
  if (i == pool->blocks->len)
    {
      if (bytes > largest)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY,
                       "%s needs one block of %s; %s allows %s", pool->name, qi_bytes (bytes).text,
                       pool->device->info.name, qi_bytes (largest).text);
          return FALSE;
        }
      if (!add_block (pool, pool->plan ? largest : bytes, error))
        return FALSE;
      if (!take_range (pool, i, bytes, block, offset, range))
        {
          g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "%s has no room for %" G_GUINT64_FORMAT " bytes",
                       pool->name, bytes);
          return FALSE;
        }
    }
  *block_index = i;
  pool->used += bytes;
  pool->peak = MAX (pool->peak, pool->used);
  if (!pool->plan)
    qi_device_count_tensors (pool->device, (gint64) bytes);
  return TRUE;
}

void
qi_pool_release (QiPool *pool, guint block_index, VmaVirtualAllocation range, guint64 bytes)
{
  PoolBlock *b = &g_array_index (pool->blocks, PoolBlock, block_index);

  bytes = (bytes + QI_TENSOR_ALIGN - 1) / QI_TENSOR_ALIGN * QI_TENSOR_ALIGN;
  vmaVirtualFree (b->space, range);
  pool->used -= bytes;
  if (!pool->plan)
    qi_device_count_tensors (pool->device, -(gint64) bytes);
}
