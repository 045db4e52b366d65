/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/tune.h"

#include <math.h>
#include <string.h>

#include "compute/learnt.h"

#define GROUP "fastest"

static gboolean
save (GKeyFile *file, const char *path)
{
  g_autoptr (GError) error = NULL;

  if (qi_learnt_save (file, path, &error))
    return TRUE;
  g_info ("what is fastest here cannot be kept, and is not used: %s", error->message);
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
  g_autoptr (GKeyFile) file = qi_learnt_load (path, GROUP, version);
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
