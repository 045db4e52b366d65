// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// decode.comp — y[r, c] = element c of row ids[r] (or r) of w, in f32. w: [n, d], any weight type; y: f32 [rows, d].
// Grid: x over columns, y over rows. PANELS: y: [rows / 32, d, 32], the last row over again where rows end; x over a panel's values, y over
// panels. With Y_F16: rounded to f16, y: [rows, pitch], pitch even, zeros past d, x over pairs of columns.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#include "push.h"

layout (local_size_x_id = 0) in;
#ifndef Y_F16
layout (constant_id = 1) const uint PANELS = 0;
#endif
layout (set = 0, binding = 0) readonly buffer W { uint16_t w[]; };
layout (set = 0, binding = 1) readonly buffer Ids { uint ids[]; };
layout (set = 0, binding = 2) writeonly buffer Y { uint y[]; };
layout (push_constant) uniform Push { QiPushDecode p; };

#include "lib/dtype.glsl"

#ifdef Y_F16
void
main ()
{
  const uint c = gl_GlobalInvocationID.x * 2u;
  const uint r = gl_WorkGroupID.y + p.group_row;

  if (c >= p.pitch || r >= p.rows)
    return;
  y[(r * p.pitch + c) >> 1] = packHalf2x16 (vec2 (c < p.columns ? qi_element (r * p.row_bytes, c) : 0.0,
                                                  c + 1u < p.columns ? qi_element (r * p.row_bytes, c + 1u) : 0.0));
}
#else
void
decode_panels ()
{
  const uint at = gl_GlobalInvocationID.x, c = at / QI_PANEL_ROWS, panel = gl_WorkGroupID.y;
  const uint r = min (panel * QI_PANEL_ROWS + at % QI_PANEL_ROWS, p.rows - 1u);

  if (c < p.columns)
    y[panel * p.columns * QI_PANEL_ROWS + at] = floatBitsToUint (qi_element (r * p.row_bytes, c));
}

void
main ()
{
  const uint c = gl_GlobalInvocationID.x;
  const uint r = gl_WorkGroupID.y + p.group_row;

  if (PANELS != 0u)
    {
      decode_panels ();
      return;
    }
  if (c >= p.columns || r >= p.rows)
    return;
  const uint row = p.has_ids != 0u ? ids[r] : r;
  // As bits: a store of a float may flush subnormals.
  y[r * p.columns + c] = floatBitsToUint (qi_element (row * p.row_bytes, c));
}
#endif
