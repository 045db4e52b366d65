/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/ring.h — tensors that take turns in a few slots of device memory: weights that do not all fit are copied there
 * from where they lie, ahead of their use, while the GPU computes with others.
 *
 * A ring has groups of tensors, used one after the other and then from the first again, over and over. A thread of the
 * ring's own copies, as many groups ahead as there are slots but one. Where host and GPU share a memory it writes into
 * the slots; elsewhere it goes through staging memory and the device's copying queue. Timeline semaphores keep order:
 * a slot is written when the GPU is done with what was in it, and read when it is written.
 *
 * Threads: one at a time, as streams; the reading function is called from the ring's thread. */
#pragma once
#include "compute/compute.h"

typedef struct _QiRing QiRing;

/* Puts n bytes of what source stands for, from offset on, at to. first: nobody has read these bytes before, so that they
 * have to be looked at. Reads are multiples of unit bytes, as told to qi_ring_add(). */
typedef gboolean (*QiRingRead) (gconstpointer source, guint64 offset, void *to, gsize n, gboolean first, gpointer user_data,
                                GError **error);

typedef enum
{
  QI_RING_AUTO,
  QI_RING_MAPPED, /* written by the host where it is used */
  QI_RING_QUEUED  /* by way of staging memory and a queue */
} QiRingPath;

/* plan: only counts. (transfer full) */
QiRing *qi_ring_new (QiDevice *device, const char *name, guint n_slots, QiRingPath path, gboolean plan, QiRingRead read,
                     gpointer user_data);
void qi_ring_free (QiRing *ring); /* before the device, and before or after the streams that used it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiRing, qi_ring_free)

/* Before qi_ring_open(). The tensor is borrowed, has memory only while its group is used, and is of the last group. unit: bytes
 * that are read together (a block of a quantised type). */
void qi_ring_add_group (QiRing *ring);
const QiTensor *qi_ring_add (QiRing *ring, QiDtype dtype, guint n_dims, const guint64 *dims, gconstpointer source);
/* Allocates the slots. */
gboolean qi_ring_open (QiRing *ring, GError **error);

/* What s records from now on may use the group's tensors, and no longer those of the group before; waits until they are
 * there. Failures become the stream's error. */
void qi_ring_use (QiRing *ring, QiStream *s, guint group);

guint qi_ring_n_groups (const QiRing *ring);
guint64 qi_ring_slot_bytes (const QiRing *ring); /* of tensors: all slots */
guint64 qi_ring_bytes (const QiRing *ring);      /* of blocks: slots and staging; of a plan too */

/* Since it was made. hidden: of the seconds of copying, those in which the GPU computed, by its timestamps; of a device that
 * profiles, and counted when a stream is done with the ring. */
typedef struct
{
  guint64 bytes;
  guint n_groups;
  double copied, hidden;
} QiRingStats;
QiRingStats qi_ring_stats (QiRing *ring);
