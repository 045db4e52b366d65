/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands of a stream: recording, submission, and barriers only where bytes are in the way. */
#include "compute/stream-private.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "compute/vk-check.h"

/* -- recording ------------------------------------------------------------------------------------- */

void
qi_stream_memory_barrier (QiStream *s, VkPipelineStageFlags2 to_stage, VkAccessFlags2 to_access)
{
  const VkPipelineStageFlags2 work = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT;
  const VkMemoryBarrier2 barrier = { .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                     .srcStageMask = work,
                                     .srcAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT,
                                     .dstStageMask = to_stage ? to_stage : work,
                                     .dstAccessMask = to_access ? to_access
                                                                : VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT };
  const VkDependencyInfo info = { .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                  .memoryBarrierCount = 1,
                                  .pMemoryBarriers = &barrier };

  vkCmdPipelineBarrier2 (s->slots[s->current].commands, &info);
}

gboolean
qi_stream_wait_value (QiStream *s, guint64 value)
{
  const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                     .semaphoreCount = 1,
                                     .pSemaphores = &s->timeline,
                                     .pValues = &value };
  GError *error = NULL;
  VkResult result;

  while ((result = vkWaitSemaphores (s->device->device, &info, 50 * 1000 * 1000)) == VK_TIMEOUT)
    if (!s->error && g_cancellable_set_error_if_cancelled (s->cancellable, &error))
      {
        qi_stream_take_error (s, error);
        return FALSE;
      }
  if (qi_vk_check (result, "vkWaitSemaphores", &error))
    return TRUE;
  qi_stream_take_error (s, error);
  return FALSE;
}

gboolean
qi_stream_begin_recording (QiStream *s)
{
  QiSlot *slot = &s->slots[s->current];
  GError *error = NULL;

  if (s->error)
    return FALSE;
  if (s->recording)
    return TRUE;
  if (slot->value)
    {
      if (!qi_stream_wait_value (s, slot->value))
        return FALSE;
      qi_stream_collect (s, slot);
      slot->value = 0;
    }
  if (!qi_slot_begin (slot, &error))
    {
      qi_stream_take_error (s, error);
      return FALSE;
    }
  s->recording = TRUE;
  s->recorded = 0;
  g_array_set_size (s->accesses, 0);
  qi_stream_memory_barrier (s, 0, 0); /* after all that was submitted before */
  return TRUE;
}

static VkSemaphoreSubmitInfo
semaphore_info (VkSemaphore semaphore, guint64 value)
{
  return (VkSemaphoreSubmitInfo){ .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                  .semaphore = semaphore,
                                  .value = value,
                                  .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT };
}

void
qi_stream_submit_recorded (QiStream *s)
{
  QiSlot *slot = &s->slots[s->current];
  const VkCommandBufferSubmitInfo commands = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                               .commandBuffer = slot->commands };
  const VkSemaphoreSubmitInfo signals[2] = { semaphore_info (s->timeline, s->last_value + 1),
                                             semaphore_info (s->tell, s->tell_value) };
  const VkSemaphoreSubmitInfo wait = semaphore_info (s->wait_for, s->wait_value);
  const VkSubmitInfo2 info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                               .commandBufferInfoCount = 1,
                               .pCommandBufferInfos = &commands,
                               .waitSemaphoreInfoCount = s->wait_for ? 1 : 0,
                               .pWaitSemaphoreInfos = &wait,
                               .signalSemaphoreInfoCount = s->tell ? 2 : 1,
                               .pSignalSemaphoreInfos = signals };
  GError *error = NULL;
  VkResult result;

  if (s->error || !s->recording)
    return;
  if (g_cancellable_set_error_if_cancelled (s->cancellable, &error))
    {
      qi_stream_take_error (s, error);
      return;
    }
  s->recording = FALSE;
  result = vkEndCommandBuffer (slot->commands);
  if (result == VK_SUCCESS)
    result = qi_device_submit (s->device, s->device->queue, &info);
  if (!qi_vk_check (result, "vkQueueSubmit2", &error))
    {
      qi_stream_take_error (s, error);
      return;
    }
  s->wait_for = s->tell = VK_NULL_HANDLE;
  slot->value = ++s->last_value;
  s->current = (s->current + 1) % QI_N_SLOTS;
}

static gboolean
conflicts (const QiStream *s, const QiAccess *a)
{
  for (guint i = 0; i < s->accesses->len; i++)
    {
      const QiAccess *b = &g_array_index (s->accesses, QiAccess, i);

      if (a->block == b->block && (a->write || b->write) && a->begin < b->end && b->begin < a->end)
        return TRUE;
    }
  return FALSE;
}

