// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// attention.comp — flash attention, f32: y[i, h] = sum_j softmax_j (scale q[i, h] . k[j, h']) v[j, h'], h' = h / group.
// q, y: [n_q, heads D]; k, v: [n_k, kv_heads D] rows [key_first, …) of all keys. A workgroup owns ROWS query rows of a head.
// Keys go by blocks of KEYS. Scores: a lane owns NK keys, all rows; softmax: a lane owns a row; p v: a lane owns NC
// columns, all rows. So a value loaded by a lane serves ROWS products, and nothing is summed across lanes.
// More keys than one binding holds come in several dispatches: `state` hands maximum, sum and accumulators on.
// Grid: x over tiles of rows, y over heads. Shared memory: about ROWS (2 D + KEYS) floats.
// With MATRIX both products are made on matrix units, of operands rounded to f16 (lib/attention-matrix.glsl): q, k, v are then f16,
// [rows, heads, PACKED], zeros past D, each of these rows with a scale of its own.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef MATRIX
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#endif
#include "push.h"

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint D = 8;
layout (constant_id = 2) const uint ROWS = 1;
layout (constant_id = 3) const uint KEYS = 8; // a multiple of LANES * NK and of STEP
layout (constant_id = 4) const uint RANGES = 0; // keys of each row are given
#ifdef MATRIX
layout (constant_id = 5) const uint MM = 8; // products of [MM, MK] and [MK, MN]; ROWS and KEYS are whole ones
layout (constant_id = 6) const uint MN = 8;
layout (constant_id = 7) const uint MK = 8;
layout (constant_id = 8) const uint O_PITCH = 8; // D, rounded up to whole products either way

layout (set = 0, binding = 0) readonly buffer Q { uvec2 q[]; };
layout (set = 0, binding = 1) readonly buffer K { uvec2 k[]; };
layout (set = 0, binding = 2) readonly buffer V { uvec2 v[]; };
layout (set = 0, binding = 6) readonly buffer QScale { float q_scale[]; };
layout (set = 0, binding = 7) readonly buffer KScale { float k_scale[]; };
layout (set = 0, binding = 8) readonly buffer VScale { float v_scale[]; };
#else
layout (constant_id = 5) const uint NK = 1;
layout (constant_id = 6) const uint NC = 1;

layout (set = 0, binding = 0) readonly buffer Q { float q[]; };
layout (set = 0, binding = 1) readonly buffer K { float k[]; };
layout (set = 0, binding = 2) readonly buffer V { float v[]; };
#endif
layout (set = 0, binding = 3) readonly buffer Ranges { uvec2 ranges[]; };
layout (set = 0, binding = 4) readonly buffer State { float state[]; }; // [n_q, heads, D + 2]: accumulators, maximum, sum
layout (set = 0, binding = 5) writeonly buffer Y { float y[]; };        // y, or the next state
layout (push_constant) uniform Push { QiPushAttention p; };

const uint STEP = 4u; // products in a row between two visits of the accumulators
const uint LANES = gl_WorkGroupSize.x;
#ifdef MATRIX
const uint S_PITCH = KEYS + 4u; // whole 16 bytes
#else
const uint PITCH = (D + STEP - 1u) / STEP * STEP; // of q_s, padded by zeros
const uint S_PITCH = KEYS + 1u;                    // odd: rows in different banks
const uint O_PITCH = D;
const bool WHOLE = D % (LANES * NC) == 0u;         // no lane has a column beyond D
#endif

shared float o_s[ROWS * O_PITCH];
shared float s_s[ROWS * S_PITCH];
shared float top_s[ROWS], sum_s[ROWS], keep_s[ROWS];
shared uint begin_s[ROWS], end_s[ROWS];

#include "lib/attention-keys.glsl"
#ifdef MATRIX
#include "lib/attention-matrix.glsl"
#else
#include "lib/attention-lanes.glsl"
#endif

void
load_tile (uint head)
{
  const uint lane = gl_LocalInvocationIndex;

  load_queries (head);
  for (uint i = lane; i < ROWS * O_PITCH; i += LANES)
    {
      const uint c = i % O_PITCH;

      o_s[i] = p.has_state != 0u && c < D ? state[(row_of (i / O_PITCH) * p.heads + head) * (D + 2u) + c] : 0.0;
    }
  for (uint r = lane; r < ROWS; r += LANES)
    {
      const uint at = (row_of (r) * p.heads + head) * (D + 2u) + D;
      const uvec2 keys = keys_of (r);

      top_s[r] = p.has_state != 0u ? state[at] : NONE;
      sum_s[r] = p.has_state != 0u ? state[at + 1u] : 0.0;
      begin_s[r] = keys.x;
      end_s[r] = keys.y;
    }
}

// s_s = exp (score - maximum so far), 0 for keys that a row does not see; keep_s rescales what was summed before.
void
softmax (uint k0)
{
  for (uint r = gl_LocalInvocationIndex; r < ROWS; r += LANES)
    {
      const uint begin = max (begin_s[r], k0) - k0, end = clamp (end_s[r], k0, k0 + KEYS) - k0;
      const float before = top_s[r];
      float top = before, sum = 0.0;

      for (uint j = begin; j < end; j++)
        top = max (top, s_s[r * S_PITCH + j]);
      for (uint j = 0u; j < KEYS; j++)
        {
          const float e = j >= begin && j < end ? exp2 (s_s[r * S_PITCH + j] - top) : 0.0;

          s_s[r * S_PITCH + j] = e;
          sum += e;
        }
      keep_s[r] = exp2 (before - top);
      sum_s[r] = sum_s[r] * keep_s[r] + sum;
      top_s[r] = top;
    }
}

void
store_tile (uint head)
{
  const uint lane = gl_LocalInvocationIndex, pitch = p.last != 0u ? D : D + 2u;

  for (uint i = lane; i < ROWS * D; i += LANES)
    {
      const uint r = i / D, row = gl_WorkGroupID.x * ROWS + r;
      const float factor = p.last == 0u ? 1.0 : sum_s[r] > 0.0 ? 1.0 / sum_s[r] : 0.0;

      if (row < p.n_q)
        y[(row * p.heads + head) * pitch + i % D] = o_s[r * O_PITCH + i % D] * factor;
    }
  for (uint r = lane; p.last == 0u && r < ROWS; r += LANES)
    {
      const uint row = gl_WorkGroupID.x * ROWS + r, at = (row * p.heads + head) * pitch + D;

      if (row < p.n_q)
        {
          y[at] = top_s[r];
          y[at + 1u] = sum_s[r];
        }
    }
}

void
main ()
{
  const uint head = gl_WorkGroupID.y + p.head_first;
  const uint kv_head = head / p.group;
  uint begin = 0xffffffffu, end = 0u;

  load_tile (head);
  barrier ();
  for (uint r = 0u; r < ROWS; r++)
    if (begin_s[r] < end_s[r])
      {
        begin = min (begin, begin_s[r]);
        end = max (end, end_s[r]);
      }
  for (uint k0 = begin / KEYS * KEYS; k0 < end; k0 += KEYS)
    {
      const uint n = min (KEYS, end - k0);

      scores (k0, n, kv_head);
      barrier ();
      softmax (k0);
      barrier ();
      accumulate (k0, n, kv_head);
      barrier ();
    }
  store_tile (head);
}
