/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/stream.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "compute/pipeline.h"
#include "compute/slot.h"
#include "compute/tensor.h"
#include "compute/vk-check.h"

#define N_SLOTS 2

/* Bytes that commands since the last barrier read or wrote. */
typedef struct
{
  const QiBlock *block;
  guint64 begin, end;
  gboolean write;
} Access;

struct _QiStream
{
  QiDevice *device;
  gboolean plan;
  QiPool *pool;
  QiCompute compute;
  GCancellable *cancellable;
  GError *error; /* sticky */
  gboolean lost;

  GPtrArray *scopes; /* of GPtrArray of QiTensor */
  QiSlot slots[N_SLOTS];
  guint current;
  gboolean recording, barriers;
  VkSemaphore timeline;
  guint64 last_value;
  GArray *accesses; /* Access */
  double flops;     /* recorded since the last submission */
  QiBlock *dummy;
  GArray *profile; /* QiOpTime */

  guint64 max_binding;
  double flops_budget;
};

guint64
qi_stream_fixed_bytes (void)
{
  return N_SLOTS * QI_SLOT_STAGING + QI_TENSOR_ALIGN;
}

/* About 100 ms of work in one submission. */
static double
default_budget (QiDeviceType type)
{
  switch (type)
    {
    case QI_DEVICE_DISCRETE: return 2e11;
    case QI_DEVICE_INTEGRATED: return 2e10;
    default: return 2e9;
    }
}

static void
take_error (QiStream *s, GError *error)
{
  if (g_error_matches (error, QI_ERROR, QI_ERROR_DEVICE_LOST))
    s->lost = TRUE;
  if (s->error)
    g_error_free (error);
  else
    s->error = error;
}

void
qi_stream_take_error (QiStream *s, GError *error)
{
  take_error (s, error);
}

gboolean
qi_stream_failed (const QiStream *s)
{
  return s->error != NULL;
}

static void
open_gpu_side (QiStream *s)
{
  const VkSemaphoreTypeCreateInfo type = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                           .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE };
  const VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
  GError *error = NULL;

  if (!qi_vk_check (vkCreateSemaphore (s->device->device, &info, NULL, &s->timeline), "vkCreateSemaphore", &error))
    {
      take_error (s, error);
      return;
    }
  for (guint i = 0; i < N_SLOTS; i++)
    if (!qi_slot_init (&s->slots[i], s->device, &error))
      {
        take_error (s, error);
        return;
      }
  if (!(s->dummy = qi_block_new (s->device, "dummy", QI_TENSOR_ALIGN, FALSE, &error)))
    take_error (s, error);
}

QiStream *
qi_stream_new (QiDevice *device, gboolean plan)
{
  QiStream *s = g_new0 (QiStream, 1);

  s->device = device;
  s->plan = plan;
  s->barriers = TRUE;
  s->pool = qi_pool_new (device, "scratch memory", plan);
  s->scopes = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  s->accesses = g_array_new (FALSE, FALSE, sizeof (Access));
  s->profile = g_array_new (FALSE, TRUE, sizeof (QiOpTime));
  s->max_binding = device->info.max_binding;
  s->flops_budget = default_budget (device->info.type);
  qi_stream_begin_scope (s);
  if (!plan)
    open_gpu_side (s);
  return s;
}

static void
wait_all (QiStream *s)
{
  const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                     .semaphoreCount = 1,
                                     .pSemaphores = &s->timeline,
                                     .pValues = &s->last_value };

  if (s->timeline && s->last_value && !s->lost)
    vkWaitSemaphores (s->device->device, &info, G_MAXUINT64);
}

void
qi_stream_free (QiStream *s)
{
  if (!s)
    return;
  wait_all (s);
  g_ptr_array_unref (s->scopes);
  for (guint i = 0; i < N_SLOTS; i++)
    qi_slot_clear (&s->slots[i]);
  if (s->timeline)
    vkDestroySemaphore (s->device->device, s->timeline, NULL);
  qi_block_free (s->dummy);
  qi_pool_free (s->pool);
  g_array_unref (s->accesses);
  g_array_unref (s->profile);
  g_clear_error (&s->error);
  g_free (s);
}

gboolean qi_stream_is_plan (const QiStream *s) { return s->plan; }
QiPool *qi_stream_pool (QiStream *s) { return s->pool; }
void qi_stream_set_compute (QiStream *s, QiCompute compute) { s->compute = compute; }
QiCompute qi_stream_compute (const QiStream *s) { return s->compute; }
void qi_stream_set_cancellable (QiStream *s, GCancellable *cancellable) { s->cancellable = cancellable; }
const QiDeviceInfo *qi_stream_device_info (const QiStream *s) { return &s->device->info; }
double qi_stream_flops_budget (const QiStream *s) { return s->flops_budget; }
void qi_stream_set_barriers (QiStream *s, gboolean on) { s->barriers = on; }

