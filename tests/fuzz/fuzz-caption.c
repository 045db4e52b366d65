/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What a language model replied. */
#include <string.h>

#include "models/caption/caption.h"
#include "models/text/utf8.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GString) reply = qi_utf8_repair ((const char *) data, n);
  g_autoptr (QiCaption) caption = qi_caption_parse (reply->str, strlen (reply->str));

  g_assert_true (caption->caption && caption->type && caption->style && caption->watermarks && caption->words);
  g_assert_true (g_utf8_validate (caption->caption, -1, NULL));
  for (guint i = 0; caption->words[i]; i++)
    g_assert_true (*caption->words[i]);
  return 0;
}
