/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Model files that lie, are damaged or are no files: one sentence that names file and tensor, status 3, nothing left behind. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yyjson.h>

#include "tests/cli/run-cli.h"

#define MMDIT "models/base/transformer/diffusion_pytorch_model.safetensors"
#define VAE "models/base/vae/diffusion_pytorch_model.safetensors"
#define ENCODER "models/base/text_encoder/model.safetensors"

static char *base; /* the tiny model */

static char *
contents (const char *of, gsize *n)
{
  g_autofree char *path = cli_data (of);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, n, NULL));
  return text;
}

static char *
write_file (const char *name, const void *bytes, gsize n)
{
  char *path = cli_path (name);

  g_assert_true (g_file_set_contents (path, bytes, n, NULL));
  return path;
}

/* A copy of the safetensors file of, its header with to instead of from (first occurrence; it must occur). */
static char *
with_header (const char *of, const char *name, const char *from, const char *to)
{
  gsize n;
  g_autofree char *bytes = contents (of, &n);
  const guint64 length = GUINT64_FROM_LE (*(guint64 *) bytes);
  g_autoptr (GString) header = g_string_new_len (bytes + 8, length);
  g_autoptr (GString) file = g_string_new (NULL);
  guint64 new_length;

  g_assert_cmpuint (g_string_replace (header, from, to, 1), ==, 1);
  new_length = GUINT64_TO_LE (header->len);
  g_string_append_len (file, (char *) &new_length, 8);
  g_string_append_len (file, header->str, header->len);
  g_string_append_len (file, bytes + 8 + length, n - 8 - length);
  return write_file (name, file->str, file->len);
}

/* generate with one part from path is refused with the file's name and word. */
static void
refuse (const char *flag, const char *path, const char *word)
{
  g_autofree char *part = g_strconcat (flag, "=", path, NULL), *name = g_path_get_basename (path),
                  *config = g_strconcat ("--config=", base, NULL);

  cli_assert_refused (3, name, NULL, "--model", base, config, "--prompt=x", part, NULL);
  cli_assert_refused (3, word, NULL, "--model", base, config, "--prompt=x", part, NULL);
}

