/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/tokenizer.h — the byte-level BPE of Qwen2, read from GGUF metadata, tokenizer.json, or vocab.json with
 * merges.txt.
 *
 * Text goes through: repair of UTF-8; division at added tokens; NFC of what lies between; the pre-tokenizer's pieces; BPE
 * of each piece. No token is added at either end.
 *
 * Threads: read-only after open.
 * Errors:  QI_ERROR_BAD_CHECKPOINT for a damaged file, QI_ERROR_UNSUPPORTED for another kind of tokenizer. */
#pragma once
#include "models/checkpoint/checkpoint.h"

#define QI_TOKENIZER_MAX_BYTES (4u << 20) /* of (repaired) text in one call; a prompt has at most 20 kB */

typedef struct _QiTokenizer QiTokenizer;

/* path: a tokenizer.json, a folder with one or with vocab.json + merges.txt (and added_tokens.json or
 * tokenizer_config.json, or both). (transfer full) */
QiTokenizer *qi_tokenizer_open (const char *path, GError **error);
/* The same by the names of the files; added and config may be NULL. (transfer full) */
QiTokenizer *qi_tokenizer_open_files (const char *vocab, const char *merges, const char *added, const char *config,
                                      GError **error);
/* From a text encoder's GGUF metadata; NULL without error when it has none. (transfer full) */
QiTokenizer *qi_tokenizer_from_checkpoint (const QiCheckpoint *checkpoint, GError **error);
void qi_tokenizer_free (QiTokenizer *tokenizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTokenizer, qi_tokenizer_free)

/* Ids of text: n bytes of UTF-8 (-1: up to the NUL), U+0000 allowed, invalid bytes as U+FFFD. Added tokens are matched
 * when special is TRUE, else their text is ordinary. Element type guint32. (transfer full) */
GArray *qi_tokenizer_encode (const QiTokenizer *tokenizer, const char *text, gssize n, gboolean special);

/* The same for valid UTF-8, with added tokens matched only where they do not touch the bytes from…to - 1 (from = to:
 * everywhere). The pieces may still reach over both borders, as they do without them. (transfer full) */
GArray *qi_tokenizer_encode_guarded (const QiTokenizer *tokenizer, const char *text, gsize n, gsize from, gsize to);

/* The text of n ids: valid UTF-8, ids that are no token's left out, and U+0000, and with special FALSE added tokens
 * too. (transfer full) */
char *qi_tokenizer_decode (const QiTokenizer *tokenizer, const guint32 *ids, gsize n, gboolean special);

/* Id of an added token by its text; FALSE: none. */
gboolean qi_tokenizer_special (const QiTokenizer *tokenizer, const char *text, guint32 *id);
/* The highest id that encoding can give: the embedding table needs one row more. */
guint32 qi_tokenizer_max_id (const QiTokenizer *tokenizer);
const char *qi_tokenizer_source (const QiTokenizer *tokenizer); /* "gguf", "tokenizer.json", "vocab.json + merges.txt" */
