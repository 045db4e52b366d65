/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/tune.h"

#include <math.h>
#include <string.h>

#define GROUP "fastest"
#define MAX_BYTES (64u << 10)

/* What path says for this version; else an empty one. (transfer full) */
static GKeyFile *
load (const char *path, const char *version)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *data = NULL, *of = NULL;
  gsize n = 0;

  if (!g_file_get_contents (path, &data, &n, NULL) || n > MAX_BYTES ||
      !g_key_file_load_from_data (file, data, n, G_KEY_FILE_NONE, NULL) ||
      !(of = g_key_file_get_string (file, GROUP, "version", NULL)) || strcmp (of, version) != 0)
    {
      g_key_file_unref (file);
      file = g_key_file_new ();
      g_key_file_set_string (file, GROUP, "version", version);
    }
  return g_steal_pointer (&file);
}

static gboolean
save (GKeyFile *file, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_mkdir_with_parents (folder, 0700) == 0 && g_key_file_save_to_file (file, path, &error))
    return TRUE;
  g_info ("what is fastest here cannot be kept, and is not used: %s", error ? error->message : folder);
  return FALSE;
}

static gboolean
find (GKeyFile *file, const QiTuneChoice *choice, guint *candidate)
{
  g_autofree char *label = g_key_file_get_string (file, GROUP, choice->name, NULL);

  for (*candidate = 0; label && *candidate < choice->n; (*candidate)++)
    if (strcmp (label, choice->labels[*candidate]) == 0)
      return TRUE;
  *candidate = 0;
  return FALSE;
}

/* FALSE where not even one could be used. */
static gboolean
measure (const QiTuneChoice *choice, guint i, gint64 until, const QiTuneMeter *meter, guint *best)
{
  g_autofree double *seconds = g_new (double, choice->n);

  for (guint c = 0; c < choice->n; c++)
    {
      seconds[c] = INFINITY;
      if (meter->now (meter->data) < until && !meter->measure (meter->data, i, c, &seconds[c]))
        seconds[c] = INFINITY;
    }
  for (;;)
    {
      *best = 0;
      for (guint c = 1; c < choice->n; c++)
        if (seconds[c] < seconds[*best])
          *best = c;
      if (!(seconds[*best] < INFINITY))
        return FALSE;
      if (meter->right (meter->data, i, *best))
        return TRUE;
      g_warning ("%s of %s computes wrong results on this device and is not used", choice->labels[*best], choice->name);
      seconds[*best] = INFINITY;
    }
}

/* FALSE: it cannot be kept. */
static gboolean
keep (GKeyFile *file, const char *path, const QiTuneChoice *choice, guint candidate)
{
  g_key_file_set_string (file, GROUP, choice->name, choice->labels[candidate]);
  return save (file, path);
}

void
qi_tune (const char *path, const char *version, const QiTuneChoice *choices, guint n, double seconds, const QiTuneMeter *meter,
         guint *chosen)
{
  g_autoptr (GKeyFile) file = load (path, version);
  gint64 until = 0;
  gboolean kept = TRUE;

  for (guint i = 0; i < n; i++)
    {
      if (find (file, &choices[i], &chosen[i]) || !kept)
        continue;
      if (!until)
        until = meter->now (meter->data) + (gint64) (seconds * G_USEC_PER_SEC);
      /* First of all the first: should a driver die of what is tried, it is not tried again. */
      kept = keep (file, path, &choices[i], 0);
      if (!kept || !measure (&choices[i], i, until, meter, &chosen[i]) || (chosen[i] && !keep (file, path, &choices[i], chosen[i])))
        chosen[i] = 0;
    }
}
