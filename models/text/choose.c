/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/choose.h"

#include <math.h>
#include <stdlib.h>

/* Below the best by more than this many temperatures a token's share is lost in the rounding of the sum. */
#define NEGLIGIBLE 100

typedef struct
{
  double score, weight;
  guint32 id;
} Candidate;

static void
penalise (float *logits, guint n, const guint32 *said, gsize n_said, double penalty)
{
  g_autoptr (GHashTable) done = g_hash_table_new (NULL, NULL);

  for (gsize i = 0; i < n_said; i++)
    if (said[i] < n && g_hash_table_add (done, GUINT_TO_POINTER (said[i])))
      logits[said[i]] = (float) (logits[said[i]] < 0 ? logits[said[i]] * penalty : logits[said[i]] / penalty);
}

/* The first of the highest. */
static guint32
likeliest (const float *logits, guint n)
{
  guint32 best = 0;

  for (guint32 i = 1; i < n; i++)
    if (logits[i] > logits[best])
      best = i;
  return best;
}

static int
compare (const void *a, const void *b)
{
  const Candidate *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* The candidates that are left, the likeliest first. Those as likely as the last of top_k stay too. */
static guint
keep_likely (const QiGenerationConfig *config, Candidate *candidates, guint n)
{
  double sum = 0, before = 0;
  guint kept = n;

  if (config->top_k && config->top_k < n)
    for (kept = config->top_k; kept < n && candidates[kept].score == candidates[config->top_k - 1].score;)
      kept++;
  for (guint i = 0; i < kept; i++)
    sum += candidates[i].weight;
  for (guint i = 0; i < kept; before += candidates[i++].weight)
    if (i > 0 && before >= config->top_p * sum)
      return i;
  return kept;
}

static guint32
draw (const Candidate *candidates, guint n, GRand *rand)
{
  double sum = 0, at;

  for (guint i = 0; i < n; i++)
    sum += candidates[i].weight;
  at = g_rand_double (rand) * sum;
  for (guint i = 0; i + 1 < n; at -= candidates[i++].weight)
    if (at < candidates[i].weight)
      return candidates[i].id;
  return candidates[n - 1].id;
}

guint32
qi_choose_token (const QiGenerationConfig *config, float *logits, guint n, const guint32 *said, gsize n_said, GRand *rand)
{
  g_autofree Candidate *candidates = NULL;
  guint n_candidates = 0;
  guint32 best;

  g_return_val_if_fail (n > 0, QI_NO_TOKEN);
  for (guint i = 0; i < n; i++)
    if (!isfinite (logits[i]))
      return QI_NO_TOKEN;
  if (config->repetition_penalty != 1)
    penalise (logits, n, said, n_said, config->repetition_penalty);
  best = likeliest (logits, n);
  if (!config->sample)
    return best;
  candidates = g_new (Candidate, n);
  for (guint32 i = 0; i < n; i++)
    {
      const double below = ((double) logits[i] - logits[best]) / config->temperature;

      if (below >= -NEGLIGIBLE)
        candidates[n_candidates++] = (Candidate){ below, exp (below), i };
    }
  qsort (candidates, n_candidates, sizeof *candidates, compare);
  return draw (candidates, keep_likely (config, candidates, n_candidates), rand);
}
