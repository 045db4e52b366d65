// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// guide.comp — true CFG, row by row: c = u + a (p - u); y = c |p| / |c| with RESCALE and |c| > 0, else c.
// x (the conditional prediction), u, y: f32 [rows, columns]. Grid: one workgroup a row, in x, then in y.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint RESCALE = 0;
layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 1) readonly buffer U { float u[]; };
layout (set = 0, binding = 2) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushPointwise p; };

shared vec2 partial[gl_WorkGroupSize.x];

float
guided (uint at)
{
  return u[at] + p.a * (x[at] - u[at]);
}

void
main ()
{
  const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, lane = gl_LocalInvocationIndex;
  const uint first = row * p.columns;
  float scale = 1.0;

  if (first >= p.n) // the same for the whole workgroup
    return;
  if (RESCALE != 0u)
    {
      vec2 sum = vec2 (0.0); // of p^2 and c^2

      for (uint c = lane; c < p.columns; c += gl_WorkGroupSize.x)
        {
          const vec2 v = vec2 (x[first + c], guided (first + c));
          sum += v * v;
        }
      partial[lane] = sum;
      barrier ();
      sum = vec2 (0.0);
      for (uint i = 0u; i < gl_WorkGroupSize.x; i++)
        sum += partial[i];
      if (sum.y > 0.0)
        scale = sqrt (sum.x) / sqrt (sum.y);
    }
  for (uint c = lane; c < p.columns; c += gl_WorkGroupSize.x)
    y[first + c] = scale * guided (first + c);
}
