/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/tokenizer-load.h"

#include <string.h>
#include <yyjson.h>

#include "base/error.h"

typedef yyjson_doc QiJsonDoc;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiJsonDoc, yyjson_doc_free)

/* The document of one file, whose root must be an object. */
static QiJsonDoc *
read_object (const QiTokenizerText *text, GError **error)
{
  yyjson_read_err fault = { 0 };
  g_autoptr (QiJsonDoc) doc = yyjson_read_opts ((char *) text->text, text->n, YYJSON_READ_NOFLAG, NULL, &fault);

  if (doc == NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” is not valid JSON: %s at byte %zu.", text->file, fault.msg,
                 fault.pos);
  else if (!yyjson_is_obj (yyjson_doc_get_root (doc)))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” is no usable tokenizer: it is not one JSON object.",
                 text->file);
  else
    return g_steal_pointer (&doc);
  return NULL;
}

static gboolean
bad (const char *file, const char *what, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” is no usable tokenizer: %s.", file, what);
  return FALSE;
}

static gboolean
unsupported (const char *file, const char *what, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "“%s” is not the tokenizer of Qwen2: %s. Use the tokenizer that belongs to the model.", file, what);
  return FALSE;
}

/* An object of text → id, as a vocabulary or as a list of added tokens. */
static gboolean
add_ids (QiVocabularyBuilder *builder, yyjson_val *object, const char *file, gboolean added, GError **error)
{
  yyjson_obj_iter iter = yyjson_obj_iter_with (object);

  for (yyjson_val *key; (key = yyjson_obj_iter_next (&iter));)
    {
      yyjson_val *id = yyjson_obj_iter_get_val (key);
      if (!yyjson_is_uint (id))
        return bad (file, "an id is not a whole number", error);
      if (!(added ? qi_vocabulary_add_added : qi_vocabulary_add_token) (builder, yyjson_get_str (key), yyjson_get_len (key),
                                                                        yyjson_get_uint (id), error))
        return FALSE;
    }
  return TRUE;
}

/* One added token that is described by an object; its id is in the object or is its key. */
static gboolean
add_described (QiVocabularyBuilder *builder, yyjson_val *token, guint64 id, const char *file, GError **error)
{
  static const char *const flags[] = { "normalized", "lstrip", "rstrip", "single_word" };
  yyjson_val *content = yyjson_obj_get (token, "content");

  if (!yyjson_is_str (content))
    return bad (file, "an added token has no “content”", error);
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    if (yyjson_is_true (yyjson_obj_get (token, flags[i])))
      {
        g_autofree char *what = g_strdup_printf ("an added token is “%s”, which none of its is", flags[i]);
        return unsupported (file, what, error);
      }
  return qi_vocabulary_add_added (builder, yyjson_get_str (content), yyjson_get_len (content), id, error);
}

/* --- tokenizer.json --- */

static gboolean
is (yyjson_val *object, const char *key, const char *value)
{
  return g_strcmp0 (yyjson_get_str (yyjson_obj_get (object, key)), value) == 0;
}

/* Absent, null, false or empty. */
static gboolean
is_off (yyjson_val *object, const char *key)
{
  yyjson_val *value = yyjson_obj_get (object, key);

  return value == NULL || yyjson_is_null (value) || yyjson_is_false (value)
         || (yyjson_is_str (value) && yyjson_get_len (value) == 0) || (yyjson_is_num (value) && yyjson_get_num (value) == 0);
}

static gboolean
check_pre_tokenizer (yyjson_val *root, const char *file, GError **error)
{
  yyjson_val *sequence = yyjson_obj_get (root, "pre_tokenizer");
  yyjson_val *steps = yyjson_obj_get (sequence, "pretokenizers");
  yyjson_val *split = yyjson_arr_get (steps, 0), *bytes = yyjson_arr_get (steps, 1);

  if (!is (sequence, "type", "Sequence") || yyjson_arr_size (steps) != 2 || !is (split, "type", "Split")
      || !is (bytes, "type", "ByteLevel"))
    return unsupported (file, "its pre_tokenizer is not a Split followed by ByteLevel", error);
  if (!is (yyjson_obj_get (split, "pattern"), "Regex", QI_SPLIT_PATTERN))
    return unsupported (file, "its pre_tokenizer splits by another pattern", error);
  if (!is (split, "behavior", "Isolated") || !is_off (split, "invert"))
    return unsupported (file, "its pre_tokenizer does not keep each match as a piece of its own", error);
  if (!is_off (bytes, "add_prefix_space") || !yyjson_is_false (yyjson_obj_get (bytes, "use_regex")))
    return unsupported (file, "its ByteLevel step adds a space or splits once more", error);
  return TRUE;
}

