// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// shape.comp — moves values: y[i] = x[from (i)], one value an invocation. h, w, c are those of the result for
// KIND_TO_PIXELS, KIND_UP, KIND_DOWN; of the pixels for KIND_TO_PLANES, KIND_PATCHIFY, KIND_UNPATCHIFY; KIND_COLUMNS takes
// columns [first, first + c) of rows of w values.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (set = 0, binding = 0) readonly buffer X { float x[]; };
layout (set = 0, binding = 1) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushShape p; };

void
main ()
{
  const uint i = gl_WorkGroupID.y * p.group_pitch + gl_GlobalInvocationID.x;

  if (i >= p.n || gl_GlobalInvocationID.x >= p.group_pitch)
    return;
#if defined KIND_TO_PIXELS || defined KIND_UNPATCHIFY || defined KIND_UP || defined KIND_DOWN
  const uint ch = i % p.c, px = i / p.c % p.w, py = i / p.c / p.w;
#endif
#if defined KIND_TO_PIXELS
  y[i] = x[(ch * p.h + py) * p.w + px];
#elif defined KIND_TO_PLANES
  y[i] = x[i % (p.h * p.w) * p.c + i / (p.h * p.w)];
#elif defined KIND_PATCHIFY
  const uint k = i % (4u * p.c), token = i / (4u * p.c), tx = token % (p.w / 2u), ty = token / (p.w / 2u);
  y[i] = x[((2u * ty + k % 4u / 2u) * p.w + 2u * tx + k % 2u) * p.c + k / 4u];
#elif defined KIND_UNPATCHIFY
  y[i] = x[((py / 2u) * (p.w / 2u) + px / 2u) * 4u * p.c + 4u * ch + 2u * (py % 2u) + px % 2u];
#elif defined KIND_UP
  y[i] = x[(py / 2u * (p.w / 2u) + px / 2u) * p.c + ch];
#elif defined KIND_DOWN
  const uint at = (2u * py * p.first + 2u * px) * p.c + ch; // first: the width of x
  y[i] = 0.25 * (x[at] + x[at + p.c] + x[at + p.first * p.c] + x[at + (p.first + 1u) * p.c]);
#elif defined KIND_COLUMNS
  y[i] = x[i / p.c * p.w + p.first + i % p.c];
#endif
}
