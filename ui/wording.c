/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/wording.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define MINUTE 60
#define HOUR 3600

char *
qi_words_estimate (double seconds)
{
  if (seconds < 0)
    return g_strdup (_ ("Time known after the first picture"));
  if (seconds < 10)
    return g_strdup (_ ("A few seconds"));
  int s = (int) ceil (seconds / 5) * 5;
  if (s < MINUTE)
    /* Translators: %d seconds */
    return g_strdup_printf (_ ("About %d s"), s);
  if (seconds < 10 * MINUTE)
    {
      s = (int) ceil (seconds / 10) * 10;
      if (s % MINUTE == 0)
        return g_strdup_printf (_ ("About %d min"), s / MINUTE);
      return g_strdup_printf (_ ("About %d min %d s"), s / MINUTE, s % MINUTE);
    }
  const int minutes = (int) ceil (seconds / MINUTE);
  if (minutes < 60)
    return g_strdup_printf (_ ("About %d min"), minutes);
  const int tens = (int) ceil (seconds / (10 * MINUTE));
  if (tens % 6 == 0)
    return g_strdup_printf (_ ("About %d h"), tens / 6);
  return g_strdup_printf (_ ("About %d h %d min"), tens / 6, tens % 6 * 10);
}

char *
qi_words_short (double seconds)
{
  if (seconds < 0)
    return g_strdup ("–");
  const int s = MAX (1, (int) ceil (seconds));
  if (s < MINUTE)
    return g_strdup_printf (_ ("%d s"), s);
  if (s < 10 * MINUTE)
    {
      const int fives = (int) ceil (seconds / 5) * 5;
      return fives % MINUTE == 0 ? g_strdup_printf (_ ("%d min"), fives / MINUTE)
                                 : g_strdup_printf (_ ("%d min %d s"), fives / MINUTE, fives % MINUTE);
    }
  const int minutes = (int) ceil (seconds / MINUTE);
  if (minutes < 60)
    return g_strdup_printf (_ ("%d min"), minutes);
  return g_strdup_printf (_ ("%d h %d min"), minutes / 60, minutes % 60);
}

char *
qi_words_left (double seconds, gboolean late)
{
  if (late)
    return g_strdup (_ ("a little longer"));
  if (seconds < 0)
    return g_strdup ("");
  if (seconds <= 3)
    return g_strdup (_ ("almost done"));
  if (seconds <= 2 * MINUTE)
    return g_strdup_printf (_ ("%d s left"), (int) ceil (seconds));
  if (seconds < 2 * HOUR)
    return g_strdup_printf (_ ("%d min left"), (int) ceil (seconds / MINUTE));
  return g_strdup_printf (_ ("%d h left"), (int) ceil (seconds / HOUR));
}

char *
qi_words_stage (const QiProgress *progress)
{
  switch (progress->stage)
    {
    case QI_STAGE_WAIT:
      return progress->step ? g_strdup_printf (_ ("Waiting, %u before this"), progress->step)
                            : g_strdup (_ ("Starting"));
    case QI_STAGE_LOAD:
      if (progress->n_steps == 0)
        return g_strdup (_ ("Loading the model"));
      /* of loading the steps are MiB */
      return g_strdup_printf (_ ("Loading the model, %.1f of %.1f GB"), progress->step * 1048576.0 / 1e9,
                              progress->n_steps * 1048576.0 / 1e9);
    case QI_STAGE_ENCODE:
      return g_strdup (progress->step > 1 ? _ ("Looking at the pictures") : _ ("Reading the prompt"));
    case QI_STAGE_DENOISE:
      return g_strdup_printf (_ ("Step %u of %u"), MAX (1, progress->step), MAX (1, progress->n_steps));
    case QI_STAGE_DECODE:
      return g_strdup (_ ("Finishing the picture"));
    case QI_STAGE_PASTE:
    default:
      return g_strdup (_ ("Fitting it in"));
    }
}

char *
qi_words_bytes (guint64 bytes)
{
  const double giga = bytes / 1e9;

  if (giga < 1)
    return g_strdup_printf (_ ("%.0f MB"), bytes / 1e6);
  if (fabs (giga - round (giga)) < 0.05)
    return g_strdup_printf (_ ("%.0f GB"), giga);
  return g_strdup_printf (_ ("%.1f GB"), giga);
}

void
qi_pace_begin (QiPace *pace, double now, double estimate)
{
  *pace =
      (QiPace) { .began = now, .promised = estimate > 0 ? now + estimate : 0, .left = estimate > 0 ? estimate : -1 };
}

void
qi_pace_tell (QiPace *pace, double now, double seconds_left)
{
  if (seconds_left >= 0)
    pace->promised = now + seconds_left;
  qi_pace_tick (pace, now);
}

void
qi_pace_tick (QiPace *pace, double now)
{
  if (pace->promised <= 0)
    return;
  const double left = MAX (0, pace->promised - now), spent = now - pace->began;

  pace->left = pace->left < 0 ? left : MIN (pace->left, left);
  /* Late counts from the end that was promised, so that a short delay of a long job is none. */
  const double whole = pace->promised - pace->began;
  pace->late = whole > 0 && spent > 1.2 * whole;
  if (whole > 0)
    pace->bar = CLAMP (MAX (pace->bar, spent / whole), 0, 0.99);
}
