/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/encoder.h"

#include <math.h>

#include "base/error.h"
#include "models/text/encoder-layer.h"
#include "models/text/positions.h"

struct _QiTextEncoder
{
  QiTextConfig config;
  const QiCheckpoint *checkpoint;
  const QiCheckpointTensor *embeddings; /* [vocabulary, width], in the file */
  QiWeights *weights;
  QiTextLayer *layers;
  const QiTensor *norm;
};

static gboolean
find_embeddings (QiTextEncoder *encoder, GError **error)
{
  const guint64 dims[2] = { encoder->config.vocabulary, encoder->config.width };

  encoder->embeddings = qi_checkpoint_require (encoder->checkpoint, "model.embed_tokens.weight", 2, dims, error);
  if (!encoder->embeddings)
    return FALSE;
  if (encoder->embeddings->dtype < QI_N_WEIGHT_DTYPES && encoder->embeddings->n_scales <= 1
      && qi_dtype_row_bytes (encoder->embeddings->dtype, dims[1]))
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "The embeddings of “%s” are %s with %u scales, which cannot be read.",
               qi_checkpoint_path (encoder->checkpoint), qi_dtype_info (encoder->embeddings->dtype)->name,
               encoder->embeddings->n_scales);
  return FALSE;
}

QiTextEncoder *
qi_text_encoder_new (const QiTextConfig *config, const QiLoad *load, GError **error)
{
  g_autoptr (QiTextEncoder) encoder = g_new0 (QiTextEncoder, 1);

  encoder->config = *config;
  encoder->checkpoint = load->checkpoint;
  encoder->layers = g_new0 (QiTextLayer, config->n_layers);
  encoder->weights = qi_weights_new (load);
  if (!find_embeddings (encoder, error))
    return NULL;
  for (guint i = 0; i < config->n_layers; i++)
    {
      qi_weights_begin_block (encoder->weights, i, config->n_layers);
      qi_text_layer_load (&encoder->layers[i], encoder->weights, config, i);
      qi_weights_end_block (encoder->weights);
    }
  encoder->norm = qi_weights_array (encoder->weights, 1, config->width, "model.norm.weight");
  return qi_weights_finish (encoder->weights, error) ? g_steal_pointer (&encoder) : NULL;
}

void
qi_text_encoder_free (QiTextEncoder *encoder)
{
  if (!encoder)
    return;
  qi_weights_free (encoder->weights);
  g_free (encoder->layers);
  g_free (encoder);
}

/* -- embeddings ------------------------------------------------------------------------------------ */

/* Rows ids of the table, as stored. FALSE when an id is too large or a row cannot be read. */
static gboolean
read_rows (const QiTextEncoder *encoder, const QiTextInput *input, guint8 *rows, guint64 row_bytes, GError **error)
{
  for (guint i = 0; i < input->n_ids; i++)
    {
      if (input->ids[i] >= encoder->config.vocabulary)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                       "Token %u has the id %u, but the text encoder “%s” knows %u tokens; tokenizer and encoder do not "
                       "belong together.",
                       i, input->ids[i], qi_checkpoint_path (encoder->checkpoint), encoder->config.vocabulary);
          return FALSE;
        }
      if (!qi_checkpoint_read (encoder->checkpoint, encoder->embeddings, input->ids[i] * row_bytes, rows + i * row_bytes,
                               row_bytes, error))
        return FALSE;
    }
  return TRUE;
}

/* Overwrites the rows of picture tokens, run by run. */
static void
inject_pictures (QiStream *s, const QiTensor *x, const QiTextInput *input)
{
  const guint64 n_rows = qi_tensor_rows (input->pictures);
  guint64 used = 0;

  for (guint at = 0; at < input->n_ids;)
    {
      guint n = 0;

      while (at + n < input->n_ids && input->ids[at + n] == input->image_id)
        n++;
      if (n > 0 && n <= n_rows - used)
        qi_copy_into (s, qi_view_rows (s, x, at, n), qi_view_rows (s, input->pictures, used, n));
      used = MIN (used + n, n_rows + 1);
      if (used > n_rows)
        break;
      at += MAX (n, 1);
    }
  if (used != n_rows)
    qi_stream_take_error (s, g_error_new (QI_ERROR, QI_ERROR_BAD_REQUEST,
                                          "The prompt's picture tokens are not as many as the pictures' %" G_GUINT64_FORMAT
                                          " patches.",
                                          n_rows));
}

