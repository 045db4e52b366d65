/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Positions of MSRoPE and of the encoder's M-RoPE, against vectors worked out by hand from their definitions. */
#include "base/error.h"
#include "models/diffusion/msrope.h"
#include "models/text/positions.h"

static void
assert_at (const gint32 *positions, guint row, gint32 frame, gint32 h, gint32 w)
{
  g_assert_cmpint (positions[3 * row], ==, frame);
  g_assert_cmpint (positions[3 * row + 1], ==, h);
  g_assert_cmpint (positions[3 * row + 2], ==, w);
}

/* 1328 pixels are 83 tokens: -42 … 40; words begin at 41. */
static void
test_odd (void)
{
  const QiTokenGrid grid = { 1, 83, 83 };
  g_autofree gint32 *p = qi_msrope_positions_new (&grid, 1, NULL, 3, FALSE);

  assert_at (p, 0, 41, 41, 41);
  assert_at (p, 2, 43, 43, 43);
  assert_at (p, 3, 0, -42, -42);
  assert_at (p, 3 + 82, 0, -42, 40);
  assert_at (p, 3 + 83 * 83 - 1, 0, 40, 40);
  g_assert_cmpuint (qi_token_grids_total (&grid, 1), ==, 6889);
}

/* References are frames 1, 2, …; words begin past the largest half of all pictures. */
static void
test_references (void)
{
  const QiTokenGrid grids[] = { { 1, 4, 6 }, { 1, 2, 10 }, { 1, 3, 1 } };
  const guint32 text[] = { 0, 2 };
  g_autofree gint32 *p = qi_msrope_positions_new (grids, 3, text, 2, FALSE);

  assert_at (p, 0, 5, 5, 5);
  assert_at (p, 1, 7, 7, 7);
  assert_at (p, 2, 0, -2, -3);
  assert_at (p, 2 + 23, 0, 1, 2);
  assert_at (p, 2 + 24, 1, -1, -5);
  assert_at (p, 2 + 24 + 19, 1, 0, 4);
  assert_at (p, 2 + 44, 2, -2, -1);
  assert_at (p, 2 + 46, 2, 0, -1);
}

/* Layers: the condition picture, last, has frame -1, and words begin no earlier than the number of layers. */
static void
test_layered (void)
{
  const QiTokenGrid grids[] = { { 1, 2, 2 }, { 1, 2, 2 }, { 1, 2, 2 }, { 1, 2, 2 } };
  g_autofree gint32 *p = qi_msrope_positions_new (grids, 4, NULL, 1, TRUE);

  assert_at (p, 0, 3, 3, 3);
  assert_at (p, 1, 0, -1, -1);
  assert_at (p, 1 + 4, 1, -1, -1);
  assert_at (p, 1 + 8 + 3, 2, 0, 0);
  assert_at (p, 1 + 12, -1, -1, -1);
}

/* The naive scheme, for comparison: one index that runs over the patches row by row, then over the words. Words are the
 * first rows here too. */
static gint32 *
naive_positions_new (const QiTokenGrid *grid, guint n_text)
{
  const guint n_patches = grid->h * grid->w, n = n_text + n_patches;
  gint32 *positions = g_new (gint32, (gsize) n * 3);

  for (guint i = 0; i < n; i++)
    for (guint axis = 0; axis < 3; axis++)
      positions[3 * i + axis] = (gint32) (i < n_text ? n_patches + i : i - n_text);
  return positions;
}

static int
compare_positions (gconstpointer a, gconstpointer b)
{
  const gint32 *p = a, *q = b;

  for (guint axis = 0; axis < 3; axis++)
    if (p[axis] != q[axis])
      return p[axis] < q[axis] ? -1 : 1;
  return 0;
}

/* Are these n places the same ones, whichever token has which? Sorts both. */
static gboolean
same_places (gint32 *a, gint32 *b, gsize n)
{
  qsort (a, n, 3 * sizeof (gint32), compare_positions);
  qsort (b, n, 3 * sizeof (gint32), compare_positions);
  return memcmp (a, b, n * 3 * sizeof (gint32)) == 0;
}

/* A picture without words, and one that is a row lower and has as many words as that row has patches: to the naive
 * scheme both are the same places, whatever their size; to MSRoPE they never are. So are 5 x 5 patches, and 4 x 4 with
 * nine words. */
