/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/set/find.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"
#include "models/config/source.h"
#include "models/set/folder.h"

void
qi_model_search_clear (QiModelSearch *search)
{
  g_clear_pointer (&search->root, g_free);
  g_clear_pointer (&search->places, g_ptr_array_unref);
  for (guint i = 0; i < QI_N_COMPONENTS; i++)
    g_clear_pointer (&search->passed_over[i], g_free);
}

/* --- what the person named --- */

static gboolean
check_path (const char *path, const char *option, GError **error)
{
  if (path == NULL)
    return TRUE;
  if (path[0] == '\0')
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s has an empty path; give a file or a folder.", option);
  else if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "There is no file or folder “%s” (%s).", path, option);
  else if (!g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_REGULAR))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                 "“%s” (%s) is neither an ordinary file nor a folder; models are read from files only.", path, option);
  else
    return TRUE;
  return FALSE;
}

gboolean
qi_model_paths_check (const QiModelPaths *paths, GError **error)
{
  if (paths->model == NULL && paths->transformer == NULL && paths->text_encoder == NULL && paths->vision == NULL
      && paths->vae == NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "No model is named; give a file or a folder with --model.");
      return FALSE;
    }
  return check_path (paths->model, "--model", error) && check_path (paths->transformer, "--transformer", error)
         && check_path (paths->text_encoder, "--text-encoder", error) && check_path (paths->vision, "--vision", error)
         && check_path (paths->vae, "--vae", error) && check_path (paths->tokenizer, "--tokenizer", error)
         && check_path (paths->controlnet, "--controlnet", error)
         && check_path (paths->scheduler, "--scheduler", error) && check_path (paths->config, "--config", error);
}

/* --- folders --- */

static gboolean
has (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* The root of the diffusers layout: the folder itself, or its parent when it is one of the parts. (transfer full) */
static char *
find_root (const char *model)
{
  if (model == NULL || !g_file_test (model, G_FILE_TEST_IS_DIR))
    return NULL;
  if (has (model, "model_index.json") || has (model, "transformer") || has (model, "text_encoder"))
    return g_strdup (model);

  g_autofree char *full = g_canonicalize_filename (model, NULL);
  g_autofree char *parent = g_path_get_dirname (full);
  return has (parent, "model_index.json") && qi_folder_is_component (model) ? g_steal_pointer (&parent) : NULL;
}

static void
add_place (QiModelSearch *search, char *folder)
{
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR) || g_ptr_array_find_with_equal_func (search->places, folder, g_str_equal, NULL))
    g_free (folder);
  else
    g_ptr_array_add (search->places, folder);
}

/* The folder of path, and as ComfyUI lays them out the folders of parts that lie in it or up to two levels above it
 * (models/diffusion_models/qwen/x.safetensors has its VAE in models/vae). */
static void
add_places (QiModelSearch *search, const char *path)
{
  static const char *const names[] = { "diffusion_models", "unet", "text_encoders", "clip", "vae", "transformer",
                                       "text_encoder" };

  if (path == NULL)
    return;
  g_autofree char *full = g_canonicalize_filename (path, NULL);
  g_autofree char *folder = g_file_test (full, G_FILE_TEST_IS_DIR) ? g_strdup (full) : g_path_get_dirname (full);

  add_place (search, g_strdup (folder));
  for (guint up = 0; up < 3; up++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        add_place (search, g_build_filename (folder, names[i], NULL));
      char *parent = g_path_get_dirname (folder);
      g_free (folder);
      folder = parent;
    }
}

/* --- what fits what --- */

static gboolean
fits (const QiCheckpoint *checkpoint, const char *name, guint i, guint64 factor, guint64 wanted, const char *what, char **why)
{
  const guint64 shown = factor * qi_config_dim (checkpoint, name, i);

  if (wanted == 0 || shown == wanted)
    return TRUE;
  *why = g_strdup_printf ("“%s” has %s %" G_GUINT64_FORMAT ", and %" G_GUINT64_FORMAT " is wanted.",
                          qi_checkpoint_path (checkpoint), what, shown, wanted);
  return FALSE;
}