/* What the next command touches: a barrier first where an earlier one is in its way. */
static void
order_accesses (QiStream *s, const QiAccess *accesses, guint n)
{
  gboolean wait = FALSE;

  for (guint i = 0; i < n; i++)
    wait |= conflicts (s, &accesses[i]);
  if (wait && s->barriers)
    {
      qi_stream_memory_barrier (s, 0, 0);
      g_array_set_size (s->accesses, 0);
    }
  g_array_append_vals (s->accesses, accesses, n);
}

void
qi_stream_record_copy (QiStream *s, const QiBlock *from, guint64 from_offset, const QiBlock *to, guint64 to_offset, guint64 n)
{
  const QiAccess accesses[] = { { from, from_offset, from_offset + n, FALSE }, { to, to_offset, to_offset + n, TRUE } };
  const VkBufferCopy region = { from_offset, to_offset, n };

  order_accesses (s, accesses, G_N_ELEMENTS (accesses));
  vkCmdCopyBuffer (s->slots[s->current].commands, from->buffer, to->buffer, 1, &region);
}

void
qi_stream_copy (QiStream *s, const QiTensor *dst, guint64 dst_offset, const QiTensor *src, guint64 src_offset,
                guint64 n)
{
  g_return_if_fail (dst_offset <= dst->bytes && n <= dst->bytes - dst_offset);
  g_return_if_fail (src_offset <= src->bytes && n <= src->bytes - src_offset);

  if (s->plan || n == 0 || !qi_stream_begin_recording (s) || !src->block || !dst->block)
    return;
  qi_stream_record_copy (s, src->block, src->offset + src_offset, dst->block, dst->offset + dst_offset, n);
}

void
qi_stream_fill_zero (QiStream *s, const QiTensor *t)
{
  const QiAccess access = { t->block, t->offset, t->offset + t->bytes, TRUE };

  if (s->plan || !qi_stream_begin_recording (s) || !t->block)
    return;
  order_accesses (s, &access, 1);
  vkCmdFillBuffer (s->slots[s->current].commands, t->block->buffer, t->offset, (t->bytes + 3) / 4 * 4, 0);
}

/* -- dispatch -------------------------------------------------------------------------------------- */

static gboolean
check_dispatch (QiStream *s, const QiDispatch *d)
{
  const QiShaderInfo *shader = &qi_shader_table[d->shader];

  if (d->n_args == shader->n_bindings && d->push_bytes >= shader->push_bytes && d->push_bytes <= QI_MAX_PUSH &&
      d->n_spec >= shader->n_spec)
    return TRUE;
  g_critical ("%s: shader %s takes %u bindings, %u bytes, %u constants; got %u, %u, %u", d->name, shader->name,
              shader->n_bindings, shader->push_bytes, shader->n_spec, d->n_args, d->push_bytes, d->n_spec);
  return FALSE;
}

static guint64
arg_bytes (const QiArg *arg)
{
  return arg->bytes ? arg->bytes : arg->tensor->bytes - arg->offset;
}

/* Misaligned arguments go through aligned scratch of the current scope; *moved tells which. */
static guint32
align_args (QiStream *s, const QiDispatch *d, QiArg *args)
{
  const guint32 writes = qi_shader_table[d->shader].writes;
  guint32 moved = 0;

  for (guint i = 0; i < d->n_args; i++)
    {
      args[i] = d->args[i];
      if (!args[i].tensor)
        continue;
      if ((args[i].tensor->offset + args[i].offset) % s->device->offset_alignment)
        {
          const guint64 bytes = arg_bytes (&args[i]);
          const QiTensor *aligned = qi_scratch (s, QI_DTYPE_U32, (bytes + 3) / 4);

          /* A written range is read first too: the shader may leave parts of it as they are. */
          qi_stream_copy (s, aligned, 0, args[i].tensor, args[i].offset, bytes);
          args[i] = (QiArg){ aligned, 0, bytes };
          moved |= writes & 1u << i;
        }
    }
  return moved;
}

/* In FLOPs; see QiStreamWork. */
static double
work_of (const QiDispatch *d)
{
  double moving = 0;

  for (guint i = 0; i < d->n_args; i++)
    if (d->args[i].tensor)
      moving += arg_bytes (&d->args[i]) * qi_stream_byte_work (d->args[i].tensor->dtype);
  return MAX (d->flops, moving);
}

/* Whether a submission ends before work is added to it; one dispatch has no end within it. */
static gboolean
is_full (const QiStream *s, double work)
{
  return s->recorded > 0 && s->recorded + work > s->flops_budget;
}

static void
count_work (QiStream *s, const QiDispatch *d, double work)
{
  QiStreamWork *w = &s->work;

  if (s->recorded == 0)
    w->n_submissions++;
  s->recorded += work;
  w->n_dispatches++;
  w->work += work;
  w->most = MAX (w->most, s->recorded);
  if (work > w->largest)
    {
      w->largest = work;
      w->largest_name = d->name;
    }
}

