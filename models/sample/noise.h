/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/sample/noise.h — torch's CPU generator: mt19937 and its normal distribution. Integers and uniforms are the same
 * bits; normals agree to about 4e-7, which is as near as two math libraries come.
 *
 * Threads: a QiNoise belongs to one thread at a time. The order of draws from one generator is part of the result. */
#pragma once
#include <glib.h>

#define QI_NOISE_STATE 624

typedef struct
{
  guint32 state[QI_NOISE_STATE];
  guint next;
  gboolean has_spare; /* of draws below 16 values */
  double spare;
} QiNoise;

/* Only the low 32 bits of seed count, as in torch. */
void qi_noise_seed (QiNoise *noise, guint64 seed);
guint32 qi_noise_uint32 (QiNoise *noise);

/* torch.randn (n): n standard normal values, f32. One call a tensor: the values depend on n, and 16 values or more are
 * made in another way than fewer. */
void qi_noise_normal (QiNoise *noise, float *values, gsize n);
/* torch.rand (n): n values in [0, 1), f32. */
void qi_noise_uniform (QiNoise *noise, float *values, gsize n);
