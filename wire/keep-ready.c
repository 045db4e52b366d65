/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>

#include "base/error.h"
#include "wire/client.h"

#define GROUP "worker"
#define KEY "keep-ready-minutes"
#define DEFAULT_SECONDS 600
#define MAX_MINUTES (60 * 24 * 365)

static char *
settings_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "sfumato", "sfumato.conf", NULL);
}

double
qi_client_get_keep_ready (void)
{
  g_autofree char *path = settings_path ();
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  double minutes;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL))
    return DEFAULT_SECONDS;
  minutes = g_key_file_get_double (file, GROUP, KEY, &error);
  return !error && minutes >= 0 && minutes <= MAX_MINUTES ? 60 * minutes : DEFAULT_SECONDS;
}

gboolean
qi_client_set_keep_ready (double seconds, GError **error)
{
  g_autofree char *path = settings_path (), *folder = g_path_get_dirname (path);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local = NULL;

  g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_COMMENTS, NULL); /* other keys stay */
  g_key_file_set_double (file, GROUP, KEY, CLAMP (seconds / 60, 0, MAX_MINUTES));
  if (g_mkdir_with_parents (folder, 0700) == 0 && g_key_file_save_to_file (file, path, &local))
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s cannot be written%s%s.", path, local ? ": " : "", local ? local->message : "");
  return FALSE;
}
