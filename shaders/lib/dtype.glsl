// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/dtype.glsl — element i of a row of any weight type, in f32. Layouts: GGUF (ggml-common.h); fp8 as in safetensors.
// The including shader declares `readonly buffer W { uint16_t w[]; };` (all block sizes are even) and defines one W_…
// qi_element (row, i): row is the row's first byte, a multiple of 2 for all types but fp8.
// Products are taken in the reference's order, (d sc) q - (dmin m); `precise` keeps them from being fused.

#define QI_BYTE(at) (uint (w[(at) >> 1]) >> (((at) & 1u) * 8u) & 255u)
#define QI_U16(at) uint (w[(at) >> 1])

float
qi_half (uint bits)
{
  // By hand: conversions may flush f16 subnormals, integer arithmetic does not.
  const uint sign = (bits & 0x8000u) << 16, e = bits >> 10 & 31u, m = bits & 1023u;

  if (e == 0u)
    return uintBitsToFloat (sign | floatBitsToUint (float (m) * 5.9604644775390625e-8));
  if (e == 31u)
    return uintBitsToFloat (sign | 0x7f800000u | m << 13);
  return uintBitsToFloat (sign | (e + 112u) << 23 | m << 13);
}

float
qi_f8_e4m3 (uint bits)
{
  const uint sign = (bits & 128u) << 24, e = bits >> 3 & 15u, m = bits & 7u;

  if ((bits & 127u) == 127u)
    return uintBitsToFloat (sign | 0x7fc00000u);
  if (e == 0u)
    return uintBitsToFloat (sign | floatBitsToUint (float (m) * 0.001953125));
  return uintBitsToFloat (sign | (e + 120u) << 23 | m << 20);
}

