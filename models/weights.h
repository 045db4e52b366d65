/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/weights.h — tensors of a checkpoint in a pool, in the layouts that ops want.
 *
 * A QiWeights belongs to one component. Its functions are called one after another while the component is made; the
 * first error stays in it (a missing tensor, a wrong shape, a NaN, memory, cancelling), later calls do nothing, and
 * qi_weights_finish() reports it. With a planning stream and pool they allocate and read nothing.
 *
 * Names are printf formats of canonical names without ".weight" and ".bias". Tensors belong to the QiWeights. */
#pragma once
#include "compute/op.h"
#include "compute/ring.h"
#include "models/checkpoint/checkpoint.h"

typedef struct _QiWeights QiWeights;

/* Told after every few MiB: bytes of weights read so far. */
typedef void (*QiLoadFunc) (guint64 done, gpointer user_data);

/* Where a component is read from and to. All borrowed; pool must outlive the component, the others its making. */
typedef struct
{
  const QiCheckpoint *checkpoint;
  QiPool *pool;
  QiStream *stream; /* uploads; when it is a planning one so must pool be */
  GCancellable *cancellable;
  QiLoadFunc progress; /* NULL: nobody listens */
  gpointer user_data;
  QiRing *ring;      /* for blocks that are not kept; it must outlive the component. NULL: all are */
  guint n_streamed;  /* of the blocks */
  gboolean late_modulation; /* the transformer's layers that make a timestep's vectors are not kept either */
} QiLoad;

QiWeights *qi_weights_new (const QiLoad *load); /* copies *load */
void qi_weights_free (QiWeights *weights);      /* its tensors too */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiWeights, qi_weights_free)

/* Waits for the uploads and reports the first error. Nothing may be loaded after it. */
gboolean qi_weights_finish (QiWeights *weights, GError **error);

/* NAME.weight [n_out, n_in] as stored, its scales, and with bias NAME.bias [n_out] in f32. */
void qi_weights_linear (QiWeights *weights, QiLinear *linear, guint64 n_in, guint64 n_out, gboolean bias,
                        const char *format, ...) G_GNUC_PRINTF (6, 7);

/* The same, but the matrix is left in the file until qi_weights_bring(). */
void qi_weights_linear_late (QiWeights *weights, QiLinear *linear, guint64 n_in, guint64 n_out, gboolean bias,
                             const char *format, ...) G_GNUC_PRINTF (6, 7);
/* linear with its matrix in s's current scope; failures become the stream's error. */
QiLinear qi_weights_bring (const QiWeights *weights, QiStream *s, const QiLinear *linear, const char *format, ...)
  G_GNUC_PRINTF (4, 5);

/* Around the loading of block i of n, from 0 on: the matrices of linear layers of load->n_streamed blocks, evenly spread, go to
 * the ring, and qi_weights_use_block() has to be called before each block's use, in their order. */
void qi_weights_begin_block (QiWeights *weights, guint i, guint n);
void qi_weights_end_block (QiWeights *weights);
void qi_weights_use_block (const QiWeights *weights, QiStream *s, guint i);
/* A ring that reads from checkpoint, which must outlive it. (transfer full) */
QiRing *qi_weights_ring_new (QiDevice *device, const char *name, const QiCheckpoint *checkpoint, gboolean plan);
guint qi_weights_least_streamed (void); /* blocks: with fewer nothing is saved */

/* The linear layer loaded under this name, for adapters to be hung on; NULL: there is none. Only for components whose
 * QiLinear stay where they are. */
QiLinear *qi_weights_find_linear (QiWeights *weights, const char *name);

/* Rows [first, first + n) of a tensor of the checkpoint that is n_in wide, as stored; one with scales is refused. The caller
 * has compared the shape. */
void qi_weights_matrix (QiWeights *weights, QiLinear *linear, const QiCheckpointTensor *tensor, guint64 n_in, guint64 first,
                        guint64 n);
/* values, [rows, n], or [n] when rows is 0. */
const QiTensor *qi_weights_values (QiWeights *weights, const float *values, guint64 rows, guint64 n);

/* The tensor of exactly this name in f32: [n], or [rows, n] when rows > 1. Stored dims of size 1 are of no account. */
const QiTensor *qi_weights_array (QiWeights *weights, guint64 rows, guint64 n, const char *format, ...)
  G_GNUC_PRINTF (4, 5);

/* A convolution of size × size, size 3 or 1, with its bias. Stored as [O, I, t, size, size] (of which the last t is
 * used, the only one that sees data when there is one frame), [O, I, size, size], or GGUF's [O I, t, size, size]. */
void qi_weights_conv (QiWeights *weights, QiConv *conv, guint64 c_in, guint64 c_out, const char *format, ...)
  G_GNUC_PRINTF (5, 6);
void qi_weights_conv1 (QiWeights *weights, QiLinear *linear, guint64 c_in, guint64 c_out, const char *format, ...)
  G_GNUC_PRINTF (5, 6);

/* A kernel over patches of pixels pixels in two frames, without bias: [n_out, channels, 2, pixels], or a frame each in
 * NAME.weight and NAME.weight.1. A still picture is both frames, so their sum is kept: f32 [n_out, channels * pixels]. */
void qi_weights_patches (QiWeights *weights, QiLinear *linear, guint64 channels, guint64 pixels, guint64 n_out,
                         const char *format, ...) G_GNUC_PRINTF (6, 7);
