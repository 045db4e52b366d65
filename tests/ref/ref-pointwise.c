/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ref/ref-pointwise.h"

#include <math.h>

double
ref_activation (QiActivation act, double v)
{
  switch (act)
    {
    case QI_ACT_GELU_TANH:
      return 0.5 * v * (1 + tanh (sqrt (2 / G_PI) * (v + 0.044715 * v * v * v)));
    case QI_ACT_GELU_ERF:
      return 0.5 * v * erfc (-v / sqrt (2)); /* 1 + erf (v) = erfc (-v), without cancellation */
    case QI_ACT_SILU:
      return v / (1 + exp (-v));
    default:
      return v;
    }
}

void
ref_activate (double *y, const float *x, gsize n, QiActivation act)
{
  for (gsize i = 0; i < n; i++)
    y[i] = ref_activation (act, x[i]);
}

void
ref_swiglu (double *y, const float *gate, const float *up, gsize n)
{
  for (gsize i = 0; i < n; i++)
    y[i] = ref_activation (QI_ACT_SILU, gate[i]) * up[i];
}

void
ref_axpby (double *y, double a, const float *x, double b, const float *z, gsize n)
{
  for (gsize i = 0; i < n; i++)
    y[i] = a * x[i] + (z ? b * z[i] : 0);
}

void
ref_affine (double *y, const float *x, const float *mul, double one, const float *add, gsize rows, gsize columns)
{
  for (gsize r = 0; r < rows; r++)
    for (gsize c = 0; c < columns; c++)
      y[r * columns + c] = x[r * columns + c] * (mul ? mul[c] + one : 1) + (add ? add[c] : 0);
}

void
ref_add_gated (double *y, const float *old, const float *x, const float *gate, gsize rows, gsize columns)
{
  for (gsize r = 0; r < rows; r++)
    for (gsize c = 0; c < columns; c++)
      y[r * columns + c] = old[r * columns + c] + (gate ? gate[c] : 1.0) * x[r * columns + c];
}

void
ref_guide (double *y, const float *p, const float *u, double g, gboolean rescale, gsize rows, gsize columns)
{
  for (gsize r = 0; r < rows; r++)
    {
      double *row = y + r * columns, pp = 0, cc = 0;

      for (gsize c = 0; c < columns; c++)
        {
          const double pv = p[r * columns + c], uv = u[r * columns + c];

          row[c] = uv + g * (pv - uv);
          pp += pv * pv;
          cc += row[c] * row[c];
        }
      if (rescale && cc > 0)
        for (gsize c = 0; c < columns; c++)
          row[c] *= sqrt (pp / cc);
    }
}
