// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// attention_panels.comp — attention.comp for a processor that stands in for a GPU: one subgroup of 4, 8 or 16 lanes on the processor's
// own vectors. The same operands and state; D is a multiple of DEPTH.
// A lane owns query rows, so that k and v are what all lanes share, read where they lie by their addresses, and no row's maximum or sum
// needs another lane. What differs between lanes goes through `work`, panels of ROWS values side by side, picked from there without a
// gather (lib/pick.glsl): queries [D, ROWS], accumulators [D, ROWS], scores of a block [KEYS, ROWS] a workgroup.
// Grid: x over tiles of rows, y over heads.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint D = 16;
layout (constant_id = 2) const uint ROWS = 32;
layout (constant_id = 3) const uint KEYS = 64; // a multiple of DEPTH
layout (constant_id = 4) const uint RANGES = 0; // keys of each row are given
layout (constant_id = 5) const uint LANES = 8; // the workgroup's and the subgroup's

layout (set = 0, binding = 0) readonly buffer K { float k_bound[]; };
layout (set = 0, binding = 1) readonly buffer V { float v_bound[]; };
layout (set = 0, binding = 2) writeonly buffer Work { float work_bound[]; };
layout (set = 0, binding = 3) readonly buffer Q { float q[]; };
layout (set = 0, binding = 4) readonly buffer Ranges { uvec2 ranges[]; };
layout (set = 0, binding = 5) readonly buffer State { float state[]; }; // as attention.comp's
layout (set = 0, binding = 6) writeonly buffer Y { float y[]; };
layout (push_constant) uniform Push { QiPushAttention p; };

#include "lib/attention-keys.glsl"
#include "lib/pick.glsl"

const uint DEPTH = 16u; // values or keys between two looks at a loop, as linear_panels.comp's STEPS
const uint SIDE = 8u;   // keys, then columns, of which a lane has sums at a time
const uint NC = ROWS / LANES;
const uint QUADS = QI_PANEL_ROWS / 4u; // ROWS is as many: strides want a number

struct Sixteen { vec4 v[DEPTH / 4u]; };
struct Eight { vec4 v[SIDE / 4u]; };
struct Panel { vec4 v[DEPTH * QUADS]; };
layout (buffer_reference, std430, buffer_reference_align = 16) readonly buffer KRows { Sixteen s[]; };
layout (buffer_reference, std430, buffer_reference_align = 16) readonly buffer VRows { Eight s[]; };
layout (buffer_reference, std430, buffer_reference_align = 16) readonly buffer Panels { Panel s[]; };
layout (buffer_reference, std430, buffer_reference_align = 4) buffer Values { float f[]; };

// Panels of the workgroup's work; the loops' bodies are walked through once more with all lanes asleep, so that indices are limited.
const uint QUERIES = 0u, SUMS = D / DEPTH, SCORES = 2u * D / DEPTH;

float top[NC], sum[NC], keep[NC];
uint begin[NC], end[NC];

uint
work_at (uint panel)
{
  return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * ((2u * D + KEYS) / DEPTH) + panel;
}

// Where this lane's c-th row has its value `step` of a panel and those behind it.
uint
value_at (uint panel, uint step, uint c)
{
  return (work_at (panel) * DEPTH + step) * ROWS + c * LANES + gl_SubgroupInvocationID;
}

void
put (uint panel, uint step, uint c, float value)
{
  Values (uvec2 (p.work_low, p.work_high)).f[value_at (panel, step, c)] = value;
}

#define PICK(panel, step, c) QI_PICK (Panels (uvec2 (p.work_low, p.work_high)).s[panel].v, (step) * QUADS + (c) * (LANES / 4u))

// What a lane put is there for the others.
void
meet ()
{
  subgroupBarrier ();
}

void
load_tile (uint head)
{
  [[unroll]] for (uint c = 0u; c < NC; c++)
    {
      const uint r = c * LANES + gl_SubgroupInvocationID, at = row_of (r) * p.heads + head;
      const uvec2 keys = keys_of (r);

      for (uint i = 0u; i < D; i++)
        {
          // Through the binding, which says to the stream that `work` is written.
          work_bound[value_at (QUERIES, i, c)] = q[at * D + i] * p.scale * LOG2_E;
          work_bound[value_at (SUMS, i, c)] = p.has_state != 0u ? state[at * (D + 2u) + i] : 0.0;
        }
      top[c] = p.has_state != 0u ? state[at * (D + 2u) + D] : NONE;
      sum[c] = p.has_state != 0u ? state[at * (D + 2u) + D + 1u] : 0.0;
      begin[c] = keys.x;
      end[c] = keys.y;
    }
}

bool
sees (uint c, uint key)
{
  return key >= begin[c] && key < end[c];
}

