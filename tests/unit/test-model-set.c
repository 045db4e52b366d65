/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the parts of a model in every layout people have, telling which model it is, and saying what is wrong. */
#include "models/model-choice.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <yyjson.h>

#include "base/error.h"
#include "models/report.h"

#define RELEASED_NET \
  "img_in.weight 3072 64\nproj_out.weight 64 3072\ntxt_in.weight 3072 3584\ntxt_norm.weight 3584\n" \
  "transformer_blocks.0.attn.norm_q.weight 128\n"
#define LAYERED_TABLE "time_text_embed.addition_t_embedding.weight 2 3072\n"

static char *base, *variants, *scratch;

/* A file in the folder of this test. (transfer full) */
static char *
in_scratch (const char *name)
{
  char *path = g_build_filename (scratch, name, NULL);
  g_autofree char *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  return path;
}

static char *
in_variants (const char *name)
{
  return g_build_filename (variants, name, NULL);
}

/* A safetensors file of zeros in bf16, holes for the most part: rows are "NAME DIM DIM…". (transfer full) */
static char *
write_tensors (const char *name, const char *rows)
{
  char *path = in_scratch (name);
  g_auto (GStrv) lines = g_strsplit (rows, "\n", -1);
  g_autoptr (GString) header = g_string_new ("{");
  guint64 at = 0;

  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);
      guint64 bytes = 2;
      g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[", i > 0 ? "," : "", words[0]);
      for (guint k = 1; words[k] != NULL; k++)
        {
          bytes *= g_ascii_strtoull (words[k], NULL, 10);
          g_string_append_printf (header, "%s%s", k > 1 ? "," : "", words[k]);
        }
      g_string_append_printf (header, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}", at, at + bytes);
      at += bytes;
    }
  g_string_append_c (header, '}');
  const guint64 length = GUINT64_TO_LE ((guint64) header->len);
  g_string_prepend_len (header, (const char *) &length, 8);
  g_assert_true (g_file_set_contents (path, header->str, header->len, NULL));
  g_assert_cmpint (truncate (path, header->len + at), ==, 0);
  return path;
}

static void
copy (const char *from, const char *name)
{
  g_autofree char *to = in_scratch (name);
  g_autofree char *data = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (from, &data, &n, NULL));
  g_assert_true (g_file_set_contents (to, data, n, NULL));
}

/* The set opens. (transfer full) */
static QiModelSet *
open_set (const QiModelPaths *paths)
{
  g_autoptr (GError) error = NULL;
  QiModelSet *set = qi_model_set_open (paths, &error);

  g_assert_no_error (error);
  g_assert_nonnull (set);
  return set;
}
#define OPEN(...) open_set (&(const QiModelPaths){ __VA_ARGS__ })

static void
assert_complete (const QiModelSet *set)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_model_set_require (set, TRUE, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (set->problems->len, ==, 0);
  g_assert_nonnull (set->tokenizer);
  g_assert_cmpuint (set->mmdit_config.n_layers, ==, 3);
  g_assert_cmpuint (set->text_config.width, ==, 64);
  g_assert_cmpuint (set->vision_config.out_dim, ==, 64);
  g_assert_cmpuint (set->vae_config.z_dim, ==, 16);
}

/* A set that opens but cannot be used, for a reason with this word in it. */
static void
assert_unusable (const QiModelSet *set, int code, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (qi_model_set_require (set, TRUE, &error));
  g_assert_error (error, QI_ERROR, code);
  if (strstr (error->message, word) == NULL)
    g_error ("“%s” does not say “%s”", error->message, word);
}

/* One of the set's problems has this word in it. */
static void
assert_problem (const QiModelSet *set, const char *word)
{
  for (guint i = 0; i < set->problems->len; i++)
    if (strstr (((QiModelProblem *) set->problems->pdata[i])->sentence, word) != NULL)
      return;
  g_error ("no problem says “%s”", word);
}

static void
refuse_set (const QiModelPaths *paths, int code, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (qi_model_set_open (paths, &error));
  g_assert_error (error, QI_ERROR, code);
  if (strstr (error->message, word) == NULL)
    g_error ("“%s” does not say “%s”", error->message, word);
}
#define REFUSE(code, word, ...) refuse_set (&(const QiModelPaths){ __VA_ARGS__ }, code, word)

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

/* --- what is wrong --- */

