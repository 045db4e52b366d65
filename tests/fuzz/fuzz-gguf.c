/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A GGUF file: every accepted tensor lies inside it. */
#include "models/checkpoint/container.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;
  g_autoptr (QiHeader) header = qi_gguf_parse (data, n, n, "fuzz", &more, &error);

  g_assert_true ((header == NULL) == (error != NULL));
  for (guint i = 0; header && i < header->tensors->len; i++)
    {
      const QiRawTensor *t = g_ptr_array_index (header->tensors, i);

      g_assert_true (t->bytes <= n && t->offset <= n - t->bytes);
    }
  return 0;
}
