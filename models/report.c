/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/report.h"

#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "compute/dtype.h"
#include "models/adapter/lora.h"
#include "models/set/expected.h"

#define MAX_NAMES 100 /* of a list of tensors; a foreign file may have tens of thousands */

/* Keys of metadata worth showing: who made the file and what it is called. */
static const char *const metadata[] = { "general.architecture", "general.name", "general.author", "general.license",
                                        "general.version", "modelspec.title", "modelspec.architecture", "modelspec.author",
                                        "modelspec.license", "format" };

/* A string from a file, fit to be shown: control characters and marks that turn the direction of text become U+FFFD.
 * (transfer full) */
static char *
clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      const gunichar c = g_utf8_get_char (p);
      const gboolean turns = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f
                             || c == 0x061c;
      g_string_append_unichar (out, g_unichar_iscntrl (c) || turns || c == 0x2028 || c == 0x2029 ? 0xfffd : c);
    }
  return g_string_free (out, FALSE);
}

/* Tensors and bytes by element type. */
typedef struct
{
  guint tensors[QI_N_DTYPES];
  guint64 bytes[QI_N_DTYPES];
} Histogram;

static Histogram
count_dtypes (const QiCheckpoint *part)
{
  Histogram h = { 0 };

  for (guint i = 0; i < qi_checkpoint_n_tensors (part); i++)
    {
      const QiCheckpointTensor *tensor = qi_checkpoint_tensor (part, i);
      h.tensors[tensor->dtype]++;
      h.bytes[tensor->dtype] += tensor->bytes;
    }
  return h;
}

static const char *
config_from (const QiModelSet *set, QiComponent component)
{
  const char *const from[QI_N_COMPONENTS] = { set->mmdit_from, set->text_from, set->vision_from, set->vae_from };

  return from[component];
}

static const char *
template_name (QiTemplate t)
{
  return t == QI_TEMPLATE_EDIT ? "edit" : t == QI_TEMPLATE_EDIT_PLUS ? "edit-plus" : "image";
}

/* --- JSON --- */

typedef yyjson_mut_val Value;
typedef yyjson_mut_doc Doc;

/* Frees doc (transfer full). */
static char *
write_doc (Doc *doc)
{
  char *json = yyjson_mut_write (doc, YYJSON_WRITE_NOFLAG, NULL);
  char *text = g_strdup (json);

  yyjson_mut_doc_free (doc);
  free (json); /* yyjson's, not GLib's */
  return text;
}

static void
add_string (Doc *doc, Value *object, const char *key, const char *text)
{
  if (text == NULL)
    {
      yyjson_mut_obj_add_null (doc, object, key);
      return;
    }
  g_autofree char *shown = clean (text);
  yyjson_mut_obj_add_strcpy (doc, object, key, shown);
}

static void
add_uints (Doc *doc, Value *object, const char *key, const guint *values, guint n)
{
  Value *array = yyjson_mut_obj_add_arr (doc, object, key);

  for (guint i = 0; i < n; i++)
    yyjson_mut_arr_add_uint (doc, array, values[i]);
}

static void
add_floats (Doc *doc, Value *object, const char *key, const float *values, guint n)
{
  Value *array = yyjson_mut_obj_add_arr (doc, object, key);

  for (guint i = 0; i < n; i++)
    {
      char text[G_ASCII_DTOSTR_BUF_SIZE]; /* 0.9653, not the digits of its binary neighbour */
      yyjson_mut_arr_add_real (doc, array, g_ascii_strtod (g_ascii_formatd (text, sizeof text, "%.7g", values[i]), NULL));
    }
}

/* key and key_count; names are cleaned. */
static void
add_names (Doc *doc, Value *object, const char *key, const char *count_key, const GPtrArray *names)
{
  Value *array = yyjson_mut_obj_add_arr (doc, object, key);

  for (guint i = 0; i < MIN (names->len, MAX_NAMES); i++)
    {
      g_autofree char *shown = clean (names->pdata[i]);
      yyjson_mut_arr_add_strcpy (doc, array, shown);
    }
  yyjson_mut_obj_add_uint (doc, object, count_key, names->len);
}

