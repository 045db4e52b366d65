/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/caption/caption.h"

#include <string.h>

#include "models/caption/mend.h"

#define MAX_ITEMS 64 /* of a list */

/* Keys as models spell them, in lower case and of letters alone. */
static const char *const caption_keys[] = { "caption", "imagecaption", "description", NULL };
static const char *const type_keys[] = { "imagetype", "type", NULL };
static const char *const style_keys[] = { "imagestyle", "style", NULL };
static const char *const watermark_keys[] = { "watermarklist", "watermarks", "watermark", NULL };
static const char *const word_keys[] = { "textlist", "words", "text", "texts", "visibletext", "wordsseen", NULL };

/* -- values ---------------------------------------------------------------------------------------- */

/* (transfer full) */
static char *
plain_key (const char *key)
{
  GString *plain = g_string_new (NULL);

  for (; *key; key++)
    if (g_ascii_isalpha (*key))
      g_string_append_c (plain, g_ascii_tolower (*key));
  return g_string_free (plain, FALSE);
}

/* The value of the first member with one of the names; NULL: there is none. */
static yyjson_val *
find (yyjson_val *object, const char *const *names)
{
  yyjson_obj_iter iter = yyjson_obj_iter_with (object);
  yyjson_val *key;

  while ((key = yyjson_obj_iter_next (&iter)))
    {
      g_autofree char *plain = plain_key (yyjson_get_str (key));

      if (g_strv_contains (names, plain))
        return yyjson_obj_iter_get_val (key);
    }
  return NULL;
}

/* Stripped, and without U+0000, which JSON can spell. (transfer full) */
static char *
string_of (yyjson_val *value)
{
  if (yyjson_is_str (value))
    return g_strstrip (g_strdup (yyjson_get_str (value)));
  if (yyjson_is_bool (value))
    return g_strdup (yyjson_get_bool (value) ? "yes" : "no");
  if (yyjson_is_num (value))
    return g_strdup_printf ("%.15g", yyjson_get_num (value));
  return g_strdup ("");
}

/* Ways to say that there are none. */
static gboolean
is_nothing (const char *text)
{
  static const char *const nothings[] = { "", "no", "none", "null", "n/a", "false", "[]", "no watermark", "无", "没有", NULL };
  g_autofree char *lower = g_utf8_strdown (text, -1);

  return g_strv_contains (nothings, lower);
}

/* (transfer full) */
static GStrv
list_of (yyjson_val *value)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  yyjson_arr_iter iter = yyjson_arr_iter_with (value);
  yyjson_val *item = yyjson_is_arr (value) ? yyjson_arr_iter_next (&iter) : value;

  for (guint n = 0; item && n < MAX_ITEMS; n++)
    {
      g_autofree char *text = string_of (item);

      if (!is_nothing (text))
        g_strv_builder_add (list, text);
      item = yyjson_is_arr (value) ? yyjson_arr_iter_next (&iter) : NULL;
    }
  return g_strv_builder_end (list);
}

/* A list stands for its items. (transfer full) */
static char *
text_of (yyjson_val *value)
{
  g_auto (GStrv) items = NULL;

  if (!yyjson_is_arr (value))
    return string_of (value);
  items = list_of (value);
  return g_strjoinv (", ", items);
}

/* -- words in the caption -------------------------------------------------------------------------- */

/* What stands in quotation marks is what can be read, as the question asks. (transfer full) */
static GStrv
quoted (const char *caption)
{
  static const struct
  {
    const char *open, *close;
  } marks[] = { { "“", "”" }, { "\"", "\"" }, { "「", "」" }, { "«", "»" } };
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  guint n = 0;

  for (const char *at = caption; *at && n < MAX_ITEMS;)
    {
      const char *end = NULL;
      guint kind = 0;

      while (kind < G_N_ELEMENTS (marks) && !g_str_has_prefix (at, marks[kind].open))
        kind++;
      if (kind < G_N_ELEMENTS (marks))
        end = strstr (at + strlen (marks[kind].open), marks[kind].close);
      if (!end)
        {
          at = g_utf8_next_char (at);
          continue;
        }
      at += strlen (marks[kind].open);
      g_autofree char *words = g_strstrip (g_strndup (at, end - at));
      if (*words)
        {
          g_strv_builder_add (list, words);
          n++;
        }
      at = end + strlen (marks[kind].close);
    }
  return g_strv_builder_end (list);
}

/* -- the reply ------------------------------------------------------------------------------------- */

/* Without the fence of a code block. (transfer full) */
static char *
unfenced (const char *reply)
{
  g_autofree char *text = g_strstrip (g_strdup (reply));
  const char *from = text;
  gsize n = strlen (text);

  if (g_str_has_prefix (text, "```"))
    {
      const char *line = strchr (text, '\n');

      from = line ? line + 1 : text + 3;
      n = strlen (from);
      if (n >= 3 && g_str_has_suffix (from, "```"))
        n -= 3;
    }
  return g_strstrip (g_strndup (from, n));
}

static void
fill (QiCaption *c, yyjson_val *object)
{
  yyjson_val *words = find (object, word_keys);

  c->structured = TRUE;
  c->caption = text_of (find (object, caption_keys));
  c->type = text_of (find (object, type_keys));
  c->style = text_of (find (object, style_keys));
  c->watermarks = list_of (find (object, watermark_keys));
  c->words = list_of (words);
}

QiCaption *
qi_caption_parse (const char *reply, gsize n)
{
  QiCaption *c = g_new0 (QiCaption, 1);
  yyjson_doc *doc = qi_json_mend (reply, n);
  yyjson_val *object = yyjson_doc_get_root (doc);

  c->reply = g_strndup (reply, n);
  if (doc && (find (object, caption_keys) || find (object, type_keys) || find (object, style_keys)))
    fill (c, object);
  else
    {
      c->caption = unfenced (c->reply);
      c->type = g_strdup ("");
      c->style = g_strdup ("");
      c->watermarks = g_new0 (char *, 1);
      c->words = g_new0 (char *, 1);
    }
  if (g_strv_length (c->words) == 0)
    {
      g_strfreev (c->words);
      c->words = quoted (c->caption);
    }
  yyjson_doc_free (doc);
  return c;
}
