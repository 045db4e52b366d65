/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Ids exactly as the reference tokenizer gives them, from each kind of file; templates; and broken files. */
#include <string.h>

#include "base/error.h"
#include "models/text/template.h"
#include "models/text/tokenizer-load.h"
#include "models/text/utf8.h"
#include "tests/unit/reference.h"

static QiTokenizer *
open_base (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", "tokenizer", NULL);
  g_autoptr (GError) error = NULL;
  QiTokenizer *tokenizer = qi_tokenizer_open (path, &error);

  g_assert_no_error (error);
  return tokenizer;
}

/* The text comes back, composed and without U+0000. */
static void
assert_decoded (const QiTokenizer *tokenizer, const GArray *ids, const char *text, gsize n)
{
  g_autofree char *got = qi_tokenizer_decode (tokenizer, (const guint32 *) ids->data, ids->len, TRUE);
  g_autoptr (GString) composed = qi_utf8_compose (text, n), want = g_string_new (NULL);

  for (gsize i = 0; i < composed->len; i++)
    if (composed->str[i])
      g_string_append_c (want, composed->str[i]);
  g_assert_cmpstr (got, ==, want->str);
}

static void
assert_reference (const QiTokenizer *tokenizer)
{
  yyjson_doc *doc = reference_read ("tokenizer-tiny");
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_doc_get_root (doc));
  yyjson_val *row;
  guint n = 0;

  while ((row = yyjson_arr_iter_next (&iter)))
    {
      yyjson_val *text = yyjson_obj_get (row, "text"), *ids = yyjson_obj_get (row, "ids");
      g_autoptr (GArray) got = qi_tokenizer_encode (tokenizer, yyjson_get_str (text), (gssize) yyjson_get_len (text), TRUE);

      if (got->len != yyjson_arr_size (ids))
        g_test_message ("%s", yyjson_get_str (text));
      g_assert_cmpuint (got->len, ==, yyjson_arr_size (ids));
      for (guint i = 0; i < got->len; i++)
        g_assert_cmpuint (g_array_index (got, guint32, i), ==, yyjson_get_uint (yyjson_arr_get (ids, i)));
      assert_decoded (tokenizer, got, yyjson_get_str (text), yyjson_get_len (text));
      n++;
    }
  yyjson_doc_free (doc);
  g_assert_cmpuint (n, >, 200);
}

static void
test_json (void)
{
  g_autoptr (QiTokenizer) tokenizer = open_base ();

  g_assert_cmpstr (qi_tokenizer_source (tokenizer), ==, "tokenizer.json");
  assert_reference (tokenizer);
}

static void
test_vocabulary_and_merges (void)
{
  g_autofree char *folder = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", "tokenizer", NULL),
                  *vocab = g_build_filename (folder, "vocab.json", NULL), *merges = g_build_filename (folder, "merges.txt", NULL),
                  *config = g_build_filename (folder, "tokenizer_config.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiTokenizer) tokenizer = qi_tokenizer_open_files (vocab, merges, NULL, config, &error);

  g_assert_no_error (error);
  assert_reference (tokenizer);
}

static void
test_gguf (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "text", "bf16.gguf", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiCheckpoint) checkpoint = qi_checkpoint_open (path, QI_COMPONENT_TEXT_ENCODER, &error);
  g_autoptr (QiTokenizer) tokenizer = checkpoint ? qi_tokenizer_from_checkpoint (checkpoint, &error) : NULL;

  g_assert_no_error (error);
  g_assert_nonnull (tokenizer);
  assert_reference (tokenizer);
}

/* Added tokens only where they are wanted; broken UTF-8 as U+FFFD; long runs in bounded time. */
static void
test_edges (void)
{
  g_autoptr (QiTokenizer) tokenizer = open_base ();
  g_autoptr (GArray) special = qi_tokenizer_encode (tokenizer, "a<|im_end|>", -1, TRUE);
  g_autoptr (GArray) plain = qi_tokenizer_encode (tokenizer, "a<|im_end|>", -1, FALSE);
  g_autoptr (GArray) broken = qi_tokenizer_encode (tokenizer, "a\xff\xe4\xb8z", -1, TRUE);
  g_autoptr (GArray) repaired = qi_tokenizer_encode (tokenizer, "a\xef\xbf\xbd\xef\xbf\xbdz", -1, TRUE);
  g_autofree char *run = g_strnfill (100000, 'e');
  g_autoptr (GArray) ids = qi_tokenizer_encode (tokenizer, run, -1, TRUE);
  guint32 end;

  g_assert_true (qi_tokenizer_special (tokenizer, "<|im_end|>", &end));
  g_assert_cmpuint (special->len, ==, 2);
  g_assert_cmpuint (g_array_index (special, guint32, 1), ==, end);
  for (guint i = 0; i < plain->len; i++)
    g_assert_cmpuint (g_array_index (plain, guint32, i), !=, end);
  g_assert_cmpmem (broken->data, broken->len * 4, repaired->data, repaired->len * 4);
  g_assert_cmpuint (ids->len, >, 1000);
}

static guint
count_id (const GArray *ids, guint32 id)
{
  guint n = 0;

  for (guint i = 0; i < ids->len; i++)
    n += g_array_index (ids, guint32, i) == id;
  return n;
}

