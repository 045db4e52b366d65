/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Joint attention for training on a CPU, forwards and back, for block.py: what PyTorch does in a dozen passes over scores of tens of
 * megabytes stays in the nearest caches here, BLOCK queries of one head at a time.
 *
 * q, k, v and what comes out are bfloat16 [batch n heads 32], as linear layers leave them. Of q and k each head is normalised (RMS, with
 * weights of its own for the first n_text tokens) and turned by pairs (2i, 2i + 1), in float32. Factors of products are bfloat16, sums and
 * scores float32.
 *
 * Scores lie with keys down and queries across: sums over keys are sums of vectors then. Keys that do not count are left out from the
 * beginning. A word is two bfloat16 next to each other; where words are taken apart there are the even ones first, then the odd ones.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "demo/train/vectors.h"

enum { D = 32 }; // features of a head
#define EPSILON 1e-6f
#define NEVER -1e30f // the score of what does not count
#define HIGH 64      // powers of two up to here, and their sums, are far from what float32 ends at

typedef struct {
  int batch, n, heads, n_text;
  const uint16_t *q, *k, *v;
  const float *weights; // [4 D]: of q and k of text, then of pictures
  const float *cosines; // [n D], each twice
  const float *sines;   // [n D], each twice, the first one negative
  const uint8_t *counts; // [batch n]: 0 where nobody looks
} Attention;

/* What is the same for all heads, and memory for one head of one example. n is rounded up to wide, and the number of keys that count to
 * keys; what is too much is nothing. */
typedef struct {
  const Attention *a;
  int n, wide, count, keys;
  size_t here, next;                    // where the first token of the head is in q, k, v, and that of the next one
  bool high;                            // scores may be
  char *memory;
  size_t used;
  Row weights[4];
  v16 *cosines, *sines;                 // [n]
  int *tokens;                          // [count] keys that count
  float *inverse_q, *inverse_k;         // [wide]: one over the root of the mean square
  float *logs;                          // [wide]
  uint32_t *rows;                       // [wide D / 2]
  uint32_t *k, *v;                      // [keys D / 2]
  uint32_t *q_across, *dout_across;     // [wide / BLOCK][D / 2 BLOCK]: pairs of features
  uint32_t *q_down, *dout_down;         // [wide / 2 D]: pairs of tokens
  uint16_t *columns;                    // [keys / BLOCK][D BLOCK]: of k back, of v forwards
  float *powers;                        // [keys BLOCK]: of scores
  uint16_t *p, *ds;                     // [wide / BLOCK][keys / BLOCK][BLOCK BLOCK]: what scores were worth, and what they get
} Head;

/* Rows [wide D / 2] of words to blocks of pairs of features [wide / BLOCK][D / 2 BLOCK]. */
static void
across_of (int wide, const uint32_t *rows, uint32_t *to)
{
  for (int t = 0; t < wide; t += LANES)
    turn (rows + t * (D / 2), D / 2, to + t / BLOCK * (D / 2 * BLOCK) + t % BLOCK, BLOCK);
}

/* Rows to pairs of tokens [wide / 2 D]. */
static void
down_of (int wide, const uint32_t *rows, uint32_t *to)
{
  const w16 *words = (const w16 *) rows;
  for (int t = 0; t < wide; t += 2)
    pair_rows (words[t], words[t + 1], to + t / 2 * D);
}

/* Rows to blocks of columns [wide / BLOCK][D BLOCK]. */
static void
columns_of (int wide, const uint32_t *rows, uint16_t *to)
{
  for (int t = 0; t < wide; t += BLOCK) {
    uint32_t pairs[BLOCK / 2 * D] ALIGNED;
    down_of (BLOCK, rows + t * (D / 2), pairs);
    for (int i = 0; i < D; i += LANES)
      turn (pairs + i, D, to + t * D + i * BLOCK, BLOCK / 2);
  }
}

static const loose_words *
row_of (const Head *h, const uint16_t *from, int t)
{
  return (const loose_words *) (from + h->here + (size_t) t * h->a->heads * D);
}

