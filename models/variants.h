/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/variants.h — THE table of checkpoints we know: how to tell them apart, and what each is used with. A new
 * checkpoint of the family is a row of variants.c. */
#pragma once
#include "base/request.h"
#include "models/config.h"
#include "models/text/template.h"

#define QI_RELEASED_WIDTH 3072 /* of the released transformers; smaller ones are trained for smaller pictures */

typedef struct
{
  guint steps;
  double guidance; /* true-CFG scale; 1: one pass */
} QiVariantQuality;

typedef struct
{
  const char *name;  /* of the row: "qwen-image", "edit-2509", … */
  const char *title; /* for people */
  QiTemplate prompt_template;
  gboolean edits;       /* sees pictures: needs the vision tower */
  gboolean layered;     /* makes several RGBA pictures at once; needs a VAE of 4 channels */
  gboolean zero_cond_t; /* references are modulated with timestep 0 */
  guint width, height;  /* pixels, when nobody says how large */
  QiVariantQuality quality[QI_QUALITY_MAXIMUM + 1];
  QiVariantQuality few_steps[QI_QUALITY_MAXIMUM + 1]; /* with a few-step add-on, which the first two rows then use */
  const char *negative_prompt; /* in place of an empty one */
  const char *negative_advice; /* what the authors recommend to write there; NULL: nothing */
} QiVariant;

/* What is known of a model when its variant is looked for. All borrowed. */
typedef struct
{
  const char *asked_for;       /* name of a row; NULL: find out */
  const char *class_name;      /* of model_index.json; NULL: there is none */
  const char *transformer;     /* path of the transformer's file or folder; NULL: there is none */
  const char *model;           /* path the person gave; may be NULL */
  const QiMmditConfig *config; /* NULL: not known */
} QiVariantClues;

/* The row, and in *rule a static string: "asked for", "tensors", "marker", "config", "model_index.json", "file name",
 * "released geometry", "nothing else fits". NULL: no such row, or a pipeline of another family (QI_ERROR_UNSUPPORTED). */
const QiVariant *qi_variant_find (const QiVariantClues *clues, const char **rule, GError **error);

const QiVariant *qi_variant_by_name (const char *name); /* NULL: there is none */
guint qi_variant_n_rows (void);
const QiVariant *qi_variant_row (guint i);

/* Steps and guidance of one quality, with or without a few-step add-on in the set. */
const QiVariantQuality *qi_variant_quality (const QiVariant *variant, QiQuality quality, gboolean few_steps);
