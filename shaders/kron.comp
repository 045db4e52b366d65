// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// kron.comp — y[m, i p + k] = act (y[m, i p + k] + gate[i p + k] sum_j mix[i, j] z[m, j, k]), p = width.
// z: f32 [m, blocks_in, width]; mix: f32 [blocks_out, blocks_in]; y: f32 [m, blocks_out width], bound a second time for
// reading. Grid: x over the columns of y, y over rows.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint ACT = 0; // QiActivation
layout (set = 0, binding = 0) readonly buffer Z { float z[]; };
layout (set = 0, binding = 1) readonly buffer Mix { float mixing[]; };
layout (set = 0, binding = 2) readonly buffer Gate { float gate[]; };
layout (set = 0, binding = 3) readonly buffer YIn { float y_in[]; };
layout (set = 0, binding = 4) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushKron p; };

#include "lib/activation.glsl"

void
main ()
{
  const uint column = gl_GlobalInvocationID.x, m = gl_WorkGroupID.y, n = p.blocks_out * p.width;
  const uint i = column / p.width, k = column % p.width;
  float sum = 0.0;

  if (column >= n)
    return;
  for (uint j = 0; j < p.blocks_in; j++)
    sum = fma (mixing[i * p.blocks_in + j], z[(m * p.blocks_in + j) * p.width + k], sum);
  y[m * n + column] = qi_activation (ACT, y_in[m * n + column] + (p.has_gate != 0u ? gate[column] : 1.0) * sum);
}
