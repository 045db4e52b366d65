/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/noise.h — torch's CPU generator: mt19937 and its normal distribution, value for value. */
#pragma once
#include <glib.h>

typedef struct
{
  guint32 state[624];
  guint next;
  gboolean has_spare; /* of draws below 16 values */
  double spare;
} QiNoise;

void qi_noise_seed (QiNoise *noise, guint64 seed);
guint32 qi_noise_uint32 (QiNoise *noise);

/* torch.randn (n): n standard normal values, f32. */
void qi_noise_normal (QiNoise *noise, float *values, gsize n);
/* torch.rand (n) and torch.randint (0, 2^31 - 1, (n,)) for comparison with the reference. */
void qi_noise_uniform (QiNoise *noise, float *values, gsize n);
