/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A block of the transformer for training on a CPU, forwards and back, for block.py: what each token does by itself, before and after
 * attention, a few rows at a time, so that all in between stays in the nearest caches. On the way back it is computed again. Tokens are
 * bfloat16 in memory, as factors of products are; sums and all in between are float32.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "demo/train/panels.h"

enum { Q, K, V, OUT, UP, DOWN, PARTS_OF_BLOCK }; // linear layers of a stream
enum { SHIFT, SCALE, GATE, MLP_SHIFT, MLP_SCALE, MLP_GATE, MODULATIONS };
#define EPSILON 1e-6f

/* Words or pictures. */
typedef struct {
  int n, first; // tokens of an example; the first one's place among all in attention
  const float *weights[PARTS_OF_BLOCK], *biases[PARTS_OF_BLOCK];
  const uint16_t *modulation; // [batch MODULATIONS WIDE]
  const uint16_t *x;          // [batch n WIDE]
  uint16_t *middle, *mlp, *y; // [batch n WIDE]: behind attention, what the MLP adds, all together
  const uint16_t *dy;         // from here on: of the way back
  uint16_t *dx;
  float *dweights[PARTS_OF_BLOCK], *dbiases[PARTS_OF_BLOCK], *dmodulation; // nothing, at first
} Stream;

typedef struct {
  Stream streams[2]; // words, then pictures
  int batch, n;      // n: of both
  uint16_t *q, *k, *v, *seen, *dq, *dk, *dv, *dseen; // [batch n WIDE]
} Block;

/* Weights as products take them: panels of BLOCK columns, [BLOCK] words of pairs of rows. forth: x times the transposed matrix; back: dy times
 * the matrix. */
typedef struct {
  uint32_t *forth[PARTS_OF_BLOCK], *back[PARTS_OF_BLOCK];
} Packed;

static const int rows_of[PARTS_OF_BLOCK] = { WIDE, WIDE, WIDE, WIDE, HIDDEN, WIDE };
static const int columns_of_part[PARTS_OF_BLOCK] = { WIDE, WIDE, WIDE, WIDE, WIDE, HIDDEN };

#define ENTERS (1 << Q | 1 << K | 1 << V)
#define LEAVES (1 << OUT | 1 << UP | 1 << DOWN)

/* forth, back: which layers, as bits. */
static Packed
packed_new (const Stream *s, unsigned forth, unsigned back)
{
  Packed p;
  for (int i = 0; i < PARTS_OF_BLOCK; i++) {
    p.forth[i] = forth >> i & 1 ? packed_forth (s->weights[i], rows_of[i], columns_of_part[i]) : NULL;
    p.back[i] = back >> i & 1 ? packed_back (s->weights[i], rows_of[i], columns_of_part[i]) : NULL;
  }
  return p;
}

static void
packed_free (Packed *p)
{
  for (int i = 0; i < PARTS_OF_BLOCK; i++) {
    free (p->forth[i]);
    free (p->back[i]);
  }
}

static inline void
widen_row (const uint16_t *restrict from, float *restrict to)
{
  for (int i = 0; i < WIDE; i++)
    to[i] = widen (from[i]);
}

/* x without its mean, in units of its deviation, of which the inverse is returned. */
static inline float
normalised (const uint16_t *from, float *restrict x)
{
  float sum = 0, squares = 0;
  widen_row (from, x);
  for (int i = 0; i < WIDE; i++)
    sum += x[i];
  sum /= WIDE;
  for (int i = 0; i < WIDE; i++) {
    x[i] -= sum;
    squares += x[i] * x[i];
  }
  float inverse = 1 / sqrtf (squares / WIDE + EPSILON);
  for (int i = 0; i < WIDE; i++)
    x[i] *= inverse;
  return inverse;
}

/* GELU by tanh is x times this: 1 / (1 + exp (-2 u)) with u = sqrt (2 / pi) (x + 0.044715 x^3). */
#define SLOPE 1.5957691216f // twice that root
#define MOST 126            // beyond it GELU is nothing

static inline v16
sigmoid_of (v16 x)
{
  v16 u = -SLOPE * LOG2_E * (x + .044715f * x * x * x), most = (v16){ 0 } + MOST;
  i16 less = u < most;
  return 1 / (1 + powers_of ((v16) (((i16) u & less) | ((i16) most & ~less))));
}

/* x [HIDDEN] and the bias to what GELU gives. */
static void
gelu (const float *bias, float *x)
{
  for (int i = 0; i < HIDDEN; i += LANES) {
    v16 *at = (v16 *) (x + i), v = *at + *(const loose *) (bias + i);
    *at = v * sigmoid_of (v);
  }
}

