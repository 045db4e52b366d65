/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/speak.h"

#include <string.h>

#include "base/error.h"

#include "models/text/choose.h"
#include "models/text/template.h"

/* One answer under way. */
typedef struct
{
  QiRuntime *runtime;
  const QiModelSet *set;
  const QiQuestion *question;
  QiGenerationConfig config;
  guint max_tokens;
  QiSeen *seen;        /* [question->n_pictures] */
  guint32 image_id;
  GArray *ids;         /* guint32: the question, then the answer */
  guint n_asked;       /* of them the question's */
  guint32 *positions;  /* [3][n_asked] */
  QiTextCache cache;
  float *logits;       /* [vocabulary] */
  GRand *rand;
  QiProgress progress;
} Talk;

static void
talk_clear (Talk *talk)
{
  for (guint i = 0; talk->seen && i < talk->question->n_pictures; i++)
    qi_seen_clear (&talk->seen[i]);
  g_free (talk->seen);
  g_clear_pointer (&talk->ids, g_array_unref);
  g_free (talk->positions);
  g_free (talk->logits);
  g_clear_pointer (&talk->rand, g_rand_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Talk, talk_clear)

gboolean
qi_speak_check (const QiModelSet *set, GError **error)
{
  static const char *const needed[] = { "text encoder", "vision tower", "tokenizer", NULL };

  for (guint i = 0; i < set->problems->len; i++)
    {
      const QiModelProblem *problem = set->problems->pdata[i];

      if (!g_strv_contains (needed, problem->part))
        continue;
      g_set_error_literal (error, QI_ERROR, problem->code, problem->sentence);
      return FALSE;
    }
  return qi_text_head_check (set->text_encoder, error);
}

/* -- the question ---------------------------------------------------------------------------------- */

/* Where the configuration names no stop tokens, the end of a turn and of a text are. */
static void
default_stops (Talk *talk)
{
  static const char *const names[] = { "<|im_end|>", "<|endoftext|>" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      guint32 id;

      if (qi_tokenizer_special (talk->set->tokenizer, names[i], &id) && talk->config.n_stops < QI_MAX_STOPS)
        talk->config.stops[talk->config.n_stops++] = id;
    }
}

static gboolean
load_config (Talk *talk, GError **error)
{
  if (talk->question->config)
    talk->config = *talk->question->config;
  else if (!qi_generation_config_load (&talk->config, talk->set->text_encoder, &talk->set->text_config, talk->set->config_dir,
                                       error))
    return FALSE;
  if (talk->config.n_stops == 0)
    default_stops (talk);
  return TRUE;
}

static gboolean
prepare_ids (Talk *talk, GError **error)
{
  const QiQuestion *q = talk->question;
  g_autofree guint *counts = g_new0 (guint, q->n_pictures + 1);

  talk->seen = g_new0 (QiSeen, q->n_pictures);
  for (guint i = 0; i < q->n_pictures; i++)
    {
      if (!qi_seen_init (&talk->seen[i], talk->runtime, &q->pictures[i], error))
        return FALSE;
      counts[i] = talk->seen[i].grid.h * talk->seen[i].grid.w;
    }
  talk->ids = qi_template_encode (QI_TEMPLATE_ASK, talk->set->tokenizer, q->text, -1, counts, q->n_pictures, FALSE, error);
  if (!talk->ids)
    return FALSE;
  talk->n_asked = talk->ids->len;
  qi_tokenizer_special (talk->set->tokenizer, "<|image_pad|>", &talk->image_id);
  talk->positions = qi_seen_positions (talk->seen, q->n_pictures, talk->ids, talk->image_id, error);
  return talk->positions != NULL;
}

static gboolean
look (Talk *talk, GError **error)
{
  g_autoptr (GPtrArray) seen = g_ptr_array_new ();

  for (guint i = 0; i < talk->question->n_pictures; i++)
    g_ptr_array_add (seen, &talk->seen[i]);
  return qi_seen_look ((QiSeen *const *) seen->pdata, seen->len, talk->runtime, &talk->progress, error);
}

/* -- the answer ------------------------------------------------------------------------------------ */

/* Scores of the token after input's last, which goes on where the cache ends. */
static gboolean
feed (Talk *talk, QiStream *s, QiTextInput *input, GError **error)
{
  gboolean done;

  qi_stream_begin_scope (s);
  input->cache = &talk->cache;
  input->drop = input->n_ids - 1;
  if (talk->cache.n == 0)
    {
      input->pictures = qi_seen_upload (talk->seen, talk->question->n_pictures, talk->runtime, s);
      input->image_id = talk->image_id;
    }
  const QiTensor *hidden = qi_text_encoder_forward (qi_runtime_text_encoder (talk->runtime), s, input, NULL);
  const QiTensor *logits = qi_text_head_forward (qi_runtime_text_head (talk->runtime), s, hidden);

  done = qi_stream_download (s, logits, talk->logits, qi_tensor_bytes (logits), error);
  qi_stream_end_scope (s);
  return done;
}

static gboolean
feed_question (Talk *talk, QiStream *s, GError **error)
{
  QiTextInput input = { .ids = (const guint32 *) talk->ids->data, .n_ids = talk->n_asked, .positions = talk->positions };

  return feed (talk, s, &input, error);
}

/* The last token of all; the question ends with text, whose positions are the same on all axes. */
static gboolean
feed_token (Talk *talk, QiStream *s, GError **error)
{
  const guint32 last = talk->positions[talk->n_asked - 1], position = last + talk->ids->len - talk->n_asked;
  const guint32 positions[3] = { position, position, position };
  QiTextInput input = { .ids = &g_array_index (talk->ids, guint32, talk->ids->len - 1), .n_ids = 1, .positions = positions };

  return feed (talk, s, &input, error);
}

static gboolean
is_stop (const Talk *talk, guint32 id)
{
  for (guint i = 0; i < talk->config.n_stops && !talk->question->stop_free; i++)
    if (talk->config.stops[i] == id)
      return TRUE;
  return FALSE;
}

/* FALSE with error, or without when the answer is at its end. */
static gboolean
say (Talk *talk, GError **error)
{
  const guint32 id = qi_choose_token (&talk->config, talk->logits, talk->set->text_config.vocabulary,
                                      (const guint32 *) talk->ids->data, talk->ids->len, talk->rand);

  if (id == QI_NO_TOKEN)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED,
                 "The scores of token %u are not numbers: the weights of “%s” are damaged or the GPU's driver computes wrongly; "
                 "try another file, or the device “cpu”.",
                 talk->ids->len - talk->n_asked + 1, qi_checkpoint_path (talk->set->text_encoder));
  if (id == QI_NO_TOKEN || is_stop (talk, id))
    return FALSE;
  g_array_append_val (talk->ids, id);
  return TRUE;
}

