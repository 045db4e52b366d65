/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/source.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"

/* What changes the schedule and has no formula here. */
static const char *const unsupported[] = { "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "invert_sigmas",
                                           "stochastic_sampling" };

/* shift_terminal: a number in (0, 1), or off: absent, null, false or 0. */
static double
parse_terminal (QiJson *j)
{
  yyjson_val *value = yyjson_obj_get (j->object, "shift_terminal");

  return value == NULL || yyjson_is_null (value) || yyjson_is_false (value)
           ? 0.0
           : qi_json_double (j, "shift_terminal", 0.0, 0.999);
}

/* Absent fields have the values that the reference's scheduler class gives them. */
static void
parse_fields (QiJson *j, QiSchedulerConfig *c)
{
  const char *class_name = qi_json_string_or_null (j, "_class_name");
  const char *type = qi_json_string_or_null (j, "time_shift_type");

  if (class_name != NULL && strcmp (class_name, "FlowMatchEulerDiscreteScheduler") != 0)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "describes a %.80s; only FlowMatchEulerDiscreteScheduler is supported.", class_name);
  for (guint i = 0; i < G_N_ELEMENTS (unsupported); i++)
    if (qi_json_bool_or (j, unsupported[i], FALSE))
      qi_json_fail (j, QI_ERROR_UNSUPPORTED, "%s is on, which is not supported.", unsupported[i]);
  if (type != NULL && strcmp (type, "exponential") != 0 && strcmp (type, "linear") != 0)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "time_shift_type “%.80s” is not supported; “exponential” and “linear” are.", type);
  if (qi_json_uint_or (j, "num_train_timesteps", 1, G_MAXUINT, 1000) != 1000)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "num_train_timesteps must be 1000.");

  c->shift_type = g_strcmp0 (type, "linear") == 0 ? QI_SHIFT_LINEAR : QI_SHIFT_EXPONENTIAL;
  c->dynamic = qi_json_bool_or (j, "use_dynamic_shifting", FALSE);
  c->shift = qi_json_double_or (j, "shift", 1e-6, 1e6, 1.0);
  c->base_shift = qi_json_double_or (j, "base_shift", -100.0, 100.0, 0.5);
  c->max_shift = qi_json_double_or (j, "max_shift", -100.0, 100.0, 1.15);
  c->base_len = qi_json_double_or (j, "base_image_seq_len", 1.0, 1e9, 256.0);
  c->max_len = qi_json_double_or (j, "max_image_seq_len", 1.0, 1e9, 4096.0);
  c->shift_terminal = parse_terminal (j);
  if (!j->failed && c->dynamic && c->base_len >= c->max_len)
    qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT, "base_image_seq_len %g must be less than max_image_seq_len %g.", c->base_len,
                  c->max_len);
}

gboolean
qi_scheduler_config_parse (QiSchedulerConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);
  if (doc == NULL)
    return FALSE;

  QiSchedulerConfig c = { 0 };
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  parse_fields (&j, &c);
  yyjson_doc_free (doc);
  if (!j.failed)
    *config = c;
  return !j.failed;
}

/* Reads the scheduler's file in or below place when there is one. FALSE: there is one, with a fault. */
static gboolean
try_place (QiSchedulerConfig *config, const char *place, gboolean *found, GError **error)
{
  static const char *const names[] = { "scheduler/scheduler_config.json", "scheduler_config.json" };

  for (guint i = 0; i < G_N_ELEMENTS (names) && !*found; i++)
    {
      g_autofree char *path = g_build_filename (place, names[i], NULL);
      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        continue;
      gsize n;
      g_autofree char *json = qi_file_read (path, QI_JSON_MAX_BYTES, &n, error);
      if (json == NULL || !qi_scheduler_config_parse (config, json, n, path, error))
        return FALSE;
      *found = TRUE;
    }
  return TRUE;
}

/* --scheduler: the person named it, so it must answer. */
static gboolean
load_named (QiSchedulerConfig *config, const char *scheduler, GError **error)
{
  gboolean found = FALSE;

  if (g_file_test (scheduler, G_FILE_TEST_IS_DIR))
    {
      if (!try_place (config, scheduler, &found, error))
        return FALSE;
      if (!found)
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The folder “%s” has no scheduler_config.json.", scheduler);
      return found;
    }
  gsize n;
  g_autofree char *json = qi_file_read (scheduler, QI_JSON_MAX_BYTES, &n, error);
  return json != NULL && qi_scheduler_config_parse (config, json, n, scheduler, error);
}

gboolean
qi_scheduler_config_load (QiSchedulerConfig *config, const char *scheduler, const char *model, const char *config_dir,
                          const char **from, GError **error)
{
  g_return_val_if_fail (config != NULL, FALSE);

  const char *unused;
  const char **source = from != NULL ? from : &unused;
  gboolean found = FALSE;

  if (scheduler != NULL)
    {
      /* a folder is also where the transformer for splits has its own, which nobody named */
      *source = g_file_test (scheduler, G_FILE_TEST_IS_DIR) ? "scheduler_config.json" : "--scheduler";
      return load_named (config, scheduler, error);
    }
  if (model != NULL)
    {
      g_autofree char *place = g_file_test (model, G_FILE_TEST_IS_DIR) ? g_strdup (model) : g_path_get_dirname (model);
      *source = "scheduler_config.json";
      if (!try_place (config, place, &found, error))
        return FALSE;
    }
  if (!found && config_dir != NULL)
    {
      *source = QI_FROM_DIR;
      if (!try_place (config, config_dir, &found, error))
        return FALSE;
    }
  if (!found)
    {
      *source = QI_FROM_RELEASED;
      *config = (QiSchedulerConfig){ .shift_type = QI_SHIFT_EXPONENTIAL, .dynamic = TRUE, .shift = 1.0, .base_shift = 0.5,
                                     .max_shift = 0.9, .base_len = 256.0, .max_len = 8192.0, .shift_terminal = 0.02 };
    }
  return TRUE;
}
