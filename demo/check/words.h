/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/words.h — reading lettering by comparing it with letters of the fonts that scenes are painted with. */
#pragma once
#include "demo/check/picture.h"

typedef struct _CheckReader CheckReader;

CheckReader *check_reader_new (GError **error); /* the fonts; an error names the one that is missing */
void check_reader_free (CheckReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CheckReader, check_reader_free)

/* ink: [height width], 0 … 1, how much of the letters' colour is in a pixel; box: where the word is. Each letter of text must
 * be more like itself than like any other in its place. score: mean likeness of the letters, 0 … 1. */
gboolean check_reader_reads (CheckReader *reader, const float *ink, guint width, guint height, const guint box[4],
                             const char *text, double *score);
