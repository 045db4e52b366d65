/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define LANES 256      /* invocations of a workgroup */
#define GROUPS_X 32768 /* workgroups in x, before the grid grows in y */
#define ROW_STEP 64    /* windows of so many f32 rows begin where every device lets a binding begin */

typedef struct
{
  QiShaderId shader;
  const char *name;
  const QiTensor *operands[3]; /* in the order of the bindings before y; NULL: not there */
  guint n_operands;
  guint columns_mask; /* bit i: operand i is one row, the same for all rows */
  guint32 flags;
  guint n_spec;       /* 2: the shader has the flags */
  guint32 lanes;
  gboolean row_groups; /* a workgroup does a row, not LANES values */
  float a, b;
  double flops; /* of one value */
} Pointwise;

static const QiTensor *
scratch_like (QiStream *s, const QiTensor *x)
{
  guint64 dims[QI_MAX_DIMS];

  for (guint i = 0; i < qi_tensor_n_dims (x); i++)
    dims[i] = qi_tensor_dim (x, i);
  return qi_stream_scratch (s, QI_DTYPE_F32, qi_tensor_n_dims (x), dims);
}

static gboolean
is_f32 (const QiTensor *x)
{
  return qi_tensor_dtype (x) == QI_DTYPE_F32;
}

static gboolean
same_size (const QiTensor *x, const QiTensor *z)
{
  return is_f32 (x) && is_f32 (z) && qi_tensor_elements (x) == qi_tensor_elements (z);
}

/* A value for each column of x, or none at all. */
static gboolean
fits_columns (const QiTensor *x, const QiTensor *v)
{
  return !v || (is_f32 (v) && qi_tensor_elements (v) == qi_tensor_dim (x, -1));
}

/* Rows [first, first + rows) of y, columns values each. */
static void
pointwise_window (QiStream *s, const Pointwise *op, const QiTensor *y, guint64 first, guint64 rows, guint64 columns)
{
  const guint64 offset = first * columns * 4, bytes = rows * columns * 4;
  const guint64 groups = op->row_groups ? rows : (rows * columns + LANES - 1) / LANES;
  const struct QiPushPointwise push = { .n = rows * columns, .columns = columns, .a = op->a, .b = op->b };
  QiDispatch dispatch = { .shader = op->shader,
                          .name = op->name,
                          .n_args = op->n_operands + 1,
                          .push = &push,
                          .push_bytes = sizeof push,
                          .spec = { op->lanes, op->flags },
                          .n_spec = op->n_spec,
                          .groups = { MIN (groups, GROUPS_X), (groups + GROUPS_X - 1) / GROUPS_X, 1 },
                          .flops = op->flops * rows * columns };

  for (guint i = 0; i < op->n_operands; i++)
    if (op->operands[i] && (op->columns_mask >> i & 1))
      dispatch.args[i] = (QiArg){ op->operands[i], 0, 0 };
    else if (op->operands[i])
      dispatch.args[i] = (QiArg){ op->operands[i], offset, bytes };
  dispatch.args[op->n_operands] = (QiArg){ y, offset, bytes };
  qi_stream_dispatch (s, &dispatch);
}

static void
pointwise (QiStream *s, const QiTensor *y, const Pointwise *op)
{
  /* Where columns do not matter any cut will do, so that long rows can be cut as well. */
  const guint64 columns = op->columns_mask || op->row_groups ? qi_tensor_dim (y, -1) : 1;
  const guint64 rows = qi_tensor_elements (y) / columns;
  const double work = MAX (op->flops, 4 * (op->n_operands + 1) * QI_FLOPS_PER_BYTE);
  const guint64 window = qi_stream_window (s, rows, columns * 4, work * columns, ROW_STEP);

  for (guint64 first = 0; first < rows; first += window)
    pointwise_window (s, op, y, first, MIN (window, rows - first), columns);
}

const QiTensor *
qi_activate (QiStream *s, const QiTensor *x, QiActivation act)
{
  const QiTensor *y;

  g_return_val_if_fail (is_f32 (x), NULL);
  y = scratch_like (s, x);
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_ACTIVATE, .name = "activate", .operands = { x }, .n_operands = 1,
                                 .flags = act, .n_spec = 2, .lanes = LANES, .flops = 16 });
  return y;
}