static gboolean
text_encoder_fits (const QiCheckpoint *checkpoint, gconstpointer user_data, char **why)
{
  const QiModelSet *set = user_data;
  const guint64 wanted = set->transformer != NULL ? qi_config_dim (set->transformer, "txt_in.weight", 1) : 0;

  return fits (checkpoint, "model.embed_tokens.weight", 1, 1, wanted, "a width of", why);
}

static gboolean
vision_fits (const QiCheckpoint *checkpoint, gconstpointer user_data, char **why)
{
  const QiModelSet *set = user_data;
  const guint64 wanted = set->text_encoder != NULL ? qi_config_dim (set->text_encoder, "model.embed_tokens.weight", 1) : 0;

  return fits (checkpoint, "visual.merger.mlp.2.weight", 0, 1, wanted, "an output of", why);
}

static gboolean
vae_fits (const QiCheckpoint *checkpoint, gconstpointer user_data, char **why)
{
  const QiModelSet *set = user_data;
  const QiCheckpoint *net = set->transformer;
  const gboolean layered = net != NULL
                           && qi_checkpoint_find (net, "time_text_embed.addition_t_embedding.weight") != NULL;

  const gboolean clear = qi_config_dim (checkpoint, "decoder.conv_out.bias", 0) == 4; /* serves opaque pictures too */

  return net == NULL
         || (fits (checkpoint, "post_quant_conv.bias", 0, 4, qi_config_dim (net, "img_in.weight", 1),
                   "four times its latent channels", why)
             && (clear || fits (checkpoint, "decoder.conv_out.bias", 0, 1, layered ? 4 : 3, "picture channels", why)));
}

/* --- the parts --- */

typedef struct
{
  QiComponent component;
  const char *named;  /* the option's value */
  const char *option; /* its name */
  const char *folder; /* in the diffusers layout */
  QiFitsFunc fits;
  QiCheckpoint **part;
} Wanted;

/* Several transformers in a folder are a question to the person, not a choice of ours. */
static gboolean
find_transformer_in (const char *folder, QiModelSearch *search, QiModelSet *set, GError **error)
{
  g_autoptr (GPtrArray) paths = qi_folder_candidates (folder, QI_COMPONENT_TRANSFORMER);
  g_autoptr (GString) names = g_string_new (NULL);
  g_autoptr (QiCheckpoint) first = qi_folder_is_component (folder) ? qi_checkpoint_try (folder, QI_COMPONENT_TRANSFORMER) : NULL;
  guint n = first != NULL ? 1 : 0;

  for (guint i = 0; i < paths->len && !(n == 1 && names->len == 0); i++)
    {
      g_autoptr (QiCheckpoint) another = qi_checkpoint_try (paths->pdata[i], QI_COMPONENT_TRANSFORMER);
      if (another == NULL)
        continue;
      g_autofree char *name = g_path_get_basename (paths->pdata[i]);
      g_string_append_printf (names, "%s%s", n > 0 ? ", " : "", name);
      n++;
      if (first == NULL)
        first = g_steal_pointer (&another);
    }
  if (n > 1)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The folder “%s” holds %u transformers (%s); name one of them.",
                   folder, n, names->str);
      return FALSE;
    }
  set->transformer = g_steal_pointer (&first);
  return TRUE;
}