static const QiTensor *
embed (const QiTextEncoder *encoder, QiStream *s, const QiTextInput *input)
{
  const QiCheckpointTensor *table = encoder->embeddings;
  const guint64 row_bytes = qi_dtype_row_bytes (table->dtype, encoder->config.width);
  const QiTensor *raw = qi_scratch (s, table->dtype, input->n_ids, encoder->config.width);
  const QiTensor *x;
  GError *error = NULL;

  if (!qi_stream_is_plan (s))
    {
      g_autofree guint8 *rows = g_malloc (input->n_ids * row_bytes);

      if (read_rows (encoder, input, rows, row_bytes, &error))
        qi_stream_upload (s, raw, 0, rows, input->n_ids * row_bytes);
      else
        qi_stream_take_error (s, error);
    }
  x = qi_decode (s, raw);
  if (table->n_scales == 1)
    x = qi_axpby (s, table->scales[0], x, 0, NULL);
  if (input->pictures)
    inject_pictures (s, x, input);
  return x;
}

/* -- rotation -------------------------------------------------------------------------------------- */

/* The reference's table, for comparison: [3, n, head_dim], every axis with every frequency, halves alike. */
static void
tap_rope (const QiTextEncoder *encoder, QiStream *s, const QiTextInput *input, const QiTap *tap)
{
  const guint64 n = input->n_ids, d = encoder->config.head_dim;
  g_autofree float *cosines = NULL, *sines = NULL;
  const QiTensor *table;

  if (!tap || !tap->func)
    return;
  cosines = g_new (float, 3 * n * d);
  sines = g_new (float, 3 * n * d);
  for (guint64 row = 0; row < 3 * n; row++)
    for (guint i = 0; i < d; i++)
      {
        const float position = input->positions ? input->positions[row] : row % n;
        const float angle = position * qi_mrope_frequency (&encoder->config, i % (d / 2));

        cosines[row * d + i] = (float) cos (angle);
        sines[row * d + i] = (float) sin (angle);
      }
  table = qi_scratch (s, QI_DTYPE_F32, 3, n, d);
  qi_stream_upload (s, table, 0, cosines, qi_tensor_bytes (table));
  qi_tap (tap, s, table, "rope.cos");
  qi_stream_upload (s, table, 0, sines, qi_tensor_bytes (table));
  qi_tap (tap, s, table, "rope.sin");
}

static const QiTensor *
upload_rope (const QiTextEncoder *encoder, QiStream *s, const QiTextInput *input)
{
  const QiTensor *table = qi_scratch (s, QI_DTYPE_F32, input->n_ids, encoder->config.head_dim / 2, 2);

  if (!qi_stream_is_plan (s))
    {
      g_autofree float *values = qi_mrope_new (&encoder->config, input->positions, input->n_ids);
      qi_stream_upload (s, table, 0, values, qi_tensor_bytes (table));
    }
  return table;
}

/* -- layers ---------------------------------------------------------------------------------------- */

void
qi_text_cache_init (QiTextCache *cache, const QiTextEncoder *encoder, QiStream *s, guint capacity)
{
  const QiTextConfig *c = &encoder->config;
  const guint64 width = (guint64) c->n_kv_heads * c->head_dim;

  *cache = (QiTextCache){ .capacity = capacity };
  for (guint i = 0; i < c->n_layers; i++)
    {
      cache->keys[i] = qi_scratch (s, QI_DTYPE_F32, capacity, width);
      cache->values[i] = qi_scratch (s, QI_DTYPE_F32, capacity, width);
    }
}

const QiTensor *
qi_text_encoder_forward (const QiTextEncoder *encoder, QiStream *s, const QiTextInput *input, const QiTap *tap)
{
  const QiTextConfig *c = &encoder->config;

  QiTextCache *cache = input->cache;

  g_return_val_if_fail (input->drop < input->n_ids, NULL);
  g_return_val_if_fail (!cache || (input->positions && input->n_ids <= cache->capacity - cache->n), NULL);

  const guint64 n = input->n_ids - input->drop;
  const QiTensor *result = qi_scratch (s, QI_DTYPE_F32, n, c->width);

  qi_stream_begin_scope (s);
  const QiTensor *x = embed (encoder, s, input);
  const QiRope rope = { upload_rope (encoder, s, input), TRUE };

  tap_rope (encoder, s, input, tap);
  qi_tap (tap, s, x, "hidden_states.0");
  for (guint i = 0; i < c->n_layers; i++)
    {
      const QiTextKept kept = cache ? (QiTextKept){ cache->keys[i], cache->values[i], cache->n } : (QiTextKept){ 0 };

      qi_weights_use_block (encoder->weights, s, i);
      qi_text_layer_forward (s, c, &encoder->layers[i], x, &rope, &kept);
      if (i + 1 < c->n_layers)
        qi_tap_n (tap, s, x, "hidden_states.%u", i + 1);
    }
  if (cache)
    cache->n += input->n_ids;
  qi_tap (tap, s, x, "last_layer_before_norm");
  if (tap && tap->func)
    qi_tap_n (tap, s, qi_rms_norm (s, x, encoder->norm, (float) c->eps), "hidden_states.%u", c->n_layers);
  qi_copy_into (s, result, qi_rms_norm (s, qi_view_rows (s, x, input->drop, n), encoder->norm, (float) c->eps));
  qi_stream_end_scope (s);
  return result;
}
