/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/compute.h — a small Vulkan tensor library in three nouns (and the pool they live in).
 *
 * QiDevice: one GPU. Thread-safe; everything made from it must be freed before it.
 * QiPool:   device memory in a few big blocks; tensors are ranges of them. Counted.
 * QiTensor: shape and dtype over a range of a pool; row-major, contiguous; refcounted (atomically).
 * QiStream: records ops for the GPU in order, derives the barriers between them, submits. One thread.
 *
 * Scopes:   an op returns a tensor *borrowed from the stream's current scope*; qi_stream_end_scope()
 *           returns the memory of them all. There is no free in model code.
 * Errors:   sticky. The first run-time failure (memory, pipeline, device, cancel) stays in the stream,
 *           later ops do nothing and return shape-only tensors; qi_stream_finish() reports it. Wrong
 *           shapes are the programmer's fault: g_return_val_if_fail.
 * Planning: a stream and pools made with plan = TRUE allocate and run nothing, but count exactly what the
 *           same calls would allocate: the memory plan is a dry run of the real code.
 * Cancel:   looked at before every submission, and while waiting; each holds about 100 ms of work. */
#pragma once
#include <gio/gio.h>

#include "compute/dtype.h"

typedef struct _QiDevice QiDevice;
typedef struct _QiPool QiPool;
typedef struct _QiTensor QiTensor;
typedef struct _QiStream QiStream;

#define QI_MAX_DIMS 5

/* -- device ---------------------------------------------------------------------------------------- */

typedef enum
{
  QI_DEVICE_DISCRETE,
  QI_DEVICE_INTEGRATED,
  QI_DEVICE_SOFTWARE,
  QI_DEVICE_OTHER
} QiDeviceType;

typedef struct
{
  const char *device;   /* part of the name, UUID prefix (hex), or "cpu" (a software device); NULL: the fastest */
  guint64 memory_limit; /* fakes a smaller card, bytes; 0: none */
  gboolean validate;    /* validation layers with synchronisation checks; messages are counted */
  gboolean profile;     /* GPU time of each op is measured */
  const char *kernels;  /* forces one row of the kernel table: scalar, coopmat, dot, coopmat2, panels; NULL: the table chooses */
} QiDeviceParams;

/* Sides of which a matrix must have whole multiples, where so many lanes share it. */
typedef struct
{
  guint lanes, m, n, k;
} QiMatrixShape;

/* What a GPU is and can do. Strings belong to the device (or list). */
typedef struct
{
  const char *name;
  const char *driver;      /* "llvmpipe 26.1.0 (LLVM 19)" */
  char uuid[37];           /* lower case hex, no dashes, NUL */
  QiDeviceType type;
  guint32 api_version;     /* VK_MAKE_API_VERSION form */
  guint64 memory_bytes;    /* size of the biggest device-local heap, after memory_limit */
  guint64 free_bytes;      /* at the time it was asked for */
  guint64 max_binding;     /* bytes of one shader binding */
  guint64 max_allocation;  /* bytes of one memory block */
  guint subgroup_size;
  guint shared_bytes, max_lanes; /* of one workgroup */
  gboolean f16_arithmetic, timestamps;
  gboolean integer_dot, int8_dot; /* dot products of whole numbers; those of four packed 8-bit ones fast */
  gboolean coopmat;               /* VK_KHR_cooperative_matrix with a shape for f16 operands and f32 sums: this one */
  guint coopmat_m, coopmat_n, coopmat_k;
  gboolean coopmat2;              /* VK_NV_cooperative_matrix2 with all that its kernels want; else what is missing: */
  char coopmat2_lacks[200];
  QiMatrixShape coopmat2_shapes[4]; /* for f16 operands and f32 sums in a workgroup */
  guint n_coopmat2_shapes, coopmat2_side; /* the longest side */
} QiDeviceInfo;

QiDevice *qi_device_open (const QiDeviceParams *params, GError **error);
void qi_device_close (QiDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiDevice, qi_device_close)

const QiDeviceInfo *qi_device_info (QiDevice *device);
guint64 qi_device_free_bytes (QiDevice *device);

/* Validation messages seen so far that are not on the allow-list; the first is returned in *text when it is
 * not NULL (transfer full). */
guint qi_device_validation_messages (QiDevice *device, char **text);

/* Every Vulkan device of this machine, unusable ones included; element type QiDeviceInfo. (transfer full) */
GPtrArray *qi_device_list (GError **error);

/* Bytes counted since the device was opened: in use by tensors, and allocated as blocks from Vulkan (staging
 * included), now and at their peak. */
typedef struct
{
  guint64 tensors, tensors_peak;
  guint64 blocks, blocks_peak;
} QiMemoryCount;
QiMemoryCount qi_device_memory (QiDevice *device);
void qi_device_reset_memory_peak (QiDevice *device);

/* -- pool ------------------------------------------------------------------------------------------ */

/* name is for messages and tools. plan: count only. */
QiPool *qi_pool_new (QiDevice *device, const char *name, gboolean plan);
void qi_pool_free (QiPool *pool); /* its tensors must be gone, save for views nobody uses */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiPool, qi_pool_free)

