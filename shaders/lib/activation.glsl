// SPDX-FileCopyrightText: Sfumato authors
// SPDX-License-Identifier: GPL-3.0-or-later
// lib/activation.glsl — the activations of compute/op.h; `act` is a QiActivation.

float
qi_silu (float v)
{
  return v / (1.0 + exp (-v));
}

float
qi_gelu_tanh (float v)
{
  const float u = 0.7978845608028654 * (v + 0.044715 * v * v * v);

  return v / (1.0 + exp (-2.0 * u)); // (1 + tanh u) / 2 = 1 / (1 + exp (-2 u))
}

// 1 - erf for v >= 0, absolute error 1.5e-7: Abramowitz and Stegun 7.1.26.
float
qi_erfc (float v)
{
  const float t = 1.0 / (1.0 + 0.3275911 * v);

  return exp (-v * v) * t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
}

float
qi_gelu_erf (float v)
{
  const float half_erfc = 0.5 * qi_erfc (abs (v) * 0.7071067811865476);

  return v * (v < 0.0 ? half_erfc : 1.0 - half_erfc);
}

float
qi_activation (uint act, float v)
{
  switch (act)
    {
    case 1: return qi_gelu_tanh (v);
    case 2: return qi_gelu_erf (v);
    case 3: return qi_silu (v);
    default: return v;
    }
}
