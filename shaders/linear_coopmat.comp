// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// linear_coopmat.comp — linear.comp's formula on matrix units: f16 operands, f32 sums. Weights are decoded into the tile; a
// quantised layer that many rows share is expanded to f16 beforehand.
// x: f16 [m, x_pitch], zeros past k, x_pitch a multiple of 4; one scale a row; w: [n, k] of any weight type; y: f32 [m, y_pitch].
// Grid: x over blocks of SN TN MN columns, y over blocks of SM TM MM rows. A workgroup is SM x SN subgroups, and each owns
// TM x TN products of [MM, MK] and [MK, MN], a shape that the device names. Operands go through shared memory as f16, where rows,
// columns and k past the end are zeros: every product is whole, and only real elements are stored. Sums run along k in steps of MK,
// so that neither the tile nor the way equal weights are stored changes a bit.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint MM = 8;
layout (constant_id = 2) const uint MN = 8;
layout (constant_id = 3) const uint MK = 8;
layout (constant_id = 4) const uint TM = 1;
layout (constant_id = 5) const uint TN = 1;
layout (constant_id = 6) const uint SM = 1;
layout (constant_id = 7) const uint SN = 1;
layout (constant_id = 8) const uint STEPS = 1; // of MK between two fills of shared memory
layout (constant_id = 9) const uint WIDE = 0;  // k is a multiple of 4: vectors of four
layout (constant_id = 10) const uint ACT = 0;  // QiActivation
layout (constant_id = 11) const uint ADD = 0;  // to what y holds, gate times

#include "lib/linear.glsl"

const uint BM = SM * TM * MM, BN = SN * TN * MN;
const uint FOURS = STEPS * MK / 4u; // of k in a tile
const uint PITCH = FOURS + 2u;      // against bank conflicts; whole 16 bytes
shared f16vec4 x_tile[BM * PITCH];
shared f16vec4 w_tile[BN * PITCH];
shared float sums[SM * SN * MM * MN];

f16vec4
halves (uvec2 h)
{
  return f16vec4 (unpackFloat2x16 (h.x), unpackFloat2x16 (h.y));
}

// Four of row n from k on, rounded to f16; zeros past the end.
f16vec4
load_w_halves (uint n, uint k)
{
  vec4 v = vec4 (0.0);

  if (n >= p.n || k >= p.k)
    return f16vec4 (0.0);
  if (WIDE != 0u)
    {
#ifdef W_F16
      return halves (w2[(n * p.k + k) >> 2]);
#else
      v = load_w4 (n, k);
#endif
    }
  else
    for (uint i = 0u; i < min (p.k - k, 4u); i++)
      v[i] = load_w (n, k + i);
  // By packing: a conversion may flush subnormals.
  return halves (uvec2 (packHalf2x16 (v.xy), packHalf2x16 (v.zw)));
}

void
fill_tiles (uint m0, uint n0, uint k0)
{
  for (uint i = gl_LocalInvocationIndex; i < BM * FOURS; i += gl_WorkGroupSize.x)
    {
      const uint m = m0 + i / FOURS, k = k0 + i % FOURS * 4u;

      x_tile[i / FOURS * PITCH + i % FOURS] = m < p.m && k < p.k ? halves (x2[(m * p.x_pitch + k) >> 2]) : f16vec4 (0.0);
    }
  for (uint i = gl_LocalInvocationIndex; i < BN * FOURS; i += gl_WorkGroupSize.x)
    w_tile[i / FOURS * PITCH + i % FOURS] = load_w_halves (n0 + i / FOURS, k0 + i % FOURS * 4u);
}

void
main ()
{
  const uint m0 = gl_WorkGroupID.y * BM, n0 = gl_WorkGroupID.x * BN;
  const uint sm = gl_SubgroupID / SN * TM * MM, sn = gl_SubgroupID % SN * TN * MN; // this subgroup's corner in the tile
  coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> acc[TM * TN];

  [[unroll]] for (uint i = 0u; i < TM * TN; i++)
    acc[i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> (0.0);

  for (uint k0 = 0u; k0 < p.k; k0 += FOURS * 4u)
    {
      barrier (); // the last tile has been used
      fill_tiles (m0, n0, k0);
      barrier ();
      [[unroll]] for (uint step = 0u; step < STEPS; step++)
        {
          coopmat<float16_t, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> a[TM];

          [[unroll]] for (uint i = 0u; i < TM; i++)
            coopMatLoad (a[i], x_tile, (sm + i * MM) * PITCH + step * (MK / 4u), PITCH, gl_CooperativeMatrixLayoutRowMajor);
          [[unroll]] for (uint j = 0u; j < TN; j++)
            {
              coopmat<float16_t, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> b;

              coopMatLoad (b, w_tile, (sn + j * MN) * PITCH + step * (MK / 4u), PITCH, gl_CooperativeMatrixLayoutColumnMajor);
              [[unroll]] for (uint i = 0u; i < TM; i++)
                acc[i * TN + j] = coopMatMulAdd (a[i], b, acc[i * TN + j]);
            }
        }
    }

  // Through shared memory, since which lane holds which element is the device's secret.
  const uint own = gl_SubgroupID * MM * MN;

  [[unroll]] for (uint i = 0u; i < TM; i++)
    [[unroll]] for (uint j = 0u; j < TN; j++)
      {
        barrier ();
        coopMatStore (acc[i * TN + j], sums, own, MN, gl_CooperativeMatrixLayoutRowMajor);
        barrier ();
        for (uint e = gl_SubgroupInvocationID; e < MM * MN; e += gl_SubgroupSize)
          {
            const uint m = m0 + sm + i * MM + e / MN, n = n0 + sn + j * MN + e % MN;

            if (m < p.m && n < p.n)
              store_y (m, n, sums[own + e]);
          }
      }
}
