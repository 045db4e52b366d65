/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The next token: the likeliest, or drawn with the shares that temperature, top-k and top-p leave. And how the configuration
 * that says so is read. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/text/choose.h"

#define PLAIN .temperature = 1, .top_p = 1, .repetition_penalty = 1
#define DRAWS 40000

static const float scores[] = { 1.0f, -2.0f, 3.0f, 2.0f, 3.0f, 0.5f };

static guint32
choose (const QiGenerationConfig *config, const guint32 *said, gsize n_said, GRand *rand)
{
  float logits[G_N_ELEMENTS (scores)];

  memcpy (logits, scores, sizeof scores);
  return qi_choose_token (config, logits, G_N_ELEMENTS (scores), said, n_said, rand);
}

static void
greedy (void)
{
  const QiGenerationConfig config = { PLAIN };
  const QiGenerationConfig penal = { .temperature = 1, .top_p = 1, .repetition_penalty = 2 };
  const guint32 twice[] = { 2, 2, 900 }, all[] = { 2, 4, 1, 3 };

  g_assert_cmpuint (choose (&config, NULL, 0, NULL), ==, 2); /* of equals the first, as argmax has it */
  g_assert_cmpuint (choose (&penal, twice, 3, NULL), ==, 4); /* 3 / 2, once however often it was said */
  g_assert_cmpuint (choose (&penal, all, 4, NULL), ==, 2);   /* 1.5, before the first's 1; -2 becomes -4 */
}

/* Shares of DRAWS draws against those of the softmax over the tokens that should be left. */
static void
assert_shares (const QiGenerationConfig *config, const gboolean *left)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint counts[G_N_ELEMENTS (scores)] = { 0 };
  double sum = 0;

  for (guint i = 0; i < DRAWS; i++)
    counts[choose (config, NULL, 0, rand)]++;
  for (guint i = 0; i < G_N_ELEMENTS (scores); i++)
    sum += left[i] ? exp ((scores[i] - 3) / config->temperature) : 0;
  for (guint i = 0; i < G_N_ELEMENTS (scores); i++)
    {
      const double share = left[i] ? exp ((scores[i] - 3) / config->temperature) / sum : 0;

      g_assert_cmpfloat (fabs (counts[i] / (double) DRAWS - share), <=, 5 * sqrt (share / DRAWS));
    }
}

static void
shares (void)
{
  const gboolean all[] = { 1, 1, 1, 1, 1, 1 }, best[] = { 0, 0, 1, 0, 1, 0 }, three[] = { 0, 0, 1, 1, 1, 0 };

  assert_shares (&(QiGenerationConfig){ .sample = TRUE, PLAIN }, all);
  assert_shares (&(QiGenerationConfig){ .sample = TRUE, .temperature = 3, .top_p = 1, .repetition_penalty = 1 }, all);
  assert_shares (&(QiGenerationConfig){ .sample = TRUE, PLAIN, .top_k = 3 }, three);
  assert_shares (&(QiGenerationConfig){ .sample = TRUE, PLAIN, .top_k = 1 }, best); /* both are the likeliest */
  /* The best two have 0.77 of all, the third comes before 0.8 is reached. */
  assert_shares (&(QiGenerationConfig){ .sample = TRUE, .temperature = 1, .top_p = 0.8, .repetition_penalty = 1 }, three);
  assert_shares (&(QiGenerationConfig){ .sample = TRUE, .temperature = 1, .top_p = 0.75, .repetition_penalty = 1 }, best);
  assert_shares (&(QiGenerationConfig){ .sample = TRUE, .temperature = 1e-6, .top_p = 1, .repetition_penalty = 1, .top_k = 50 }, best);
}

static void
not_numbers (void)
{
  const QiGenerationConfig config = { PLAIN };
  float logits[] = { 1, NAN, 2 }, infinite[] = { 1, 2, INFINITY };

  g_assert_cmpuint (qi_choose_token (&config, logits, 3, NULL, 0, NULL), ==, QI_NO_TOKEN);
  g_assert_cmpuint (qi_choose_token (&config, infinite, 3, NULL, 0, NULL), ==, QI_NO_TOKEN);
}

static gboolean
parse (QiGenerationConfig *config, const char *json, GError **error)
{
  return qi_generation_config_parse (config, json, strlen (json), "test", error);
}

static void
configuration (void)
{
  static const char *const bad[] = { "[]", "{", "{\"temperature\": 0}", "{\"temperature\": -1}", "{\"top_p\": 2}", "{\"top_k\": -3}",
                                     "{\"eos_token_id\": []}", "{\"eos_token_id\": [1,2,3,4,5,6,7,8,9]}", "{\"eos_token_id\": \"x\"}",
                                     "{\"repetition_penalty\": 0}", "{\"do_sample\": 7}" };
  QiGenerationConfig c;
  g_autoptr (GError) error = NULL;

  g_assert_true (parse (&c, "{\"do_sample\": true, \"temperature\": 0.000001, \"repetition_penalty\": 1.05,"
                            " \"eos_token_id\": [151645, 151643], \"top_k\": 1, \"transformers_version\": \"4\"}", &error));
  g_assert_no_error (error);
  g_assert_true (c.sample && c.temperature == 1e-6 && c.repetition_penalty == 1.05 && c.top_k == 1 && c.top_p == 1);
  g_assert_cmpuint (c.n_stops, ==, 2);
  g_assert_cmpuint (c.stops[1], ==, 151643);
  g_assert_true (parse (&c, "{\"eos_token_id\": 5}", &error));
  g_assert_true (!c.sample && c.n_stops == 1 && c.stops[0] == 5);
  g_assert_true (parse (&c, "{}", &error));
  g_assert_true (!c.sample && c.n_stops == 0 && c.repetition_penalty == 1 && c.temperature == 1);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (parse (&c, bad[i], &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
      g_clear_error (&error);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/choose/greedy", greedy);
  g_test_add_func ("/choose/shares", shares);
  g_test_add_func ("/choose/not-numbers", not_numbers);
  g_test_add_func ("/choose/configuration", configuration);
  return g_test_run ();
}
