/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sixteen numbers at a time, for attention.c and block.c. A word is two bfloat16 next to each other; where words are taken apart there are
 * the even ones first, then the odd ones.
 */
#pragma once
#include "demo/train/tiles.h"

#pragma GCC diagnostic ignored "-Wpsabi" // vectors are passed within one file only

enum { LANES = 16 }; // floats of a vector, and words of a row
typedef float v16 __attribute__ ((vector_size (64)));
typedef int32_t i16 __attribute__ ((vector_size (64)));
typedef uint32_t w16 __attribute__ ((vector_size (64), may_alias)); // of whatever there is
typedef float __attribute__ ((vector_size (64), aligned (4))) loose; // the same at any address
typedef uint32_t __attribute__ ((vector_size (64), aligned (2), may_alias)) loose_words;
typedef uint32_t __attribute__ ((may_alias)) word;
#define ALIGNED __attribute__ ((aligned (64)))

/* Numbers of a row of words. */
typedef struct {
  v16 even, odd;
} Row;

static inline float
sum_of (v16 x)
{
  x += __builtin_shuffle (x, (i16){ 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7 });
  x += __builtin_shuffle (x, (i16){ 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11 });
  return x[0] + x[1] + (x[2] + x[3]);
}

/* Two to the power of x of at most 126; of less than -126 nothing to speak of. Within 3e-6 of it. */
static inline v16
powers_of (v16 x)
{
#ifdef __AVX512DQ__
  v16 f = _mm512_reduce_ps (x, 9); // less what is the next whole number below
#else
  i16 less = x < -126;
  x = (v16) (((i16) x & ~less) | ((i16) ((v16){ 0 } - 126) & less));
  i16 n = __builtin_convertvector (x + 128, i16) - 128;
  v16 f = x - __builtin_convertvector (n, v16);
#endif
  v16 y = 1.00000259f + f * (.69300383f + f * (.24144276f + f * (.05201146f + f * .01353417f)));
#ifdef __AVX512DQ__
  return _mm512_scalef_ps (y, x);
#else
  return y * (v16) ((n + 127) << 23);
#endif
}

/* Two vectors to 32 bfloat16, one after the other. */
static inline w16
narrowed (v16 first, v16 second)
{
#ifdef __AVX512BF16__
  return (w16) _mm512_cvtne2ps_pbh (second, first);
#else
  union { v16 from[2]; float floats[2 * LANES]; } u = { .from = { first, second } };
  union { uint16_t to[2 * LANES]; w16 words; } w;
  narrow_all (2 * LANES, u.floats, w.to);
  return w.words;
#endif
}

static inline w16
rounded_words (v16 x)
{
  w16 w = (w16) x;
  return w + 0x7fff + (w >> 16 & 1);
}

/* Even and odd ones to words. */
static inline w16
joined (v16 even, v16 odd)
{
#ifdef __AVX512BF16__
  w16 w = narrowed (even, odd);
  return (w16) _mm512_permutexvar_epi16 ((__m512i) (w16){ 0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007,
      0x180008, 0x190009, 0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f }, (__m512i) w);
#else
  return rounded_words (even) >> 16 | (rounded_words (odd) & 0xffff0000);
#endif
}

static inline Row
apart (w16 words)
{
  return (Row){ (v16) (words << 16), (v16) (words & 0xffff0000) };
}

static inline Row
floats_apart (const float *x)
{
  v16 a = *(const loose *) x, b = *(const loose *) (x + LANES);
  return (Row){ __builtin_shuffle (a, b, (i16){ 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30 }),
                __builtin_shuffle (a, b, (i16){ 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31 }) };
}

/* Two rows to [BLOCK] words of one of each: those of even columns, then those of odd ones. */
static inline void
pair_rows (w16 first, w16 second, uint32_t *to)
{
  ((w16 *) to)[0] = (first & 0xffff) | second << 16;
  ((w16 *) to)[1] = first >> 16 | (second & 0xffff0000);
}

/* Words [16 16] with rows as columns. */
static inline void
turn (const void *from, int step_from, void *to, int step_to)
{
#ifdef __AVX512F__
  w16 r[LANES];
  i16 lane = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++)
    r[i] = *(const w16 *) ((const word *) from + i * step_from);
#pragma GCC unroll 4
  for (int s = LANES / 2; s; s /= 2) {
    i16 set = (lane & s) != 0; // these lanes of one go to the other
    i16 low = lane + (set & (LANES - s)), high = low + s;
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
      if (!(i & s)) {
        w16 a = r[i], b = r[i + s];
        r[i] = __builtin_shuffle (a, b, low);
        r[i + s] = __builtin_shuffle (a, b, high);
      }
  }
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++)
    *(w16 *) ((word *) to + i * step_to) = r[i];
#else
  for (int i = 0; i < LANES; i++)
    for (int j = 0; j < LANES; j++)
      ((word *) to)[i * step_to + j] = ((const word *) from)[j * step_from + i];
#endif
}
