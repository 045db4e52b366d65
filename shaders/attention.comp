// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// attention.comp — flash attention, f32: y[i, h] = sum_j softmax_j (scale q[i, h] . k[j, h']) v[j, h'], h' = h / group.
// q, y: [n_q, heads D]; k, v: [n_k, kv_heads D]; D is a specialisation constant.
// Each lane owns ROWS query rows: running maximum, sum and D accumulators of each. k and v are the same for all lanes of a
// workgroup, so nothing crosses lanes, and each value loaded serves ROWS rows. Keys go by blocks of KEYS: one rescale of
// the accumulators a block. Heads are read by fours (WIDE), or one by one where D is no multiple of 4.
// Grid: x over blocks of lanes * ROWS query rows, y over heads.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint D = 4;
layout (constant_id = 2) const uint KEYS = 4;
layout (constant_id = 3) const uint RANGES = 0; // keys of each row are given
layout (constant_id = 4) const uint ROWS = 1;
layout (constant_id = 5) const uint WIDE = 0;
layout (constant_id = 6) const uint D4 = 1;     // D / 4 rounded up

layout (set = 0, binding = 0) readonly buffer Q { float q[]; };
layout (set = 0, binding = 1) readonly buffer K { float k[]; };
layout (set = 0, binding = 1) readonly buffer K4 { vec4 k4[]; };
layout (set = 0, binding = 2) readonly buffer V { float v[]; };
layout (set = 0, binding = 2) readonly buffer V4 { vec4 v4[]; };
layout (set = 0, binding = 3) readonly buffer Ranges { uvec2 ranges[]; };
layout (set = 0, binding = 4) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushAttention p; };

const float NONE = -3.0e38;

vec4
load_k (uint at, uint c)
{
  if (WIDE != 0u)
    return k4[(at >> 2) + c];
  return vec4 (k[at + 4u * c], 4u * c + 1u < D ? k[at + 4u * c + 1u] : 0.0, 4u * c + 2u < D ? k[at + 4u * c + 2u] : 0.0,
               4u * c + 3u < D ? k[at + 4u * c + 3u] : 0.0);
}

vec4
load_v (uint at, uint c)
{
  if (WIDE != 0u)
    return v4[(at >> 2) + c];
  return vec4 (v[at + 4u * c], 4u * c + 1u < D ? v[at + 4u * c + 1u] : 0.0, 4u * c + 2u < D ? v[at + 4u * c + 2u] : 0.0,
               4u * c + 3u < D ? v[at + 4u * c + 3u] : 0.0);
}

void
main ()
{
  const uint row0 = gl_WorkGroupID.x * gl_WorkGroupSize.x * ROWS + gl_LocalInvocationIndex, head = gl_WorkGroupID.y;
  const uint kv_row = p.kv_heads * D, kv_at = head / p.group * D;
  uvec2 mine[ROWS], all = uvec2 (p.n_k, 0u);
  vec4 acc[ROWS][D4], query[ROWS][D4];
  float top[ROWS], sum[ROWS];

  [[unroll]] for (uint r = 0u; r < ROWS; r++)
    {
      const uint row = min (row0 + r * gl_WorkGroupSize.x, p.n_q - 1u), at = (row * p.heads + head) * D;

      mine[r] = uvec2 (0u, p.causal != 0u ? min (row + p.first_q + p.n_k - p.all_q + 1u, p.n_k) : p.n_k);
      if (RANGES != 0u)
        mine[r] = uvec2 (ranges[row].x, min (ranges[row].y, mine[r].y));
      all = uvec2 (min (all.x, mine[r].x), max (all.y, mine[r].y));
      top[r] = NONE;
      sum[r] = 0.0;
      for (uint c = 0u; c < D4; c++)
        {
          acc[r][c] = vec4 (0.0);
          query[r][c] = p.scale * vec4 (q[at + 4u * c], 4u * c + 1u < D ? q[at + 4u * c + 1u] : 0.0,
                                        4u * c + 2u < D ? q[at + 4u * c + 2u] : 0.0, 4u * c + 3u < D ? q[at + 4u * c + 3u] : 0.0);
        }
    }
  for (uint j0 = all.x / KEYS * KEYS; j0 < all.y; j0 += KEYS)
    {
      uint at[KEYS];
      float score[ROWS][KEYS], keep[ROWS];

      [[unroll]] for (uint b = 0u; b < KEYS; b++)
        {
          at[b] = min (j0 + b, p.n_k - 1u) * kv_row + kv_at;
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            score[r][b] = 0.0;
        }
      for (uint c = 0u; c < D4; c++)
        [[unroll]] for (uint b = 0u; b < KEYS; b++)
          {
            const vec4 key = load_k (at[b], c);

            [[unroll]] for (uint r = 0u; r < ROWS; r++)
              {
                const vec4 a = query[r][c];

                score[r][b] = fma (a.w, key.w, fma (a.z, key.z, fma (a.y, key.y, fma (a.x, key.x, score[r][b]))));
              }
          }
      [[unroll]] for (uint r = 0u; r < ROWS; r++)
        {
          float best = top[r];

          [[unroll]] for (uint b = 0u; b < KEYS; b++)
            {
              if (j0 + b < mine[r].x || j0 + b >= mine[r].y)
                score[r][b] = NONE;
              best = max (best, score[r][b]);
            }
          keep[r] = exp (top[r] - best);
          top[r] = best;
          sum[r] *= keep[r];
          [[unroll]] for (uint b = 0u; b < KEYS; b++)
            {
              score[r][b] = score[r][b] > NONE ? exp (score[r][b] - best) : 0.0;
              sum[r] += score[r][b];
            }
        }
      for (uint c = 0u; c < D4; c++)
        {
          vec4 a[ROWS];

          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            a[r] = acc[r][c] * keep[r];
          [[unroll]] for (uint b = 0u; b < KEYS; b++)
            {
              const vec4 value = load_v (at[b], c);

              [[unroll]] for (uint r = 0u; r < ROWS; r++)
                a[r] = fma (vec4 (score[r][b]), value, a[r]);
            }
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            acc[r][c] = a[r];
        }
    }
  [[unroll]] for (uint r = 0u; r < ROWS; r++)
    {
      const uint row = row0 + r * gl_WorkGroupSize.x;

      if (row < p.n_q)
        for (uint c = 0u; c < D; c++)
          y[(row * p.heads + head) * D + c] = sum[r] > 0.0 ? acc[r][c / 4u][c % 4u] / sum[r] : 0.0;
    }
}