static gboolean
check_kind (yyjson_val *root, const char *file, GError **error)
{
  static const char *const off[] = { "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
                                     "ignore_merges" };
  yyjson_val *model = yyjson_obj_get (root, "model");

  if (!is (yyjson_obj_get (root, "normalizer"), "type", "NFC"))
    return unsupported (file, "its normalizer is not NFC", error);
  if (!check_pre_tokenizer (root, file, error))
    return FALSE;
  if (!is (model, "type", "BPE"))
    return unsupported (file, "its model is not BPE", error);
  for (guint i = 0; i < G_N_ELEMENTS (off); i++)
    if (!is_off (model, off[i]))
      {
        g_autofree char *what = g_strdup_printf ("its model has “%s”", off[i]);
        return unsupported (file, what, error);
      }
  return TRUE;
}

/* Items are "left right" or, since tokenizers 0.20, ["left", "right"]. */
static gboolean
add_merges (QiVocabularyBuilder *builder, yyjson_val *merges, const char *file, GError **error)
{
  yyjson_arr_iter iter = yyjson_arr_iter_with (merges);

  for (yyjson_val *item; (item = yyjson_arr_iter_next (&iter));)
    {
      yyjson_val *left = yyjson_arr_get (item, 0), *right = yyjson_arr_get (item, 1);
      gboolean good;

      if (yyjson_is_str (item))
        good = qi_vocabulary_add_merge_line (builder, yyjson_get_str (item), yyjson_get_len (item), error);
      else if (yyjson_arr_size (item) == 2 && yyjson_is_str (left) && yyjson_is_str (right))
        good = qi_vocabulary_add_merge (builder, yyjson_get_str (left), yyjson_get_len (left), yyjson_get_str (right),
                                        yyjson_get_len (right), error);
      else
        good = bad (file, "a merge is neither a string nor a pair of strings", error);
      if (!good)
        return FALSE;
    }
  return TRUE;
}

QiVocabulary *
qi_vocabulary_from_json (const QiTokenizerText *tokenizer, GError **error)
{
  const char *file = tokenizer->file;
  g_autoptr (QiJsonDoc) doc = read_object (tokenizer, error);
  yyjson_val *root = doc != NULL ? yyjson_doc_get_root (doc) : NULL;
  if (root == NULL || !check_kind (root, file, error))
    return NULL;

  g_autoptr (QiVocabularyBuilder) builder = qi_vocabulary_builder_new (file);
  yyjson_val *vocab = yyjson_obj_get (yyjson_obj_get (root, "model"), "vocab");
  yyjson_val *merges = yyjson_obj_get (yyjson_obj_get (root, "model"), "merges");
  if (!yyjson_is_obj (vocab) || !yyjson_is_arr (merges))
    {
      bad (file, "its model has no “vocab” object and “merges” array", error);
      return NULL;
    }
  if (!add_ids (builder, vocab, file, FALSE, error) || !add_merges (builder, merges, file, error))
    return NULL;

  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (root, "added_tokens"));
  for (yyjson_val *token; (token = yyjson_arr_iter_next (&iter));)
    {
      yyjson_val *id = yyjson_obj_get (token, "id");
      if (!(yyjson_is_uint (id) || bad (file, "an added token has no “id”", error))
          || !add_described (builder, token, yyjson_get_uint (id), file, error))
        return NULL;
    }
  return qi_vocabulary_builder_finish (builder, error);
}

/* --- vocab.json and merges.txt --- */

static gboolean
add_vocab (QiVocabularyBuilder *builder, const QiTokenizerText *text, gboolean added, GError **error)
{
  g_autoptr (QiJsonDoc) doc = read_object (text, error);

  qi_vocabulary_builder_set_file (builder, text->file);
  return doc != NULL && add_ids (builder, yyjson_doc_get_root (doc), text->file, added, error);
}

/* One merge a line after an optional "#version: …"; "# #" is a merge. Empty lines are passed over. */
static gboolean
add_merge_lines (QiVocabularyBuilder *builder, const QiTokenizerText *text, GError **error)
{
  qi_vocabulary_builder_set_file (builder, text->file);
  for (gsize at = 0, end; at < text->n; at = end + 1)
    {
      const char *line = text->text + at;
      const char *newline = memchr (line, '\n', text->n - at);

      end = newline != NULL ? (gsize) (newline - text->text) : text->n;
      gsize n = end - at;
      if (n > 0 && line[n - 1] == '\r')
        n--;
      if (n == 0 || (at == 0 && n >= 8 && memcmp (line, "#version", 8) == 0))
        continue;
      if (!qi_vocabulary_add_merge_line (builder, line, n, error))
        return FALSE;
    }
  return TRUE;
}

