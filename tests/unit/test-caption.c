/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies as language models write them: in the form asked for, around it, and without it. */
#include <string.h>

#include "models/caption/caption.h"

#define WHOLE                                                                                                        \
  "{\"Caption\": \"A fox beside a sign that reads \\\"SALE\\\".\", \"Image Type\": \"Photo\", \"Image Style\": \"Realistic\", " \
  "\"Watermark List\": [\"Shutter\"], \"Abnormal Element\": \"no\", \"Text List\": [\"SALE\", \"50 %\"]}"

static QiCaption *
parse (const char *reply)
{
  QiCaption *caption = qi_caption_parse (reply, strlen (reply));

  g_assert_cmpstr (caption->reply, ==, reply);
  return caption;
}

static void
assert_list (GStrv list, const char *want)
{
  g_autofree char *got = g_strjoinv ("|", list);

  g_assert_cmpstr (got, ==, want);
}

/* The same object, whatever is around it. */
static void
whole (void)
{
  static const char *const replies[] = { WHOLE, "```json\n" WHOLE "\n```", "Here it is:\n" WHOLE "\nI hope that helps {}.",
                                         "\n\t " WHOLE };

  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (QiCaption) c = parse (replies[i]);

      g_assert_true (c->structured);
      g_assert_cmpstr (c->caption, ==, "A fox beside a sign that reads \"SALE\".");
      g_assert_cmpstr (c->type, ==, "Photo");
      g_assert_cmpstr (c->style, ==, "Realistic");
      assert_list (c->watermarks, "Shutter");
      assert_list (c->words, "SALE|50 %");
    }
}

/* Other spellings, and mistakes. */
static void
careless (void)
{
  g_autoptr (QiCaption) a = parse ("{\"caption\":\"Two\nlines\tand\", \"image_style\": [\"Flat\", \"Bold\"], \"TYPE\": 3,\n"
                                   "\"watermarks\": \"none\", \"words\": \"OPEN\",}");
  g_autoptr (QiCaption) b = parse ("{\"Image Type\": \"Poster\", \"Watermark List\": [\"\", \"None\", null, \"©\"], \"Caption\": null}");
  g_autoptr (QiCaption) c = parse ("{\"Caption\": \"“早上好” 和 「你好」, \\\"ok\\\" and \\\"\\\"\", \"Text List\": []}");

  g_assert_cmpstr (a->caption, ==, "Two\nlines\tand");
  g_assert_cmpstr (a->style, ==, "Flat, Bold");
  g_assert_cmpstr (a->type, ==, "3");
  assert_list (a->watermarks, "");
  assert_list (a->words, "OPEN");
  g_assert_cmpstr (b->caption, ==, "");
  g_assert_cmpstr (b->type, ==, "Poster");
  assert_list (b->watermarks, "©");
  assert_list (c->words, "早上好|你好|ok"); /* from the caption, since the list says nothing */
}

/* Cut off after any byte: what is whole by then is kept, and no more is made up. */
static void
cut (void)
{
  static const char all[] = WHOLE;
  const gsize n = strlen (all), type = strstr (all, "Photo") + 6 - all, words = strstr (all, "\"50") - all;

  for (gsize i = 0; i <= n; i++)
    {
      g_autofree char *reply = g_strndup (all, i);
      g_autoptr (QiCaption) c = parse (reply);

      if (c->structured)
        g_assert_true (g_str_has_prefix ("A fox beside a sign that reads \"SALE\".", c->caption));
      g_assert_cmpint (c->structured, ==, i > 12 ? TRUE : c->structured); /* from the caption's first letter on */
      if (i >= type)
        g_assert_cmpstr (c->type, ==, "Photo");
      if (i >= words)
        g_assert_cmpstr (c->words[0], ==, "SALE");
    }
}

/* Without the form the reply is the caption. */
static void
formless (void)
{
  static const char *const replies[] = { "A fox in the snow.", "  ```\nA fox in the snow.\n```  ", "A fox in the snow.\n" };
  static const char *const odd[] = { "", "{", "{}", "{\"a\": 1}", "[1]", "{{{{{{{{{{{{{{{{{{{{{{{{", "}{", "{\"Caption\"", "```", "{\"a\":]}" };
  g_autoptr (QiCaption) quoted = parse ("It says \"Open\" and “Closed”.");

  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (QiCaption) c = parse (replies[i]);

      g_assert_false (c->structured);
      g_assert_cmpstr (c->caption, ==, "A fox in the snow.");
      assert_list (c->words, "");
    }
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      g_autoptr (QiCaption) c = parse (odd[i]);

      g_assert_false (c->structured);
      g_assert_nonnull (c->type);
    }
  assert_list (quoted->words, "Open|Closed");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/caption/whole", whole);
  g_test_add_func ("/caption/careless", careless);
  g_test_add_func ("/caption/cut", cut);
  g_test_add_func ("/caption/formless", formless);
  return g_test_run ();
}
