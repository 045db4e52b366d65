/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/vocabulary.h — tokens, merges and added tokens, checked while they are put in, whatever file they come
 * from. Adding is one thread's; a finished vocabulary is only read.
 *
 * Tokens are spelled as the files do: each byte as one character, GPT-2's map (0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF as
 * themselves, the 68 others in order from U+0100 on). Added tokens are spelled as they are. */
#pragma once
#include "models/text/bpe.h"

#define QI_VOCABULARY_MAX_TOKENS (1u << 20) /* and ids, and merges; the released vocabulary: 151 665 */
#define QI_VOCABULARY_MAX_ADDED 4096u       /* the released vocabulary: 22 */
#define QI_VOCABULARY_MAX_LENGTH 1024u      /* bytes of a token */

typedef struct
{
  char *text; /* valid UTF-8, not empty, no NUL */
  gsize n;
  guint32 id;
} QiAddedToken;

typedef struct
{
  QiBpe bpe;
  QiAddedToken *added;  /* by first byte, the longest first */
  guint n_added;
  guint added_from[257]; /* those that begin with byte b: added_from[b] … added_from[b + 1] - 1 */
  guint32 max_id;        /* that encoding can give */
  guint8 *bytes;         /* of all tokens, one after another by id */
  guint32 *bytes_from;   /* [max_id + 2]: token id's are bytes_from[id] … bytes_from[id + 1] - 1; none: no such token */
} QiVocabulary;

typedef struct _QiVocabularyBuilder QiVocabularyBuilder;

/* file: for messages, copied. */
QiVocabularyBuilder *qi_vocabulary_builder_new (const char *file);
void qi_vocabulary_builder_free (QiVocabularyBuilder *builder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiVocabularyBuilder, qi_vocabulary_builder_free)

/* From now on, messages name this file. */
void qi_vocabulary_builder_set_file (QiVocabularyBuilder *builder, const char *file);

/* All return FALSE with QI_ERROR_BAD_CHECKPOINT. Tokens before merges; merges in the order of their ranks. The same added
 * token may be put in twice. n: bytes. */
gboolean qi_vocabulary_add_token (QiVocabularyBuilder *builder, const char *text, gsize n, guint64 id, GError **error);
gboolean qi_vocabulary_add_added (QiVocabularyBuilder *builder, const char *text, gsize n, guint64 id, GError **error);
gboolean qi_vocabulary_add_merge (QiVocabularyBuilder *builder, const char *left, gsize n_left, const char *right,
                                  gsize n_right, GError **error);
/* "left right", divided at its first space. */
gboolean qi_vocabulary_add_merge_line (QiVocabularyBuilder *builder, const char *line, gsize n, GError **error);

/* Checks that every byte has a symbol. The builder is of no further use but to be freed. (transfer full) */
QiVocabulary *qi_vocabulary_builder_finish (QiVocabularyBuilder *builder, GError **error);
void qi_vocabulary_free (QiVocabulary *vocabulary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiVocabulary, qi_vocabulary_free)

/* The added token that text (n bytes) begins with, the longest; NULL: none. */
const QiAddedToken *qi_vocabulary_match (const QiVocabulary *vocabulary, const char *text, gsize n);
