/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes.h"

gboolean
qi_parse_bytes (const char *number, guint64 *bytes)
{
  char *end = NULL;
  guint64 value = g_ascii_strtoull (number, &end, 10);
  guint shift = 0;

  if (end == number || *number == '-')
    return FALSE;
  switch (g_ascii_toupper (*end))
    {
    case 'K': shift = 10; end++; break;
    case 'M': shift = 20; end++; break;
    case 'G': shift = 30; end++; break;
    default: break;
    }
  if (*end || value > G_MAXUINT64 >> shift)
    return FALSE;
  *bytes = value << shift;
  return TRUE;
}

QiBytesText
qi_bytes (guint64 bytes)
{
  static const struct
  {
    guint shift;
    int decimals;
    const char *unit;
  } units[] = { { 30, 2, "GiB" }, { 20, 1, "MiB" }, { 10, 1, "KiB" } };
  QiBytesText result;

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (bytes >> units[i].shift)
      {
        g_snprintf (result.text, sizeof result.text, "%.*f %s", units[i].decimals,
                    bytes / (double) (1ull << units[i].shift), units[i].unit);
        return result;
      }
  g_snprintf (result.text, sizeof result.text, "%u bytes", (guint) bytes);
  return result;
}
