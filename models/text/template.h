/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/template.h — prompt templates of the pipelines, and how many tokens of each are dropped. */
#pragma once
#include "models/text/tokenizer.h"

#define QI_TEMPLATE_MAX_ROWS 1024 /* tokens of IMAGE that are kept after the dropped ones */

typedef enum
{
  QI_TEMPLATE_IMAGE,    /* text to image and all that has no picture in the encoder; 34 dropped */
  QI_TEMPLATE_EDIT,     /* Qwen-Image-Edit: one picture; 64 dropped */
  QI_TEMPLATE_EDIT_PLUS, /* 2509, 2511: Picture 1 …; 64 dropped */
  QI_TEMPLATE_ASK        /* a question to the encoder, its pictures after it; nothing dropped */
} QiTemplate;

/* Hidden states of so many first tokens are dropped: all that precedes the pictures and the prompt. */
guint qi_template_dropped (QiTemplate t);

/* Ids of the prompt in its template. Strings of added tokens inside the prompt are text, not tokens, unless
 * special_in_prompt (as the reference does; for comparison with it). image_tokens[i] is the number of merged patches of
 * picture i: its <|image_pad|> is repeated so often. IMAGE is cut at 1024 + 34 tokens, as the authors do; a long prompt
 * so loses the template's end. n: bytes of the prompt, -1: up to the NUL. Element type guint32. (transfer full)
 * QI_ERROR_BAD_REQUEST: the number of pictures does not suit t (IMAGE none, EDIT one, EDIT_PLUS and ASK any), the text is too
 * long, or the prompt spells <|image_pad|> and special_in_prompt. QI_ERROR_BAD_CHECKPOINT: the tokenizer is not one that
 * the template was made for. */
GArray *qi_template_encode (QiTemplate t, const QiTokenizer *tokenizer, const char *prompt, gssize n,
                            const guint *image_tokens, guint n_images, gboolean special_in_prompt, GError **error);
