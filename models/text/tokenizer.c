/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/tokenizer.h"

#include <string.h>

#include "base/error.h"
#include "models/config/json.h"

#include "models/text/tokenizer-load.h"
#include "models/text/utf8.h"

struct _QiTokenizer
{
  QiVocabulary *vocabulary;
  GRegex *split;
  const char *source;
};

/* QI_SPLIT_PATTERN with \s spelled out as Unicode's White_Space: PCRE2's own holds U+180E too, which is none since
 * Unicode 6.3. */
#define SPACE "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
static const char split_pattern[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
                                    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
                                    "|\\p{N}"
                                    "| ?[^" SPACE "\\p{L}\\p{N}]+[\\r\\n]*"
                                    "|[" SPACE "]*[\\r\\n]+"
                                    "|[" SPACE "]+(?![^" SPACE "])"
                                    "|[" SPACE "]+";

/* --- opening --- */

/* Takes the vocabulary, which may be NULL after an error. */
static QiTokenizer *
tokenizer_new (QiVocabulary *vocabulary, const char *source, GError **error)
{
  g_autoptr (QiVocabulary) kept = vocabulary;
  if (kept == NULL)
    return NULL;

  g_autoptr (GRegex) split = g_regex_new (split_pattern, G_REGEX_OPTIMIZE, 0, error);
  if (split == NULL)
    return NULL;

  QiTokenizer *tokenizer = g_new0 (QiTokenizer, 1);
  tokenizer->vocabulary = g_steal_pointer (&kept);
  tokenizer->split = g_steal_pointer (&split);
  tokenizer->source = source;
  return tokenizer;
}

/* Reads a file into *text, whose texts *keep owns. */
static gboolean
read_text (const char *path, QiTokenizerText *text, GPtrArray *keep, GError **error)
{
  gsize n = 0;
  char *data = qi_file_read (path, QI_TOKENIZER_MAX_FILE, &n, error);

  if (data == NULL)
    return FALSE;
  g_ptr_array_add (keep, data);
  *text = (QiTokenizerText){ path, data, n };
  return TRUE;
}

QiTokenizer *
qi_tokenizer_open_files (const char *vocab, const char *merges, const char *added, const char *config, GError **error)
{
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
  QiTokenizerText v, m, a = { 0 }, c = { 0 };

  if (!read_text (vocab, &v, keep, error) || !read_text (merges, &m, keep, error)
      || (added != NULL && !read_text (added, &a, keep, error)) || (config != NULL && !read_text (config, &c, keep, error)))
    return NULL;
  return tokenizer_new (qi_vocabulary_from_texts (&v, &m, &a, &c, error), "vocab.json + merges.txt", error);
}

static QiTokenizer *
open_json (const char *path, GError **error)
{
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
  QiTokenizerText text;

  if (!read_text (path, &text, keep, error))
    return NULL;
  return tokenizer_new (qi_vocabulary_from_json (&text, error), "tokenizer.json", error);
}

/* (transfer full); NULL: there is no such file. */
static char *
find_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

QiTokenizer *
qi_tokenizer_open (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);

  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    return open_json (path, error);

  g_autofree char *json = find_file (path, "tokenizer.json");
  if (json != NULL)
    return open_json (json, error);

  g_autofree char *vocab = find_file (path, "vocab.json"), *merges = find_file (path, "merges.txt");
  g_autofree char *added = find_file (path, "added_tokens.json"), *config = find_file (path, "tokenizer_config.json");
  if (vocab == NULL || merges == NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” holds no tokenizer: it needs a tokenizer.json, or a vocab.json with a merges.txt.", path);
      return NULL;
    }
  return qi_tokenizer_open_files (vocab, merges, added, config, error);
}

QiTokenizer *
qi_tokenizer_from_checkpoint (const QiCheckpoint *checkpoint, GError **error)
{
  return tokenizer_new (qi_vocabulary_from_checkpoint (checkpoint, error), "gguf", error);
}

void
qi_tokenizer_free (QiTokenizer *tokenizer)
{
  if (tokenizer == NULL)
    return;
  qi_vocabulary_free (tokenizer->vocabulary);
  g_regex_unref (tokenizer->split);
  g_free (tokenizer);
}