/* x as in gelu; d, what it gave gets, becomes what it took gets. */
static void
gelu_back (const float *bias, float *x, float *d)
{
  for (int i = 0; i < HIDDEN; i += LANES) {
    v16 *at = (v16 *) (x + i), v = *at + *(const loose *) (bias + i), s = sigmoid_of (v);
    *(v16 *) (d + i) *= s + v * s * (1 - s) * SLOPE * (1 + .134145f * v * v);
    *at = v * s;
  }
}

/* --- rows of a stream, one behind the other for all examples; those of attention stand elsewhere --------------------- */

typedef struct {
  const Block *block;
  const Stream *stream;
  int all; // rows of all examples
} Rows;

static Rows
rows_new (const Block *b, const Stream *s)
{
  return (Rows){ b, s, b->batch * s->n };
}

static const uint16_t *
modulation (const Rows *rows, int row, int which)
{
  return rows->stream->modulation + (row / rows->stream->n * MODULATIONS + which) * WIDE;
}

static float *
dmodulation (const Rows *rows, int row, int which)
{
  return rows->stream->dmodulation + (row / rows->stream->n * MODULATIONS + which) * WIDE;
}

/* Of row `row` in what attention takes or gives. */
static size_t
in_attention (const Rows *rows, int row)
{
  const Stream *s = rows->stream;
  return ((size_t) (row / s->n) * rows->block->n + s->first + row % s->n) * WIDE;
}

/* h [count WIDE] = norm (x) times 1 + scale plus shift; lines and inverses, where wanted, are what the norm was. */
static void
norm_rows (const Rows *rows, const uint16_t *x, int first, int count, int shift, uint16_t *h, float *lines, float *inverses)
{
  float one[WIDE], out[WIDE];
  for (int r = 0; r < count; r++, h += WIDE) {
    const uint16_t *more = modulation (rows, first + r, shift), *scale = more + WIDE;
    float *line = lines ? lines + r * WIDE : one, inverse = normalised (x + (size_t) (first + r) * WIDE, line);
    if (inverses)
      inverses[r] = inverse;
    for (int i = 0; i < WIDE; i++)
      out[i] = line[i] * (1 + widen (scale[i])) + widen (more[i]);
    narrow_all (WIDE, out, h);
  }
}

/* What shift and scale get of dh, and what x gets, added to dx [WIDE]. */
static inline void
norm_back (const Rows *rows, int row, int shift, const float *restrict dh, const float *restrict line, float inverse, float *restrict dx)
{
  const uint16_t *scale = modulation (rows, row, shift + 1);
  float *to_shift = dmodulation (rows, row, shift), *to_scale = to_shift + WIDE, g[WIDE], sum = 0, along = 0;
  for (int i = 0; i < WIDE; i++) {
    to_shift[i] += dh[i];
    to_scale[i] += dh[i] * line[i];
    g[i] = dh[i] * (1 + widen (scale[i]));
    sum += g[i];
    along += g[i] * line[i];
  }
  sum /= WIDE;
  along /= WIDE;
  for (int i = 0; i < WIDE; i++)
    dx[i] += inverse * (g[i] - sum - line[i] * along);
}

/* How many of ROWS_AT_ONCE rows from row on there are. */
static inline int
count_from (const Rows *rows, int row)
{
  int left = rows->all - row;
  return left < 0 ? 0 : left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
}

static inline void
add_to (int count, const float *restrict from, float *restrict to)
{
  for (int i = 0; i < count; i++)
    to[i] += from[i];
}

/* --- forwards ------------------------------------------------------------------------------------------------------- */

/* Queries, keys and values of a stream. */
static void
enter (const Block *block, const Stream *s, const Packed *p)
{
  Rows rows = rows_new (block, s);
  uint16_t h[ROWS_AT_ONCE * WIDE] ALIGNED = { 0 }, *const to[] = { block->q, block->k, block->v };
  float c[ROWS_AT_ONCE * WIDE] ALIGNED;
  for (int row = 0; row < rows.all; row += ROWS_AT_ONCE) {
    int count = count_from (&rows, row);
    norm_rows (&rows, s->x, row, count, SHIFT, h, NULL, NULL);
    for (int part = Q; part <= V; part++) {
      product (c, h, WIDE, p->forth[part], WIDE, false);
      for (int r = 0; r < count; r++) {
        add_to (WIDE, s->biases[part], c + r * WIDE);
        narrow_all (WIDE, c + r * WIDE, to[part] + in_attention (&rows, row + r));
      }
    }
  }
}

