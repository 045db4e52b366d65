/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Checkpoints: what a sound file gives, and that each lie of a file gets a sentence which names file and tensor. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "models/checkpoint/container.h"

static char *folder;

static char *
write_file (const char *name, const void *data, gsize n)
{
  char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, data, (gssize) n, NULL));
  return path;
}

/* A safetensors file of this header and n bytes of data, all 1. */
static char *
write_safetensors (const char *name, const char *json, gsize n)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *data = g_malloc (n + 1);
  const guint64 length = GUINT64_TO_LE (strlen (json));

  memset (data, 1, n);
  g_byte_array_append (bytes, (const guint8 *) &length, 8);
  g_byte_array_append (bytes, (const guint8 *) json, strlen (json));
  g_byte_array_append (bytes, data, n);
  return write_file (name, bytes->data, bytes->len);
}

static void
assert_refused (const char *path, QiComponent component, const char *word)
{
  g_autoptr (GError) error = NULL;
  QiCheckpoint *c = qi_checkpoint_open (path, component, &error);

  g_assert_null (c);
  g_assert_nonnull (error);
  g_assert_true (error->domain == QI_ERROR);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, word));
}

#define IMG_IN "\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]}"

static void
test_safetensors_lies (void)
{
  static const struct
  {
    const char *json;
    gsize n;
    const char *word;
  } lies[] = {
    { "[" IMG_IN "]", 16, "not a JSON object" },
    { "{" IMG_IN, 16, "no valid JSON" },
    { "{" IMG_IN "}", 8, "img_in.weight" },
    { "{" IMG_IN "}", 20, "4 bytes follow" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2,5],\"data_offsets\":[0,16]}}", 16, "need 20" },
    { "{\"img_in.weight\":{\"dtype\":\"F99\",\"shape\":[2,4],\"data_offsets\":[0,16]}}", 16, "unknown type F99" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2,-4],\"data_offsets\":[0,16]}}", 16, "no whole number" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2.0,4],\"data_offsets\":[0,16]}}", 16, "no whole number" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[65536,65536,65536],\"data_offsets\":[0,16]}}", 16, "more than" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[1,1,1,1,2,4],\"data_offsets\":[0,16]}}", 16, "at most 5 sizes" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[16,0]}}", 16, "at bytes 16 to 0" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,18446744073709551615]}}", 16, "img_in.weight" },
    { "{\"img_in.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0]}}", 16, "two whole numbers" },
    { "{\"img_in.weight\":{\"shape\":[2,4],\"data_offsets\":[0,16]}}", 16, "has no type" },
    { "{" IMG_IN "," IMG_IN "}", 16, "twice" },
    { "{" IMG_IN ",\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[8,16]}}", 16, "shares bytes" },
    { "{" IMG_IN ",\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[24,32]}}", 32, "gap of 8" },
    { "{\"a\\u0001\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]}}", 16, "not printable" },
    { "{\"__metadata__\":[]," IMG_IN "}", 16, "__metadata__" },
    { "{\"__metadata__\":{\"a\":1}," IMG_IN "}", 16, "no text" },
    { "{\"__metadata__\":[[[[[[[[[[[[]]]]]]]]]]]]," IMG_IN "}", 16, "nested" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autofree char *path = write_safetensors ("lie.safetensors", lies[i].json, lies[i].n);

      assert_refused (path, QI_COMPONENT_TRANSFORMER, lies[i].word);
    }
}

