// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/pick.glsl — QI_PICK (quads, at): of LANES neighbouring values, quads[at] and on, the one with the lane's number. The
// including shader has LANES (4, 8 or 16, one subgroup).
// Written as a tree of choices by bits of the lane between values that all lanes share: a processor's compiler, to which the
// lanes' numbers are constants, makes one load of it.

float
qi_pick (vec4 v)
{
  const vec2 half_v = (gl_SubgroupInvocationID & 2u) != 0u ? v.zw : v.xy;

  return (gl_SubgroupInvocationID & 1u) != 0u ? half_v.y : half_v.x;
}

vec4
qi_pick_quad (vec4 a, vec4 b, uint bit)
{
  return (gl_SubgroupInvocationID & bit) != 0u ? b : a;
}

#define QI_PICK(quads, at)                                                                                                    \
  qi_pick (LANES == 4u   ? quads[at]                                                                                         \
           : LANES == 8u ? qi_pick_quad (quads[at], quads[(at) + 1u], 4u)                                                     \
                         : qi_pick_quad (qi_pick_quad (quads[at], quads[(at) + 1u], 4u),                                      \
                                         qi_pick_quad (quads[(at) + 2u], quads[(at) + 3u], 4u), 8u))
