/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/source.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"
#include "models/picture/sizes.h"

#define MAX_AREA (1u << 28)
#define MAX_WIDTH 65536
#define MAX_HEAD_DIM 512

/* NULL, or what does not add up. (transfer full) */
static char *
check (const QiVisionConfig *c)
{
  if (c->n_heads == 0 || c->width % c->n_heads != 0 || (c->width / c->n_heads) % 4 != 0
      || c->width / c->n_heads > MAX_HEAD_DIM)
    return g_strdup_printf ("a width of %u cannot be shared among %u heads whose width is a multiple of 4, up to %d.",
                            c->width, c->n_heads, MAX_HEAD_DIM);
  if (c->window % (c->patch * c->merge) != 0 || c->window == 0)
    return g_strdup_printf ("a window of %u pixels is no multiple of merged patches of %u pixels.", c->window,
                            c->patch * c->merge);
  return NULL;
}

static void
parse_fields (QiJson *j, QiVisionConfig *c)
{
  const char *act = qi_json_string_or_null (j, "hidden_act");
  guint full[QI_MAX_LAYERS];

  if (act != NULL && strcmp (act, "silu") != 0)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "%shidden_act “%.80s” is not supported; “silu” is.", j->prefix, act);
  c->n_layers = qi_json_uint (j, "depth", 1, QI_MAX_LAYERS);
  c->width = qi_json_uint (j, "hidden_size", 4, MAX_WIDTH / 4); /* four patches side by side are 4 times as wide */
  c->ffn_dim = qi_json_uint (j, "intermediate_size", 1, MAX_WIDTH);
  c->n_heads = qi_json_uint (j, "num_heads", 1, MAX_WIDTH);
  c->out_dim = qi_json_uint (j, "out_hidden_size", 1, MAX_WIDTH);
  c->patch = qi_json_uint (j, "patch_size", 1, 64);
  c->merge = qi_json_uint_or (j, "spatial_merge_size", 1, 64, 2);
  c->temporal_patch = qi_json_uint_or (j, "temporal_patch_size", 1, 64, 2);
  c->in_channels = qi_json_uint_or (j, qi_json_has (j, "in_channels") ? "in_channels" : "in_chans", 1, 64, 3);
  c->window = qi_json_uint (j, "window_size", 1, MAX_WIDTH);
  if (c->merge != 2 || c->temporal_patch != 2 || c->in_channels != 3)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED,
                  "%sspatial_merge_size, temporal_patch_size and the channels must be 2, 2 and 3; they are %u, %u and %u.",
                  j->prefix, c->merge, c->temporal_patch, c->in_channels);

  const guint n = qi_json_uints (j, "fullatt_block_indexes", 0, QI_MAX_LAYERS - 1, full, 0, QI_MAX_LAYERS);
  for (guint i = 0; i < n; i++)
    {
      if (full[i] >= c->n_layers)
        qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT, "%sfullatt_block_indexes names block %u of %u.", j->prefix, full[i],
                      c->n_layers);
      c->full_attention[full[i]] = TRUE;
    }
}

gboolean
qi_vision_config_parse (QiVisionConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);
  if (doc == NULL)
    return FALSE;

  QiVisionConfig c = { 0 };
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  const char *type = qi_json_string_or_null (&j, "model_type");
  if (type != NULL && !g_str_has_prefix (type, "qwen2_5_vl"))
    qi_json_fail (&j, QI_ERROR_UNSUPPORTED,
                  "describes a model of type “%.80s”; Qwen-Image 1.x sees pictures with Qwen2.5-VL (“qwen2_5_vl”).", type);
  yyjson_val *nested = qi_json_object_or_null (&j, "vision_config");
  if (nested != NULL)
    {
      j.object = nested;
      j.prefix = "vision_config.";
    }
  if (!j.failed)
    parse_fields (&j, &c);

  g_autofree char *wrong = j.failed ? NULL : check (&c);
  if (wrong != NULL)
    qi_json_fail (&j, QI_ERROR_BAD_CHECKPOINT, "%s", wrong);
  yyjson_doc_free (doc);
  c.min_area = QI_SMART_MIN_AREA;
  c.max_area = QI_SMART_MAX_AREA;
  if (!j.failed)
    *config = c;
  return !j.failed;
}

/* --- what the checkpoint says by itself --- */

static gboolean
meta_uint (const QiCheckpoint *checkpoint, const char *field, guint max, guint *value)
{
  guint64 number;
  g_autofree char *key = g_strconcat ("clip.vision.", field, NULL);

  if (!qi_checkpoint_meta_uint (checkpoint, key, &number) || number == 0 || number > max)
    return FALSE;
  *value = number;
  return TRUE;
}