void
qi_stream_set_limits (QiStream *s, guint64 max_binding, double flops_budget)
{
  if (max_binding)
    s->max_binding = max_binding;
  if (flops_budget > 0)
    s->flops_budget = flops_budget;
}

guint
qi_stream_reduce_lanes (const QiStream *s)
{
  return s->device->info.type == QI_DEVICE_SOFTWARE ? s->device->info.subgroup_size : 256;
}

guint64
qi_stream_window (const QiStream *s, guint64 n_rows, guint64 row_bytes, double flops_per_row, guint64 step)
{
  guint64 n = row_bytes ? s->max_binding / row_bytes : n_rows;

  if (flops_per_row > 0)
    n = MIN (n, (guint64) MIN (s->flops_budget / flops_per_row, 1e18));
  n = MIN (n, n_rows);
  if (step && n < n_rows && n >= step)
    n = n / step * step;
  return MAX (n, 1);
}

/* -- scopes ---------------------------------------------------------------------------------------- */

void
qi_stream_begin_scope (QiStream *s)
{
  g_ptr_array_add (s->scopes, g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_unref));
}

void
qi_stream_end_scope (QiStream *s)
{
  g_return_if_fail (s->scopes->len > 1);
  g_ptr_array_set_size (s->scopes, (gint) s->scopes->len - 1);
}

static const QiTensor *
keep (QiStream *s, QiTensor *t)
{
  if (t)
    g_ptr_array_add (g_ptr_array_index (s->scopes, s->scopes->len - 1), t);
  return t;
}

const QiTensor *
qi_stream_scratch (QiStream *s, QiDtype dtype, guint n_dims, const guint64 *dims)
{
  GError *error = NULL;
  QiTensor *t = s->error ? NULL : qi_tensor_new (s->pool, dtype, n_dims, dims, &error);

  if (error)
    take_error (s, error);
  return keep (s, t ? t : qi_tensor_new_shape (dtype, n_dims, dims));
}

const QiTensor *
qi_stream_view (QiStream *s, const QiTensor *t, guint n_dims, const guint64 *dims)
{
  return keep (s, qi_tensor_new_view (t, 0, t->dtype, n_dims, dims));
}

const QiTensor *
qi_view_rows (QiStream *s, const QiTensor *t, guint64 first, guint64 n)
{
  const guint64 dims[2] = { n, t->dims[t->n_dims - 1] };
  const guint64 row_bytes = qi_dtype_row_bytes (t->dtype, dims[1]);

  g_return_val_if_fail (first <= qi_tensor_rows (t) && n <= qi_tensor_rows (t) - first, NULL);
  return keep (s, qi_tensor_new_view (t, first * row_bytes, t->dtype, 2, dims));
}

/* -- recording ------------------------------------------------------------------------------------- */

static void
memory_barrier (QiStream *s, VkPipelineStageFlags2 to_stage, VkAccessFlags2 to_access)
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

/* Waits for a timeline value, looking at the cancellable twenty times a second. */
static gboolean
wait_value (QiStream *s, guint64 value)
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
        take_error (s, error);
        return FALSE;
      }
  if (qi_vk_check (result, "vkWaitSemaphores", &error))
    return TRUE;
  take_error (s, error);
  return FALSE;
}

static gboolean
begin_recording (QiStream *s)
{
  QiSlot *slot = &s->slots[s->current];
  GError *error = NULL;

  if (s->error)
    return FALSE;
  if (s->recording)
    return TRUE;
  if (slot->value)
    {
      if (!wait_value (s, slot->value))
        return FALSE;
      qi_slot_collect (slot, s->profile);
      slot->value = 0;
    }
  if (!qi_slot_begin (slot, &error))
    {
      take_error (s, error);
      return FALSE;
    }
  s->recording = TRUE;
  s->flops = 0;
  g_array_set_size (s->accesses, 0);
  memory_barrier (s, 0, 0); /* after all that was submitted before */
  return TRUE;
}

