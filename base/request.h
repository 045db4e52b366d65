/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/request.h — all that decides a picture, under the names and with the defaults that PDB and command line share.
 * Owned by one thread; strings belong to the request. */
#pragma once
#include <glib.h>

typedef enum { QI_QUALITY_FAST, QI_QUALITY_BALANCED, QI_QUALITY_BEST, QI_QUALITY_MAXIMUM } QiQuality;

typedef struct
{
  char *prompt;          /* up to 20 kB of UTF-8 */
  char *negative_prompt; /* NULL or "": one space, as the authors do */
  char *lettering;       /* rows "PLACE[, STYLE]: WORDS", one a line */
  QiQuality quality;
  guint steps;           /* 1–200; 0: as quality says */
  double guidance;       /* true-CFG scale, 1: one pass; 0: as quality says */
  gint64 seed;           /* 0 … 2^31 - 1; -1: drawn anew */
  guint results;         /* 1–8; result k uses seed + k */
  char *sampler;         /* "euler" */
  char *model;           /* path or name of a set; NULL: the configured default */
  char *loras;           /* FILE:STRENGTH, one a line */
  char *device;
  guint width, height;   /* pixels, multiples of 16 after rounding down; 0: the variant's own */
} QiRequest;

QiRequest *qi_request_new (void); /* the defaults: balanced, seed -1, one result, euler */
void qi_request_free (QiRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiRequest, qi_request_free)

/* Ranges and UTF-8; QI_ERROR_BAD_REQUEST says which argument and what it may be. */
gboolean qi_request_check (const QiRequest *request, GError **error);

const char *qi_quality_name (QiQuality quality);
gboolean qi_quality_from_name (const char *name, QiQuality *quality);
