/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Joint attention for training on a CPU, forwards and back, for attention.py: what PyTorch does in a dozen passes over scores of tens of
 * megabytes stays in the nearest caches here, a few rows of one head at a time.
 *
 * q, k, v and what comes out are bfloat16 [batch n heads 32], as linear layers leave them. Of q and k each head is normalised (RMS, with
 * weights of its own for the first n_text tokens) and turned by pairs (2i, 2i + 1), in float32. Factors of products are bfloat16, sums and
 * scores float32.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "demo/train/tiles.h"

enum { D = 32, LANES = 16 }; // features of a head; floats of a vector
typedef float v16 __attribute__ ((vector_size (64)));
typedef int32_t i16 __attribute__ ((vector_size (64)));
typedef float __attribute__ ((vector_size (64), aligned (4))) loose; // the same at any address
#define EPSILON 1e-6f
#define NEVER -1e30f // the score of what does not count

typedef struct {
  int batch, n, heads, n_text;
  const uint16_t *q, *k, *v;
  const float *weights; // [4 D]: of q and k of text, then of pictures
  const float *cosines; // [n D], each twice
  const float *sines;   // [n D], each twice, the first one negative
  const uint8_t *counts; // [batch n]: 0 where nobody looks
} Attention;

/* Of one head of one example, in memory of its own. n is rounded up to wide; what is too much is nothing. */
typedef struct {
  int n, wide;
  char *memory;
  size_t used;
  float *q, *k, *v, *dq, *dout;           // [wide D], q and k as they meet
  float *dk, *dv;                         // [D wide]
  float *inverse_q, *inverse_k;           // [wide]: one over the root of the mean square
  float *bias;                            // [wide]: 0 or NEVER
  float *scores, *other;                  // [TILE wide]
  uint16_t *q_rows, *dout_rows, *between; // [wide D]
  uint16_t *q_columns, *dout_columns;     // [D wide]
  uint32_t *k_across, *v_across;          // [D / 2 wide]: pairs of features
  uint32_t *k_down, *v_down;              // [wide / 2 D]: pairs of tokens
  uint16_t *rows;                         // [TILE wide]: what scores have become
  uint32_t *pairs, *other_pairs;          // [BLOCK / 2 wide]: the same, and what they get, of pairs of tokens
} Head;

static void
load (const Attention *a, const uint16_t *from, int b, int h, float *to)
{
  for (int t = 0; t < a->n; t++)
    for (int i = 0; i < D; i++)
      to[t * D + i] = widen (from[((size_t) (b * a->n + t) * a->heads + h) * D + i]);
}

static void
store (const Attention *a, const float *from, int b, int h, uint16_t *to)
{
  for (int t = 0; t < a->n; t++)
    for (int i = 0; i < D; i++)
      to[((size_t) (b * a->n + t) * a->heads + h) * D + i] = narrow (from[t * D + i]);
}

static v16
swapped (v16 x)
{
  return __builtin_shuffle (x, (i16){ 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14 });
}

static float
sum_of (v16 x)
{
  float s = 0;
  for (int i = 0; i < LANES; i++)
    s += x[i];
  return s;
}

/* x [n D] in place: normalised and turned. which: 0 for q, 1 for k. */
static void
normalise (const Attention *a, int which, float *x, float *inverse)
{
  for (int t = 0; t < a->n; t++) {
    v16 *p = (v16 *) (x + t * D);
    const loose *w = (const loose *) (a->weights + (which + (t < a->n_text ? 0 : 2)) * D);
    const loose *c = (const loose *) (a->cosines + t * D), *s = (const loose *) (a->sines + t * D);
    inverse[t] = 1 / sqrtf (sum_of (p[0] * p[0] + p[1] * p[1]) / D + EPSILON);
    for (int i = 0; i < 2; i++) {
      v16 y = p[i] * inverse[t] * w[i];
      p[i] = y * c[i] + swapped (y) * s[i];
    }
  }
}

/* The way back: g [n D] in place, raw as it was before; what weights get is added to dw [4 D]. */
static void
normalise_back (const Attention *a, int which, const float *raw, const float *inverse, float *g, float *dw)
{
  for (int t = 0; t < a->n; t++) {
    v16 *p = (v16 *) (g + t * D), seen[2], back[2];
    const v16 *x = (const v16 *) (raw + t * D);
    int row = (which + (t < a->n_text ? 0 : 2)) * D;
    const loose *w = (const loose *) (a->weights + row);
    loose *d = (loose *) (dw + row);
    const loose *c = (const loose *) (a->cosines + t * D), *s = (const loose *) (a->sines + t * D);
    for (int i = 0; i < 2; i++) {
      v16 y = p[i] * c[i] - swapped (p[i]) * s[i];
      seen[i] = x[i] * inverse[t];
      d[i] += y * seen[i];
      back[i] = y * w[i];
    }
    float mean = sum_of (back[0] * seen[0] + back[1] * seen[1]) / D;
    for (int i = 0; i < 2; i++)
      p[i] = inverse[t] * (back[i] - seen[i] * mean);
  }
}