static void
paths (void)
{
  g_autofree char *empty_folder = in_scratch ("empty/x");
  g_autofree char *fifo = in_scratch ("fifo.safetensors");
  g_autofree char *notes = in_scratch ("notes/readme.txt");
  g_autofree char *folder = g_path_get_dirname (empty_folder), *notes_folder = g_path_get_dirname (notes);

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_true (g_file_set_contents (notes, "hello", 5, NULL));
  REFUSE (QI_ERROR_BAD_REQUEST, "--model");
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "empty path", .model = "");
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "--vae", .model = base, .vae = "");
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "/nowhere/at/all", .model = "/nowhere/at/all");
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "neither", .model = fifo);
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "neither", .model = base, .text_encoder = fifo);
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "holds no model", .model = folder);
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "holds no model", .model = notes_folder);
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "readme.txt", .model = notes);
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "scheduler_config.json", .model = base, .scheduler = folder);
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "", .model = base, .tokenizer = folder);
}

static void
other_families (void)
{
  static const struct
  {
    const char *file, *rows;
    int code;
    const char *word;
  } rows[] = {
    { "qwen_image_2.1.safetensors", "img_in.weight 64 64\nmodulation.1.weight 256 64\ntxt_in.text_norm.weight 64\n",
      QI_ERROR_UNSUPPORTED, "2.1" },
    { "svdq.safetensors", "img_in.weight 64 64\ntxt_norm.weight 64\ntransformer_blocks.0.attn.to_qkv.qweight 64 64\n",
      QI_ERROR_UNSUPPORTED, "fused" },
    { "union.safetensors", "img_in.weight 64 64\ntxt_norm.weight 64\ncontrolnet_x_embedder.weight 64 64\n",
      QI_ERROR_UNSUPPORTED, "ControlNet" },
    { "flux.safetensors", "img_in.weight 64 64\ndouble_blocks.0.img_mod.lin.weight 64 64\n", QI_ERROR_BAD_CHECKPOINT,
      "no Qwen-Image transformer" },
    { "lora.safetensors", "transformer_blocks.0.attn.to_q.lora_down.weight 4 64\n", QI_ERROR_BAD_CHECKPOINT,
      "no Qwen-Image transformer" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *name = g_strconcat ("families/", rows[i].file, NULL);
      g_autofree char *model = write_tensors (name, rows[i].rows);
      REFUSE (rows[i].code, rows[i].word, .model = model);
    }
}

/* A model with a part left out opens, and says which and how to supply it. */
static void
missing_parts (void)
{
  g_autofree char *model = in_variants ("transformer/bf16.safetensors");
  copy (model, "alone/qwen.safetensors");
  g_autofree char *alone = in_scratch ("alone/qwen.safetensors");
  g_autofree char *config = in_variants ("config");
  g_autoptr (QiModelSet) set = OPEN (.model = alone, .config = config);
  guint missing = 0;

  g_assert_nonnull (set->transformer);
  g_assert_null (set->vae);
  for (guint i = 0; i < set->problems->len; i++)
    missing += ((QiModelProblem *) set->problems->pdata[i])->missing;
  g_assert_cmpuint (missing, ==, 4); /* text encoder, vision tower, VAE, tokenizer */
  assert_unusable (set, QI_ERROR_BAD_CHECKPOINT, "--text-encoder");

  g_autofree char *vae = in_variants ("vae/wan.safetensors");
  copy (vae, "lonely/wan.safetensors");
  g_autofree char *lonely = in_scratch ("lonely/wan.safetensors");
  g_autoptr (QiModelSet) only_vae = OPEN (.model = lonely, .config = config);
  g_assert_null (only_vae->transformer);
  g_assert_nonnull (only_vae->vae_from);
  assert_unusable (only_vae, QI_ERROR_BAD_CHECKPOINT, "--transformer");
}

/* Without its vision tower a model still makes pictures from words. */
static void
no_tower (void)
{
  g_autofree char *config = in_variants ("config"), *model = in_variants ("transformer/bf16.safetensors");
  g_autofree char *vae = in_variants ("vae/wan.safetensors"), *text = in_variants ("text/f32.gguf");
  copy (text, "text-only/text.gguf");
  copy (model, "text-only/net/qwen.safetensors");
  g_autofree char *text_alone = in_scratch ("text-only/text.gguf"), *net = in_scratch ("text-only/net/qwen.safetensors");
  g_autoptr (QiModelSet) set = OPEN (.model = net, .text_encoder = text_alone, .vae = vae, .config = config);

  g_assert_null (set->vision);
  g_assert_true (qi_model_set_require (set, FALSE, NULL));
  assert_unusable (set, QI_ERROR_BAD_CHECKPOINT, "vision tower");
}

static void
misfits (void)
{
  g_autofree char *small = write_tensors ("misfit/text.safetensors", "model.embed_tokens.weight 544 32\nmodel.norm.weight 32\n");
  g_autofree char *layers = g_build_filename (base, "transformer", "config.json", NULL);
  g_autofree char *short_net = write_tensors ("misfit/gap.safetensors",
                                              RELEASED_NET "transformer_blocks.2.attn.norm_q.weight 128\n");
  g_autofree char *big_net = write_tensors ("misfit/big.safetensors", RELEASED_NET);
  g_autofree char *folder = in_variants ("transformer");

  /* An encoder that does not fit is passed over when it lies beside, and named. */
  g_autofree char *net = in_variants ("transformer/bf16.safetensors");
  copy (net, "misfit/net.safetensors");
  g_autofree char *beside = in_scratch ("misfit/net.safetensors");
  g_autoptr (QiModelSet) set = OPEN (.model = beside, .config = layers);
  g_assert_null (set->text_encoder);
  assert_unusable (set, QI_ERROR_BAD_CHECKPOINT, "text.safetensors");

  g_autoptr (QiModelSet) gap = OPEN (.model = short_net);
  assert_unusable (gap, QI_ERROR_BAD_CHECKPOINT, "transformer_blocks.1");

  /* The configuration of another model, and a released encoder's geometry with a tiny transformer. */
  g_autoptr (QiModelSet) wrong_config = OPEN (.model = big_net, .config = layers);
  assert_unusable (wrong_config, QI_ERROR_BAD_CHECKPOINT, "different models");
  g_autofree char *text = g_build_filename (base, "text_encoder", NULL);
  g_autofree char *vae = g_build_filename (base, "vae", NULL);
  g_autoptr (QiModelSet) widths = OPEN (.transformer = big_net, .text_encoder = text, .vae = vae);
  assert_problem (widths, "text encoder does not belong");
  REFUSE (QI_ERROR_BAD_CHECKPOINT, "name one of them", .model = folder);

  /* Weights that lack a tensor, or have it in another shape. */
  g_autoptr (QiModelSet) holes = OPEN (.model = big_net);
  assert_unusable (holes, QI_ERROR_BAD_CHECKPOINT, "lacks");
}

/* A damaged configuration beside the weights is a fault, never passed over. */
static void
damaged_config (void)
{
  g_autofree char *net = g_build_filename (base, "transformer", "diffusion_pytorch_model.safetensors", NULL);
  copy (net, "damaged/diffusion_pytorch_model.safetensors");
  g_autofree char *folder = in_scratch ("damaged/");
  g_autofree char *config = in_scratch ("damaged/config.json");
  g_assert_true (g_file_set_contents (config, "{\"num_layers\": 3", -1, NULL));

  g_autoptr (QiModelSet) set = OPEN (.transformer = folder);
  assert_unusable (set, QI_ERROR_BAD_CHECKPOINT, "damaged/config.json");
}

/* --- the report --- */

static void
report (void)
{
  g_autofree char *config = in_variants ("config"), *model = in_variants ("transformer/fp8-scaled.safetensors");
  g_autoptr (QiModelSet) set = OPEN (.model = base);
  g_autofree char *json = qi_model_report_json (set);
  yyjson_doc *doc = yyjson_read (json, strlen (json), 0);
  yyjson_val *root = yyjson_doc_get_root (doc);
  yyjson_val *net = yyjson_ptr_get (root, "/parts/transformer");

  g_assert_true (yyjson_get_bool (yyjson_obj_get (root, "complete")));
  g_assert_cmpstr (yyjson_get_str (yyjson_ptr_get (root, "/variant/name")), ==, "qwen-image");
  g_assert_cmpuint (yyjson_get_uint (yyjson_obj_get (net, "tensors")), ==, 109);
  g_assert_cmpuint (yyjson_get_uint (yyjson_ptr_get (net, "/config/heads")), ==, 2);
  g_assert_cmpstr (yyjson_get_str (yyjson_ptr_get (net, "/dtypes/0/dtype")), ==, "bf16");
  for (const char *const *part = (const char *const[]){ "transformer", "text_encoder", "vision", "vae", NULL }; *part; part++)
    {
      yyjson_val *object = yyjson_obj_get (yyjson_obj_get (root, "parts"), *part);
      g_assert_nonnull (object);
      g_assert_cmpuint (yyjson_get_uint (yyjson_obj_get (object, "missing_tensors_count")), ==, 0);
      g_assert_cmpuint (yyjson_get_uint (yyjson_obj_get (object, "wrong_tensors_count")), ==, 0);
      g_assert_cmpuint (yyjson_get_uint (yyjson_obj_get (object, "foreign_tensors_count")), ==, 0);
    }
  yyjson_doc_free (doc);

  g_autofree char *text = qi_model_report_text (set);
  g_assert_nonnull (strstr (text, "Qwen-Image"));
  g_assert_nonnull (strstr (text, "3 layers, 2 heads × 32 (8 + 12 + 12)"));
}

/* What a file says is shown as text and nothing else; what nobody knows is listed. */
static void
report_hostile (void)
{
  g_autofree char *model = write_tensors ("foreign/x\033[31m\xe2\x80\xae.safetensors",
                                          RELEASED_NET "transformer_blocks.0.attn.surprise.weight 4\n");
  g_autoptr (QiModelSet) set = OPEN (.model = model);
  g_autofree char *json = qi_model_report_json (set);
  g_autofree char *text = qi_model_report_text (set);
  yyjson_doc *doc = yyjson_read (json, strlen (json), 0);
  yyjson_val *net = yyjson_ptr_get (yyjson_doc_get_root (doc), "/parts/transformer");

  g_assert_nonnull (net);
  g_assert_cmpuint (yyjson_get_uint (yyjson_obj_get (net, "foreign_tensors_count")), ==, 1);
  g_assert_cmpstr (yyjson_get_str (yyjson_ptr_get (net, "/foreign_tensors/0")), ==, "transformer_blocks.0.attn.surprise.weight");
  g_assert_cmpuint (yyjson_get_uint (yyjson_obj_get (net, "missing_tensors_count")), >, 20);
  g_assert_false (yyjson_get_bool (yyjson_obj_get (yyjson_doc_get_root (doc), "complete")));
  yyjson_doc_free (doc);
  g_assert_null (strchr (text, '\033'));
  g_assert_null (strstr (text, "\xe2\x80\xae"));
  g_assert_null (strstr (json, "\xe2\x80\xae"));
}

/* A copy of a folder of files. */
static void
copy_folder (const char *from, const char *name)
{
  g_autoptr (GDir) dir = g_dir_open (from, 0, NULL);

  g_assert_nonnull (dir);
  for (const char *file; (file = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = g_build_filename (from, file, NULL), *to = g_build_filename (name, file, NULL);
      copy (path, to);
    }
}

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

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_folder (path);
      else
        g_unlink (path);
    }
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  base = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  variants = g_strdup (g_getenv ("SFUMATO_TEST_VARIANTS"));
  scratch = g_dir_make_tmp ("qi-model-set-XXXXXX", NULL);
  g_test_add_func ("/model-set/diffusers", diffusers);
  g_test_add_func ("/model-set/sharded", sharded);
  g_test_add_func ("/model-set/comfyui", comfyui);
  g_test_add_func ("/model-set/all-in-one", all_in_one);
  g_test_add_func ("/model-set/gguf", gguf);
  g_test_add_func ("/model-set/stored-otherwise", stored_otherwise);
  g_test_add_func ("/model-set/zero-cond-t", zero_cond_t);
  g_test_add_func ("/model-set/names", names);
  g_test_add_func ("/model-set/table", table);
  g_test_add_func ("/model-set/paths", paths);
  g_test_add_func ("/model-set/other-families", other_families);
  g_test_add_func ("/model-set/missing-parts", missing_parts);
  g_test_add_func ("/model-set/no-tower", no_tower);
  g_test_add_func ("/model-set/misfits", misfits);
  g_test_add_func ("/model-set/damaged-config", damaged_config);
  g_test_add_func ("/model-set/second-transformer", second_transformer);
  g_test_add_func ("/model-set/report", report);
  g_test_add_func ("/model-set/report-hostile", report_hostile);

  const int status = g_test_run ();
  remove_folder (scratch);
  g_free (base);
  g_free (variants);
  g_free (scratch);
  return status;
}