/* c = what attention saw in these rows, through its last layer but for the bias; a: these rows. */
static void
look (const Rows *rows, const Packed *p, int first, int count, uint16_t *a, float *c)
{
  for (int r = 0; r < count; r++)
    memcpy (a + r * WIDE, rows->block->seen + in_attention (rows, first + r), WIDE * 2);
  product (c, a, WIDE, p->forth[OUT], WIDE, false);
}

static void
leave (const Block *block, const Stream *s, const Packed *p)
{
  Rows rows = rows_new (block, s);
  uint16_t a[ROWS_AT_ONCE * WIDE] ALIGNED = { 0 }, g[ROWS_AT_ONCE * HIDDEN] ALIGNED;
  float c[ROWS_AT_ONCE * WIDE] ALIGNED, u[ROWS_AT_ONCE * HIDDEN] ALIGNED;
  for (int row = 0; row < rows.all; row += ROWS_AT_ONCE) {
    int count = count_from (&rows, row);
    look (&rows, p, row, count, a, c);
    for (int r = 0; r < count; r++) {
      const uint16_t *x = s->x + (size_t) (row + r) * WIDE, *gate = modulation (&rows, row + r, GATE);
      float *line = c + r * WIDE;
      for (int i = 0; i < WIDE; i++)
        line[i] = widen (x[i]) + (line[i] + s->biases[OUT][i]) * widen (gate[i]);
      narrow_all (WIDE, line, s->middle + (size_t) (row + r) * WIDE);
    }
    norm_rows (&rows, s->middle, row, count, MLP_SHIFT, a, NULL, NULL);
    product (u, a, WIDE, p->forth[UP], HIDDEN, false);
    for (int r = 0; r < ROWS_AT_ONCE; r++) {
      float *line = u + r * HIDDEN;
      gelu (s->biases[UP], line);
      narrow_all (HIDDEN, line, g + r * HIDDEN);
    }
    product (c, g, HIDDEN, p->forth[DOWN], WIDE, false);
    for (int r = 0; r < count; r++) {
      const uint16_t *x = s->middle + (size_t) (row + r) * WIDE, *gate = modulation (&rows, row + r, MLP_GATE);
      float *line = c + r * WIDE;
      add_to (WIDE, s->biases[DOWN], line);
      narrow_all (WIDE, line, s->mlp + (size_t) (row + r) * WIDE);
      for (int i = 0; i < WIDE; i++)
        line[i] = widen (x[i]) + line[i] * widen (gate[i]);
      narrow_all (WIDE, line, s->y + (size_t) (row + r) * WIDE);
    }
  }
}

static void
go_on (const Block *block, void (*way) (const Block *, const Stream *, const Packed *), unsigned forth)
{
  Before before;
  begin (&before);
  for (int i = 0; i < 2; i++) {
    Packed p = packed_new (&block->streams[i], forth, 0);
    way (block, &block->streams[i], &p);
    packed_free (&p);
  }
  end (&before);
}

/* x to q, k and v. */
void
block_enter (const Block *block)
{
  go_on (block, enter, ENTERS);
}

/* x and seen to y, by way of middle and mlp. */
void
block_leave (const Block *block)
{
  go_on (block, leave, LEAVES);
}

/* --- back ----------------------------------------------------------------------------------------------------------- */

/* What CHUNK rows leave for the gradients of weights: pairs of tokens, in panels or as rows of features. */
typedef struct {
  uint32_t pairs[CHUNK / 2 * WIDE], turned[CHUNK / 2 * WIDE]; // one after the other
  uint32_t h[CHUNK / 2 * WIDE], dm[CHUNK / 2 * WIDE], dout[CHUNK / 2 * WIDE]; // rows of pairs
  uint32_t seen[CHUNK / 2 * WIDE]; // panels, as those that follow
  uint32_t g[CHUNK / 2 * HIDDEN], du[CHUNK / 2 * HIDDEN], three[3][CHUNK / 2 * WIDE];
  float up[WIDE * HIDDEN], three_w[3][WIDE * WIDE]; // gradients of matrices, turned over
} Chunk;

/* Of ROWS_AT_ONCE rows. */
typedef struct {
  uint16_t a[ROWS_AT_ONCE * WIDE], b[ROWS_AT_ONCE * WIDE], rows[ROWS_AT_ONCE * HIDDEN];
  float c[ROWS_AT_ONCE * WIDE], d[ROWS_AT_ONCE * WIDE], lines[ROWS_AT_ONCE * WIDE], dx[ROWS_AT_ONCE * WIDE];
  float u[ROWS_AT_ONCE * HIDDEN], dg[ROWS_AT_ONCE * HIDDEN], inverses[ROWS_AT_ONCE];
} Few;

