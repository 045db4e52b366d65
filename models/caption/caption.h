/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/caption/caption.h — pictures in words: the questions that the model's authors put, and what the replies say. */
#pragma once
#include "base/caption.h"
#include "models/text/speak.h"

/* A plain description, as Layered is given one where there is no prompt. english FALSE: Chinese. max_tokens 0: 512, as the
 * authors'. Cancelling and errors as qi_speak(). (transfer full) */
char *qi_caption_describe (QiRuntime *runtime, const QiPromptPicture *picture, gboolean english, guint max_tokens,
                           GError **error);

/* Caption, type, style, watermarks and words. width × height of the picture, 0: image's; more than a megapixel is shown
 * smaller. image NULL only in a planning runtime, whose result is NULL without error. (transfer full) */
QiCaption *qi_caption_annotate (QiRuntime *runtime, const QiPromptPicture *picture, const QiCaptionOptions *options,
                                GError **error);

/* What a reply says, whatever it looks like. n bytes of valid UTF-8. (transfer full) */
QiCaption *qi_caption_parse (const char *reply, gsize n);
