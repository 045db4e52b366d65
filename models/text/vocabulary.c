/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct _QiVocabularyBuilder
{
  char *file;
  GStringChunk *texts;
  GHashTable *ids;  /* text of a token, as spelled in files → id */
  GHashTable *kept; /* text of an added token → id */
  guint8 *used;     /* by id */
  QiVocabulary *vocabulary;
  guint32 n_merges;
};

QiVocabularyBuilder *
qi_vocabulary_builder_new (const char *file)
{
  QiVocabularyBuilder *builder = g_new0 (QiVocabularyBuilder, 1);

  builder->file = g_strdup (file);
  builder->texts = g_string_chunk_new (1 << 16);
  builder->ids = g_hash_table_new (g_str_hash, g_str_equal);
  builder->kept = g_hash_table_new (g_str_hash, g_str_equal);
  builder->used = g_malloc0 (QI_VOCABULARY_MAX_TOKENS);
  builder->vocabulary = g_new0 (QiVocabulary, 1);
  qi_bpe_init (&builder->vocabulary->bpe);
  return builder;
}

void
qi_vocabulary_builder_free (QiVocabularyBuilder *builder)
{
  if (builder == NULL)
    return;
  g_free (builder->file);
  g_string_chunk_free (builder->texts);
  g_hash_table_unref (builder->ids);
  g_hash_table_unref (builder->kept);
  g_free (builder->used);
  qi_vocabulary_free (builder->vocabulary);
  g_free (builder);
}

void
qi_vocabulary_builder_set_file (QiVocabularyBuilder *builder, const char *file)
{
  g_free (builder->file);
  builder->file = g_strdup (file);
}

/* Text from a file in a message: short, and valid UTF-8 whatever it was. (transfer full) */
static char *
quote (const char *text, gsize n)
{
  return g_utf8_make_valid (text, MIN (n, 40));
}

static gboolean G_GNUC_PRINTF (3, 4)
fail (const QiVocabularyBuilder *builder, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” is no usable tokenizer: %s", builder->file, what);
  return FALSE;
}

static gboolean
check_token (const QiVocabularyBuilder *builder, const char *text, gsize n, guint64 id, GError **error)
{
  if (n == 0 || n > QI_VOCABULARY_MAX_LENGTH)
    return fail (builder, error, "token %" G_GUINT64_FORMAT " has %" G_GSIZE_FORMAT " bytes; 1 to %u are possible.", id, n,
                 QI_VOCABULARY_MAX_LENGTH);
  if (memchr (text, '\0', n) != NULL)
    return fail (builder, error, "token %" G_GUINT64_FORMAT " has a NUL in it.", id);
  if (id >= QI_VOCABULARY_MAX_TOKENS)
    {
      g_autofree char *name = quote (text, n);
      return fail (builder, error, "token “%s” has the id %" G_GUINT64_FORMAT "; ids are below %u.", name, id,
                   QI_VOCABULARY_MAX_TOKENS);
    }
  return TRUE;
}

/* Puts text → id into the table; the text and the id must both be new. */
static gboolean
claim (QiVocabularyBuilder *builder, GHashTable *table, const char *text, gsize n, guint32 id, GError **error)
{
  char *kept = g_string_chunk_insert_len (builder->texts, text, n);

  if (g_hash_table_contains (table, kept) || builder->used[id])
    {
      g_autofree char *name = quote (text, n);
      return g_hash_table_contains (table, kept)
               ? fail (builder, error, "token “%s” is there twice.", name)
               : fail (builder, error, "the id %u of token “%s” is another token's too.", id, name);
    }
  builder->used[id] = TRUE;
  builder->vocabulary->max_id = MAX (builder->vocabulary->max_id, id);
  g_hash_table_insert (table, kept, GUINT_TO_POINTER (id));
  return TRUE;
}

gboolean
qi_vocabulary_add_token (QiVocabularyBuilder *builder, const char *text, gsize n, guint64 id, GError **error)
{
  return check_token (builder, text, n, id, error) && claim (builder, builder->ids, text, n, id, error);
}

