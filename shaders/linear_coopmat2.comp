// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// linear_coopmat2.comp — linear.comp's formula on matrix units with VK_NV_cooperative_matrix2: f16 operands, f32 sums. A workgroup
// owns one product of [BM, BK] and [BK, BN] at a time, and the driver stages operands and deals out work to its subgroups. Weights
// that are not f16 are decoded by a callback while they are loaded; a quantised layer that many rows share is expanded to f16 beforehand.
// x: f16 [m, x_pitch], zeros past k; one scale a row; w: [n, k] of any weight type; y: f32 [m, y_pitch].
// Grid: x over blocks of BN columns, y over blocks of BM rows. LANES, BM, BN and BK are of a shape that the device names. Loads past
// an end give zeros and stores there are dropped, so that every product is whole.
// Needs of VK_NV_cooperative_matrix2: workgroup scope, flexible dimensions, tensor addressing, block loads and per-element operations;
// buffer device addresses, since a callback takes one; bindings on 16 bytes.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint BM = 64;
layout (constant_id = 2) const uint BN = 64;
layout (constant_id = 3) const uint BK = 32;
layout (constant_id = 4) const uint ACT = 0; // QiActivation
layout (constant_id = 5) const uint ADD = 0; // to what y holds, gate times

#include "lib/linear.glsl"

layout (set = 0, binding = 0) readonly buffer XHalf { float16_t x_half[]; };
layout (set = 0, binding = 1) readonly buffer WHalf { float16_t w_half[]; };

#ifndef W_F16
// What a callback is given the address of. Decoding goes by the binding instead, as in every other row, and so by row and column.
layout (buffer_reference, std430, buffer_reference_align = 2) buffer Element { uint16_t bits; };

// Row at[0], column at[1] of w, rounded to f16.
float16_t
decode (const in Element unused, const in uint at[2], const in uint in_block[2])
{
  // By packing: a conversion may flush subnormals.
  return unpackFloat2x16 (packHalf2x16 (vec2 (load_w (at[0], at[1]), 0.0))).x;
}
#endif

float
finish (const in uint row, const in uint column, const in float acc, const in float before, const in uint m0, const in uint n0)
{
  // Rows and columns past the end are computed from the last one, and not stored.
  return finish_y (min (m0 + row, p.m - 1u), min (n0 + column, p.n - 1u), acc, before);
}

void
main ()
{
  const uint m0 = gl_WorkGroupID.y * BM, n0 = gl_WorkGroupID.x * BN;
  coopmat<float, gl_ScopeWorkgroup, BM, BN, gl_MatrixUseAccumulator> acc =
    coopmat<float, gl_ScopeWorkgroup, BM, BN, gl_MatrixUseAccumulator> (0.0);
  coopmat<float, gl_ScopeWorkgroup, BM, BN, gl_MatrixUseAccumulator> before = acc;
  tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> x_at = createTensorLayoutNV (2, gl_CooperativeMatrixClampModeConstantNV);
  tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> w_at = createTensorLayoutNV (2, gl_CooperativeMatrixClampModeConstantNV);
  tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> y_at = createTensorLayoutNV (2, gl_CooperativeMatrixClampModeConstantNV);
  tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV (2, false, 1, 0);

  x_at = setTensorLayoutDimensionNV (x_at, p.m, p.k);
  x_at = setTensorLayoutStrideNV (x_at, p.x_pitch, 1);
  w_at = setTensorLayoutDimensionNV (w_at, p.n, p.k);
#ifdef W_F16
  w_at = setTensorLayoutStrideNV (w_at, p.w_row_bytes / 2u, 1);
#endif
  for (uint k = 0u; k < p.k; k += BK)
    {
      coopmat<float16_t, gl_ScopeWorkgroup, BM, BK, gl_MatrixUseA> a;
      coopmat<float16_t, gl_ScopeWorkgroup, BK, BN, gl_MatrixUseB> b;

      coopMatLoadTensorNV (a, x_half, 0, sliceTensorLayoutNV (x_at, m0, BM, k, BK));
#ifdef W_F16
      coopMatLoadTensorNV (b, w_half, 0, sliceTensorLayoutNV (w_at, n0, BN, k, BK), transposed);
#else
      coopMatLoadTensorNV (b, w, 0, sliceTensorLayoutNV (w_at, n0, BN, k, BK), transposed, decode);
#endif
      acc = coopMatMulAdd (a, b, acc);
    }

  y_at = setTensorLayoutDimensionNV (y_at, p.m, p.n_first + p.n);
  y_at = setTensorLayoutStrideNV (y_at, p.y_pitch, 1);
  y_at = sliceTensorLayoutNV (y_at, m0, BM, p.n_first + n0, BN);
  if (ADD != 0u)
    {
      coopMatLoadTensorNV (before, y_in, 0, y_at);
      // y_in is y: all is read before any of it is written.
      controlBarrier (gl_ScopeWorkgroup, gl_ScopeWorkgroup, gl_StorageSemanticsBuffer, gl_SemanticsAcquireRelease);
    }
  coopMatPerElementNV (acc, acc, finish, before, m0, n0); // pure: an element may be visited twice
  coopMatStoreTensorNV (acc, y, 0, y_at);
}
