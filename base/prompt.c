/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/prompt.h"

#include <string.h>

#include "base/error.h"

static const struct
{
  const char *name, *english, *chinese;
} places[QI_N_PLACES] = {
  [QI_PLACE_TOP_LEFT] = { "top-left", "at the top left", "左上角" },
  [QI_PLACE_TOP] = { "top", "at the top", "上方" },
  [QI_PLACE_TOP_RIGHT] = { "top-right", "at the top right", "右上角" },
  [QI_PLACE_LEFT] = { "left", "on the left", "左侧" },
  [QI_PLACE_CENTER] = { "center", "in the center", "中央" },
  [QI_PLACE_RIGHT] = { "right", "on the right", "右侧" },
  [QI_PLACE_BOTTOM_LEFT] = { "bottom-left", "at the bottom left", "左下角" },
  [QI_PLACE_BOTTOM] = { "bottom", "at the bottom", "下方" },
  [QI_PLACE_BOTTOM_RIGHT] = { "bottom-right", "at the bottom right", "右下角" },
};

const char *
qi_place_name (QiPlace place)
{
  g_return_val_if_fail (place < QI_N_PLACES, NULL);

  return places[place].name;
}

void
qi_lettering_free (QiLettering *lettering)
{
  if (lettering == NULL)
    return;
  g_free (lettering->style);
  g_free (lettering->words);
  g_free (lettering);
}

/* --- reading rows --- */

static gboolean
fail (const char *row, const char *what, GError **error)
{
  g_autofree char *start = g_utf8_substring (row, 0, MIN (g_utf8_strlen (row, -1), 60));

  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The lettering “%s” cannot be used: %s", start, what);
  return FALSE;
}

/* A plain decimal number: what strtod also takes (hexadecimal, infinity) is none. */
static gboolean
parse_number (const char *text, double *value)
{
  char *end;

  if (*text == '\0' || strspn (text, "0123456789.+-") != strlen (text))
    return FALSE;
  *value = g_ascii_strtod (text, &end);
  return *end == '\0';
}

/* "X Y W H"; FALSE without an error when the text does not begin like a number. */
static gboolean
parse_rectangle (QiLettering *lettering, const char *text, const char *row, GError **error)
{
  double *const values[] = { &lettering->x, &lettering->y, &lettering->width, &lettering->height };
  g_auto (GStrv) parts = g_strsplit_set (text, " \t", -1);
  guint n = 0;

  if (!g_ascii_isdigit (text[0]) && strchr ("+-.", text[0]) == NULL)
    return FALSE;
  for (guint i = 0; parts[i] != NULL; i++)
    {
      if (parts[i][0] == '\0')
        continue;
      if (n == 4 || !parse_number (parts[i], values[n]))
        return fail (row, "a rectangle is four numbers, “X Y WIDTH HEIGHT”, in per cent of the picture.", error);
      if (*values[n] < 0.0 || *values[n] > 100.0)
        return fail (row, "the numbers of a rectangle are per cent of the picture, 0 to 100.", error);
      n++;
    }
  if (n != 4)
    return fail (row, "a rectangle is four numbers, “X Y WIDTH HEIGHT”, in per cent of the picture.", error);
  if (lettering->width == 0.0 || lettering->height == 0.0 || lettering->x + lettering->width > 100.0
      || lettering->y + lettering->height > 100.0)
    return fail (row, "its rectangle is empty or reaches beyond the picture: X + WIDTH and Y + HEIGHT are at most 100.", error);

  const guint column = (guint) MIN ((lettering->x + lettering->width / 2.0) * 3.0 / 100.0, 2.0);
  const guint line = (guint) MIN ((lettering->y + lettering->height / 2.0) * 3.0 / 100.0, 2.0);
  lettering->place = 3 * line + column;
  lettering->rectangle = TRUE;
  return TRUE;
}

static gboolean
parse_place (QiLettering *lettering, const char *text, const char *row, GError **error)
{
  g_autoptr (GError) fault = NULL;

  for (guint i = 0; i < QI_N_PLACES; i++)
    if (strcmp (text, places[i].name) == 0)
      {
        lettering->place = i;
        return TRUE;
      }
  if (parse_rectangle (lettering, text, row, &fault))
    return TRUE;
  if (fault != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&fault));
      return FALSE;
    }
  return fail (row,
               "there is no such place. Places are top-left, top, top-right, left, center, right, bottom-left, bottom, "
               "bottom-right, or “X Y WIDTH HEIGHT” in per cent of the picture.",
               error);
}

