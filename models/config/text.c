/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/config/source.h"

#include <string.h>

#include "base/error.h"

#include "models/config/json.h"

#define MAX_WIDTH 65536
#define MAX_HEAD_DIM 512
#define MAX_VOCABULARY (1u << 20)

/* The sums that hold between the fields; head_dim is set here. NULL, or what is wrong. (transfer full) */
static char *
settle (QiTextConfig *c)
{
  const guint sum = c->sections[0] + c->sections[1] + c->sections[2];

  if (c->n_heads == 0 || c->width % c->n_heads != 0 || c->width / c->n_heads > MAX_HEAD_DIM
      || (c->width / c->n_heads) % 2 != 0)
    return g_strdup_printf ("a width of %u cannot be shared among %u heads of an even width up to %d.", c->width, c->n_heads,
                            MAX_HEAD_DIM);
  c->head_dim = c->width / c->n_heads;
  if (c->n_kv_heads == 0 || c->n_heads % c->n_kv_heads != 0)
    return g_strdup_printf ("%u query heads cannot be shared among %u key heads.", c->n_heads, c->n_kv_heads);
  if (sum != c->head_dim / 2)
    return g_strdup_printf ("mrope_section %u, %u, %u must add up to half the head width %u.", c->sections[0],
                            c->sections[1], c->sections[2], c->head_dim);
  return NULL;
}

/* transformers 5 writes rope_parameters, transformers 4 rope_scaling with rope_theta beside it; both hold mrope_section. */
static void
parse_rope (QiJson *j, QiTextConfig *c)
{
  const gboolean new_form = qi_json_has (j, "rope_parameters");
  yyjson_val *object = qi_json_object_or_null (j, new_form ? "rope_parameters" : "rope_scaling");
  if (object == NULL)
    {
      qi_json_fail (j, QI_ERROR_BAD_CHECKPOINT, "neither %srope_parameters nor rope_scaling is there: mrope_section is unknown.",
                    j->prefix);
      return;
    }

  QiJson rope = { object, j->file, new_form ? "rope_parameters." : "rope_scaling.", j->error, j->failed };
  static const char *const keys[] = { "rope_type", "type" };
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *type = qi_json_string_or_null (&rope, keys[i]);
      if (type != NULL && strcmp (type, "default") != 0 && strcmp (type, "mrope") != 0)
        qi_json_fail (&rope, QI_ERROR_UNSUPPORTED, "%s%s “%.80s” is not supported; “default” and “mrope” are.", rope.prefix,
                      keys[i], type);
    }
  qi_json_uints (&rope, "mrope_section", 0, MAX_HEAD_DIM, c->sections, 3, 3);
  QiJson *holder = qi_json_has (&rope, "rope_theta") ? &rope : j;
  j->failed = rope.failed;
  c->theta = qi_json_double (holder, "rope_theta", 1.0, 1e12);
  j->failed |= rope.failed;
}

static void
parse_fields (QiJson *j, QiTextConfig *c)
{
  const char *act = qi_json_string_or_null (j, "hidden_act");

  if (act != NULL && strcmp (act, "silu") != 0)
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "%shidden_act “%.80s” is not supported; “silu” is.", j->prefix, act);
  if (qi_json_bool_or (j, "use_sliding_window", FALSE))
    qi_json_fail (j, QI_ERROR_UNSUPPORTED, "%suse_sliding_window is on; only full attention is supported.", j->prefix);
  c->n_layers = qi_json_uint (j, "num_hidden_layers", 1, QI_MAX_LAYERS);
  c->width = qi_json_uint (j, "hidden_size", 2, MAX_WIDTH);
  c->ffn_dim = qi_json_uint (j, "intermediate_size", 1, 4 * MAX_WIDTH);
  c->n_heads = qi_json_uint (j, "num_attention_heads", 1, MAX_WIDTH);
  c->n_kv_heads = qi_json_uint_or (j, "num_key_value_heads", 1, MAX_WIDTH, c->n_heads);
  c->vocabulary = qi_json_uint (j, "vocab_size", 1, MAX_VOCABULARY);
  c->eps = qi_json_double (j, "rms_norm_eps", 1e-12, 1e-2);
  parse_rope (j, c);
}

