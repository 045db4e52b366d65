/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/caption/mend.h"

#include <string.h>

#include <glib.h>

#define MAX_DEPTH 16
#define MAX_CUTS 16 /* members of the object that are given up, the last first */

#define READ_FLAGS                                                                                                    \
  (YYJSON_READ_STOP_WHEN_DONE | YYJSON_READ_ALLOW_TRAILING_COMMAS | YYJSON_READ_ALLOW_COMMENTS                         \
   | YYJSON_READ_ALLOW_INF_AND_NAN)

/* The object so far, repaired on the way. */
typedef struct
{
  GString *text;
  char closers[MAX_DEPTH]; /* what the open brackets want */
  guint depth;
  gboolean in_string, escaped;
  GArray *commas; /* gsize: where in text the object's own commas are */
} Mender;

/* Control characters may not stand in a string as they are. */
static void
take_in_string (Mender *m, char c)
{
  if (!m->escaped && (guint8) c < 0x20)
    {
      g_string_append (m->text, c == '\n' ? "\\n" : c == '\t' ? "\\t" : " ");
      return;
    }
  g_string_append_c (m->text, c);
  if (m->escaped)
    m->escaped = FALSE;
  else if (c == '\\')
    m->escaped = TRUE;
  else if (c == '"')
    m->in_string = FALSE;
}

/* FALSE: the object is at its end, or not one. */
static gboolean
take (Mender *m, char c)
{
  if (m->in_string)
    {
      take_in_string (m, c);
      return TRUE;
    }
  if (c == '"')
    m->in_string = TRUE;
  else if (c == '{' || c == '[')
    {
      if (m->depth == MAX_DEPTH)
        return FALSE;
      m->closers[m->depth++] = c == '{' ? '}' : ']';
    }
  else if (c == '}' || c == ']')
    {
      if (m->closers[m->depth - 1] != c)
        return FALSE;
      m->depth--;
    }
  else if (c == ',' && m->depth == 1)
    g_array_append_val (m->commas, m->text->len);
  g_string_append_c (m->text, c);
  return m->depth > 0;
}

/* Closes what is open. */
static void
close_all (Mender *m)
{
  if (m->in_string && m->escaped)
    g_string_truncate (m->text, m->text->len - 1);
  if (m->in_string)
    g_string_append_c (m->text, '"');
  while (m->depth > 0)
    g_string_append_c (m->text, m->closers[--m->depth]);
}

static yyjson_doc *
read_object (const GString *text)
{
  yyjson_doc *doc = yyjson_read_opts (text->str, text->len, READ_FLAGS, NULL, NULL);

  if (doc && yyjson_is_obj (yyjson_doc_get_root (doc)))
    return doc;
  yyjson_doc_free (doc);
  return NULL;
}

yyjson_doc *
qi_json_mend (const char *text, size_t n)
{
  const char *begin = memchr (text, '{', n);
  g_autoptr (GString) mended = g_string_new (NULL);
  g_autoptr (GArray) commas = g_array_new (FALSE, FALSE, sizeof (gsize));
  Mender m = { .text = mended, .commas = commas };
  yyjson_doc *doc;

  if (!begin)
    return NULL;
  for (const char *at = begin; at < text + n && take (&m, *at);)
    at++;
  close_all (&m);
  doc = read_object (mended);
  for (guint i = 0; !doc && i < MIN (commas->len, MAX_CUTS); i++)
    {
      g_string_truncate (mended, g_array_index (commas, gsize, commas->len - 1 - i));
      g_string_append_c (mended, '}');
      doc = read_object (mended);
    }
  return doc;
}
