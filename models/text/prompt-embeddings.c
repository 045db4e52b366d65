/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/prompt-embeddings.h"

#include <string.h>

#include "base/error.h"

/* A prompt under way. */
typedef struct
{
  const QiPrompt *prompt;
  QiSeen *seen; /* [prompt->n_pictures] */
  char *key;
  GBytes *rows; /* NULL: not yet */
} Row;

typedef struct
{
  QiRuntime *runtime;
  const QiModelSet *set;
  Row *rows;
  guint n;
  const QiTap *tap;
  QiProgress progress; /* its steps: pictures and prompts to be computed */
} Work;

static void
work_clear (Work *work)
{
  for (guint i = 0; i < work->n; i++)
    {
      Row *row = &work->rows[i];

      for (guint k = 0; row->seen && k < row->prompt->n_pictures; k++)
        qi_seen_clear (&row->seen[k]);
      g_free (row->seen);
      g_free (row->key);
      g_clear_pointer (&row->rows, g_bytes_unref);
    }
  g_free (work->rows);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

/* A remembered result. (transfer full) or NULL */
static GBytes *
remembered (const Work *work, const char *key)
{
  GBytes *rows = qi_runtime_find_embeddings (work->runtime, key);

  return rows ? g_bytes_ref (rows) : NULL;
}

static gboolean
prepare (Work *work, Row *row, GError **error)
{
  const QiPrompt *p = row->prompt;
  g_autoptr (GString) key = g_string_new (NULL);

  if (p->n_pictures && !qi_model_set_require (work->set, TRUE, error))
    return FALSE;
  row->seen = g_new0 (QiSeen, p->n_pictures);
  g_string_printf (key, "prompt %d %u %d\n", p->template, p->max_rows, p->special_in_prompt);
  for (guint k = 0; k < p->n_pictures; k++)
    {
      if (!qi_seen_init (&row->seen[k], work->runtime, &p->pictures[k], error))
        return FALSE;
      g_string_append_printf (key, "%s\n", row->seen[k].key);
    }
  g_string_append (key, p->text);
  row->key = g_string_free (g_steal_pointer (&key), FALSE);
  row->rows = remembered (work, row->key);
  work->progress.n_steps += row->rows ? 0 : 1;
  for (guint k = 0; k < p->n_pictures && !row->rows; k++)
    work->progress.n_steps += row->seen[k].rows ? 0 : 1;
  return TRUE;
}

/* The pictures of prompts that are not remembered. */
static gboolean
see_all (Work *work, GError **error)
{
  g_autoptr (GPtrArray) seen = g_ptr_array_new ();

  for (guint i = 0; i < work->n; i++)
    for (guint k = 0; k < work->rows[i].prompt->n_pictures && !work->rows[i].rows; k++)
      g_ptr_array_add (seen, &work->rows[i].seen[k]);
  return qi_seen_look ((QiSeen *const *) seen->pdata, seen->len, work->runtime, &work->progress, error);
}

static void
tap_ids (QiStream *s, const GArray *ids, const char *name, const QiTap *tap)
{
  if (!tap || !tap->func || !name)
    return;
  qi_stream_begin_scope (s);
  const QiTensor *t = qi_scratch (s, QI_DTYPE_U32, ids->len);

  qi_stream_upload (s, t, 0, ids->data, ids->len * sizeof (guint32));
  qi_tap (tap, s, t, name);
  qi_stream_end_scope (s);
}

static GArray *
ids_of (const Work *work, const Row *row, GError **error)
{
  const QiPrompt *p = row->prompt;
  const guint drop = qi_template_dropped (p->template);
  g_autofree guint *counts = g_new0 (guint, p->n_pictures + 1);

  for (guint k = 0; k < p->n_pictures; k++)
    counts[k] = row->seen[k].grid.h * row->seen[k].grid.w;

  g_autoptr (GArray) ids = qi_template_encode (p->template, work->set->tokenizer, p->text, -1, counts, p->n_pictures,
                                               p->special_in_prompt, error);

  if (!ids)
    return NULL;
  if (ids->len > drop)
    return g_steal_pointer (&ids);
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
               "The prompt in its template has %u tokens, of which %u are dropped; the tokenizer is of another model.",
               ids->len, drop);
  return NULL;
}

