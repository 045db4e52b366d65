/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt that lettering makes, byte for byte. */
#include "base/error.h"
#include "base/prompt.h"

static void
assert_prompt (const char *prompt, const char *rows, const char *want)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *got = qi_prompt_assemble (prompt, rows, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (got, ==, want);
}

static void
test_english (void)
{
  assert_prompt ("A poster.", NULL, "A poster.");
  assert_prompt ("A poster.", "top-left, bold red: SALE", "A poster. The text \"SALE\" is written at the top left, in bold red letters.");
  assert_prompt ("A poster.", "center: SALE", "A poster. The text \"SALE\" is written in the center.");
  assert_prompt (NULL, "left: A\nbottom-right: B",
                 "The text \"A\" is written on the left. The text \"B\" is written at the bottom right.");
  assert_prompt ("A poster.\n", "right: A", "A poster.\nThe text \"A\" is written on the right.");
}

static void
test_chinese (void)
{
  assert_prompt ("一张海报", "top-left, 粗体红色: 促销", "一张海报画面左上角写着“促销”,粗体红色。");
  assert_prompt ("一张海报 poster", "bottom: SALE", "一张海报 poster The text \"SALE\" is written at the bottom.");
  assert_prompt ("一张很大的海报 ad", "bottom: SALE", "一张很大的海报 ad画面下方写着“SALE”。");
}

static void
test_words (void)
{
  assert_prompt ("x", "top: say \"hi\": now", "x The text “say \"hi\": now” is written at the top.");
  assert_prompt ("x", "top: one\\ntwo", "x The text \"one\ntwo\" is written at the top.");
  assert_prompt ("x", "top: שלום עולם", "x The text \"שלום עולם\" is written at the top.");
  assert_prompt ("x", "70 70 20 20, blue: A, B", "x The text \"A, B\" is written at the bottom right, in blue letters.");
}

static void
test_bad (void)
{
  static const char *const rows[] = { "SALE", "upstairs: SALE", "top:", "top: ", "10 10 95 10: A", "10 10 0 10: A", "10 10 10: A", "-1 0 5 5: A" };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (qi_prompt_assemble ("x", rows[i], &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/prompt/english", test_english);
  g_test_add_func ("/prompt/chinese", test_chinese);
  g_test_add_func ("/prompt/words", test_words);
  g_test_add_func ("/prompt/bad", test_bad);
  return g_test_run ();
}
