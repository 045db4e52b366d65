// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// conv2d.comp — 3x3 convolution, channels last: y[oy, ox, o] = bias[o] + sum w[o, ky, kx, c] x[iy, ix, c] (+ residual).
// MODE 0: iy = oy + ky - 1, zeros outside; 1: iy = 2 oy + ky, zeros right and below; 2: as 0 on x repeated 2x2.
// x: f32, rows [x_first, …) of [h, w, c_in]; w: f32, f16 or bf16 [c_out, 3, 3, c_in]; y: f32 rows [y_first, …) of [oh, ow, c_out].
// Each lane owns NC output channels of MP pixels, counted row after row; x is the same for all lanes. Sums run in the
// order of w, whatever the tile. Grid: x over blocks of LANES * NC channels, y over blocks of MP pixels.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint MP = 1;
layout (constant_id = 2) const uint NC = 1;
layout (constant_id = 3) const uint WIDE = 0; // c_in is a multiple of 4
layout (constant_id = 4) const uint MODE = 0;

layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout (set = 0, binding = 1) readonly buffer W { uint16_t w[]; };
layout (set = 0, binding = 1) readonly buffer W2 { uvec2 w2[]; };
layout (set = 0, binding = 1) readonly buffer W4 { vec4 w4[]; };
layout (set = 0, binding = 2) readonly buffer Bias { float bias[]; };
layout (set = 0, binding = 3) readonly buffer Residual { float residual[]; };
layout (set = 0, binding = 4) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushConv p; };

#include "lib/dtype.glsl"

float
load_w (uint at)
{
#ifdef W_F32
  return qi_element (at * 4u, 0u);
#else
  return qi_element (at * 2u, 0u);
#endif
}

vec4
load_w4 (uint at)
{
#if defined W_F32
  return w4[at >> 2];
#elif defined W_F16
  const uvec2 h = w2[at >> 2];
  return vec4 (unpackHalf2x16 (h.x), unpackHalf2x16 (h.y));
#else
  const uvec2 h = w2[at >> 2];
  return uintBitsToFloat (uvec4 (h.x << 16, h.x & 0xffff0000u, h.y << 16, h.y & 0xffff0000u));
#endif
}

// First value of the pixel that tap (ky, kx) of output (oy, ox) reads; inside tells whether there is one.
uint
pixel (uint oy, uint ox, uint ky, uint kx, out bool inside)
{
  const int grown = MODE == 2u ? 2 : 1;
  ivec2 at = ivec2 (ox + kx, oy + ky);

  if (MODE == 1u)
    at += ivec2 (ox, oy);
  else
    at -= 1;
  inside = at.x >= 0 && at.y >= 0 && at.x < int (p.w) * grown && at.y < int (p.h) * grown;
  at /= grown;
  return inside ? ((uint (at.y) - p.x_first) * p.w + uint (at.x)) * p.c_in : 0u;
}

void
main ()
{
  const uint lanes = gl_WorkGroupSize.x;
  const uint o0 = gl_WorkGroupID.x * lanes * NC + gl_LocalInvocationIndex, px0 = gl_WorkGroupID.y * MP;
  uvec2 at_out[MP]; // (column, row) of each pixel
  float acc[MP][NC];

  at_out[0] = uvec2 (px0 % p.ow, px0 / p.ow + p.y_first);
  [[unroll]] for (uint i = 1; i < MP; i++)
    at_out[i] = at_out[i - 1u].x + 1u < p.ow ? at_out[i - 1u] + uvec2 (1u, 0u) : uvec2 (0u, at_out[i - 1u].y + 1u);
  [[unroll]] for (uint i = 0; i < MP; i++)
    [[unroll]] for (uint j = 0; j < NC; j++)
      acc[i][j] = 0.0;

  for (uint tap = 0u; tap < 9u; tap++)
    {
      uint at[MP], at_w[NC];
      float use[MP];

      [[unroll]] for (uint j = 0; j < NC; j++)
        at_w[j] = (min (o0 + j * lanes, p.c_out - 1u) * 9u + tap) * p.c_in;
      [[unroll]] for (uint i = 0; i < MP; i++)
        {
          bool inside;

          at[i] = pixel (at_out[i].y, at_out[i].x, tap / 3u, tap % 3u, inside);
          inside = inside && px0 + i < p.n;
          at[i] = inside ? at[i] : 0u;
          use[i] = inside ? 1.0 : 0.0;
        }
      if (WIDE != 0u)
        for (uint c = 0u; c < p.c_in; c += 4u)
          {
            vec4 b[NC];

            [[unroll]] for (uint j = 0; j < NC; j++)
              b[j] = load_w4 (at_w[j] + c);
            [[unroll]] for (uint i = 0; i < MP; i++)
              {
                const vec4 a = use[i] * x4[(at[i] + c) >> 2];

                [[unroll]] for (uint j = 0; j < NC; j++)
                  acc[i][j] = fma (a.w, b[j].w, fma (a.z, b[j].z, fma (a.y, b[j].y, fma (a.x, b[j].x, acc[i][j]))));
              }
          }
      else
        for (uint c = 0u; c < p.c_in; c++)
          {
            float b[NC];

            [[unroll]] for (uint j = 0; j < NC; j++)
              b[j] = load_w (at_w[j] + c);
            [[unroll]] for (uint i = 0; i < MP; i++)
              {
                const float a = use[i] * x[at[i] + c];

                [[unroll]] for (uint j = 0; j < NC; j++)
                  acc[i][j] = fma (a, b[j], acc[i][j]);
              }
          }
    }
  [[unroll]] for (uint i = 0; i < MP; i++)
    [[unroll]] for (uint j = 0; j < NC; j++)
      {
        const uint o = o0 + j * lanes, to = (px0 + i) * p.c_out + o;

        if (px0 + i < p.n && o < p.c_out)
          y[to] = acc[i][j] + (p.has_bias != 0u ? bias[o] : 0.0) + (p.has_residual != 0u ? residual[to] : 0.0);
      }
}