static void
add_mmdit (Doc *doc, Value *object, const QiMmditConfig *c)
{
  yyjson_mut_obj_add_uint (doc, object, "layers", c->n_layers);
  yyjson_mut_obj_add_uint (doc, object, "heads", c->n_heads);
  yyjson_mut_obj_add_uint (doc, object, "head_dim", c->head_dim);
  yyjson_mut_obj_add_uint (doc, object, "in_channels", c->in_channels);
  yyjson_mut_obj_add_uint (doc, object, "out_channels", c->out_channels);
  yyjson_mut_obj_add_uint (doc, object, "text_dim", c->text_dim);
  add_uints (doc, object, "axes", c->axes, 3);
  yyjson_mut_obj_add_bool (doc, object, "zero_cond_t", c->zero_cond_t);
  yyjson_mut_obj_add_strcpy (doc, object, "zero_cond_t_from", c->zero_cond_t_from);
  yyjson_mut_obj_add_bool (doc, object, "additional_t_cond", c->additional_t_cond);
  yyjson_mut_obj_add_bool (doc, object, "layer3d_rope", c->layer3d_rope);
}

static void
add_text (Doc *doc, Value *object, const QiTextConfig *c)
{
  yyjson_mut_obj_add_uint (doc, object, "layers", c->n_layers);
  yyjson_mut_obj_add_uint (doc, object, "width", c->width);
  yyjson_mut_obj_add_uint (doc, object, "ffn_dim", c->ffn_dim);
  yyjson_mut_obj_add_uint (doc, object, "heads", c->n_heads);
  yyjson_mut_obj_add_uint (doc, object, "kv_heads", c->n_kv_heads);
  yyjson_mut_obj_add_uint (doc, object, "head_dim", c->head_dim);
  yyjson_mut_obj_add_uint (doc, object, "vocabulary", c->vocabulary);
  add_uints (doc, object, "sections", c->sections, 3);
  yyjson_mut_obj_add_real (doc, object, "theta", c->theta);
  yyjson_mut_obj_add_real (doc, object, "eps", c->eps);
}

static void
add_vision (Doc *doc, Value *object, const QiVisionConfig *c)
{
  yyjson_mut_obj_add_uint (doc, object, "layers", c->n_layers);
  yyjson_mut_obj_add_uint (doc, object, "width", c->width);
  yyjson_mut_obj_add_uint (doc, object, "ffn_dim", c->ffn_dim);
  yyjson_mut_obj_add_uint (doc, object, "heads", c->n_heads);
  yyjson_mut_obj_add_uint (doc, object, "out_dim", c->out_dim);
  yyjson_mut_obj_add_uint (doc, object, "patch", c->patch);
  yyjson_mut_obj_add_uint (doc, object, "merge", c->merge);
  yyjson_mut_obj_add_uint (doc, object, "window", c->window);
  Value *full = yyjson_mut_obj_add_arr (doc, object, "full_attention");
  for (guint i = 0; i < c->n_layers; i++)
    if (c->full_attention[i])
      yyjson_mut_arr_add_uint (doc, full, i);
}

static void
add_vae (Doc *doc, Value *object, const QiVaeConfig *c)
{
  yyjson_mut_obj_add_uint (doc, object, "base_dim", c->base_dim);
  yyjson_mut_obj_add_uint (doc, object, "z_dim", c->z_dim);
  yyjson_mut_obj_add_uint (doc, object, "res_blocks", c->n_res_blocks);
  yyjson_mut_obj_add_uint (doc, object, "image_channels", c->image_channels);
  add_uints (doc, object, "dim_mult", c->dim_mult, c->n_levels);
  add_floats (doc, object, "latents_mean", c->mean, c->z_dim);
  add_floats (doc, object, "latents_std", c->std, c->z_dim);
}

