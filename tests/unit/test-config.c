/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Configuration files: what the released ones say, both layouts of the text encoder's, and what is refused. */
#include "models/config.h"

#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/error.h"
#include "models/config/json.h"

#define NET_OPEN "{\"_class_name\":\"QwenImageTransformer2DModel\",\"patch_size\":2,\"in_channels\":64,\"out_channels\":16,"
#define NET \
  NET_OPEN "\"num_layers\":60,\"attention_head_dim\":128,\"num_attention_heads\":24,\"joint_attention_dim\":3584," \
           "\"guidance_embeds\":false,\"pooled_projection_dim\":768,\"axes_dims_rope\":[16,56,56]}"
#define TEXT_FIELDS \
  "\"hidden_size\":3584,\"intermediate_size\":18944,\"num_hidden_layers\":28,\"num_attention_heads\":28," \
  "\"num_key_value_heads\":4,\"rms_norm_eps\":1e-06,\"vocab_size\":152064,\"use_sliding_window\":false"
#define TEXT_FLAT \
  "{\"model_type\":\"qwen2_5_vl\"," TEXT_FIELDS ",\"rope_theta\":1000000.0," \
  "\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[16,24,24]}," VISION "}"
#define TEXT_NESTED \
  "{\"model_type\":\"qwen2_5_vl\",\"text_config\":{" TEXT_FIELDS ",\"rope_parameters\":{\"mrope_section\":[16,24,24]," \
  "\"rope_theta\":1000000.0,\"rope_type\":\"default\"}}," VISION "}"
#define VISION \
  "\"vision_config\":{\"depth\":32,\"hidden_size\":1280,\"intermediate_size\":3420,\"num_heads\":16,\"in_chans\":3," \
  "\"out_hidden_size\":3584,\"patch_size\":14,\"spatial_merge_size\":2,\"temporal_patch_size\":2,\"window_size\":112," \
  "\"fullatt_block_indexes\":[7,15,23,31]}"
#define VAE \
  "{\"_class_name\":\"AutoencoderKLQwenImage\",\"attn_scales\":[],\"base_dim\":96,\"dim_mult\":[1,2,4,4],\"z_dim\":4," \
  "\"num_res_blocks\":2,\"latents_mean\":[0.31,-0.52,0.08,1.1],\"latents_std\":[1.9,0.8,2.4,1.3]}"
#define SCHEDULER \
  "{\"_class_name\":\"FlowMatchEulerDiscreteScheduler\",\"base_image_seq_len\":256,\"base_shift\":0.5," \
  "\"max_image_seq_len\":8192,\"max_shift\":0.9,\"num_train_timesteps\":1000,\"shift\":1.0,\"shift_terminal\":0.02," \
  "\"time_shift_type\":\"exponential\",\"use_dynamic_shifting\":true}"

/* json with the first occurrence of old replaced; it must be there. (transfer full) */
static char *
edit (const char *json, const char *old, const char *new)
{
  const char *at = strstr (json, old);

  g_assert_nonnull (at);
  g_autofree char *before = g_strndup (json, at - json);
  return g_strconcat (before, new, at + strlen (old), NULL);
}

typedef gboolean (*ParseFunc) (gpointer config, const char *json, gsize n, const char *file, GError **error);
typedef union
{
  QiMmditConfig mmdit;
  QiTextConfig text;
  QiVisionConfig vision;
  QiVaeConfig vae;
  QiSchedulerConfig scheduler;
} AnyConfig;

/* One change to a sound file, the code it must fail with, and a word of the message. */
typedef struct
{
  const char *old, *new;
  int code;
  const char *word;
} Refusal;

static void
refuse_all (ParseFunc parse, const char *json, const Refusal *rows, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *bad = edit (json, rows[i].old, rows[i].new);
      AnyConfig config, untouched;
      memset (&config, 0x5a, sizeof config);
      memset (&untouched, 0x5a, sizeof untouched);

      if (parse (&config, bad, strlen (bad), "some/config.json", &error))
        g_error ("accepted: %s", bad);
      g_assert_error (error, QI_ERROR, rows[i].code);
      g_assert_cmpmem (&config, sizeof config, &untouched, sizeof untouched);
      if (strstr (error->message, rows[i].word) == NULL || strstr (error->message, "some/config.json") == NULL)
        g_error ("“%s” says neither file nor “%s”", error->message, rows[i].word);
    }
}
#define REFUSE(parse, json, rows) refuse_all ((ParseFunc) parse, json, rows, G_N_ELEMENTS (rows))