static void
test_no_checkpoints (void)
{
  g_autofree char *empty = write_file ("empty", "", 0), *small = write_file ("small", "abc", 3),
                  *zip = write_file ("x.ckpt", "PK\003\004aaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32),
                  *pipe = g_build_filename (folder, "pipe", NULL), *none = g_build_filename (folder, "none", NULL),
                  *long_header = write_file ("long", "\377\377\377\377\377\377\377\177aaaaaaaaaaaaaaaaaaaa", 28),
                  *sub = g_build_filename (folder, "sub", NULL);

  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (sub, 0700), ==, 0);
  assert_refused (empty, QI_COMPONENT_VAE, "empty");
  assert_refused (small, QI_COMPONENT_VAE, "3 bytes");
  assert_refused (zip, QI_COMPONENT_VAE, "zip archive");
  assert_refused (pipe, QI_COMPONENT_VAE, "a pipe");
  assert_refused (none, QI_COMPONENT_VAE, "No such file");
  assert_refused (long_header, QI_COMPONENT_VAE, "its header would have");
  assert_refused (sub, QI_COMPONENT_VAE, "holds no safetensors");
}

static void
test_index (void)
{
  static const char *const bad[] = { "/etc/passwd", "../x.safetensors", "a\\\\b", "" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"weight_map\":{\"img_in.weight\":\"%s\"}}", bad[i]);
      g_autofree char *path = write_file ("a.safetensors.index.json", json, strlen (json));

      assert_refused (path, QI_COMPONENT_TRANSFORMER, "not beside the index");
    }
  {
    static const char json[] = "{\"weight_map\":{\"img_in.weight\":\"s1.safetensors\",\"gone\":\"s1.safetensors\"}}";
    g_autofree char *shard = write_safetensors ("s1.safetensors", "{" IMG_IN "}", 16);
    g_autofree char *path = write_file ("a.safetensors.index.json", json, strlen (json));

    assert_refused (path, QI_COMPONENT_TRANSFORMER, "gone");
  }
  {
    static const char json[] = "{\"weight_map\":{\"img_in.weight\":\"s1.safetensors\"}}";
    g_autofree char *path = write_file ("a.safetensors.index.json", json, strlen (json));
    g_autoptr (GError) error = NULL;
    g_autoptr (QiCheckpoint) c = qi_checkpoint_open (path, QI_COMPONENT_TRANSFORMER, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (qi_checkpoint_container (c), ==, "sharded safetensors");
    g_assert_nonnull (qi_checkpoint_find (c, "img_in.weight"));
  }
}

/* NaN in weights is found where it is, also behind the first read. */
static void
test_non_finite (void)
{
  guint8 block[36] = { 0 };
  float f[5] = { 0, 1, -2, 3, 4 };
  static const guint8 e4m3[] = { 0x7e, 0xff };

  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_F32, f, sizeof f), ==, -1);
  f[3] = (float) NAN;
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_F32, f, sizeof f), ==, 3);
  f[1] = -INFINITY;
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_F32, f, sizeof f), ==, 1);
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_F8_E4M3, e4m3, 2), ==, 1);
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_Q4_0, block, 36), ==, -1);
  block[19] = 0x7c;
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_Q4_0, block, 36), ==, 1);
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_BF16, "\x80\x7f", 2), ==, 0);
  g_assert_cmpint (qi_find_non_finite (QI_DTYPE_F16, "\xff\x7b", 2), ==, -1);
}

static void
assert_name (QiComponent component, const char *name, const char *want)
{
  gboolean superfluous = FALSE;
  const char *naming = NULL;
  g_autofree char *got = qi_canonical_name (component, name, &superfluous, &naming);

  g_assert_cmpstr (superfluous ? "-" : got, ==, want);
}

