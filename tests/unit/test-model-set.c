/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the parts of a model in every layout people have, and telling which model it is. */
#include "models/model-choice.h"

#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "tests/unit/model-fixture.h"

#define LAYERED_TABLE "time_text_embed.addition_t_embedding.weight 2 3072\n"

/* --- layouts --- */

static void
diffusers (void)
{
  g_autofree char *transformer = g_build_filename (base, "transformer", NULL);
  const char *const models[] = { base, transformer }; /* one of its folders is as good as the whole */

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autoptr (QiModelSet) set = OPEN (.model = models[i]);
      assert_complete (set);
      g_assert_cmpstr (set->mmdit_from, ==, "config.json");
      g_assert_cmpstr (set->text_from, ==, "config.json");
      g_assert_cmpstr (set->vision_from, ==, "config.json");
      g_assert_cmpstr (set->vae_from, ==, "config.json");
      g_assert_cmpstr (set->scheduler_from, ==, "scheduler_config.json");
      g_assert_cmpstr (set->variant->name, ==, "qwen-image");
      g_assert_cmpstr (set->variant_rule, ==, "model_index.json");
      g_assert_cmpuint (set->width, ==, 256); /* not 1328: the widths are not the released ones */
      g_assert_cmpstr (qi_tokenizer_source (set->tokenizer), ==, "tokenizer.json");
    }
}

static void
sharded (void)
{
  g_autofree char *model = in_variants ("sharded");
  g_autoptr (QiModelSet) set = OPEN (.model = model);

  assert_complete (set);
  g_assert_cmpstr (qi_checkpoint_container (set->transformer), ==, "sharded safetensors");
}

/* The folders of ComfyUI side by side: named by the transformer, or by the folder of them all. */
static void
comfyui (void)
{
  g_autofree char *config = in_variants ("config");
  g_autofree char *folder = in_variants ("comfyui");
  g_autofree char *file = g_build_filename (folder, "diffusion_models", "qwen_image_bf16.safetensors", NULL);
  const char *const models[] = { file, folder };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autoptr (QiModelSet) set = OPEN (.model = models[i], .config = config);
      assert_complete (set);
      g_assert_cmpstr (set->mmdit_from, ==, "--config");
      g_assert_cmpstr (set->vae_from, ==, "--config");
      g_assert_cmpstr (set->scheduler_from, ==, "--config");
      g_assert_cmpstr (qi_checkpoint_naming (set->vae), ==, "wan");
      g_assert_cmpstr (set->found[QI_COMPONENT_VAE], ==, "beside");

      g_autoptr (QiModelSet) blind = OPEN (.model = models[i]);
      g_assert_null (blind->mmdit_from);
      g_assert_nonnull (blind->vae);
      assert_unusable (blind, QI_ERROR_BAD_CHECKPOINT, "--config");
    }
}

static void
all_in_one (void)
{
  g_autofree char *config = in_variants ("config");
  g_autofree char *model = in_variants ("all-in-one.safetensors");
  g_autofree char *tokenizer = g_build_filename (base, "tokenizer", NULL);
  g_autoptr (QiModelSet) set = OPEN (.model = model, .config = config, .tokenizer = tokenizer);

  assert_complete (set);
  g_assert_cmpstr (qi_checkpoint_path (set->vae), ==, model);
  g_assert_cmpstr (qi_checkpoint_path (set->vision), ==, model);
  g_assert_cmpstr (set->found[QI_COMPONENT_VAE], ==, "same file");
}