/* dm = dy times the gate (f->c; bfloat16 f->b), and what gate and bias get; f->dx = dy. Rows behind count are nothing. */
static void
mlp_gate_back (const Rows *rows, int first, int count, Few *f)
{
  const Stream *s = rows->stream;
  memset (f->c + count * WIDE, 0, (size_t) (ROWS_AT_ONCE - count) * WIDE * sizeof *f->c);
  for (int r = 0; r < count; r++) {
    const uint16_t *gate = modulation (rows, first + r, MLP_GATE), *m = s->mlp + (size_t) (first + r) * WIDE;
    float *dy = f->dx + r * WIDE, *dm = f->c + r * WIDE, *to_gate = dmodulation (rows, first + r, MLP_GATE);
    widen_row (s->dy + (size_t) (first + r) * WIDE, dy);
    for (int i = 0; i < WIDE; i++) {
      to_gate[i] += dy[i] * widen (m[i]);
      dm[i] = dy[i] * widen (gate[i]);
    }
    add_to (WIDE, dm, s->dbiases[DOWN]);
  }
  narrow_all (ROWS_AT_ONCE * WIDE, f->c, f->b);
}

/* f->u and f->dg: what GELU took, and what it gave gets; they become what it gave, and what it took gets (bfloat16 f->rows). */
static void
gelu_all_back (const Stream *s, Few *f)
{
  for (int r = 0; r < ROWS_AT_ONCE; r++) {
    float *d = f->dg + r * HIDDEN;
    gelu_back (s->biases[UP], f->u + r * HIDDEN, d);
    add_to (HIDDEN, d, s->dbiases[UP]);
    narrow_all (HIDDEN, d, f->rows + r * HIDDEN);
  }
}

static void
mlp_back (const Rows *rows, const Packed *p, int first, int count, int at, Few *f, Chunk *chunk)
{
  const Stream *s = rows->stream;
  mlp_gate_back (rows, first, count, f);
  pair_numbers (f->b, at, chunk->dm);
  norm_rows (rows, s->middle, first, count, MLP_SHIFT, f->a, f->lines, f->inverses);
  pair_numbers (f->a, at, chunk->h);
  product (f->u, f->a, WIDE, p->forth[UP], HIDDEN, false);
  product (f->dg, f->b, WIDE, p->back[DOWN], HIDDEN, false);
  gelu_all_back (s, f);
  for (int r = 0; r < ROWS_AT_ONCE; r += 2) {
    pair_panels (f->u + r * HIDDEN, f->u + (r + 1) * HIDDEN, HIDDEN, at + r, chunk->g);
    pair_panels (f->dg + r * HIDDEN, f->dg + (r + 1) * HIDDEN, HIDDEN, at + r, chunk->du);
  }
  product (f->c, f->rows, HIDDEN, p->back[UP], WIDE, false);
  for (int r = 0; r < count; r++)
    norm_back (rows, first + r, MLP_SHIFT, f->c + r * WIDE, f->lines + r * WIDE, f->inverses[r], f->dx + r * WIDE);
}

/* f->dx is what the rows behind attention get: so do x, and through gate and last layer what attention saw. */
static void
look_back (const Rows *rows, const Packed *p, int first, int count, int at, Few *f, Chunk *chunk)
{
  const Stream *s = rows->stream;
  look (rows, p, first, count, f->a, f->c);
  memset (f->a + count * WIDE, 0, (size_t) (ROWS_AT_ONCE - count) * WIDE * sizeof *f->a);
  memset (f->d + count * WIDE, 0, (size_t) (ROWS_AT_ONCE - count) * WIDE * sizeof *f->d);
  pair_narrow (f->a, at, chunk->seen);
  for (int r = 0; r < count; r++) {
    const uint16_t *gate = modulation (rows, first + r, GATE);
    float *to_gate = dmodulation (rows, first + r, GATE), *dx = f->dx + r * WIDE, *seen = f->c + r * WIDE, *d = f->d + r * WIDE;
    for (int i = 0; i < WIDE; i++) {
      to_gate[i] += dx[i] * (seen[i] + s->biases[OUT][i]);
      d[i] = dx[i] * widen (gate[i]);
    }
    add_to (WIDE, d, s->dbiases[OUT]);
    narrow_all (WIDE, dx, s->dx + (size_t) (first + r) * WIDE);
  }
  pair_all (f->d, at, chunk->dout);
  narrow_all (ROWS_AT_ONCE * WIDE, f->d, f->b);
  product (f->c, f->b, WIDE, p->back[OUT], WIDE, false);
  for (int r = 0; r < count; r++)
    narrow_all (WIDE, f->c + r * WIDE, rows->block->dseen + in_attention (rows, first + r));
}

