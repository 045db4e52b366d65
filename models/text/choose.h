/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/choose.h — the next token, from the scores of all. */
#pragma once
#include "models/config.h"

#define QI_NO_TOKEN G_MAXUINT32

/* Penalty, temperature, the k likeliest, the likeliest up to a sum of p, in this order; then one is drawn. logits: [n], changed.
 * said: tokens that are there already. rand: only used when config says to sample. QI_NO_TOKEN: some score is not a number. */
guint32 qi_choose_token (const QiGenerationConfig *config, float *logits, guint n, const guint32 *said, gsize n_said, GRand *rand);
