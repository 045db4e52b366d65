/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A tokenizer.json; what is accepted must be able to hold every id it can give. */
#include "models/text/tokenizer-load.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  const QiTokenizerText text = { "fuzz", (const char *) data, n };
  g_autoptr (GError) error = NULL;
  g_autoptr (QiVocabulary) vocabulary = qi_vocabulary_from_json (&text, &error);

  g_assert_true ((vocabulary == NULL) == (error != NULL));
  g_assert_true (!vocabulary || vocabulary->max_id < QI_VOCABULARY_MAX_TOKENS);
  return 0;
}
