/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/caption.h — what a model says of a picture. */
#pragma once
#include <glib.h>

/* Strings are valid UTF-8 and never NULL; "" and empty lists: the model said nothing of it. */
typedef struct
{
  char *reply;         /* as it was written */
  char *caption;
  char *style, *type;
  GStrv watermarks;
  GStrv words;         /* to be read in the picture */
  gboolean structured; /* the reply had the form that was asked for; FALSE: it is the caption as a whole */
} QiCaption;

typedef struct
{
  guint max_tokens; /* of the reply; 0: 512 */
  guint32 seed;     /* where the model's configuration says to sample */
} QiCaptionOptions;

void qi_caption_free (QiCaption *caption);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiCaption, qi_caption_free)
