/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON text of a comfy_quant tensor. */
#include "models/checkpoint/container.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *format = qi_comfy_quant_parse ((const char *) data, n, "fuzz", &error);

  g_assert_true ((format == NULL) == (error != NULL));
  return 0;
}
