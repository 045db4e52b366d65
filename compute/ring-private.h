/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/ring-private.h — a ring from inside: ring.c (groups, thread, order) and ring-copy.c (the way through a queue). */
#pragma once
#include "compute/ring.h"
#include "compute/stream-private.h"

#define QI_RING_MAX_SLOTS 4
#define QI_RING_CHUNK (G_GUINT64_CONSTANT (4) << 20) /* of one reading */
#define QI_RING_STAGING (G_GUINT64_CONSTANT (16) << 20)
#define QI_RING_N_STAGING 2

typedef struct
{
  QiTensor *tensor;
  gconstpointer source;
  guint64 offset; /* in a slot */
  gboolean read;  /* once before, and found good */
} QiRingItem;

/* One piece of staging memory and the copies out of it. */
typedef struct
{
  QiBlock *memory;
  VkCommandPool pool;
  VkCommandBuffer commands;
  guint64 used;  /* bytes; 0: nothing is recorded */
  guint64 value; /* of copied when the last submission is done */
} QiRingStaging;

struct _QiRing
{
  QiDevice *device;
  char *name;
  gboolean plan, queued, opened;
  QiRingRead read;
  gpointer user_data;
  GArray *groups; /* GArray of QiRingItem */
  guint64 group_bytes, slot_bytes; /* of the last group, of the largest */
  guint n_slots;
  QiBlock *slots[QI_RING_MAX_SLOTS];

  /* Uses are counted from 0 when a stream begins; use u is of group (first + u) % n, in slot u % n_slots. */
  QiStream *stream; /* NULL: there is no thread */
  GThread *thread;
  guint first;
  guint64 used;     /* uses begun */
  VkSemaphore done; /* base + u: use u - 1 is over */
  guint64 base;
  gint stop; /* atomic */

  VkSemaphore copied; /* counts submissions of copies; mapped: copied_base + u + 1 when use u is filled */
  guint64 copied_base;
  guint64 copy_value; /* queued only, like what follows */
  QiRingStaging staging[QI_RING_N_STAGING];
  guint at; /* which of them */

  GMutex lock; /* what follows */
  GCond changed;
  guint64 filled, handed_back; /* uses */
  guint64 ready_values[QI_RING_MAX_SLOTS]; /* of copied */
  QiRingStats stats;
  GArray *spans; /* QiSpan, µs of the host's clock: what was copied when, for the stream that is attached */
  GError *error; /* of the thread, which then has ended */
};

static inline GArray *
qi_ring_group (const QiRing *ring, guint64 i)
{
  return g_array_index (ring->groups, GArray *, i);
}

/* What the thread failed at becomes the error of s, if s has begun to use it. */
void qi_ring_check (QiRing *ring, QiStream *s);

/* Ends the thread and waits for the stream; its tensors have no memory then. */
void qi_ring_detach (QiRing *ring);

/* A timeline semaphore at 0; VK_NULL_HANDLE and an error. */
VkSemaphore qi_ring_timeline (QiDevice *device, GError **error);
/* FALSE without an error: it is time to stop. */
gboolean qi_ring_wait (QiRing *ring, VkSemaphore semaphore, guint64 value, GError **error);

/* ring-copy.c, in the ring's thread: an item through staging memory to its place in slot. */
gboolean qi_ring_open_copier (QiRing *ring, GError **error);
void qi_ring_close_copier (QiRing *ring);
gboolean qi_ring_copy_item (QiRing *ring, const QiRingItem *item, QiBlock *slot, gboolean first, GError **error);
gboolean qi_ring_finish_copies (QiRing *ring, GError **error); /* submits; copied reaches copy_value when they are done */
void qi_ring_drain_copies (QiRing *ring);                      /* waits for all that was submitted */