static void
add_config (Doc *doc, Value *part, const QiModelSet *set, QiComponent component)
{
  const char *from = config_from (set, component);

  if (from == NULL)
    {
      yyjson_mut_obj_add_null (doc, part, "config");
      return;
    }
  Value *object = yyjson_mut_obj_add_obj (doc, part, "config");
  yyjson_mut_obj_add_strcpy (doc, object, "from", from);
  if (component == QI_COMPONENT_TRANSFORMER)
    add_mmdit (doc, object, &set->mmdit_config);
  else if (component == QI_COMPONENT_TEXT_ENCODER)
    add_text (doc, object, &set->text_config);
  else if (component == QI_COMPONENT_VISION)
    add_vision (doc, object, &set->vision_config);
  else
    add_vae (doc, object, &set->vae_config);

  g_autoptr (QiTensorCheck) check = qi_tensor_check_new (set, component);
  yyjson_mut_obj_add_uint (doc, part, "expected_tensors", check->n_expected);
  add_names (doc, part, "missing_tensors", "missing_tensors_count", check->missing);
  add_names (doc, part, "wrong_tensors", "wrong_tensors_count", check->wrong);
  add_names (doc, part, "foreign_tensors", "foreign_tensors_count", check->foreign);
}

static void
add_part (Doc *doc, Value *parts, const QiModelSet *set, QiComponent component)
{
  static const char *const keys[QI_N_COMPONENTS] = { "transformer", "text_encoder", "vision", "vae" };
  const QiCheckpoint *part = qi_model_set_part (set, component);
  if (part == NULL)
    return;

  const Histogram h = count_dtypes (part);
  Value *object = yyjson_mut_obj_add_obj (doc, parts, keys[component]);
  add_string (doc, object, "path", qi_checkpoint_path (part));
  add_string (doc, object, "found", set->found[component]);
  add_string (doc, object, "container", qi_checkpoint_container (part));
  add_string (doc, object, "naming", qi_checkpoint_naming (part));
  yyjson_mut_obj_add_uint (doc, object, "tensors", qi_checkpoint_n_tensors (part));
  yyjson_mut_obj_add_uint (doc, object, "bytes", qi_checkpoint_bytes (part));
  Value *dtypes = yyjson_mut_obj_add_arr (doc, object, "dtypes");
  for (guint i = 0; i < QI_N_DTYPES; i++)
    if (h.tensors[i] > 0)
      {
        Value *row = yyjson_mut_arr_add_obj (doc, dtypes);
        add_string (doc, row, "dtype", qi_dtype_info (i)->name);
        yyjson_mut_obj_add_uint (doc, row, "tensors", h.tensors[i]);
        yyjson_mut_obj_add_uint (doc, row, "bytes", h.bytes[i]);
      }
  Value *meta = yyjson_mut_obj_add_obj (doc, object, "metadata");
  for (guint i = 0; i < G_N_ELEMENTS (metadata); i++)
    {
      const char *value;
      if (qi_checkpoint_meta_string (part, metadata[i], &value))
        add_string (doc, meta, metadata[i], value);
    }
  add_config (doc, object, set, component);
}

static void
add_variant (Doc *doc, Value *root, const QiModelSet *set)
{
  const QiVariant *variant = set->variant;
  Value *object = yyjson_mut_obj_add_obj (doc, root, "variant");

  add_string (doc, object, "name", variant->name);
  add_string (doc, object, "title", variant->title);
  add_string (doc, object, "rule", set->variant_rule);
  add_string (doc, object, "template", template_name (variant->prompt_template));
  yyjson_mut_obj_add_bool (doc, object, "edits", variant->edits);
  yyjson_mut_obj_add_bool (doc, object, "layered", variant->layered);
  yyjson_mut_obj_add_uint (doc, object, "width", set->width);
  yyjson_mut_obj_add_uint (doc, object, "height", set->height);
}

static void
add_scheduler (Doc *doc, Value *root, const QiModelSet *set)
{
  const QiSchedulerConfig *c = &set->scheduler_config;
  Value *object = yyjson_mut_obj_add_obj (doc, root, "scheduler");

  add_string (doc, object, "from", set->scheduler_from);
  add_string (doc, object, "shift_type", c->shift_type == QI_SHIFT_LINEAR ? "linear" : "exponential");
  yyjson_mut_obj_add_bool (doc, object, "dynamic", c->dynamic);
  yyjson_mut_obj_add_real (doc, object, "shift", c->shift);
  yyjson_mut_obj_add_real (doc, object, "base_shift", c->base_shift);
  yyjson_mut_obj_add_real (doc, object, "max_shift", c->max_shift);
  yyjson_mut_obj_add_real (doc, object, "base_len", c->base_len);
  yyjson_mut_obj_add_real (doc, object, "max_len", c->max_len);
  yyjson_mut_obj_add_real (doc, object, "shift_terminal", c->shift_terminal);
}

