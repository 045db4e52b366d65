/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/op/op-test.h — what the op tests share. */
#pragma once
#include "compute/op.h"
#include "compute/stream.h"

/* Opens the device with validation on, runs the tests that add () adds, and fails when a validation message came.
 * Without a Vulkan device all is skipped; with QI_REQUIRE_VULKAN=1 that is an error. QI_KERNELS forces a row of the kernel
 * table, and without it there all is skipped. Returns main's result. */
int op_test_main (int argc, char **argv, void (*add) (void));

/* A stream of that device. (transfer full) */
QiStream *op_stream (QiCompute compute);

/* The forced row rounds operands to 8 bits, as op_round_int8 does: 32 of a row to one scale. */
gboolean op_int8 (void);
void op_round_int8 (float *values, gsize rows, gsize columns);

/* n normally distributed values times scale, the same for one seed. (transfer full) */
float *op_random (gsize n, guint32 seed, float scale);

/* Scratch tensors with these contents: [rows, columns], or [columns] for one row. Borrowed from the scope. */
const QiTensor *op_raw (QiStream *s, QiDtype dtype, guint64 rows, guint64 columns, const void *bytes);
const QiTensor *op_tensor (QiStream *s, guint64 rows, guint64 columns, const float *values);

/* A tensor's bytes, after running the stream. (transfer full) */
float *op_download (QiStream *s, const QiTensor *t);

/* Fails unless |got - want| <= limit * rms (want) for all n values. */
void op_assert_near (const char *what, const float *got, const double *want, gsize n, double limit);
