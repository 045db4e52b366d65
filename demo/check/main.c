/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo-check PICTURES FACTS.jsonl: how many pictures show what is said of them, by category and by kind of scene.
 *
 * PICTURES is a folder of 0000.png, 0001.png, … or one sheet of tiles, sixteen in a row without gaps (--size pixels each).
 * --shuffled judges each picture by the facts of another; a checker that deserves trust then says no.
 * --wanted and --changed, folders of the same names, are for pictures that were changed: how each should look, and a mask, black
 * where it should look as before. Pictures that are not there are not compared. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "demo/check/judge.h"
#include "demo/check/rest.h"

#define TILES_IN_A_ROW 16

typedef struct
{
  guint asked[CHECK_N_CATEGORIES], right[CHECK_N_CATEGORIES], n, accepted;
} Tally;

/* Picture i; NULL when there is none. (transfer full) */
static GdkPixbuf *
picture_at (const char *path, GdkPixbuf *sheet, int size, guint i, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%04u.png", i), *file = g_build_filename (path, name, NULL);

  if (!sheet)
    return gdk_pixbuf_new_from_file (file, error);
  if (((int) (i / TILES_IN_A_ROW) + 1) * size > gdk_pixbuf_get_height (sheet) || TILES_IN_A_ROW * size > gdk_pixbuf_get_width (sheet))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s has no tile %u of %d pixels.", path, i, size);
      return NULL;
    }
  return gdk_pixbuf_new_subpixbuf (sheet, (int) (i % TILES_IN_A_ROW) * size, (int) (i / TILES_IN_A_ROW) * size, size, size);
}

static CheckPicture *
take_apart (GdkPixbuf *pixbuf)
{
  const guint w = (guint) gdk_pixbuf_get_width (pixbuf), h = (guint) gdk_pixbuf_get_height (pixbuf);
  const guint channels = (guint) gdk_pixbuf_get_n_channels (pixbuf);
  g_autofree guint8 *rgb = g_malloc ((gsize) w * h * 3);

  for (guint i = 0; i < w * h; i++)
    memcpy (rgb + (gsize) i * 3, gdk_pixbuf_read_pixels (pixbuf) + (gsize) (i / w) * gdk_pixbuf_get_rowstride (pixbuf) + (i % w) * channels, 3);
  return check_picture_new (rgb, w, h, (gsize) w * 3);
}

static GPtrArray *
read_facts (const char *path, GError **error)
{
  g_autoptr (GPtrArray) facts = g_ptr_array_new_with_free_func ((GDestroyNotify) check_facts_free);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    {
      CheckFacts *f = *lines[i] ? check_facts_parse (lines[i], strlen (lines[i]), error) : NULL;

      if (*lines[i] && !f)
        return NULL;
      if (f)
        g_ptr_array_add (facts, f);
    }
  return g_steal_pointer (&facts);
}

static void
count (Tally *tally, const CheckVerdict *v)
{
  tally->n++;
  tally->accepted += check_verdict_right (v);
  for (guint c = 0; c < CHECK_N_CATEGORIES; c++)
    {
      tally->asked[c] += v->asked[c];
      tally->right[c] += v->asked[c] && v->right[c];
    }
}

static void
print_tally (const char *name, const Tally *tally)
{
  printf ("%-16s %3u of %3u right in all that is said", name, tally->accepted, tally->n);
  for (guint c = 0; c < CHECK_N_CATEGORIES; c++)
    if (tally->asked[c])
      printf ("; %s %u/%u", check_category_name (c), tally->right[c], tally->asked[c]);
  putchar ('\n');
}

static void
tell (guint i, const CheckFacts *facts, const CheckVerdict *v)
{
  printf ("%04u", i);
  for (guint c = 0; c < CHECK_N_CATEGORIES; c++)
    if (v->asked[c] && !v->right[c])
      printf (" %s", check_category_name (c));
  printf (": %s\n", check_facts_prompt (facts));
}

/* Picture i of a folder, where there is one. (transfer full) */
static CheckPicture *
beside (const char *folder, guint i, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%04u.png", i), *file = folder ? g_build_filename (folder, name, NULL) : NULL;
  g_autoptr (GdkPixbuf) pixbuf = file && g_file_test (file, G_FILE_TEST_EXISTS) ? gdk_pixbuf_new_from_file (file, error) : NULL;

  return pixbuf ? take_apart (pixbuf) : NULL;
}

