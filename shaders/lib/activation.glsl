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

  // tanh u = 1 - 2 / (exp 2u + 1), so v (1 + tanh u) / 2 = v (1 - 1 / (exp 2u + 1)); no overflow becomes NaN.
  return v - v / (exp (2.0 * clamp (u, -40.0, 40.0)) + 1.0);
}

// erfc by Chebyshev's fit in t = 1 / (1 + |v| / 2), relative error 1.2e-7 everywhere (Numerical Recipes, erfcc).
float
qi_erfc (float v)
{
  const float z = abs (v), t = 1.0 / (1.0 + 0.5 * z);
  const float r = t * exp (-z * z - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
                  t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));

  return v >= 0.0 ? r : 2.0 - r;
}

float
qi_gelu_erf (float v)
{
  return 0.5 * v * qi_erfc (-0.7071067811865476 * v);
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