static void
submit_recorded (QiStream *s)
{
  QiSlot *slot = &s->slots[s->current];
  const VkCommandBufferSubmitInfo commands = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                               .commandBuffer = slot->commands };
  const VkSemaphoreSubmitInfo signal = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                         .semaphore = s->timeline,
                                         .value = s->last_value + 1,
                                         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT };
  const VkSubmitInfo2 info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                               .commandBufferInfoCount = 1,
                               .pCommandBufferInfos = &commands,
                               .signalSemaphoreInfoCount = 1,
                               .pSignalSemaphoreInfos = &signal };
  GError *error = NULL;
  VkResult result;

  if (s->error || !s->recording)
    return;
  if (g_cancellable_set_error_if_cancelled (s->cancellable, &error))
    {
      take_error (s, error);
      return;
    }
  s->recording = FALSE;
  result = vkEndCommandBuffer (slot->commands);
  if (result == VK_SUCCESS)
    {
      g_mutex_lock (&s->device->lock);
      result = vkQueueSubmit2 (s->device->queue, 1, &info, VK_NULL_HANDLE);
      g_mutex_unlock (&s->device->lock);
    }
  if (!qi_vk_check (result, "vkQueueSubmit2", &error))
    {
      take_error (s, error);
      return;
    }
  slot->value = ++s->last_value;
  s->current = (s->current + 1) % N_SLOTS;
}

static gboolean
conflicts (const QiStream *s, const Access *a)
{
  for (guint i = 0; i < s->accesses->len; i++)
    {
      const Access *b = &g_array_index (s->accesses, Access, i);

      if (a->block == b->block && (a->write || b->write) && a->begin < b->end && b->begin < a->end)
        return TRUE;
    }
  return FALSE;
}

/* What the next command touches: a barrier first where an earlier one is in its way. */
static void
order_accesses (QiStream *s, const Access *accesses, guint n)
{
  gboolean wait = FALSE;

  for (guint i = 0; i < n; i++)
    wait |= conflicts (s, &accesses[i]);
  if (wait && s->barriers)
    {
      memory_barrier (s, 0, 0);
      g_array_set_size (s->accesses, 0);
    }
  g_array_append_vals (s->accesses, accesses, n);
}

static void
record_copy (QiStream *s, const QiBlock *from, guint64 from_offset, const QiBlock *to, guint64 to_offset, guint64 n)
{
  const Access accesses[] = { { from, from_offset, from_offset + n, FALSE }, { to, to_offset, to_offset + n, TRUE } };
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

  if (s->plan || n == 0 || !begin_recording (s) || !src->block || !dst->block)
    return;
  record_copy (s, src->block, src->offset + src_offset, dst->block, dst->offset + dst_offset, n);
}

void
qi_stream_fill_zero (QiStream *s, const QiTensor *t)
{
  const Access access = { t->block, t->offset, t->offset + t->bytes, TRUE };

  if (s->plan || !begin_recording (s) || !t->block)
    return;
  order_accesses (s, &access, 1);
  vkCmdFillBuffer (s->slots[s->current].commands, t->block->buffer, t->offset, (t->bytes + 3) / 4 * 4, 0);
}

/* -- dispatch -------------------------------------------------------------------------------------- */

static gboolean
check_dispatch (QiStream *s, const QiDispatch *d)
{
  const QiShaderInfo *shader = &qi_shader_table[d->shader];

  if (d->n_args == shader->n_bindings && d->push_bytes >= shader->push_bytes && d->n_spec >= shader->n_spec)
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

static gboolean
bind_args (QiStream *s, const QiDispatch *d, const QiArg *args, VkDescriptorBufferInfo *buffers, Access *accesses,
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
          take_error (s, g_error_new (QI_ERROR, QI_ERROR_UNSUPPORTED,
                                      "%s needs %s in one piece; %s binds at most %s", d->name,
                                      qi_bytes (n).text, s->device->name, qi_bytes (s->device->info.max_binding).text));
          return FALSE;
        }
      /* Bindings are whole words; a tensor's range in its block is padded to more than that. */
      buffers[i] = (VkDescriptorBufferInfo){ t->block->buffer, t->offset + args[i].offset, (n + 3) / 4 * 4 };
      accesses[(*n_accesses)++] = (Access){ t->block, t->offset + args[i].offset, t->offset + args[i].offset + n,
                                            (qi_shader_table[d->shader].writes >> i & 1) != 0 };
      *bytes += n;
    }
  return TRUE;
}

static void
record_dispatch (QiStream *s, const QiDispatch *d, const QiPipeline *pipeline, const VkDescriptorBufferInfo *buffers,
                 double bytes)
{
  VkWriteDescriptorSet writes[QI_MAX_ARGS];
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
    vkCmdPushConstants (slot->commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        qi_shader_table[d->shader].push_bytes, d->push);
  vkCmdDispatch (slot->commands, d->groups[0], d->groups[1], d->groups[2]);
  qi_slot_time_end (slot);
}

