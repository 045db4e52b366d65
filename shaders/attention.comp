// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// attention.comp — flash attention, f32: y[i, h] = sum_j softmax_j (scale q[i, h] . k[j, h']) v[j, h'], h' = h / group.
// q, y: [n_q, heads D]; k, v: [n_k, kv_heads D]; D is a specialisation constant.
// Each lane owns one query row: its running maximum, sum and D accumulators. k and v are the same for all
// lanes of a workgroup, so nothing crosses lanes. Keys go by blocks of KEYS: one rescale of the accumulators a block.
// Grid: x over blocks of query rows, y over heads.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint D = 4;
layout (constant_id = 2) const uint KEYS = 4;
layout (constant_id = 3) const uint RANGES = 0; // keys of each row are given

layout (set = 0, binding = 0) readonly buffer Q { float q[]; };
layout (set = 0, binding = 1) readonly buffer K { float k[]; };
layout (set = 0, binding = 2) readonly buffer V { float v[]; };
layout (set = 0, binding = 3) readonly buffer Ranges { uvec2 ranges[]; };
layout (set = 0, binding = 4) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushAttention p; };

void
main ()
{
  const uint row = min (gl_GlobalInvocationID.x, p.n_q - 1u), head = gl_WorkGroupID.y;
  const uint q_at = (row * p.heads + head) * D, kv_row = p.kv_heads * D, kv_at = head / p.group * D;
  uvec2 mine = uvec2 (0u, p.causal != 0u ? min (row + p.first_q + p.n_k - p.all_q + 1u, p.n_k) : p.n_k);
  float acc[D], query[D];
  float top = -3.0e38, sum = 0.0;

  if (RANGES != 0u)
    mine = uvec2 (max (ranges[row].x, mine.x), min (ranges[row].y, mine.y));
  for (uint c = 0u; c < D; c++)
    {
      acc[c] = 0.0;
      query[c] = q[q_at + c] * p.scale;
    }
  for (uint j0 = mine.x / KEYS * KEYS; j0 < mine.y; j0 += KEYS)
    {
      float score[KEYS];
      float block_top = top;

      [[unroll]] for (uint b = 0u; b < KEYS; b++)
        score[b] = 0.0;
      for (uint c = 0u; c < D; c++)
        [[unroll]] for (uint b = 0u; b < KEYS; b++)
          score[b] = fma (query[c], k[min (j0 + b, p.n_k - 1u) * kv_row + kv_at + c], score[b]);
      [[unroll]] for (uint b = 0u; b < KEYS; b++)
        {
          if (j0 + b < mine.x || j0 + b >= mine.y)
            score[b] = -3.0e38;
          block_top = max (block_top, score[b]);
        }

      const float keep = exp (top - block_top);

      top = block_top;
      sum *= keep;
      [[unroll]] for (uint b = 0u; b < KEYS; b++)
        {
          score[b] = score[b] > -3.0e38 ? exp (score[b] - top) : 0.0;
          sum += score[b];
        }
      for (uint c = 0u; c < D; c++)
        {
          float a = acc[c] * keep;

          [[unroll]] for (uint b = 0u; b < KEYS; b++)
            a = fma (score[b], v[min (j0 + b, p.n_k - 1u) * kv_row + kv_at + c], a);
          acc[c] = a;
        }
    }
  if (gl_GlobalInvocationID.x < p.n_q)
    for (uint c = 0u; c < D; c++)
      y[q_at + c] = sum > 0.0 ? acc[c] / sum : 0.0;
}
