/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config.h"

#include "base/error.h"

#include "models/config/json.h"

#define RELEASED_WIDTH 3584
#define MAX_ID (1u << 24)

/* One number or a list of them. */
static void
parse_stops (QiJson *j, QiGenerationConfig *c)
{
  const char *key = "eos_token_id";

  if (!qi_json_has (j, key))
    return;
  if (yyjson_is_arr (yyjson_obj_get (j->object, key)))
    c->n_stops = qi_json_uints (j, key, 0, MAX_ID, c->stops, 1, QI_MAX_STOPS);
  else
    {
      c->stops[0] = qi_json_uint (j, key, 0, MAX_ID);
      c->n_stops = 1;
    }
}

gboolean
qi_generation_config_parse (QiGenerationConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);

  if (doc == NULL)
    return FALSE;

  QiGenerationConfig c = { 0 };
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  c.sample = qi_json_bool_or (&j, "do_sample", FALSE);
  c.temperature = qi_json_double_or (&j, "temperature", 1e-9, 1000, 1);
  c.top_k = qi_json_uint_or (&j, "top_k", 0, MAX_ID, 50);
  c.top_p = qi_json_double_or (&j, "top_p", 1e-9, 1, 1);
  c.repetition_penalty = qi_json_double_or (&j, "repetition_penalty", 1e-3, 1000, 1);
  parse_stops (&j, &c);
  yyjson_doc_free (doc);
  if (!j.failed)
    *config = c;
  return !j.failed;
}

gboolean
qi_generation_config_load (QiGenerationConfig *config, const QiCheckpoint *checkpoint, const QiTextConfig *text,
                           const char *config_dir, GError **error)
{
  static const char *const names[] = { "generation_config.json", "text_encoder/generation_config.json" };
  const char *path = qi_checkpoint_path (checkpoint);
  g_autofree char *folder = g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
  const char *const bases[] = { folder, config_dir };

  for (guint i = 0; i < G_N_ELEMENTS (bases); i++)
    for (guint k = 0; k < G_N_ELEMENTS (names) && bases[i] != NULL; k++)
      {
        g_autofree char *file = g_build_filename (bases[i], names[k], NULL);
        gsize n;

        if (!g_file_test (file, G_FILE_TEST_EXISTS))
          continue;
        g_autofree char *json = qi_file_read (file, QI_JSON_MAX_BYTES, &n, error);
        return json != NULL && qi_generation_config_parse (config, json, n, file, error);
      }
  *config = (QiGenerationConfig){ .temperature = 1, .top_p = 1,
                                  .repetition_penalty = text->width == RELEASED_WIDTH ? 1.05 : 1 };
  return TRUE;
}
