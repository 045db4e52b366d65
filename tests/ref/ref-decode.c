/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ref/ref-decode.h"

#include <math.h>
#include <string.h>

/* A small float of e exponent and m mantissa bits, bias 2^(e-1) - 1; infinities where ieee, else none. */
static float
small_float (guint bits, guint e, guint m, gboolean ieee)
{
  const guint exponent = bits >> m & ((1u << e) - 1), mantissa = bits & ((1u << m) - 1);
  const int bias = (1 << (e - 1)) - 1;
  const float sign = bits >> (e + m) & 1 ? -1.0f : 1.0f;

  if (ieee && exponent == (1u << e) - 1)
    return mantissa ? NAN : sign * INFINITY;
  if (!ieee && (bits & ((1u << (e + m)) - 1)) == (1u << (e + m)) - 1)
    return NAN;
  if (exponent == 0)
    return sign * ldexpf (mantissa, 1 - bias - (int) m);
  return sign * ldexpf (mantissa + (1u << m), (int) exponent - bias - (int) m);
}

float
ref_half (guint16 bits)
{
  return small_float (bits, 5, 10, TRUE);
}

static guint
u16 (const guint8 *b)
{
  return b[0] | b[1] << 8;
}

static float
half_at (const guint8 *b)
{
  return ref_half (u16 (b));
}

static guint32
u32 (const guint8 *b)
{
  return u16 (b) | (guint32) u16 (b + 2) << 16;
}

static float
float_of_bits (guint32 bits)
{
  float value;

  memcpy (&value, &bits, 4);
  return value;
}

static int
iq4 (guint nibble)
{
  static const gint8 table[16] = { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113 };

  return table[nibble & 15];
}

/* Blocks of 32: elements i and i + 16 share a byte. */
static float
decode_32 (QiDtype dtype, const guint8 *b, guint i)
{
  const guint shift = i / 16 * 4, low = i % 16;

  switch (dtype)
    {
    case QI_DTYPE_Q4_0:
      return half_at (b) * ((int) (b[2 + low] >> shift & 15) - 8);
    case QI_DTYPE_Q4_1:
      return half_at (b) * (b[4 + low] >> shift & 15) + half_at (b + 2);
    case QI_DTYPE_Q5_0:
      return half_at (b) * ((int) ((b[6 + low] >> shift & 15) | (u32 (b + 2) >> i & 1) << 4) - 16);
    case QI_DTYPE_Q5_1:
      return half_at (b) * ((b[8 + low] >> shift & 15) | (u32 (b + 4) >> i & 1) << 4) + half_at (b + 2);
    case QI_DTYPE_Q8_0:
      return half_at (b) * (gint8) b[2 + i];
    default: /* IQ4_NL */
      return half_at (b) * iq4 (b[2 + low] >> shift);
    }
}

/* The 6-bit scale and minimum of sub-block s of Q4_K and Q5_K, packed into 12 bytes. */
static void
scale_min (const guint8 *p, guint s, guint *scale, guint *min)
{
  *scale = s < 4 ? p[s] & 63 : (p[s + 4] & 15) | (p[s - 4] >> 6) << 4;
  *min = s < 4 ? p[s + 4] & 63 : p[s + 4] >> 4 | (p[s] >> 6) << 4;
}

static float
decode_q45_k (QiDtype dtype, const guint8 *b, guint i)
{
  const guint s = i / 32;
  const guint8 *qs = b + (dtype == QI_DTYPE_Q4_K ? 16 : 48);
  guint scale, min, q = qs[32 * (i / 64) + i % 32] >> 4 * (s & 1) & 15;

  scale_min (b + 4, s, &scale, &min);
  if (dtype == QI_DTYPE_Q5_K)
    q |= (b[16 + i % 32] >> s & 1) << 4;
  return half_at (b) * scale * q - half_at (b + 2) * min;
}

static float
decode_256 (QiDtype dtype, const guint8 *b, guint i)
{
  const guint n = i / 128, r = i % 128, j = r / 32, l = i % 32, k = i / 16;

  switch (dtype)
    {
    case QI_DTYPE_Q2_K:
      return half_at (b + 80) * (b[k] & 15) * (b[16 + 32 * n + l] >> 2 * j & 3) - half_at (b + 82) * (b[k] >> 4);
    case QI_DTYPE_Q3_K:
      {
        const int scale = (int) ((b[96 + k % 8] >> 4 * (k / 8) & 15) | (b[104 + k % 4] >> 2 * (k / 4) & 3) << 4) - 32;
        const int q = (int) (b[32 + 32 * n + l] >> 2 * j & 3) - (b[l] >> (4 * n + j) & 1 ? 0 : 4);

        return half_at (b + 108) * scale * q;
      }
    case QI_DTYPE_Q6_K:
      {
        const guint low = b[64 * n + 32 * (j & 1) + l] >> 4 * (j >> 1) & 15, high = b[128 + 32 * n + l] >> 2 * j & 3;

        return half_at (b + 208) * (gint8) b[192 + k] * ((int) (low | high << 4) - 32);
      }
    case QI_DTYPE_IQ4_XS:
      {
        const guint t = i / 32, scale = (b[4 + t / 2] >> 4 * (t % 2) & 15) | (u16 (b + 2) >> 2 * t & 3) << 4;

        return half_at (b) * ((int) scale - 32) * iq4 (b[8 + 16 * t + i % 16] >> 4 * (l / 16));
      }
    default:
      return decode_q45_k (dtype, b, i);
    }
}

float
ref_decode (QiDtype dtype, const guint8 *row, gsize i)
{
  const QiDtypeInfo *info = qi_dtype_info (dtype);
  const guint8 *block = row + i / info->block_len * info->block_bytes;

  switch (dtype)
    {
    case QI_DTYPE_F32:
      return float_of_bits (u32 (block));
    case QI_DTYPE_F16:
      return half_at (block);
    case QI_DTYPE_BF16:
      return float_of_bits ((guint32) u16 (block) << 16);
    case QI_DTYPE_F8_E4M3:
      return small_float (block[0], 4, 3, FALSE);
    case QI_DTYPE_F8_E5M2:
      return small_float (block[0], 5, 2, TRUE);
    default:
      return info->block_len == 32 ? decode_32 (dtype, block, i % 32) : decode_256 (dtype, block, i % 256);
    }
}
