/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/slot.h — one submission of a stream: its command buffer, its staging memory, its timestamps. Internal. */
#pragma once
#include "compute/device.h"
#include "compute/memory.h"

#define QI_SLOT_STAGING (G_GUINT64_CONSTANT (4) << 20)
#define QI_SLOT_QUERIES 512

/* From … to, µs */
typedef struct
{
  double begin, end;
} QiSpan;

typedef struct
{
  QiDevice *device;
  VkCommandPool pool;
  VkCommandBuffer commands;
  QiBlock *staging; /* host-visible */
  guint64 staging_used;
  guint64 value; /* of the stream's timeline when done; 0: never submitted */
  VkQueryPool queries;
  guint n_queries;
  GArray *ops; /* Op: what each pair of queries timed */
} QiSlot;

gboolean qi_slot_init (QiSlot *slot, QiDevice *device, GError **error);
void qi_slot_clear (QiSlot *slot);
gboolean qi_slot_begin (QiSlot *slot, GError **error); /* after its last submission has finished */

/* Around a dispatch, when the device profiles; FALSE: no room, submit first. */
gboolean qi_slot_time_begin (QiSlot *slot, const char *name, double flops, double bytes);
void qi_slot_time_end (QiSlot *slot);
/* Adds to QiOpTime rows. What the submission's commands took from first to last, on the device's clock; FALSE: they were not
 * timed. */
gboolean qi_slot_collect (QiSlot *slot, GArray *profile, QiSpan *span);