gboolean
qi_vocabulary_add_added (QiVocabularyBuilder *builder, const char *text, gsize n, guint64 id, GError **error)
{
  gpointer known;

  if (!check_token (builder, text, n, id, error))
    return FALSE;
  if (!g_utf8_validate (text, n, NULL))
    return fail (builder, error, "the added token %" G_GUINT64_FORMAT " is not valid UTF-8.", id);

  g_autofree char *key = g_strndup (text, n);
  if (g_hash_table_lookup_extended (builder->kept, key, NULL, &known))
    return GPOINTER_TO_UINT (known) == id || fail (builder, error, "the added token “%s” has two ids.", key);
  if (g_hash_table_size (builder->kept) >= QI_VOCABULARY_MAX_ADDED)
    return fail (builder, error, "there are more than %u added tokens.", QI_VOCABULARY_MAX_ADDED);
  /* Some files list their added tokens among the others too. */
  if (g_hash_table_lookup_extended (builder->ids, key, NULL, &known) && GPOINTER_TO_UINT (known) == id)
    {
      g_hash_table_insert (builder->kept, g_string_chunk_insert_len (builder->texts, text, n), known);
      return TRUE;
    }
  return claim (builder, builder->kept, text, n, id, error);
}

/* The id of the token that is a and b in one; b may be empty. */
static gboolean
find_joined (const QiVocabularyBuilder *builder, const char *a, gsize n_a, const char *b, gsize n_b, guint32 *id)
{
  char key[QI_VOCABULARY_MAX_LENGTH + 1];
  gpointer value;

  if (n_a > QI_VOCABULARY_MAX_LENGTH || n_b > QI_VOCABULARY_MAX_LENGTH - n_a)
    return FALSE;
  memcpy (key, a, n_a);
  memcpy (key + n_a, b, n_b);
  key[n_a + n_b] = '\0';
  if (strlen (key) != n_a + n_b || !g_hash_table_lookup_extended (builder->ids, key, NULL, &value))
    return FALSE;
  *id = GPOINTER_TO_UINT (value);
  return TRUE;
}

gboolean
qi_vocabulary_add_merge (QiVocabularyBuilder *builder, const char *left, gsize n_left, const char *right, gsize n_right,
                         GError **error)
{
  guint32 a, b, both;
  const char *fault = NULL;

  if (builder->n_merges >= QI_VOCABULARY_MAX_TOKENS)
    return fail (builder, error, "there are more than %u merges.", QI_VOCABULARY_MAX_TOKENS);
  if (!find_joined (builder, left, n_left, "", 0, &a))
    fault = "its left part is no token";
  else if (!find_joined (builder, right, n_right, "", 0, &b))
    fault = "its right part is no token";
  else if (!find_joined (builder, left, n_left, right, n_right, &both))
    fault = "its result is no token";
  else if (!qi_bpe_add (&builder->vocabulary->bpe, a, b, both, builder->n_merges))
    fault = "it is there twice";
  if (fault != NULL)
    {
      g_autofree char *l = quote (left, n_left), *r = quote (right, n_right);
      return fail (builder, error, "merge %u, “%s” with “%s”: %s.", builder->n_merges, l, r, fault);
    }
  builder->n_merges++;
  return TRUE;
}

gboolean
qi_vocabulary_add_merge_line (QiVocabularyBuilder *builder, const char *line, gsize n, GError **error)
{
  const char *space = memchr (line, ' ', n);

  if (space == NULL)
    {
      g_autofree char *text = quote (line, n);
      return fail (builder, error, "merge %u, “%s”, is not two parts with a space between.", builder->n_merges, text);
    }
  return qi_vocabulary_add_merge (builder, line, space - line, space + 1, n - (space - line) - 1, error);
}

/* --- the finished vocabulary --- */

/* The character that stands for a byte; others: how many bytes below it do not stand for themselves. */
static gunichar
byte_character (guint8 byte, guint others)
{
  const gboolean itself = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

  return itself ? byte : 0x100 + others;
}

static gboolean
find_byte_symbols (QiVocabularyBuilder *builder, GError **error)
{
  guint others = 0;

  for (guint byte = 0; byte < 256; byte++)
    {
      char text[7] = { 0 };
      gpointer id;
      const gunichar character = byte_character (byte, others);

      others += character >= 0x100;
      g_unichar_to_utf8 (character, text);
      if (!g_hash_table_lookup_extended (builder->ids, text, NULL, &id))
        return fail (builder, error, "it has no token “%s” for the byte 0x%02x.", text, byte);
      builder->vocabulary->bpe.byte_ids[byte] = GPOINTER_TO_UINT (id);
    }
  return TRUE;
}

static int
compare_added (const void *a, const void *b)
{
  const QiAddedToken *x = a, *y = b;

  if (x->text[0] != y->text[0])
    return (guint8) x->text[0] < (guint8) y->text[0] ? -1 : 1;
  return x->n != y->n ? (x->n > y->n ? -1 : 1) : strcmp (x->text, y->text);
}

