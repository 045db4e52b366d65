/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/ring-private.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "compute/vk-check.h"

#define WAIT_US 50000 /* between two looks at whether to stop */
#define FAR_AHEAD (G_GUINT64_CONSTANT (1) << 20) /* uses; more than a stream has */

static void
clear_group (gpointer data)
{
  g_array_unref (*(GArray **) data);
}

static void
clear_item (gpointer data)
{
  qi_tensor_unref (((QiRingItem *) data)->tensor);
}

QiRing *
qi_ring_new (QiDevice *device, const char *name, guint n_slots, QiRingPath path, gboolean plan, QiRingRead read,
             gpointer user_data)
{
  QiRing *ring = g_new0 (QiRing, 1);
  const QiDeviceType type = device->info.type;

  g_return_val_if_fail (n_slots >= 2 && n_slots <= QI_RING_MAX_SLOTS, NULL);
  ring->device = device;
  ring->name = g_strdup (name);
  ring->n_slots = n_slots;
  ring->plan = plan;
  ring->read = read;
  ring->user_data = user_data;
  ring->queued = path == QI_RING_QUEUED ||
                 (path == QI_RING_AUTO && type != QI_DEVICE_SOFTWARE && type != QI_DEVICE_INTEGRATED);
  ring->groups = g_array_new (FALSE, TRUE, sizeof (GArray *));
  g_array_set_clear_func (ring->groups, clear_group);
  ring->spans = g_array_new (FALSE, FALSE, sizeof (QiSpan));
  g_mutex_init (&ring->lock);
  g_cond_init (&ring->changed);
  return ring;
}

void
qi_ring_free (QiRing *ring)
{
  if (!ring)
    return;
  qi_ring_detach (ring);
  for (guint i = 0; i < QI_RING_MAX_SLOTS; i++)
    if (ring->slots[i])
      {
        qi_device_count_tensors (ring->device, -(gint64) ring->slots[i]->bytes);
        qi_block_free (ring->slots[i]);
      }
  if (ring->queued)
    qi_ring_close_copier (ring);
  vkDestroySemaphore (ring->device->device, ring->done, NULL);
  vkDestroySemaphore (ring->device->device, ring->copied, NULL);
  g_array_unref (ring->groups);
  g_array_unref (ring->spans);
  g_clear_error (&ring->error);
  g_mutex_clear (&ring->lock);
  g_cond_clear (&ring->changed);
  g_free (ring->name);
  g_free (ring);
}

/* -- contents -------------------------------------------------------------------------------------- */

void
qi_ring_add_group (QiRing *ring)
{
  GArray *items = g_array_new (FALSE, TRUE, sizeof (QiRingItem));

  g_array_set_clear_func (items, clear_item);
  g_array_append_val (ring->groups, items);
  ring->group_bytes = 0;
}

const QiTensor *
qi_ring_add (QiRing *ring, QiDtype dtype, guint n_dims, const guint64 *dims, gconstpointer source)
{
  QiRingItem item = { .source = source };

  g_return_val_if_fail (ring->groups->len > 0 && !ring->opened, NULL);
  if (!(item.tensor = qi_tensor_new_shape (dtype, n_dims, dims)))
    return NULL;
  item.offset = ring->group_bytes;
  ring->group_bytes += (item.tensor->bytes + QI_TENSOR_ALIGN - 1) / QI_TENSOR_ALIGN * QI_TENSOR_ALIGN;
  ring->slot_bytes = MAX (ring->slot_bytes, ring->group_bytes);
  g_array_append_val (qi_ring_group (ring, ring->groups->len - 1), item);
  return item.tensor;
}

VkSemaphore
qi_ring_timeline (QiDevice *device, GError **error)
{
  const VkSemaphoreTypeCreateInfo type = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                           .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE };
  const VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
  VkSemaphore semaphore = VK_NULL_HANDLE;

  qi_vk_check (vkCreateSemaphore (device->device, &info, NULL, &semaphore), "vkCreateSemaphore", error);
  return semaphore;
}