static void
add_tokenizer (Doc *doc, Value *root, const QiModelSet *set)
{
  if (set->tokenizer == NULL)
    {
      yyjson_mut_obj_add_null (doc, root, "tokenizer");
      return;
    }
  Value *object = yyjson_mut_obj_add_obj (doc, root, "tokenizer");
  add_string (doc, object, "source", qi_tokenizer_source (set->tokenizer));
  add_string (doc, object, "path", set->tokenizer_path);
  yyjson_mut_obj_add_uint (doc, object, "max_id", qi_tokenizer_max_id (set->tokenizer));
}

static void
add_problems (Doc *doc, Value *root, const QiModelSet *set, const char *key, gboolean missing)
{
  Value *array = yyjson_mut_obj_add_arr (doc, root, key);

  for (guint i = 0; i < set->problems->len; i++)
    {
      const QiModelProblem *problem = set->problems->pdata[i];
      if (problem->missing != missing)
        continue;
      Value *row = yyjson_mut_arr_add_obj (doc, array);
      add_string (doc, row, "part", problem->part);
      add_string (doc, row, "sentence", problem->sentence);
    }
}

char *
qi_model_report_json (const QiModelSet *set)
{
  g_return_val_if_fail (set != NULL, NULL);

  Doc *doc = yyjson_mut_doc_new (NULL);
  Value *root = yyjson_mut_obj (doc);
  yyjson_mut_doc_set_root (doc, root);
  add_string (doc, root, "path", set->path);
  add_string (doc, root, "name", set->name);
  yyjson_mut_obj_add_bool (doc, root, "complete", qi_model_set_require (set, set->variant->edits, NULL));
  add_variant (doc, root, set);
  Value *parts = yyjson_mut_obj_add_obj (doc, root, "parts");
  for (QiComponent component = 0; component < QI_N_COMPONENTS; component++)
    add_part (doc, parts, set, component);
  add_tokenizer (doc, root, set);
  add_scheduler (doc, root, set);
  add_problems (doc, root, set, "missing", TRUE);
  add_problems (doc, root, set, "problems", FALSE);

  return write_doc (doc);
}

static void
add_lora (Doc *doc, Value *array, const QiLoras *loras, guint i)
{
  const QiLoraInfo *info = qi_loras_info (loras, i);
  Value *o = yyjson_mut_arr_add_obj (doc, array);

  add_string (doc, o, "name", info->name);
  yyjson_mut_obj_add_real (doc, o, "strength", info->strength);
  yyjson_mut_obj_add_str (doc, o, "format", info->format);
  add_string (doc, o, "made_for", info->made_for);
  yyjson_mut_obj_add_uint (doc, o, "parts", info->n_parts);
  yyjson_mut_obj_add_uint (doc, o, "matched", info->n_matched);
  yyjson_mut_obj_add_uint (doc, o, "keys", info->n_keys);
  add_names (doc, o, "unused_keys", "unused_count", qi_loras_unused (loras, i));
  yyjson_mut_obj_add_uint (doc, o, "min_rank", info->min_rank);
  yyjson_mut_obj_add_uint (doc, o, "max_rank", info->max_rank);
  yyjson_mut_obj_add_uint (doc, o, "few_steps", info->few_steps);
}

char *
qi_lora_report_json (const char *lines, const QiModelSet *set, GError **error)
{
  g_autoptr (QiLoras) loras = qi_loras_open (lines, set, error);
  Doc *doc;
  Value *root;

  if (loras == NULL)
    return NULL;
  doc = yyjson_mut_doc_new (NULL);
  root = yyjson_mut_arr (doc);
  yyjson_mut_doc_set_root (doc, root);
  for (guint i = 0; i < qi_loras_n (loras); i++)
    add_lora (doc, root, loras, i);
  return write_doc (doc);
}

/* --- text --- */