gboolean
qi_text_config_parse (QiTextConfig *config, const char *json, gsize n, const char *file, GError **error)
{
  yyjson_doc *doc = qi_json_read (json, n, file, error);
  if (doc == NULL)
    return FALSE;

  QiTextConfig c = { 0 };
  QiJson j = { yyjson_doc_get_root (doc), file, "", error, FALSE };
  const char *type = qi_json_string_or_null (&j, "model_type");
  if (type != NULL && strcmp (type, "qwen2_5_vl") != 0 && strcmp (type, "qwen2_5_vl_text") != 0)
    qi_json_fail (&j, QI_ERROR_UNSUPPORTED,
                  "describes a model of type “%.80s”; Qwen-Image 1.x reads prompts with Qwen2.5-VL (“qwen2_5_vl”).", type);
  yyjson_val *nested = qi_json_object_or_null (&j, "text_config");
  if (nested != NULL)
    {
      j.object = nested;
      j.prefix = "text_config.";
    }
  if (!j.failed)
    parse_fields (&j, &c);

  g_autofree char *wrong = j.failed ? NULL : settle (&c);
  if (wrong != NULL)
    qi_json_fail (&j, QI_ERROR_BAD_CHECKPOINT, "%s", wrong);
  yyjson_doc_free (doc);
  if (!j.failed)
    *config = c;
  return !j.failed;
}

/* --- what the checkpoint says by itself --- */

/* Key "ARCHITECTURE.field" of the metadata, at most max. */
static gboolean
meta_uint (const QiCheckpoint *checkpoint, const char *field, guint max, guint *value)
{
  guint64 number;
  g_autofree char *key = g_strconcat ("qwen2vl.", field, NULL);

  if (!qi_checkpoint_meta_uint (checkpoint, key, &number) || number == 0 || number > max)
    return FALSE;
  *value = number;
  return TRUE;
}

/* FALSE: it lacks what no tensor shows; then another source must answer. Counts the tensors show are taken from them and
 * compared where the metadata has them too. */
static gboolean
take_metadata (QiTextConfig *c, const QiCheckpoint *checkpoint)
{
  const gint64 *sections;
  gsize n;
  const char *architecture;

  if (!qi_checkpoint_meta_string (checkpoint, "general.architecture", &architecture) || strcmp (architecture, "qwen2vl") != 0
      || !meta_uint (checkpoint, "attention.head_count", MAX_WIDTH, &c->n_heads)
      || !meta_uint (checkpoint, "attention.head_count_kv", MAX_WIDTH, &c->n_kv_heads)
      || !qi_checkpoint_meta_double (checkpoint, "qwen2vl.rope.freq_base", &c->theta)
      || !qi_checkpoint_meta_double (checkpoint, "qwen2vl.attention.layer_norm_rms_epsilon", &c->eps)
      || !qi_checkpoint_meta_ints (checkpoint, "qwen2vl.rope.dimension_sections", &sections, &n) || n < 3 || n > 4
      || (n == 4 && sections[3] != 0))
    return FALSE;
  for (guint i = 0; i < 3; i++)
    {
      if (sections[i] < 0 || sections[i] > MAX_HEAD_DIM)
        return FALSE;
      c->sections[i] = sections[i];
    }
  if (!meta_uint (checkpoint, "block_count", QI_MAX_LAYERS, &c->n_layers)
      || !meta_uint (checkpoint, "embedding_length", MAX_WIDTH, &c->width)
      || !meta_uint (checkpoint, "feed_forward_length", 4 * MAX_WIDTH, &c->ffn_dim))
    return FALSE;
  c->vocabulary = qi_config_dim (checkpoint, "model.embed_tokens.weight", 0);
  return c->theta >= 1.0 && c->theta <= 1e12 && c->eps >= 1e-12 && c->eps <= 1e-2;
}

typedef struct
{
  guint n_layers;
  guint64 width, vocabulary, ffn_dim, q_width, kv_width;
} Shown;