/* A text encoder in GGUF brings geometry and tokenizer; a tower beside it is found. */
static void
gguf (void)
{
  static const char *const types[] = { "f32", "f16", "bf16", "q8_0", "q4_0" };
  g_autofree char *config = in_variants ("config");
  g_autofree char *text = in_variants ("text/bf16.gguf");
  g_autofree char *tower = in_variants ("text/mmproj-f32.gguf");
  g_autofree char *no_window = in_variants ("text/mmproj-f32-no-window.gguf");
  g_autofree char *vae = in_variants ("vae/folded.gguf");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autofree char *name = g_strdup_printf ("transformer/%s.gguf", types[i]);
      g_autofree char *model = in_variants (name);
      g_autoptr (QiModelSet) set = OPEN (.model = model, .text_encoder = text, .vision = tower, .vae = vae, .config = config);
      assert_complete (set);
      g_assert_cmpstr (qi_checkpoint_container (set->transformer), ==, "gguf");
      g_assert_cmpstr (set->text_from, ==, "GGUF metadata");
      g_assert_cmpstr (set->vision_from, ==, "GGUF metadata");
      g_assert_cmpstr (qi_tokenizer_source (set->tokenizer), ==, "gguf");
      g_assert_null (set->tokenizer_path);
      g_assert_cmpuint (set->text_config.sections[0] * 100 + set->text_config.sections[1] * 10 + set->text_config.sections[2],
                        ==, 233);
      g_assert_true (set->vision_config.full_attention[1] && set->vision_config.full_attention[3]);
      g_assert_false (set->vision_config.full_attention[0] || set->vision_config.full_attention[2]);
    }
  g_autoptr (QiModelSet) blind = OPEN (.text_encoder = text, .vision = no_window);
  g_assert_nonnull (blind->text_from);
  g_assert_null (blind->vision_from);
  g_autoptr (QiModelSet) told = OPEN (.text_encoder = text, .vision = no_window, .config = config);
  g_assert_cmpstr (told->vision_from, ==, "--config");
  g_assert_cmpuint (told->vision_config.window, ==, 112);
}

/* Every way to store the transformer opens with every one of its tensors accounted for. */
static void
stored_otherwise (void)
{
  static const char *const names[] = { "bf16", "f32", "f16", "prefixed", "marker-2511", "fp8-plain", "fp8-e5m2", "fp8-scaled",
                                       "fp8-mixed" };
  static const char *const texts[] = { "bf16", "f32", "language-model", "fp8-scaled" };
  static const char *const vaes[] = { "wan", "wan-f32", "wan-2d" };
  g_autofree char *config = in_variants ("config");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *name = g_strdup_printf ("transformer/%s.safetensors", names[i]);
      g_autofree char *text_name = g_strdup_printf ("text/%s.safetensors", texts[i % G_N_ELEMENTS (texts)]);
      g_autofree char *vae_name = g_strdup_printf ("vae/%s.safetensors", vaes[i % G_N_ELEMENTS (vaes)]);
      g_autofree char *model = in_variants (name), *text = in_variants (text_name), *vae = in_variants (vae_name);
      g_autofree char *tokenizer = g_build_filename (base, "tokenizer", NULL);
      g_autoptr (QiModelSet) set = OPEN (.transformer = model, .text_encoder = text, .vae = vae, .tokenizer = tokenizer,
                                         .config = config);
      assert_complete (set);
    }
}

/* --- which model it is --- */

static void
assert_variant (const QiModelSet *set, const char *name, const char *rule)
{
  g_assert_cmpstr (set->variant->name, ==, name);
  g_assert_cmpstr (set->variant_rule, ==, rule);
}

static void
zero_cond_t (void)
{
  g_autofree char *config = g_build_filename (base, "transformer", "config.json", NULL);
  g_autofree char *marked = in_variants ("transformer/marker-2511.safetensors");
  g_autofree char *plain = in_variants ("transformer/bf16.safetensors");
  g_autofree char *named = in_scratch ("qwen-image-edit-2511-Q8_0.safetensors");
  copy (marked, "marked/renamed.safetensors");
  g_autofree char *renamed = in_scratch ("marked/renamed.safetensors");
  copy (plain, "qwen-image-edit-2511-Q8_0.safetensors");

  g_autoptr (QiModelSet) by_marker = OPEN (.model = renamed, .config = config);
  assert_variant (by_marker, "edit-2511", "marker");
  g_assert_true (by_marker->mmdit_config.zero_cond_t);

  g_autoptr (QiModelSet) by_name = OPEN (.model = named, .config = config);
  assert_variant (by_name, "edit-2511", "file name");
  g_assert_true (by_name->mmdit_config.zero_cond_t);

  g_autoptr (QiModelSet) overruled = OPEN (.model = named, .config = config, .variant = "edit-2509");
  assert_variant (overruled, "edit-2509", "asked for");
  g_assert_false (overruled->mmdit_config.zero_cond_t);

  g_autoptr (QiModelSet) asked = OPEN (.model = plain, .config = config, .variant = "edit-2511");
  g_assert_true (asked->mmdit_config.zero_cond_t);
  g_assert_cmpstr (asked->mmdit_config.zero_cond_t_from, ==, "asked for");

  REFUSE (QI_ERROR_BAD_REQUEST, "edit-2509", .model = plain, .variant = "edit-2599");
  REFUSE (QI_ERROR_BAD_REQUEST, "Layered", .model = plain, .config = config, .variant = "layered");
}

