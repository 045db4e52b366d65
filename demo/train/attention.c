/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Joint attention and the activation of the MLPs for training on a CPU, forwards and back, for attention.py: what PyTorch does in a dozen
 * passes over scores of tens of megabytes stays in the first caches here, a few rows of one head at a time.
 *
 * q, k, v and what comes out are bfloat16 [batch n heads 32], as linear layers leave them. Of q and k each head is normalised (RMS, with
 * weights of its own for the first n_text tokens) and turned by pairs (2i, 2i + 1); all of that is float32 here.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

enum { D = 32, LANES = 16, ROWS = 16 }; // features of a head; floats of a vector; rows of scores at a time
#define EPSILON 1e-6f
#define LEAST -80.f // below it exponentials are nothing, and slow

typedef float v16 __attribute__ ((vector_size (64)));
typedef int32_t i16 __attribute__ ((vector_size (64)));
typedef float __attribute__ ((vector_size (64), aligned (4))) loose; // the same at any address

typedef struct {
  int batch, n, heads, n_text;
  const uint16_t *q, *k, *v;
  const float *weights; // [4 D]: of q and k of text, then of pictures
  const float *cosines; // [n D], each twice
  const float *sines;   // [n D], each twice, the first one negative
  const uint8_t *counts; // [batch n]: 0 where nobody looks
} Attention;

/* Of one head of one example, in memory of its own. n is rounded up to wide. */
typedef struct {
  int n, wide;
  float *q, *k, *v;     // [wide D], as they meet
  float *kt, *vt;       // [D wide]
  float *inverse_q, *inverse_k; // [wide]: one over the root of the mean square
  float *bias;          // [wide]: 0, or what makes an exponential nothing
  float *scores, *other; // [ROWS wide]
  float *dq, *dk, *dv, *dout; // [wide D]
} Head;

static float
widen (uint16_t b)
{
  union { uint32_t i; float f; } u = { .i = (uint32_t) b << 16 };
  return u.f;
}

static uint16_t
narrow (float f)
{
  union { float f; uint32_t i; } u = { .f = f };
  return (uint16_t) ((u.i + 0x7fff + (u.i >> 16 & 1)) >> 16);
}

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

static void
transpose (const float *x, int n, int wide, float *to)
{
  for (int t = 0; t < n; t++)
    for (int i = 0; i < D; i++)
      to[i * wide + t] = x[t * D + i];
}

/* c [rows wide] = a [rows D] times bt [D wide], plus bias (or none) of each column. rows is a multiple of 8, wide of 2 LANES. */
static void
across (const float *a, int rows, const float *bt, int wide, const float *bias, float *c)
{
  for (int j = 0; j < wide; j += 2 * LANES)
    for (int r = 0; r < rows; r += 8) {
      v16 sum[8][2];
      for (int m = 0; m < 8; m++)
        for (int l = 0; l < 2; l++)
          sum[m][l] = bias ? *(const v16 *) (bias + j + l * LANES) : (v16){ 0 };
      for (int i = 0; i < D; i++) {
        const v16 *b = (const v16 *) (bt + i * wide + j);
        for (int m = 0; m < 8; m++)
          for (int l = 0; l < 2; l++)
            sum[m][l] += a[(r + m) * D + i] * b[l];
      }
      for (int m = 0; m < 8; m++)
        for (int l = 0; l < 2; l++)
          *(v16 *) (c + (r + m) * wide + j + l * LANES) = sum[m][l];
    }
}

/* c [m D] += a times b [k D], where a's element is a[m * step_m + k * step_k]. m is a multiple of 8. */
static inline __attribute__ ((always_inline)) void
along (const float *a, int step_m, int step_k, int m, int k, const float *b, float *c)
{
  for (int r = 0; r < m; r += 8) {
    v16 sum[8][2];
    for (int i = 0; i < 8; i++)
      for (int l = 0; l < 2; l++)
        sum[i][l] = *(v16 *) (c + (r + i) * D + l * LANES);
    for (int t = 0; t < k; t++) {
      v16 low = *(const v16 *) (b + t * D), high = *(const v16 *) (b + t * D + LANES);
      for (int i = 0; i < 8; i++) {
        float x = a[(r + i) * step_m + t * step_k];
        sum[i][0] += x * low;
        sum[i][1] += x * high;
      }
    }
    for (int i = 0; i < 8; i++)
      for (int l = 0; l < 2; l++)
        *(v16 *) (c + (r + i) * D + l * LANES) = sum[i][l];
  }
}

/* Scores of ROWS queries from row on become what they are worth: exponentials, which add up to one. */
static void
softmax (const Head *h, int row)
{
  across (h->q + row * D, ROWS, h->kt, h->wide, h->bias, h->scores);
  for (int r = 0; r < ROWS; r++) {
    float *x = h->scores + r * h->wide, most = x[0], sum = 0;
    for (int j = 0; j < h->wide; j++)
      most = x[j] > most ? x[j] : most;
    for (int j = 0; j < h->wide; j++) {
      x[j] = expf (x[j] - most > LEAST ? x[j] - most : LEAST);
      sum += x[j];
    }
    for (int j = 0; j < h->wide; j++)
      x[j] *= 1 / sum;
  }
}

/* Numbers next to nothing are nothing from here on: computing with them takes a hundred times as long. What was set before. */
static unsigned
flush_tiny (void)
{
#ifdef __SSE__
  unsigned before = _mm_getcsr ();
  _mm_setcsr (before | _MM_FLUSH_ZERO_ON | 0x40); // the latter: of what is read, too
  return before;
#else
  return 0;
#endif
}