static void
test_headers (void)
{
  static const struct
  {
    const char *flag, *of, *name, *from, *to, *word;
  } rows[] = {
    { "--transformer", MMDIT, "overlap", "[128,8320]", "[126,8318]", "img_in.weight" },
    { "--transformer", MMDIT, "outside", "[128,8320]", "[9000000,9008192]", "img_in.weight" },
    { "--transformer", MMDIT, "backwards", "[128,8320]", "[8320,128]", "img_in.weight" },
    { "--transformer", MMDIT, "negative", "[128,8320]", "[-128,8320]", "img_in.weight" },
    { "--transformer", MMDIT, "wraps", "[128,8320]", "[128,18446744073709551615]", "img_in.weight" },
    { "--transformer", MMDIT, "absurd", "\"shape\":[64,64]", "\"shape\":[4294967296,4294967296]", "img_in.weight" },
    { "--transformer", MMDIT, "no-size", "\"shape\":[64,64]", "\"shape\":[]", "img_in.weight" },
    { "--transformer", MMDIT, "shape", "\"shape\":[64,64]", "\"shape\":[32,128]", "img_in.weight" },
    { "--transformer", MMDIT, "type", "\"dtype\":\"BF16\",\"shape\":[64,64]", "\"dtype\":\"I64\",\"shape\":[64,64]", "img_in.weight" },
    { "--transformer", MMDIT, "missing", "\"img_in.weight\"", "\"img_in.height\"", "img_in" },
    { "--transformer", MMDIT, "twice", "\"img_in.weight\"", "\"img_in.bias\"", "img_in.bias" },
    { "--transformer", MMDIT, "no-json", "{", "", "JSON" },
    { "--vae", VAE, "vae-shape", "[32,16,3,3,3]", "[32,16,3,9,1]", "decoder.conv_in.weight" },
    { "--vae", VAE, "vae-missing", "\"decoder.conv_out.bias\"", "\"decoder.conv_out.bios\"", "decoder.conv_out" },
    { "--text-encoder", ENCODER, "text-shape", "\"shape\":[64,144]", "\"shape\":[144,64]", "layers.0.mlp.down_proj.weight" },
    { "--text-encoder", ENCODER, "text-missing", "layers.0.input_layernorm", "layers.0.input_layernorn", "layers.0.input_layernor" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = with_header (rows[i].of, rows[i].name, rows[i].from, rows[i].to);

      refuse (rows[i].flag, path, rows[i].word);
      g_assert_cmpint (g_unlink (path), ==, 0);
    }
}

static void
test_bytes (void)
{
  gsize n, m;
  g_autofree char *bytes = contents (MMDIT, &n), *text = contents ("models/base/model_index.json", &m);
  g_autofree char *empty = write_file ("empty.safetensors", "", 0), *cut = write_file ("cut.safetensors", bytes, n - 1),
                  *head = write_file ("head.safetensors", bytes, 1000), *words = write_file ("words.safetensors", text, m),
                  *gguf = write_file ("short.gguf", "GGUF\3\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x7f", 24);
  g_autofree char *huge = NULL;

  refuse ("--transformer", empty, "empty");
  refuse ("--transformer", cut, "bytes");
  refuse ("--transformer", head, "bytes");
  refuse ("--transformer", words, "no safetensors file");
  refuse ("--transformer", gguf, "9223372036854775807");
  memset (bytes, 0xff, 8);
  huge = write_file ("huge.safetensors", bytes, n);
  refuse ("--transformer", huge, "header");
}

static void
test_no_files (void)
{
  g_autofree char *folder = cli_path ("folder"), *pipe = cli_path ("pipe"), *loop = cli_path ("loop"), *nowhere = cli_path ("nowhere");

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_no_errno (symlink ("loop", loop));
  for (guint i = 0; i < 3; i++)
    {
      const char *flag = ((const char *[]) { "--transformer", "--vae", "--text-encoder" })[i];

      refuse (flag, folder, "folder");
      refuse (flag, pipe, "neither an ordinary file nor a folder");
      refuse (flag, loop, "There is no file or folder");
      refuse (flag, nowhere, "There is no file or folder");
      refuse (flag, "/dev/zero", "neither an ordinary file nor a folder");
    }
  refuse ("--model", folder, "folder");
  refuse ("--model", nowhere, "There is no file or folder");
  refuse ("--tokenizer", folder, "folder");
}

/* One weight that is no number would make a black picture; the sentence names the tensor. */
static void
test_nan (void)
{
  gsize n;
  g_autofree char *bytes = contents (VAE, &n), *path = NULL;
  const guint64 length = GUINT64_FROM_LE (*(guint64 *) bytes);

  memcpy (bytes + 8 + length + 64 + 2 * 77, "\xc0\x7f", 2); /* of decoder.conv_in.weight, BF16 */
  path = write_file ("nan.safetensors", bytes, n);
  refuse ("--vae", path, "decoder.conv_in.weight");
}

/* Every line of out is a JSON object. */
static void
assert_json_lines (const char *out)
{
  g_auto (GStrv) lines = g_strsplit (out, "\n", -1);

  for (guint i = 0; lines[i] && *lines[i]; i++)
    {
      yyjson_doc *doc = yyjson_read (lines[i], strlen (lines[i]), 0);

      g_assert_true (yyjson_is_obj (yyjson_doc_get_root (doc)));
      yyjson_doc_free (doc);
    }
}

/* info reports what is missing and foreign in a file that can be read, and refuses one that cannot. */
static void
test_info (void)
{
  gsize n;
  g_autofree char *bytes = contents (MMDIT, &n), *cut = write_file ("cut.safetensors", bytes, n - 1),
                  *odd = with_header (MMDIT, "odd.safetensors", "\"norm_out.linear.bias\"", "\"norm_out.linear.bios\"");
  g_auto (CliRun) plain = cli_run ("info", "--json", "--model", base, NULL);
  g_auto (CliRun) report = cli_run ("info", "--json", "--model", base, "--config", base, "--transformer", odd, NULL);
  g_autofree char *vae = cli_data (VAE);
  g_auto (CliRun) part = cli_run ("info", "--json", "--vae", vae, NULL);
  g_auto (CliRun) refused = cli_run ("info", "--json", "--model", base, "--config", base, "--transformer", cut, NULL);

  cli_assert_status (&plain, 0);
  cli_assert_status (&part, 0); /* a part alone can be looked at */
  g_assert_nonnull (strstr (part.out, "\"z_dim\""));
  cli_assert_status (&report, 0);
  cli_assert_status (&refused, 3);
  assert_json_lines (plain.out);
  assert_json_lines (report.out);
  assert_json_lines (refused.out);
  g_assert_null (strstr (plain.out, "norm_out.linear.bias"));
  g_assert_nonnull (strstr (report.out, "norm_out.linear.bias"));
  g_assert_nonnull (strstr (report.out, "norm_out.linear.bios"));
  g_assert_nonnull (strstr (refused.out, "\"bad-checkpoint\""));
  g_assert_nonnull (strstr (refused.err, "txt_norm.weight"));
}

static void
add_tests (void)
{
  base = cli_data ("models/base");
  g_test_add_func ("/hostile/headers", test_headers);
  g_test_add_func ("/hostile/bytes", test_bytes);
  g_test_add_func ("/hostile/no-files", test_no_files);
  g_test_add_func ("/hostile/nan", test_nan);
  g_test_add_func ("/hostile/info", test_info);
}

int
main (int argc, char **argv)
{
  const int status = cli_test_main (argc, argv, add_tests);

  g_free (base);
  return status;
}