/* Names of files and folders as they are on the net, all of the released widths. */
static void
names (void)
{
  static const struct
  {
    const char *file, *variant, *rule;
    gboolean layered;
  } rows[] = {
    { "qwen_image_bf16.safetensors", "qwen-image", "file name" },
    { "qwen_image_2512_fp8_e4m3fn.safetensors", "qwen-image-2512", "file name" },
    { "qwen_image_edit_fp8_e4m3fn.safetensors", "edit", "file name" },
    { "qwen_image_edit_2509_bf16.safetensors", "edit-2509", "file name" },
    { "Qwen-Image-Edit-2511-Q4_K_M.safetensors", "edit-2511", "file name" },
    { "Qwen-Image-Edit-Rapid-AIO.safetensors", "edit-2509", "file name" },
    { "Qwen-Image-Edit-2509-GGUF/model-q8.safetensors", "edit-2509", "file name" },
    { "edit/mine.safetensors", "qwen-image", "released geometry" },
    { "whatever.safetensors", "layered", "tensors", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("names-%u/%s", i, rows[i].file);
      g_autofree char *model = write_tensors (name, rows[i].layered ? RELEASED_NET LAYERED_TABLE : RELEASED_NET);
      g_autoptr (QiModelSet) set = OPEN (.model = model);
      assert_variant (set, rows[i].variant, rows[i].rule);
      g_assert_cmpstr (set->mmdit_from, ==, "released geometry");
      g_assert_cmpuint (set->mmdit_config.axes[0] * 10000 + set->mmdit_config.axes[1] * 100 + set->mmdit_config.axes[2], ==,
                        165656);
      g_assert_cmpint (set->mmdit_config.layer3d_rope, ==, rows[i].layered);
      g_assert_cmpint (set->scheduler_config.shift_type, ==, rows[i].layered ? QI_SHIFT_LINEAR : QI_SHIFT_EXPONENTIAL);
      g_assert_cmpfloat (set->scheduler_config.shift_terminal, ==, rows[i].layered ? 0.0 : 0.02);
      g_assert_cmpuint (set->width, ==, set->variant->width);
    }
}

static void
table (void)
{
  for (guint i = 0; i < qi_variant_n_rows (); i++)
    {
      const QiVariant *row = qi_variant_row (i);
      g_assert_true (qi_variant_by_name (row->name) == row);
      g_assert_true (row->width % 16 == 0 && row->height % 16 == 0);
      g_assert_cmpstr (row->negative_prompt, ==, " ");
      for (guint few = 0; few < 2; few++)
        for (QiQuality q = QI_QUALITY_FAST; q <= QI_QUALITY_MAXIMUM; q++)
          {
            const QiVariantQuality *quality = qi_variant_quality (row, q, few);
            g_assert_cmpuint (quality->steps, >=, 4);
            g_assert_cmpfloat (quality->guidance, >=, 1.0);
            if (q > QI_QUALITY_FAST) /* better costs more */
              g_assert_cmpuint (quality->steps, >, qi_variant_quality (row, q - 1, few)->steps);
          }
    }
  const QiVariant *image = qi_variant_by_name ("qwen-image");
  g_assert_cmpuint (qi_variant_quality (image, QI_QUALITY_FAST, TRUE)->steps, ==, 4);
  g_assert_cmpuint (qi_variant_quality (image, QI_QUALITY_BALANCED, FALSE)->steps, ==, 12);
  g_assert_cmpfloat (qi_variant_quality (image, QI_QUALITY_BALANCED, FALSE)->guidance, ==, 2.5);
  g_assert_cmpuint (qi_variant_quality (image, QI_QUALITY_MAXIMUM, FALSE)->steps, ==, 50);
  g_assert_cmpuint (image->width, ==, 1328);
}

/* --- a second transformer --- */

/* The tiny model that draws and brings a transformer that splits, to be changed. (transfer full) */
static char *
write_pair (const char *name)
{
  static const char *const parts[] = { "transformer", "vae", "text_encoder", "tokenizer", "layered" };
  g_autofree char *pair = g_build_filename (base, "..", "pair", NULL);
  g_autofree char *index = g_build_filename (pair, "model_index.json", NULL), *to = g_build_filename (name, "model_index.json", NULL);

  copy (index, to);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *from = g_build_filename (pair, parts[i], NULL), *part = g_build_filename (name, parts[i], NULL);
      copy_folder (from, part);
    }
  return in_scratch (name);
}

