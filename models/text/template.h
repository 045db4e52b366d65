/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/template.h — prompt templates of the pipelines, and how many tokens of each are dropped. */
#pragma once
#include "models/text/tokenizer.h"

typedef enum
{
  QI_TEMPLATE_IMAGE,    /* text to image and all that has no picture in the encoder; 34 dropped */
  QI_TEMPLATE_EDIT,     /* Qwen-Image-Edit: one picture; 64 dropped */
  QI_TEMPLATE_EDIT_PLUS /* 2509, 2511: Picture 1 …; 64 dropped */
} QiTemplate;

guint qi_template_dropped (QiTemplate t);

/* Ids of the prompt in its template. Strings of added tokens inside the prompt are text, not tokens, unless
 * special_in_prompt (as the reference does; for comparison with it). image_tokens[i] is the number of merged patches of
 * picture i: its <|image_pad|> is repeated so often. IMAGE is cut at 1024 + 34 tokens, as the authors do. Element type guint32. (transfer full) */
GArray *qi_template_encode (QiTemplate t, const QiTokenizer *tokenizer, const char *prompt, gssize n,
                            const guint *image_tokens, guint n_images, gboolean special_in_prompt, GError **error);
