/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/prompt-embeddings.h"

#include <string.h>

#include "base/error.h"

#include "models/picture/planes.h"
#include "models/picture/resize.h"

/* A picture of a prompt, and what the tower makes of it. */
typedef struct
{
  const QiPromptPicture *picture;
  guint width, height; /* after the pipeline's own resize */
  QiMergedGrid grid;
  char *key;
  GBytes *rows; /* f32 [grid.h grid.w, width]; NULL: not yet */
} Seen;

/* A prompt under way. */
typedef struct
{
  const QiPrompt *prompt;
  Seen *seen; /* [prompt->n_pictures] */
  char *key;
  GBytes *rows; /* NULL: not yet */
} Row;

typedef struct
{
  QiRuntime *runtime;
  const QiModelSet *set;
  Row *rows;
  guint n;
  guint step, n_steps; /* pictures and prompts to be computed */
  const QiTap *tap;
} Work;

static void
work_clear (Work *work)
{
  for (guint i = 0; i < work->n; i++)
    {
      Row *row = &work->rows[i];

      for (guint k = 0; row->seen && k < row->prompt->n_pictures; k++)
        {
          g_free (row->seen[k].key);
          g_clear_pointer (&row->seen[k].rows, g_bytes_unref);
        }
      g_free (row->seen);
      g_free (row->key);
      g_clear_pointer (&row->rows, g_bytes_unref);
    }
  g_free (work->rows);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

static void
tell_step (Work *work)
{
  const QiProgress progress = { .stage = QI_STAGE_ENCODE, .step = ++work->step, .n_steps = MAX (work->n_steps, work->step),
                                .n_results = 1, .seconds_left = -1 };

  qi_runtime_progress (work->runtime, &progress);
}

/* A remembered result. (transfer full) or NULL */
static GBytes *
remembered (const Work *work, const char *key)
{
  GBytes *rows = qi_runtime_find_embeddings (work->runtime, key);

  return rows ? g_bytes_ref (rows) : NULL;
}

/* -- what is wanted -------------------------------------------------------------------------------- */

static char *
hash_pixels (const QiImage *image)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const gsize row = (gsize) qi_image_width (image) * qi_image_channels (image);

  for (guint y = 0; y < qi_image_height (image); y++)
    g_checksum_update (sum, qi_image_row (image, y), (gssize) row);
  return g_strdup_printf ("%u×%u×%u %s", qi_image_width (image), qi_image_height (image), qi_image_channels (image),
                          g_checksum_get_string (sum));
}

static gboolean
prepare_picture (const Work *work, Seen *seen, const QiPromptPicture *picture, GError **error)
{
  g_autofree char *hash = picture->image ? hash_pixels (picture->image) : g_strdup ("planned");

  g_return_val_if_fail (picture->image || (qi_runtime_is_plan (work->runtime) && picture->width && picture->height), FALSE);

  seen->picture = picture;
  seen->width = picture->width ? picture->width : qi_image_width (picture->image);
  seen->height = picture->height ? picture->height : qi_image_height (picture->image);
  seen->key = g_strdup_printf ("picture %u×%u of %s", seen->width, seen->height, hash);
  return qi_vision_grid (&work->set->vision_config, seen->width, seen->height, &seen->grid, error);
}

static gboolean
prepare (Work *work, Row *row, GError **error)
{
  const QiPrompt *p = row->prompt;
  g_autoptr (GString) key = g_string_new (NULL);

  if (p->n_pictures && !qi_model_set_require (work->set, TRUE, error))
    return FALSE;
  row->seen = g_new0 (Seen, p->n_pictures);
  g_string_printf (key, "prompt %d %u %d\n", p->template, p->max_rows, p->special_in_prompt);
  for (guint k = 0; k < p->n_pictures; k++)
    {
      if (!prepare_picture (work, &row->seen[k], &p->pictures[k], error))
        return FALSE;
      g_string_append_printf (key, "%s\n", row->seen[k].key);
    }
  g_string_append (key, p->text);
  row->key = g_string_free (g_steal_pointer (&key), FALSE);
  row->rows = remembered (work, row->key);
  work->n_steps += row->rows ? 0 : 1;
  for (guint k = 0; k < p->n_pictures && !row->rows; k++)
    {
      row->seen[k].rows = remembered (work, row->seen[k].key);
      work->n_steps += row->seen[k].rows ? 0 : 1;
    }
  return TRUE;
}

/* -- pictures -------------------------------------------------------------------------------------- */

/* The picture's patches; NULL in a planning runtime too. */
static float *
patches_of (const Work *work, const Seen *seen, GError **error)
{
  const QiVisionConfig *config = &work->set->vision_config;
  g_autoptr (QiImage) rgb = qi_image_to_rgb (seen->picture->image);
  g_autoptr (QiImage) resized = qi_image_resize (rgb, seen->width, seen->height, QI_RESIZE_LANCZOS, error);
  g_autoptr (QiImage) shown = resized ? qi_vision_resize (config, resized, &seen->grid, error) : NULL;

  return shown ? qi_vision_patches_new (config, shown, &seen->grid) : NULL;
}

