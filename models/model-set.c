/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/model-set.h"

#include <string.h>

#include "base/error.h"

#include "models/config/source.h"
#include "models/set/check.h"
#include "models/set/find.h"

#define SMALL_SIDE 256 /* pixels; what models of less than the released width are trained for */

static void
problem_free (gpointer data)
{
  QiModelProblem *problem = data;

  g_free (problem->sentence);
  g_free (problem);
}

const char *
qi_component_name (QiComponent component)
{
  static const char *const names[QI_N_COMPONENTS] = { "transformer", "text encoder", "vision tower", "VAE" };

  g_return_val_if_fail (component < QI_N_COMPONENTS, NULL);

  return names[component];
}

const QiCheckpoint *
qi_model_set_part (const QiModelSet *set, QiComponent component)
{
  g_return_val_if_fail (set != NULL && component < QI_N_COMPONENTS, NULL);

  const QiCheckpoint *const parts[QI_N_COMPONENTS] = {
    [QI_COMPONENT_TRANSFORMER] = set->transformer,
    [QI_COMPONENT_TEXT_ENCODER] = set->text_encoder,
    [QI_COMPONENT_VISION] = set->vision,
    [QI_COMPONENT_VAE] = set->vae,
  };

  return parts[component];
}

/* A part whose geometry cannot be had is no reason to say nothing about the others. Takes the error. */
static void
note (QiModelSet *set, QiComponent component, GError **fault)
{
  if (*fault == NULL)
    return;
  const gint code = (*fault)->domain == QI_ERROR ? (*fault)->code : QI_ERROR_BAD_CHECKPOINT;
  qi_model_add_problem (set, qi_component_name (component), FALSE, code, g_strdup ((*fault)->message));
  g_clear_error (fault);
}

static void
load_configs (QiModelSet *set, const char *dir)
{
  GError *fault = NULL;

  if (set->transformer != NULL)
    qi_mmdit_config_load (&set->mmdit_config, set->transformer, dir, &set->mmdit_from, &fault);
  note (set, QI_COMPONENT_TRANSFORMER, &fault);
  if (set->text_encoder != NULL)
    qi_text_config_load (&set->text_config, set->text_encoder, dir, &set->text_from, &fault);
  note (set, QI_COMPONENT_TEXT_ENCODER, &fault);
  if (set->vision != NULL)
    qi_vision_config_load (&set->vision_config, set->vision, dir, &set->vision_from, &fault);
  note (set, QI_COMPONENT_VISION, &fault);
  if (set->vae != NULL)
    qi_vae_config_load (&set->vae_config, set->vae, dir, &set->vae_from, &fault);
  note (set, QI_COMPONENT_VAE, &fault);
}

/* A variant the person asks for overrules what tensors cannot show. */
static gboolean
settle_variant (QiModelSet *set, const QiModelSearch *search, GError **error)
{
  QiMmditConfig *config = set->mmdit_from != NULL ? &set->mmdit_config : NULL;
  g_autofree char *class_name = NULL;

  if (!qi_model_find_class (search, &class_name, error))
    return FALSE;
  const QiVariantClues clues = {
    .asked_for = search->paths->variant,
    .class_name = class_name,
    .transformer = set->transformer != NULL ? qi_checkpoint_path (set->transformer) : NULL,
    .model = search->paths->model,
    .config = config,
  };
  set->variant = qi_variant_find (&clues, &set->variant_rule, error);
  if (set->variant == NULL)
    return FALSE;
  if (config != NULL && clues.asked_for != NULL)
    {
      config->zero_cond_t = set->variant->zero_cond_t;
      config->zero_cond_t_from = set->variant_rule;
    }
  if (config != NULL && set->variant->layered != config->additional_t_cond && clues.asked_for != NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "“%s” %s, so its variant cannot be “%s”.",
                   qi_checkpoint_path (set->transformer),
                   config->additional_t_cond ? "is a transformer of Qwen-Image-Layered" : "lacks the tensors of Layered",
                   set->variant->name);
      return FALSE;
    }
  const gboolean small = config != NULL && config->n_heads * config->head_dim != QI_RELEASED_WIDTH;
  set->width = small ? MIN (SMALL_SIDE, set->variant->width) : set->variant->width;
  set->height = small ? MIN (SMALL_SIDE, set->variant->height) : set->variant->height;
  return TRUE;
}

