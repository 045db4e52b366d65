// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// linear_panels.comp — linear.comp's product for a processor that stands in for a GPU: one subgroup of 4, 8 or 16 lanes on the
// processor's own vectors. x: [m, k] f32; w: f32, panels of 32 rows, [n / 32, k, 32] (decode.comp). k is a multiple of 16.
// Such a device gathers whatever differs between lanes value by value, but a vector that is put together, by masks known to its
// compiler, from neighbouring values which all lanes share becomes one plain load: hence `pick`, and the panels. Nothing is checked
// against the end of a buffer, since both operands go by their addresses.
// Grid: x over blocks of MR rows, y over panels. Sums run along k in order, as linear.comp's do: to the bit the same.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_KHR_shader_subgroup_basic : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint LANES = 8; // the workgroup's and the subgroup's
layout (constant_id = 2) const uint MR = 1;
layout (constant_id = 3) const uint ACT = 0; // QiActivation
layout (constant_id = 4) const uint ADD = 0; // to what y holds, gate times

#include "lib/linear.glsl"
#include "lib/pick.glsl"

const uint STEPS = 16u; // of k between two looks at the loop: the masks of lanes that still run cost a blend a sum each time
const uint NC = QI_PANEL_ROWS / LANES;
const uint QUADS = QI_PANEL_ROWS / 4u;

struct XSteps { vec4 v[STEPS / 4u]; };
struct WSteps { vec4 v[STEPS * QUADS]; };
layout (buffer_reference, std430, buffer_reference_align = 16) readonly buffer XRows { XSteps s[]; };
layout (buffer_reference, std430, buffer_reference_align = 16) readonly buffer WPanels { WSteps s[]; };

void
main ()
{
  const uint n0 = gl_WorkGroupID.y * QI_PANEL_ROWS + gl_SubgroupInvocationID;
  const uint m0 = gl_WorkGroupID.x * MR;
  const uint steps = p.k / STEPS, panel = gl_WorkGroupID.y * steps;
  XRows xs = XRows (uvec2 (p.x_low, p.x_high));
  WPanels ws = WPanels (uvec2 (p.w_low, p.w_high));
  float acc[MR][NC];
  uint row[MR];

  // Rows past the end are computed from the last one, and not stored.
  [[unroll]] for (uint i = 0; i < MR; i++)
    {
      row[i] = min (m0 + i, p.m - 1u) * steps;
      [[unroll]] for (uint j = 0; j < NC; j++)
        acc[i][j] = 0.0;
    }
  for (uint s = 0; s < steps; s++)
    {
      const uint at = min (s, steps - 1u); // the body is walked through once more with all lanes asleep

      [[unroll]] for (uint q = 0; q < STEPS; q += 4u)
        {
          float b[NC][4];

          [[unroll]] for (uint j = 0; j < NC; j++)
            [[unroll]] for (uint k = 0; k < 4u; k++)
              {
                const uint v = (q + k) * QUADS + j * (LANES / 4u);

                b[j][k] = QI_PICK (ws.s[panel + at].v, v);
              }
          [[unroll]] for (uint i = 0; i < MR; i++)
            {
              const vec4 a = xs.s[row[i] + at].v[q / 4u];

              [[unroll]] for (uint j = 0; j < NC; j++)
                acc[i][j] = fma (a.w, b[j][3], fma (a.z, b[j][2], fma (a.y, b[j][1], fma (a.x, b[j][0], acc[i][j]))));
            }
        }
    }

  [[unroll]] for (uint i = 0; i < MR; i++)
    [[unroll]] for (uint j = 0; j < NC; j++)
      {
        const uint m = m0 + i, n = n0 + j * LANES;

        if (m < p.m && n < p.n)
          store_y (m, n, acc[i][j]);
      }
}