static void
test_names (void)
{
  assert_name (QI_COMPONENT_TRANSFORMER, "model.diffusion_model.img_in.weight", "img_in.weight");
  assert_name (QI_COMPONENT_TRANSFORMER, "transformer_blocks.3.attn.to_q.bias", "transformer_blocks.3.attn.to_q.bias");
  assert_name (QI_COMPONENT_TRANSFORMER, "model.layers.0.mlp.up_proj.weight", NULL);
  assert_name (QI_COMPONENT_TRANSFORMER, "img_in.scale_weight", "-");
  assert_name (QI_COMPONENT_TEXT_ENCODER, "model.language_model.layers.7.mlp.up_proj.weight", "model.layers.7.mlp.up_proj.weight");
  assert_name (QI_COMPONENT_TEXT_ENCODER, "blk.12.ffn_down.weight", "model.layers.12.mlp.down_proj.weight");
  assert_name (QI_COMPONENT_TEXT_ENCODER, "token_embd.weight", "model.embed_tokens.weight");
  assert_name (QI_COMPONENT_TEXT_ENCODER, "lm_head.weight", "-");
  assert_name (QI_COMPONENT_TEXT_ENCODER, "visual.blocks.0.norm1.weight", NULL);
  assert_name (QI_COMPONENT_VISION, "v.blk.5.attn_out.bias", "visual.blocks.5.attn.proj.bias");
  assert_name (QI_COMPONENT_VISION, "mm.2.weight", "visual.merger.mlp.2.weight");
  assert_name (QI_COMPONENT_VAE, "conv1.weight", "quant_conv.weight");
  assert_name (QI_COMPONENT_VAE, "encoder.downsamples.4.residual.6.bias", "encoder.down_blocks.4.conv2.bias");
  assert_name (QI_COMPONENT_VAE, "encoder.downsamples.3.shortcut.weight", "encoder.down_blocks.3.conv_shortcut.weight");
  assert_name (QI_COMPONENT_VAE, "decoder.upsamples.7.resample.1.weight", "decoder.up_blocks.1.upsamplers.0.resample.1.weight");
  assert_name (QI_COMPONENT_VAE, "decoder.upsamples.13.residual.0.gamma", "decoder.up_blocks.3.resnets.1.norm1.gamma");
  assert_name (QI_COMPONENT_VAE, "decoder.middle.2.residual.3.gamma", "decoder.mid_block.resnets.1.norm2.gamma");
  assert_name (QI_COMPONENT_VAE, "decoder.upsamples.3.time_conv.weight", "-");
  assert_name (QI_COMPONENT_VAE, "first_stage_model.decoder.head.2.bias", "decoder.conv_out.bias");
}

/* A GGUF header of one tensor [8, 32] of Q8_0 and one field. */
static GByteArray *
make_gguf (void)
{
  static const guint8 bytes[] =
    "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
    "\5\0\0\0\0\0\0\0a.key\4\0\0\0\7\0\0\0"
    "\15\0\0\0\0\0\0\0img_in.weight\2\0\0\0\40\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\0\0\0\0";
  GByteArray *file = g_byte_array_new ();

  g_byte_array_append (file, bytes, sizeof bytes - 1);
  g_byte_array_set_size (file, (file->len + 31) / 32 * 32 + 8 * 34);
  memset (file->data + sizeof bytes - 1, 0, file->len - (sizeof bytes - 1));
  return file;
}

/* A part of a split GGUF: an F32 tensor of 8 elements, and the numbers of parts and of tensors if not 0. */
static char *
write_part (const char *name, const char *tensor, guint32 parts, guint32 tensors)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  const struct
  {
    const char *key;
    guint32 value;
  } fields[] = { { "split.count", parts }, { "split.tensors.count", tensors } };
  const guint64 counts[] = { GUINT64_TO_LE (1), GUINT64_TO_LE (parts ? 2 : 0) }, n_name = GUINT64_TO_LE (strlen (tensor));
  const guint64 rest[] = { GUINT64_TO_LE (8), 0 /* F32, and half of the offset */ };

  g_byte_array_append (file, (const guint8 *) "GGUF\3\0\0", 8);
  g_byte_array_append (file, (const guint8 *) counts, sizeof counts);
  for (guint i = 0; parts && i < G_N_ELEMENTS (fields); i++)
    {
      const guint64 n = GUINT64_TO_LE (strlen (fields[i].key));
      const guint32 kind_value[] = { GUINT32_TO_LE (4), GUINT32_TO_LE (fields[i].value) };

      g_byte_array_append (file, (const guint8 *) &n, 8);
      g_byte_array_append (file, (const guint8 *) fields[i].key, strlen (fields[i].key));
      g_byte_array_append (file, (const guint8 *) kind_value, 8);
    }
  g_byte_array_append (file, (const guint8 *) &n_name, 8);
  g_byte_array_append (file, (const guint8 *) tensor, strlen (tensor));
  g_byte_array_append (file, (const guint8 *) "\1\0\0", 4);
  g_byte_array_append (file, (const guint8 *) rest, sizeof rest);
  g_byte_array_append (file, (const guint8 *) "\0\0\0", 4);
  while (file->len % 32)
    g_byte_array_append (file, (const guint8 *) "", 1);
  for (guint i = 0; i < 32; i++)
    g_byte_array_append (file, (const guint8 *) "", 1);
  return write_file (name, file->data, file->len);
}