/* Makes a pool allocate exactly the blocks that plan (a planning pool) ended with, before first use. The same
 * sequence of allocations then fits without a further block. */
gboolean qi_pool_reserve_like (QiPool *pool, const QiPool *plan, GError **error);
guint64 qi_pool_peak (const QiPool *pool);        /* bytes of tensors at the peak, alignment included */
guint64 qi_pool_block_bytes (const QiPool *pool); /* bytes of blocks, for a planning pool: that it would have */

/* -- tensor ---------------------------------------------------------------------------------------- */

/* A new tensor of pool, contents undefined. dims outermost first; a block dtype needs dims[n-1] to be whole
 * blocks. Zero-sized dims are not allowed. (transfer full), NULL with error set. */
QiTensor *qi_tensor_new (QiPool *pool, QiDtype dtype, guint n_dims, const guint64 *dims, GError **error);
QiTensor *qi_tensor_ref (const QiTensor *tensor);
void qi_tensor_unref (QiTensor *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTensor, qi_tensor_unref)

QiDtype qi_tensor_dtype (const QiTensor *tensor);
guint qi_tensor_n_dims (const QiTensor *tensor);
guint64 qi_tensor_dim (const QiTensor *tensor, int i); /* i < 0 counts from the last: -1 is the row length */
guint64 qi_tensor_rows (const QiTensor *tensor);       /* product of all dims but the last */
guint64 qi_tensor_elements (const QiTensor *tensor);
guint64 qi_tensor_bytes (const QiTensor *tensor);

/* -- stream ---------------------------------------------------------------------------------------- */

/* What the operands of matrix multiplications are rounded to; residuals, norms, sums and results stay f32. */
typedef enum
{
  QI_COMPUTE_F32,
  QI_COMPUTE_F16 /* f16 operands, each row scaled by a power of two chosen from its maximum */
} QiCompute;

QiStream *qi_stream_new (QiDevice *device, gboolean plan);
void qi_stream_free (QiStream *s); /* waits for the GPU */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiStream, qi_stream_free)

/* Bytes of blocks a stream allocates beside its pool: staging and the like. A plan counts them. */
guint64 qi_stream_fixed_bytes (void);

gboolean qi_stream_is_plan (const QiStream *s);
QiPool *qi_stream_pool (QiStream *s); /* where its scratch lives; reserve it before first use */
void qi_stream_set_compute (QiStream *s, QiCompute compute);
QiCompute qi_stream_compute (const QiStream *s);
void qi_stream_set_cancellable (QiStream *s, GCancellable *cancellable); /* borrowed until set anew; NULL: none */

void qi_stream_begin_scope (QiStream *s);
void qi_stream_end_scope (QiStream *s);

/* A scratch tensor of the current scope; shape-only after an error. */
const QiTensor *qi_stream_scratch (QiStream *s, QiDtype dtype, guint n_dims, const guint64 *dims);
#define qi_scratch(s, dtype, ...)                                                                          \
  qi_stream_scratch ((s), (dtype), G_N_ELEMENTS (((guint64[]){ __VA_ARGS__ })), (guint64[]){ __VA_ARGS__ })

/* Views; borrowed from the current scope, sharing memory with t. Rows are counted as qi_tensor_rows(); the result
 * of qi_view_rows is [n, row length]. qi_view_as keeps the element count. */
const QiTensor *qi_view_rows (QiStream *s, const QiTensor *t, guint64 first, guint64 n);
const QiTensor *qi_stream_view (QiStream *s, const QiTensor *t, guint n_dims, const guint64 *dims);
#define qi_view_as(s, t, ...)                                                                              \
  qi_stream_view ((s), (t), G_N_ELEMENTS (((guint64[]){ __VA_ARGS__ })), (guint64[]){ __VA_ARGS__ })

/* Copies n bytes from data into t (from its byte offset on); data may be reused at once. In order with the ops. */
void qi_stream_upload (QiStream *s, const QiTensor *t, guint64 offset, const void *data, gsize n);

/* Runs all that was recorded and copies t's bytes to data. FALSE with error: the sticky one; in a planning
 * stream TRUE, and data is zeroed. */
gboolean qi_stream_download (QiStream *s, const QiTensor *t, void *data, gsize n, GError **error);

/* Hands what was recorded to the GPU without waiting for it (a few submissions may be under way). */
gboolean qi_stream_submit (QiStream *s, GError **error);

/* Runs all that was recorded and waits. Clears the sticky error while reporting it, except a lost device. */
gboolean qi_stream_finish (QiStream *s, GError **error);

/* A scope's op found something wrong in its own: makes the stream's error, if it has none yet. (transfer full) */
void qi_stream_take_error (QiStream *s, GError *error);
gboolean qi_stream_failed (const QiStream *s);

/* GPU seconds, FLOPs and bytes per op name since the last call, for profile = TRUE; element type QiOpTime. */
typedef struct
{
  const char *name;
  guint n;
  double seconds, flops, bytes;
} QiOpTime;
GArray *qi_stream_take_profile (QiStream *s);
