/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of a safetensors file: the input is its JSON, the data is said to follow in a file of 4096 bytes more. */
#include "models/checkpoint/container.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiHeader) header = qi_safetensors_parse ((const char *) data, n, 8 + n, 8 + n + 4096, "fuzz", &error);

  g_assert_true ((header == NULL) == (error != NULL));
  for (guint i = 0; header && i < header->tensors->len; i++)
    {
      const QiRawTensor *t = g_ptr_array_index (header->tensors, i);

      g_assert_true (t->offset >= 8 + n && t->bytes <= 4096 && t->offset - 8 - n <= 4096 - t->bytes);
    }
  return 0;
}
