/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Products of small matrices in bfloat16 with float32 sums, for attention.c and block.c: by the tiles of AMX, by dot products of AVX-512,
 * or plainly, as the processor that it is compiled for has them.
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
  for (int i = 0; i < 8; i++) {
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

/* multiply_wide: c [BLOCK BLOCK] = a [BLOCK k] times b [k BLOCK], or that added to it; k is a multiple of BLOCK. Rows of b come in pairs, two
 * numbers of one column in one word: [k / 2 BLOCK]. Steps from row to row in elements (of b: words). */
#ifdef __AMX_BF16__

/* The compiler does not know that loading tiles reads memory: what is to be read is to be there. */
static inline void
written (void)
{
  __asm__ volatile ("" : : : "memory");
}

static inline void
multiply_wide (float *c, int step_c, const uint16_t *a, int step_a, const uint32_t *b, int step_b, int k, bool add)
{
  written ();
  if (add) {
    _tile_loadd (0, c, step_c * 4);
    _tile_loadd (1, c + TILE, step_c * 4);
    _tile_loadd (5, c + TILE * step_c, step_c * 4);
    _tile_loadd (6, c + TILE * step_c + TILE, step_c * 4);
  } else {
    _tile_zero (0);
    _tile_zero (1);
    _tile_zero (5);
    _tile_zero (6);
  }
  for (int i = 0; i < k; i += BLOCK, a += BLOCK, b += (ptrdiff_t) step_b * BLOCK / 2) {
    _tile_loadd (2, a, step_a * 2);
    _tile_loadd (3, b, step_b * 4);
    _tile_loadd (4, b + TILE, step_b * 4);
    _tile_loadd (7, a + TILE * step_a, step_a * 2);
    _tile_dpbf16ps (0, 2, 3);
    _tile_dpbf16ps (1, 2, 4);
    _tile_dpbf16ps (5, 7, 3);
    _tile_dpbf16ps (6, 7, 4);
  }
  _tile_stored (0, c, step_c * 4);
  _tile_stored (1, c + TILE, step_c * 4);
  _tile_stored (5, c + TILE * step_c, step_c * 4);
  _tile_stored (6, c + TILE * step_c + TILE, step_c * 4);
}

/* What follows is of blocks [BLOCK BLOCK], nothing between their rows, those of b in pairs as above. b may be held for many products, and a
 * second one while nothing is summed up. */
static inline __attribute__ ((always_inline)) void
hold (const uint32_t *b, bool second)
{
  written ();
  if (second) {
    _tile_loadd (0, b, BLOCK * 4);
    _tile_loadd (1, b + TILE, BLOCK * 4);
  } else {
    _tile_loadd (4, b, BLOCK * 4);
    _tile_loadd (5, b + TILE, BLOCK * 4);
  }
}

/* c = a times b, which is held. */
static inline __attribute__ ((always_inline)) void
multiply_held (float *c, const uint16_t *a, const uint32_t *b, bool second)
{
  (void) b;
  written ();
  for (int row = 0; row < BLOCK; row += TILE, a += TILE * BLOCK, c += TILE * BLOCK) {
    _tile_loadd (6, a, BLOCK * 2);
    _tile_zero (7);
    if (second)
      _tile_dpbf16ps (7, 6, 0);
    else
      _tile_dpbf16ps (7, 6, 4);
    _tile_stored (7, c, BLOCK * 4);
    _tile_zero (7);
    if (second)
      _tile_dpbf16ps (7, 6, 1);
    else
      _tile_dpbf16ps (7, 6, 5);
    _tile_stored (7, c + TILE, BLOCK * 4);
  }
}

/* c is the sum of what is added until it ends; what is held stays. */
static inline void
sum_begin (float *c)
{
  (void) c;
  _tile_zero (0);
  _tile_zero (1);
  _tile_zero (2);
  _tile_zero (3);
}

static inline void
sum_add (float *c, const uint16_t *a, const uint32_t *b)
{
  (void) c;
  written ();
  _tile_loadd (6, b, BLOCK * 4);
  _tile_loadd (7, a, BLOCK * 2);
  _tile_dpbf16ps (0, 7, 6);
  _tile_loadd (7, a + TILE * BLOCK, BLOCK * 2);
  _tile_dpbf16ps (2, 7, 6);
  _tile_loadd (6, b + TILE, BLOCK * 4);
  _tile_dpbf16ps (3, 7, 6);
  _tile_loadd (7, a, BLOCK * 2);
  _tile_dpbf16ps (1, 7, 6);
}

static inline void
sum_end (float *c)
{
  _tile_stored (0, c, BLOCK * 4);
  _tile_stored (1, c + TILE, BLOCK * 4);
  _tile_stored (2, c + TILE * BLOCK, BLOCK * 4);
  _tile_stored (3, c + TILE * BLOCK + TILE, BLOCK * 4);
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

/* The same of TILE rows. */
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

static inline void
multiply_wide (float *c, int step_c, const uint16_t *a, int step_a, const uint32_t *b, int step_b, int k, bool add)
{
  multiply (c, step_c, a, step_a, b, step_b, k, add);
  multiply (c + TILE * step_c, step_c, a + TILE * step_a, step_a, b, step_b, k, add);
}

static inline void
hold (const uint32_t *b, bool second)
{
  (void) b;
  (void) second;
}

static inline void
multiply_held (float *c, const uint16_t *a, const uint32_t *b, bool second)
{
  (void) second;
  for (int row = 0; row < BLOCK; row += TILE)
    multiply (c + row * BLOCK, BLOCK, a + row * BLOCK, BLOCK, b, BLOCK, BLOCK, false);
}

static inline void
sum_begin (float *c)
{
  for (int i = 0; i < BLOCK * BLOCK; i++)
    c[i] = 0;
}

static inline void
sum_add (float *c, const uint16_t *a, const uint32_t *b)
{
  for (int row = 0; row < BLOCK; row += TILE)
    multiply (c + row * BLOCK, BLOCK, a + row * BLOCK, BLOCK, b, BLOCK, BLOCK, true);
}

static inline void
sum_end (float *c)
{
  (void) c;
}

#endif
