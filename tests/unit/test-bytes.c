/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes.h"

static void
read_amounts (void)
{
  static const struct
  {
    const char *text;
    guint64 bytes;
  } good[] = { { "0", 0 }, { "512", 512 }, { "3k", 3072 }, { "512M", 512ull << 20 }, { "8G", 8ull << 30 },
               { "17179869183G", 17179869183ull << 30 } };
  static const char *const bad[] = { "", "G", "lots", "-1", "8 G", "8GB", "8.5G", "17179869184G", "99999999999999999999G" };
  guint64 bytes;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      bytes = 1;
      g_assert_true (qi_parse_bytes (good[i].text, &bytes));
      g_assert_cmpuint (bytes, ==, good[i].bytes);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      bytes = 7;
      g_test_message ("\"%s\"", bad[i]);
      g_assert_false (qi_parse_bytes (bad[i], &bytes));
      g_assert_cmpuint (bytes, ==, 7);
    }
}

static void
write_amounts (void)
{
  g_assert_cmpstr (qi_bytes (0).text, ==, "0 bytes");
  g_assert_cmpstr (qi_bytes (1023).text, ==, "1023 bytes");
  g_assert_cmpstr (qi_bytes (1536).text, ==, "1.5 KiB");
  g_assert_cmpstr (qi_bytes (16ull << 20).text, ==, "16.0 MiB");
  g_assert_cmpstr (qi_bytes (45ull << 28).text, ==, "11.25 GiB");
  g_assert_cmpstr (qi_bytes (G_MAXUINT64).text, ==, "17179869184.00 GiB");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bytes/read", read_amounts);
  g_test_add_func ("/bytes/write", write_amounts);
  return g_test_run ();
}