static void
mmdit (void)
{
  QiMmditConfig c;
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_mmdit_config_parse (&c, NET, strlen (NET), "f", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (c.n_layers, ==, 60);
  g_assert_cmpuint (c.n_heads * c.head_dim, ==, 3072);
  g_assert_cmpuint (c.axes[0] * 10000 + c.axes[1] * 100 + c.axes[2], ==, 165656);
  g_assert_cmpuint (c.text_dim, ==, 3584);
  g_assert_false (c.zero_cond_t || c.additional_t_cond || c.layer3d_rope);

  g_autofree char *edit_2511 = edit (NET, "\"num_layers\"", "\"zero_cond_t\":true,\"num_layers\"");
  g_assert_true (qi_mmdit_config_parse (&c, edit_2511, strlen (edit_2511), "f", &error));
  g_assert_true (c.zero_cond_t);
  g_assert_cmpstr (c.zero_cond_t_from, ==, "config");

  static const Refusal rows[] = {
    { "[16,56,56]", "[16,56,58]", QI_ERROR_BAD_CHECKPOINT, "axes_dims_rope" },
    { "[16,56,56]", "[15,57,56]", QI_ERROR_BAD_CHECKPOINT, "even" },
    { "[16,56,56]", "[16,112]", QI_ERROR_BAD_CHECKPOINT, "3 numbers" },
    { "[16,56,56]", "[16,56,4294967352]", QI_ERROR_BAD_CHECKPOINT, "axes_dims_rope" },
    { "[16,56,56]", "null", QI_ERROR_BAD_CHECKPOINT, "missing" },
    { "\"num_layers\":60", "\"num_layers\":257", QI_ERROR_BAD_CHECKPOINT, "256" },
    { "\"num_layers\":60", "\"num_layers\":0", QI_ERROR_BAD_CHECKPOINT, "num_layers" },
    { "\"num_layers\":60", "\"num_layers\":-1", QI_ERROR_BAD_CHECKPOINT, "num_layers" },
    { "\"num_layers\":60", "\"num_layers\":60.0", QI_ERROR_BAD_CHECKPOINT, "whole number" },
    { "\"num_layers\":60", "\"num_layers\":\"60\"", QI_ERROR_BAD_CHECKPOINT, "whole number" },
    { "\"num_layers\":60", "\"num_layers\":18446744073709551615", QI_ERROR_BAD_CHECKPOINT, "num_layers" },
    { "\"num_layers\":60", "\"num_layers\":60,\"num_layers\":59", QI_ERROR_BAD_CHECKPOINT, "twice" },
    { "\"num_attention_heads\":24", "\"num_attention_heads\":513", QI_ERROR_BAD_CHECKPOINT, "65536" },
    { "\"in_channels\":64", "\"in_channels\":68", QI_ERROR_BAD_CHECKPOINT, "four times" },
    { "\"patch_size\":2", "\"patch_size\":1", QI_ERROR_UNSUPPORTED, "patch_size" },
    { "\"guidance_embeds\":false", "\"guidance_embeds\":true", QI_ERROR_UNSUPPORTED, "guidance" },
    { "\"guidance_embeds\":false", "\"guidance_embeds\":0", QI_ERROR_BAD_CHECKPOINT, "true or false" },
    { "QwenImageTransformer2DModel", "FluxTransformer2DModel", QI_ERROR_UNSUPPORTED, "FluxTransformer2DModel" },
    { "\"joint_attention_dim\":3584,", "", QI_ERROR_BAD_CHECKPOINT, "joint_attention_dim is missing" },
  };
  REFUSE (qi_mmdit_config_parse, NET, rows);
}

static void
text (void)
{
  const char *const layouts[] = { TEXT_FLAT, TEXT_NESTED };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (layouts); i++)
    {
      QiTextConfig c;
      g_assert_true (qi_text_config_parse (&c, layouts[i], strlen (layouts[i]), "f", &error));
      g_assert_no_error (error);
      g_assert_cmpuint (c.n_layers, ==, 28);
      g_assert_cmpuint (c.width, ==, 3584);
      g_assert_cmpuint (c.ffn_dim, ==, 18944);
      g_assert_cmpuint (c.n_heads, ==, 28);
      g_assert_cmpuint (c.n_kv_heads, ==, 4);
      g_assert_cmpuint (c.head_dim, ==, 128);
      g_assert_cmpuint (c.vocabulary, ==, 152064);
      g_assert_cmpuint (c.sections[0] * 10000 + c.sections[1] * 100 + c.sections[2], ==, 162424);
      g_assert_cmpfloat (c.theta, ==, 1e6);
      g_assert_cmpfloat (c.eps, ==, 1e-6);
    }
  static const Refusal both[] = {
    { "[16,24,24]", "[16,24,25]", QI_ERROR_BAD_CHECKPOINT, "mrope_section" },
    { "[16,24,24]", "[16,24,24,0]", QI_ERROR_BAD_CHECKPOINT, "3 numbers" },
    { "\"num_attention_heads\":28", "\"num_attention_heads\":27", QI_ERROR_BAD_CHECKPOINT, "27" },
    { "\"num_key_value_heads\":4", "\"num_key_value_heads\":5", QI_ERROR_BAD_CHECKPOINT, "5" },
    { "\"vocab_size\":152064", "\"vocab_size\":1048577", QI_ERROR_BAD_CHECKPOINT, "vocab_size" },
    { "\"hidden_size\":3584", "\"hidden_size\":65537", QI_ERROR_BAD_CHECKPOINT, "hidden_size" },
    { "\"rms_norm_eps\":1e-06", "\"rms_norm_eps\":0", QI_ERROR_BAD_CHECKPOINT, "rms_norm_eps" },
    { "\"rms_norm_eps\":1e-06", "\"rms_norm_eps\":1e999", QI_ERROR_BAD_CHECKPOINT, "JSON" },
    { "\"use_sliding_window\":false", "\"use_sliding_window\":true", QI_ERROR_UNSUPPORTED, "sliding" },
    { "\"model_type\":\"qwen2_5_vl\"", "\"model_type\":\"qwen3_vl\"", QI_ERROR_UNSUPPORTED, "qwen3_vl" },
  };
  static const Refusal flat[] = {
    { "\"type\":\"mrope\"", "\"type\":\"yarn\"", QI_ERROR_UNSUPPORTED, "yarn" },
    { "\"rope_theta\":1000000.0,", "", QI_ERROR_BAD_CHECKPOINT, "rope_theta" },
    { "\"rope_scaling\"", "\"rope_something\"", QI_ERROR_BAD_CHECKPOINT, "mrope_section" },
    { "{\"type\":\"mrope\",\"mrope_section\":[16,24,24]}", "null", QI_ERROR_BAD_CHECKPOINT, "mrope_section" },
  };
  REFUSE (qi_text_config_parse, TEXT_FLAT, both);
  REFUSE (qi_text_config_parse, TEXT_NESTED, both);
  REFUSE (qi_text_config_parse, TEXT_FLAT, flat);
}

