// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/attention-matrix.glsl — the products of attention.comp on matrix units: f16 operands with a power of two as scale a row, so
// that nothing overflows; sums in f32. Products of the tile are dealt out to the subgroups.

const uint PACKED = (D + 3u) / 4u * 4u;     // columns of q, k and v
const uint H_PITCH = O_PITCH / 4u + 2u;     // of operands in shared memory, by fours
const uint P_PITCH = KEYS + 8u;             // of probabilities
shared f16vec4 q_h[ROWS * H_PITCH];
shared f16vec4 kv_h[KEYS * H_PITCH];        // keys, then values
shared float16_t p_h[ROWS * P_PITCH];
shared float q_unit[ROWS], k_unit[KEYS], v_unit[KEYS];

f16vec4
halves (uvec2 h)
{
  return f16vec4 (unpackFloat2x16 (h.x), unpackFloat2x16 (h.y));
}

void
load_queries (uint head)
{
  for (uint i = gl_LocalInvocationIndex; i < ROWS * (O_PITCH / 4u); i += LANES)
    {
      const uint r = i / (O_PITCH / 4u), c = i % (O_PITCH / 4u);

      q_h[r * H_PITCH + c] = c < PACKED / 4u ? halves (q[(row_of (r) * p.heads + head) * (PACKED / 4u) + c]) : f16vec4 (0.0);
    }
  for (uint r = gl_LocalInvocationIndex; r < ROWS; r += LANES)
    q_unit[r] = q_scale[row_of (r) * p.heads + head] * p.scale * LOG2_E;
}

// s_s = scores of rows x keys [k0, k0 + n).
void
scores (uint k0, uint n, uint kv_head)
{
  for (uint i = gl_LocalInvocationIndex; i < KEYS * (O_PITCH / 4u); i += LANES)
    {
      const uint j = i / (O_PITCH / 4u), c = i % (O_PITCH / 4u);

      kv_h[j * H_PITCH + c] = j < n && c < PACKED / 4u ? halves (k[((k0 + j) * p.kv_heads + kv_head) * (PACKED / 4u) + c])
                                                       : f16vec4 (0.0);
    }
  for (uint j = gl_LocalInvocationIndex; j < KEYS; j += LANES)
    {
      k_unit[j] = j < n ? k_scale[(k0 + j) * p.kv_heads + kv_head] : 0.0;
      v_unit[j] = j < n ? v_scale[(k0 + j) * p.kv_heads + kv_head] : 0.0;
    }
  barrier ();
  for (uint t = gl_SubgroupID; t < ROWS / MM * (KEYS / MN); t += gl_NumSubgroups)
    {
      const uint r = t / (KEYS / MN) * MM, j = t % (KEYS / MN) * MN;
      coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> acc =
        coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> (0.0);

      for (uint c = 0u; c < O_PITCH; c += MK)
        {
          coopmat<float16_t, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> a;
          coopmat<float16_t, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> b;

          coopMatLoad (a, q_h, r * H_PITCH + c / 4u, H_PITCH, gl_CooperativeMatrixLayoutRowMajor);
          coopMatLoad (b, kv_h, j * H_PITCH + c / 4u, H_PITCH, gl_CooperativeMatrixLayoutColumnMajor);
          acc = coopMatMulAdd (a, b, acc);
        }
      coopMatStore (acc, s_s, r * S_PITCH + j, S_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    }
  barrier ();
  for (uint i = gl_LocalInvocationIndex; i < ROWS * KEYS; i += LANES)
    s_s[i / KEYS * S_PITCH + i % KEYS] *= q_unit[i / KEYS] * k_unit[i % KEYS];
}

// o_s = o_s * keep_s + s_s v over keys [k0, k0 + n).
void
accumulate (uint k0, uint n, uint kv_head)
{
  float unit = 0.0; // the largest of this block: probabilities carry what a key's own is below it

  for (uint j = 0u; j < n; j++)
    unit = max (unit, v_unit[j]);
  for (uint i = gl_LocalInvocationIndex; i < KEYS * (O_PITCH / 4u); i += LANES)
    {
      const uint j = i / (O_PITCH / 4u), c = i % (O_PITCH / 4u);

      kv_h[j * H_PITCH + c] = j < n && c < PACKED / 4u ? halves (v[((k0 + j) * p.kv_heads + kv_head) * (PACKED / 4u) + c])
                                                       : f16vec4 (0.0);
    }
  for (uint i = gl_LocalInvocationIndex; i < ROWS * KEYS; i += LANES)
    p_h[i / KEYS * P_PITCH + i % KEYS] = float16_t (s_s[i / KEYS * S_PITCH + i % KEYS] * (v_unit[i % KEYS] / unit));
  for (uint i = gl_LocalInvocationIndex; i < ROWS * O_PITCH; i += LANES)
    o_s[i] *= keep_s[i / O_PITCH] / unit;
  barrier ();
  for (uint t = gl_SubgroupID; t < ROWS / MM * (O_PITCH / MN); t += gl_NumSubgroups)
    {
      const uint r = t / (O_PITCH / MN) * MM, c = t % (O_PITCH / MN) * MN;
      coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> acc;

      coopMatLoad (acc, o_s, r * O_PITCH + c, O_PITCH, gl_CooperativeMatrixLayoutRowMajor);
      for (uint j = 0u; j < KEYS; j += MK)
        {
          coopmat<float16_t, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> a;
          coopmat<float16_t, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> b;

          coopMatLoad (a, p_h, r * P_PITCH + j, P_PITCH, gl_CooperativeMatrixLayoutRowMajor);
          coopMatLoad (b, kv_h, j * H_PITCH + c / 4u, H_PITCH, gl_CooperativeMatrixLayoutRowMajor);
          acc = coopMatMulAdd (a, b, acc);
        }
      coopMatStore (acc, o_s, r * O_PITCH + c, O_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    }
  barrier ();
  for (uint i = gl_LocalInvocationIndex; i < ROWS * O_PITCH; i += LANES)
    o_s[i] *= unit;
}
