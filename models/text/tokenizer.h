/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/tokenizer.h — the byte-level BPE of Qwen2, read from GGUF metadata, tokenizer.json, or vocab.json with
 * merges.txt. Threads: read-only after open. */
#pragma once
#include "models/checkpoint/checkpoint.h"

typedef struct _QiTokenizer QiTokenizer;

/* path: a tokenizer.json, a folder with one or with vocab.json + merges.txt. (transfer full) */
QiTokenizer *qi_tokenizer_open (const char *path, GError **error);
/* From a text encoder's GGUF metadata; NULL without error when it has none. */
QiTokenizer *qi_tokenizer_from_checkpoint (const QiCheckpoint *checkpoint, GError **error);
void qi_tokenizer_free (QiTokenizer *tokenizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTokenizer, qi_tokenizer_free)

/* Ids of text: n bytes of UTF-8 (-1: up to the NUL), U+0000 allowed, invalid bytes as U+FFFD. Added tokens are matched
 * when special is TRUE, else their text is ordinary. Element type guint32. (transfer full) */
GArray *qi_tokenizer_encode (const QiTokenizer *tokenizer, const char *text, gssize n, gboolean special);

/* Id of an added token by its text; FALSE: none. */
gboolean qi_tokenizer_special (const QiTokenizer *tokenizer, const char *text, guint32 *id);
guint32 qi_tokenizer_max_id (const QiTokenizer *tokenizer);
const char *qi_tokenizer_source (const QiTokenizer *tokenizer); /* "gguf", "tokenizer.json", "vocab.json + merges.txt" */