static void
vision (void)
{
  QiVisionConfig c;
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_vision_config_parse (&c, TEXT_NESTED, strlen (TEXT_NESTED), "f", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (c.n_layers, ==, 32);
  g_assert_cmpuint (c.width, ==, 1280);
  g_assert_cmpuint (c.n_heads, ==, 16);
  g_assert_cmpuint (c.window, ==, 112);
  for (guint i = 0; i < QI_MAX_LAYERS; i++)
    g_assert_cmpint (c.full_attention[i], ==, i == 7 || i == 15 || i == 23 || i == 31);

  static const Refusal rows[] = {
    { "[7,15,23,31]", "[7,15,23,32]", QI_ERROR_BAD_CHECKPOINT, "32" },
    { "[7,15,23,31]", "[7,-1]", QI_ERROR_BAD_CHECKPOINT, "fullatt_block_indexes" },
    { "\"num_heads\":16", "\"num_heads\":15", QI_ERROR_BAD_CHECKPOINT, "15" },
    { "\"num_heads\":16", "\"num_heads\":640", QI_ERROR_BAD_CHECKPOINT, "multiple of 4" },
    { "\"window_size\":112", "\"window_size\":100", QI_ERROR_BAD_CHECKPOINT, "window" },
    { "\"spatial_merge_size\":2", "\"spatial_merge_size\":4", QI_ERROR_UNSUPPORTED, "spatial_merge_size" },
    { "\"depth\":32", "\"depth\":100000", QI_ERROR_BAD_CHECKPOINT, "vision_config.depth" },
  };
  REFUSE (qi_vision_config_parse, TEXT_FLAT, rows);
}

static void
vae (void)
{
  QiVaeConfig c;
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_vae_config_parse (&c, VAE, strlen (VAE), "f", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (c.base_dim, ==, 96);
  g_assert_cmpuint (c.image_channels, ==, 3);
  g_assert_cmpuint (c.n_levels, ==, 4);
  g_assert_cmpfloat (c.mean[1], ==, -0.52f);
  g_assert_cmpfloat (c.std[3], ==, 1.3f);

  static const Refusal rows[] = {
    { "1.9,0.8", "1.9,0.0", QI_ERROR_BAD_CHECKPOINT, "latents_std" },
    { "1.9,0.8", "1.9", QI_ERROR_BAD_CHECKPOINT, "4 numbers" },
    { "0.31,", "0.31,0.2,", QI_ERROR_BAD_CHECKPOINT, "latents_mean" },
    { "\"z_dim\":4", "\"z_dim\":65", QI_ERROR_BAD_CHECKPOINT, "z_dim" },
    { "[1,2,4,4]", "[1,2,4,4,8]", QI_ERROR_BAD_CHECKPOINT, "dim_mult" },
    { "[1,2,4,4]", "[1,2,4,0]", QI_ERROR_BAD_CHECKPOINT, "dim_mult" },
    { "\"base_dim\":96,\"dim_mult\":[1,2", "\"base_dim\":3,\"dim_mult\":[1,1", QI_ERROR_BAD_CHECKPOINT, "odd" },
    { "\"attn_scales\":[]", "\"attn_scales\":[1.0]", QI_ERROR_BAD_CHECKPOINT, "attn_scales" },
    { "AutoencoderKLQwenImage", "AutoencoderKLWan", QI_ERROR_UNSUPPORTED, "AutoencoderKLWan" },
  };
  REFUSE (qi_vae_config_parse, VAE, rows);
}

static void
scheduler (void)
{
  static const char *const off[] = { "null", "false", "0", "0.0" };
  QiSchedulerConfig c;
  g_autoptr (GError) error = NULL;

  g_assert_true (qi_scheduler_config_parse (&c, SCHEDULER, strlen (SCHEDULER), "f", &error));
  g_assert_no_error (error);
  g_assert_true (c.dynamic && c.shift_type == QI_SHIFT_EXPONENTIAL);
  g_assert_cmpfloat (c.max_shift, ==, 0.9);
  g_assert_cmpfloat (c.shift_terminal, ==, 0.02);
  for (guint i = 0; i < G_N_ELEMENTS (off); i++)
    {
      g_autofree char *json = edit (SCHEDULER, "0.02", off[i]);
      g_assert_true (qi_scheduler_config_parse (&c, json, strlen (json), "f", &error));
      g_assert_cmpfloat (c.shift_terminal, ==, 0.0);
    }
  g_autofree char *linear = edit (SCHEDULER, "exponential", "linear");
  g_assert_true (qi_scheduler_config_parse (&c, linear, strlen (linear), "f", &error));
  g_assert_cmpint (c.shift_type, ==, QI_SHIFT_LINEAR);
  g_assert_true (qi_scheduler_config_parse (&c, "{}", 2, "f", &error)); /* the class's own defaults */
  g_assert_false (c.dynamic);
  g_assert_cmpfloat (c.max_len, ==, 4096.0);

  static const Refusal rows[] = {
    { "0.02", "1.0", QI_ERROR_BAD_CHECKPOINT, "shift_terminal" },
    { "0.02", "true", QI_ERROR_BAD_CHECKPOINT, "shift_terminal" },
    { "8192", "256", QI_ERROR_BAD_CHECKPOINT, "less than" },
    { "exponential", "cubic", QI_ERROR_UNSUPPORTED, "cubic" },
    { "\"shift\":1.0", "\"use_karras_sigmas\":true", QI_ERROR_UNSUPPORTED, "use_karras_sigmas" },
    { "FlowMatchEulerDiscreteScheduler", "UniPCMultistepScheduler", QI_ERROR_UNSUPPORTED, "UniPC" },
  };
  REFUSE (qi_scheduler_config_parse, SCHEDULER, rows);
}

/* Text that is no configuration at all, and a file that ends early at every byte. */
static void
hostile (void)
{
  static const char *const texts[] = { "", "[]", "3", "{", "{}x", "// no\n{}", "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"a\":1}}",
                                       "{\"a\\u0000b\":1}", "\xff\xfe{}", "{\"a\":NaN}" };
  yyjson_doc *doc;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      doc = qi_json_read (texts[i], strlen (texts[i]), "f", &error);
      g_assert_null (doc);
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
    }

  g_autofree char *deep = g_strnfill (2 * (QI_JSON_MAX_DEPTH + 1), '[');
  g_autofree char *nested = g_strconcat ("{\"a\":", deep, "}", NULL);
  g_assert_null (qi_json_read (nested, strlen (nested), "f", NULL));
  g_autofree char *quoted = g_strconcat ("{\"a\":\"", deep, "\"}", NULL); /* brackets in a string are only text */
  doc = qi_json_read (quoted, strlen (quoted), "f", NULL);
  g_assert_nonnull (doc);
  yyjson_doc_free (doc);

  const gsize n = strlen (TEXT_NESTED);
  for (gsize cut = 0; cut < n; cut++)
    {
      QiTextConfig c;
      g_autofree char *part = g_memdup2 (TEXT_NESTED, MAX (cut, 1)); /* no byte after it, for the sanitiser */
      g_assert_false (qi_text_config_parse (&c, part, cut, "f", NULL));
    }
}

/* Whatever the path leads to, reading it neither waits nor dies. */
static void
files (void)
{
  g_autofree char *folder = g_dir_make_tmp ("qi-config-XXXXXX", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *large = g_build_filename (folder, "large", NULL);
  g_autofree char *absent = g_build_filename (folder, "absent", NULL);
  const char *const paths[] = { folder, fifo, large, absent, "/dev/zero" };
  gsize n;

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_true (g_file_set_contents (large, "12345", 5, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (qi_file_read (paths[i], 4, &n, &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
    }
  g_autofree char *text = qi_file_read (large, 5, &n, NULL);
  g_assert_cmpstr (text, ==, "12345");
  g_assert_cmpuint (n, ==, 5);
  unlink (fifo);
  unlink (large);
  rmdir (folder);
}

/* How large pictures may be, under the old names and the new. */
static void
areas (void)
{
#define SIZES(text) qi_vision_areas_parse (&c, text, strlen (text), "f", &error)
  static const char *const bad[] = { "{\"min_pixels\":0}", "{\"max_pixels\":-4}", "{\"min_pixels\":5000,\"max_pixels\":4000}",
                                     "{\"size\":3}", "{\"size\":{\"longest_edge\":1e99}}", "[]" };
  QiVisionConfig c = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (SIZES ("{\"min_pixels\":3136,\"max_pixels\":1003520}"));
  g_assert_true (c.min_area == 3136 && c.max_area == 1003520);
  g_assert_true (SIZES ("{\"max_pixels\":9000,\"size\":{\"shortest_edge\":400,\"longest_edge\":8000}}"));
  g_assert_true (c.min_area == 400 && c.max_area == 8000);
  g_assert_true (SIZES ("{}"));
  g_assert_true (c.min_area == 3136 && c.max_area == 12845056);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (qi_vision_areas_parse (&c, bad[i], strlen (bad[i]), "f", &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
      g_clear_error (&error);
      g_assert_true (c.max_area == 12845056);
    }
#undef SIZES
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/mmdit", mmdit);
  g_test_add_func ("/config/text", text);
  g_test_add_func ("/config/vision", vision);
  g_test_add_func ("/config/areas", areas);
  g_test_add_func ("/config/vae", vae);
  g_test_add_func ("/config/scheduler", scheduler);
  g_test_add_func ("/config/hostile", hostile);
  g_test_add_func ("/config/files", files);
  return g_test_run ();
}
