/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/slot.h"

#include <string.h>

#include "compute/vk-check.h"

typedef struct
{
  const char *name;
  double flops, bytes;
} Op;

gboolean
qi_slot_init (QiSlot *slot, QiDevice *device, GError **error)
{
  const VkCommandPoolCreateInfo pool = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                         .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                         .queueFamilyIndex = device->queue_family };
  const VkQueryPoolCreateInfo queries = { .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                          .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                          .queryCount = QI_SLOT_QUERIES };
  VkCommandBufferAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                       .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                       .commandBufferCount = 1 };

  slot->device = device;
  slot->ops = g_array_new (FALSE, FALSE, sizeof (Op));
  if (!qi_vk_check (vkCreateCommandPool (device->device, &pool, NULL, &slot->pool), "vkCreateCommandPool", error))
    return FALSE;
  info.commandPool = slot->pool;
  if (!qi_vk_check (vkAllocateCommandBuffers (device->device, &info, &slot->commands), "vkAllocateCommandBuffers", error))
    return FALSE;
  if (device->profile &&
      !qi_vk_check (vkCreateQueryPool (device->device, &queries, NULL, &slot->queries), "vkCreateQueryPool", error))
    return FALSE;
  slot->staging = qi_block_new (device, "staging", QI_SLOT_STAGING, QI_BLOCK_HOST, error);
  return slot->staging != NULL;
}

void
qi_slot_clear (QiSlot *slot)
{
  if (!slot->device)
    return;
  qi_block_free (slot->staging);
  vkDestroyQueryPool (slot->device->device, slot->queries, NULL);
  vkDestroyCommandPool (slot->device->device, slot->pool, NULL);
  g_array_unref (slot->ops);
}

gboolean
qi_slot_begin (QiSlot *slot, GError **error)
{
  const VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                           .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };

  slot->staging_used = 0;
  slot->n_queries = 0;
  g_array_set_size (slot->ops, 0);
  if (!qi_vk_check (vkResetCommandPool (slot->device->device, slot->pool, 0), "vkResetCommandPool", error) ||
      !qi_vk_check (vkBeginCommandBuffer (slot->commands, &begin), "vkBeginCommandBuffer", error))
    return FALSE;
  if (slot->queries)
    vkCmdResetQueryPool (slot->commands, slot->queries, 0, QI_SLOT_QUERIES);
  return TRUE;
}

gboolean
qi_slot_time_begin (QiSlot *slot, const char *name, double flops, double bytes)
{
  const Op op = { name, flops, bytes };

  if (!slot->queries)
    return TRUE;
  if (slot->n_queries + 2 > QI_SLOT_QUERIES)
    return FALSE;
  g_array_append_val (slot->ops, op);
  vkCmdWriteTimestamp2 (slot->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, slot->queries, slot->n_queries++);
  return TRUE;
}

void
qi_slot_time_end (QiSlot *slot)
{
  if (slot->queries)
    vkCmdWriteTimestamp2 (slot->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, slot->queries, slot->n_queries++);
}

static QiOpTime *
profile_row (GArray *profile, const char *name)
{
  const QiOpTime fresh = { .name = name };

  for (guint i = 0; i < profile->len; i++)
    if (strcmp (g_array_index (profile, QiOpTime, i).name, name) == 0)
      return &g_array_index (profile, QiOpTime, i);
  g_array_append_val (profile, fresh);
  return &g_array_index (profile, QiOpTime, profile->len - 1);
}

gboolean
qi_slot_collect (QiSlot *slot, GArray *profile, QiSpan *span)
{
  guint64 ticks[QI_SLOT_QUERIES];
  double us; /* of a tick */

  if (!slot->queries || slot->n_queries == 0 ||
      vkGetQueryPoolResults (slot->device->device, slot->queries, 0, slot->n_queries, sizeof ticks, ticks,
                             sizeof *ticks, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT) != VK_SUCCESS)
    return FALSE;
  us = slot->device->timestamp_seconds * 1e6;
  *span = (QiSpan){ (double) ticks[0] * us, (double) ticks[slot->n_queries - 1] * us };
  for (guint i = 0; i < slot->ops->len; i++)
    {
      const Op *op = &g_array_index (slot->ops, Op, i);
      QiOpTime *row = profile_row (profile, op->name);

      row->n++;
      row->seconds += (double) (ticks[2 * i + 1] - ticks[2 * i]) * slot->device->timestamp_seconds;
      row->flops += op->flops;
      row->bytes += op->bytes;
    }
  slot->n_queries = 0;
  g_array_set_size (slot->ops, 0);
  return TRUE;
}