static void
test_naive (void)
{
  const guint sides[] = { 1, 2, 3, 16, 64, 83 };

  for (guint i = 1; i < G_N_ELEMENTS (sides); i++)
    for (guint j = 0; j < G_N_ELEMENTS (sides); j++)
      {
        const QiTokenGrid whole = { 1, sides[i], sides[j] }, lower = { 1, sides[i] - 1, sides[j] };
        const gsize n = (gsize) sides[i] * sides[j];
        g_autofree gint32 *a = naive_positions_new (&whole, 0), *b = naive_positions_new (&lower, sides[j]);
        g_autofree gint32 *c = qi_msrope_positions_new (&whole, 1, NULL, 0, FALSE);
        g_autofree gint32 *d = qi_msrope_positions_new (&lower, 1, NULL, sides[j], FALSE);

        g_assert_true (same_places (a, b, n));
        g_assert_false (same_places (c, d, n));
      }
  const QiTokenGrid grids[] = { { 1, 5, 5 }, { 1, 4, 4 } };
  g_autofree gint32 *five = naive_positions_new (&grids[0], 0), *four = naive_positions_new (&grids[1], 9);
  g_assert_true (same_places (five, four, 25));
}

/* No picture of any size up to 1328 pixels, with none to three references, has a token where a word is: rows and columns
 * end before the first word, and words lie on the diagonal from there. */
static void
test_words_apart (void)
{
  const QiTokenGrid references[] = { { 1, 83, 83 }, { 1, 1, 83 }, { 1, 64, 2 } };
  guint n_tried = 0;

  for (guint n_references = 0; n_references <= G_N_ELEMENTS (references); n_references++)
    for (guint h = 1; h <= 83; h++)
      for (guint w = 1; w <= 83; w++, n_tried++)
        {
          const QiTokenGrid grids[] = { { 1, h, w }, references[0], references[1], references[2] };
          const guint64 n = qi_token_grids_total (grids, 1 + n_references);
          g_autofree gint32 *p = qi_msrope_positions_new (grids, 1 + n_references, NULL, 2, FALSE);
          gint32 last = G_MININT32;

          for (guint64 i = 2; i < 2 + n; i++)
            last = MAX (last, MAX (p[3 * i + 1], p[3 * i + 2]));
          g_assert_cmpint (last, <, p[0]);
          for (guint word = 0; word < 2; word++)
            assert_at (p, word, p[0] + (gint32) word, p[0] + (gint32) word, p[0] + (gint32) word);
        }
  g_assert_cmpuint (n_tried, ==, 4 * 83 * 83);
}

/* Four words, a picture of 3 x 5, four words: text-encoder's worked vector. */
static void
test_encoder (void)
{
  guint32 ids[4 + 15 + 4];
  const QiMergedGrid grid = { 3, 5 };
  g_autoptr (GError) error = NULL;
  g_autofree guint32 *p = NULL;
  const guint n = G_N_ELEMENTS (ids);

  for (guint i = 0; i < n; i++)
    ids[i] = i >= 4 && i < 19 ? 77 : i;
  p = qi_text_positions_new (ids, n, 77, &grid, 1, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 4; i++)
    for (guint axis = 0; axis < 3; axis++)
      {
        g_assert_cmpuint (p[axis * n + i], ==, i);
        g_assert_cmpuint (p[axis * n + 19 + i], ==, 9 + i);
      }
  for (guint i = 0; i < 15; i++)
    {
      g_assert_cmpuint (p[4 + i], ==, 4);
      g_assert_cmpuint (p[n + 4 + i], ==, 4 + i / 5);
      g_assert_cmpuint (p[2 * n + 4 + i], ==, 4 + i % 5);
    }
  g_assert_null (qi_text_positions_new (ids, n, 77, &(QiMergedGrid){ 4, 4 }, 1, &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/positions/odd", test_odd);
  g_test_add_func ("/positions/references", test_references);
  g_test_add_func ("/positions/layered", test_layered);
  g_test_add_func ("/positions/naive", test_naive);
  g_test_add_func ("/positions/words-apart", test_words_apart);
  g_test_add_func ("/positions/encoder", test_encoder);
  return g_test_run ();
}