/* Rows [wide D] to pairs of features [D / 2 wide]. */
static void
across_of (const Head *h, const uint16_t *rows, uint32_t *to)
{
  const uint32_t *words = (const uint32_t *) (const void *) rows;
  for (int p = 0; p < D / 2; p++)
    for (int t = 0; t < h->wide; t++)
      to[p * h->wide + t] = words[t * (D / 2) + p];
}

/* Rows [wide D] to columns [D wide]. */
static void
columns_of (const Head *h, const uint16_t *rows, uint16_t *to)
{
  for (int i = 0; i < D; i++)
    for (int t = 0; t < h->wide; t++)
      to[i * h->wide + t] = rows[t * D + i];
}

/* Rows [wide D] to pairs of tokens [wide / 2 D]. */
static void
down_of (const Head *h, const uint16_t *rows, uint32_t *to)
{
  for (int t = 0; t < h->wide; t += 2)
    for (int i = 0; i < D; i++)
      to[t / 2 * D + i] = rows[t * D + i] | (uint32_t) rows[(t + 1) * D + i] << 16;
}

/* to [TILE wide] = a [TILE D] times all columns of b. */
static void
score (const Head *h, const uint16_t *a, const uint32_t *b, float *to)
{
  for (int t = 0; t < h->wide; t += BLOCK)
    multiply (to + t, h->wide, a, D, b + t, h->wide, D, false);
}

/* to [D wide] += columns of BLOCK tokens from first on, times the pairs of these tokens. */
static void
spread (const Head *h, const uint16_t *columns, int first, const uint32_t *pairs, float *to)
{
  for (int t = 0; t < h->wide; t += BLOCK)
    for (int i = 0; i < D; i += TILE)
      multiply (to + i * h->wide + t, h->wide, columns + i * h->wide + first, h->wide, pairs + t, h->wide, BLOCK, true);
}

/* Powers of a row of scores, over that of the highest. Their sum, and in log what to take from the scores for it to be one. */
static float
powers (const Head *h, float *restrict scores, uint16_t *restrict to, float *log)
{
  const float *bias = h->bias;
  float most = NEVER, sum = 0;
  int wide = h->wide;
  for (int t = 0; t < wide; t++) {
    scores[t] += bias[t];
    most = scores[t] > most ? scores[t] : most;
  }
  for (int t = 0; t < wide; t++) {
    scores[t] = power (scores[t] - most);
    sum += scores[t];
  }
  narrow_all (wide, scores, to);
  *log = most + log2f (sum);
  return sum;
}

static void *
take (Head *h, size_t bytes)
{
  void *at = h->memory + h->used;
  h->used += (size_t) h->wide * bytes;
  return at;
}

static Head
head_new (int n)
{
  enum { EACH = 2048 }; // bytes by columns, of all parts
  Head h = { .n = n, .wide = (n + BLOCK - 1) / BLOCK * BLOCK };
  h.memory = aligned_alloc (64, (size_t) h.wide * EACH);
  if (!h.memory)
    abort ();
  memset (h.memory, 0, (size_t) h.wide * EACH);
  float **floats[] = { &h.q, &h.k, &h.v, &h.dq, &h.dout, &h.dk, &h.dv };
  for (int i = 0; i < 7; i++)
    *floats[i] = take (&h, D * 4);
  uint16_t **shorts[] = { &h.q_rows, &h.dout_rows, &h.between, &h.q_columns, &h.dout_columns };
  for (int i = 0; i < 5; i++)
    *shorts[i] = take (&h, D * 2);
  uint32_t **words[] = { &h.k_across, &h.v_across, &h.k_down, &h.v_down, &h.pairs, &h.other_pairs };
  for (int i = 0; i < 6; i++)
    *words[i] = take (&h, D * 2);
  h.scores = take (&h, TILE * 4);
  h.other = take (&h, TILE * 4);
  h.rows = take (&h, TILE * 2);
  float **lines[] = { &h.inverse_q, &h.inverse_k, &h.bias };
  for (int i = 0; i < 3; i++)
    *lines[i] = take (&h, 4);
  assert (h.used <= (size_t) h.wide * EACH);
  return h;
}

/* What forwards and back begin with: q (times what makes exponentials powers of two), k, v of one head, the bias of its example. */
static void
prepare (const Attention *a, Head *h, int b, int head)
{
  load (a, a->q, b, head, h->q);
  load (a, a->k, b, head, h->k);
  load (a, a->v, b, head, h->v);
  normalise (a, 0, h->q, h->inverse_q);
  normalise (a, 1, h->k, h->inverse_k);
  for (int i = 0; i < h->n * D; i++)
    h->q[i] *= LOG2_E / sqrtf (D);
  narrow_all (h->wide * D, h->q, h->q_rows);
  narrow_all (h->wide * D, h->k, h->between);
  across_of (h, h->between, h->k_across);
  down_of (h, h->between, h->k_down);
  narrow_all (h->wide * D, h->v, h->between);
  across_of (h, h->between, h->v_across);
  down_of (h, h->between, h->v_down);
  for (int t = 0; t < h->wide; t++)
    h->bias[t] = t < h->n && a->counts[b * h->n + t] ? 0 : NEVER;
}