/* One line, after what the part's tensors are. */
static void
describe_config (GString *out, const QiModelSet *set, QiComponent component)
{
  const QiMmditConfig *m = &set->mmdit_config;
  const QiTextConfig *t = &set->text_config;
  const QiVisionConfig *s = &set->vision_config;
  const QiVaeConfig *v = &set->vae_config;
  const char *from = config_from (set, component);

  g_string_append (out, "    ");
  if (from == NULL)
    g_string_append (out, "geometry not known");
  else if (component == QI_COMPONENT_TRANSFORMER)
    g_string_append_printf (out, "%u layers, %u heads × %u (%u + %u + %u), text width %u%s", m->n_layers, m->n_heads,
                            m->head_dim, m->axes[0], m->axes[1], m->axes[2], m->text_dim,
                            m->zero_cond_t ? ", references at timestep 0" : "");
  else if (component == QI_COMPONENT_TEXT_ENCODER)
    g_string_append_printf (out, "%u layers, %u / %u heads × %u, width %u, %u tokens", t->n_layers, t->n_heads, t->n_kv_heads,
                            t->head_dim, t->width, t->vocabulary);
  else if (component == QI_COMPONENT_VISION)
    g_string_append_printf (out, "%u layers, %u heads, width %u, windows of %u px", s->n_layers, s->n_heads, s->width,
                            s->window);
  else
    g_string_append_printf (out, "base %u, %u latent channels, %u picture channels", v->base_dim, v->z_dim, v->image_channels);
  if (from != NULL)
    g_string_append_printf (out, " (from: %s)", from);
  g_string_append (out, "\n");
}

static void
describe_part (GString *out, const QiModelSet *set, QiComponent component)
{
  const QiCheckpoint *part = qi_model_set_part (set, component);
  if (part == NULL)
    return;

  const Histogram h = count_dtypes (part);
  g_autofree char *path = clean (qi_checkpoint_path (part));
  g_autofree char *size = g_format_size (qi_checkpoint_bytes (part));
  g_string_append_printf (out, "%s: %s\n    %s, %s names, %u tensors, %s:", qi_component_name (component), path,
                          qi_checkpoint_container (part), qi_checkpoint_naming (part), qi_checkpoint_n_tensors (part), size);
  for (guint i = 0; i < QI_N_DTYPES; i++)
    if (h.tensors[i] > 0)
      g_string_append_printf (out, " %s × %u", qi_dtype_info (i)->name, h.tensors[i]);
  g_string_append (out, "\n");
  describe_config (out, set, component);

  if (config_from (set, component) == NULL)
    return;
  g_autoptr (QiTensorCheck) check = qi_tensor_check_new (set, component);
  if (check->foreign->len > 0)
    {
      g_autofree char *first = clean (check->foreign->pdata[0]);
      g_string_append_printf (out, "    %u unknown tensors, which are not used; the first is %s\n", check->foreign->len, first);
    }
}

char *
qi_model_report_text (const QiModelSet *set)
{
  g_return_val_if_fail (set != NULL, NULL);

  GString *out = g_string_new (NULL);
  g_autofree char *name = clean (set->name);
  g_string_append_printf (out, "%s: %s (from: %s), %u × %u pixels by default\n", name, set->variant->title, set->variant_rule,
                          set->width, set->height);
  for (QiComponent component = 0; component < QI_N_COMPONENTS; component++)
    describe_part (out, set, component);
  if (set->tokenizer != NULL)
    {
      g_autofree char *path = clean (set->tokenizer_path != NULL ? set->tokenizer_path : "in the text encoder");
      g_string_append_printf (out, "tokenizer: %s (%s)\n", path, qi_tokenizer_source (set->tokenizer));
    }
  g_string_append_printf (out, "schedule: %s, %s%g … %g%s (from: %s)\n",
                          set->scheduler_config.shift_type == QI_SHIFT_LINEAR ? "linear" : "exponential",
                          set->scheduler_config.dynamic ? "shift " : "fixed, ", set->scheduler_config.base_shift,
                          set->scheduler_config.max_shift,
                          set->scheduler_config.shift_terminal > 0.0 ? ", stretched to its terminal" : "",
                          set->scheduler_from);
  for (guint i = 0; i < set->problems->len; i++)
    {
      const QiModelProblem *problem = set->problems->pdata[i];
      g_autofree char *sentence = clean (problem->sentence);
      g_string_append_printf (out, "%s: %s\n", problem->missing ? "missing" : "problem", sentence);
    }
  return g_string_free (out, FALSE);
}
