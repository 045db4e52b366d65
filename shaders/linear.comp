// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// linear.comp — y[m, n] = act (v) of v = xs[m] (sum_k x[m, k] w[n, k]) ws[n] + bias[n], or of y[m, n] + gate[n] v.
// x: [m, k] f32, or f16 with one scale a row; w: [n, k] of any weight type; y: f32 [m, y_pitch].
// Grid: x over blocks of LANES * NC columns, y over blocks of MR rows. No shared memory: each lane owns MR rows of NC
// columns in registers, x is the same for all lanes. Sums run along k in order, so that neither the tile nor
// the way equal weights are stored changes a bit.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint MR = 1;
layout (constant_id = 2) const uint NC = 1;
layout (constant_id = 3) const uint WIDE = 0; // k is a multiple of 4: vectors of four
layout (constant_id = 4) const uint ACT = 0;  // QiActivation
layout (constant_id = 5) const uint ADD = 0;  // to what y holds, gate times

#include "lib/linear.glsl"

// x by its address: a value that all lanes share is then one load, where a processor that stands in for a GPU would check
// each of a bound buffer's against the end. Such a processor also walks through the body of a loop that is over, with all lanes
// asleep: nothing may be read past the end there either.
layout (buffer_reference, std430, buffer_reference_align = 8) readonly buffer XHalves { uvec2 v[]; };
layout (buffer_reference, std430, buffer_reference_align = 16) readonly buffer XFloats { vec4 v[]; };

vec4
shared_x4 (uint row, uint k)
{
  const uint at = (row * p.x_pitch + k) >> 2;
#ifdef X_F16
  const uvec2 h = XHalves (uvec2 (p.x_low, p.x_high)).v[at];

  return vec4 (unpackHalf2x16 (h.x), unpackHalf2x16 (h.y));
#else
  return XFloats (uvec2 (p.x_low, p.x_high)).v[at];
#endif
}

void
main ()
{
  const uint lanes = gl_WorkGroupSize.x;
  const uint n0 = gl_WorkGroupID.x * lanes * NC + gl_LocalInvocationIndex;
  const uint m0 = gl_WorkGroupID.y * MR;
  float acc[MR][NC];

  [[unroll]] for (uint i = 0; i < MR; i++)
    [[unroll]] for (uint j = 0; j < NC; j++)
      acc[i][j] = 0.0;

  if (WIDE != 0u)
    for (uint k = 0; k < p.k; k += 4u)
      {
        const uint k_safe = min (k, p.k - 4u);
        vec4 b[NC];

        // Rows and columns past the end are computed from the last one, and not stored.
        [[unroll]] for (uint j = 0; j < NC; j++)
          b[j] = load_w4 (min (n0 + j * lanes, p.n - 1u), k);
        [[unroll]] for (uint i = 0; i < MR; i++)
          {
            const vec4 a = shared_x4 (min (m0 + i, p.m - 1u), k_safe);

            [[unroll]] for (uint j = 0; j < NC; j++)
              acc[i][j] = fma (a.w, b[j].w, fma (a.z, b[j].z, fma (a.y, b[j].y, fma (a.x, b[j].x, acc[i][j]))));
          }
      }
  else
    for (uint k = 0; k < p.k; k++)
      [[unroll]] for (uint j = 0; j < NC; j++)
        {
          const float b = load_w (min (n0 + j * lanes, p.n - 1u), k);

          [[unroll]] for (uint i = 0; i < MR; i++)
            acc[i][j] = fma (load_x (min (m0 + i, p.m - 1u), k), b, acc[i][j]);
        }

  [[unroll]] for (uint i = 0; i < MR; i++)
    [[unroll]] for (uint j = 0; j < NC; j++)
      {
        const uint m = m0 + i, n = n0 + j * lanes;

        if (m < p.m && n < p.n)
          store_y (m, n, acc[i][j]);
      }
}