const QiTensor *
qi_swiglu (QiStream *s, const QiTensor *gate, const QiTensor *up)
{
  const QiTensor *y;

  g_return_val_if_fail (same_size (gate, up), NULL);
  y = scratch_like (s, gate);
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_SWIGLU, .name = "swiglu", .operands = { gate, up },
                                 .n_operands = 2, .n_spec = 1, .lanes = LANES, .flops = 16 });
  return y;
}

const QiTensor *
qi_axpby (QiStream *s, float a, const QiTensor *x, float b, const QiTensor *z)
{
  const QiTensor *y;

  g_return_val_if_fail (is_f32 (x) && (!z || same_size (x, z)), NULL);
  y = scratch_like (s, x);
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_AXPBY, .name = "axpby", .operands = { x, z }, .n_operands = 2,
                                 .flags = z != NULL, .n_spec = 2, .lanes = LANES, .a = a, .b = b, .flops = 3 });
  return y;
}

const QiTensor *
qi_add (QiStream *s, const QiTensor *a, const QiTensor *b)
{
  return qi_axpby (s, 1, a, 1, b); /* products with 1 are exact, fused or not */
}

const QiTensor *
qi_clamp (QiStream *s, const QiTensor *x, float low, float high)
{
  const QiTensor *y;

  g_return_val_if_fail (is_f32 (x) && low <= high, NULL);
  y = scratch_like (s, x);
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_CLAMP, .name = "clamp", .operands = { x }, .n_operands = 1,
                                 .n_spec = 1, .lanes = LANES, .a = low, .b = high, .flops = 2 });
  return y;
}

/* y = x (mul + one) + add. */
static const QiTensor *
affine (QiStream *s, const char *name, const QiTensor *x, const QiTensor *mul, float one, const QiTensor *add)
{
  const QiTensor *y;

  g_return_val_if_fail (is_f32 (x) && fits_columns (x, mul) && fits_columns (x, add), NULL);
  y = scratch_like (s, x);
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_AFFINE, .name = name, .operands = { x, mul, add },
                                 .n_operands = 3, .columns_mask = 2 | 4, .flags = (mul != NULL) | (add != NULL) << 1,
                                 .n_spec = 2, .lanes = LANES, .a = one, .flops = 3 });
  return y;
}

const QiTensor *
qi_affine (QiStream *s, const QiTensor *x, const QiTensor *mul, const QiTensor *add)
{
  return affine (s, "affine", x, mul, 0, add);
}

const QiTensor *
qi_modulate (QiStream *s, const QiTensor *x, const QiTensor *shift, const QiTensor *scale)
{
  return affine (s, "modulate", x, scale, 1, shift);
}

void
qi_add_gated_into (QiStream *s, const QiTensor *y, const QiTensor *x, const QiTensor *gate)
{
  g_return_if_fail (same_size (y, x) && qi_tensor_dim (y, -1) == qi_tensor_dim (x, -1) && fits_columns (x, gate));
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_ADD_GATED, .name = "add_gated", .operands = { x, gate, y },
                                 .n_operands = 3, .columns_mask = 2, .flags = gate != NULL, .n_spec = 2,
                                 .lanes = LANES, .flops = 2 });
}

void
qi_copy_into (QiStream *s, const QiTensor *y, const QiTensor *x)
{
  g_return_if_fail (qi_tensor_bytes (y) == qi_tensor_bytes (x));
  qi_stream_copy (s, y, 0, x, 0, qi_tensor_bytes (x));
}

const QiTensor *
qi_guide (QiStream *s, const QiTensor *p, const QiTensor *u, float g, gboolean rescale)
{
  const QiTensor *y;

  g_return_val_if_fail (same_size (p, u) && qi_tensor_dim (p, -1) == qi_tensor_dim (u, -1), NULL);
  y = scratch_like (s, p);
  pointwise (s, y, &(Pointwise){ .shader = QI_SHADER_GUIDE, .name = "guide", .operands = { p, u }, .n_operands = 2,
                                 .flags = rescale != 0, .n_spec = 2, .lanes = qi_stream_reduce_lanes (s),
                                 .row_groups = TRUE, .a = g, .flops = 12 });
  return y;
}