/* (transfer full) */
static char *
break_lines (const char *words)
{
  GString *text = g_string_new (words);

  g_string_replace (text, "\\n", "\n", 0);
  return g_string_free (text, FALSE);
}

QiLettering *
qi_lettering_parse (const char *row, GError **error)
{
  g_return_val_if_fail (row != NULL, NULL);

  const char *colon = strstr (row, ": ");
  g_autoptr (QiLettering) lettering = g_new0 (QiLettering, 1);

  if (colon == NULL || colon[2] == '\0')
    {
      fail (row, "it must be “PLACE: WORDS” or “PLACE, STYLE: WORDS”.", error);
      return NULL;
    }

  g_autofree char *head = g_strndup (row, colon - row);
  char *comma = strchr (head, ',');
  if (comma != NULL)
    *comma = '\0';
  if (!parse_place (lettering, g_strstrip (head), row, error))
    return NULL;
  if (comma != NULL && *g_strstrip (comma + 1) != '\0')
    lettering->style = g_strdup (g_strstrip (comma + 1));
  lettering->words = break_lines (colon + 2);
  return g_steal_pointer (&lettering);
}

GPtrArray *
qi_lettering_parse_rows (const char *rows, GError **error)
{
  g_autoptr (GPtrArray) letterings = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_lettering_free);
  g_auto (GStrv) lines = g_strsplit (rows != NULL ? rows : "", "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *bare = g_strstrip (g_strdup (lines[i]));
      if (g_str_has_suffix (lines[i], "\r"))
        lines[i][strlen (lines[i]) - 1] = '\0';

      QiLettering *lettering = *bare == '\0' ? NULL : qi_lettering_parse (lines[i], error);
      if (lettering != NULL)
        g_ptr_array_add (letterings, lettering);
      else if (*bare != '\0')
        return NULL;
    }
  return g_steal_pointer (&letterings);
}

/* --- writing sentences --- */

static gboolean
is_chinese (const char *prompt)
{
  gsize han = 0, others = 0;

  for (const char *at = prompt; *at != '\0'; at = g_utf8_next_char (at))
    {
      const gunichar c = g_utf8_get_char (at);
      if (g_unichar_get_script (c) == G_UNICODE_SCRIPT_HAN)
        han++;
      else if (g_unichar_isalpha (c))
        others++;
    }
  return han > others;
}

static void
append_english (GString *text, const QiLettering *lettering)
{
  const gboolean nested = strchr (lettering->words, '"') != NULL;

  g_string_append_printf (text, "The text %s%s%s is written %s", nested ? "“" : "\"", lettering->words,
                          nested ? "”" : "\"", places[lettering->place].english);
  if (lettering->style != NULL)
    g_string_append_printf (text, ", in %s letters", lettering->style);
  g_string_append_c (text, '.');
}

static void
append_chinese (GString *text, const QiLettering *lettering)
{
  g_string_append_printf (text, "画面%s写着“%s”", places[lettering->place].chinese, lettering->words);
  if (lettering->style != NULL)
    g_string_append_printf (text, ",%s", lettering->style);
  g_string_append (text, "。");
}

static gboolean
ends_in_space (const GString *text)
{
  return text->len == 0 || g_unichar_isspace (g_utf8_get_char (g_utf8_prev_char (text->str + text->len)));
}

char *
qi_prompt_assemble (const char *prompt, const char *rows, GError **error)
{
  g_autoptr (GPtrArray) letterings = qi_lettering_parse_rows (rows, error);
  if (letterings == NULL)
    return NULL;

  GString *text = g_string_new (prompt);
  const gboolean chinese = is_chinese (text->str);
  for (guint i = 0; i < letterings->len; i++)
    {
      if (!chinese && !ends_in_space (text))
        g_string_append_c (text, ' ');
      (chinese ? append_chinese : append_english) (text, letterings->pdata[i]);
    }
  return g_string_free (text, FALSE);
}