// Scores of keys [k0, k0 + n), and the maximum so far.
void
scores (uint k0, uint n, uint kv_head)
{
  KRows ks = KRows (uvec2 (p.k_low, p.k_high));

  for (uint j0 = 0u; j0 < n; j0 += SIDE)
    {
      float acc[SIDE][NC];
      uint row[SIDE];

      [[unroll]] for (uint i = 0u; i < SIDE; i++)
        {
          row[i] = (min (k0 + j0 + i, p.n_k - 1u) * p.kv_heads + kv_head) * (D / DEPTH);
          [[unroll]] for (uint c = 0u; c < NC; c++)
            acc[i][c] = 0.0;
        }
      for (uint s = 0u; s < D / DEPTH; s++)
        {
          const uint at = min (s, D / DEPTH - 1u);

          [[unroll]] for (uint step = 0u; step < DEPTH; step += 4u)
            {
              float b[NC][4];

              [[unroll]] for (uint c = 0u; c < NC; c++)
                [[unroll]] for (uint l = 0u; l < 4u; l++)
                  b[c][l] = PICK (work_at (QUERIES) + at, step + l, c);
              [[unroll]] for (uint i = 0u; i < SIDE; i++)
                {
                  const vec4 a = ks.s[row[i] + at].v[step / 4u];

                  [[unroll]] for (uint c = 0u; c < NC; c++)
                    acc[i][c] = fma (a.w, b[c][3], fma (a.z, b[c][2], fma (a.y, b[c][1], fma (a.x, b[c][0], acc[i][c]))));
                }
            }
        }
      [[unroll]] for (uint i = 0u; i < SIDE; i++)
        [[unroll]] for (uint c = 0u; c < NC; c++)
          {
            put (SCORES, j0 + i, c, acc[i][c]);
            top[c] = max (top[c], sees (c, k0 + j0 + i) ? acc[i][c] : NONE);
          }
    }
}

// Scores become exp (score - maximum so far), 0 for keys that a row does not see.
void
softmax (uint k0, uint n)
{
  for (uint j0 = 0u; j0 < n; j0 += 4u)
    {
      const uint at = min (j0, KEYS - 4u);

      [[unroll]] for (uint j = 0u; j < 4u; j++)
        [[unroll]] for (uint c = 0u; c < NC; c++)
          {
            const float score = PICK (work_at (SCORES) + at / DEPTH, at % DEPTH + j, c);
            const float e = sees (c, k0 + j0 + j) ? exp2 (score - top[c]) : 0.0;

            put (SCORES, j0 + j, c, e);
            sum[c] += e;
          }
    }
}

// Accumulators times keep, and the block's keys' share added.
void
accumulate (uint k0, uint n, uint kv_head)
{
  VRows vs = VRows (uvec2 (p.v_low, p.v_high));

  for (uint c0 = 0u; c0 < D; c0 += SIDE)
    {
      const uint column = min (c0, D - SIDE);
      float acc[SIDE][NC];

      [[unroll]] for (uint i = 0u; i < SIDE; i++)
        [[unroll]] for (uint c = 0u; c < NC; c++)
          acc[i][c] = PICK (work_at (SUMS) + column / DEPTH, column % DEPTH + i, c) * keep[c];
      for (uint s = 0u; s < n; s += DEPTH)
        {
          const uint at = min (s, KEYS - DEPTH);

          [[unroll]] for (uint j = 0u; j < DEPTH; j++)
            {
              const uint row = (min (k0 + at + j, p.n_k - 1u) * p.kv_heads + kv_head) * (D / SIDE) + column / SIDE;
              float b[NC];

              [[unroll]] for (uint c = 0u; c < NC; c++)
                b[c] = PICK (work_at (SCORES) + at / DEPTH, j, c);
              [[unroll]] for (uint i = 0u; i < SIDE; i++)
                [[unroll]] for (uint c = 0u; c < NC; c++)
                  acc[i][c] = fma (vs.s[row].v[i / 4u][i % 4u], b[c], acc[i][c]);
            }
        }
      [[unroll]] for (uint i = 0u; i < SIDE; i++)
        [[unroll]] for (uint c = 0u; c < NC; c++)
          put (SUMS, c0 + i, c, acc[i][c]);
    }
}

void
store_tile (uint head)
{
  const uint pitch = p.last != 0u ? D : D + 2u;

  [[unroll]] for (uint c = 0u; c < NC; c++)
    {
      const uint row = gl_WorkGroupID.x * ROWS + c * LANES + gl_SubgroupInvocationID, at = (row * p.heads + head) * pitch;
      const float factor = p.last == 0u ? 1.0 : sum[c] > 0.0 ? 1.0 / sum[c] : 0.0;

      for (uint i0 = 0u; i0 < D; i0++)
        {
          const uint i = min (i0, D - 1u);
          const float value = PICK (work_at (SUMS) + i / DEPTH, i % DEPTH, c);

          if (row < p.n_q)
            y[at + i] = value * factor;
        }
      if (p.last == 0u && row < p.n_q)
        {
          y[at + D] = top[c];
          y[at + D + 1u] = sum[c];
        }
    }
}

void
main ()
{
  const uint head = gl_WorkGroupID.y + p.head_first;
  const uint kv_head = head / p.group;
  uint first = 0xffffffffu, past = 0u;

  load_tile (head);
  [[unroll]] for (uint c = 0u; c < NC; c++)
    if (begin[c] < end[c])
      {
        first = min (first, begin[c]);
        past = max (past, end[c]);
      }
  first = subgroupMin (first);
  past = subgroupMax (past);
  for (uint k0 = first / KEYS * KEYS; k0 < past; k0 += KEYS)
    {
      const uint n = (min (KEYS, past - k0) + DEPTH - 1u) / DEPTH * DEPTH;
      float before[NC];

      [[unroll]] for (uint c = 0u; c < NC; c++)
        before[c] = top[c];
      meet ();
      scores (k0, n, kv_head);
      meet ();
      [[unroll]] for (uint c = 0u; c < NC; c++)
        {
          keep[c] = exp2 (before[c] - top[c]);
          sum[c] *= keep[c];
        }
      softmax (k0, n);
      meet ();
      accumulate (k0, n, kv_head);
    }
  meet ();
  store_tile (head);
}
