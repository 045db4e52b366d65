/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/tokenizer-load.h — the file formats of a vocabulary.
 *
 * Only byte-level BPE with the normalisation and the pre-tokenizer of Qwen2 is read: a file that says it wants anything
 * else is QI_ERROR_UNSUPPORTED, one that contradicts itself QI_ERROR_BAD_CHECKPOINT. */
#pragma once
#include "models/checkpoint/checkpoint.h"
#include "models/text/vocabulary.h"

/* What tokenizer.json must name as its pattern; tokenizer.c has an equal one. */
#define QI_SPLIT_PATTERN                                                                                               \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"    \
  "\\s+(?!\\S)|\\s+"

#define QI_TOKENIZER_MAX_FILE (64u << 20) /* bytes; the released tokenizer.json: 11 MB */

/* Texts of files; file (name, for messages) and text are borrowed for the call. */
typedef struct
{
  const char *file;
  const char *text; /* NULL: there is no such file */
  gsize n;
} QiTokenizerText;

/* (transfer full) */
QiVocabulary *qi_vocabulary_from_json (const QiTokenizerText *tokenizer, GError **error);

/* vocab.json and merges.txt are needed; added_tokens.json and tokenizer_config.json may each be missing. (transfer full) */
QiVocabulary *qi_vocabulary_from_texts (const QiTokenizerText *vocab, const QiTokenizerText *merges,
                                        const QiTokenizerText *added, const QiTokenizerText *config, GError **error);

/* NULL without error when the checkpoint has no tokenizer. (transfer full) */
QiVocabulary *qi_vocabulary_from_checkpoint (const QiCheckpoint *checkpoint, GError **error);
