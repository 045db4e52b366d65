/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/request.h — all that decides a picture, under the names and with the defaults that PDB and command line share.
 * Owned by one thread; strings belong to the request. */
#pragma once
#include <glib.h>

typedef enum { QI_QUALITY_FAST, QI_QUALITY_BALANCED, QI_QUALITY_BEST, QI_QUALITY_MAXIMUM } QiQuality;

typedef enum
{
  QI_TASK_GENERATE, /* pictures, if any, are references */
  QI_TASK_EDIT,     /* Picture 1 is changed as the prompt says */
  QI_TASK_FILL,     /* Picture 1 is drawn anew where the mask is white; an empty prompt removes what is there */
  QI_TASK_EXPAND,   /* as fill, the mask being what lies beyond the old picture */
  QI_TASK_SPLIT     /* Picture 1 as layers */
} QiTask;

typedef enum { QI_PREFILL_KEEP, QI_PREFILL_NEUTRAL, QI_PREFILL_BLUR, QI_PREFILL_BORDER, QI_PREFILL_NOISE } QiPrefill;
/* Ways from one sigma to the next; models/sample/sampler.h says what each does. */
typedef enum { QI_SAMPLER_EULER, QI_SAMPLER_HEUN, QI_SAMPLER_DPMPP_2M, QI_SAMPLER_STOCHASTIC, QI_N_SAMPLERS } QiSamplerId;

typedef enum { QI_SOURCE_LAYER, QI_SOURCE_VISIBLE } QiSource;
typedef enum { QI_DESTINATION_AUTO, QI_DESTINATION_LAYER, QI_DESTINATION_IMAGE } QiDestination;

typedef struct
{
  QiTask task;
  char *prompt;          /* up to 20 kB of UTF-8 */
  char *negative_prompt; /* NULL or "": one space, as the authors do */
  char *lettering;       /* rows "PLACE[, STYLE]: WORDS", one a line */
  QiQuality quality;
  guint steps;           /* 1–200; 0: as quality says */
  double guidance;       /* true-CFG scale, 1: one pass; 0: as quality says */
  gint64 seed;           /* 0 … 2^31 - 1; -1: drawn anew */
  guint results;         /* 1–8; result k uses seed + k */
  char *sampler;         /* a name of qi_sampler_name(); "euler" */
  char *model;           /* path or name of a set; NULL: the configured default */
  char *loras;           /* FILE:STRENGTH, one a line */
  char *device;
  guint width, height;   /* pixels, multiples of 16 after rounding down; 0: the variant's own */
  double strength;       /* of a fill, 0–1: how much of the noise it starts from; 1: nothing is kept */
  guint layers;          /* of a split, 2–8 */

  /* For what happens around the model, which itself does not look at these. */
  QiPrefill prefill;
  char *frame;           /* "tight", "wide", "layer" or "X Y W H" in image pixels; NULL or "auto": automatic */
  int soft_edge;         /* pixels; -1: automatic */
  QiSource source;
  QiDestination destination;
  guint left, right, top, bottom; /* pixels that the canvas grows by */
} QiRequest;

/* The defaults: generate, balanced, seed -1, one result, euler, strength 1, 4 layers, neutral prefill, automatic edge. */
QiRequest *qi_request_new (void);
QiRequest *qi_request_copy (const QiRequest *request); /* (transfer full) */
void qi_request_free (QiRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiRequest, qi_request_free)

/* Ranges and UTF-8; QI_ERROR_BAD_REQUEST says which argument and what it may be. */
gboolean qi_request_check (const QiRequest *request, GError **error);

const char *qi_quality_name (QiQuality quality);
gboolean qi_quality_from_name (const char *name, QiQuality *quality);
/* "euler", "heun", "dpmpp-2m", "stochastic". NULL and "" are the first. FALSE: there is no such sampler, *error names them. */
const char *qi_sampler_name (QiSamplerId id);
gboolean qi_sampler_from_name (const char *name, QiSamplerId *id, GError **error);
const char *qi_task_name (QiTask task); /* "generate", "edit", "fill", "expand", "split" */

/* -- the fields as data ------------------------------------------------------------------------------ */

typedef enum
{
  QI_FIELD_STRING, /* char *; NULL and "" are the same */
  QI_FIELD_CHOICE, /* an enum, told by name */
  QI_FIELD_UINT,
  QI_FIELD_INT,
  QI_FIELD_INT64,
  QI_FIELD_DOUBLE
} QiFieldType;

/* One field under the name that PDB, command line, wire and parasite use. */
typedef struct
{
  const char *name; /* "negative-prompt" */
  QiFieldType type;
  gsize offset;     /* in QiRequest */
  double min, max;  /* of numbers */
  const char *const *choices; /* NULL-terminated names, in the order of the enum */
} QiField;

const QiField *qi_request_fields (guint *n_fields);
const QiField *qi_request_field (const char *name); /* NULL: there is none */

/* One field as a string, as a script would write it: "12", "balanced", "0.5"; NULL where a string is not set. (transfer full) */
char *qi_request_get (const QiRequest *request, const QiField *field);
/* From such a string; QI_ERROR_BAD_REQUEST names the field and what it may be. */
gboolean qi_request_set (QiRequest *request, const QiField *field, const char *value, GError **error);

/* a{sv} of all fields: s for strings and choices, x for whole numbers, d for real ones. (floating) */
GVariant *qi_request_to_variant (const QiRequest *request);
/* Keys that are not fields are passed over, missing ones keep their default; types and values are checked, ranges too. (transfer full) */
QiRequest *qi_request_from_variant (GVariant *variant, GError **error);
