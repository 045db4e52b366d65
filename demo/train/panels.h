/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Matrices as the products of block.c take them: weights, and rows of tokens for the gradients of weights, as words of pairs in panels of BLOCK
 * columns, one panel behind the other.
 */
#pragma once
#include <stdlib.h>

#include "demo/train/vectors.h"

enum { WIDE = 160, HIDDEN = 4 * WIDE }; // features of a token, and of it inside the MLP
enum { ROWS_AT_ONCE = 32, CHUNK = 128 }; // rows of a product; rows by which gradients of weights are added up

static inline void *
allocated (size_t bytes)
{
  void *memory = aligned_alloc (64, (bytes + 63) / 64 * 64);
  if (!memory)
    abort ();
  return memory;
}

/* Words [CHUNK / 2 WIDE] of pairs of tokens to rows of a feature each, [WIDE CHUNK] numbers. */
static inline void
turn_all (const uint32_t *pairs, uint32_t *to)
{
  for (int p = 0; p < CHUNK / 2; p += TILE)
    for (int i = 0; i < WIDE; i += TILE)
      turn (pairs + p * WIDE + i, WIDE, to + i * (CHUNK / 2) + p, CHUNK / 2);
}

/* Of a matrix [rows columns], for x times it transposed. */
static inline uint32_t *
packed_forth (const float *w, int rows, int columns)
{
  uint32_t *out = allocated ((size_t) rows * columns * 2), *to = out, words[TILE * HIDDEN / 2] ALIGNED;
  for (int panel = 0; panel < rows; panel += BLOCK, to += columns / 2 * BLOCK)
    for (int half = 0; half < BLOCK; half += TILE, w += TILE * columns) {
      narrow_all (TILE * columns, w, (uint16_t *) words);
      for (int c = 0; c < columns / 2; c += TILE)
        turn (words + c, columns / 2, to + c * BLOCK + half, BLOCK);
    }
  return out;
}

/* The same, for dy times it. */
static inline uint32_t *
packed_back (const float *w, int rows, int columns)
{
  uint32_t *out = allocated ((size_t) rows * columns * 2), *to = out;
  for (int panel = 0; panel < columns; panel += BLOCK)
    for (int r = 0; r < rows; r += 2)
      for (int i = 0; i < BLOCK; i++, to++)
        *to = pair (w[r * columns + panel + i], w[(r + 1) * columns + panel + i]);
  return out;
}

/* c [ROWS_AT_ONCE columns] = a [ROWS_AT_ONCE k] times panels b of so many columns, or that added to it. */
static inline void
product (float *c, const uint16_t *a, int k, const uint32_t *b, int columns, bool add)
{
  for (int i = 0; i < columns; i += BLOCK, b += k / 2 * BLOCK)
    multiply_wide (c + i, columns, a, k, b, BLOCK, k, add);
}

/* dw [WIDE columns] += turned [WIDE CHUNK] times panels of pairs of tokens [CHUNK / 2 BLOCK]. */
static inline void
gradient (float *dw, const uint32_t *turned, const uint32_t *pairs, int columns)
{
  const uint16_t *a = (const uint16_t *) (const void *) turned;
  for (int i = 0; i < columns; i += BLOCK, pairs += CHUNK / 2 * BLOCK)
    for (int r = 0; r < WIDE; r += BLOCK)
      multiply_wide (dw + r * columns + i, columns, a + r * CHUNK, CHUNK, pairs, BLOCK, CHUNK, true);
}

/* Two rows as words of pairs, [columns], or in panels of tokens. */
static inline void
pair_floats (const float *first, const float *second, int columns, uint32_t *restrict to)
{
  for (int i = 0; i < columns; i++)
    to[i] = pair (first[i], second[i]);
}

static inline void
pair_panels (const float *first, const float *second, int columns, int row, uint32_t *restrict to)
{
  to += row / 2 * BLOCK;
  for (int i = 0; i < columns; i += BLOCK, to += CHUNK / 2 * BLOCK)
    pair_floats (first + i, second + i, BLOCK, to);
}

/* Rows [ROWS_AT_ONCE WIDE] as words of pairs from the chunk's row `at` on. */
static inline void
pair_all (const float *rows, int at, uint32_t *to)
{
  for (int r = 0; r < ROWS_AT_ONCE; r += 2)
    pair_floats (rows + r * WIDE, rows + (r + 1) * WIDE, WIDE, to + (at + r) / 2 * WIDE);
}

/* The same of bfloat16, in panels. */
static inline void
pair_narrow (const uint16_t *rows, int at, uint32_t *to)
{
  for (int panel = 0; panel < WIDE; panel += BLOCK, to += CHUNK / 2 * BLOCK)
    for (int r = 0; r < ROWS_AT_ONCE; r += 2)
      for (int i = panel; i < panel + BLOCK; i++)
        to[(at + r) / 2 * BLOCK + i - panel] = rows[r * WIDE + i] | (uint32_t) rows[(r + 1) * WIDE + i] << 16;
}

static inline void
pair_numbers (const uint16_t *rows, int at, uint32_t *restrict to)
{
  for (int r = 0; r < ROWS_AT_ONCE; r += 2)
    for (int i = 0; i < WIDE; i++)
      to[(at + r) / 2 * WIDE + i] = rows[r * WIDE + i] | (uint32_t) rows[(r + 1) * WIDE + i] << 16;
}