static loose_words *
place_of (const Head *h, uint16_t *to, int t)
{
  return (loose_words *) (to + h->here + (size_t) t * h->a->heads * D);
}

/* The first count of tokens, or all, as they are, to [wide D / 2]. */
static void
load (const Head *h, const uint16_t *from, const int *tokens, int count, int wide, uint32_t *to)
{
  w16 *rows = (w16 *) to;
  for (int i = 0; i < count; i++)
    rows[i] = *row_of (h, from, tokens ? tokens[i] : i);
  memset (rows + count, 0, (size_t) (wide - count) * sizeof *rows);
}

/* The same normalised and turned, times scale. which: 0 for q, 1 for k. */
static void
normalise (const Head *h, int which, const int *tokens, int count, int wide, float scale, uint32_t *to, float *inverse)
{
  const uint16_t *from = which ? h->a->k : h->a->q;
  w16 *rows = (w16 *) to;
  for (int i = 0; i < count; i++) {
    Row x = apart (*row_of (h, from, tokens ? tokens[i] : i));
    inverse[i] = sum_of (x.even * x.even + x.odd * x.odd);
  }
  for (int i = 0; i < count; i++)
    inverse[i] = 1 / sqrtf (inverse[i] / D + EPSILON);
  for (int i = 0; i < count; i++) {
    int t = tokens ? tokens[i] : i;
    const Row *w = h->weights + which + (t < h->a->n_text ? 0 : 2);
    Row x = apart (*row_of (h, from, t));
    v16 c = h->cosines[t] * (inverse[i] * scale), s = h->sines[t] * (inverse[i] * scale);
    v16 even = x.even * w->even, odd = x.odd * w->odd;
    rows[i] = joined (even * c - odd * s, odd * c + even * s);
  }
  memset (rows + count, 0, (size_t) (wide - count) * sizeof *rows);
}

/* The way back, of what a token got; what weights get is added to dw [4]. */
static inline w16
normalise_back (const Head *h, int which, int t, Row g, float inverse, Row *dw)
{
  int row = which + (t < h->a->n_text ? 0 : 2);
  const Row *w = h->weights + row;
  Row x = apart (*row_of (h, which ? h->a->k : h->a->q, t));
  v16 c = h->cosines[t], s = h->sines[t];
  v16 even = g.even * c + g.odd * s, odd = g.odd * c - g.even * s;
  x.even *= inverse;
  x.odd *= inverse;
  dw[row].even += even * x.even;
  dw[row].odd += odd * x.odd;
  even *= w->even;
  odd *= w->odd;
  float mean = sum_of (even * x.even + odd * x.odd) / D;
  return joined (inverse * (even - x.even * mean), inverse * (odd - x.odd * mean));
}

static void *
take (Head *h, size_t bytes)
{
  void *at = h->memory ? h->memory + h->used : NULL;
  h->used += (bytes + 63) / 64 * 64;
  return at;
}

/* First without memory, to see how much it is. */
static void
lay_out (Head *h, bool back)
{
  size_t wide = h->wide, rows = wide * D * sizeof (uint16_t), block = wide * BLOCK;
  h->used = 0;
  h->cosines = take (h, wide * sizeof (v16));
  h->sines = take (h, wide * sizeof (v16));
  h->tokens = take (h, wide * sizeof (int));
  float **lines[] = { &h->inverse_q, &h->inverse_k, &h->logs };
  for (int i = 0; i < 3; i++)
    *lines[i] = take (h, wide * sizeof (float));
  uint32_t **words[] = { &h->rows, &h->k, &h->v, &h->q_across, &h->dout_across, &h->q_down, &h->dout_down };
  for (int i = 0; i < 7; i++)
    *words[i] = take (h, rows);
  h->columns = take (h, rows);
  h->powers = take (h, block * sizeof (float));
  h->p = take (h, back ? wide * wide * sizeof (uint16_t) : 0);
  h->ds = take (h, back ? wide * wide * sizeof (uint16_t) : 0);
}

