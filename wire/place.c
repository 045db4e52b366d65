/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/place.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"

#define MAX_NAME 32 /* of the socket, beside its folder */
#define WORKER "sfumato-worker"

static gboolean
is_private (const char *folder, GError **error)
{
  GStatBuf st;

  if (g_lstat (folder, &st) == 0 && S_ISDIR (st.st_mode) && st.st_uid == getuid () && (st.st_mode & 077) == 0)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s must be a folder that belongs to you and that nobody else may enter; the "
               "engine cannot be reached through it as it is.", folder);
  return FALSE;
}

static gboolean
fits_socket (const char *folder)
{
  return strlen (folder) + 1 + MAX_NAME < sizeof ((struct sockaddr_un *) NULL)->sun_path;
}

char *
qi_place_folder (GError **error)
{
  const char *base = g_get_user_runtime_dir ();
  /* Without a runtime folder GLib gives the cache folder, where sfumato is ours already and need not be private. */
  g_autofree char *folder = strcmp (base, g_get_user_cache_dir ()) == 0 ? g_build_filename (base, "sfumato", "run", NULL)
                                                                         : g_build_filename (base, "sfumato", NULL);

  if (!fits_socket (folder) || g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_free (folder);
      folder = g_strdup_printf ("%s/sfumato-%u", g_get_tmp_dir (), (guint) getuid ());
      if (!fits_socket (folder) || (g_mkdir (folder, 0700) != 0 && errno != EEXIST))
        {
          g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "There is no folder for the engine's socket: neither %s nor %s can be "
                       "made, or their paths are too long.", base, folder);
          return NULL;
        }
    }
  return is_private (folder, error) ? g_steal_pointer (&folder) : NULL;
}

char *
qi_place_socket (GError **error)
{
  g_autofree char *folder = qi_place_folder (error);
  g_autofree char *settings = g_strdup_printf ("%s\n%d\n%d\n%s\n%" G_GUINT64_FORMAT, qi_env_stub () ? qi_env_stub () : "",
                                               qi_env_validate (), qi_env_profile (),
                                               qi_env_kernels () ? qi_env_kernels () : "", qi_env_memory_limit ());
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, settings, -1);
  g_autofree char *name = NULL;

  if (!folder)
    return NULL;
  name = strcmp (settings, "\n0\n0\n\n0") == 0 ? g_strdup_printf ("worker-%d", QI_WIRE_VERSION)
                                               : g_strdup_printf ("worker-%d-%.12s", QI_WIRE_VERSION, hash);
  return g_build_filename (folder, name, NULL);
}

int
qi_place_try_lock (GError **error)
{
  g_autofree char *folder = qi_place_folder (error);
  g_autofree char *path = folder ? g_build_filename (folder, "lock", NULL) : NULL;
  int fd;

  if (!path)
    return -1;
  fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s cannot be opened: %s.", path, g_strerror (errno));
      return -1;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  close (fd);
  return -1;
}

char *
qi_place_worker (GError **error)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *here = self ? g_path_get_dirname (self) : g_strdup ("/");
  g_autofree char *beside = g_build_filename (here, WORKER, NULL);
  g_autofree char *built = g_build_filename (here, "..", "worker", WORKER, NULL);
  const char *const places[] = { qi_env_worker (), beside, built, QI_LIBEXECDIR "/" WORKER };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (places[i] && g_file_test (places[i], G_FILE_TEST_IS_EXECUTABLE) && !g_file_test (places[i], G_FILE_TEST_IS_DIR))
      return g_canonicalize_filename (places[i], NULL);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "The engine's file, " WORKER ", is neither beside the program in %s nor in "
               "%s. Nothing can run until it is installed again.", here, QI_LIBEXECDIR);
  return NULL;
}

char *
qi_place_build (const char *worker, GError **error)
{
  const char *path = worker ? worker : "/proc/self/exe"; /* the file as it was started, even when another has its name */
  struct stat st;

  if (stat (path, &st) == 0)
    return g_strdup_printf ("%s-%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT ".%09ld", QI_VERSION, (gint64) st.st_size,
                            (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "The engine's file, %s, cannot be looked at: %s.", path,
               g_strerror (errno));
  return NULL;
}