gboolean
qi_ring_open (QiRing *ring, GError **error)
{
  g_return_val_if_fail (!ring->opened, FALSE);

  ring->opened = TRUE;
  if (ring->plan || ring->groups->len == 0)
    return TRUE;
  if (!(ring->done = qi_ring_timeline (ring->device, error)) || !(ring->copied = qi_ring_timeline (ring->device, error))
      || (ring->queued && !qi_ring_open_copier (ring, error)))
    return FALSE;
  for (guint i = 0; i < ring->n_slots; i++)
    {
      ring->slots[i] = qi_block_new (ring->device, ring->name, ring->slot_bytes,
                                     ring->queued ? QI_BLOCK_DEVICE : QI_BLOCK_MAPPED, error);
      if (!ring->slots[i])
        return FALSE;
      qi_device_count_tensors (ring->device, (gint64) ring->slots[i]->bytes);
    }
  return TRUE;
}

guint qi_ring_n_groups (const QiRing *ring) { return ring->groups->len; }
guint64 qi_ring_slot_bytes (const QiRing *ring) { return ring->n_slots * ring->slot_bytes; }

guint64
qi_ring_bytes (const QiRing *ring)
{
  if (ring->groups->len == 0)
    return 0;
  return ring->n_slots * ring->slot_bytes + (ring->queued ? QI_RING_STAGING * QI_RING_N_STAGING : 0);
}

QiRingStats
qi_ring_stats (QiRing *ring)
{
  QiRingStats stats;

  g_mutex_lock (&ring->lock);
  stats = ring->stats;
  g_mutex_unlock (&ring->lock);
  return stats;
}

/* -- the thread ------------------------------------------------------------------------------------ */

static gboolean
stopping (QiRing *ring)
{
  return g_atomic_int_get (&ring->stop) != 0;
}

gboolean
qi_ring_wait (QiRing *ring, VkSemaphore semaphore, guint64 value, GError **error)
{
  const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                     .semaphoreCount = 1,
                                     .pSemaphores = &semaphore,
                                     .pValues = &value };
  VkResult result;

  while ((result = vkWaitSemaphores (ring->device->device, &info, WAIT_US * 1000)) == VK_TIMEOUT)
    if (stopping (ring))
      return FALSE;
  return qi_vk_check (result, "vkWaitSemaphores", error);
}

/* Until the GPU is done with the use that had the slot before. FALSE: it is time to stop, or there is an error. */
static gboolean
wait_for_slot (QiRing *ring, guint64 use, GError **error)
{
  const guint64 must_be_done = use < ring->n_slots ? 0 : use - ring->n_slots + 1;

  g_mutex_lock (&ring->lock);
  while (ring->handed_back < must_be_done && !stopping (ring))
    g_cond_wait (&ring->changed, &ring->lock);
  g_mutex_unlock (&ring->lock);
  return !stopping (ring) && (must_be_done == 0 || qi_ring_wait (ring, ring->done, ring->base + must_be_done, error));
}

static gboolean
read_mapped (QiRing *ring, const QiRingItem *item, QiBlock *slot, gboolean first, GError **error)
{
  const guint unit = qi_dtype_info (item->tensor->dtype)->block_bytes;
  const guint64 chunk = QI_RING_CHUNK / unit * unit, bytes = item->tensor->bytes;
  guint8 *to = (guint8 *) slot->mapped + item->offset;

  for (guint64 at = 0; at < bytes && !stopping (ring); at += chunk)
    if (!ring->read (item->source, at, to + at, MIN (chunk, bytes - at), first, ring->user_data, error))
      return FALSE;
  return !stopping (ring);
}

/* By the host: what waits for value may go on. */
static gboolean
signal_copied (QiRing *ring, guint64 value, GError **error)
{
  const VkSemaphoreSignalInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
                                       .semaphore = ring->copied,
                                       .value = value };

  return qi_vk_check (vkSignalSemaphore (ring->device->device, &info), "vkSignalSemaphore", error);
}

