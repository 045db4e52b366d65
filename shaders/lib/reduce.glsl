// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/reduce.glsl — sums over the workgroup, in a fixed order. Needs GL_KHR_shader_subgroup_arithmetic.

shared float qi_partial[64]; // one a subgroup; 256 lanes of subgroups of 4 are the most

float
qi_workgroup_add (float v)
{
  v = subgroupAdd (v);
  if (gl_NumSubgroups == 1u)
    return v;
  barrier (); // the last use of qi_partial is over
  if (subgroupElect ())
    qi_partial[gl_SubgroupID] = v;
  barrier ();
  v = 0.0;
  for (uint i = 0u; i < gl_NumSubgroups; i++)
    v += qi_partial[i];
  return v;
}
