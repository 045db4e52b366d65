/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* vocab.json, merges.txt, added_tokens.json and tokenizer_config.json in one input, divided by zero bytes. */
#include <string.h>

#include "models/text/tokenizer-load.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  QiTokenizerText texts[4] = { { "vocab" }, { "merges" }, { "added" }, { "config" } };
  const char *at = (const char *) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (QiVocabulary) vocabulary = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      const char *end = n ? memchr (at, 0, n) : NULL;

      if (i >= 2 && n == 0)
        break; /* the last two may be missing */
      texts[i].text = at;
      texts[i].n = end ? (gsize) (end - at) : n;
      n -= texts[i].n + (end != NULL);
      at += texts[i].n + (end != NULL);
    }
  vocabulary = qi_vocabulary_from_texts (&texts[0], &texts[1], &texts[2], &texts[3], &error);
  g_assert_true ((vocabulary == NULL) == (error != NULL));
  g_assert_true (!vocabulary || vocabulary->max_id < QI_VOCABULARY_MAX_TOKENS);
  return 0;
}