/* Attention is causal: rows that are cut off afterwards need not be computed. Positions are for all ids, so a text with
 * pictures is not cut. */
static GBytes *
encode_ids (const Work *work, QiStream *s, const Row *row, const GArray *ids, GError **error)
{
  const QiPrompt *p = row->prompt;
  const guint drop = qi_template_dropped (p->template);
  const gboolean cut = p->max_rows && p->n_pictures == 0;
  QiTextInput input = { .ids = (const guint32 *) ids->data, .n_ids = cut ? MIN (ids->len, drop + p->max_rows) : ids->len,
                        .drop = drop };
  g_autofree guint32 *positions = NULL;
  g_autofree float *rows = NULL;
  gsize bytes;
  gboolean done;

  qi_tokenizer_special (work->set->tokenizer, "<|image_pad|>", &input.image_id);
  if (p->n_pictures)
    {
      input.positions = positions = qi_seen_positions (row->seen, p->n_pictures, ids, input.image_id, error);
      if (!positions)
        return NULL;
    }
  qi_stream_begin_scope (s);
  input.pictures = qi_seen_upload (row->seen, p->n_pictures, work->runtime, s);
  const QiTensor *embeddings = qi_text_encoder_forward (qi_runtime_text_encoder (work->runtime), s, &input, NULL);

  bytes = qi_tensor_bytes (embeddings);
  rows = g_malloc (bytes);
  done = qi_stream_download (s, embeddings, rows, bytes, error);
  qi_stream_end_scope (s);
  return done ? g_bytes_new_take (g_steal_pointer (&rows), bytes) : NULL;
}

/* One prompt, in the encoder's stage, which begins with the first that needs it. */
static gboolean
encode_row (Work *work, QiStream **s, Row *row, GError **error)
{
  g_autoptr (GArray) ids = NULL;

  if (row->rows || (row->rows = remembered (work, row->key)))
    return TRUE;
  if (!(ids = ids_of (work, row, error)) || (!*s && !(*s = qi_runtime_begin (work->runtime, QI_PART_TEXT_ENCODER, error))))
    return FALSE;
  work->progress.step++;
  qi_runtime_progress (work->runtime, &work->progress);
  tap_ids (*s, ids, row->prompt->ids_tap, work->tap);
  row->rows = encode_ids (work, *s, row, ids, error);
  if (row->rows)
    qi_runtime_keep_embeddings (work->runtime, row->key, row->rows);
  return row->rows != NULL;
}

static gboolean
encode_all (Work *work, GError **error)
{
  QiStream *s = NULL;

  for (guint i = 0; i < work->n; i++)
    if (!encode_row (work, &s, &work->rows[i], error))
      {
        if (s)
          qi_runtime_abandon (work->runtime);
        return FALSE;
      }
  return !s || qi_runtime_end (work->runtime, error);
}

gboolean
qi_prompts_encode (QiRuntime *runtime, const QiPrompt *prompts, guint n, GBytes **embeddings, const QiTap *tap,
                   GError **error)
{
  g_auto (Work) work = { runtime, qi_runtime_set (runtime), g_new0 (Row, n), n, tap,
                         { .stage = QI_STAGE_ENCODE, .n_results = 1, .seconds_left = -1 } };

  memset (embeddings, 0, n * sizeof *embeddings);
  for (guint i = 0; i < n; i++)
    work.rows[i].prompt = &prompts[i];
  for (guint i = 0; i < n; i++)
    if (!prepare (&work, &work.rows[i], error))
      return FALSE;
  if (!see_all (&work, error) || !encode_all (&work, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    embeddings[i] = g_steal_pointer (&work.rows[i].rows);
  return TRUE;
}