/* The scores of rows whose root of the mean square is one at most come from the highest weights. */
static bool
may_be_high (const Attention *a)
{
  float most[2] = { 0, 0 };
  for (int i = 0; i < 4 * D; i++)
    most[i / D % 2] = fmaxf (most[i / D % 2], fabsf (a->weights[i]));
  return !(most[0] * most[1] * sqrtf (D) * LOG2_E < HIGH);
}

static Head
head_new (const Attention *a, bool back)
{
  Head h = { .a = a, .n = a->n, .wide = (a->n + BLOCK - 1) / BLOCK * BLOCK, .high = may_be_high (a) };
  lay_out (&h, back);
  h.memory = aligned_alloc (64, h.used);
  if (!h.memory)
    abort ();
  lay_out (&h, back);
  for (int i = 0; i < 4; i++)
    h.weights[i] = floats_apart (a->weights + i * D);
  for (int t = 0; t < h.n; t++) {
    h.cosines[t] = floats_apart (a->cosines + t * D).even;
    h.sines[t] = floats_apart (a->sines + t * D).odd;
  }
  return h;
}

static void
find_keys (Head *h, int example)
{
  const uint8_t *counts = h->a->counts + (size_t) example * h->n;
  h->count = 0;
  for (int t = 0; t < h->n; t++)
    if (counts[t])
      h->tokens[h->count++] = t;
  h->keys = (h->count + BLOCK - 1) / BLOCK * BLOCK;
}

/* What forwards and back begin with: q (times what makes exponentials powers of two), k and v of one head. */
static void
prepare (Head *h, int example, int head)
{
  const Attention *a = h->a;
  bool more = head + 1 < a->heads, last = !more && example + 1 == a->batch;
  h->here = ((size_t) example * h->n * a->heads + head) * D;
  h->next = last ? h->here : more ? h->here + D : h->here + D + (size_t) (h->n - 1) * a->heads * D;
  normalise (h, 0, NULL, h->n, h->wide, LOG2_E / sqrtf (D), h->rows, h->inverse_q);
  across_of (h->wide, h->rows, h->q_across);
  normalise (h, 1, h->tokens, h->count, h->keys, 1, h->k, h->inverse_k);
  load (h, h->a->v, h->tokens, h->count, h->keys, h->v);
}

/* What the next head begins with, into the caches meanwhile: a few tokens of those from first on with each block of keys. */
static inline void
fetch (const Head *h, int first, int key, const uint16_t *const *from, int count)
{
  enum { FEW = 4 };
  int begin = first + key / BLOCK * FEW, end = begin + FEW;
  if (key >= BLOCK / FEW * BLOCK || end > h->n)
    return;
  for (int i = 0; i < count; i++)
    for (int t = begin; t < end; t++)
      __builtin_prefetch (from[i] + h->next + (size_t) t * h->a->heads * D, 0, 2);
}

/* Scores [BLOCK BLOCK] of rows past the last key: those of nothing. */
static inline void
end_keys (const Head *h, int key, float nothing, float *scores)
{
  for (int i = (h->count - key) * BLOCK; i < BLOCK * BLOCK; i++)
    scores[i] = nothing;
}

/* to [BLOCK BLOCK]: of the rows from key on with the block across that is held. After the last key the first again, to no end. */
static inline __attribute__ ((always_inline)) void
score (const Head *h, const uint32_t *rows, int key, const uint32_t *across, bool second, float *to)
{
  multiply_held (to, (const uint16_t *) (rows + (key < h->keys ? key : 0) * (D / 2)), across, second);
}

/* The highest scores of BLOCK queries. */
static void
highest (const Head *h, const uint32_t *across, v16 *most)
{
  float scores[BLOCK * BLOCK] ALIGNED;
  most[0] = most[1] = (v16){ 0 } + NEVER;
  for (int key = 0; key < h->keys; key += BLOCK) {
    score (h, h->k, key, across, false, scores);
    end_keys (h, key, NEVER, scores);
    const v16 *s = (const v16 *) scores;
    for (int i = 0; i < 2 * BLOCK; i++) {
      i16 more = s[i] > most[i % 2];
      most[i % 2] = (v16) (((i16) s[i] & more) | ((i16) most[i % 2] & ~more));
    }
  }
}

