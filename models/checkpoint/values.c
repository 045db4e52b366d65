/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* NaN and infinity in raw weights, by bits: an exponent of all ones. Loops that a compiler vectorises. */
#include <string.h>

#include "models/checkpoint/container.h"

/* Where the f16 scales of a block lie: offsets, 255 for none. Layouts: GGUF. */
static const guint8 scales_at[QI_N_WEIGHT_DTYPES][2] = {
  [QI_DTYPE_Q4_0] = { 0, 255 },   [QI_DTYPE_Q4_1] = { 0, 2 },     [QI_DTYPE_Q5_0] = { 0, 255 }, [QI_DTYPE_Q5_1] = { 0, 2 },
  [QI_DTYPE_Q8_0] = { 0, 255 },   [QI_DTYPE_Q2_K] = { 80, 82 },   [QI_DTYPE_Q3_K] = { 108, 255 }, [QI_DTYPE_Q4_K] = { 0, 2 },
  [QI_DTYPE_Q5_K] = { 0, 2 },     [QI_DTYPE_Q6_K] = { 208, 255 }, [QI_DTYPE_IQ4_NL] = { 0, 255 }, [QI_DTYPE_IQ4_XS] = { 0, 255 },
};

/* First of n words of bytes each whose bits under mask are all set. The whole is looked at first, quickly. */
#define FIND(Type, mask)                                                                                               \
  {                                                                                                                    \
    const guint8 *at = data;                                                                                           \
    guint bad = 0;                                                                                                     \
    Type v;                                                                                                            \
    for (gsize i = 0; i < n / sizeof v; i++)                                                                           \
      {                                                                                                                \
        memcpy (&v, at + i * sizeof v, sizeof v);                                                                      \
        bad |= (v & (mask)) == (mask);                                                                                 \
      }                                                                                                                \
    for (gsize i = 0; bad && i < n / sizeof v; i++)                                                                    \
      {                                                                                                                \
        memcpy (&v, at + i * sizeof v, sizeof v);                                                                      \
        if ((v & (mask)) == (mask))                                                                                    \
          return (gint64) i;                                                                                           \
      }                                                                                                                \
    return -1;                                                                                                         \
  }

static gint64 find_32 (const void *data, gsize n, guint32 mask) FIND (guint32, mask)
static gint64 find_16 (const void *data, gsize n, guint16 mask) FIND (guint16, mask)
static gint64 find_8 (const void *data, gsize n, guint8 mask) FIND (guint8, mask)

static gint64
find_in_blocks (QiDtype dtype, const guint8 *data, gsize n)
{
  const guint size = qi_dtype_info (dtype)->block_bytes;

  for (gsize i = 0; i < n / size; i++)
    for (guint j = 0; j < 2; j++)
      if (scales_at[dtype][j] != 255 && (data[i * size + scales_at[dtype][j] + 1] & 0x7c) == 0x7c)
        return (gint64) i;
  return -1;
}

gint64
qi_find_non_finite (QiDtype dtype, const void *data, gsize n)
{
  switch (dtype)
    {
    case QI_DTYPE_F32: return find_32 (data, n, GUINT32_TO_LE (0x7f800000u));
    case QI_DTYPE_F16: return find_16 (data, n, GUINT16_TO_LE (0x7c00));
    case QI_DTYPE_BF16: return find_16 (data, n, GUINT16_TO_LE (0x7f80));
    case QI_DTYPE_F8_E4M3: return find_8 (data, n, 0x7f);
    case QI_DTYPE_F8_E5M2: return find_8 (data, n, 0x7c);
    case QI_DTYPE_U32: return -1;
    default: return find_in_blocks (dtype, data, n);
    }
}
