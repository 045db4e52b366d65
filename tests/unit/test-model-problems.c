/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a model's files, and what is said of it; the report of a model. */
#include "models/report.h"

#include <string.h>
#include <sys/stat.h>

#include <yyjson.h>

#include "base/error.h"
#include "tests/unit/model-fixture.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model-problems/paths", paths);
  g_test_add_func ("/model-problems/other-families", other_families);
  g_test_add_func ("/model-problems/missing-parts", missing_parts);
  g_test_add_func ("/model-problems/no-tower", no_tower);
  g_test_add_func ("/model-problems/misfits", misfits);
  g_test_add_func ("/model-problems/damaged-config", damaged_config);
  g_test_add_func ("/model-problems/report", report);
  g_test_add_func ("/model-problems/report-hostile", report_hostile);
  return run_with_models ();
}
