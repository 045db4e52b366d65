/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A ring's way through staging memory and a queue: for devices with a memory of their own. */
#include "compute/ring-private.h"

#include "compute/vk-check.h"

static gboolean
open_staging (QiRing *ring, QiRingStaging *staging, GError **error)
{
  const VkDevice device = ring->device->device;
  const VkCommandPoolCreateInfo pool = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                         .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                         .queueFamilyIndex = ring->device->copy_family };
  VkCommandBufferAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                       .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                       .commandBufferCount = 1 };

  if (!qi_vk_check (vkCreateCommandPool (device, &pool, NULL, &staging->pool), "vkCreateCommandPool", error))
    return FALSE;
  info.commandPool = staging->pool;
  if (!qi_vk_check (vkAllocateCommandBuffers (device, &info, &staging->commands), "vkAllocateCommandBuffers", error))
    return FALSE;
  staging->memory = qi_block_new (ring->device, "staging of a ring", QI_RING_STAGING, QI_BLOCK_HOST, error);
  return staging->memory != NULL;
}

gboolean
qi_ring_open_copier (QiRing *ring, GError **error)
{
  for (guint i = 0; i < QI_RING_N_STAGING; i++)
    if (!open_staging (ring, &ring->staging[i], error))
      return FALSE;
  return TRUE;
}

void
qi_ring_close_copier (QiRing *ring)
{
  const VkDevice device = ring->device->device;

  for (guint i = 0; i < QI_RING_N_STAGING; i++)
    {
      vkDestroyCommandPool (device, ring->staging[i].pool, NULL);
      qi_block_free (ring->staging[i].memory);
    }
}

static gboolean
submit (QiRing *ring, QiRingStaging *staging, GError **error)
{
  const VkCommandBufferSubmitInfo commands = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                               .commandBuffer = staging->commands };
  const VkSemaphoreSubmitInfo signal = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                         .semaphore = ring->copied,
                                         .value = ring->copy_value + 1,
                                         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT };
  const VkSubmitInfo2 info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                               .commandBufferInfoCount = 1,
                               .pCommandBufferInfos = &commands,
                               .signalSemaphoreInfoCount = 1,
                               .pSignalSemaphoreInfos = &signal };
  VkResult result = vkEndCommandBuffer (staging->commands);

  staging->used = 0;
  if (result == VK_SUCCESS)
    result = qi_device_submit (ring->device, ring->device->copy_queue, &info);
  if (!qi_vk_check (result, "vkQueueSubmit2", error))
    return FALSE;
  staging->value = ++ring->copy_value;
  ring->at = (ring->at + 1) % QI_RING_N_STAGING;
  return TRUE;
}

/* Staging memory that nothing is copied from, and its commands begun. */
static gboolean
begin (QiRing *ring, QiRingStaging *staging, GError **error)
{
  const VkCommandBufferBeginInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };

  return (staging->value == 0 || qi_ring_wait (ring, ring->copied, staging->value, error))
         && qi_vk_check (vkResetCommandPool (ring->device->device, staging->pool, 0), "vkResetCommandPool", error)
         && qi_vk_check (vkBeginCommandBuffer (staging->commands, &info), "vkBeginCommandBuffer", error);
}

gboolean
qi_ring_copy_item (QiRing *ring, const QiRingItem *item, QiBlock *slot, gboolean first, GError **error)
{
  const guint unit = qi_dtype_info (item->tensor->dtype)->block_bytes;
  const guint64 bytes = item->tensor->bytes;

  for (guint64 at = 0; at < bytes;)
    {
      QiRingStaging *staging = &ring->staging[ring->at];
      const guint64 room = (QI_RING_STAGING - staging->used) / unit * unit, n = MIN (MIN (room, bytes - at), QI_RING_CHUNK / unit * unit);

      if (n == 0)
        {
          if (!submit (ring, staging, error))
            return FALSE;
          continue;
        }
      if (staging->used == 0 && !begin (ring, staging, error))
        return FALSE;

      const VkBufferCopy region = { staging->used, item->offset + at, n };

      if (!ring->read (item->source, at, (guint8 *) staging->memory->mapped + staging->used, n, first, ring->user_data, error))
        {
          staging->used = 0;
          return FALSE;
        }
      vkCmdCopyBuffer (staging->commands, staging->memory->buffer, slot->buffer, 1, &region);
      staging->used += (n + 15) / 16 * 16;
      at += n;
      if (g_atomic_int_get (&ring->stop))
        return FALSE;
    }
  return TRUE;
}

gboolean
qi_ring_finish_copies (QiRing *ring, GError **error)
{
  QiRingStaging *staging = &ring->staging[ring->at];

  return staging->used == 0 || submit (ring, staging, error);
}

void
qi_ring_drain_copies (QiRing *ring)
{
  const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                     .semaphoreCount = 1,
                                     .pSemaphores = &ring->copied,
                                     .pValues = &ring->copy_value };

  ring->staging[ring->at].used = 0; /* recorded, and not wanted any more */
  if (ring->copy_value)
    vkWaitSemaphores (ring->device->device, &info, G_MAXUINT64);
}
