/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/tune.h — which of several ways is the fastest here: tried once, then kept in a file, so that it is the same from then
 * on. What is tried, and how, is the caller's (compute/tune-tiles.h), time included. */
#pragma once
#include <glib.h>

typedef struct
{
  const char *name;          /* of what is chosen; a key of the file */
  const char *const *labels; /* of the candidates, as the file has them; the first is taken where nothing is known */
  guint n;
} QiTuneChoice;

typedef struct
{
  gint64 (*now) (gpointer data); /* microseconds */
  /* Seconds of one use, the best of some. FALSE: it cannot be used here, or not now. */
  gboolean (*measure) (gpointer data, guint choice, guint candidate, double *seconds);
  /* Whether it computes what it should: asked of the fastest alone. */
  gboolean (*right) (gpointer data, guint choice, guint candidate);
  gpointer data;
} QiTuneMeter;

/* Fills chosen, a candidate for each choice. What path does not say for this version is measured and written there; what a file
 * says that is broken, of another version or names no candidate counts as not said. After `seconds` no candidate is begun any more:
 * of those that were tried the fastest is taken. Where none could be used it is the first; so it is after a process that died while
 * it measured. What was taken holds for good. Where the file cannot be written nothing is measured, and all that is not in it is the
 * first: tomorrow another could be the fastest, and results are to stay the same. */
void qi_tune (const char *path, const char *version, const QiTuneChoice *choices, guint n, double seconds, const QiTuneMeter *meter,
              guint *chosen);