static void
put_back (unsigned before)
{
#ifdef __SSE__
  _mm_setcsr (before);
#else
  (void) before;
#endif
}

static Head
head_new (int n)
{
  Head h = { .n = n, .wide = (n + 2 * LANES - 1) / (2 * LANES) * (2 * LANES) };
  size_t one = (size_t) h.wide * D;
  float *place = aligned_alloc (64, (9 * one + 3 * h.wide + 2 * (size_t) ROWS * h.wide) * sizeof (float));
  float **parts[] = { &h.q, &h.k, &h.v, &h.kt, &h.vt, &h.dq, &h.dk, &h.dv, &h.dout };
  if (!place)
    abort ();
  memset (place, 0, (9 * one + 3 * h.wide) * sizeof (float));
  for (int i = 0; i < 9; i++, place += one)
    *parts[i] = place;
  h.inverse_q = place;
  h.inverse_k = place + h.wide;
  h.bias = place + 2 * h.wide;
  h.scores = place + 3 * h.wide;
  h.other = h.scores + (size_t) ROWS * h.wide;
  return h;
}

/* What forwards and back begin with: q (scaled), k, v of one head, the bias of its example. */
static void
prepare (const Attention *a, Head *h, int b, int head)
{
  load (a, a->q, b, head, h->q);
  load (a, a->k, b, head, h->k);
  load (a, a->v, b, head, h->v);
  normalise (a, 0, h->q, h->inverse_q);
  normalise (a, 1, h->k, h->inverse_k);
  transpose (h->k, h->n, h->wide, h->kt);
  for (int i = 0; i < h->n * D; i++)
    h->q[i] *= 1 / sqrtf (D);
  for (int t = 0; t < h->wide; t++)
    h->bias[t] = t < h->n && a->counts[b * h->n + t] ? 0 : -1e30f;
}

void
attention_forward (const Attention *a, uint16_t *out)
{
  Head h = head_new (a->n);
  unsigned before = flush_tiny ();
  for (int b = 0; b < a->batch; b++)
    for (int head = 0; head < a->heads; head++) {
      prepare (a, &h, b, head);
      memset (h.dout, 0, (size_t) h.wide * D * sizeof (float));
      for (int row = 0; row < h.n; row += ROWS) {
        softmax (&h, row);
        along (h.scores, h.wide, 1, ROWS, h.n, h.v, h.dout + row * D);
      }
      store (a, h.dout, b, head, out);
    }
  free (h.q);
  put_back (before);
}

/* dq, dk, dv as q, k, v; dweights [4 D] is added to. */
void
attention_backward (const Attention *a, const uint16_t *dout, uint16_t *dq, uint16_t *dk, uint16_t *dv, float *dweights)
{
  Head h = head_new (a->n);
  unsigned before = flush_tiny ();
  size_t all = (size_t) h.wide * D * sizeof (float);
  for (int b = 0; b < a->batch; b++)
    for (int head = 0; head < a->heads; head++) {
      prepare (a, &h, b, head);
      transpose (h.v, h.n, h.wide, h.vt);
      load (a, dout, b, head, h.dout);
      memset (h.dq, 0, all);
      memset (h.dk, 0, all);
      memset (h.dv, 0, all);
      for (int row = 0; row < h.n; row += ROWS) {
        softmax (&h, row);
        along (h.scores, 1, h.wide, h.wide, ROWS, h.dout + row * D, h.dv);
        across (h.dout + row * D, ROWS, h.vt, h.wide, NULL, h.other);
        for (int r = 0; r < ROWS; r++) {
          float *p = h.scores + r * h.wide, *d = h.other + r * h.wide, sum = 0;
          for (int j = 0; j < h.wide; j++)
            sum += p[j] * d[j];
          for (int j = 0; j < h.wide; j++)
            d[j] = p[j] * (d[j] - sum);
        }
        along (h.other, h.wide, 1, ROWS, h.n, h.k, h.dq + row * D);
        along (h.other, 1, h.wide, h.wide, ROWS, h.q + row * D, h.dk);
      }
      for (int i = 0; i < h.n * D; i++)
        h.dq[i] *= 1 / sqrtf (D);
      load (a, a->q, b, head, h.q);
      load (a, a->k, b, head, h.k);
      normalise_back (a, 0, h.q, h.inverse_q, h.dq, dweights);
      normalise_back (a, 1, h.k, h.inverse_k, h.dk, dweights);
      store (a, h.dq, b, head, dq);
      store (a, h.dk, b, head, dk);
      store (a, h.dv, b, head, dv);
    }
  free (h.q);
  put_back (before);
}

/* GELU by tanh, x / (1 + exp (-2 u)) with u = sqrt (2 / pi) (x + 0.044715 x^3); of count values x, or of dy what x gets. */
static float
sigmoid_of (float x)
{
  float u = -1.5957691216f * (x + .044715f * x * x * x);
  return 1 / (1 + expf (u > LEAST ? u < -LEAST ? u : -LEAST : LEAST));
}

void
gelu_forward (size_t count, const uint16_t *x, uint16_t *y)
{
  for (size_t i = 0; i < count; i++) {
    float v = widen (x[i]);
    y[i] = narrow (v * sigmoid_of (v));
  }
}

void
gelu_backward (size_t count, const uint16_t *x, const uint16_t *dy, uint16_t *dx)
{
  for (size_t i = 0; i < count; i++) {
    float v = widen (x[i]), s = sigmoid_of (v);
    dx[i] = narrow (widen (dy[i]) * (s + v * s * (1 - s) * 1.5957691216f * (1 + .134145f * v * v)));
  }
}