typedef struct
{
  guint n_layers;
  guint64 width, ffn_dim, out_dim, patch;
} Shown;

/* Where an mmproj says nothing of the window (as those of llama.cpp do), it is known for the released tower alone. */
static gboolean
take_metadata (QiVisionConfig *c, const QiCheckpoint *checkpoint, const Shown *s)
{
  guint every;
  const gboolean released = s->n_layers == 32 && s->width == 1280 && s->ffn_dim == 3420 && s->patch == 14;

  if (!meta_uint (checkpoint, "attention.head_count", MAX_WIDTH, &c->n_heads)
      || !meta_uint (checkpoint, "n_wa_pattern", QI_MAX_LAYERS, &every)
      || !meta_uint (checkpoint, "block_count", QI_MAX_LAYERS, &c->n_layers)
      || !meta_uint (checkpoint, "embedding_length", MAX_WIDTH / 4, &c->width)
      || !meta_uint (checkpoint, "feed_forward_length", MAX_WIDTH, &c->ffn_dim)
      || !meta_uint (checkpoint, "patch_size", 64, &c->patch))
    return FALSE;
  if (!meta_uint (checkpoint, "window_size", MAX_WIDTH, &c->window))
    {
      if (!released)
        return FALSE;
      c->window = 112;
    }
  c->out_dim = MIN (s->out_dim, MAX_WIDTH); /* clip.vision.projection_dim is not reliable; the tensor is */
  c->merge = c->temporal_patch = 2;
  c->in_channels = 3;
  for (guint block = 0; block < c->n_layers; block++)
    c->full_attention[block] = (block + 1) % every == 0;
  return TRUE;
}

static gboolean
look (const QiCheckpoint *checkpoint, Shown *s, GError **error)
{
  const QiCheckpointTensor *patch = qi_checkpoint_find (checkpoint, "visual.patch_embed.proj.weight");

  if (patch == NULL || patch->n_dims < 2 || qi_checkpoint_find (checkpoint, "visual.merger.ln_q.weight") == NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” has no “visual.patch_embed.proj.weight” and “visual.merger.ln_q.weight”; it holds no vision tower.",
                   qi_checkpoint_path (checkpoint));
      return FALSE;
    }
  s->n_layers = qi_config_count_blocks (checkpoint, "visual.blocks", error);
  s->width = qi_config_dim (checkpoint, "visual.merger.ln_q.weight", 0);
  s->ffn_dim = qi_config_dim (checkpoint, "visual.blocks.0.mlp.gate_proj.weight", 0);
  s->out_dim = qi_config_dim (checkpoint, "visual.merger.mlp.2.weight", 0);
  s->patch = patch->n_dims >= 4 ? patch->dims[patch->n_dims - 1] : 0; /* 0: stored as a matrix */
  return s->n_layers > 0;
}

static gboolean
take_released (QiVisionConfig *c, const QiCheckpoint *checkpoint, const Shown *s, GError **error)
{
  if (s->n_layers != 32 || s->width != 1280 || s->ffn_dim != 3420 || s->out_dim != 3584 || (s->patch != 14 && s->patch != 0))
    return qi_config_unknown (checkpoint, "vision tower's number of heads, window and blocks of full attention",
                              "text_encoder/config.json", error);
  *c = (QiVisionConfig){ .n_layers = 32, .width = 1280, .ffn_dim = 3420, .n_heads = 16, .out_dim = 3584, .patch = 14,
                         .merge = 2, .temporal_patch = 2, .in_channels = 3, .window = 112 };
  c->full_attention[7] = c->full_attention[15] = c->full_attention[23] = c->full_attention[31] = TRUE;
  return TRUE;
}

static gboolean
agree (const QiVisionConfig *c, const QiCheckpoint *checkpoint, const Shown *s, const char *from, GError **error)
{
  return qi_config_agree (checkpoint, "vision layers", s->n_layers, c->n_layers, from, error)
         && qi_config_agree (checkpoint, "a vision width of", s->width, c->width, from, error)
         && qi_config_agree (checkpoint, "a vision feed-forward width of", s->ffn_dim, c->ffn_dim, from, error)
         && qi_config_agree (checkpoint, "a vision output of", s->out_dim, c->out_dim, from, error)
         && (s->patch == 0 || qi_config_agree (checkpoint, "patches of", s->patch, c->patch, from, error));
}

