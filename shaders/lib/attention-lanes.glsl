// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/attention-lanes.glsl — the products of attention.comp in f32, a lane owning some keys or columns of all rows.

shared float q_s[ROWS * PITCH]; // times scale / log 2

void
load_queries (uint head)
{
  for (uint i = gl_LocalInvocationIndex; i < ROWS * PITCH; i += LANES)
    {
      const uint c = i % PITCH;

      q_s[i] = c < D ? q[(row_of (i / PITCH) * p.heads + head) * D + c] * p.scale * LOG2_E : 0.0;
    }
}

// s_s = scores of rows x keys [k0, k0 + n).
void
scores (uint k0, uint n, uint kv_head)
{
  const uint kv_row = p.kv_heads * D, kv_at = kv_head * D;

  for (uint j0 = 0u; j0 < n; j0 += LANES * NK)
    {
      float acc[NK][ROWS];
      uint at[NK];

      [[unroll]] for (uint j = 0u; j < NK; j++)
        {
          at[j] = min (k0 + j0 + j * LANES + gl_LocalInvocationIndex, p.n_k - 1u) * kv_row + kv_at;
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            acc[j][r] = 0.0;
        }
      for (uint c = 0u; c < D; c += STEP)
        {
          float b[NK][STEP];

          [[unroll]] for (uint j = 0u; j < NK; j++)
            [[unroll]] for (uint i = 0u; i < STEP; i++)
              b[j][i] = k[at[j] + (D == PITCH ? c + i : min (c + i, D - 1u))];
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            [[unroll]] for (uint i = 0u; i < STEP; i++)
              {
                const float a = q_s[r * PITCH + c + i];

                [[unroll]] for (uint j = 0u; j < NK; j++)
                  acc[j][r] = fma (a, b[j][i], acc[j][r]);
              }
        }
      [[unroll]] for (uint j = 0u; j < NK; j++)
        [[unroll]] for (uint r = 0u; r < ROWS; r++)
          s_s[r * S_PITCH + j0 + j * LANES + gl_LocalInvocationIndex] = acc[j][r];
    }
}

// o_s = o_s * keep_s + s_s v over keys [k0, k0 + n).
void
accumulate (uint k0, uint n, uint kv_head)
{
  const uint kv_row = p.kv_heads * D, kv_at = kv_head * D;

  for (uint c0 = 0u; c0 < D; c0 += LANES * NC)
    {
      float acc[NC][ROWS];
      uint column[NC];

      [[unroll]] for (uint c = 0u; c < NC; c++)
        {
          column[c] = c0 + c * LANES + gl_LocalInvocationIndex;
          if (!WHOLE)
            column[c] = min (column[c], D - 1u);
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            acc[c][r] = o_s[r * D + column[c]] * keep_s[r];
        }
      for (uint j = 0u; j < n; j += STEP)
        {
          float b[NC][STEP];

          [[unroll]] for (uint i = 0u; i < STEP; i++)
            [[unroll]] for (uint c = 0u; c < NC; c++)
              b[c][i] = v[min (k0 + j + i, p.n_k - 1u) * kv_row + kv_at + column[c]];
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            [[unroll]] for (uint i = 0u; i < STEP; i++)
              {
                const float a = s_s[r * S_PITCH + j + i];

                [[unroll]] for (uint c = 0u; c < NC; c++)
                  acc[c][r] = fma (a, b[c][i], acc[c][r]);
              }
        }
      if (!WHOLE)
        barrier (); // lanes that share column D - 1 have read it
      [[unroll]] for (uint c = 0u; c < NC; c++)
        if (WHOLE || c0 + c * LANES + gl_LocalInvocationIndex < D)
          [[unroll]] for (uint r = 0u; r < ROWS; r++)
            o_s[r * D + column[c]] = acc[c][r];
    }
}