/* to [rows WIDE] += from [WIDE rows], turned over. */
static void
add_turned (int rows, const float *from, float *to)
{
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < WIDE; j++)
      to[i * WIDE + j] += from[j * rows + i];
}

static void
leave_back (const Block *block, const Stream *s, const Packed *p, Few *f, Chunk *chunk)
{
  Rows rows = rows_new (block, s);
  memset (chunk->up, 0, sizeof chunk->up);
  for (int row = 0; row < rows.all; row += CHUNK) {
    for (int at = 0; at < CHUNK; at += ROWS_AT_ONCE) {
      int count = count_from (&rows, row + at);
      mlp_back (&rows, p, row + at, count, at, f, chunk);
      look_back (&rows, p, row + at, count, at, f, chunk);
    }
    turn_all (chunk->dm, chunk->turned);
    gradient (s->dweights[DOWN], chunk->turned, chunk->g, HIDDEN);
    turn_all (chunk->h, chunk->turned);
    gradient (chunk->up, chunk->turned, chunk->du, HIDDEN);
    turn_all (chunk->dout, chunk->turned);
    gradient (s->dweights[OUT], chunk->turned, chunk->seen, WIDE);
  }
  add_turned (HIDDEN, chunk->up, s->dweights[UP]);
}

/* What the rows before attention get is added to dx. */
static void
enter_rows_back (const Rows *rows, const Packed *p, int first, int count, int at, Few *f, Chunk *chunk)
{
  const Stream *s = rows->stream;
  const uint16_t *const from[] = { rows->block->dq, rows->block->dk, rows->block->dv };
  norm_rows (rows, s->x, first, count, SHIFT, f->a, f->lines, f->inverses);
  pair_numbers (f->a, at, chunk->h);
  memset (f->b + count * WIDE, 0, (size_t) (ROWS_AT_ONCE - count) * WIDE * sizeof *f->b);
  for (int part = Q; part <= V; part++) {
    float *to_bias = s->dbiases[part];
    for (int r = 0; r < count; r++) {
      const uint16_t *d = from[part] + in_attention (rows, first + r);
      memcpy (f->b + r * WIDE, d, WIDE * 2);
      for (int i = 0; i < WIDE; i++)
        to_bias[i] += widen (d[i]);
    }
    pair_narrow (f->b, at, chunk->three[part]);
    product (f->c, f->b, WIDE, p->back[part], WIDE, part > Q);
  }
  for (int r = 0; r < count; r++) {
    uint16_t *to = s->dx + (size_t) (first + r) * WIDE;
    widen_row (to, f->dx);
    norm_back (rows, first + r, SHIFT, f->c + r * WIDE, f->lines + r * WIDE, f->inverses[r], f->dx);
    narrow_all (WIDE, f->dx, to);
  }
}

static void
enter_back (const Block *block, const Stream *s, const Packed *p, Few *f, Chunk *chunk)
{
  Rows rows = rows_new (block, s);
  memset (chunk->three_w, 0, sizeof chunk->three_w);
  for (int row = 0; row < rows.all; row += CHUNK) {
    for (int at = 0; at < CHUNK; at += ROWS_AT_ONCE)
      enter_rows_back (&rows, p, row + at, count_from (&rows, row + at), at, f, chunk);
    turn_all (chunk->h, chunk->turned);
    for (int part = Q; part <= V; part++)
      gradient (chunk->three_w[part], chunk->turned, chunk->three[part], WIDE);
  }
  for (int part = Q; part <= V; part++)
    add_turned (WIDE, chunk->three_w[part], s->dweights[part]);
}

typedef void (*Way) (const Block *, const Stream *, const Packed *, Few *, Chunk *);

static void
go_back (const Block *block, Way way, unsigned forth, unsigned back)
{
  Chunk *chunk = allocated (sizeof *chunk);
  Few *f = allocated (sizeof *f);
  Before before;
  memset (f, 0, sizeof *f);
  begin (&before);
  for (int i = 0; i < 2; i++) {
    Packed p = packed_new (&block->streams[i], forth, back);
    way (block, &block->streams[i], &p, f, chunk);
    packed_free (&p);
  }
  end (&before);
  free (f);
  free (chunk);
}

/* dy to dx (less what comes by q, k and v) and dseen. */
void
block_leave_back (const Block *block)
{
  go_back (block, leave_back, LEAVES & ~(1 << DOWN), LEAVES);
}

/* dq, dk and dv, added to dx. */
void
block_enter_back (const Block *block)
{
  go_back (block, enter_back, 0, ENTERS);
}
