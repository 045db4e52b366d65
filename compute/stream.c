/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/ring-private.h"

#include <string.h>

#include "base/error.h"
#include "compute/vk-check.h"

guint64
qi_stream_fixed_bytes (void)
{
  return QI_N_SLOTS * QI_SLOT_STAGING + QI_TENSOR_ALIGN;
}

/* About 100 ms of work in one submission; two may be under way when a job is cancelled. On two processors 4e9 are 70 to 100 ms, on
 * one twice that; with less the widest layers would not get the 48 rows that linear's best tiles begin at. */
static double
default_budget (QiDeviceType type)
{
  switch (type)
    {
    case QI_DEVICE_DISCRETE: return 2e11;
    case QI_DEVICE_INTEGRATED: return 2e10;
    default: return 4e9;
    }
}

void
qi_stream_take_error (QiStream *s, GError *error)
{
  if (g_error_matches (error, QI_ERROR, QI_ERROR_DEVICE_LOST))
    s->lost = TRUE;
  if (s->error)
    g_error_free (error);
  else
    s->error = error;
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
      qi_stream_take_error (s, error);
      return;
    }
  for (guint i = 0; i < QI_N_SLOTS; i++)
    if (!qi_slot_init (&s->slots[i], s->device, &error))
      {
        qi_stream_take_error (s, error);
        return;
      }
  if (!(s->dummy = qi_block_new (s->device, "dummy", QI_TENSOR_ALIGN, QI_BLOCK_DEVICE, &error)))
    qi_stream_take_error (s, error);
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
  s->accesses = g_array_new (FALSE, FALSE, sizeof (QiAccess));
  s->profile = g_array_new (FALSE, TRUE, sizeof (QiOpTime));
  s->busy = g_array_new (FALSE, FALSE, sizeof (QiSpan));
  s->clock_offset = G_MAXDOUBLE;
  s->max_binding = device->info.max_binding;
  s->flops_budget = default_budget (device->info.type);
  qi_stream_begin_scope (s);
  if (!plan)
    open_gpu_side (s);
  return s;
}

void
qi_stream_wait_all (QiStream *s)
{
  const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                     .semaphoreCount = 1,
                                     .pSemaphores = &s->timeline,
                                     .pValues = &s->last_value };

  if (s->timeline && s->last_value) /* a lost device says so, or is given a second */
    vkWaitSemaphores (s->device->device, &info, s->lost ? 1000 * 1000 * 1000 : G_MAXUINT64);
}

void
qi_stream_collect (QiStream *s, QiSlot *slot)
{
  QiSpan span;

  if (!qi_slot_collect (slot, s->profile, &span))
    return;
  g_array_append_val (s->busy, span);
  s->clock_offset = MIN (s->clock_offset, g_get_monotonic_time () - span.end);
}

void
qi_stream_free (QiStream *s)
{
  if (!s)
    return;
  if (s->ring)
    qi_ring_detach (s->ring);
  qi_stream_wait_all (s);
  g_ptr_array_unref (s->scopes);
  for (guint i = 0; i < QI_N_SLOTS; i++)
    qi_slot_clear (&s->slots[i]);
  if (s->timeline)
    vkDestroySemaphore (s->device->device, s->timeline, NULL);
  qi_block_free (s->dummy);
  qi_pool_free (s->pool);
  g_array_unref (s->accesses);
  g_array_unref (s->profile);
  g_array_unref (s->busy);
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
QiStreamWork qi_stream_work (const QiStream *s) { return s->work; }
void qi_stream_set_barriers (QiStream *s, gboolean on) { s->barriers = on; }

void
qi_stream_set_limits (QiStream *s, guint64 max_binding, double flops_budget)
{
  if (max_binding)
    s->max_binding = max_binding;
  if (flops_budget > 0)
    s->flops_budget = flops_budget;
}

double
qi_stream_byte_work (QiDtype dtype)
{
  return qi_dtype_info (dtype)->block_len > 32 ? QI_FLOPS_PER_K_QUANT_BYTE : QI_FLOPS_PER_BYTE;
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
    qi_stream_take_error (s, error);
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

/* -- transfer -------------------------------------------------------------------------------------- */

/* Room for some of n bytes in the current slot's staging memory; 0 after an error. */
static guint64
take_staging (QiStream *s, guint64 n, guint64 *offset)
{
  QiSlot *slot;

  if (!qi_stream_begin_recording (s))
    return 0;
  if (s->slots[s->current].staging_used == QI_SLOT_STAGING)
    {
      qi_stream_submit_recorded (s);
      if (!qi_stream_begin_recording (s))
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
      qi_stream_record_copy (s, s->slots[s->current].staging, at, t->block, t->offset + offset, part);
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
      qi_stream_record_copy (s, t->block, t->offset + offset, slot->staging, at, part);
      qi_stream_memory_barrier (s, VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
      qi_stream_submit_recorded (s);
      if (s->error || !qi_stream_wait_value (s, slot->value))
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
  qi_stream_submit_recorded (s);
  if (s->error)
    return qi_stream_finish (s, error);
  return TRUE;
}

gboolean
qi_stream_finish (QiStream *s, GError **error)
{
  if (s->plan && !s->error)
    return TRUE;
  qi_stream_submit_recorded (s);
  if (!s->plan && !s->error && s->last_value)
    qi_stream_wait_value (s, s->last_value);
  if (s->ring && !s->error)
    qi_ring_check (s->ring, s);
  for (guint i = 0; i < QI_N_SLOTS && !s->error && !s->plan; i++)
    {
      qi_stream_collect (s, &s->slots[i]);
      s->slots[i].value = 0;
    }
  if (!s->error)
    return TRUE;
  if (s->ring)
    qi_ring_detach (s->ring); /* it may wait for what is dropped now */
  qi_stream_wait_all (s);
  s->recording = FALSE; /* what was recorded is dropped when the slot begins anew */
  s->wait_for = s->tell = VK_NULL_HANDLE;
  if (s->lost || (!s->plan && !s->dummy)) /* what was lost, or never came to be, stays so */
    g_propagate_error (error, g_error_copy (s->error));
  else
    g_propagate_error (error, g_steal_pointer (&s->error));
  return FALSE;
}

GArray *
qi_stream_take_profile (QiStream *s)
{
  GArray *profile = s->profile;

  s->profile = g_array_new (FALSE, TRUE, sizeof (QiOpTime));
  return profile;
}
