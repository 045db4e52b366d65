/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Captions from the command line: what is told and how, pictures and models that cannot be used. */
#include <string.h>
#include <yyjson.h>

#include "cli/picture.h"
#include "tests/cli/run-cli.h"

static char *base, *picture;

/* The line of an event; NULL: there is none. (yyjson_doc_free) */
static yyjson_doc *
find_event (const char *out, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (out, "\n", -1);

  for (guint i = 0; lines[i] && *lines[i]; i++)
    {
      yyjson_doc *doc = yyjson_read (lines[i], strlen (lines[i]), 0);

      g_assert_nonnull (doc); /* every line is JSON */
      if (g_strcmp0 (yyjson_get_str (yyjson_obj_get (yyjson_doc_get_root (doc), "event")), name) == 0)
        return doc;
      yyjson_doc_free (doc);
    }
  return NULL;
}

static void
test_json (void)
{
  static const char *const strings[] = { "caption", "type", "style", "reply" };
  g_auto (CliRun) run = cli_run ("caption", "--model", base, "--image", picture, "--json", "--device", "cpu", "--max-tokens", "40", NULL);
  g_auto (CliRun) again = cli_run ("caption", "--model", base, "--image", picture, "--json", "--quiet", "--device", "cpu", "--max-tokens", "40", NULL);
  yyjson_doc *doc = find_event (run.out, "caption"), *same = find_event (again.out, "caption"), *progress;
  yyjson_val *root = yyjson_doc_get_root (doc);

  cli_assert_status (&run, 0);
  cli_assert_status (&again, 0);
  g_assert_nonnull (doc);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_assert_true (yyjson_is_str (yyjson_obj_get (root, strings[i])));
  g_assert_true (yyjson_is_arr (yyjson_obj_get (root, "watermarks")) && yyjson_is_arr (yyjson_obj_get (root, "words")));
  g_assert_cmpstr (yyjson_get_str (yyjson_obj_get (root, "path")), ==, picture);
  /* The tiny model says nonsense, always the same. */
  g_assert_cmpuint (yyjson_get_len (yyjson_obj_get (root, "reply")), >, 40);
  g_assert_true (yyjson_equals (root, yyjson_doc_get_root (same)));
  progress = find_event (run.out, "progress");
  g_assert_nonnull (progress);
  g_assert_null (find_event (again.out, "progress"));
  yyjson_doc_free (progress);
  yyjson_doc_free (same);
  yyjson_doc_free (doc);
}

/* Nothing that a model says moves a terminal's cursor. */
static void
test_text (void)
{
  g_auto (CliRun) run = cli_run ("caption", "--model", base, "--image", picture, "--quiet", "--device", "cpu", "--max-tokens", "40", NULL);

  cli_assert_status (&run, 0);
  g_assert_cmpuint (strlen (run.out), >, 40);
  g_assert_true (g_utf8_validate (run.out, -1, NULL));
  for (const char *at = run.out; *at; at++)
    g_assert_true (*at == '\n' || !g_ascii_iscntrl (*at));
  g_assert_cmpstr (run.err, ==, "");
}

/* A set without transformer and VAE sees all the same. */
static void
test_parts (void)
{
  g_autofree char *folder = cli_path ("parts"), *encoder = g_build_filename (base, "text_encoder", NULL),
                  *tokenizer = g_build_filename (base, "tokenizer", NULL);
  g_auto (CliRun) run = cli_run ("caption", "--model", encoder, "--tokenizer", tokenizer, "--image", picture, "--quiet", "--device",
                                 "cpu", "--max-tokens", "4", NULL);

  cli_assert_status (&run, 0);
}

static void
assert_refused (const char *image, const char *model, const char *more, const char *value, int status, const char *words)
{
  g_auto (CliRun) run = cli_run ("caption", "--device", "cpu", "--quiet", "--model", model, "--image", image, more, value, NULL);

  cli_assert_status (&run, status);
  g_assert_nonnull (strstr (run.err, words));
  g_assert_cmpstr (run.out, ==, "");
}

static guint32
crc (const guint8 *data, gsize n)
{
  guint32 sum = 0xffffffffu;

  for (gsize i = 0; i < n; i++)
    {
      sum ^= data[i];
      for (guint k = 0; k < 8; k++)
        sum = sum & 1 ? sum >> 1 ^ 0xedb88320u : sum >> 1;
    }
  return ~sum;
}

/* A picture of a few bytes that says it is enormous. */
static void
write_bomb (const char *path)
{
  guint8 png[60] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\3\0\0\0\3\0\0\10\2\0\0\0....\0\0\0\20IDATx\x9c";
  const guint32 sum = GUINT32_TO_BE (crc (png + 12, 17));

  memcpy (png + 29, &sum, 4);
  g_assert_true (g_file_set_contents (path, (char *) png, sizeof png, NULL));
}

static void
test_pictures (void)
{
  g_autofree char *strip = cli_path ("strip.png"), *text = cli_path ("text.png"), *cut = cli_path ("cut.png"), *bomb = cli_path ("bomb.png"),
                  *data = NULL;
  g_autofree guint8 *pixels = g_malloc0 (4000 * 3);
  g_autoptr (GBytes) bytes = g_bytes_new (pixels, 4000 * 3);
  g_autoptr (QiImage) image = qi_image_new (1, 4000, 3, 3, bytes);
  gsize n;

  g_assert_true (qi_picture_save (image, strip, NULL, NULL));
  g_assert_true (g_file_set_contents (text, "no picture", -1, NULL));
  g_assert_true (g_file_get_contents (picture, &data, &n, NULL));
  g_assert_true (g_file_set_contents (cut, data, (gssize) n / 2, NULL));
  write_bomb (bomb);
  assert_refused (strip, base, NULL, NULL, 2, "200");
  assert_refused ("/nonexistent.png", base, NULL, NULL, 3, "no picture");
  assert_refused (cli_folder, base, NULL, NULL, 3, "no ordinary file");
  assert_refused (text, base, NULL, NULL, 3, "PNG, JPEG, WebP and TIFF");
  assert_refused (cut, base, NULL, NULL, 3, "could not be read");
  assert_refused (bomb, base, NULL, NULL, 2, "196608");
}

static void
test_models (void)
{
  g_autofree char *reader = cli_variant ("text/fp8-scaled.safetensors"), *config = cli_variant ("config");
  g_auto (CliRun) headless = cli_run ("caption", "--device", "cpu", "--quiet", "--model", base, "--text-encoder", reader, "--config",
                                      config, "--image", picture, NULL);
  g_auto (CliRun) nothing = cli_run ("caption", "--model", base, NULL);

  cli_assert_status (&headless, 3);
  g_assert_nonnull (strstr (headless.err, "output head"));
  cli_assert_status (&nothing, 2);
  g_assert_nonnull (strstr (nothing.err, "--image"));
  assert_refused (picture, base, "--max-tokens", "-1", 2, "--max-tokens");
  assert_refused (picture, base, "--memory", "1M", 4, "memory");
}

static void
add (void)
{
  base = cli_data ("models/base");
  picture = cli_data ("text-one-image/image1.png");
  g_test_add_func ("/caption/json", test_json);
  g_test_add_func ("/caption/text", test_text);
  g_test_add_func ("/caption/parts", test_parts);
  g_test_add_func ("/caption/pictures", test_pictures);
  g_test_add_func ("/caption/models", test_models);
}

int
main (int argc, char **argv)
{
  return cli_test_main (argc, argv, add);
}