/* All steps after the question are alike but for the cache, which is fullest in the last. */
static gboolean
plan_last (Talk *talk, QiStream *s, GError **error)
{
  const guint32 any = 0;

  g_array_append_val (talk->ids, any);
  talk->cache.n = talk->cache.capacity - 1;
  return feed_token (talk, s, error);
}

static gboolean
answer (Talk *talk, QiStream *s, GError **error)
{
  GError *failure = NULL;

  qi_text_cache_init (&talk->cache, qi_runtime_text_encoder (talk->runtime), s, talk->n_asked + talk->max_tokens);
  if (!feed_question (talk, s, error))
    return FALSE;
  if (qi_runtime_is_plan (talk->runtime))
    return plan_last (talk, s, error);
  for (guint n = 0; n < talk->max_tokens && say (talk, &failure); n++)
    {
      talk->progress.step++;
      qi_runtime_progress (talk->runtime, &talk->progress);
      if (n + 1 < talk->max_tokens && !feed_token (talk, s, &failure))
        break;
    }
  if (failure)
    g_propagate_error (error, failure);
  return failure == NULL;
}

static gboolean
run_stage (Talk *talk, GError **error)
{
  QiStream *s = qi_runtime_begin (talk->runtime, QI_PART_TEXT_ENCODER, error);
  gboolean done;

  if (!s)
    return FALSE;
  done = qi_runtime_load (talk->runtime, QI_PART_TEXT_HEAD, error);
  qi_stream_begin_scope (s);
  done = done && answer (talk, s, error);
  qi_stream_end_scope (s);
  if (done)
    done = qi_runtime_end (talk->runtime, error);
  else
    qi_runtime_abandon (talk->runtime);
  if (!qi_runtime_is_plan (talk->runtime))
    qi_runtime_unload (talk->runtime, QI_PART_TEXT_HEAD);
  return done;
}

char *
qi_speak (QiRuntime *runtime, const QiQuestion *question, GArray *ids, GError **error)
{
  g_auto (Talk) talk = { .runtime = runtime, .set = qi_runtime_set (runtime), .question = question };

  talk.max_tokens = question->max_tokens ? question->max_tokens : QI_DEFAULT_ANSWER_TOKENS;
  talk.progress = (QiProgress){ .stage = QI_STAGE_ENCODE, .n_steps = question->n_pictures + talk.max_tokens, .n_results = 1,
                                .seconds_left = -1 };
  if (!qi_speak_check (talk.set, error) || !load_config (&talk, error) || !prepare_ids (&talk, error))
    return NULL;
  talk.logits = g_new (float, talk.set->text_config.vocabulary);
  talk.rand = g_rand_new_with_seed (question->seed);
  if (!look (&talk, error) || !run_stage (&talk, error))
    return NULL;
  if (qi_runtime_is_plan (runtime))
    return g_strdup ("");

  const guint32 *said = (const guint32 *) talk.ids->data + talk.n_asked;
  const guint n = talk.ids->len - talk.n_asked;

  if (ids)
    g_array_append_vals (ids, said, n);
  return qi_tokenizer_decode (talk.set->tokenizer, said, n, FALSE);
}
