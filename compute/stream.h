/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/stream.h — recording dispatches. Internal to compute/: ops are written with it, models never see it.
 *
 * Barriers are derived: each argument's access (read, write) is what the shader declares; a dispatch that touches
 * bytes which an earlier one of the same submission wrote, or writes bytes that it read, waits for it. */
#pragma once
#include "compute/compute.h"
#include "compute/kernels.h"
#include "shader-id.h"

#define QI_MAX_ARGS 10
#define QI_MAX_SPEC 12
#define QI_MAX_PUSH 128 /* bytes: what every device has */

/* One shader argument: bytes [offset, offset + bytes) of a tensor; bytes 0: to its end; tensor NULL: a dummy that
 * must not be read. Offsets need no alignment: a misaligned range is copied through aligned scratch. */
typedef struct
{
  const QiTensor *tensor;
  guint64 offset, bytes;
} QiArg;

typedef struct
{
  QiShaderId shader;
  const char *name; /* op, for profiles and tools: static string */
  QiArg args[QI_MAX_ARGS]; /* in the order of the shader's bindings 0, 1, … */
  guint n_args;
  const void *push;
  guint push_bytes;
  guint address_at; /* bytes into push at which the addresses of args[0 …] are put, two words each; 0: nowhere */
  guint n_addresses;
  guint32 spec[QI_MAX_SPEC]; /* specialisation constants 0, 1, … */
  guint n_spec;
  guint32 groups[3];
  double flops; /* for profiles, and for the split into submissions beside the bytes of args */
} QiDispatch;

void qi_stream_dispatch (QiStream *s, const QiDispatch *dispatch);

/* dst[dst_offset …] = src[src_offset …], n bytes. */
void qi_stream_copy (QiStream *s, const QiTensor *dst, guint64 dst_offset, const QiTensor *src, guint64 src_offset,
                     guint64 n);
void qi_stream_fill_zero (QiStream *s, const QiTensor *t);

const QiDeviceInfo *qi_stream_device_info (const QiStream *s);
const QiKernels *qi_stream_kernels (const QiStream *s);
const QiTiles *qi_stream_tiles (const QiStream *s);

/* FLOPs in the time that a byte takes on its way from or to memory; a byte of k-quants, which are decoded value by value, takes
 * longer. Rough, by lavapipe's figures in docs/performance.md. */
#define QI_FLOPS_PER_BYTE 10.0
#define QI_FLOPS_PER_K_QUANT_BYTE 50.0
double qi_stream_byte_work (QiDtype dtype);

/* FLOPs that one dispatch may hold, so that cancelling is answered in time; an op splits what is more. */
double qi_stream_flops_budget (const QiStream *s);

/* What was recorded, cut as it is submitted; counted by a plan too. Work is FLOPs, or bytes touched as so many FLOPs as the device
 * makes meanwhile, whichever is more. */
typedef struct
{
  guint n_dispatches, n_submissions; /* the one that is being recorded among the latter */
  double work, most;                 /* of all, and of the submission with most */
  double largest;                    /* of a dispatch */
  const char *largest_name;
} QiStreamWork;
QiStreamWork qi_stream_work (const QiStream *s);

/* Rows a dispatch may cover so that a binding of row_bytes each fits the device and flops_per_row fit the budget:
 * a multiple of step where possible, at least 1, at most n_rows. Pass the largest row_bytes among the arguments. */
guint64 qi_stream_window (const QiStream *s, guint64 n_rows, guint64 row_bytes, double flops_per_row, guint64 step);

/* Local size of a workgroup that reduces one row: the subgroup's on software devices, else 256. */
guint qi_stream_reduce_lanes (const QiStream *s);

/* Smaller limits than the device's, for tests of the splitting; 0 leaves one as it is. */
void qi_stream_set_limits (QiStream *s, guint64 max_binding, double flops_budget);

/* For the test that provokes a missing barrier: derives none while off. */
void qi_stream_set_barriers (QiStream *s, gboolean on);
