/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/bench.h — timing of recorded GPU work, and its lines. Internal to the bench command. */
#pragma once
#include "compute/op.h"

typedef struct
{
  QiDevice *device;
  QiStream *stream;
  QiPool *pool;      /* synthetic weights and inputs of the current case */
  double host_flops; /* f32 peak of the processors, measured in this run */
  double max_seconds; /* of one measurement */
  gboolean json;
  gboolean full;     /* software devices too get the shapes of GPUs */
  const char *weights; /* only this type of weights, QiDtypeInfo.name; NULL: all */
  guint64 random;    /* state of the synthetic values */
} QiBench;

/* Records the work once. Errors stay in the stream. */
typedef void (*QiBenchFunc) (QiBench *bench, gpointer user_data);

/* What a line says beside the time; flops and bytes of one run, 0: not of interest. */
typedef struct
{
  const char *op, *dtype;
  char shape[64];
  double flops, bytes;
  gboolean peak; /* the device's memory at its fullest belongs to it */
} QiBenchLine;

/* Times work (median, repeated until it settles) and writes the line. FALSE with error: the work's, or cancelled. */
gboolean qi_bench_run (QiBench *bench, const QiBenchLine *line, QiBenchFunc work, gpointer user_data, GError **error);

/* A tensor of bench->pool filled with small values of its type; errors go to the stream. */
QiTensor *qi_bench_tensor (QiBench *bench, QiDtype dtype, guint n_dims, const guint64 *dims);
#define qi_bench_new(bench, dtype, ...)                                                                        \
  qi_bench_tensor ((bench), (dtype), G_N_ELEMENTS (((guint64[]){ __VA_ARGS__ })), (guint64[]){ __VA_ARGS__ })

/* The same, added to tensors, which owns it. rows 0: a vector. */
QiTensor *qi_bench_kept (QiBench *bench, GPtrArray *tensors, QiDtype dtype, guint64 rows, guint64 d);
QiLinear qi_bench_linear (QiBench *bench, GPtrArray *tensors, QiDtype dtype, guint64 n_out, guint64 n_in, gboolean bias);

/* The type of weights that is asked for, else the model's own. */
QiDtype qi_bench_weight_type (const QiBench *bench, QiDtype own);

/* Ops at the shapes of the 20 B model: one by name, NULL: all. FALSE with error: no such op, or it failed. */
gboolean qi_bench_ops (QiBench *bench, const char *name, GError **error);

/* One step of n_blocks blocks of a model's width ("20b", "tiny") at a picture's size, with weights of one block. */
gboolean qi_bench_synthetic (QiBench *bench, const char *model, guint n_blocks, guint width, guint height,
                             guint n_text, GError **error);

/* Whether model is a text encoder ("7b", "tiny-text"). */
gboolean qi_bench_is_text (const char *model);
/* n_layers of its layers over a prompt, with weights of one layer. n_text 0: of 100 tokens, then of 1500. */
gboolean qi_bench_text (QiBench *bench, const char *model, guint n_layers, guint n_text, GError **error);

/* Lines of two runs side by side, by op, shape and dtype; ratios of speed, b over a. */
gboolean qi_bench_compare (const char *a, const char *b, gboolean json, GError **error);
