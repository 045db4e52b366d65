// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/attention-keys.glsl — which rows and keys a tile of attention has. The including shader declares ROWS, RANGES, `ranges` and `p`.

const float NONE = -3.0e38; // maximum of no scores
const float LOG2_E = 1.4426950408889634;

uint
row_of (uint r)
{
  return min (gl_WorkGroupID.x * ROWS + r, p.n_q - 1u);
}

// Keys of this dispatch that row r of the tile sees; none for a row past the end.
uvec2
keys_of (uint r)
{
  const uint row = gl_WorkGroupID.x * ROWS + r;
  uvec2 keys = uvec2 (0u, row < p.n_q ? p.key_first + p.n_k : 0u);

  if (p.causal != 0u)
    keys.y = min (keys.y, row + p.causal);
  if (RANGES != 0u)
    keys = uvec2 (ranges[row_of (r)].x, min (ranges[row_of (r)].y, keys.y));
  return max (keys, uvec2 (p.key_first)) - p.key_first;
}
