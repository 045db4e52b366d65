/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/json-text.h"

#include <string.h>

static void
append_scalar (GString *text, const char *key, yyjson_val *value)
{
  if (key && g_str_has_suffix (key, "bytes") && yyjson_is_uint (value))
    {
      g_autofree char *size = g_format_size_full (yyjson_get_uint (value), G_FORMAT_SIZE_IEC_UNITS);

      g_string_append (text, size);
    }
  else if (yyjson_is_bool (value))
    g_string_append (text, yyjson_get_bool (value) ? "yes" : "no");
  else if (yyjson_is_null (value))
    g_string_append (text, "none");
  else if (yyjson_is_uint (value))
    g_string_append_printf (text, "%" G_GUINT64_FORMAT, yyjson_get_uint (value));
  else if (yyjson_is_int (value))
    g_string_append_printf (text, "%" G_GINT64_FORMAT, yyjson_get_sint (value));
  else if (yyjson_is_real (value))
    g_string_append_printf (text, "%g", yyjson_get_real (value));
  else
    g_string_append_len (text, yyjson_get_str (value), (gssize) yyjson_get_len (value));
}

static gboolean
is_scalar_list (yyjson_val *value)
{
  yyjson_arr_iter iter;
  yyjson_val *item;

  yyjson_arr_iter_init (value, &iter);
  while ((item = yyjson_arr_iter_next (&iter)))
    if (yyjson_is_ctn (item))
      return FALSE;
  return TRUE;
}

static void
append_list (GString *text, yyjson_val *value, guint depth)
{
  const gboolean scalars = is_scalar_list (value);
  yyjson_arr_iter iter;
  yyjson_val *item;

  yyjson_arr_iter_init (value, &iter);
  for (guint i = 0; (item = yyjson_arr_iter_next (&iter)); i++)
    if (scalars)
      {
        g_string_append (text, i ? ", " : "");
        append_scalar (text, NULL, item);
      }
    else
      {
        g_string_append_printf (text, "%*s- %u\n", (int) (2 * depth), "", i + 1);
        qi_json_text (text, item, depth + 1);
      }
  if (scalars)
    g_string_append (text, yyjson_arr_size (value) ? "\n" : "none\n");
}

void
qi_json_text (GString *text, yyjson_val *value, guint depth)
{
  yyjson_obj_iter iter;
  yyjson_val *key;

  if (yyjson_is_arr (value))
    {
      append_list (text, value, depth);
      return;
    }
  if (!yyjson_is_obj (value))
    {
      append_scalar (text, NULL, value);
      g_string_append_c (text, '\n');
      return;
    }
  yyjson_obj_iter_init (value, &iter);
  while ((key = yyjson_obj_iter_next (&iter)))
    {
      yyjson_val *item = yyjson_obj_iter_get_val (key);
      g_autofree char *name = g_strdelimit (g_strdup (yyjson_get_str (key)), "_", ' ');
      const gboolean below = yyjson_is_obj (item) || (yyjson_is_arr (item) && !is_scalar_list (item));

      g_string_append_printf (text, "%*s%s:%s", (int) (2 * depth), "", name, below ? "\n" : " ");
      if (yyjson_is_ctn (item))
        {
          qi_json_text (text, item, depth + 1);
          continue;
        }
      append_scalar (text, yyjson_get_str (key), item);
      g_string_append_c (text, '\n');
    }
}
