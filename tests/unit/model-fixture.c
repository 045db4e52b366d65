/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/model-fixture.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/error.h"

char *base;
static char *variants, *scratch;

/* A file in the folder of this test. (transfer full) */
char *
in_scratch (const char *name)
{
  char *path = g_build_filename (scratch, name, NULL);
  g_autofree char *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  return path;
}

char *
in_variants (const char *name)
{
  return g_build_filename (variants, name, NULL);
}

/* A safetensors file of zeros in bf16, holes for the most part: rows are "NAME DIM DIM…". (transfer full) */
char *
write_tensors (const char *name, const char *rows)
{
  char *path = in_scratch (name);
  g_auto (GStrv) lines = g_strsplit (rows, "\n", -1);
  g_autoptr (GString) header = g_string_new ("{");
  guint64 at = 0;

  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);
      guint64 bytes = 2;
      g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[", i > 0 ? "," : "", words[0]);
      for (guint k = 1; words[k] != NULL; k++)
        {
          bytes *= g_ascii_strtoull (words[k], NULL, 10);
          g_string_append_printf (header, "%s%s", k > 1 ? "," : "", words[k]);
        }
      g_string_append_printf (header, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}", at, at + bytes);
      at += bytes;
    }
  g_string_append_c (header, '}');
  const guint64 length = GUINT64_TO_LE ((guint64) header->len);
  g_string_prepend_len (header, (const char *) &length, 8);
  g_assert_true (g_file_set_contents (path, header->str, header->len, NULL));
  g_assert_cmpint (truncate (path, header->len + at), ==, 0);
  return path;
}

void
copy (const char *from, const char *name)
{
  g_autofree char *to = in_scratch (name);
  g_autofree char *data = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (from, &data, &n, NULL));
  g_assert_true (g_file_set_contents (to, data, n, NULL));
}

/* The set opens. (transfer full) */
QiModelSet *
open_set (const QiModelPaths *paths)
{
  g_autoptr (GError) error = NULL;
  QiModelSet *set = qi_model_set_open (paths, &error);

  g_assert_no_error (error);
  g_assert_nonnull (set);
  return set;
}

void
assert_complete (const QiModelSet *set)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_model_set_require (set, TRUE, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (set->problems->len, ==, 0);
  g_assert_nonnull (set->tokenizer);
  g_assert_cmpuint (set->mmdit_config.n_layers, ==, 3);
  g_assert_cmpuint (set->text_config.width, ==, 64);
  g_assert_cmpuint (set->vision_config.out_dim, ==, 64);
  g_assert_cmpuint (set->vae_config.z_dim, ==, 16);
}

/* A set that opens but cannot be used, for a reason with this word in it. */
void
assert_unusable (const QiModelSet *set, int code, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (qi_model_set_require (set, TRUE, &error));
  g_assert_error (error, QI_ERROR, code);
  if (strstr (error->message, word) == NULL)
    g_error ("“%s” does not say “%s”", error->message, word);
}

/* One of the set's problems has this word in it. */
void
assert_problem (const QiModelSet *set, const char *word)
{
  for (guint i = 0; i < set->problems->len; i++)
    if (strstr (((QiModelProblem *) set->problems->pdata[i])->sentence, word) != NULL)
      return;
  g_error ("no problem says “%s”", word);
}

void
refuse_set (const QiModelPaths *paths, int code, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (qi_model_set_open (paths, &error));
  g_assert_error (error, QI_ERROR, code);
  if (strstr (error->message, word) == NULL)
    g_error ("“%s” does not say “%s”", error->message, word);
}

/* A copy of a folder of files. */
void
copy_folder (const char *from, const char *name)
{
  g_autoptr (GDir) dir = g_dir_open (from, 0, NULL);

  g_assert_nonnull (dir);
  for (const char *file; (file = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = g_build_filename (from, file, NULL), *to = g_build_filename (name, file, NULL);
      copy (path, to);
    }
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_folder (path);
      else
        g_unlink (path);
    }
  g_rmdir (folder);
}

int
run_with_models (void)
{
  base = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  variants = g_strdup (g_getenv ("SFUMATO_TEST_VARIANTS"));
  scratch = g_dir_make_tmp ("qi-model-set-XXXXXX", NULL);

  const int status = g_test_run ();

  remove_folder (scratch);
  g_free (base);
  g_free (variants);
  g_free (scratch);
  return status;
}
