/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/timings.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_SECONDS 1e6
#define OLD_SHARE 0.5 /* of the value known, when a new one comes */

struct _QiTimings
{
  GMutex lock;
  char *path;
  GKeyFile *file;
};

QiTimings *
qi_timings_new (void)
{
  QiTimings *timings = g_new0 (QiTimings, 1);

  g_mutex_init (&timings->lock);
  timings->path = g_build_filename (g_get_user_cache_dir (), "sfumato", "timings.conf", NULL);
  timings->file = g_key_file_new ();
  g_key_file_load_from_file (timings->file, timings->path, G_KEY_FILE_NONE, NULL); /* a cache: missing or damaged is empty */
  return timings;
}

void
qi_timings_free (QiTimings *timings)
{
  if (!timings)
    return;
  g_key_file_unref (timings->file);
  g_free (timings->path);
  g_mutex_clear (&timings->lock);
  g_free (timings);
}

/* (transfer full) */
static char *
group_of (const char *device, const char *model)
{
  char *group = g_strdup_printf ("%s, %s", device, model);

  return g_strcanon (group, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS " ,.-_()", '_');
}

/* (transfer full) */
static char *
key_of (const char *what, guint width, guint height, guint n_pictures)
{
  return g_strdup_printf ("%s-%ux%u-%u", what, width, height, n_pictures);
}

static double
get (QiTimings *timings, const char *group, const char *key)
{
  g_autoptr (GError) error = NULL;
  const double value = g_key_file_get_double (timings->file, group, key, &error);

  return !error && value >= 0 && value < MAX_SECONDS ? value : -1;
}

/* That of the size, else of the nearest one with as many pictures. */
static double
get_sized (QiTimings *timings, const char *group, const char *what, guint width, guint height, guint n_pictures)
{
  g_auto (GStrv) keys = g_key_file_get_keys (timings->file, group, NULL, NULL);
  const double pixels = (double) width * height;
  double best = -1, distance = 0;

  for (guint i = 0; keys && keys[i]; i++)
    {
      guint w = 0, h = 0, n = 0;

      if (!g_str_has_prefix (keys[i], what) || sscanf (keys[i] + strlen (what), "-%ux%u-%u", &w, &h, &n) != 3 || n != n_pictures
          || w == 0 || h == 0)
        continue;

      const double ratio = pixels / ((double) w * h), value = get (timings, group, keys[i]);

      if (value >= 0 && (best < 0 || fabs (log (ratio)) < distance))
        {
          distance = fabs (log (ratio));
          best = value * ratio;
        }
    }
  return best;
}

QiExpect
qi_timings_expect (QiTimings *timings, const char *device, const char *model, guint width, guint height, guint n_pictures)
{
  g_autofree char *group = group_of (device, model), *encode = g_strdup_printf ("encode-%u", n_pictures);
  QiExpect expect;

  g_mutex_lock (&timings->lock);
  expect.load = get (timings, group, "load");
  expect.encode = get (timings, group, encode);
  expect.pass = get_sized (timings, group, "pass", width, height, n_pictures);
  expect.decode = get_sized (timings, group, "decode", width, height, 0);
  g_mutex_unlock (&timings->lock);
  return expect;
}

static void
put (QiTimings *timings, const char *group, const char *key, double value)
{
  const double old = get (timings, group, key);

  if (value >= 0 && value < MAX_SECONDS)
    g_key_file_set_double (timings->file, group, key, old < 0 ? value : OLD_SHARE * old + (1 - OLD_SHARE) * value);
}

void
qi_timings_learn (QiTimings *timings, const char *device, const char *model, guint width, guint height, guint n_pictures,
                  const QiExpect *measured)
{
  g_autofree char *group = group_of (device, model), *encode = g_strdup_printf ("encode-%u", n_pictures);
  g_autofree char *pass = key_of ("pass", width, height, n_pictures), *decode = key_of ("decode", width, height, 0);
  g_autofree char *folder = g_path_get_dirname (timings->path);
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&timings->lock);
  put (timings, group, "load", measured->load);
  put (timings, group, encode, measured->encode);
  put (timings, group, pass, measured->pass);
  put (timings, group, decode, measured->decode);
  if (g_mkdir_with_parents (folder, 0700) != 0 || !g_key_file_save_to_file (timings->file, timings->path, &error))
    g_info ("%s cannot be written; times are forgotten", timings->path);
  g_mutex_unlock (&timings->lock);
}
