/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/op/op-test.h — what every op test needs: a device with validation on (opened once per process), tensors made
 * of host values, results on the host, comparison with bounds.
 *
 *   static void
 *   test_foo (OpTest *t, gconstpointer data)
 *   {
 *     g_autofree float *x = op_test_random (7 * 33, 1, 1.0f);
 *     g_autofree float *y = op_test_download (t, qi_foo (t->s, op_test_f32 (t, x, 7, 33)));
 *     …
 *     op_test_near (y, want, 7 * 33, 1e-6, 1e-6);
 *   }
 *
 *   int
 *   main (int argc, char **argv)
 *   {
 *     op_test_init (&argc, &argv);
 *     op_test_add ("/op/foo/7x33", test_foo, NULL);
 *     return op_test_run ();
 *   }
 *
 * Each test gets a fresh stream with an open scope, and fails when the stream has an error at its end or when the
 * validation layers said something meanwhile. Without a Vulkan device tests are skipped, with QI_REQUIRE_VULKAN=1
 * they fail. */
#pragma once
#include "compute/compute.h"
#include "compute/op.h"

typedef struct
{
  QiDevice *device; /* of the process */
  QiStream *s;
  QiPool *pool;       /* for tensors that the helpers below make */
  GPtrArray *tensors; /* owned, freed with the test */
} OpTest;

typedef void (*OpTestFunc) (OpTest *t, gconstpointer data);

void op_test_init (int *argc, char ***argv);
void op_test_add (const char *path, OpTestFunc func, gconstpointer data); /* data must outlive the run */
int op_test_run (void);                                                   /* what main returns */

/* A tensor of dtype filled with these bytes (as many as the shape needs); NULL: undefined. Owned by the test. */
const QiTensor *op_test_tensor (OpTest *t, QiDtype dtype, const void *bytes, guint n_dims, const guint64 *dims);
#define op_test_bytes(t, dtype, bytes, ...)                                                                \
  op_test_tensor ((t), (dtype), (bytes), G_N_ELEMENTS (((guint64[]){ __VA_ARGS__ })), (guint64[]){ __VA_ARGS__ })
#define op_test_f32(t, floats, ...) op_test_bytes ((t), QI_DTYPE_F32, (floats), __VA_ARGS__)

/* The same, [rows, row_len] only, as a view that starts one row into its tensor: with an odd row length the bytes
 * begin where no device allows a binding to begin. */
const QiTensor *op_test_misaligned (OpTest *t, QiDtype dtype, const void *bytes, guint64 rows, guint64 row_len);

/* All bytes of a tensor; runs the stream. (transfer full) */
void *op_test_download (OpTest *t, const QiTensor *tensor);

/* Pretends that one binding holds at most bytes, so that ops split into windows; 0: the device's own figure. Undone
 * after each test. */
void op_test_limit_binding (OpTest *t, guint64 bytes);

/* n values, equally likely in [-amplitude, amplitude), always the same for one seed. (transfer full) */
float *op_test_random (gsize n, guint32 seed, float amplitude);

/* Fails, naming the worst element, unless |got - want| <= absolute + relative * |want| for each (NaN matches NaN, an
 * infinity its equal). The second form takes one absolute bound for each element. */
void op_test_near (const float *got, const double *want, gsize n, double absolute, double relative);
void op_test_within (const float *got, const double *want, const double *bound, gsize n);