static void
test_template (void)
{
  g_autoptr (QiTokenizer) tokenizer = open_base ();
  const guint pictures[] = { 6 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) empty = qi_template_encode (QI_TEMPLATE_IMAGE, tokenizer, "", -1, NULL, 0, FALSE, &error);
  g_autoptr (GArray) neutral = qi_template_encode (QI_TEMPLATE_IMAGE, tokenizer, "a<|im_end|>b", -1, NULL, 0, FALSE, &error);
  g_autoptr (GArray) meant = qi_template_encode (QI_TEMPLATE_IMAGE, tokenizer, "a<|im_end|>b", -1, NULL, 0, TRUE, &error);
  g_autoptr (GArray) edit = qi_template_encode (QI_TEMPLATE_EDIT, tokenizer, "x", -1, pictures, 1, FALSE, &error);
  g_autofree char *much = g_strnfill (5000, '!');
  g_autoptr (GArray) cut = NULL;
  guint32 end = 0, pad = 0;

  g_assert_no_error (error);
  g_assert_true (qi_tokenizer_special (tokenizer, "<|im_end|>", &end) && qi_tokenizer_special (tokenizer, "<|image_pad|>", &pad));
  g_assert_cmpuint (qi_template_dropped (QI_TEMPLATE_IMAGE), ==, 34);
  g_assert_cmpuint (qi_template_dropped (QI_TEMPLATE_EDIT), ==, 64);
  /* What stays of an empty prompt is the template's end of five tokens. */
  g_assert_cmpuint (empty->len, ==, 34 + 5);
  g_assert_cmpuint (count_id (empty, end), ==, 2);
  g_assert_cmpuint (count_id (neutral, end), ==, 2);
  g_assert_cmpuint (count_id (meant, end), ==, 3);
  g_assert_cmpuint (count_id (edit, pad), ==, 6);
  for (guint i = 0; i < 5000; i += 2)
    much[i] = '\n';
  cut = qi_template_encode (QI_TEMPLATE_IMAGE, tokenizer, much, -1, NULL, 0, FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cut->len, ==, 34 + QI_TEMPLATE_MAX_ROWS);
  g_assert_null (qi_template_encode (QI_TEMPLATE_EDIT, tokenizer, "x", -1, NULL, 0, FALSE, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
}

static void
assert_broken (const char *vocab, const char *merges)
{
  const QiTokenizerText v = { "v.json", vocab, strlen (vocab) }, m = { "m.txt", merges, strlen (merges) }, none = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (QiVocabulary) vocabulary = qi_vocabulary_from_texts (&v, &m, &none, &none, &error);

  g_assert_null (vocabulary);
  g_assert_true (error->domain == QI_ERROR);
  g_assert_true (strstr (error->message, "v.json") || strstr (error->message, "m.txt"));
  g_test_message ("%s", error->message);
}

static void
test_broken (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", "tokenizer", "vocab.json", NULL), *good = NULL;
  g_autofree char *big = NULL;
  static const char *const vocabularies[] = { "", "[]", "{\"a\":-1}", "{\"a\":1.5}", "{\"a\":\"b\"}", "{\"a\":0,\"b\":0}", "{\"a\":4294967296}",
                                              "{\"a\":0,\"a\":1}", "{\"a\":0}", "{\"\":0}" };

  for (guint i = 0; i < G_N_ELEMENTS (vocabularies); i++)
    assert_broken (vocabularies[i], "#version: 0.2\n");
  g_assert_true (g_file_get_contents (path, &good, NULL, NULL));
  assert_broken (good, "a\n");
  assert_broken (good, "a zzzzq\n");
  assert_broken (good, "zzzzq a\n");
  big = g_strnfill (3000, 'a');
  assert_broken (good, big);
}

/* Added tokens only where they are asked for; ids of nobody, halves of characters. */
static void
test_decode (void)
{
  g_autoptr (QiTokenizer) tokenizer = open_base ();
  g_autoptr (GArray) ids = qi_tokenizer_encode (tokenizer, "<|im_start|>fox é<|im_end|>", -1, TRUE);
  const guint32 foreign = 1u << 30;

  g_array_append_val (ids, foreign);
  g_autofree char *all = qi_tokenizer_decode (tokenizer, (const guint32 *) ids->data, ids->len, TRUE);
  g_autofree char *plain = qi_tokenizer_decode (tokenizer, (const guint32 *) ids->data, ids->len, FALSE);
  g_autofree char *none = qi_tokenizer_decode (tokenizer, NULL, 0, TRUE);
  g_assert_cmpstr (all, ==, "<|im_start|>fox é<|im_end|>");
  g_assert_cmpstr (plain, ==, "fox é");
  g_assert_cmpstr (none, ==, "");

  g_autoptr (GArray) bytes = qi_tokenizer_encode (tokenizer, "𒀀", -1, TRUE); /* no merge makes one token of it */
  g_autofree char *half = qi_tokenizer_decode (tokenizer, (const guint32 *) bytes->data, bytes->len - 1, TRUE);
  g_assert_true (g_utf8_validate (half, -1, NULL));
  g_assert_nonnull (strstr (half, "\357\277\275"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tokenizer/json", test_json);
  g_test_add_func ("/tokenizer/vocabulary-and-merges", test_vocabulary_and_merges);
  g_test_add_func ("/tokenizer/gguf", test_gguf);
  g_test_add_func ("/tokenizer/edges", test_edges);
  g_test_add_func ("/tokenizer/template", test_template);
  g_test_add_func ("/tokenizer/broken", test_broken);
  g_test_add_func ("/tokenizer/decode", test_decode);
  return g_test_run ();
}