/* Powers of a block of scores, over that of the highest, as pairs of keys; their sums are added up. */
static inline void
powers (const float *scores, const v16 *most, v16 *sums, uint32_t *to)
{
  const v16 *s = (const v16 *) scores;
  v16 first = most[0], second = most[1], sum0 = sums[0], sum1 = sums[1];
  for (int i = 0; i < BLOCK / 2; i++, s += 4, to += BLOCK) {
    v16 a = powers_of (s[0] - first), b = powers_of (s[1] - second), c = powers_of (s[2] - first), d = powers_of (s[3] - second);
    sum0 += a + c;
    sum1 += b + d;
    pair_rows (narrowed (a, b), narrowed (c, d), to);
  }
  sums[0] = sum0;
  sums[1] = sum1;
}

/* x [D BLOCK], features down and queries across as pairs left them, over sums, to the tokens from first on. */
static void
store_out (const Head *h, const float *x, const v16 *sums, int first, uint16_t *out)
{
  uint32_t words[D / 2 * BLOCK] ALIGNED, rows[BLOCK * D / 2] ALIGNED;
  const v16 *even = (const v16 *) x, *odd = even + D;
  Row s = floats_apart ((const float *) sums);
  v16 over[2] = { 1 / s.even, 1 / s.odd };
  for (int i = 0; i < D; i++)
    ((w16 *) words)[i] = joined (even[i] * over[i % 2], odd[i] * over[i % 2]);
  for (int i = 0; i < 2; i++)
    turn (words + i * LANES, BLOCK, rows + i * (D / 2), D); // every other query
  for (int t = 0; t < BLOCK && first + t < h->n; t++)
    *place_of (h, out, first + t) = ((const w16 *) rows)[t];
}

/* BLOCK queries from first on. */
static void
rows_forward (Head *h, int first, uint16_t *out, float *logs)
{
  const uint32_t *across = h->q_across + first * (D / 2);
  float product[D * BLOCK] ALIGNED, scores[2][BLOCK * BLOCK] ALIGNED;
  uint32_t pairs[2][BLOCK / 2 * BLOCK] ALIGNED;
  v16 most[2] = { { 0 }, { 0 } };
  union { v16 v[2]; float f[BLOCK]; } sums = { .v = { { 0 }, { 0 } } }, log;
  hold (across, false);
  if (h->high)
    highest (h, across, most);
  sum_begin (product);
  score (h, h->k, 0, across, false, scores[0]);
  for (int key = 0, i = 0; key < h->keys; key += BLOCK, i = 1 - i) {
    fetch (h, first, key, (const uint16_t *[]){ h->a->q, h->a->k, h->a->v, out }, 4);
    end_keys (h, key, NEVER, scores[i]);
    score (h, h->k, key + BLOCK, across, false, scores[1 - i]);
    if (key)
      sum_add (product, h->columns + (key - BLOCK) * D, pairs[1 - i]);
    powers (scores[i], most, sums.v, pairs[i]);
  }
  if (h->keys)
    sum_add (product, h->columns + (h->keys - BLOCK) * D, pairs[(h->keys / BLOCK + 1) % 2]);
  sum_end (product);
  for (int i = 0; i < 2; i++) {
    sums.v[i] += 1e-37f; // where nothing counts
    log.v[i] = most[i];
  }
  for (int i = 0; i < BLOCK; i++)
    log.f[i] += log2f (sums.f[i]);
  store_out (h, product, sums.v, first, out);
  memcpy (logs + first, log.f, (h->n - first < BLOCK ? h->n - first : BLOCK) * sizeof (float));
}

/* logs [batch heads n]: of each sum of exponentials, to base two. */
void
attention_forward (const Attention *a, uint16_t *out, float *logs)
{
  Head h = head_new (a, false);
  Before before;
  begin (&before);
  for (int b = 0; b < a->batch; b++) {
    find_keys (&h, b);
    for (int head = 0; head < a->heads; head++, logs += a->n) {
      prepare (&h, b, head);
      columns_of (h.keys, h.v, h.columns);
      for (int row = 0; row < h.n; row += BLOCK)
        rows_forward (&h, row, out, logs);
    }
  }
  end (&before);
  free (h.memory);
}

