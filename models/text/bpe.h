/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/bpe.h — byte-level byte-pair encoding: the merges of one piece of text.
 *
 * A piece starts as one symbol a byte. The pair of neighbours with the lowest rank becomes one symbol, the leftmost
 * first, until no pair of neighbours has a rank. O(n log n) in the bytes of a piece. Read-only once filled. */
#pragma once
#include <glib.h>

typedef struct
{
  guint32 left, right; /* ids; they are the key, so they come first */
  guint32 result;      /* id of the two in one */
  guint32 rank;        /* 0 is merged first */
} QiMerge;

typedef struct
{
  guint32 byte_ids[256]; /* id of each byte's own symbol */
  GHashTable *merges;    /* set of QiMerge by (left, right); owns them */
} QiBpe;

void qi_bpe_init (QiBpe *bpe);
void qi_bpe_clear (QiBpe *bpe);

/* FALSE: the pair has a merge already. */
gboolean qi_bpe_add (QiBpe *bpe, guint32 left, guint32 right, guint32 result, guint32 rank);

/* Appends the ids (guint32) of a piece of n bytes, n <= G_MAXINT32. */
void qi_bpe_encode (const QiBpe *bpe, const char *piece, gsize n, GArray *ids);
