/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/sample/noise.h"

#include <math.h>

#define BLOCK 16 /* values that one Box-Muller step of the vector path makes: 8 cosines, then 8 sines */

void
qi_noise_seed (QiNoise *noise, guint64 seed)
{
  noise->state[0] = (guint32) seed;
  for (guint j = 1; j < QI_NOISE_STATE; j++)
    noise->state[j] = 1812433253u * (noise->state[j - 1] ^ (noise->state[j - 1] >> 30)) + j;
  noise->next = QI_NOISE_STATE;
  noise->has_spare = FALSE;
  noise->spare = 0.0;
}

/* The recurrence of mt19937 (Matsumoto and Nishimura), over the whole state. */
static void
twist (guint32 *state)
{
  for (guint i = 0; i < QI_NOISE_STATE; i++)
    {
      const guint32 y = (state[i] & 0x80000000u) | (state[(i + 1) % QI_NOISE_STATE] & 0x7fffffffu);
      state[i] = state[(i + 397) % QI_NOISE_STATE] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
}

guint32
qi_noise_uint32 (QiNoise *noise)
{
  if (noise->next >= QI_NOISE_STATE)
    {
      twist (noise->state);
      noise->next = 0;
    }

  guint32 y = noise->state[noise->next++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

void
qi_noise_uniform (QiNoise *noise, float *values, gsize n)
{
  for (gsize i = 0; i < n; i++)
    values[i] = (qi_noise_uint32 (noise) & 0xffffffu) * 0x1p-24f;
}

/* 53 bits of two outputs, the high word first; [0, 1). */
static double
uniform_double (QiNoise *noise)
{
  const guint64 high = qi_noise_uint32 (noise);
  const guint64 low = qi_noise_uint32 (noise);

  return (((high << 32) | low) & ((G_GUINT64_CONSTANT (1) << 53) - 1)) * 0x1p-53;
}

/* One value in double; the other one of the pair waits in the generator for the next such draw. */
static double
normal_double (QiNoise *noise)
{
  if (noise->has_spare)
    {
      noise->has_spare = FALSE;
      return noise->spare;
    }

  const double u1 = uniform_double (noise);
  const double u2 = uniform_double (noise);
  const double radius = sqrt (-2.0 * log1p (-u2)), theta = 2.0 * G_PI * u1;

  noise->spare = radius * sin (theta);
  noise->has_spare = TRUE;
  return radius * cos (theta);
}

/* Uniforms to normals in place: value j and value j + 8 make a pair. */
static void
transform_block (float *values)
{
  for (guint j = 0; j < BLOCK / 2; j++)
    {
      const float radius = sqrtf (-2.0f * logf (1.0f - values[j]));
      const float theta = (float) (2.0 * G_PI) * values[j + BLOCK / 2];

      values[j] = radius * cosf (theta);
      values[j + BLOCK / 2] = radius * sinf (theta);
    }
}

void
qi_noise_normal (QiNoise *noise, float *values, gsize n)
{
  if (n < BLOCK)
    {
      for (gsize i = 0; i < n; i++)
        values[i] = (float) normal_double (noise);
      return;
    }

  qi_noise_uniform (noise, values, n);
  for (gsize i = 0; i + BLOCK <= n; i += BLOCK)
    transform_block (values + i);
  if (n % BLOCK != 0) /* the last 16 anew, over the end of the last whole block */
    {
      qi_noise_uniform (noise, values + n - BLOCK, BLOCK);
      transform_block (values + n - BLOCK);
    }
}