/* What a block of scores was worth, p, twice, that in bfloat16 kept for later; sums of what p gets, times it, are added up. */
static inline void
powers_back (const float *scores, const float *gets, const v16 *logs, v16 *sums, float *p, uint16_t *kept)
{
  const v16 *s = (const v16 *) scores, *g = (const v16 *) gets;
  v16 first = logs[0], second = logs[1], sum0 = sums[0], sum1 = sums[1], *to = (v16 *) p;
  for (int i = 0; i < BLOCK; i++, s += 2, g += 2, to += 2, kept += BLOCK) {
    v16 a = powers_of (s[0] - first), b = powers_of (s[1] - second);
    sum0 += a * g[0];
    sum1 += b * g[1];
    to[0] = a;
    to[1] = b;
    *(w16 *) kept = narrowed (a, b);
  }
  sums[0] = sum0;
  sums[1] = sum1;
}

/* What the scores get: kept for later, and as pairs of keys. */
static inline void
scores_back (const float *p, const float *gets, const v16 *sums, uint16_t *kept, uint32_t *to)
{
  const v16 *s = (const v16 *) p, *g = (const v16 *) gets;
  v16 first = sums[0], second = sums[1];
  for (int i = 0; i < BLOCK / 2; i++, s += 4, g += 4, kept += 2 * BLOCK, to += BLOCK) {
    w16 a = narrowed (s[0] * (g[0] - first), s[1] * (g[1] - second));
    w16 b = narrowed (s[2] * (g[2] - first), s[3] * (g[3] - second));
    *(w16 *) kept = a;
    *(w16 *) (kept + BLOCK) = b;
    pair_rows (a, b, to);
  }
}

/* x [D BLOCK], features down and queries across as pairs left them, to the tokens from first on. */
static void
store_dq (const Head *h, const float *x, int first, uint16_t *dq, Row *dw)
{
  Row rows[BLOCK];
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++)
      turn (x + j * LANES * BLOCK + i * LANES, BLOCK, (v16 *) rows + i * 2 + j, 2 * D);
  for (int i = 0; i < BLOCK && first + i < h->n; i++) {
    Row g = { rows[i].even * (1 / sqrtf (D)), rows[i].odd * (1 / sqrtf (D)) };
    *place_of (h, dq, first + i) = normalise_back (h, 0, first + i, g, h->inverse_q[first + i], dw);
  }
}

/* BLOCK queries from first on: dq, and what keys and values need later. */
static void
rows_back (Head *h, int first, const uint16_t *dout, uint16_t *dq, Row *dw)
{
  const uint32_t *q = h->q_across + first * (D / 2), *across = h->dout_across + first * (D / 2);
  float product[D * BLOCK] ALIGNED, scores[2][BLOCK * BLOCK] ALIGNED, gets[2][BLOCK * BLOCK] ALIGNED;
  uint32_t pairs[2][BLOCK / 2 * BLOCK] ALIGNED;
  const v16 *logs = (const v16 *) (h->logs + first);
  v16 sums[2] = { { 0 }, { 0 } };
  hold (across, false);
  hold (q, true);
  score (h, h->k, 0, q, true, scores[0]);
  score (h, h->v, 0, across, false, gets[0]);
  for (int key = 0, i = 0; key < h->keys; key += BLOCK, i = 1 - i) {
    fetch (h, first, key, (const uint16_t *[]){ h->a->q, h->a->k, h->a->v, dout, dq }, 5);
    end_keys (h, key, NEVER, scores[i]);
    end_keys (h, key, 0, gets[i]);
    score (h, h->k, key + BLOCK, q, true, scores[1 - i]);
    score (h, h->v, key + BLOCK, across, false, gets[1 - i]);
    powers_back (scores[i], gets[i], logs, sums, h->powers + key * BLOCK, h->p + first * h->keys + key * BLOCK);
  }
  sum_begin (product);
  score (h, h->v, 0, across, false, gets[0]);
  for (int key = 0, i = 0; key < h->keys; key += BLOCK, i = 1 - i) {
    end_keys (h, key, 0, gets[i]);
    score (h, h->v, key + BLOCK, across, false, gets[1 - i]);
    if (key)
      sum_add (product, h->columns + (key - BLOCK) * D, pairs[1 - i]);
    scores_back (h->powers + key * BLOCK, gets[i], sums, h->ds + first * h->keys + key * BLOCK, pairs[i]);
  }
  if (h->keys)
    sum_add (product, h->columns + (h->keys - BLOCK) * D, pairs[(h->keys / BLOCK + 1) % 2]);
  sum_end (product);
  store_dq (h, product, first, dq, dw);
}