/* --transformer; the model itself when it is a file; the layout's folder; else what lies in the model's folder. */
static gboolean
find_transformer (QiModelSearch *search, QiModelSet *set, GError **error)
{
  const char *model = search->paths->model;
  g_autofree char *own = search->root != NULL ? g_build_filename (search->root, "transformer", NULL) : NULL;
  const char *path = search->paths->transformer;
  const char **how = &set->found[QI_COMPONENT_TRANSFORMER];

  *how = "--transformer";
  if (path == NULL && own != NULL && g_file_test (own, G_FILE_TEST_EXISTS))
    {
      path = own;
      *how = "model folder";
    }
  if (path != NULL)
    return (set->transformer = qi_checkpoint_open (path, QI_COMPONENT_TRANSFORMER, error)) != NULL;
  *how = "--model";
  if (model == NULL || own != NULL)
    return TRUE;
  if (!g_file_test (model, G_FILE_TEST_IS_DIR))
    {
      set->transformer = qi_checkpoint_try (model, QI_COMPONENT_TRANSFORMER);
      return TRUE;
    }
  *how = "model folder";
  static const char *const below[] = { ".", "diffusion_models", "unet" };
  for (guint i = 0; i < G_N_ELEMENTS (below) && set->transformer == NULL; i++)
    {
      g_autofree char *folder = i == 0 ? g_strdup (model) : g_build_filename (model, below[i], NULL);
      if (!find_transformer_in (folder, search, set, error))
        return FALSE;
    }
  return TRUE;
}

/* Any other part: named; in the layout's folder; in the file or folder that holds its neighbour; in the places. */
static gboolean
find_part (QiModelSearch *search, QiModelSet *set, const Wanted *wanted, const char *neighbour, GError **error)
{
  const char **how = &set->found[wanted->component];
  g_autofree char *own = search->root != NULL ? g_build_filename (search->root, wanted->folder, NULL) : NULL;

  *how = wanted->option;
  if (wanted->named != NULL)
    return (*wanted->part = qi_checkpoint_open (wanted->named, wanted->component, error)) != NULL;

  *how = "model folder";
  const gboolean in_layout = own != NULL && g_file_test (own, G_FILE_TEST_EXISTS);
  if (in_layout && wanted->component != QI_COMPONENT_VISION)
    return (*wanted->part = qi_checkpoint_open (own, wanted->component, error)) != NULL;

  *how = wanted->component == QI_COMPONENT_VISION ? "with the text encoder" : "same file";
  if (neighbour != NULL)
    *wanted->part = qi_checkpoint_try (neighbour, wanted->component);
  *how = *wanted->part != NULL ? *how : "beside";
  for (guint i = 0; i < search->places->len && *wanted->part == NULL; i++)
    *wanted->part = qi_folder_find (search->places->pdata[i], wanted->component, wanted->fits, set,
                                    &search->passed_over[wanted->component]);
  return TRUE;
}

/* A model file must hold a part itself: neighbours it may have are no excuse for a file that is damaged or foreign. */
static gboolean
check_model_file (const char *model, GError **error)
{
  for (QiComponent component = 0; component < QI_N_COMPONENTS; component++)
    {
      g_autoptr (QiCheckpoint) part = qi_checkpoint_try (model, component);
      if (part != NULL)
        return TRUE;
    }

  QiMmditConfig unused;
  g_autoptr (QiCheckpoint) foreign = qi_checkpoint_open (model, QI_COMPONENT_TRANSFORMER, error);
  if (foreign != NULL && qi_mmdit_config_load (&unused, foreign, NULL, NULL, error)) /* names the family it knows */
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” lacks “proj_out.weight”; the file is incomplete.", model);
  return FALSE;
}

gboolean
qi_model_find_parts (QiModelSearch *search, QiModelSet *set, GError **error)
{
  const QiModelPaths *paths = search->paths;

  search->root = find_root (paths->model);
  search->places = g_ptr_array_new_with_free_func (g_free);
  const gboolean file = paths->model != NULL && !g_file_test (paths->model, G_FILE_TEST_IS_DIR);
  const char *in_model = file ? paths->model : NULL;
  if ((file && !check_model_file (paths->model, error)) || !find_transformer (search, set, error))
    return FALSE;

  const Wanted text = { QI_COMPONENT_TEXT_ENCODER, paths->text_encoder, "--text-encoder", "text_encoder", text_encoder_fits,
                        &set->text_encoder };
  const Wanted vision = { QI_COMPONENT_VISION, paths->vision, "--vision", "text_encoder", vision_fits, &set->vision };
  const Wanted vae = { QI_COMPONENT_VAE, paths->vae, "--vae", "vae", vae_fits, &set->vae };

  add_places (search, paths->text_encoder); /* an mmproj lies beside its text encoder */
  add_places (search, paths->model);
  add_places (search, paths->transformer);
  if (!find_part (search, set, &text, in_model, error))
    return FALSE;
  const char *in_text = set->text_encoder != NULL ? qi_checkpoint_path (set->text_encoder) : in_model;
  if (!find_part (search, set, &vision, in_text, error) || !find_part (search, set, &vae, in_model, error))
    return FALSE;
  if (set->transformer == NULL && set->text_encoder == NULL && set->vision == NULL && set->vae == NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                 "The folder “%s” holds no model: neither model_index.json with its folders, nor safetensors or GGUF files "
                 "of Qwen-Image.",
                 paths->model);
  return set->transformer != NULL || set->text_encoder != NULL || set->vision != NULL || set->vae != NULL;
}

