/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/kernels.h — the rows of the kernel table: what a device offers, what may be used on it, and which row an op takes.
 *
 * A row is offered where features and properties say so. It is used where the table names it for this kind of device and
 * the self-test has not found it wrong there (compute/self-test.h), or where QI_KERNELS forces it. A forced row takes all
 * that it can do, the scalar row the rest. */
#pragma once
#include "compute/compute.h"

typedef enum
{
  QI_KERNEL_SCALAR,   /* any device; f32 arithmetic */
  QI_KERNEL_COOPMAT,  /* VK_KHR_cooperative_matrix: f16 operands, f32 sums */
  QI_KERNEL_DOT,      /* packed 8-bit dot products: x rounded to 8 bits, a scale to 32 values */
  QI_KERNEL_COOPMAT2, /* VK_NV_cooperative_matrix2 */
  QI_KERNEL_PANELS,   /* f32 from weights expanded to panels, for a processor's vectors */
  QI_N_KERNELS
} QiKernel;

#define QI_KERNEL_BIT(kernel) (1u << (kernel))

typedef struct
{
  guint32 offered; /* bits of QiKernel */
  guint32 failed;  /* found wrong by the self-test */
  int forced;      /* QiKernel, or -1 */
} QiKernels;

/* The tiles in use, a byte for each group of compute/op/linear-tiles.h: 0 the first that fits, else the one before that number. */
#define QI_MAX_TILE_GROUPS 24
typedef struct
{
  guint8 choice[QI_MAX_TILE_GROUPS];
} QiTiles;

const char *qi_kernel_name (QiKernel kernel);
gboolean qi_kernel_serves (QiKernel kernel, QiCompute compute); /* what it does not serve the scalar row computes */

/* What info offers; forced: the name of a row (QI_KERNELS) or NULL. FALSE where there is no such row, or not here. */
gboolean qi_kernels_init (QiKernels *kernels, const QiDeviceInfo *info, const char *forced, GError **error);

/* A multiplication of [m, k] by [n, k]. */
typedef struct
{
  guint64 m, n, k;
  QiDtype weight;
  QiCompute compute;
} QiProduct;

/* What k must be a multiple of for QI_KERNEL_PANELS, and the width of a head in attention. */
#define QI_PANEL_DEPTH 16

/* The row that takes it on a device of info. */
QiKernel qi_kernels_for_linear (const QiKernels *kernels, const QiDeviceInfo *info, const QiProduct *product);

/* Of n_q query rows, heads of d. */
QiKernel qi_kernels_for_attention (const QiKernels *kernels, const QiDeviceInfo *info, guint64 n_q, guint64 d, QiCompute compute);

/* Every row that the table may choose on such a device, as bits. */
guint32 qi_kernels_in_use (const QiKernels *kernels, const QiDeviceInfo *info);
