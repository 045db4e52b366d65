/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/facts.h — the facts of a scene, parsed. */
#pragma once
#include "demo/check/judge.h"

#define CHECK_MAX_THINGS 4

typedef struct
{
  int shape, colour, size, place; /* -1: not said; size: small, medium, large; place: row of nine, from the top left */
} CheckItem;

typedef struct
{
  char *text;
  int colour, place;
} CheckWord;

struct _CheckFacts
{
  char *prompt, *kind, *relation; /* relation NULL: none */
  int ground[2];                  /* colours; -1: not asked */
  gboolean gradient;
  gboolean exact;                 /* what has changed must look as wanted, pixel by pixel */
  CheckItem items[CHECK_MAX_THINGS];
  CheckWord words[CHECK_MAX_THINGS];
  guint n_items, n_words, count; /* count 0: not asked */
};
