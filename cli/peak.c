/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/peak.h"

#if defined (__x86_64__)
#include <immintrin.h>
#endif

#define N_RUNS 5
#define N_CHAINS 12 /* independent sums: latency 4–5 cycles times two units */
#define N_LANES 8
#define ROUNDS_A_LOOK 20000
#define RUN_US 50000

typedef float Lanes __attribute__ ((vector_size (4 * N_LANES)));

typedef struct
{
  gint64 begin_us, end_us; /* all threads work between the same two times */
  double flops;
  float sum; /* keeps the arithmetic from being left out */
} Worker;

#if defined (__x86_64__)
/* sums = sums * factor + term, over and over; factor and term keep the values near 1. */
static __attribute__ ((target ("avx2,fma"), noinline)) float
rounds_fma (float start)
{
  __m256 sums[N_CHAINS], factor = _mm256_set1_ps (0.999f), term = _mm256_set1_ps (0.001f);

  for (guint i = 0; i < N_CHAINS; i++)
    sums[i] = _mm256_set1_ps (start + (float) i);
  for (guint r = 0; r < ROUNDS_A_LOOK; r++)
#pragma GCC unroll 12
    for (guint i = 0; i < N_CHAINS; i++)
      sums[i] = _mm256_fmadd_ps (sums[i], factor, term);

  float total = 0;

  for (guint i = 0; i < N_CHAINS; i++)
    total += _mm256_cvtss_f32 (sums[i]);
  return total;
}
#endif

static __attribute__ ((noinline)) float
rounds_plain (float start)
{
  Lanes sums[N_CHAINS], factor, term;

  for (guint k = 0; k < N_LANES; k++)
    {
      factor[k] = 0.999f;
      term[k] = 0.001f;
      for (guint i = 0; i < N_CHAINS; i++)
        sums[i][k] = start + (float) i;
    }
  for (guint r = 0; r < ROUNDS_A_LOOK; r++)
#pragma GCC unroll 12
    for (guint i = 0; i < N_CHAINS; i++)
      sums[i] = sums[i] * factor + term;

  float total = 0;

  for (guint i = 0; i < N_CHAINS; i++)
    total += sums[i][0];
  return total;
}

static float
one_look (float start)
{
#if defined (__x86_64__)
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return rounds_fma (start);
#endif
  return rounds_plain (start);
}

static gpointer
work (gpointer data)
{
  Worker *worker = data;
  gint64 now;

  while (g_get_monotonic_time () < worker->begin_us)
    ;
  do
    {
      worker->sum += one_look (worker->sum);
      worker->flops += 2.0 * N_LANES * N_CHAINS * ROUNDS_A_LOOK;
      now = g_get_monotonic_time ();
    }
  while (now < worker->end_us);
  worker->end_us = now;
  return NULL;
}

static double
one_run (guint n_threads)
{
  g_autofree Worker *workers = g_new0 (Worker, n_threads);
  g_autofree GThread **threads = g_new0 (GThread *, n_threads);
  const gint64 begin = g_get_monotonic_time () + 2000;
  double rate = 0;

  for (guint i = 0; i < n_threads; i++)
    {
      workers[i] = (Worker){ .begin_us = begin, .end_us = begin + RUN_US };
      threads[i] = g_thread_new ("peak", work, &workers[i]);
    }
  for (guint i = 0; i < n_threads; i++)
    {
      g_thread_join (threads[i]);
      rate += workers[i].flops / ((double) (workers[i].end_us - begin) * 1e-6);
    }
  return rate;
}

double
qi_peak_flops (void)
{
  double best = 0;

  for (guint i = 0; i < N_RUNS; i++)
    best = MAX (best, one_run (g_get_num_processors ()));
  return best;
}
