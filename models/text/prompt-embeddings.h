/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/prompt-embeddings.h — prompts, and the pictures they speak of, to the rows that the transformer reads. */
#pragma once
#include "models/text/seen.h"
#include "models/text/template.h"

/* All borrowed. */
typedef struct
{
  QiTemplate template;
  const char *text;
  gboolean special_in_prompt;       /* strings of added tokens in text are tokens, as in the reference */
  guint max_rows;                   /* rows that are kept; 0: all */
  const QiPromptPicture *pictures;  /* [n_pictures] */
  guint n_pictures;
  const char *ids_tap;              /* name under which the token ids, u32 [n], are told; NULL: they are not */
} QiPrompt;

/* Embeddings of n prompts: f32 [rows, text_dim] each, without the template's rows. First the vision tower's stage for all
 * pictures that are not remembered, then the text encoder's for all such prompts; neither begins where there is nothing to
 * do. What is remembered depends on prompt, pictures' pixels and sizes, and template. Equal prompts or pictures are
 * computed once. embeddings: [n], each (transfer full); all NULL after an error. Progress is told as QI_STAGE_ENCODE. */
gboolean qi_prompts_encode (QiRuntime *runtime, const QiPrompt *prompts, guint n, GBytes **embeddings, const QiTap *tap,
                            GError **error);
