/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/set/folder.h"

#include <string.h>

/* Of a folder with hundreds of models only the likeliest are opened. */
#define MAX_CANDIDATES 64

gboolean
qi_checkpoint_holds (const QiCheckpoint *checkpoint, QiComponent component)
{
  switch (component)
    {
    case QI_COMPONENT_TRANSFORMER: /* a ControlNet has the same front */
      return qi_checkpoint_find (checkpoint, "txt_norm.weight") != NULL
             && qi_checkpoint_find (checkpoint, "proj_out.weight") != NULL;
    case QI_COMPONENT_TEXT_ENCODER:
      return qi_checkpoint_find (checkpoint, "model.embed_tokens.weight") != NULL;
    case QI_COMPONENT_VISION:
      return qi_checkpoint_find (checkpoint, "visual.merger.ln_q.weight") != NULL;
    case QI_COMPONENT_VAE:
      return qi_checkpoint_find (checkpoint, "decoder.conv_in.bias") != NULL
             && qi_checkpoint_find (checkpoint, "post_quant_conv.bias") != NULL;
    case QI_N_COMPONENTS:
      break;
    }
  g_return_val_if_reached (FALSE);
}

QiCheckpoint *
qi_checkpoint_try (const char *path, QiComponent component)
{
  g_autoptr (QiCheckpoint) checkpoint = qi_checkpoint_open (path, component, NULL);

  return checkpoint != NULL && qi_checkpoint_holds (checkpoint, component) ? g_steal_pointer (&checkpoint) : NULL;
}

/* --- candidates --- */

typedef struct
{
  char *path;
  guint score;
} Candidate;

static void
candidate_clear (gpointer data)
{
  g_free (((Candidate *) data)->path);
}

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  const Candidate *x = a, *y = b;

  return x->score != y->score ? (x->score > y->score ? -1 : 1) : strcmp (x->path, y->path);
}

/* Words in the name that speak for the component; "qwen" counts twice, since folders are shared among families. */
static guint
score (const char *lower, QiComponent component)
{
  static const char *const words[QI_N_COMPONENTS][4] = {
    [QI_COMPONENT_TRANSFORMER] = { "image", "diffusion", "transformer", NULL },
    [QI_COMPONENT_TEXT_ENCODER] = { "vl", "text", "2.5", "2_5" },
    [QI_COMPONENT_VISION] = { "mmproj", "vision", "visual", NULL },
    [QI_COMPONENT_VAE] = { "vae", NULL, NULL, NULL },
  };
  guint n = strstr (lower, "qwen") != NULL ? 2 : 0;

  for (guint i = 0; i < 4 && words[component][i] != NULL; i++)
    n += strstr (lower, words[component][i]) != NULL;
  return n;
}

/* "…-00002-of-00005.safetensors": part of a set that is opened through its folder. */
static gboolean
is_shard (const char *name)
{
  return g_regex_match_simple ("-\\d{5}-of-\\d{5}\\.(safetensors|gguf)$", name, G_REGEX_CASELESS, 0);
}

GPtrArray *
qi_folder_candidates (const char *folder, QiComponent component)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Candidate));

  g_array_set_clear_func (found, candidate_clear);
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *lower = g_ascii_strdown (name, -1);
      if (!g_str_has_suffix (lower, ".safetensors") && !g_str_has_suffix (lower, ".sft") && !g_str_has_suffix (lower, ".gguf"))
        continue;
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (is_shard (lower) || !g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      const Candidate candidate = { g_steal_pointer (&path), score (lower, component) };
      g_array_append_val (found, candidate);
    }
  g_array_sort (found, compare_candidates);
  for (guint i = 0; i < MIN (found->len, MAX_CANDIDATES); i++)
    g_ptr_array_add (paths, g_strdup (g_array_index (found, Candidate, i).path));
  return paths;
}

gboolean
qi_folder_is_component (const char *folder)
{
  static const char *const names[] = { "model.safetensors", "model.safetensors.index.json",
                                       "diffusion_pytorch_model.safetensors",
                                       "diffusion_pytorch_model.safetensors.index.json" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return TRUE;
    }
  return FALSE;
}

/* --- the search --- */

QiCheckpoint *
qi_folder_find (const char *folder, QiComponent component, QiFitsFunc fits, gconstpointer user_data, char **passed_over)
{
  g_autoptr (GPtrArray) paths = qi_folder_candidates (folder, component);

  if (qi_folder_is_component (folder))
    g_ptr_array_insert (paths, 0, g_strdup (folder));
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = paths->pdata[i];
      g_autofree char *name = g_path_get_basename (path);
      g_autofree char *lower = g_ascii_strdown (name, -1);
      g_autofree char *why = NULL;
      g_autoptr (GError) fault = NULL;
      g_autoptr (QiCheckpoint) checkpoint = qi_checkpoint_open (path, component, &fault);

      if (checkpoint != NULL && qi_checkpoint_holds (checkpoint, component))
        {
          if (fits == NULL || fits (checkpoint, user_data, &why))
            return g_steal_pointer (&checkpoint);
        }
      else if (fault != NULL && score (lower, component) >= 2)
        why = g_strdup (fault->message); /* named like the part, and damaged: worth telling */
      if (why != NULL && *passed_over == NULL)
        *passed_over = g_steal_pointer (&why);
    }
  return NULL;
}
