/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/variants.h"

#include <string.h>

#include "base/error.h"

/* Rows of quality: fast, balanced, best, maximum. Few-step add-ons (4 and 8 steps, distilled with guidance) replace the
 * first two; guidance below the authors' 4 costs some obedience and saves steps. The authors run 50 steps, 40 for 2509
 * and 2511; there is no add-on for Layered. */
#define QUALITY(n_max) { { 8, 1.0 }, { 12, 2.5 }, { 20, 2.5 }, { n_max, 4.0 } }
#define FEW_STEPS(n_max) { { 4, 1.0 }, { 8, 1.0 }, { 20, 2.5 }, { n_max, 4.0 } }

#define DEMO_QUALITY { { 8, 1.0 }, { 12, 2.5 }, { 20, 2.5 }, { 40, 2.5 } }

#define ADVICE_2512 \
  "低分辨率，低画质，肢体畸形，手指畸形，画面过饱和，蜡像感，人脸无细节，过度光滑，画面具有AI感。构图混乱。文字模糊，扭曲。"

enum { QWEN_IMAGE, QWEN_IMAGE_2512, EDIT, EDIT_2509, EDIT_2511, LAYERED, DEMO, DEMO_LAYERED, GENERIC, N_ROWS };

static const QiVariant rows[N_ROWS] = {
  [QWEN_IMAGE] = { .name = "qwen-image", .title = "Qwen-Image", .prompt_template = QI_TEMPLATE_IMAGE, .width = 1328,
                   .height = 1328, .quality = QUALITY (50), .few_steps = FEW_STEPS (50), .negative_prompt = " " },
  [QWEN_IMAGE_2512] = { .name = "qwen-image-2512", .title = "Qwen-Image-2512", .prompt_template = QI_TEMPLATE_IMAGE,
                        .width = 1328, .height = 1328, .quality = QUALITY (50), .few_steps = FEW_STEPS (50),
                        .negative_prompt = " ", .negative_advice = ADVICE_2512 },
  [EDIT] = { .name = "edit", .title = "Qwen-Image-Edit", .prompt_template = QI_TEMPLATE_EDIT, .edits = TRUE, .width = 1024,
             .height = 1024, .quality = QUALITY (50), .few_steps = FEW_STEPS (50), .negative_prompt = " " },
  [EDIT_2509] = { .name = "edit-2509", .title = "Qwen-Image-Edit-2509", .prompt_template = QI_TEMPLATE_EDIT_PLUS,
                  .edits = TRUE, .width = 1024, .height = 1024, .quality = QUALITY (40), .few_steps = FEW_STEPS (40),
                  .negative_prompt = " " },
  [EDIT_2511] = { .name = "edit-2511", .title = "Qwen-Image-Edit-2511", .prompt_template = QI_TEMPLATE_EDIT_PLUS,
                  .edits = TRUE, .zero_cond_t = TRUE, .width = 1024, .height = 1024, .quality = QUALITY (40),
                  .few_steps = FEW_STEPS (40), .negative_prompt = " " },
  [LAYERED] = { .name = "layered", .title = "Qwen-Image-Layered", .prompt_template = QI_TEMPLATE_IMAGE, .layered = TRUE,
                .width = 640, .height = 640, .quality = QUALITY (50), .few_steps = QUALITY (50), .negative_prompt = " " },
  /* Comes with the project (demo/). Its transformer has learned all tasks: words alone in the plain template, pictures in that of
   * Edit-2509. Knows no pictures of other sizes, and needs no more than these steps. */
  [DEMO] = { .name = "demo", .title = "the demo model", .prompt_template = QI_TEMPLATE_EDIT_PLUS, .edits = TRUE, .width = 192,
             .height = 192, .quality = DEMO_QUALITY, .few_steps = DEMO_QUALITY, .negative_prompt = " " },
  /* Its other transformer, in its folder layered: the prompt means nothing to it, so that guidance is of no use. */
  [DEMO_LAYERED] = { .name = "demo-layered", .title = "the demo model's transformer for splits", .prompt_template = QI_TEMPLATE_IMAGE,
                     .layered = TRUE, .width = 128, .height = 128,
                     .quality = { { 8, 1.0 }, { 12, 1.0 }, { 20, 1.0 }, { 40, 1.0 } },
                     .few_steps = { { 8, 1.0 }, { 12, 1.0 }, { 20, 1.0 }, { 40, 1.0 } }, .negative_prompt = " " },
  [GENERIC] = { .name = "generic", .title = "a model of the Qwen-Image family", .prompt_template = QI_TEMPLATE_IMAGE,
                .width = 256, .height = 256, .quality = QUALITY (50), .few_steps = FEW_STEPS (50), .negative_prompt = " " },
};

/* Pipelines of model_index.json that are this family's, and the variant that our own file names. */
static const struct
{
  const char *class_name;
  guint row;
} classes[] = {
  { "QwenImagePipeline", QWEN_IMAGE },
  { "QwenImageImg2ImgPipeline", QWEN_IMAGE },
  { "QwenImageInpaintPipeline", QWEN_IMAGE },
  { "QwenImageControlNetPipeline", QWEN_IMAGE },
  { "QwenImageControlNetInpaintPipeline", QWEN_IMAGE },
  { "QwenImageEditPipeline", EDIT },
  { "QwenImageEditInpaintPipeline", EDIT },
  { "QwenImageEditPlusPipeline", EDIT_2509 },
  { "QwenImageLayeredPipeline", LAYERED },
  { "demo", DEMO },
};

