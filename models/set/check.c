/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/set/check.h"

#include <string.h>

#include "base/error.h"

#include "models/set/expected.h"

void
qi_model_add_problem (QiModelSet *set, const char *part, gboolean missing, gint code, char *sentence)
{
  QiModelProblem *problem = g_new (QiModelProblem, 1);

  *problem = (QiModelProblem){ part, missing, code, sentence };
  g_ptr_array_add (set->problems, problem);
}

/* How each part is supplied when it was not found. */
static const char *const advice[QI_N_COMPONENTS] = {
  [QI_COMPONENT_TRANSFORMER] = "name its file or folder with --model or --transformer",
  [QI_COMPONENT_TEXT_ENCODER] = ("put Qwen2.5-VL beside the model (or into a folder text_encoders), or name it with "
                                 "--text-encoder"),
  [QI_COMPONENT_VISION] = "take a text encoder with its vision tower, or name an mmproj file with --vision",
  [QI_COMPONENT_VAE] = "put the VAE beside the model (or into a folder vae), or name it with --vae",
};

static void
check_presence (QiModelSet *set, const QiModelSearch *search)
{
  for (QiComponent component = 0; component < QI_N_COMPONENTS; component++)
    {
      const char *note = search->passed_over[component];
      const char *name = qi_component_name (component);
      if (qi_model_set_part (set, component) == NULL)
        qi_model_add_problem (set, name, TRUE, QI_ERROR_BAD_CHECKPOINT,
                              g_strdup_printf ("The %s of “%s” is missing: %s.%s%s", name, set->path, advice[component],
                                               note != NULL ? " A file was passed over: " : "", note != NULL ? note : ""));
    }
  if (set->tokenizer == NULL)
    qi_model_add_problem (set, "tokenizer", TRUE, QI_ERROR_BAD_CHECKPOINT,
                          g_strdup_printf ("The tokenizer of “%s” is missing: put tokenizer.json (or vocab.json and "
                                           "merges.txt) into a folder tokenizer beside the model, name it with --tokenizer, "
                                           "or take a GGUF text encoder, which brings its own.",
                                           set->path));
}

/* Two parts that must have equal widths. */
static void
check_equal (QiModelSet *set, const char *part, const char *what, guint have, const char *other, guint want)
{
  if (have != want)
    qi_model_add_problem (set, part, FALSE, QI_ERROR_BAD_CHECKPOINT,
                          g_strdup_printf ("The %s does not belong to the %s: %s %u, where %u is wanted; they come from "
                                           "different models.",
                                           part, other, what, have, want));
}

static void
check_fit (QiModelSet *set)
{
  const gboolean net = set->mmdit_from != NULL;

  if (net && set->text_from != NULL)
    check_equal (set, "text encoder", "its width is", set->text_config.width, "transformer", set->mmdit_config.text_dim);
  if (net && set->vae_from != NULL)
    {
      check_equal (set, "VAE", "four times its latent channels are", 4 * set->vae_config.z_dim, "transformer",
                   set->mmdit_config.in_channels);
      /* Pictures without layers may come from a VAE with transparency; theirs is left out. */
      if (set->variant->layered || set->vae_config.image_channels != 4)
        check_equal (set, "VAE", "its pictures have channels:", set->vae_config.image_channels, "transformer",
                     set->variant->layered ? 4 : 3);
    }
  if (set->text_from != NULL && set->vision_from != NULL)
    check_equal (set, "vision tower", "its output has a width of", set->vision_config.out_dim, "text encoder",
                 set->text_config.width);
  if (set->tokenizer != NULL && set->text_from != NULL && qi_tokenizer_max_id (set->tokenizer) >= set->text_config.vocabulary)
    qi_model_add_problem (set, "tokenizer", FALSE, QI_ERROR_BAD_CHECKPOINT,
                          g_strdup_printf ("The tokenizer (%s) does not belong to the text encoder: it knows ids up to %u, "
                                           "the encoder %u tokens.",
                                           set->tokenizer_path != NULL ? set->tokenizer_path : "in its metadata",
                                           qi_tokenizer_max_id (set->tokenizer), set->text_config.vocabulary));
}

static void
check_tensors (QiModelSet *set, QiComponent component, const char *from)
{
  if (from == NULL)
    return;

  g_autoptr (QiTensorCheck) check = qi_tensor_check_new (set, component);
  const QiCheckpoint *part = qi_model_set_part (set, component);
  if (check->missing->len > 0)
    qi_model_add_problem (set, qi_component_name (component), FALSE, QI_ERROR_BAD_CHECKPOINT,
                          g_strdup_printf ("“%s” lacks %u of the %u tensors of a %s, “%s” first; the file is incomplete.",
                                           qi_checkpoint_path (part), check->missing->len, check->n_expected,
                                           qi_component_name (component), (char *) check->missing->pdata[0]));
  if (check->wrong->len > 0)
    qi_model_add_problem (set, qi_component_name (component), FALSE, QI_ERROR_BAD_CHECKPOINT,
                          g_strdup_printf ("In “%s” %s, as the rest of the file has it; it is damaged.",
                                           qi_checkpoint_path (part), (char *) check->wrong->pdata[0]));
}

void
qi_model_check (QiModelSet *set, const QiModelSearch *search)
{
  check_tensors (set, QI_COMPONENT_TRANSFORMER, set->mmdit_from);
  check_tensors (set, QI_COMPONENT_TEXT_ENCODER, set->text_from);
  check_tensors (set, QI_COMPONENT_VISION, set->vision_from);
  check_tensors (set, QI_COMPONENT_VAE, set->vae_from);
  check_fit (set);
  check_presence (set, search);
}
