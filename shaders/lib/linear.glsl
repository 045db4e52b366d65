// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/linear.glsl — what every row of linear shares: operands, and what is done to a sum before it is stored.
// The including shader has push.h, and declares ACT (QiActivation) and ADD (to what y holds, gate times). X_INT8: x, w and their
// scales are its own business.

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

#ifndef X_INT8
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
#endif

// What y holds at row m and column n (from n_first on) in the end: acc is the sum, before what it held (ADD alone).
float
finish_y (uint m, uint n, float acc, float before)
{
  float v = acc;

#ifdef X_F16
  v *= x_scale[m];
#endif
  if (p.n_w_scales > 0u)
    v *= w_scale[p.n_w_scales > 1u ? p.n_first + n : 0u];
  if (p.has_bias != 0u)
    v += bias[p.n_first + n];
  if (ADD != 0u)
    v = before + (p.has_gate != 0u ? gate[p.n_first + n] : 1.0) * v;
  return qi_activation (ACT, v);
}

void
store_y (uint m, uint n, float acc)
{
  const uint at = m * p.y_pitch + p.n_first + n;

  y[at] = finish_y (m, n, acc, ADD != 0u ? y_in[at] : 0.0);
}