/* Parts of file names, lower case, the more telling ones first. The tensors of 2509, 2512, Edit and Qwen-Image have equal
 * names and shapes: a single file's name is all there is. */
static const struct
{
  const char *part;
  guint row;
} hints[] = {
  { "layered", LAYERED },       { "2511", EDIT_2511 },      { "2509", EDIT_2509 }, { "2512", QWEN_IMAGE_2512 },
  { "edit-plus", EDIT_2509 },   { "edit_plus", EDIT_2509 }, { "editplus", EDIT_2509 },
  { "rapid-aio", EDIT_2509 },   { "rapid_aio", EDIT_2509 }, { "edit", EDIT },
  { "qwen-image", QWEN_IMAGE }, { "qwen_image", QWEN_IMAGE },
};

static const QiVariant *
find_by_text (const char *text)
{
  g_autofree char *lower = g_ascii_strdown (text, -1);

  for (guint i = 0; i < G_N_ELEMENTS (hints); i++)
    if (strstr (lower, hints[i].part) != NULL)
      return &rows[hints[i].row];
  return NULL;
}

/* By the file's own name; then by its folder's, where that is about Qwen at all ("~/edit/x.safetensors" says nothing). */
static const QiVariant *
find_by_name (const char *path)
{
  if (path == NULL)
    return NULL;

  g_autofree char *name = g_path_get_basename (path);
  const QiVariant *row = find_by_text (name);
  if (row != NULL)
    return row;

  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *folder_name = g_path_get_basename (folder);
  g_autofree char *lower = g_ascii_strdown (folder_name, -1);
  return strstr (lower, "qwen") != NULL ? find_by_text (folder_name) : NULL;
}

/* Between variants of one pipeline only a date in the name tells. */
static const QiVariant *
refine (const QiVariant *row, const QiVariantClues *clues)
{
  const QiVariant *named = find_by_name (clues->model);

  if (named == NULL)
    named = find_by_name (clues->transformer);
  if (row == &rows[QWEN_IMAGE] && named == &rows[QWEN_IMAGE_2512])
    return named;
  return row;
}

static const QiVariant *
find_by_class (const QiVariantClues *clues, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
    if (strcmp (clues->class_name, classes[i].class_name) == 0)
      return refine (&rows[classes[i].row], clues);
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "“%s” is a model of the pipeline “%.80s”; only Qwen-Image 1.x, its Edit models and Layered can be run.",
               clues->model != NULL ? clues->model : "This", clues->class_name);
  return NULL;
}

static const QiVariant *
find_asked_for (const char *name, GError **error)
{
  const QiVariant *row = qi_variant_by_name (name);

  if (row == NULL)
    {
      g_autoptr (GString) known = g_string_new (NULL);
      for (guint i = 0; i < N_ROWS; i++)
        g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", rows[i].name);
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no variant “%.80s”; there are %s.", name, known->str);
    }
  return row;
}

const QiVariant *
qi_variant_find (const QiVariantClues *clues, const char **rule, GError **error)
{
  const QiMmditConfig *config = clues->config;
  const QiVariant *row;

  if (clues->asked_for != NULL)
    {
      *rule = "asked for";
      return find_asked_for (clues->asked_for, error);
    }
  row = clues->class_name != NULL ? find_by_class (clues, error) : NULL;
  if (clues->class_name != NULL && row == NULL)
    return NULL;
  if (config != NULL && config->additional_t_cond)
    {
      *rule = "tensors";
      return row == &rows[DEMO] ? &rows[DEMO_LAYERED] : &rows[LAYERED];
    }
  if (config != NULL && config->zero_cond_t)
    {
      *rule = config->zero_cond_t_from;
      return &rows[EDIT_2511];
    }
  if (row != NULL)
    {
      *rule = "model_index.json";
      return row;
    }
  *rule = "file name";
  row = find_by_name (clues->transformer);
  if (row == NULL)
    row = find_by_name (clues->model);
  if (row != NULL && (row != &rows[QWEN_IMAGE] || config == NULL || config->n_heads * config->head_dim == QI_RELEASED_WIDTH))
    return row;
  if (config != NULL && config->n_heads * config->head_dim == QI_RELEASED_WIDTH)
    {
      *rule = "released geometry";
      return &rows[QWEN_IMAGE];
    }
  *rule = "nothing else fits";
  return &rows[GENERIC];
}

const QiVariant *
qi_variant_by_name (const char *name)
{
  for (guint i = 0; i < N_ROWS; i++)
    if (strcmp (rows[i].name, name) == 0)
      return &rows[i];
  return NULL;
}

guint
qi_variant_n_rows (void)
{
  return N_ROWS;
}

const QiVariant *
qi_variant_row (guint i)
{
  g_return_val_if_fail (i < N_ROWS, NULL);

  return &rows[i];
}

const QiVariantQuality *
qi_variant_quality (const QiVariant *variant, QiQuality quality, gboolean few_steps)
{
  g_return_val_if_fail (variant != NULL && quality <= QI_QUALITY_MAXIMUM, NULL);

  return few_steps ? &variant->few_steps[quality] : &variant->quality[quality];
}
