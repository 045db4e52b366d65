/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/utf8.h"

#include <string.h>

/* What may follow a first byte: how many bytes, and the range of the first of them (table 3-7 of the Unicode standard,
 * which shuts out overlong forms, surrogates and what lies above U+10FFFF). n: 0 for ASCII, -1 for no first byte. */
static int
classify (guint8 first, guint8 *low, guint8 *high)
{
  *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (first < 0x80)
    return 0;
  if (first >= 0xc2 && first <= 0xdf)
    return 1;
  if (first >= 0xe0 && first <= 0xef)
    return 2;
  return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

GString *
qi_utf8_repair (const char *text, gsize n)
{
  GString *out = g_string_sized_new (n);

  for (gsize i = 0; i < n;)
    {
      guint8 low, high;
      const int follow = classify ((guint8) text[i], &low, &high);
      int have = 0;

      for (; have < follow && i + have + 1 < n; have++)
        {
          const guint8 byte = (guint8) text[i + have + 1];
          if (byte < (have == 0 ? low : 0x80) || byte > (have == 0 ? high : 0xbf))
            break;
        }
      if (have == follow)
        g_string_append_len (out, text + i, have + 1);
      else
        g_string_append (out, "\xef\xbf\xbd");
      i += have + 1;
    }
  return out;
}

static gboolean
is_ascii (const char *text, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if ((guint8) text[i] >= 0x80)
      return FALSE;
  return TRUE;
}

GString *
qi_utf8_compose (const char *text, gsize n)
{
  if (is_ascii (text, n))
    return g_string_new_len (text, n);

  GString *out = g_string_sized_new (n);
  for (gsize i = 0; i < n;) /* g_utf8_normalize() ends at a NUL, which composes with nothing */
    {
      const char *nul = memchr (text + i, '\0', n - i);
      const gsize end = nul != NULL ? (gsize) (nul - text) : n;
      g_autofree char *composed = g_utf8_normalize (text + i, end - i, G_NORMALIZE_NFC);

      g_string_append (out, composed);
      if (nul != NULL)
        g_string_append_c (out, '\0');
      i = end + (nul != NULL);
    }
  return out;
}
