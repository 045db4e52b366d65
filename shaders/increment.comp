// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// increment.comp — y[i] = x[i] + 1 for i < n. For tests of the stream itself: order, barriers, misaligned ranges.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 1) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushPointwise p; };

void
main ()
{
  const uint i = gl_GlobalInvocationID.x;

  if (i < p.n)
    y[i] = x[i] + 1.0;
}
