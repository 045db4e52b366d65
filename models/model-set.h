/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/model-set.h — where the parts of a model lie, and what they are: opened checkpoints, their geometry, the
 * tokenizer, the schedule and the variant.
 *
 * A set opens when some of its parts are missing, since people want to be told what is there and what is not; a pipeline
 * asks qi_model_set_require() before it uses one. A part that is damaged fails the opening.
 *
 * Threads: read-only after opening; any thread.
 * Errors:  QI_ERROR_BAD_CHECKPOINT (damaged, foreign, missing), QI_ERROR_UNSUPPORTED (sound, but not for us). */
#pragma once
#include "models/adapter/controlnet.h"
#include "models/config.h"
#include "models/text/tokenizer.h"
#include "models/variants.h"

/* Parts may be NULL: found in or beside model. Strings belong to the caller. */
typedef struct
{
  const char *model; /* file or folder */
  const char *transformer, *text_encoder, *vision, *vae, *tokenizer, *scheduler, *config;
  const char *controlnet; /* NULL: the folder controlnet of the diffusers layout, where there is one */
  const char *variant; /* name of a row of models/variants.c; NULL: found out */
} QiModelPaths;

/* What keeps the set from making pictures. */
typedef struct
{
  const char *part;  /* "transformer", "text encoder", "vision tower", "VAE", "tokenizer" */
  gboolean missing;  /* not there at all; otherwise there, and not usable as it is */
  gint code;         /* of QI_ERROR */
  char *sentence;    /* what is wrong, and what to do */
} QiModelProblem;

typedef struct
{
  char *path; /* as given: model, or else the transformer */
  char *name; /* for people: its last part without extension */

  /* Parts; NULL: not there. found: how each was come by, a static string ("--vae", "model folder", "beside", …). */
  QiCheckpoint *transformer, *text_encoder, *vision, *vae;
  QiCheckpoint *controlnet; /* NULL: there is none, and nothing needs one but the pipelines of that name */
  QiTokenizer *tokenizer;
  char *tokenizer_path; /* NULL: from the text encoder's metadata */
  char *config_dir;     /* as given; NULL: none */
  const char *found[QI_N_COMPONENTS];

  /* Geometry; *_from NULL: not known, for want of the part or of a configuration. */
  QiMmditConfig mmdit_config;
  QiTextConfig text_config;
  QiVisionConfig vision_config;
  QiVaeConfig vae_config;
  QiSchedulerConfig scheduler_config;
  QiControlConfig control_config;
  const char *mmdit_from, *text_from, *vision_from, *vae_from, *scheduler_from;

  const QiVariant *variant;
  const char *variant_rule; /* which rule said so */
  guint width, height;      /* pixels, when nobody says how large */

  GPtrArray *problems; /* of QiModelProblem, the gravest first */
} QiModelSet;

/* (transfer full) */
QiModelSet *qi_model_set_open (const QiModelPaths *paths, GError **error);
void qi_model_set_free (QiModelSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiModelSet, qi_model_set_free)

/* Everything a picture needs is there and fits together: with vision the tower too. The error is the first problem. */
gboolean qi_model_set_require (const QiModelSet *set, gboolean vision, GError **error);

const QiCheckpoint *qi_model_set_part (const QiModelSet *set, QiComponent component); /* NULL: not there */
const char *qi_component_name (QiComponent component); /* "transformer", "text encoder", "vision tower", "VAE" */