static void
count_copy (QiRing *ring, gint64 begin, guint64 bytes)
{
  const QiSpan span = { .begin = begin, .end = g_get_monotonic_time () };

  g_mutex_lock (&ring->lock);
  ring->stats.bytes += bytes;
  ring->stats.n_groups++;
  ring->stats.copied += (span.end - span.begin) / 1e6;
  if (ring->device->profile)
    g_array_append_val (ring->spans, span);
  g_mutex_unlock (&ring->lock);
}

static gboolean
fill (QiRing *ring, guint64 use, GError **error)
{
  GArray *items = qi_ring_group (ring, (ring->first + use) % ring->groups->len);
  QiBlock *slot = ring->slots[use % ring->n_slots];
  const gint64 begin = g_get_monotonic_time ();
  guint64 bytes = 0;

  for (guint i = 0; i < items->len; i++)
    {
      QiRingItem *item = &g_array_index (items, QiRingItem, i);

      if (!(ring->queued ? qi_ring_copy_item (ring, item, slot, !item->read, error)
                         : read_mapped (ring, item, slot, !item->read, error)))
        return FALSE;
      item->read = TRUE;
      bytes += item->tensor->bytes;
    }
  if (ring->queued && !qi_ring_finish_copies (ring, error))
    return FALSE;
  count_copy (ring, begin, bytes); /* before anything that waits for it goes on, and looks */
  if (!ring->queued && !signal_copied (ring, ring->copied_base + use + 1, error))
    return FALSE;
  g_mutex_lock (&ring->lock);
  ring->ready_values[use % ring->n_slots] = ring->copy_value;
  ring->filled = use + 1;
  g_cond_broadcast (&ring->changed);
  g_mutex_unlock (&ring->lock);
  return TRUE;
}

static gpointer
run (gpointer data)
{
  QiRing *ring = data;
  GError *error = NULL;

  for (guint64 use = 0; wait_for_slot (ring, use, &error) && fill (ring, use, &error);)
    use++;
  if (ring->queued)
    qi_ring_drain_copies (ring);
  g_mutex_lock (&ring->lock);
  if (error)
    ring->error = error;
  g_cond_broadcast (&ring->changed);
  g_mutex_unlock (&ring->lock);
  if (!ring->queued) /* the GPU goes on with whatever is there, and nobody will look at it */
    signal_copied (ring, ring->copied_base + FAR_AHEAD, NULL);
  return NULL;
}

/* -- use ------------------------------------------------------------------------------------------- */

static void
bind_group (QiRing *ring, guint group, QiBlock *slot)
{
  GArray *items = qi_ring_group (ring, group);

  for (guint i = 0; i < items->len; i++)
    {
      QiRingItem *item = &g_array_index (items, QiRingItem, i);

      item->tensor->block = slot;
      item->tensor->offset = slot ? item->offset : 0;
    }
}

/* Both are in order of time. */
static void
count_hidden (QiRing *ring)
{
  const GArray *busy = ring->stream->busy;

  for (guint i = 0, k = 0; i < ring->spans->len; i++)
    {
      const QiSpan *copy = &g_array_index (ring->spans, QiSpan, i);

      while (k < busy->len && g_array_index (busy, QiSpan, k).end + ring->stream->clock_offset <= copy->begin)
        k++;
      for (guint j = k; j < busy->len; j++)
        {
          const QiSpan *work = &g_array_index (busy, QiSpan, j);
          const double begin = MAX (copy->begin, work->begin + ring->stream->clock_offset);
          const double end = MIN (copy->end, work->end + ring->stream->clock_offset);

          if (end <= begin)
            break;
          ring->stats.hidden += (end - begin) / 1e6;
        }
    }
  g_array_set_size (ring->spans, 0);
}

/* A submission's semaphores are not signalled at one instant: what the stream's own says to be done may not be counted here
 * yet, and would then be counted as a use of the next stream. */
static void
settle (QiRing *ring)
{
  const guint64 value = ring->base + ring->handed_back;
  const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                     .semaphoreCount = 1,
                                     .pSemaphores = &ring->done,
                                     .pValues = &value };

  qi_stream_wait_all (ring->stream);
  if (!ring->stream->lost)
    vkWaitSemaphores (ring->device->device, &info, G_MAXUINT64);
}

