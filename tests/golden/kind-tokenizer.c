/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokenizers: texts of golden.json to ids.json, a list of lists of ids. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/text/tokenizer.h"
#include "tests/golden/golden.h"

/* The tokenizer's files under the names they have in a release, as links in a folder of their own. (g_free) */
static char *
link_files (const QiCase *c, yyjson_val *files, GError **error)
{
  static const char *const names[][2] = { { "vocab", "vocab.json" },
                                          { "merges", "merges.txt" },
                                          { "added_tokens", "added_tokens.json" },
                                          { "tokenizer_config", "tokenizer_config.json" } };
  g_autofree char *folder = g_dir_make_tmp ("qi-golden-XXXXXX", error);

  for (guint i = 0; folder && i < G_N_ELEMENTS (names); i++)
    {
      const char *name = yyjson_get_str (yyjson_obj_get (files, names[i][0]));
      g_autofree char *target = name ? qi_case_path (c, name, NULL) : NULL;
      g_autofree char *link = g_build_filename (folder, names[i][1], NULL);
      g_autoptr (GFile) file = g_file_new_for_path (link);

      if (target && !g_file_make_symbolic_link (file, target, NULL, error))
        return NULL;
    }
  return g_steal_pointer (&folder);
}

static void
remove_links (const char *folder)
{
  static const char *const names[] = { "vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

static QiTokenizer *
open_tokenizer (const QiCase *c, GError **error)
{
  yyjson_val *files = yyjson_obj_get (c->root, "files");
  const char *folder = yyjson_get_str (yyjson_obj_get (files, "folder"));

  if (folder)
    {
      g_autofree char *path = qi_case_path (c, folder, error);

      return path ? qi_tokenizer_open (path, error) : NULL;
    }

  g_autofree char *links = link_files (c, files, error);
  QiTokenizer *tokenizer = links ? qi_tokenizer_open (links, error) : NULL;

  if (links)
    remove_links (links);
  return tokenizer;
}

gboolean
qi_golden_tokenizer (QiCase *c, GError **error)
{
  g_autoptr (QiTokenizer) tokenizer = open_tokenizer (c, error);
  g_autofree char *path = g_build_filename (c->folder, "golden.json", NULL);
  g_autofree char *text = NULL;
  gsize n = 0;

  if (!tokenizer || !g_file_get_contents (path, &text, &n, error))
    return FALSE;

  yyjson_doc *doc = yyjson_read (text, n, 0);
  yyjson_mut_doc *out = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *lists = yyjson_mut_arr (out);
  yyjson_arr_iter iter;
  yyjson_val *row;

  yyjson_mut_doc_set_root (out, lists);
  yyjson_arr_iter_init (yyjson_doc_get_root (doc), &iter);
  while ((row = yyjson_arr_iter_next (&iter)))
    {
      yyjson_val *value = yyjson_is_str (row) ? row : yyjson_obj_get (row, "text");
      g_autoptr (GArray) ids
        = qi_tokenizer_encode (tokenizer, yyjson_get_str (value) ? yyjson_get_str (value) : "",
                               (gssize) yyjson_get_len (value), TRUE);
      yyjson_mut_val *list = yyjson_mut_arr_add_arr (out, lists);

      for (guint i = 0; i < ids->len; i++)
        yyjson_mut_arr_add_uint (out, list, g_array_index (ids, guint32, i));
    }

  const gsize n_lists = yyjson_mut_arr_size (lists);
  char *json = yyjson_mut_write (out, 0, &n);
  g_autoptr (GBytes) bytes = g_bytes_new (json, n);

  qi_case_add_file (c, "ids.json", bytes);
  free (json);
  yyjson_mut_doc_free (out);
  yyjson_doc_free (doc);
  if (n_lists == 0)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s holds no texts.", path);
  return n_lists > 0;
}