/* --- encoding --- */

/* Text without added tokens. What no alternative of the pattern matches is a piece of its own. */
static void
encode_stretch (const QiTokenizer *tokenizer, const char *text, gsize n, GArray *ids)
{
  const QiBpe *bpe = &tokenizer->vocabulary->bpe;
  g_autoptr (GString) composed = qi_utf8_compose (text, n);
  g_autoptr (GMatchInfo) match = NULL;
  g_autoptr (GError) error = NULL;
  gsize done = 0;

  g_regex_match_full (tokenizer->split, composed->str, composed->len, 0, 0, &match, &error);
  while (error == NULL && g_match_info_matches (match))
    {
      gint start, end;

      g_match_info_fetch_pos (match, 0, &start, &end);
      qi_bpe_encode (bpe, composed->str + done, start - done, ids);
      qi_bpe_encode (bpe, composed->str + start, end - start, ids);
      done = end;
      g_match_info_next (match, &error);
    }
  if (error != NULL)
    g_warning ("The pieces of a text were not all found: %s", error->message);
  qi_bpe_encode (bpe, composed->str + done, composed->len - done, ids);
}

GArray *
qi_tokenizer_encode_guarded (const QiTokenizer *tokenizer, const char *text, gsize n, gsize from, gsize to)
{
  g_return_val_if_fail (tokenizer != NULL && n <= QI_TOKENIZER_MAX_BYTES && from <= to && to <= n, NULL);

  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint32));
  gsize begin = 0; /* of the stretch since the last added token */

  for (gsize at = 0; at < n;)
    {
      const gboolean guarded = at >= from && at < to;
      const gsize end = from < to && at < from ? from : n;
      const QiAddedToken *token = guarded ? NULL : qi_vocabulary_match (tokenizer->vocabulary, text + at, end - at);

      if (token == NULL)
        {
          at++;
          continue;
        }
      encode_stretch (tokenizer, text + begin, at - begin, ids);
      g_array_append_val (ids, token->id);
      begin = at += token->n;
    }
  encode_stretch (tokenizer, text + begin, n - begin, ids);
  return ids;
}

GArray *
qi_tokenizer_encode (const QiTokenizer *tokenizer, const char *text, gssize n, gboolean special)
{
  g_return_val_if_fail (tokenizer != NULL && text != NULL, NULL);

  g_autoptr (GString) valid = qi_utf8_repair (text, n < 0 ? strlen (text) : (gsize) n);

  return qi_tokenizer_encode_guarded (tokenizer, valid->str, valid->len, 0, special ? 0 : valid->len);
}

static gboolean
is_added (const QiVocabulary *vocabulary, guint32 id)
{
  for (guint i = 0; i < vocabulary->n_added; i++)
    if (vocabulary->added[i].id == id)
      return TRUE;
  return FALSE;
}

char *
qi_tokenizer_decode (const QiTokenizer *tokenizer, const guint32 *ids, gsize n, gboolean special)
{
  const QiVocabulary *v = tokenizer->vocabulary;
  g_autoptr (GString) bytes = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    if (ids[i] <= v->max_id && (special || !is_added (v, ids[i])))
      g_string_append_len (bytes, (const char *) v->bytes + v->bytes_from[ids[i]],
                           v->bytes_from[ids[i] + 1] - v->bytes_from[ids[i]]);
  for (gsize i = 0; i < bytes->len;)
    if (bytes->str[i] == '\0')
      g_string_erase (bytes, i, 1); /* what a C string cannot hold */
    else
      i++;
  return g_string_free (qi_utf8_repair (bytes->str, bytes->len), FALSE);
}

gboolean
qi_tokenizer_special (const QiTokenizer *tokenizer, const char *text, guint32 *id)
{
  const gsize n = strlen (text);
  const QiAddedToken *token = qi_vocabulary_match (tokenizer->vocabulary, text, n);

  if (token == NULL || token->n != n)
    return FALSE;
  *id = token->id;
  return TRUE;
}

guint32
qi_tokenizer_max_id (const QiTokenizer *tokenizer)
{
  return tokenizer->vocabulary->max_id;
}

const char *
qi_tokenizer_source (const QiTokenizer *tokenizer)
{
  return tokenizer->source;
}