void
qi_ring_detach (QiRing *ring)
{
  if (!ring->stream)
    return;
  g_mutex_lock (&ring->lock);
  g_atomic_int_set (&ring->stop, 1);
  g_cond_broadcast (&ring->changed);
  g_mutex_unlock (&ring->lock);
  g_clear_pointer (&ring->thread, g_thread_join);
  settle (ring);
  count_hidden (ring);
  ring->stream->ring = NULL;
  ring->stream = NULL;
  for (guint i = 0; i < ring->groups->len; i++)
    bind_group (ring, i, NULL);
}

/* Nothing is under way: all slots are free. */
static gboolean
attach (QiRing *ring, QiStream *s, guint first, GError **error)
{
  if (s->ring)
    qi_ring_detach (s->ring);
  if (!qi_vk_check (vkGetSemaphoreCounterValue (ring->device->device, ring->done, &ring->base), "vkGetSemaphoreCounterValue",
                    error)
      || !qi_vk_check (vkGetSemaphoreCounterValue (ring->device->device, ring->copied, &ring->copied_base),
                       "vkGetSemaphoreCounterValue", error))
    return FALSE;
  ring->stream = s;
  s->ring = ring;
  ring->first = first;
  ring->used = ring->filled = ring->handed_back = 0;
  ring->stop = 0;
  g_clear_error (&ring->error);
  ring->thread = g_thread_new (ring->name, run, ring);
  return TRUE;
}

/* The use before: what was recorded with it goes to the GPU, and when that is done its slot is free. */
static void
hand_back (QiRing *ring, QiStream *s)
{
  if (ring->used == 0 || !qi_stream_begin_recording (s))
    return;
  s->tell = ring->done;
  s->tell_value = ring->base + ring->used;
  qi_stream_submit_recorded (s);
  if (s->error)
    return;
  g_mutex_lock (&ring->lock);
  ring->handed_back = ring->used;
  g_cond_broadcast (&ring->changed);
  g_mutex_unlock (&ring->lock);
}

/* Until the thread has handed the filling for use to its queue: a submission may wait for one that comes later, but then some
 * drivers put a thread of their own between. */
static void
wait_handed_over (QiRing *ring, QiStream *s, guint64 use)
{
  GError *error = NULL;

  g_mutex_lock (&ring->lock);
  while (ring->filled <= use && !ring->error && !error)
    if (!g_cond_wait_until (&ring->changed, &ring->lock, g_get_monotonic_time () + WAIT_US))
      g_cancellable_set_error_if_cancelled (s->cancellable, &error);
  g_mutex_unlock (&ring->lock);
  if (error)
    qi_stream_take_error (s, error);
}

void
qi_ring_check (QiRing *ring, QiStream *s)
{
  GError *error = NULL;

  g_mutex_lock (&ring->lock);
  if (ring->error && ring->used > ring->filled)
    error = g_error_copy (ring->error);
  g_mutex_unlock (&ring->lock);
  if (error)
    qi_stream_take_error (s, error);
}

void
qi_ring_use (QiRing *ring, QiStream *s, guint group)
{
  const guint n = ring->groups->len;
  GError *error = NULL;
  guint slot;

  g_return_if_fail (group < n && ring->opened);
  if (s->plan || s->error)
    return;
  if (ring->stream && (ring->stream != s || group != (ring->first + ring->used) % n))
    {
      qi_stream_submit_recorded (ring->stream);
      qi_ring_detach (ring);
    }
  if (!ring->stream && !attach (ring, s, group, &error))
    {
      qi_stream_take_error (s, error);
      return;
    }
  hand_back (ring, s);
  if (ring->used > 0)
    bind_group (ring, (ring->first + ring->used - 1) % n, NULL);
  if (ring->queued && !s->error)
    wait_handed_over (ring, s, ring->used);
  slot = ring->used++ % ring->n_slots;
  qi_ring_check (ring, s);
  if (s->error)
    return;
  bind_group (ring, group, ring->slots[slot]);
  s->wait_for = ring->copied;
  s->wait_value = ring->queued ? ring->ready_values[slot] : ring->copied_base + ring->used;
}
