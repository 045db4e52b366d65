// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// pack_rows.comp — y[r] = f16 (x[r] / scale[r]), scale[r] the power of two that brings the row's largest magnitude into
// [2^13, 2^14): no overflow by construction. x: f32 [rows, columns]; y: f16 [rows, pitch], zeros past columns; pitch is even.
// Grid: y over rows; one subgroup a row.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 1) writeonly buffer Scale { float scale[]; };
layout (set = 0, binding = 2) writeonly buffer Y { uint y[]; };
layout (push_constant) uniform Push { QiPushPackRows p; };

void
main ()
{
  const uint r = gl_WorkGroupID.y + p.group_row;
  float top = 0.0;

  for (uint c = gl_LocalInvocationIndex; c < p.columns; c += gl_WorkGroupSize.x)
    top = max (top, abs (x[r * p.columns + c]));
  top = subgroupMax (top);
  // The exponent's bits give the power of two at or below top.
  const float power = uintBitsToFloat (clamp (floatBitsToUint (top) & 0x7f800000u, 0x10000000u, 0x7d000000u));
  const float s = top > 0.0 ? power / 8192.0 : 1.0;

  if (gl_LocalInvocationIndex == 0u)
    scale[r] = s;
  for (uint c = gl_LocalInvocationIndex * 2u; c < p.pitch; c += gl_WorkGroupSize.x * 2u)
    y[(r * p.pitch + c) >> 1] = packHalf2x16 (vec2 (c < p.columns ? x[r * p.columns + c] / s : 0.0,
                                                    c + 1u < p.columns ? x[r * p.columns + c + 1u] / s : 0.0));
}