static void
test_split (void)
{
  g_autofree char *first = write_part ("m-00001-of-00002.gguf", "img_in.bias", 2, 2), *alone = write_part ("alone.gguf", "img_in.bias", 2, 2),
                  *more = write_part ("n-00001-of-00002.gguf", "img_in.bias", 2, 3), *missing = write_part ("o-00001-of-00002.gguf", "img_in.bias", 2, 2),
                  *many = write_part ("p-00001-of-00002.gguf", "img_in.bias", 2000, 2);
  g_autofree char *second = write_part ("m-00002-of-00002.gguf", "proj_out.bias", 0, 0), *other = write_part ("n-00002-of-00002.gguf", "proj_out.bias", 0, 0);
  g_autoptr (GError) error = NULL, gone = NULL;
  g_autoptr (QiCheckpoint) c = qi_checkpoint_open (first, QI_COMPONENT_TRANSFORMER, &error);

  g_assert_no_error (error);
  g_assert_nonnull (qi_checkpoint_find (c, "img_in.bias"));
  g_assert_nonnull (qi_checkpoint_find (c, "proj_out.bias"));
  assert_refused (alone, QI_COMPONENT_TRANSFORMER, "one of 2 parts");
  assert_refused (many, QI_COMPONENT_TRANSFORMER, "one of 2000 parts");
  assert_refused (more, QI_COMPONENT_TRANSFORMER, "2 tensors, it promises 3");
  g_assert_null (qi_checkpoint_open (missing, QI_COMPONENT_TRANSFORMER, &gone));
  g_assert_nonnull (strstr (gone->message, "o-00002-of-00002.gguf"));
  g_free (g_steal_pointer (&second));
  second = write_part ("m-00002-of-00002.gguf", "img_in.bias", 0, 0);
  g_clear_error (&gone);
  g_assert_null (qi_checkpoint_open (first, QI_COMPONENT_TRANSFORMER, &gone));
  g_assert_nonnull (strstr (gone->message, "there twice"));
}

static void
test_gguf (void)
{
  static const struct
  {
    guint at;
    guint8 value;
    const char *word;
  } lies[] = { { 4, 1, "version 1" },      { 15, 0x40, "claims" },          { 23, 0x40, "claims" },       { 31, 1, "text in its header" },
               { 37, 99, "unknown kind" }, { 52, 1, "text in its header" }, { 66, 9, "9 dimensions" },    { 70, 33, "no whole number" },
               { 85, 0x40, "more than" },  { 86, 40, "ggml type 40" },      { 90, 1, "no multiple of 32" }, { 94, 1, "ends past" },
               { 24, 4, "unknown kind" } };
  g_autoptr (GByteArray) good = make_gguf ();
  g_autofree char *path = write_file ("good.gguf", good->data, good->len), *cut = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (QiCheckpoint) c = qi_checkpoint_open (path, QI_COMPONENT_TRANSFORMER, &error);
  const QiCheckpointTensor *t;
  guint64 value = 0;

  g_assert_no_error (error);
  t = qi_checkpoint_find (c, "img_in.weight");
  g_assert_nonnull (t);
  g_assert_cmpuint (t->dims[0], ==, 8);
  g_assert_cmpuint (t->dims[1], ==, 32);
  g_assert_true (qi_checkpoint_meta_uint (c, "a.key", &value));
  g_assert_cmpuint (value, ==, 7);
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autoptr (GByteArray) bad = make_gguf ();
      g_autofree char *lie = NULL;

      bad->data[lies[i].at] = lies[i].value;
      lie = write_file ("lie.gguf", bad->data, bad->len);
      assert_refused (lie, QI_COMPONENT_TRANSFORMER, lies[i].word);
    }
  for (guint n = 1; n < good->len; n += 7)
    {
      cut = write_file ("cut.gguf", good->data, n);
      assert_refused (cut, QI_COMPONENT_TRANSFORMER, cut);
      g_clear_pointer (&cut, g_free);
    }
}