static gboolean
bind_args (QiStream *s, const QiDispatch *d, const QiArg *args, VkDescriptorBufferInfo *buffers, QiAccess *accesses,
           guint *n_accesses, double *bytes)
{
  *n_accesses = 0;
  *bytes = 0;
  for (guint i = 0; i < d->n_args; i++)
    {
      const QiTensor *t = args[i].tensor;
      guint64 n;

      if (!t)
        {
          buffers[i] = (VkDescriptorBufferInfo){ s->dummy->buffer, 0, VK_WHOLE_SIZE };
          continue;
        }
      if (!t->block)
        return FALSE;
      n = arg_bytes (&args[i]);
      if (n > s->device->info.max_binding)
        {
          qi_stream_take_error (s, g_error_new (QI_ERROR, QI_ERROR_UNSUPPORTED,
                                      "%s needs %s in one piece; %s binds at most %s", d->name,
                                      qi_bytes (n).text, s->device->name, qi_bytes (s->device->info.max_binding).text));
          return FALSE;
        }
      /* Bindings are whole words; a tensor's range in its block is padded to more than that. */
      buffers[i] = (VkDescriptorBufferInfo){ t->block->buffer, t->offset + args[i].offset, (n + 3) / 4 * 4 };
      accesses[(*n_accesses)++] = (QiAccess){ t->block, t->offset + args[i].offset, t->offset + args[i].offset + n,
                                            (qi_shader_table[d->shader].writes >> i & 1) != 0 };
      *bytes += n;
    }
  return TRUE;
}

static void
put_address (guint8 *to, const QiArg *arg)
{
  const VkDeviceAddress address = arg->tensor->block->address + arg->tensor->offset + arg->offset;

  memcpy (to, &address, sizeof address); /* the lower word first */
}

static void
record_dispatch (QiStream *s, const QiDispatch *d, const QiPipeline *pipeline, const QiArg *args,
                 const VkDescriptorBufferInfo *buffers, double bytes)
{
  VkWriteDescriptorSet writes[QI_MAX_ARGS];
  guint8 push[QI_MAX_PUSH];
  QiSlot *slot = &s->slots[s->current];

  for (guint i = 0; i < d->n_args; i++)
    writes[i] = (VkWriteDescriptorSet){ .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstBinding = i,
                                        .descriptorCount = 1,
                                        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                        .pBufferInfo = &buffers[i] };
  qi_slot_time_begin (slot, d->name, d->flops, bytes);
  vkCmdBindPipeline (slot->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
  vkCmdPushDescriptorSetKHR (slot->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->layout, 0, d->n_args, writes);
  if (qi_shader_table[d->shader].push_bytes)
    {
      memcpy (push, d->push, d->push_bytes);
      for (guint i = 0; i < d->n_addresses; i++)
        put_address (push + d->address_at + i * sizeof (VkDeviceAddress), &args[i]);
      vkCmdPushConstants (slot->commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                          qi_shader_table[d->shader].push_bytes, push);
    }
  vkCmdDispatch (slot->commands, d->groups[0], d->groups[1], d->groups[2]);
  qi_slot_time_end (slot);
}

void
qi_stream_dispatch (QiStream *s, const QiDispatch *d)
{
  VkDescriptorBufferInfo buffers[QI_MAX_ARGS];
  QiAccess accesses[QI_MAX_ARGS];
  QiArg args[QI_MAX_ARGS];
  QiPipeline pipeline;
  GError *error = NULL;
  guint32 moved;
  guint n_accesses;
  double bytes, work;

  if (s->error || !check_dispatch (s, d))
    return;
  moved = align_args (s, d, args);
  work = work_of (d);
  if (s->plan)
    {
      if (is_full (s, work))
        s->recorded = 0;
      count_work (s, d, work);
      return;
    }
  if (!bind_args (s, d, args, buffers, accesses, &n_accesses, &bytes))
    return;
  if (!qi_pipeline_get (s->device->pipelines, d->shader, d->spec, qi_shader_table[d->shader].n_spec, &pipeline, &error))
    {
      qi_stream_take_error (s, error);
      return;
    }
  if (s->recording && (is_full (s, work) ||
                       (s->device->profile && s->slots[s->current].n_queries + 2 > QI_SLOT_QUERIES)))
    qi_stream_submit_recorded (s);
  if (!qi_stream_begin_recording (s))
    return;
  order_accesses (s, accesses, n_accesses);
  record_dispatch (s, d, &pipeline, args, buffers, bytes);
  count_work (s, d, work);
  for (guint i = 0; i < d->n_args; i++)
    if (moved >> i & 1)
      qi_stream_copy (s, d->args[i].tensor, d->args[i].offset, args[i].tensor, 0, args[i].bytes);
}