float
qi_iq4 (uint nibble)
{
  const int table[16] = int[] (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

  return float (table[nibble]);
}

int
qi_s8 (uint byte)
{
  return int (byte << 24) >> 24;
}

// The 6-bit scale (x) and minimum (y) of sub-block s, from the 12 bytes at `at` (Q4_K, Q5_K).
uvec2
qi_scale_min (uint at, uint s)
{
  if (s < 4u)
    return uvec2 (QI_BYTE (at + s) & 63u, QI_BYTE (at + s + 4u) & 63u);
  return uvec2 ((QI_BYTE (at + s + 4u) & 15u) | QI_BYTE (at + s - 4u) >> 6 << 4,
                QI_BYTE (at + s + 4u) >> 4 | QI_BYTE (at + s) >> 6 << 4);
}

float
qi_element (uint row, uint i)
{
#if defined W_F32
  const uint at = row + i * 4u;
  return uintBitsToFloat (QI_U16 (at) | QI_U16 (at + 2u) << 16);
#elif defined W_F16
  return qi_half (QI_U16 (row + i * 2u));
#elif defined W_BF16
  return uintBitsToFloat (QI_U16 (row + i * 2u) << 16);
#elif defined W_F8_E4M3
  return qi_f8_e4m3 (QI_BYTE (row + i));
#elif defined W_F8_E5M2
  return qi_half (QI_BYTE (row + i) << 8);
#elif defined W_Q4_0
  const uint b = row + i / 32u * 18u, j = i % 32u;
  const uint q = QI_BYTE (b + 2u + j % 16u) >> 4u * (j / 16u) & 15u;
  return qi_half (QI_U16 (b)) * float (int (q) - 8);
#elif defined W_Q4_1
  const uint b = row + i / 32u * 20u, j = i % 32u;
  const uint q = QI_BYTE (b + 4u + j % 16u) >> 4u * (j / 16u) & 15u;
  precise float dq = qi_half (QI_U16 (b)) * float (q);
  return dq + qi_half (QI_U16 (b + 2u));
#elif defined W_Q5_0
  const uint b = row + i / 32u * 22u, j = i % 32u;
  const uint h = QI_U16 (b + 2u) | QI_U16 (b + 4u) << 16;
  const uint q = (QI_BYTE (b + 6u + j % 16u) >> 4u * (j / 16u) & 15u) | (h >> j & 1u) << 4;
  return qi_half (QI_U16 (b)) * float (int (q) - 16);
#elif defined W_Q5_1
  const uint b = row + i / 32u * 24u, j = i % 32u;
  const uint h = QI_U16 (b + 4u) | QI_U16 (b + 6u) << 16;
  const uint q = (QI_BYTE (b + 8u + j % 16u) >> 4u * (j / 16u) & 15u) | (h >> j & 1u) << 4;
  precise float dq = qi_half (QI_U16 (b)) * float (q);
  return dq + qi_half (QI_U16 (b + 2u));
#elif defined W_Q8_0
  const uint b = row + i / 32u * 34u;
  return qi_half (QI_U16 (b)) * float (qi_s8 (QI_BYTE (b + 2u + i % 32u)));
#elif defined W_IQ4_NL
  const uint b = row + i / 32u * 18u, j = i % 32u;
  return qi_half (QI_U16 (b)) * qi_iq4 (QI_BYTE (b + 2u + j % 16u) >> 4u * (j / 16u) & 15u);
#elif defined W_Q2_K
  const uint b = row + i / 256u * 84u, e = i % 256u;
  const uint sc = QI_BYTE (b + e / 16u);
  const uint q = QI_BYTE (b + 16u + 32u * (e / 128u) + e % 32u) >> 2u * (e % 128u / 32u) & 3u;
  precise float low = qi_half (QI_U16 (b + 82u)) * float (sc >> 4);
  precise float d = qi_half (QI_U16 (b + 80u)) * float (sc & 15u);
  precise float dq = d * float (q);
  return dq - low;
#elif defined W_Q3_K
  const uint b = row + i / 256u * 110u, e = i % 256u, k = e / 16u, n = e / 128u, j = e % 128u / 32u;
  const uint low = QI_BYTE (b + 96u + k % 8u) >> 4u * (k / 8u) & 15u;
  const uint high = QI_BYTE (b + 104u + k % 4u) >> 2u * (k / 4u) & 3u;
  const int q = int (QI_BYTE (b + 32u + 32u * n + e % 32u) >> 2u * j & 3u);
  const int less = (QI_BYTE (b + e % 32u) >> (4u * n + j) & 1u) != 0u ? 0 : 4;
  precise float d = qi_half (QI_U16 (b + 108u)) * float (int (low | high << 4) - 32);
  return d * float (q - less);
#elif defined W_Q4_K
  const uint b = row + i / 256u * 144u, e = i % 256u, s = e / 32u;
  const uvec2 sm = qi_scale_min (b + 4u, s);
  const uint q = QI_BYTE (b + 16u + 32u * (e / 64u) + e % 32u) >> 4u * (s & 1u) & 15u;
  precise float d = qi_half (QI_U16 (b)) * float (sm.x);
  precise float low = qi_half (QI_U16 (b + 2u)) * float (sm.y);
  precise float dq = d * float (q);
  return dq - low;
#elif defined W_Q5_K
  const uint b = row + i / 256u * 176u, e = i % 256u, s = e / 32u;
  const uvec2 sm = qi_scale_min (b + 4u, s);
  const uint q = (QI_BYTE (b + 48u + 32u * (e / 64u) + e % 32u) >> 4u * (s & 1u) & 15u) |
                 (QI_BYTE (b + 16u + e % 32u) >> s & 1u) << 4;
  precise float d = qi_half (QI_U16 (b)) * float (sm.x);
  precise float low = qi_half (QI_U16 (b + 2u)) * float (sm.y);
  precise float dq = d * float (q);
  return dq - low;
#elif defined W_Q6_K
  const uint b = row + i / 256u * 210u, e = i % 256u, n = e / 128u, g = e % 128u / 32u, l = e % 32u;
  const uint low = QI_BYTE (b + 64u * n + 32u * (g & 1u) + l) >> 4u * (g >> 1) & 15u;
  const uint high = QI_BYTE (b + 128u + 32u * n + l) >> 2u * g & 3u;
  precise float d = qi_half (QI_U16 (b + 208u)) * float (qi_s8 (QI_BYTE (b + 192u + e / 16u)));
  return d * float (int (low | high << 4) - 32);
#elif defined W_IQ4_XS
  const uint b = row + i / 256u * 136u, e = i % 256u, t = e / 32u;
  const uint ls = (QI_BYTE (b + 4u + t / 2u) >> 4u * (t % 2u) & 15u) | (QI_U16 (b + 2u) >> 2u * t & 3u) << 4;
  precise float d = qi_half (QI_U16 (b)) * float (int (ls) - 32);
  return d * qi_iq4 (QI_BYTE (b + 8u + 16u * t + e % 16u) >> 4u * (e % 32u / 16u) & 15u);
#endif
}
