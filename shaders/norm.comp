// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// norm.comp — row norms, ROWS a workgroup (a whole number of subgroups), f32 statistics. x, y: [rows, columns].
// KIND_RMS:   y = x / sqrt (mean (x^2) + eps) * a
// KIND_LAYER: y = (x - mean) / sqrt (var + eps) * (1 + b) + a     (a: shift, b: scale)
// KIND_L2:    y = act (x / max (|x|, 1e-12) * sqrt (columns) * a)
// Grid: y over blocks of ROWS rows.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint ROWS = 1;
layout (constant_id = 2) const uint ACT = 0; // QiActivation, KIND_L2

layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 1) readonly buffer A { float a[]; };
layout (set = 0, binding = 2) readonly buffer B { float b[]; };
layout (set = 0, binding = 3) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushNorm p; };

#include "lib/activation.glsl"
#include "lib/reduce.glsl"

void
norm_row (uint row)
{
  const uint lane = gl_LocalInvocationIndex, lanes = gl_WorkGroupSize.x;
  const float n = float (p.columns);
  float sum = 0.0, mean = 0.0;

#ifdef KIND_LAYER
  for (uint c = lane; c < p.columns; c += lanes)
    sum += x[row + c];
  mean = qi_workgroup_add (sum) / n;
  sum = 0.0;
#endif
  for (uint c = lane; c < p.columns; c += lanes)
    {
      const float v = x[row + c] - mean;
      sum = fma (v, v, sum);
    }
  sum = qi_workgroup_add (sum);
#ifdef KIND_L2
  const float factor = sqrt (n) / max (sqrt (sum), 1e-12);
#else
  const float factor = 1.0 / sqrt (sum / n + p.eps);
#endif
  for (uint c = lane; c < p.columns; c += lanes)
    {
      float v = (x[row + c] - mean) * factor;

#ifdef KIND_LAYER
      if (p.has_b != 0u)
        v *= 1.0 + b[c];
      if (p.has_a != 0u)
        v += a[c];
#else
      if (p.has_a != 0u)
        v *= a[c];
#endif
#ifdef KIND_L2
      v = qi_activation (ACT, v);
#endif
      y[row + c] = v;
    }
}

void
main ()
{
  const uint first = gl_WorkGroupID.y * ROWS, end = min (first + ROWS, p.rows);

  for (uint row = first; row < end; row++)
    norm_row (row * p.columns);
}
