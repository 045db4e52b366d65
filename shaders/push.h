/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* shaders/push.h — push constants, read by C and GLSL alike: plain structs of uint and float, at most 128 bytes. */
#ifndef QI_PUSH_H
#define QI_PUSH_H

#ifndef VULKAN /* defined by glslc */
#include <sys/types.h>
#endif

/* qi_copy_into and friends: one value per invocation. */
struct QiPushPointwise
{
  uint n;       /* elements */
  uint columns; /* row length, for per-column operands */
  float a, b;
};

/* decode.comp */
struct QiPushDecode
{
  uint rows, columns;
  uint row_bytes; /* of w */
  uint has_ids;
  uint group_row; /* row of the grid's first row of groups */
  uint pitch;     /* of y in f16 */
};

/* Rows of w side by side in the panels of linear_panels.comp. */
#define QI_PANEL_ROWS 32u

/* linear.comp, linear_coopmat.comp, linear_coopmat2.comp, linear_dot.comp, linear_panels.comp */
struct QiPushLinear
{
  uint m, n, k;
  uint x_pitch;     /* elements from one row of x to the next */
  uint w_row_bytes;
  uint y_pitch;     /* columns of y */
  uint n_first;     /* column of y, bias, scale and gate that column 0 of this dispatch is */
  uint n_w_scales;  /* 0, 1, or one a column */
  uint has_bias, has_gate;
  uint x_low, x_high; /* the address of x */
  uint w_low, w_high; /* linear_panels.comp: the address of w */
};

/* pack_rows.comp */
struct QiPushPackRows
{
  uint columns, pitch;
  uint group_row;
};

/* pack_int8.comp */
struct QiPushPackInt8
{
  uint rows, columns;
  uint row_bytes; /* of w */
};

/* kron.comp */
struct QiPushKron
{
  uint blocks_in, blocks_out, width; /* a row of z: [blocks_in, width]; of y: [blocks_out, width] */
  uint has_gate;
};

/* norm.comp */
struct QiPushNorm
{
  uint rows, columns;
  uint has_a, has_b;
  float eps;
};

/* norm_rope.comp */
struct QiPushNormRope
{
  uint heads, d;
  uint group_row;
  uint has_weight, has_rope;
  float eps;
};

/* attention.comp, attention_panels.comp */
struct QiPushAttention
{
  uint n_q, n_k;   /* rows of this dispatch, keys of this dispatch */
  uint key_first;  /* the number of its first key among all */
  uint causal;     /* 0, or how many keys row 0 of this dispatch sees */
  uint heads, kv_heads, group;
  uint head_first; /* head of the grid's first column */
  uint has_state, last;
  float scale;
  uint k_low, k_high, v_low, v_high, work_low, work_high; /* attention_panels.comp: addresses */
};

/* conv2d.comp */
struct QiPushConv
{
  uint h, w, c_in; /* of the whole input */
  uint ow, c_out;
  uint x_first;    /* input row that binding 0 begins with */
  uint y_first;    /* output row that the grid and binding 4 begin with */
  uint n;          /* output pixels of this dispatch */
  uint has_bias, has_residual;
};

/* shape.comp */
struct QiPushShape
{
  uint n; /* values of the result */
  uint h, w, c;
  uint first;
  uint group_pitch; /* values of one row of the grid */
};

#endif
