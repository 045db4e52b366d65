/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/head.h — the output head of Qwen2.5-VL: hidden states to a score for each token. Only text is made with it. */
#pragma once
#include "models/config.h"
#include "models/weights.h"

typedef struct _QiTextHead QiTextHead;

/* Whether a text encoder's file has one: QI_ERROR_BAD_CHECKPOINT. */
gboolean qi_text_head_check (const QiCheckpoint *checkpoint, GError **error);

/* load->checkpoint: the text encoder's. QI_ERROR_BAD_CHECKPOINT when its file has no head. (transfer full) */
QiTextHead *qi_text_head_new (const QiTextConfig *config, const QiLoad *load, GError **error);
void qi_text_head_free (QiTextHead *head);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTextHead, qi_text_head_free)

/* Logits of hidden states after the final norm: [rows, width] to [rows, vocabulary], in the current scope. */
const QiTensor *qi_text_head_forward (const QiTextHead *head, QiStream *s, const QiTensor *hidden);
