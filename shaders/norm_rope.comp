// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// norm_rope.comp — per row and head of d values: RMS norm with weight [d] (where given), then the rotation of d / 2 pairs
// by cos_sin [rows, d / 2, 2] (where given). Pairs are (2k, 2k + 1), or (k, k + d/2) with HALVES.
// One invocation a head. Grid: x over heads, y over rows. x, y: [rows, heads d].
#version 460
#extension GL_GOOGLE_include_directive : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint HALVES = 0;

layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 1) readonly buffer Weight { float weight[]; };
layout (set = 0, binding = 2) readonly buffer CosSin { vec2 cos_sin[]; };
layout (set = 0, binding = 3) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushNormRope p; };

void
main ()
{
  const uint head = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y + p.group_row, half_d = p.d / 2u;

  if (head >= p.heads)
    return;

  const uint at = (row * p.heads + head) * p.d;
  float factor = 1.0;

  if (p.has_weight != 0u)
    {
      float sum = 0.0;

      for (uint i = 0u; i < p.d; i++)
        sum = fma (x[at + i], x[at + i], sum);
      factor = 1.0 / sqrt (sum / float (p.d) + p.eps);
    }
  for (uint k = 0u; k < half_d; k++)
    {
      const uint i = HALVES != 0u ? k : 2u * k, j = HALVES != 0u ? k + half_d : 2u * k + 1u;
      vec2 v = vec2 (x[at + i], x[at + j]) * factor;

      if (p.has_weight != 0u)
        v *= vec2 (weight[i], weight[j]);
      if (p.has_rope != 0u)
        {
          const vec2 r = cos_sin[row * half_d + k];

          v = vec2 (v.x * r.x - v.y * r.y, v.x * r.y + v.y * r.x);
        }
      y[at + i] = v.x;
      y[at + j] = v.y;
    }
}