/* The tiny model that the tests share opens in every part, and a shape that is asked for wrongly is named. */
static void
test_base (void)
{
  static const char *const parts[] = { "transformer", "text_encoder", "text_encoder", "vae" };

  for (QiComponent i = 0; i < QI_N_COMPONENTS; i++)
    {
      g_autofree char *path = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", parts[i], NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (QiCheckpoint) c = qi_checkpoint_open (path, i, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (qi_checkpoint_n_tensors (c), >, 10);
      for (guint j = 0; j < qi_checkpoint_n_tensors (c); j++)
        {
          const QiCheckpointTensor *t = qi_checkpoint_tensor (c, j);
          g_autofree guint8 *data = g_malloc (t->bytes);

          g_assert_true (qi_checkpoint_read (c, t, 0, data, t->bytes, &error));
          g_assert_no_error (error);
        }
      if (i == QI_COMPONENT_TRANSFORMER)
        {
          const guint64 dims[] = { 64, 63 };

          g_assert_null (qi_checkpoint_require (c, "img_in.weight", 2, dims, &error));
          g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
          g_assert_nonnull (strstr (error->message, "[64, 64] where the configuration needs [64, 63]"));
        }
    }
}

static void
test_scaled_fp8 (void)
{
  static const char with[] = "{\"img_in.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[4,4],\"data_offsets\":[0,16]},"
                             "\"img_in.scale_weight\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]}}";
  static const char without[] = "{\"img_in.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[4,4],\"data_offsets\":[0,16]},"
                                "\"scaled_fp8\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[16,18]}}";
  g_autofree char *good = write_safetensors ("fp8.safetensors", with, 20), *bad = write_safetensors ("fp8b.safetensors", without, 18);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiCheckpoint) c = qi_checkpoint_open (good, QI_COMPONENT_TRANSFORMER, &error);
  float one;

  g_assert_no_error (error);
  memset (&one, 1, 4);
  g_assert_cmpuint (qi_checkpoint_find (c, "img_in.weight")->n_scales, ==, 1);
  g_assert_cmpfloat (qi_checkpoint_find (c, "img_in.weight")->scales[0], ==, one);
  assert_refused (bad, QI_COMPONENT_TRANSFORMER, "has no scale");
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("checkpoint-XXXXXX", NULL);
  g_test_add_func ("/checkpoint/safetensors/lies", test_safetensors_lies);
  g_test_add_func ("/checkpoint/safetensors/index", test_index);
  g_test_add_func ("/checkpoint/gguf", test_gguf);
  g_test_add_func ("/checkpoint/gguf/split", test_split);
  g_test_add_func ("/checkpoint/foreign", test_no_checkpoints);
  g_test_add_func ("/checkpoint/non-finite", test_non_finite);
  g_test_add_func ("/checkpoint/names", test_names);
  g_test_add_func ("/checkpoint/base", test_base);
  g_test_add_func ("/checkpoint/scaled-fp8", test_scaled_fp8);
  status = g_test_run ();
  {
    g_autofree char *command = g_strdup_printf ("rm -rf '%s'", folder);

    g_assert_cmpint (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL), ==, TRUE);
  }
  g_free (folder);
  return status;
}