static gboolean
settle_metadata (const QiVisionConfig *c, const QiCheckpoint *checkpoint, GError **error)
{
  g_autofree char *wrong = check (c);

  if (wrong != NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The metadata of “%s”: %s", qi_checkpoint_path (checkpoint), wrong);
  return wrong == NULL;
}

/* --- the preprocessor's configuration --- */

/* Under the names of either generation; both mean areas. */
gboolean
qi_vision_areas_parse (QiVisionConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);

  if (doc == NULL)
    return FALSE;
  QiVisionConfig areas = { 0 }, *c = &areas;
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  yyjson_val *size = qi_json_object_or_null (&j, "size");
  c->min_area = qi_json_uint_or (&j, "min_pixels", 1, MAX_AREA, QI_SMART_MIN_AREA);
  c->max_area = qi_json_uint_or (&j, "max_pixels", 1, MAX_AREA, QI_SMART_MAX_AREA);
  if (size != NULL && yyjson_obj_get (size, "longest_edge") != NULL)
    {
      j.object = size;
      j.prefix = "size.";
      c->min_area = qi_json_uint_or (&j, "shortest_edge", 1, MAX_AREA, c->min_area);
      c->max_area = qi_json_uint (&j, "longest_edge", 1, MAX_AREA);
    }
  if (!j.failed && c->max_area < c->min_area)
    qi_json_fail (&j, QI_ERROR_BAD_CHECKPOINT, "max_pixels is less than min_pixels.");
  yyjson_doc_free (doc);
  if (!j.failed)
    {
      config->min_area = c->min_area;
      config->max_area = c->max_area;
    }
  return !j.failed;
}

/* Beside the tower, in the layout's folder processor, or in the folder of --config. */
static gboolean
load_areas (QiVisionConfig *c, const QiCheckpoint *checkpoint, const char *config_dir, GError **error)
{
  static const char *const names[] = { "preprocessor_config.json", "processor/preprocessor_config.json",
                                       "../processor/preprocessor_config.json" };
  const char *path = qi_checkpoint_path (checkpoint);
  g_autofree char *folder = g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
  const char *const bases[] = { folder, config_dir };

  c->min_area = QI_SMART_MIN_AREA;
  c->max_area = QI_SMART_MAX_AREA;
  for (guint i = 0; i < G_N_ELEMENTS (bases); i++)
    for (guint k = 0; k < G_N_ELEMENTS (names) && bases[i] != NULL; k++)
      {
        g_autofree char *file = g_build_filename (bases[i], names[k], NULL);

        gsize n;

        if (!g_file_test (file, G_FILE_TEST_EXISTS))
          continue;
        g_autofree char *json = qi_file_read (file, QI_JSON_MAX_BYTES, &n, error);
        return json != NULL && qi_vision_areas_parse (c, json, n, file, error);
      }
  return TRUE;
}

gboolean
qi_vision_config_load (QiVisionConfig *config, const QiCheckpoint *checkpoint, const char *config_dir, const char **from,
                       GError **error)
{
  g_return_val_if_fail (config != NULL && checkpoint != NULL, FALSE);

  Shown shown = { 0 };
  g_autofree char *json = NULL, *file = NULL;
  gsize n = 0;
  QiVisionConfig c = { 0 };
  if (!look (checkpoint, &shown, error) || !qi_config_find (checkpoint, QI_COMPONENT_VISION, NULL, &json, &n, &file, error))
    return FALSE;
  const char *source = QI_FROM_FILE;
  if (json == NULL && take_metadata (&c, checkpoint, &shown))
    {
      source = QI_FROM_METADATA;
      if (!settle_metadata (&c, checkpoint, error))
        return FALSE;
    }
  else if (json == NULL)
    {
      c = (QiVisionConfig){ 0 }; /* what incomplete metadata left */
      source = QI_FROM_DIR;
      if (config_dir != NULL && !qi_config_find (checkpoint, QI_COMPONENT_VISION, config_dir, &json, &n, &file, error))
        return FALSE;
      if (json == NULL)
        {
          source = QI_FROM_RELEASED;
          if (!take_released (&c, checkpoint, &shown, error))
            return FALSE;
        }
    }
  if (json != NULL && !qi_vision_config_parse (&c, json, n, file, error))
    return FALSE;
  if (!agree (&c, checkpoint, &shown, file != NULL ? file : source, error))
    return FALSE;
  if (!load_areas (&c, checkpoint, config_dir, error))
    return FALSE;
  *config = c;
  if (from != NULL)
    *from = source;
  return TRUE;
}

gboolean
qi_vision_ffn_is_swapped (const QiCheckpoint *checkpoint, const QiVisionConfig *c)
{
  const char *name = "visual.blocks.0.mlp.down_proj.weight";

  return c->width != c->ffn_dim && qi_config_dim (checkpoint, name, 0) == c->ffn_dim
         && qi_config_dim (checkpoint, name, 1) == c->width;
}
