/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/bpe.h"

/* --- the table of merges --- */

static guint
hash_pair (gconstpointer p)
{
  const QiMerge *merge = p;
  const guint64 key = ((guint64) merge->left << 32 | merge->right) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return (guint) (key >> 32);
}

static gboolean
equal_pair (gconstpointer a, gconstpointer b)
{
  const QiMerge *x = a, *y = b;

  return x->left == y->left && x->right == y->right;
}

void
qi_bpe_init (QiBpe *bpe)
{
  for (guint i = 0; i < 256; i++)
    bpe->byte_ids[i] = G_MAXUINT32;
  bpe->merges = g_hash_table_new_full (hash_pair, equal_pair, g_free, NULL);
}

void
qi_bpe_clear (QiBpe *bpe)
{
  g_clear_pointer (&bpe->merges, g_hash_table_unref);
}

gboolean
qi_bpe_add (QiBpe *bpe, guint32 left, guint32 right, guint32 result, guint32 rank)
{
  const QiMerge merge = { left, right, result, rank };

  if (g_hash_table_contains (bpe->merges, &merge))
    return FALSE;
  g_hash_table_add (bpe->merges, g_memdup2 (&merge, sizeof merge));
  return TRUE;
}

static const QiMerge *
find_merge (const QiBpe *bpe, guint32 left, guint32 right)
{
  const QiMerge key = { .left = left, .right = right };

  return g_hash_table_lookup (bpe->merges, &key);
}

/* --- one piece --- */

#define NONE G_MAXUINT32

/* A symbol lives at the index of its first byte; merging puts the right neighbour to death. */
typedef struct
{
  guint32 id; /* NONE: dead */
  guint32 previous, next;
} Symbol;

/* A merge that was possible when it was noted: it still is if both symbols are as they were. */
typedef struct
{
  const QiMerge *merge;
  guint32 at;
} Candidate;

typedef struct
{
  const QiBpe *bpe;
  Symbol *symbols;
  Candidate *heap; /* the first to be merged on top */
  gsize n_heap;
} Work;

static gboolean
comes_before (const Candidate *a, const Candidate *b)
{
  return a->merge->rank != b->merge->rank ? a->merge->rank < b->merge->rank : a->at < b->at;
}

static void
push (Work *work, const Candidate *candidate)
{
  gsize i = work->n_heap++;

  for (; i > 0 && comes_before (candidate, &work->heap[(i - 1) / 2]); i = (i - 1) / 2)
    work->heap[i] = work->heap[(i - 1) / 2];
  work->heap[i] = *candidate;
}

static Candidate
pop (Work *work)
{
  const Candidate top = work->heap[0], last = work->heap[--work->n_heap];
  gsize i = 0;

  for (gsize child; (child = 2 * i + 1) < work->n_heap; i = child)
    {
      if (child + 1 < work->n_heap && comes_before (&work->heap[child + 1], &work->heap[child]))
        child++;
      if (!comes_before (&work->heap[child], &last))
        break;
      work->heap[i] = work->heap[child];
    }
  work->heap[i] = last;
  return top;
}

/* Notes the merge of the symbol at with the one after it, if there is one. */
static void
note_pair (Work *work, guint32 at)
{
  const guint32 next = at == NONE ? NONE : work->symbols[at].next;
  if (next == NONE)
    return;

  const QiMerge *merge = find_merge (work->bpe, work->symbols[at].id, work->symbols[next].id);
  if (merge != NULL)
    push (work, &(const Candidate){ merge, at });
}

static void
apply (Work *work, const Candidate *candidate)
{
  Symbol *left = &work->symbols[candidate->at];
  if (left->id != candidate->merge->left || left->next == NONE)
    return;
  Symbol *right = &work->symbols[left->next];
  if (right->id != candidate->merge->right)
    return;

  left->id = candidate->merge->result;
  left->next = right->next;
  if (right->next != NONE)
    work->symbols[right->next].previous = candidate->at;
  right->id = NONE;
  note_pair (work, left->previous);
  note_pair (work, candidate->at);
}

void
qi_bpe_encode (const QiBpe *bpe, const char *piece, gsize n, GArray *ids)
{
  g_return_if_fail (n <= G_MAXINT32);

  if (n == 0)
    return;
  /* At most n - 1 pairs at first, and two more for each of at most n - 1 merges. */
  g_autofree Symbol *symbols = g_new (Symbol, n);
  g_autofree Candidate *heap = g_new (Candidate, 3 * n);
  Work work = { bpe, symbols, heap, 0 };

  for (gsize i = 0; i < n; i++)
    symbols[i] = (Symbol){ bpe->byte_ids[(guint8) piece[i]], i > 0 ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE };
  for (gsize i = 0; i + 1 < n; i++)
    note_pair (&work, i);
  while (work.n_heap > 0)
    {
      const Candidate candidate = pop (&work);
      apply (&work, &candidate);
    }
  for (guint32 i = 0; i != NONE; i = symbols[i].next)
    g_array_append_val (ids, symbols[i].id);
}
