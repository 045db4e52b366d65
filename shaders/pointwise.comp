// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// pointwise.comp — one value per invocation; x, z, y: f32 [n], mul, add, gate: f32 [columns], c = i mod columns.
//   OP_ACTIVATE   y = act (x)
//   OP_SWIGLU     y = silu (x) z
//   OP_AXPBY      y = a x + b z, or a x
//   OP_CLAMP      y = min (max (x, a), b)
//   OP_AFFINE     y = x (mul[c] + a) + add[c]; a mul that is not there counts 1 - a, an add 0
//   OP_ADD_GATED  y = z + gate[c] x; z is y, bound a second time for reading
// Grid: workgroups in x, then in y.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (set = 0, binding = 0) readonly buffer X { float x[]; };
#if defined OP_SWIGLU || defined OP_AXPBY
layout (set = 0, binding = 1) readonly buffer Z { float z[]; };
layout (set = 0, binding = 2) writeonly buffer Y { float y[]; };
#elif defined OP_AFFINE
layout (set = 0, binding = 1) readonly buffer Mul { float mul[]; };
layout (set = 0, binding = 2) readonly buffer Add { float add[]; };
layout (set = 0, binding = 3) writeonly buffer Y { float y[]; };
#elif defined OP_ADD_GATED
layout (set = 0, binding = 1) readonly buffer Gate { float gate[]; };
layout (set = 0, binding = 2) readonly buffer Z { float z[]; };
layout (set = 0, binding = 3) writeonly buffer Y { float y[]; };
#else
layout (set = 0, binding = 1) writeonly buffer Y { float y[]; };
#endif
#ifndef OP_CLAMP
layout (constant_id = 1) const uint FLAGS = 0; // OP_ACTIVATE: QiActivation; else bit i: binding 1 + i is there
#endif
layout (push_constant) uniform Push { QiPushPointwise p; };

#include "lib/activation.glsl"

void
main ()
{
  const uint i = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;

  if (i >= p.n)
    return;
#if defined OP_ACTIVATE
  y[i] = qi_activation (FLAGS, x[i]);
#elif defined OP_SWIGLU
  y[i] = qi_silu (x[i]) * z[i];
#elif defined OP_AXPBY
  y[i] = (FLAGS & 1u) != 0u ? p.a * x[i] + p.b * z[i] : p.a * x[i];
#elif defined OP_CLAMP
  y[i] = min (max (x[i], p.a), p.b);
#elif defined OP_AFFINE
  const uint c = i % p.columns;
  float v = x[i];

  if ((FLAGS & 1u) != 0u)
    v *= mul[c] + p.a;
  if ((FLAGS & 2u) != 0u)
    v += add[c];
  y[i] = v;
#elif defined OP_ADD_GATED
  y[i] = z[i] + ((FLAGS & 1u) != 0u ? gate[i % p.columns] * x[i] : x[i]);
#endif
}
