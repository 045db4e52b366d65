/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a transformer's block does with each token by itself, for pointwise.py: modulated norms, gates and the activation of the MLPs, forwards
 * and back, in one pass each. All is bfloat16 in memory and float32 in between.
 */
#include <math.h>
#include <string.h>

#include "demo/train/tiles.h"

enum { WIDEST = 1024 }; // features of a token
#define EPSILON 1e-6f

static inline void
widen_all (int count, const uint16_t *restrict from, float *restrict to)
{
  for (int i = 0; i < count; i++)
    to[i] = widen (from[i]);
}

/* x [width] without its mean, in units of its deviation, of which the inverse is returned. */
static float
normalised (int width, const uint16_t *from, float *restrict x)
{
  float sum = 0, squares = 0;
  widen_all (width, from, x);
  for (int i = 0; i < width; i++)
    sum += x[i];
  for (int i = 0; i < width; i++) {
    x[i] -= sum / width;
    squares += x[i] * x[i];
  }
  float inverse = 1 / sqrtf (squares / width + EPSILON);
  for (int i = 0; i < width; i++)
    x[i] *= inverse;
  return inverse;
}

/* y [batch n width] = norm (x) times 1 + scale plus shift [batch width]. */
void
norm_forward (int batch, int n, int width, const uint16_t *x, const uint16_t *shift, const uint16_t *scale, uint16_t *y)
{
  float more[WIDEST], less[WIDEST], line[WIDEST];
  for (int b = 0; b < batch; b++) {
    widen_all (width, shift + b * width, more);
    widen_all (width, scale + b * width, less);
    for (int t = 0; t < n; t++, x += width, y += width) {
      normalised (width, x, line);
      for (int i = 0; i < width; i++)
        line[i] = line[i] * (1 + less[i]) + more[i];
      narrow_all (width, line, y);
    }
  }
}

/* What x, shift and scale get. */
void
norm_backward (int batch, int n, int width, const uint16_t *x, const uint16_t *scale, const uint16_t *dy, uint16_t *dx, uint16_t *dshift,
               uint16_t *dscale)
{
  float less[WIDEST], line[WIDEST], g[WIDEST], to_shift[WIDEST], to_scale[WIDEST];
  for (int b = 0; b < batch; b++) {
    widen_all (width, scale + b * width, less);
    memset (to_shift, 0, sizeof to_shift);
    memset (to_scale, 0, sizeof to_scale);
    for (int t = 0; t < n; t++, x += width, dy += width, dx += width) {
      float inverse = normalised (width, x, line), sum = 0, along = 0;
      widen_all (width, dy, g);
      for (int i = 0; i < width; i++) {
        to_shift[i] += g[i];
        to_scale[i] += g[i] * line[i];
        g[i] *= 1 + less[i];
        sum += g[i];
        along += g[i] * line[i];
      }
      for (int i = 0; i < width; i++)
        g[i] = inverse * (g[i] - sum / width - line[i] * along / width);
      narrow_all (width, g, dx);
    }
    narrow_all (width, to_shift, dshift + b * width);
    narrow_all (width, to_scale, dscale + b * width);
  }
}

/* y [batch n width] = x plus p times gate [batch width]. */
void
gate_forward (int batch, int n, int width, const uint16_t *x, const uint16_t *gate, const uint16_t *p, uint16_t *y)
{
  float open[WIDEST], line[WIDEST];
  for (int b = 0; b < batch; b++) {
    widen_all (width, gate + b * width, open);
    for (int t = 0; t < n; t++, x += width, p += width, y += width) {
      for (int i = 0; i < width; i++)
        line[i] = widen (x[i]) + widen (p[i]) * open[i];
      narrow_all (width, line, y);
    }
  }
}

/* What gate and p get; x gets dy. */
void
gate_backward (int batch, int n, int width, const uint16_t *gate, const uint16_t *p, const uint16_t *dy, uint16_t *dgate, uint16_t *dp)
{
  float open[WIDEST], line[WIDEST], to_gate[WIDEST];
  for (int b = 0; b < batch; b++) {
    widen_all (width, gate + b * width, open);
    memset (to_gate, 0, sizeof to_gate);
    for (int t = 0; t < n; t++, p += width, dy += width, dp += width) {
      for (int i = 0; i < width; i++) {
        line[i] = widen (dy[i]);
        to_gate[i] += line[i] * widen (p[i]);
        line[i] *= open[i];
      }
      narrow_all (width, line, dp);
    }
    narrow_all (width, to_gate, dgate + b * width);
  }
}

/* GELU by tanh, x / (1 + exp (-2 u)) with u = sqrt (2 / pi) (x + 0.044715 x^3); of count values x, or of dy what x gets. */
#define MOST 126.f // beyond it GELU is nothing

static inline float
sigmoid_of (float x)
{
  float u = -1.5957691216f * LOG2_E * (x + .044715f * x * x * x);
  return 1 / (1 + power (u < MOST ? u : MOST));
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
