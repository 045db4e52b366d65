/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Products of small matrices in bfloat16 with float32 sums, for attention.c: by the tiles of AMX, by dot products of AVX-512, or plainly,
 * as the processor that it is compiled for has them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE__
#include <immintrin.h>
#endif
#ifdef __AMX_BF16__
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { TILE = 16, BLOCK = 32 }; // rows of a tile; what is added up and made at a time

#define LOG2_E 1.4426950408889634f

static inline float
widen (uint16_t b)
{
  union { uint32_t i; float f; } u = { .i = (uint32_t) b << 16 };
  return u.f;
}

/* In the upper half of the word; what is below it is left over. */
static inline uint32_t
rounded (float f)
{
  union { float f; uint32_t i; } u = { .f = f };
  return u.i + 0x7fff + (u.i >> 16 & 1);
}

static inline uint16_t
narrow (float f)
{
  return (uint16_t) (rounded (f) >> 16);
}

/* count is a multiple of TILE. */
static inline void
narrow_all (int count, const float *restrict from, uint16_t *restrict to)
{
#ifdef __AVX512BF16__
  for (int i = 0; i < count; i += TILE)
    *(__m256bh *) (to + i) = _mm512_cvtneps_pbh (*(const __m512 *) (from + i));
#else
  for (int i = 0; i < count; i++)
    to[i] = narrow (from[i]);
#endif
}

/* Two in the order of memory: first and second. */
static inline uint32_t
pair (float first, float second)
{
  return rounded (first) >> 16 | (rounded (second) & 0xffff0000);
}

/* Two to the power of x of at most 126; of less than -126 nothing to speak of. Within 4e-6 of it: the series of the exponential, whose
 * factors are powers of ln 2 by factorials. */
static inline float
power (float x)
{
  x = x > -126 ? x : -126;
  int n = (int) (x + 128.5f) - 128;
  float f = x - n;
  union { int32_t i; float f; } scale = { .i = (n + 127) << 23 };
  return scale.f * (1 + f * (.69314718f + f * (.24022651f + f * (.05550411f + f * (.00961813f + f * .00133336f)))));
}

/* What a thread that multiplies had set before, and has again at the end. */
typedef struct {
  unsigned flush;
  char tiles[64];
} Before;

/* To be called first. Numbers next to nothing are nothing from here on: computing with them takes a hundred times as long. */
static inline void
begin (Before *before)
{
#ifdef __SSE__
  before->flush = _mm_getcsr ();
  _mm_setcsr (before->flush | _MM_FLUSH_ZERO_ON | 0x40); // the latter: of what is read, too
#endif
#ifdef __AMX_BF16__
  struct {
    uint8_t palette, start, none[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } shape = { .palette = 1 };
  for (int i = 0; i < 5; i++) {
    shape.bytes[i] = 64;
    shape.rows[i] = TILE;
  }
  syscall (SYS_arch_prctl, 0x1023, 18); // ARCH_REQ_XCOMP_PERM, of the tiles' contents; again it does nothing
  _tile_storeconfig (before->tiles);
  _tile_loadconfig (&shape);
#endif
}

static inline void
end (const Before *before)
{
#ifdef __SSE__
  _mm_setcsr (before->flush);
#endif
#ifdef __AMX_BF16__
  _tile_loadconfig (before->tiles);
#endif
  (void) before;
}

/* c [TILE BLOCK] = a [TILE k] times b [k BLOCK], or that added to it; k is a multiple of BLOCK. Rows of b come in pairs, two numbers of one
 * column in one word: [k / 2 BLOCK]. Steps from row to row in elements (of b: words). */
#ifdef __AMX_BF16__

static inline void
multiply (float *c, int step_c, const uint16_t *a, int step_a, const uint32_t *b, int step_b, int k, bool add)
{
  if (add) {
    _tile_loadd (0, c, step_c * 4);
    _tile_loadd (1, c + TILE, step_c * 4);
  } else {
    _tile_zero (0);
    _tile_zero (1);
  }
  for (int i = 0; i < k; i += BLOCK, a += BLOCK, b += (ptrdiff_t) step_b * BLOCK / 2) {
    _tile_loadd (2, a, step_a * 2);
    _tile_loadd (3, b, step_b * 4);
    _tile_loadd (4, b + TILE, step_b * 4);
    _tile_dpbf16ps (0, 2, 3);
    _tile_dpbf16ps (1, 2, 4);
  }
  _tile_stored (0, c, step_c * 4);
  _tile_stored (1, c + TILE, step_c * 4);
}

#else

#ifdef __AVX512F__
enum { VECTOR = 64, ROWS = 8 }; // bytes; rows whose sums fit into registers
#elif defined __AVX__
enum { VECTOR = 32, ROWS = 2 };
#else
enum { VECTOR = 16, ROWS = 1 };
#endif
enum { LANES_OF_SUM = VECTOR / 4, PARTS = BLOCK / LANES_OF_SUM };
typedef float sum_t __attribute__ ((vector_size (VECTOR), aligned (4)));
typedef int32_t words_t __attribute__ ((vector_size (VECTOR), aligned (4)));

/* sum += a's pair, the same for all columns, times the words of b. */
static inline __attribute__ ((always_inline)) sum_t
add_pair (sum_t sum, const uint16_t *a, words_t b)
{
#ifdef __AVX512BF16__
  int32_t both;
  __builtin_memcpy (&both, a, 4);
  return (sum_t) _mm512_dpbf16_ps ((__m512) sum, (__m512bh) _mm512_set1_epi32 (both), (__m512bh) b);
#else
  return sum + widen (a[0]) * (sum_t) (b << 16) + widen (a[1]) * (sum_t) (b & (int32_t) 0xffff0000);
#endif
}

static inline void
multiply (float *c, int step_c, const uint16_t *a, int step_a, const uint32_t *b, int step_b, int k, bool add)
{
  for (int r = 0; r < TILE; r += ROWS) {
    sum_t sum[ROWS][PARTS];
    for (int m = 0; m < ROWS; m++)
      for (int l = 0; l < PARTS; l++)
        sum[m][l] = add ? *(const sum_t *) (c + (r + m) * step_c + l * LANES_OF_SUM) : (sum_t){ 0 };
    for (int i = 0; i < k; i += 2)
      for (int l = 0; l < PARTS; l++) {
        words_t columns = *(const words_t *) (b + i / 2 * step_b + l * LANES_OF_SUM);
        for (int m = 0; m < ROWS; m++)
          sum[m][l] = add_pair (sum[m][l], a + (r + m) * step_a + i, columns);
      }
    for (int m = 0; m < ROWS; m++)
      for (int l = 0; l < PARTS; l++)
        *(sum_t *) (c + (r + m) * step_c + l * LANES_OF_SUM) = sum[m][l];
  }
}

#endif