static gboolean
compare (const char *wanted_folder, const char *changed_folder, guint i, const CheckPicture *picture, const CheckFacts *facts,
         CheckVerdict *v, GError **error)
{
  GError *failure = NULL;
  g_autoptr (CheckPicture) wanted = beside (wanted_folder, i, &failure);
  g_autoptr (CheckPicture) mask = failure ? NULL : beside (changed_folder, i, &failure);

  if (failure)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (wanted && mask)
    check_rest (v, picture, wanted, mask, facts);
  return TRUE;
}

static gboolean
run (const char *pictures, const char *facts_path, const char *wanted, const char *changed, int size, gboolean shuffled,
     gboolean verbose, double *share, GError **error)
{
  g_autoptr (CheckReader) reader = check_reader_new (error);
  g_autoptr (GPtrArray) facts = reader ? read_facts (facts_path, error) : NULL;
  g_autoptr (GHashTable) kinds = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autoptr (GdkPixbuf) sheet = NULL;
  Tally all = { 0 };

  if (!facts || (!g_file_test (pictures, G_FILE_TEST_IS_DIR) && !(sheet = gdk_pixbuf_new_from_file (pictures, error))))
    return FALSE;
  for (guint i = 0; i < facts->len; i++)
    {
      /* Halfway round: another scene, save in a list of one. */
      const CheckFacts *f = g_ptr_array_index (facts, shuffled ? (i + facts->len / 2) % facts->len : i);
      g_autoptr (GdkPixbuf) pixbuf = picture_at (pictures, sheet, size, i, error);
      g_autoptr (CheckPicture) picture = pixbuf ? take_apart (pixbuf) : NULL;
      Tally *kind = g_hash_table_lookup (kinds, check_facts_kind (f));

      if (!picture)
        return FALSE;
      CheckVerdict v = check_judge (reader, picture, f);
      if (!compare (wanted, changed, i, picture, f, &v, error))
        return FALSE;
      if (!kind)
        g_hash_table_insert (kinds, (gpointer) check_facts_kind (f), kind = g_new0 (Tally, 1));
      count (kind, &v);
      count (&all, &v);
      if (verbose && check_verdict_right (&v) == shuffled)
        tell (i, f, &v);
    }
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (kinds), (GCompareFunc) strcmp);
  for (GList *l = names; l; l = l->next)
    print_tally (l->data, g_hash_table_lookup (kinds, l->data));
  print_tally ("all", &all);
  *share = all.n ? 100.0 * all.accepted / all.n : 0.0;
  return TRUE;
}

int
main (int argc, char **argv)
{
  int size = 128;
  double least = 0.0, most = 100.0, share = 0.0;
  gboolean shuffled = FALSE, verbose = FALSE;
  g_autofree char *wanted = NULL, *changed = NULL;
  const GOptionEntry entries[] = { { "size", 0, 0, G_OPTION_ARG_INT, &size, "pixels of a tile (128)", "N" },
                                   { "shuffled", 0, 0, G_OPTION_ARG_NONE, &shuffled, "each picture by the facts of another", NULL },
                                   { "wanted", 0, 0, G_OPTION_ARG_FILENAME, &wanted, "how pictures that were changed should look", "FOLDER" },
                                   { "changed", 0, 0, G_OPTION_ARG_FILENAME, &changed, "masks, black where they should have stayed", "FOLDER" },
                                   { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "tell the pictures that are judged wrongly", NULL },
                                   { "least", 0, 0, G_OPTION_ARG_DOUBLE, &least, "fail when fewer are right, in per cent", "X" },
                                   { "most", 0, 0, G_OPTION_ARG_DOUBLE, &most, "fail when more are right, in per cent", "X" },
                                   G_OPTION_ENTRY_NULL };
  g_autoptr (GOptionContext) context = g_option_context_new ("PICTURES FACTS.jsonl");
  g_autoptr (GError) error = NULL;

  setlocale (LC_CTYPE, "");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 3 || size < 32 || size > 4096)
    {
      fprintf (stderr, "demo-check: %s\n", error ? error->message : "PICTURES and FACTS.jsonl are wanted");
      return 2;
    }
  if (!run (argv[1], argv[2], wanted, changed, size, shuffled, verbose, &share, &error))
    {
      fprintf (stderr, "demo-check: %s\n", error->message);
      return 1;
    }
  if (share < least || share > most)
    {
      fprintf (stderr, "demo-check: %.1f %% are right; between %g and %g are wanted\n", share, least, most);
      return 1;
    }
  return 0;
}