/* to [BLOCK D] = the first block of keys of a, of all queries, times b [wide D]. */
static void
sum_of_blocks (const Head *h, const uint16_t *a, const uint32_t *b, float *to)
{
  sum_begin (to);
  for (int t = 0; t < h->wide; t += BLOCK)
    sum_add (to, a + t * h->keys, b + t / 2 * D);
  sum_end (to);
}

/* dk and dv of BLOCK keys from first on. */
static void
keys_back (const Head *h, int first, uint16_t *dk, uint16_t *dv, Row *dw)
{
  Row k[BLOCK], v[BLOCK];
  sum_of_blocks (h, h->ds + first * BLOCK, h->q_down, (float *) k);
  sum_of_blocks (h, h->p + first * BLOCK, h->dout_down, (float *) v);
  for (int i = 0; i < BLOCK && first + i < h->count; i++) {
    int t = h->tokens[first + i];
    Row g = { k[i].even * (1 / LOG2_E), k[i].odd * (1 / LOG2_E) }; // q had the factor in it
    *place_of (h, dk, t) = normalise_back (h, 1, t, g, h->inverse_k[first + i], dw);
    *place_of (h, dv, t) = joined (v[i].even, v[i].odd);
  }
}

/* dk and dv of the other ones. */
static void
nothing_back (const Head *h, uint16_t *dk, uint16_t *dv)
{
  for (int t = 0, i = 0; t < h->n; t++)
    if (i < h->count && h->tokens[i] == t)
      i++;
    else
      *place_of (h, dk, t) = *place_of (h, dv, t) = (w16){ 0 };
}

/* One head, of what is prepared. */
static void
head_back (Head *h, const float *logs, const uint16_t *dout, uint16_t *dq, uint16_t *dk, uint16_t *dv, Row *dw)
{
  down_of (h->wide, h->rows, h->q_down);
  load (h, dout, NULL, h->n, h->wide, h->rows);
  across_of (h->wide, h->rows, h->dout_across);
  down_of (h->wide, h->rows, h->dout_down);
  columns_of (h->keys, h->k, h->columns);
  memcpy (h->logs, logs, h->n * sizeof *logs);
  memset (h->logs + h->n, 0, (h->wide - h->n) * sizeof *logs);
  for (int row = 0; row < h->n; row += BLOCK)
    rows_back (h, row, dout, dq, dw);
  for (int key = 0; key < h->keys; key += BLOCK)
    keys_back (h, key, dk, dv, dw);
  nothing_back (h, dk, dv);
}

/* dq, dk, dv as q, k, v; dweights [4 D] is added to; logs as forwards gave them. */
void
attention_backward (const Attention *a, const float *logs, const uint16_t *dout, uint16_t *dq, uint16_t *dk, uint16_t *dv, float *dweights)
{
  Head h = head_new (a, true);
  Row dw[4];
  Before before;
  memset (dw, 0, sizeof dw);
  begin (&before);
  for (int b = 0; b < a->batch; b++) {
    find_keys (&h, b);
    for (int head = 0; head < a->heads; head++, logs += a->n) {
      prepare (&h, b, head);
      head_back (&h, logs, dout, dq, dk, dv, dw);
    }
  }
  for (int i = 0; i < 4 * D; i++)
    dweights[i] += i % 2 ? dw[i / D].odd[i % D / 2] : dw[i / D].even[i % D / 2];
  end (&before);
  free (h.memory);
}
