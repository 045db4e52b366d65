/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The index of a sharded checkpoint: no accepted one names a file elsewhere. */
#include <string.h>

#include "models/checkpoint/container.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) map = qi_safetensors_index_parse ((const char *) data, n, "fuzz", &error);
  GHashTableIter iter;
  gpointer shard;

  g_assert_true ((map == NULL) == (error != NULL));
  if (!map)
    return 0;
  g_hash_table_iter_init (&iter, map);
  while (g_hash_table_iter_next (&iter, NULL, &shard))
    g_assert_true (*(char *) shard && !strchr (shard, '/') && !strstr (shard, ".."));
  return 0;
}
