// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// pack_int8.comp — y[r, c] scale[r, c / 32] = w[r, c] in whole numbers of 8 bits, a scale to 32 of them. Q8_0 and Q4_0 are that
// already and keep every bit; of other types the largest magnitude of the 32 becomes 127, and the rest is rounded.
// w: [rows, columns], any weight type; y: words of four [rows, blocks * 8], zeros past columns; scale: f32 [rows, blocks].
// Grid: x over blocks of 32, y over rows.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (set = 0, binding = 0) readonly buffer W { uint16_t w[]; };
layout (set = 0, binding = 1) writeonly buffer Scale { float scale[]; };
layout (set = 0, binding = 2) writeonly buffer Y { uint y[]; };
layout (push_constant) uniform Push { QiPushPackInt8 p; };

#include "lib/dtype.glsl"

#if defined W_Q8_0 || defined W_Q4_0
void
pack (uint row, uint block, uint out_at)
{
#ifdef W_Q8_0
  const uint b = row + block * 34u;
#else
  const uint b = row + block * 18u;
#endif

  for (uint i = 0u; i < 8u; i++)
    {
      uint word = 0u;

      for (uint j = 0u; j < 4u; j++)
        {
          const uint e = i * 4u + j;
#ifdef W_Q8_0
          const uint q = QI_BYTE (b + 2u + e);
#else
          const uint q = (QI_BYTE (b + 2u + e % 16u) >> 4u * (e / 16u) & 15u) - 8u & 255u;
#endif
          word |= q << 8u * j;
        }
      y[out_at * 8u + i] = word;
    }
  scale[out_at] = qi_half (QI_U16 (b));
}
#else
void
pack (uint row, uint block, uint out_at)
{
  const uint first = block * 32u, n = min (p.columns - first, 32u);
  float v[32], top = 0.0;

  for (uint e = 0u; e < 32u; e++)
    {
      v[e] = e < n ? qi_element (row, first + e) : 0.0;
      // What is no number stays in the scale, and so in every sum.
      if (top == top && !(abs (v[e]) <= top))
        top = abs (v[e]);
    }
  const float unit = top / 127.0;

  for (uint i = 0u; i < 8u; i++)
    {
      uint word = 0u;

      for (uint j = 0u; j < 4u; j++)
        {
          const int q = top > 0.0 ? int (roundEven (clamp (v[i * 4u + j] / top * 127.0, -127.0, 127.0))) : 0;

          word |= (uint (q) & 255u) << 8u * j;
        }
      y[out_at * 8u + i] = word;
    }
  scale[out_at] = unit;
}
#endif

void
main ()
{
  const uint block = gl_GlobalInvocationID.x, r = gl_WorkGroupID.y;
  const uint blocks = (p.columns + 31u) / 32u;

  if (block < blocks && r < p.rows)
    pack (r * p.row_bytes, block, r * blocks + block);
}
