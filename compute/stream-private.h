/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/stream-private.h — a stream from inside: stream.c (life, scopes, transfer) and record.c (commands and the barriers
 * between them). */
#pragma once
#include "compute/pipeline.h"
#include "compute/ring.h"
#include "compute/slot.h"
#include "compute/stream.h"
#include "compute/tensor.h"

#define QI_N_SLOTS 2

/* Bytes that commands since the last barrier read or wrote. */
typedef struct
{
  const QiBlock *block;
  guint64 begin, end;
  gboolean write;
} QiAccess;

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
  QiSlot slots[QI_N_SLOTS];
  guint current;
  gboolean recording, barriers;
  VkSemaphore timeline;
  guint64 last_value;
  GArray *accesses; /* QiAccess */
  double recorded;  /* work since the last submission */
  QiStreamWork work;
  QiBlock *dummy;
  QiRing *ring;             /* whose tensors it uses; NULL: none */
  VkSemaphore wait_for, tell; /* of the next submission: what it waits for, what it signals; none: VK_NULL_HANDLE */
  guint64 wait_value, tell_value;
  GArray *profile; /* QiOpTime */
  GArray *busy;    /* QiSpan of submissions, on the device's clock; of a device that profiles */
  double clock_offset; /* µs, from that to the host's: no submission ended after it was seen to have ended */

  guint64 max_binding;
  double flops_budget;
};

/* Makes sure that commands can be recorded; FALSE after an error. */
gboolean qi_stream_begin_recording (QiStream *s);
void qi_stream_submit_recorded (QiStream *s);

/* Stages and accesses that wait; 0: those of further commands. */
void qi_stream_memory_barrier (QiStream *s, VkPipelineStageFlags2 to_stage, VkAccessFlags2 to_access);
void qi_stream_record_copy (QiStream *s, const QiBlock *from, guint64 from_offset, const QiBlock *to, guint64 to_offset,
                            guint64 n);

/* The times of the slot's last submission, which is done. */
void qi_stream_collect (QiStream *s, QiSlot *slot);

/* Waits for all that was submitted. */
void qi_stream_wait_all (QiStream *s);

/* Waits for a timeline value, looking at the cancellable twenty times a second. FALSE: an error or cancelled. */
gboolean qi_stream_wait_value (QiStream *s, guint64 value);