/* Layered was trained with another schedule than the rest, which a single file does not say. */
static gboolean
load_scheduler (QiModelSet *set, const QiModelSearch *search, GError **error)
{
  const QiModelPaths *paths = search->paths;
  const char *model = search->root != NULL ? search->root : paths->model != NULL ? paths->model : paths->transformer;

  if (!qi_scheduler_config_load (&set->scheduler_config, paths->scheduler, model, paths->config, &set->scheduler_from, error))
    return FALSE;
  if (set->variant->layered && strcmp (set->scheduler_from, QI_FROM_RELEASED) == 0)
    {
      set->scheduler_config.shift_type = QI_SHIFT_LINEAR;
      set->scheduler_config.shift_terminal = 0.0;
    }
  return TRUE;
}

/* One that is named, or found, must fit: it is there to be used. */
static gboolean
open_controlnet (QiModelSet *set, const QiModelSearch *search, GError **error)
{
  g_autofree char *own = search->root != NULL ? g_build_filename (search->root, "controlnet", NULL) : NULL;
  const char *path = search->paths->controlnet;

  if (path == NULL && own != NULL && g_file_test (own, G_FILE_TEST_IS_DIR))
    path = own;
  if (path == NULL || set->mmdit_from == NULL)
    return TRUE;
  set->controlnet = qi_checkpoint_open (path, QI_COMPONENT_TRANSFORMER, error); /* its names are a transformer's */
  return set->controlnet != NULL
         && qi_control_config_load (&set->control_config, set->controlnet, &set->mmdit_config, error);
}

static void
name_set (QiModelSet *set, const QiModelPaths *paths)
{
  const char *const given[] = { paths->model, paths->transformer, paths->text_encoder, paths->vision, paths->vae };
  guint i = 0;

  while (given[i] == NULL)
    i++;
  g_autofree char *full = g_canonicalize_filename (given[i], NULL);
  set->path = g_strdup (given[i]);
  set->name = g_path_get_basename (full);
  char *dot = strrchr (set->name, '.');
  if (dot != NULL && dot != set->name && !g_file_test (given[i], G_FILE_TEST_IS_DIR))
    *dot = '\0';
}

QiModelSet *
qi_model_set_open (const QiModelPaths *paths, GError **error)
{
  g_return_val_if_fail (paths != NULL, NULL);

  g_auto (QiModelSearch) search = { .paths = paths };
  g_autoptr (QiModelSet) set = g_new0 (QiModelSet, 1);
  set->problems = g_ptr_array_new_with_free_func (problem_free);

  if (!qi_model_paths_check (paths, error))
    return NULL;
  name_set (set, paths);
  set->config_dir = g_strdup (paths->config);
  if (!qi_model_find_parts (&search, set, error) || !qi_model_find_tokenizer (&search, set, error))
    return NULL;
  load_configs (set, paths->config);
  if (!settle_variant (set, &search, error) || !load_scheduler (set, &search, error)
      || !open_controlnet (set, &search, error))
    return NULL;
  qi_model_check (set, &search);
  return g_steal_pointer (&set);
}

void
qi_model_set_free (QiModelSet *set)
{
  if (set == NULL)
    return;
  g_free (set->path);
  g_free (set->name);
  g_free (set->tokenizer_path);
  g_free (set->config_dir);
  g_clear_pointer (&set->tokenizer, qi_tokenizer_free);
  g_clear_pointer (&set->transformer, qi_checkpoint_free);
  g_clear_pointer (&set->text_encoder, qi_checkpoint_free);
  g_clear_pointer (&set->vision, qi_checkpoint_free);
  g_clear_pointer (&set->vae, qi_checkpoint_free);
  g_clear_pointer (&set->controlnet, qi_checkpoint_free);
  g_ptr_array_unref (set->problems);
  g_free (set);
}

gboolean
qi_model_set_require (const QiModelSet *set, gboolean vision, GError **error)
{
  g_return_val_if_fail (set != NULL, FALSE);

  for (guint i = 0; i < set->problems->len; i++)
    {
      const QiModelProblem *problem = set->problems->pdata[i];
      if (!vision && strcmp (problem->part, qi_component_name (QI_COMPONENT_VISION)) == 0)
        continue;
      g_set_error_literal (error, QI_ERROR, problem->code, problem->sentence);
      return FALSE;
    }
  return TRUE;
}