/* logs [batch heads n]: of each sum of exponentials, to base two. */
void
attention_forward (const Attention *a, uint16_t *out, float *logs)
{
  Head h = head_new (a->n);
  Before before;
  begin (&before);
  for (int b = 0; b < a->batch; b++)
    for (int head = 0; head < a->heads; head++, logs += a->n) {
      prepare (a, &h, b, head);
      for (int row = 0; row < h.n; row += TILE) {
        float sums[TILE], log;
        score (&h, h.q_rows + row * D, h.k_across, h.scores);
        for (int r = 0; r < TILE; r++) {
          sums[r] = powers (&h, h.scores + r * h.wide, h.rows + r * h.wide, &log);
          if (row + r < h.n)
            logs[row + r] = log;
        }
        multiply (h.dout + row * D, D, h.rows, h.wide, h.v_down, D, h.wide, false);
        for (int r = 0; r < TILE; r++)
          for (int i = 0; i < D; i++)
            h.dout[(row + r) * D + i] /= sums[r];
      }
      store (a, h.dout, b, head, out);
    }
  end (&before);
  free (h.memory);
}

/* What a row of scores was worth, p, and what it gets, ds; log as powers left it. */
static void
row_back (const Head *h, float log, float *restrict p, float *restrict ds)
{
  const float *bias = h->bias;
  float sum = 0;
  int wide = h->wide;
  for (int t = 0; t < wide; t++) {
    p[t] = power (p[t] + (bias[t] - log));
    sum += p[t] * ds[t];
  }
  for (int t = 0; t < wide; t++)
    ds[t] = p[t] * (ds[t] - sum);
}

/* Rows of scores [TILE wide] to pairs of tokens [TILE / 2 wide]. */
static void
pairs_of (const Head *h, const float *restrict rows, uint32_t *restrict to)
{
  for (int r = 0, wide = h->wide; r < TILE; r += 2)
    for (int t = 0; t < wide; t++)
      to[r / 2 * wide + t] = pair (rows[r * wide + t], rows[(r + 1) * wide + t]);
}

/* dq, dk, dv of one head, of what is prepared and dout. */
static void
head_back (Head *h, const float *logs)
{
  memset (h->dk, 0, (size_t) h->wide * D * sizeof (float));
  memset (h->dv, 0, (size_t) h->wide * D * sizeof (float));
  for (int row = 0; row < h->wide; row += TILE) {
    int second = row % BLOCK / 2; // pairs, of the second tile of a block
    score (h, h->q_rows + row * D, h->k_across, h->scores);
    score (h, h->dout_rows + row * D, h->v_across, h->other);
    for (int r = 0; r < TILE; r++)
      row_back (h, row + r < h->n ? logs[row + r] : -NEVER, h->scores + r * h->wide, h->other + r * h->wide);
    narrow_all (TILE * h->wide, h->other, h->rows);
    multiply (h->dq + row * D, D, h->rows, h->wide, h->k_down, D, h->wide, false);
    pairs_of (h, h->scores, h->pairs + second * h->wide);
    pairs_of (h, h->other, h->other_pairs + second * h->wide);
    if (second) {
      spread (h, h->dout_columns, row - TILE, h->pairs, h->dv);
      spread (h, h->q_columns, row - TILE, h->other_pairs, h->dk);
    }
  }
}

/* x [D wide] to [wide D], times scale. */
static void
turned (const Head *h, const float *x, float scale, float *to)
{
  for (int t = 0; t < h->wide; t++)
    for (int i = 0; i < D; i++)
      to[t * D + i] = x[i * h->wide + t] * scale;
}

/* dq, dk, dv as q, k, v; dweights [4 D] is added to; logs as forwards gave them. */
void
attention_backward (const Attention *a, const float *logs, const uint16_t *dout, uint16_t *dq, uint16_t *dk, uint16_t *dv, float *dweights)
{
  Head h = head_new (a->n);
  Before before;
  begin (&before);
  for (int b = 0; b < a->batch; b++)
    for (int head = 0; head < a->heads; head++, logs += a->n) {
      prepare (a, &h, b, head);
      load (a, dout, b, head, h.dout);
      narrow_all (h.wide * D, h.dout, h.dout_rows);
      columns_of (&h, h.dout_rows, h.dout_columns);
      columns_of (&h, h.q_rows, h.q_columns);
      head_back (&h, logs);
      for (int i = 0; i < h.n * D; i++)
        h.dq[i] *= 1 / sqrtf (D);
      load (a, a->q, b, head, h.q);
      load (a, a->k, b, head, h.k);
      normalise_back (a, 0, h.q, h.inverse_q, h.dq, dweights);
      store (a, h.dq, b, head, dq);
      turned (&h, h.dk, 1 / LOG2_E, h.v); // q had the factor in it
      normalise_back (a, 1, h.k, h.inverse_k, h.v, dweights);
      store (a, h.v, b, head, dk);
      turned (&h, h.dv, 1, h.v);
      store (a, h.v, b, head, dv);
    }
  end (&before);
  free (h.memory);
}
