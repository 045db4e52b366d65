/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* replay.c — runs every file of a folder through a fuzz target, each also cut short at every eighth and with each of a few
 * bytes changed: a test without libFuzzer. Usage: replay-NAME FOLDER. */
#include <glib.h>

#include "tests/fuzz/fuzz.h"

static void
replay_file (gconstpointer data)
{
  g_autofree char *bytes = NULL;
  gsize n = 0;

  g_assert_true (g_file_get_contents (data, &bytes, &n, NULL));
  LLVMFuzzerTestOneInput ((const uint8_t *) bytes, n);
  for (guint i = 0; i < 8; i++)
    {
      /* A copy of just that size, so that a read past it is seen by the sanitizer. */
      g_autofree uint8_t *part = g_memdup2 (bytes, n * i / 8 + 1);

      LLVMFuzzerTestOneInput (part, n * i / 8);
    }
  for (gsize i = 0; i < MIN (n, 512); i++)
    {
      g_autofree uint8_t *changed = g_memdup2 (bytes, n);

      changed[i] ^= 0x81;
      LLVMFuzzerTestOneInput (changed, n);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  dir = g_dir_open (argv[1], 0, NULL);
  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_strconcat ("/replay/", name, NULL);

      g_test_add_data_func_full (path, g_build_filename (argv[1], name, NULL), replay_file, g_free);
    }
  return g_test_run ();
}
