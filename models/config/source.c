/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/source.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"

/* How a component's folder is called in the diffusers layout, and a key that only its configuration has. */
static const struct
{
  const char *folder, *key, *class_name;
} kinds[QI_N_COMPONENTS] = {
  [QI_COMPONENT_TRANSFORMER] = { "transformer", "axes_dims_rope", "QwenImageTransformer2DModel" },
  [QI_COMPONENT_TEXT_ENCODER] = { "text_encoder", "model_type", NULL },
  [QI_COMPONENT_VISION] = { "text_encoder", "vision_config", NULL },
  [QI_COMPONENT_VAE] = { "vae", "latents_mean", "AutoencoderKLQwenImage" },
};

/* FALSE for valid JSON about something else, as in a folder that many models share. What cannot be read is not passed
 * over in silence: its own reader says what is wrong with it. */
static gboolean
describes (const char *json, gsize n, const char *file, QiComponent component)
{
  g_autoptr (GError) fault = NULL;
  yyjson_doc *doc = qi_json_read (json, n, file, &fault);
  if (doc == NULL)
    return TRUE;

  yyjson_val *root = yyjson_doc_get_root (doc);
  const char *class_name = yyjson_get_str (yyjson_obj_get (root, "_class_name"));
  const gboolean yes = yyjson_obj_get (root, kinds[component].key) != NULL
                       || (class_name != NULL && g_strcmp0 (class_name, kinds[component].class_name) == 0);

  yyjson_doc_free (doc);
  return yes;
}

/* Takes the file, unless it is not there or about something else. FALSE: it is there and cannot be read. */
static gboolean
try_file (const char *path, QiComponent component, char **json, gsize *n, char **file, GError **error)
{
  if (*json != NULL || !g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_autofree char *text = qi_file_read (path, QI_JSON_MAX_BYTES, n, error);
  if (text == NULL)
    return FALSE;
  if (describes (text, *n, path, component))
    {
      *json = g_steal_pointer (&text);
      *file = g_strdup (path);
    }
  return TRUE;
}

gboolean
qi_config_find (const QiCheckpoint *checkpoint, QiComponent component, const char *dir, char **json, gsize *n, char **file,
                GError **error)
{
  const char *path = dir != NULL ? dir : qi_checkpoint_path (checkpoint);
  const gboolean folder = g_file_test (path, G_FILE_TEST_IS_DIR);

  if (dir != NULL && !folder)
    return try_file (dir, component, json, n, file, error);

  g_autofree char *base = folder ? g_strdup (path) : g_path_get_dirname (path);
  g_autofree char *name = g_strconcat (kinds[component].folder, "_config.json", NULL);
  g_autofree char *own = g_build_filename (base, "config.json", NULL);
  g_autofree char *diffusers = g_build_filename (base, kinds[component].folder, "config.json", NULL);
  g_autofree char *flat = g_build_filename (base, name, NULL);
  return try_file (dir != NULL ? diffusers : own, component, json, n, file, error)
         && try_file (dir != NULL ? own : diffusers, component, json, n, file, error)
         && try_file (flat, component, json, n, file, error);
}

guint
qi_config_count_blocks (const QiCheckpoint *checkpoint, const char *prefix, GError **error)
{
  gboolean seen[QI_MAX_LAYERS] = { FALSE };
  const gsize length = strlen (prefix);
  guint n = 0;

  for (guint i = 0; i < qi_checkpoint_n_tensors (checkpoint); i++)
    {
      const char *name = qi_checkpoint_tensor (checkpoint, i)->name;
      if (strncmp (name, prefix, length) != 0 || name[length] != '.' || !g_ascii_isdigit (name[length + 1]))
        continue;
      char *end;
      const guint64 block = g_ascii_strtoull (name + length + 1, &end, 10);
      if (*end != '.')
        continue;
      if (block >= QI_MAX_LAYERS)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                       "“%s” has a tensor “%s”; models of more than %d layers are not supported.",
                       qi_checkpoint_path (checkpoint), name, QI_MAX_LAYERS);
          return 0;
        }
      seen[block] = TRUE;
      n = MAX (n, block + 1);
    }
  for (guint block = 0; block < MAX (n, 1); block++)
    if (!seen[block])
      {
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                     "“%s” has no tensors “%s.%u.…”%s; the file is incomplete or holds another model.",
                     qi_checkpoint_path (checkpoint), prefix, block, n > 0 ? " although later layers are there" : "");
        return 0;
      }
  return n;
}

guint64
qi_config_dim (const QiCheckpoint *checkpoint, const char *name, guint i)
{
  const QiCheckpointTensor *tensor = qi_checkpoint_find (checkpoint, name);

  return tensor != NULL && i < tensor->n_dims ? tensor->dims[i] : 0;
}

gboolean
qi_config_agree (const QiCheckpoint *checkpoint, const char *what, guint64 shown, guint64 configured, const char *from,
                 GError **error)
{
  /* 0: the tensor that would show it is missing, which the check of the whole set says by its name. */
  if (shown == configured || shown == 0)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
               "The tensors of “%s” show %s %" G_GUINT64_FORMAT ", its configuration (%s) says %" G_GUINT64_FORMAT
               "; the two belong to different models.",
               qi_checkpoint_path (checkpoint), what, shown, from, configured);
  return FALSE;
}

gboolean
qi_config_unknown (const QiCheckpoint *checkpoint, const char *what, const char *where, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
               "“%s” is not of a released size, and no tensor shows its %s; put its %s beside it, or name a folder that "
               "has it with --config.",
               qi_checkpoint_path (checkpoint), what, where);
  return FALSE;
}
