/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/learnt.h"

#include <errno.h>
#include <string.h>

#define MAX_BYTES (64u << 10)

GKeyFile *
qi_learnt_load (const char *path, const char *group, const char *version)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *data = NULL, *of = NULL;
  gsize n = 0;

  if (!g_file_get_contents (path, &data, &n, NULL) || n > MAX_BYTES ||
      !g_key_file_load_from_data (file, data, n, G_KEY_FILE_NONE, NULL) ||
      !(of = g_key_file_get_string (file, group, "version", NULL)) || strcmp (of, version) != 0)
    {
      g_key_file_unref (file);
      file = g_key_file_new ();
      g_key_file_set_string (file, group, "version", version);
    }
  return g_steal_pointer (&file);
}

gboolean
qi_learnt_save (GKeyFile *file, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", folder, g_strerror (errno));
      return FALSE;
    }
  return g_key_file_save_to_file (file, path, error);
}
