/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/model-choice.h"

#include <string.h>

#include "base/error.h"

/* QI_DATADIR comes from the build: <datadir>/sfumato. */
#define INSTALLED_DEMO QI_DATADIR "/demo"
#define LAYERED "layered" /* in a model's folder: a transformer that splits pictures */
#define LEVELS_ABOVE 4 /* PREFIX/libexec/sfumato/PROGRAM: the folder itself, then three above */

static gboolean
is_model (const char *folder)
{
  g_autofree char *index = g_build_filename (folder, "model_index.json", NULL);

  return g_file_test (index, G_FILE_TEST_IS_REGULAR);
}

char *
qi_demo_model_path (void)
{
  g_autofree char *folder = g_file_read_link ("/proc/self/exe", NULL);

  for (guint i = 0; folder && i < LEVELS_ABOVE; i++)
    {
      g_autofree char *below = g_steal_pointer (&folder);

      folder = g_path_get_dirname (below);
      g_autofree char *demo = g_build_filename (folder, "share", "sfumato", "demo", NULL);

      if (is_model (demo))
        return g_steal_pointer (&demo);
    }
  return is_model (INSTALLED_DEMO) ? g_strdup (INSTALLED_DEMO) : NULL;
}

gboolean
qi_model_is_demo (const QiModelPaths *paths)
{
  g_autofree char *demo = qi_demo_model_path ();

  return demo && paths->model && strcmp (demo, paths->model) == 0;
}

/* The value of a key, owned by strings; NULL: there is none. */
static const char *
value (GKeyFile *conf, const char *group, const char *key, GPtrArray *strings)
{
  char *text = g_key_file_get_string (conf, group, key, NULL);

  if (text)
    g_ptr_array_add (strings, text);
  return text && *text ? text : NULL;
}

/* What the group says, where paths does not yet. */
static void
fill_from_group (QiModelPaths *paths, GKeyFile *conf, const char *group, GPtrArray *strings)
{
  const struct
  {
    const char *key, **field;
  } keys[] = { { "model", &paths->model },
               { "transformer", &paths->transformer },
               { "text-encoder", &paths->text_encoder },
               { "vision", &paths->vision },
               { "vae", &paths->vae },
               { "tokenizer", &paths->tokenizer },
               { "scheduler", &paths->scheduler },
               { "config", &paths->config },
               { "variant", &paths->variant } };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (!*keys[i].field)
      *keys[i].field = value (conf, group, keys[i].key, strings);
}

gboolean
qi_model_choose (QiModelPaths *paths, GPtrArray *strings, GError **error)
{
  g_autofree char *file = g_build_filename (g_get_user_config_dir (), "sfumato", "models.conf", NULL);
  g_autoptr (GKeyFile) conf = g_key_file_new ();
  g_autoptr (GError) local = NULL;
  const gboolean nothing = !(paths->model && *paths->model) && !paths->transformer;

  if (!g_key_file_load_from_file (conf, file, G_KEY_FILE_NONE, &local)
      && !g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT)
      && !g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
    g_warning ("%s is ignored: %s", file, local->message);
  if (paths->model && !*paths->model)
    paths->model = NULL;
  if (nothing)
    fill_from_group (paths, conf, "default", strings);
  if (paths->model && !g_file_test (paths->model, G_FILE_TEST_EXISTS) && g_key_file_has_group (conf, paths->model))
    {
      const char *group = paths->model;

      paths->model = NULL;
      fill_from_group (paths, conf, group, strings);
    }
  if (!paths->model && !paths->transformer)
    {
      char *demo = qi_demo_model_path ();

      if (demo)
        g_ptr_array_add (strings, demo);
      paths->model = demo;
    }
  if (!paths->model && !paths->transformer)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "No model is given and none is configured: name its file or "
                   "folder with --model PATH, or a default in %s.", file);
      return FALSE;
    }
  return TRUE;
}

void
qi_model_choose_for (QiModelPaths *paths, QiTask task, GPtrArray *strings)
{
  if (task != QI_TASK_SPLIT || !paths->model || paths->transformer)
    return;

  char *folder = g_build_filename (paths->model, LAYERED, NULL);
  g_autofree char *schedule = g_build_filename (folder, "scheduler_config.json", NULL);

  g_ptr_array_add (strings, folder);
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return;
  paths->transformer = folder;
  paths->variant = NULL; /* that of the other transformer */
  if (!paths->scheduler && g_file_test (schedule, G_FILE_TEST_IS_REGULAR))
    paths->scheduler = folder;
}