static void
sort_added (QiVocabularyBuilder *builder)
{
  QiVocabulary *v = builder->vocabulary;
  GHashTableIter iter;
  gpointer text, id;

  v->added = g_new0 (QiAddedToken, g_hash_table_size (builder->kept));
  g_hash_table_iter_init (&iter, builder->kept);
  while (g_hash_table_iter_next (&iter, &text, &id))
    v->added[v->n_added++] = (QiAddedToken){ g_strdup (text), strlen (text), GPOINTER_TO_UINT (id) };
  if (v->n_added > 0)
    qsort (v->added, v->n_added, sizeof *v->added, compare_added);
  for (guint i = 0; i < v->n_added; i++)
    v->added_from[(guint8) v->added[i].text[0] + 1]++;
  for (guint b = 0; b < 256; b++)
    v->added_from[b + 1] += v->added_from[b];
}

/* The bytes that a token's spelling stands for; a character that stands for none is kept as it is. */
static void
append_bytes (GByteArray *bytes, const char *spelling, const gint16 *byte_of)
{
  for (const char *at = spelling; *at; at = g_utf8_next_char (at))
    {
      const gunichar c = g_utf8_get_char (at);
      const guint8 byte = (guint8) (c < 0x200 ? byte_of[c] : 0);

      if (c < 0x200 && byte_of[c] >= 0)
        g_byte_array_append (bytes, &byte, 1);
      else
        g_byte_array_append (bytes, (const guint8 *) at, (guint) (g_utf8_next_char (at) - at));
    }
}

/* Spellings by id; those that are not valid UTF-8 can stand for nothing. */
static void
collect_spellings (GHashTable *table, const char **spellings)
{
  GHashTableIter iter;
  gpointer text, id;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, &text, &id))
    if (g_utf8_validate (text, -1, NULL))
      spellings[GPOINTER_TO_UINT (id)] = text;
}

static void
keep_bytes (QiVocabularyBuilder *builder)
{
  QiVocabulary *v = builder->vocabulary;
  const guint32 n = v->max_id + 1;
  g_autofree const char **plain = g_new0 (const char *, n), **added = g_new0 (const char *, n);
  GByteArray *bytes = g_byte_array_new ();
  gint16 byte_of[0x200];
  guint others = 0;

  memset (byte_of, -1, sizeof byte_of);
  for (guint byte = 0; byte < 256; byte++)
    {
      const gunichar c = byte_character ((guint8) byte, others);

      byte_of[c] = (gint16) byte;
      others += c >= 0x100;
    }
  collect_spellings (builder->ids, plain);
  collect_spellings (builder->kept, added);
  v->bytes_from = g_new (guint32, (gsize) n + 1);
  for (guint32 id = 0; id < n; id++)
    {
      v->bytes_from[id] = bytes->len;
      if (added[id])
        g_byte_array_append (bytes, (const guint8 *) added[id], (guint) strlen (added[id]));
      else if (plain[id])
        append_bytes (bytes, plain[id], byte_of);
    }
  v->bytes_from[n] = bytes->len;
  v->bytes = g_byte_array_free (bytes, FALSE);
}

QiVocabulary *
qi_vocabulary_builder_finish (QiVocabularyBuilder *builder, GError **error)
{
  if (!find_byte_symbols (builder, error))
    return NULL;
  sort_added (builder);
  keep_bytes (builder);
  return g_steal_pointer (&builder->vocabulary);
}

void
qi_vocabulary_free (QiVocabulary *vocabulary)
{
  if (vocabulary == NULL)
    return;
  qi_bpe_clear (&vocabulary->bpe);
  for (guint i = 0; i < vocabulary->n_added; i++)
    g_free (vocabulary->added[i].text);
  g_free (vocabulary->added);
  g_free (vocabulary->bytes);
  g_free (vocabulary->bytes_from);
  g_free (vocabulary);
}

const QiAddedToken *
qi_vocabulary_match (const QiVocabulary *vocabulary, const char *text, gsize n)
{
  const guint8 first = n > 0 ? (guint8) text[0] : 0;

  for (guint i = vocabulary->added_from[first]; i < vocabulary->added_from[first + 1]; i++)
    {
      const QiAddedToken *token = &vocabulary->added[i];
      if (token->n <= n && memcmp (text, token->text, token->n) == 0)
        return token;
    }
  return NULL;
}