static GBytes *
look_at (const Work *work, QiStream *s, const Seen *seen, GError **error)
{
  const gboolean plan = qi_runtime_is_plan (work->runtime);
  g_autofree float *patches = plan ? NULL : patches_of (work, seen, error), *rows = NULL;
  gsize bytes;
  gboolean done;

  if (!patches && !plan)
    return NULL;
  qi_stream_begin_scope (s);
  const QiTensor *embeds = qi_vision_forward (qi_runtime_vision (work->runtime), s, patches, &seen->grid, NULL);

  bytes = qi_tensor_bytes (embeds);
  rows = g_malloc (bytes);
  done = qi_stream_download (s, embeds, rows, bytes, error);
  qi_stream_end_scope (s);
  return done ? g_bytes_new_take (g_steal_pointer (&rows), bytes) : NULL;
}

/* One picture, in the tower's stage, which begins with the first that needs it. */
static gboolean
see (Work *work, QiStream **s, Seen *seen, GError **error)
{
  if (seen->rows || (seen->rows = remembered (work, seen->key)))
    return TRUE;
  if (!*s && !(*s = qi_runtime_begin (work->runtime, QI_PART_VISION, error)))
    return FALSE;
  tell_step (work);
  seen->rows = look_at (work, *s, seen, error);
  if (seen->rows)
    qi_runtime_keep_embeddings (work->runtime, seen->key, seen->rows);
  return seen->rows != NULL;
}

static gboolean
see_all (Work *work, GError **error)
{
  QiStream *s = NULL;

  for (guint i = 0; i < work->n; i++)
    for (guint k = 0; k < work->rows[i].prompt->n_pictures && !work->rows[i].rows; k++)
      if (!see (work, &s, &work->rows[i].seen[k], error))
        {
          if (s)
            qi_runtime_abandon (work->runtime);
          return FALSE;
        }
  return !s || qi_runtime_end (work->runtime, error);
}

/* -- prompts --------------------------------------------------------------------------------------- */

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

/* The rows of all the prompt's pictures, one after another, in the current scope; NULL: there are none. */
static const QiTensor *
upload_pictures (const Work *work, QiStream *s, const Row *row)
{
  const guint64 width = work->set->text_config.width;
  const QiTensor *all;
  guint64 n = 0, at = 0;

  for (guint k = 0; k < row->prompt->n_pictures; k++)
    n += (guint64) row->seen[k].grid.h * row->seen[k].grid.w;
  if (n == 0)
    return NULL;
  all = qi_scratch (s, QI_DTYPE_F32, n, width);
  for (guint k = 0; k < row->prompt->n_pictures; k++)
    {
      gsize bytes;
      const void *rows = g_bytes_get_data (row->seen[k].rows, &bytes);

      qi_stream_upload (s, all, at, rows, bytes);
      at += bytes;
    }
  return all;
}

/* NULL without error: there are no pictures, and positions count on. */
static guint32 *
positions_of (const Row *row, const GArray *ids, guint32 image_id, GError **error)
{
  g_autofree QiMergedGrid *grids = g_new (QiMergedGrid, row->prompt->n_pictures + 1);

  if (row->prompt->n_pictures == 0)
    return NULL;
  for (guint k = 0; k < row->prompt->n_pictures; k++)
    grids[k] = row->seen[k].grid;
  return qi_text_positions_new ((const guint32 *) ids->data, ids->len, image_id, grids, row->prompt->n_pictures, error);
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
  input.positions = positions = positions_of (row, ids, input.image_id, error);
  if (p->n_pictures && !positions)
    return NULL;
  qi_stream_begin_scope (s);
  input.pictures = upload_pictures (work, s, row);
  const QiTensor *embeddings = qi_text_encoder_forward (qi_runtime_text_encoder (work->runtime), s, &input, NULL);

  bytes = qi_tensor_bytes (embeddings);
  rows = g_malloc (bytes);
  done = qi_stream_download (s, embeddings, rows, bytes, error);
  qi_stream_end_scope (s);
  return done ? g_bytes_new_take (g_steal_pointer (&rows), bytes) : NULL;
}

static gboolean
encode_row (Work *work, QiStream **s, Row *row, GError **error)
{
  g_autoptr (GArray) ids = NULL;

  if (row->rows || (row->rows = remembered (work, row->key)))
    return TRUE;
  if (!(ids = ids_of (work, row, error)) || (!*s && !(*s = qi_runtime_begin (work->runtime, QI_PART_TEXT_ENCODER, error))))
    return FALSE;
  tell_step (work);
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
  g_auto (Work) work = { runtime, qi_runtime_set (runtime), g_new0 (Row, n), n, 0, 0, tap };

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