/* The paths of a task. */
static QiModelPaths
chosen (QiModelPaths paths, QiTask task, GPtrArray *strings)
{
  qi_model_choose_for (&paths, task, strings);
  return paths;
}

/* A second transformer is used for splits, for nothing else, and not where one is named. */
static void
second_transformer (void)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *pair = write_pair ("pair"), *own = g_build_filename (pair, "transformer", NULL);
  g_autofree char *second = g_build_filename (pair, "layered", NULL), *schedule = in_scratch ("pair/layered/scheduler_config.json");
  const QiModelPaths asked = { .model = pair, .variant = "qwen-image" };

  QiModelPaths split = chosen (asked, QI_TASK_SPLIT, strings), draw = chosen (asked, QI_TASK_GENERATE, strings);
  QiModelPaths named = chosen ((QiModelPaths){ .model = pair, .transformer = own }, QI_TASK_SPLIT, strings);
  QiModelPaths without = chosen ((QiModelPaths){ .model = base }, QI_TASK_SPLIT, strings);

  g_assert_cmpstr (split.transformer, ==, second);
  g_assert_null (split.variant);
  g_assert_null (split.scheduler);
  g_assert_null (draw.transformer);
  g_assert_cmpstr (draw.variant, ==, "qwen-image");
  g_assert_cmpstr (named.transformer, ==, own);
  g_assert_null (without.transformer);

  g_assert_true (g_file_set_contents (schedule, "{\"use_dynamic_shifting\": true, \"time_shift_type\": \"linear\"}", -1, NULL));
  split = chosen (asked, QI_TASK_SPLIT, strings);
  g_autoptr (QiModelSet) splits = open_set (&split);
  g_autoptr (QiModelSet) draws = open_set (&draw);

  g_assert_cmpstr (splits->variant->name, ==, "layered");
  g_assert_true (splits->mmdit_config.layer3d_rope && splits->mmdit_config.additional_t_cond);
  g_assert_cmpint (splits->scheduler_config.shift_type, ==, QI_SHIFT_LINEAR);
  g_assert_cmpstr (splits->scheduler_from, ==, "scheduler_config.json");
  g_assert_cmpuint (splits->problems->len, ==, 0);
  g_assert_cmpstr (splits->name, ==, "pair");
  g_assert_cmpstr (draws->variant->name, ==, "qwen-image");
  g_assert_cmpint (draws->scheduler_config.shift_type, ==, QI_SHIFT_EXPONENTIAL);
  g_assert_cmpuint (draws->problems->len, ==, 0);

  /* The project's own says how large it likes pictures, and wants no guidance. */
  g_autofree char *index = g_build_filename (pair, "model_index.json", NULL);
  g_assert_true (g_file_set_contents (index, "{\"_class_name\": \"QwenImagePipeline\", \"_sfumato_variant\": \"demo\"}", -1, NULL));
  g_autoptr (QiModelSet) ours = open_set (&split);
  g_assert_cmpstr (ours->variant->name, ==, "demo-layered");
  g_assert_cmpuint (ours->width, ==, ours->variant->width);
  for (QiQuality q = QI_QUALITY_FAST; q <= QI_QUALITY_MAXIMUM; q++)
    g_assert_cmpfloat (qi_variant_quality (ours->variant, q, FALSE)->guidance, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model-set/diffusers", diffusers);
  g_test_add_func ("/model-set/sharded", sharded);
  g_test_add_func ("/model-set/comfyui", comfyui);
  g_test_add_func ("/model-set/all-in-one", all_in_one);
  g_test_add_func ("/model-set/gguf", gguf);
  g_test_add_func ("/model-set/stored-otherwise", stored_otherwise);
  g_test_add_func ("/model-set/zero-cond-t", zero_cond_t);
  g_test_add_func ("/model-set/names", names);
  g_test_add_func ("/model-set/table", table);
  g_test_add_func ("/model-set/second-transformer", second_transformer);
  return run_with_models ();
}