void
qi_stream_dispatch (QiStream *s, const QiDispatch *d)
{
  VkDescriptorBufferInfo buffers[QI_MAX_ARGS];
  Access accesses[QI_MAX_ARGS];
  QiArg args[QI_MAX_ARGS];
  QiPipeline pipeline;
  GError *error = NULL;
  guint32 moved;
  guint n_accesses;
  double bytes;

  if (s->error || !check_dispatch (s, d))
    return;
  moved = align_args (s, d, args);
  if (s->plan || !bind_args (s, d, args, buffers, accesses, &n_accesses, &bytes))
    return;
  if (!qi_pipeline_get (s->device->pipelines, d->shader, d->spec, qi_shader_table[d->shader].n_spec, &pipeline, &error))
    {
      take_error (s, error);
      return;
    }
  if (s->recording && (s->flops + d->flops > s->flops_budget ||
                       (s->device->profile && s->slots[s->current].n_queries + 2 > QI_SLOT_QUERIES)))
    submit_recorded (s);
  if (!begin_recording (s))
    return;
  order_accesses (s, accesses, n_accesses);
  record_dispatch (s, d, &pipeline, buffers, bytes);
  s->flops += d->flops;
  for (guint i = 0; i < d->n_args; i++)
    if (moved >> i & 1)
      qi_stream_copy (s, d->args[i].tensor, d->args[i].offset, args[i].tensor, 0, args[i].bytes);
}

/* -- transfer -------------------------------------------------------------------------------------- */

/* Room for some of n bytes in the current slot's staging memory; 0 after an error. */
static guint64
take_staging (QiStream *s, guint64 n, guint64 *offset)
{
  QiSlot *slot;

  if (!begin_recording (s))
    return 0;
  if (s->slots[s->current].staging_used == QI_SLOT_STAGING)
    {
      submit_recorded (s);
      if (!begin_recording (s))
        return 0;
    }
  slot = &s->slots[s->current];
  n = MIN (n, QI_SLOT_STAGING - slot->staging_used);
  *offset = slot->staging_used;
  slot->staging_used = MIN ((slot->staging_used + n + 15) / 16 * 16, QI_SLOT_STAGING);
  return n;
}

void
qi_stream_upload (QiStream *s, const QiTensor *t, guint64 offset, const void *data, gsize n)
{
  const guint8 *from = data;

  g_return_if_fail (offset <= t->bytes && n <= t->bytes - offset);
  while (!s->plan && n && !s->error)
    {
      guint64 at;
      const guint64 part = take_staging (s, n, &at);

      if (!part || !t->block)
        return;
      memcpy ((guint8 *) s->slots[s->current].staging->mapped + at, from, part);
      record_copy (s, s->slots[s->current].staging, at, t->block, t->offset + offset, part);
      from += part;
      offset += part;
      n -= part;
    }
}

gboolean
qi_stream_download (QiStream *s, const QiTensor *t, void *data, gsize n, GError **error)
{
  guint8 *to = data;
  guint64 offset = 0;

  g_return_val_if_fail (n <= t->bytes, FALSE);
  if (s->plan)
    memset (data, 0, n);
  while (!s->plan && n && !s->error)
    {
      guint64 at;
      const guint64 part = take_staging (s, n, &at);
      QiSlot *slot = &s->slots[s->current];

      if (!part || !t->block)
        break;
      record_copy (s, t->block, t->offset + offset, slot->staging, at, part);
      memory_barrier (s, VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
      submit_recorded (s);
      if (s->error || !wait_value (s, slot->value))
        break;
      memcpy (to, (const guint8 *) slot->staging->mapped + at, part);
      to += part;
      offset += part;
      n -= part;
    }
  return qi_stream_finish (s, error);
}

gboolean
qi_stream_submit (QiStream *s, GError **error)
{
  submit_recorded (s);
  if (s->error)
    return qi_stream_finish (s, error);
  return TRUE;
}

gboolean
qi_stream_finish (QiStream *s, GError **error)
{
  if (s->plan && !s->error)
    return TRUE;
  submit_recorded (s);
  if (!s->plan && !s->error && s->last_value)
    wait_value (s, s->last_value);
  for (guint i = 0; i < N_SLOTS && !s->error && !s->plan; i++)
    {
      qi_slot_collect (&s->slots[i], s->profile);
      s->slots[i].value = 0;
    }
  if (!s->error)
    return TRUE;
  wait_all (s);
  s->recording = FALSE; /* what was recorded is dropped when the slot begins anew */
  g_propagate_error (error, s->lost ? g_error_copy (s->error) : g_steal_pointer (&s->error));
  return FALSE;
}

GArray *
qi_stream_take_profile (QiStream *s)
{
  GArray *profile = s->profile;

  s->profile = g_array_new (FALSE, TRUE, sizeof (QiOpTime));
  return profile;
}
