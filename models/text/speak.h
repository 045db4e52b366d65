/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/speak.h — the text encoder writes: an answer to a question about pictures, token by token. */
#pragma once
#include "models/text/seen.h"

#define QI_DEFAULT_ANSWER_TOKENS 512

/* All borrowed. */
typedef struct
{
  const char *text;                  /* the question; what spells an added token is text */
  const QiPromptPicture *pictures;   /* [n_pictures]; they follow the question */
  guint n_pictures;
  guint max_tokens;                  /* of the answer; 0: QI_DEFAULT_ANSWER_TOKENS */
  const QiGenerationConfig *config;  /* NULL: that of the model */
  guint32 seed;                      /* for sampling */
  gboolean stop_free;                /* stop tokens do not stop; for tests */
} QiQuestion;

/* Whether the set can: text encoder with its head, vision tower and tokenizer are there and sound; others may be
 * missing. */
gboolean qi_speak_check (const QiModelSet *set, GError **error);

/* The answer without the tokens that end it: valid UTF-8. ids (element type guint32, appended to) may be NULL. The output head
 * is loaded for this alone. G_IO_ERROR_CANCELLED between any two tokens. Progress is told as QI_STAGE_ENCODE, a step a token.
 * NULL after an error; in a planning runtime "". (transfer full) */
char *qi_speak (QiRuntime *runtime, const QiQuestion *question, GArray *ids, GError **error);