/* tokenizer_config.json: added_tokens_decoder, an object of id → description. */
static gboolean
add_config (QiVocabularyBuilder *builder, const QiTokenizerText *text, GError **error)
{
  g_autoptr (QiJsonDoc) doc = read_object (text, error);
  if (doc == NULL)
    return FALSE;

  yyjson_obj_iter iter = yyjson_obj_iter_with (yyjson_obj_get (yyjson_doc_get_root (doc), "added_tokens_decoder"));
  qi_vocabulary_builder_set_file (builder, text->file);
  for (yyjson_val *key; (key = yyjson_obj_iter_next (&iter));)
    {
      guint64 id;
      if (!g_ascii_string_to_unsigned (yyjson_get_str (key), 10, 0, G_MAXUINT32, &id, NULL))
        return bad (text->file, "a key of “added_tokens_decoder” is no id", error);
      if (!add_described (builder, yyjson_obj_iter_get_val (key), id, text->file, error))
        return FALSE;
    }
  return TRUE;
}

QiVocabulary *
qi_vocabulary_from_texts (const QiTokenizerText *vocab, const QiTokenizerText *merges, const QiTokenizerText *added,
                          const QiTokenizerText *config, GError **error)
{
  g_autoptr (QiVocabularyBuilder) builder = qi_vocabulary_builder_new (vocab->file);

  if (!add_vocab (builder, vocab, FALSE, error) || !add_merge_lines (builder, merges, error)
      || (added->text != NULL && !add_vocab (builder, added, TRUE, error))
      || (config->text != NULL && !add_config (builder, config, error)))
    return NULL;
  qi_vocabulary_builder_set_file (builder, vocab->file);
  return qi_vocabulary_builder_finish (builder, error);
}

/* --- GGUF --- */

enum { GGUF_NORMAL = 1, GGUF_CONTROL = 3, GGUF_USER_DEFINED = 4 }; /* of tokenizer.ggml.token_type; the others are no text */

static gboolean
check_gguf_kind (const QiCheckpoint *checkpoint, GError **error)
{
  const char *file = qi_checkpoint_path (checkpoint), *model = NULL, *pre = NULL;

  if (!qi_checkpoint_meta_string (checkpoint, "tokenizer.ggml.model", &model) || strcmp (model, "gpt2") != 0)
    return unsupported (file, "tokenizer.ggml.model is not “gpt2”", error);
  if (!qi_checkpoint_meta_string (checkpoint, "tokenizer.ggml.pre", &pre) || strcmp (pre, "qwen2") != 0)
    return unsupported (file, "tokenizer.ggml.pre is not “qwen2”", error);
  return TRUE;
}

static gboolean
add_gguf_tokens (QiVocabularyBuilder *builder, const QiCheckpoint *checkpoint, const char *const *tokens,
                 const gsize *lengths, gsize n, GError **error)
{
  const gint64 *types;
  gsize n_types;

  if (!qi_checkpoint_meta_ints (checkpoint, "tokenizer.ggml.token_type", &types, &n_types) || n_types != n)
    return bad (qi_checkpoint_path (checkpoint), "tokenizer.ggml.token_type has not one number for each token", error);
  for (gsize id = 0; id < n; id++)
    {
      gboolean good = TRUE;

      if (types[id] == GGUF_NORMAL)
        good = qi_vocabulary_add_token (builder, tokens[id], lengths[id], id, error);
      else if (types[id] == GGUF_CONTROL || types[id] == GGUF_USER_DEFINED)
        good = qi_vocabulary_add_added (builder, tokens[id], lengths[id], id, error);
      if (!good)
        return FALSE;
    }
  return TRUE;
}

QiVocabulary *
qi_vocabulary_from_checkpoint (const QiCheckpoint *checkpoint, GError **error)
{
  const char *const *tokens, *const *merges;
  const gsize *lengths, *merge_lengths;
  const char *model;
  gsize n, n_merges;
  const gboolean has_tokens = qi_checkpoint_meta_strings (checkpoint, "tokenizer.ggml.tokens", &tokens, &lengths, &n);

  if (!has_tokens && !qi_checkpoint_meta_string (checkpoint, "tokenizer.ggml.model", &model))
    return NULL;
  if (!check_gguf_kind (checkpoint, error))
    return NULL;
  if (!has_tokens || !qi_checkpoint_meta_strings (checkpoint, "tokenizer.ggml.merges", &merges, &merge_lengths, &n_merges))
    {
      bad (qi_checkpoint_path (checkpoint), "tokenizer.ggml.tokens or tokenizer.ggml.merges is missing", error);
      return NULL;
    }

  g_autoptr (QiVocabularyBuilder) builder = qi_vocabulary_builder_new (qi_checkpoint_path (checkpoint));
  if (!add_gguf_tokens (builder, checkpoint, tokens, lengths, n, error))
    return NULL;
  for (gsize i = 0; i < n_merges; i++)
    if (!qi_vocabulary_add_merge_line (builder, merges[i], merge_lengths[i], error))
      return NULL;
  return qi_vocabulary_builder_finish (builder, error);
}
