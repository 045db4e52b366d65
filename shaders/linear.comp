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
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint MR = 1;
layout (constant_id = 2) const uint NC = 1;
layout (constant_id = 3) const uint WIDE = 0; // k is a multiple of 4: vectors of four
layout (constant_id = 4) const uint ACT = 0;  // QiActivation
layout (constant_id = 5) const uint ADD = 0;  // to what y holds, gate times

layout (set = 0, binding = 0) readonly buffer X { uint x[]; };
layout (set = 0, binding = 0) readonly buffer X2 { uvec2 x2[]; };
layout (set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout (set = 0, binding = 1) readonly buffer W { uint16_t w[]; };
layout (set = 0, binding = 1) readonly buffer W2 { uvec2 w2[]; };
layout (set = 0, binding = 1) readonly buffer W4 { vec4 w4[]; };
layout (set = 0, binding = 2) readonly buffer XScale { float x_scale[]; };
layout (set = 0, binding = 3) readonly buffer WScale { float w_scale[]; };
layout (set = 0, binding = 4) readonly buffer Bias { float bias[]; };
layout (set = 0, binding = 5) readonly buffer Gate { float gate[]; };
layout (set = 0, binding = 6) readonly buffer YIn { float y_in[]; };
layout (set = 0, binding = 7) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushLinear p; };

#include "lib/activation.glsl"
#include "lib/dtype.glsl"

float
load_x (uint row, uint k)
{
#ifdef X_F16
  const uint at = row * p.x_pitch + k;
  return unpackHalf2x16 (x[at >> 1] >> (at & 1u) * 16u).x;
#else
  return uintBitsToFloat (x[row * p.x_pitch + k]);
#endif
}

vec4
load_x4 (uint row, uint k)
{
#ifdef X_F16
  const uvec2 h = x2[(row * p.x_pitch + k) >> 2];
  return vec4 (unpackHalf2x16 (h.x), unpackHalf2x16 (h.y));
#else
  return x4[(row * p.x_pitch + k) >> 2];
#endif
}

float
load_w (uint n, uint k)
{
  const float value = qi_element (n * p.w_row_bytes, k);
#ifdef ROUND_W
  return unpackHalf2x16 (packHalf2x16 (vec2 (value, 0.0))).x;
#else
  return value;
#endif
}

vec4
load_w4 (uint n, uint k)
{
#if defined W_F32 && defined ROUND_W
  const vec4 v = w4[(n * p.k + k) >> 2];
  return vec4 (unpackHalf2x16 (packHalf2x16 (v.xy)), unpackHalf2x16 (packHalf2x16 (v.zw)));
#elif defined W_F32
  return w4[(n * p.k + k) >> 2];
#elif defined W_F16
  const uvec2 h = w2[(n * p.k + k) >> 2];
  return vec4 (unpackHalf2x16 (h.x), unpackHalf2x16 (h.y));
#elif defined W_BF16
  const uvec2 h = w2[(n * p.k + k) >> 2];
  return uintBitsToFloat (uvec4 (h.x << 16, h.x & 0xffff0000u, h.y << 16, h.y & 0xffff0000u));
#else
  return vec4 (load_w (n, k), load_w (n, k + 1u), load_w (n, k + 2u), load_w (n, k + 3u));
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
        vec4 b[NC];

        // Rows and columns past the end are computed from the last one, and not stored.
        [[unroll]] for (uint j = 0; j < NC; j++)
          b[j] = load_w4 (min (n0 + j * lanes, p.n - 1u), k);
        [[unroll]] for (uint i = 0; i < MR; i++)
          {
            const vec4 a = load_x4 (min (m0 + i, p.m - 1u), k);

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
          {
            const uint at = m * p.y_pitch + p.n_first + n;
            float v = acc[i][j];

#ifdef X_F16
            v *= x_scale[m];
#endif
            if (p.n_w_scales > 0u)
              v *= w_scale[p.n_w_scales > 1u ? p.n_first + n : 0u];
            if (p.has_bias != 0u)
              v += bias[p.n_first + n];
            if (ADD != 0u)
              v = y_in[at] + (p.has_gate != 0u ? gate[p.n_first + n] : 1.0) * v;
            y[at] = qi_activation (ACT, v);
          }
      }
}
