// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// linear_dot.comp — linear.comp's formula with products of whole numbers of 8 bits, four at a time: xs[m, b] ws[n, b] times the
// sum of x[m, k] w[n, k] over the 32 k of block b, blocks summed in f32 in order.
// x, w: words of four [rows, x_pitch / 4], zeros past k (pack_int8.comp); one scale to 32 values; y: f32 [m, y_pitch].
// Grid: x over blocks of LANES * NC columns, y over blocks of MR rows, as in linear.comp.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_integer_dot_product : require
#define X_INT8
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint MR = 1;
layout (constant_id = 2) const uint NC = 1;
layout (constant_id = 3) const uint ACT = 0; // QiActivation
layout (constant_id = 4) const uint ADD = 0; // to what y holds, gate times

#include "lib/linear.glsl"

layout (set = 0, binding = 0) readonly buffer XWords { uvec4 x_words[]; };
layout (set = 0, binding = 1) readonly buffer WWords { uvec4 w_words[]; };
layout (set = 0, binding = 8) readonly buffer WUnit { float w_unit[]; };

int
dot_four (uvec4 a, uvec4 b, int sum)
{
  [[unroll]] for (uint i = 0u; i < 4u; i++)
    sum += dotPacked4x8EXT (int (a[i]), int (b[i]));
  return sum;
}

void
main ()
{
  const uint lanes = gl_WorkGroupSize.x, blocks = p.x_pitch / 32u;
  const uint n0 = gl_WorkGroupID.x * lanes * NC + gl_LocalInvocationIndex;
  const uint m0 = gl_WorkGroupID.y * MR;
  float acc[MR][NC];

  [[unroll]] for (uint i = 0u; i < MR; i++)
    [[unroll]] for (uint j = 0u; j < NC; j++)
      acc[i][j] = 0.0;

  for (uint block = 0u; block < blocks; block++)
    [[unroll]] for (uint j = 0u; j < NC; j++)
      {
        // Rows and columns past the end are computed from the last one, and not stored.
        const uint w_at = min (n0 + j * lanes, p.n - 1u) * blocks + block;
        const uvec4 b0 = w_words[w_at * 2u], b1 = w_words[w_at * 2u + 1u];
        const float unit = w_unit[w_at];

        [[unroll]] for (uint i = 0u; i < MR; i++)
          {
            const uint x_at = min (m0 + i, p.m - 1u) * blocks + block;

            acc[i][j] = fma (x_scale[x_at] * unit,
                             float (dot_four (x_words[x_at * 2u + 1u], b1, dot_four (x_words[x_at * 2u], b0, 0))), acc[i][j]);
          }
      }

  [[unroll]] for (uint i = 0u; i < MR; i++)
    [[unroll]] for (uint j = 0u; j < NC; j++)
      if (m0 + i < p.m && n0 + j * lanes < p.n)
        store_y (m0 + i, n0 + j * lanes, acc[i][j]);
}