/* --- the tokenizer --- */

static gboolean
holds_tokenizer (const char *folder)
{
  return has (folder, "tokenizer.json") || (has (folder, "vocab.json") && has (folder, "merges.txt"));
}

/* base itself, or base/tokenizer, base/processor; *path is set when there is one. */
static void
look_for_tokenizer (const char *base, char **path)
{
  static const char *const names[] = { "tokenizer", "processor", "." };

  for (guint i = 0; i < G_N_ELEMENTS (names) && base != NULL && *path == NULL; i++)
    {
      g_autofree char *folder = i < 2 ? g_build_filename (base, names[i], NULL) : g_strdup (base);
      if (holds_tokenizer (folder))
        *path = g_steal_pointer (&folder);
    }
}

gboolean
qi_model_find_tokenizer (const QiModelSearch *search, QiModelSet *set, GError **error)
{
  g_autofree char *path = g_strdup (search->paths->tokenizer);

  if (path == NULL && set->text_encoder != NULL)
    {
      GError *fault = NULL;
      set->tokenizer = qi_tokenizer_from_checkpoint (set->text_encoder, &fault);
      if (fault != NULL)
        {
          g_propagate_error (error, fault);
          return FALSE;
        }
    }
  if (set->tokenizer != NULL)
    return TRUE;
  look_for_tokenizer (search->root, &path);
  if (set->text_encoder != NULL)
    {
      g_autofree char *file = g_canonicalize_filename (qi_checkpoint_path (set->text_encoder), NULL);
      g_autofree char *folder = g_path_get_dirname (file);
      g_autofree char *above = g_path_get_dirname (folder);
      look_for_tokenizer (folder, &path);
      look_for_tokenizer (above, &path);
    }
  for (guint i = 0; i < search->places->len; i++)
    look_for_tokenizer (search->places->pdata[i], &path);
  look_for_tokenizer (search->paths->config, &path);
  if (path == NULL)
    return TRUE;
  set->tokenizer = qi_tokenizer_open (path, error);
  set->tokenizer_path = g_steal_pointer (&path);
  return set->tokenizer != NULL;
}

/* --- model_index.json --- */

gboolean
qi_model_find_class (const QiModelSearch *search, char **name, GError **error)
{
  const char *bases[] = { search->root, search->paths->config };

  for (guint i = 0; i < G_N_ELEMENTS (bases) && *name == NULL; i++)
    {
      if (bases[i] == NULL || !has (bases[i], "model_index.json"))
        continue;
      gsize n;
      g_autofree char *path = g_build_filename (bases[i], "model_index.json", NULL);
      g_autofree char *text = qi_file_read (path, QI_JSON_MAX_BYTES, &n, error);
      yyjson_doc *doc = text != NULL ? qi_json_read (text, n, path, error) : NULL;
      if (doc == NULL)
        return FALSE;
      QiJson j = { yyjson_doc_get_root (doc), path, "", error, FALSE };
      /* A key of ours comes first: to diffusers our demo model is a Qwen-Image like any other. */
      const char *own = qi_json_string_or_null (&j, "_sfumato_variant");
      *name = g_strdup (own != NULL ? own : qi_json_string_or_null (&j, "_class_name"));
      yyjson_doc_free (doc);
      if (j.failed)
        return FALSE;
    }
  return TRUE;
}