static gboolean
look (const QiCheckpoint *checkpoint, Shown *s, GError **error)
{
  if (qi_checkpoint_find (checkpoint, "model.embed_tokens.weight") == NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” has no “model.embed_tokens.weight”; it is no text encoder.", qi_checkpoint_path (checkpoint));
      return FALSE;
    }
  if (qi_checkpoint_find (checkpoint, "model.layers.0.self_attn.q_norm.weight") != NULL)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                   "“%s” is a model of the Qwen3 family; Qwen-Image 1.x reads prompts with Qwen2.5-VL.",
                   qi_checkpoint_path (checkpoint));
      return FALSE;
    }
  s->n_layers = qi_config_count_blocks (checkpoint, "model.layers", error);
  s->vocabulary = qi_config_dim (checkpoint, "model.embed_tokens.weight", 0);
  s->width = qi_config_dim (checkpoint, "model.embed_tokens.weight", 1);
  s->ffn_dim = qi_config_dim (checkpoint, "model.layers.0.mlp.gate_proj.weight", 0);
  s->q_width = qi_config_dim (checkpoint, "model.layers.0.self_attn.q_proj.weight", 0);
  s->kv_width = qi_config_dim (checkpoint, "model.layers.0.self_attn.k_proj.weight", 0);
  return s->n_layers > 0;
}

static gboolean
take_released (QiTextConfig *c, const QiCheckpoint *checkpoint, const Shown *s, GError **error)
{
  if (s->n_layers != 28 || s->width != 3584 || s->vocabulary != 152064 || s->ffn_dim != 18944 || s->q_width != 3584
      || s->kv_width != 512)
    return qi_config_unknown (checkpoint, "number of heads, rope sections and base", "text_encoder/config.json", error);
  *c = (QiTextConfig){ .n_layers = 28, .width = 3584, .ffn_dim = 18944, .n_heads = 28, .n_kv_heads = 4, .head_dim = 128,
                       .vocabulary = 152064, .sections = { 16, 24, 24 }, .theta = 1e6, .eps = 1e-6 };
  return TRUE;
}

static gboolean
agree (const QiTextConfig *c, const QiCheckpoint *checkpoint, const Shown *s, const char *from, GError **error)
{
  return qi_config_agree (checkpoint, "layers", s->n_layers, c->n_layers, from, error)
         && qi_config_agree (checkpoint, "a width of", s->width, c->width, from, error)
         && qi_config_agree (checkpoint, "a vocabulary of", s->vocabulary, c->vocabulary, from, error)
         && qi_config_agree (checkpoint, "a feed-forward width of", s->ffn_dim, c->ffn_dim, from, error)
         && qi_config_agree (checkpoint, "queries of", s->q_width, (guint64) c->n_heads * c->head_dim, from, error)
         && qi_config_agree (checkpoint, "keys of", s->kv_width, (guint64) c->n_kv_heads * c->head_dim, from, error);
}

/* Metadata that is complete but does not add up is a fault of the file, not a reason to look further. */
static gboolean
settle_metadata (QiTextConfig *c, const QiCheckpoint *checkpoint, GError **error)
{
  g_autofree char *wrong = settle (c);

  if (wrong != NULL)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The metadata of “%s”: %s", qi_checkpoint_path (checkpoint), wrong);
  return wrong == NULL;
}

gboolean
qi_text_config_load (QiTextConfig *config, const QiCheckpoint *checkpoint, const char *config_dir, const char **from,
                     GError **error)
{
  g_return_val_if_fail (config != NULL && checkpoint != NULL, FALSE);

  Shown shown = { 0 };
  g_autofree char *json = NULL, *file = NULL;
  gsize n = 0;
  QiTextConfig c = { 0 };
  if (!look (checkpoint, &shown, error)
      || !qi_config_find (checkpoint, QI_COMPONENT_TEXT_ENCODER, NULL, &json, &n, &file, error))
    return FALSE;
  const char *source = QI_FROM_FILE;
  if (json == NULL && take_metadata (&c, checkpoint))
    {
      source = QI_FROM_METADATA;
      if (!settle_metadata (&c, checkpoint, error))
        return FALSE;
    }
  else if (json == NULL)
    {
      source = QI_FROM_DIR;
      if (config_dir != NULL
          && !qi_config_find (checkpoint, QI_COMPONENT_TEXT_ENCODER, config_dir, &json, &n, &file, error))
        return FALSE;
      if (json == NULL)
        {
          source = QI_FROM_RELEASED;
          if (!take_released (&c, checkpoint, &shown, error))
            return FALSE;
        }
    }
  if (json != NULL && !qi_text_config_parse (&c, json, n, file, error))
    return FALSE;
  if (!agree (&c, checkpoint, &shown, file != NULL ? file : source, error))
    return FALSE;
  *config = c;
  if (from != NULL)
    *from = source;
  return TRUE;
}
