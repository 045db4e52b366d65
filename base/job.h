/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/job.h — what goes with a request, what is told meanwhile, and what comes out. Engine, wire, windows and command
 * line share these; none of them owns a thread or a lock. */
#pragma once
#include <glib.h>

#include "base/image.h"

/* Start latents given by the caller in place of the seed's: f32 [results, c, h / 8, w / 8]. */
typedef struct
{
  const float *values;
  guint64 dims[4];
} QiLatents;

#define QI_MAX_PICTURES 8

/* Pictures that a request speaks of. All borrowed, all may be absent. */
typedef struct
{
  QiImage *const *pictures;  /* [n_pictures] "Picture 1", "Picture 2", …; in edit and fill the first is the frame */
  guint n_pictures;          /* at most QI_MAX_PICTURES */
  const QiImage *mask;       /* one channel, size of the first picture; 255: repaint */
  const QiImage *control;    /* for a ControlNet */
  const QiLatents *latents;
} QiInputs;

typedef enum
{
  QI_STAGE_WAIT,   /* other jobs come first; step: how many */
  QI_STAGE_LOAD,
  QI_STAGE_ENCODE,
  QI_STAGE_DENOISE,
  QI_STAGE_DECODE,
  QI_STAGE_PASTE   /* around the model: registration, colour, layer */
} QiStage;
#define QI_N_STAGES (QI_STAGE_PASTE + 1)

const char *qi_stage_name (QiStage stage); /* "wait", "load", "encode", "denoise", "decode", "paste" */

typedef struct
{
  QiStage stage;
  guint step, n_steps;     /* within the stage, from 1; of loading: MiB */
  guint result, n_results; /* from 0 */
  double seconds_left;     /* of the whole job; < 0: not known yet */
  const QiImage *preview;  /* borrowed for the call; NULL when there is none */
} QiProgress;
typedef void (*QiProgressFunc) (const QiProgress *progress, gpointer user_data);

/* What a run made, beside the pictures. */
typedef struct
{
  GPtrArray *images;   /* of QiImage, one a result; of a split: results × layers, bottom to top */
  gint64 seed;         /* of the first */
  guint steps;
  double guidance;
  guint width, height;
  char *prompt;        /* as the model saw it: with lettering */
  char *note;          /* what a person should know: "Used smaller tiles to fit the card."; NULL: nothing */
  float *latents;      /* the noise as drawn, [results, c, h / 8, w / 8]; NULL unless asked for */
  guint64 latent_dims[4];
  double seconds[QI_N_STAGES]; /* spent in each stage; 0 where there was none, or where nobody took the time */
} QiResult;
void qi_result_free (QiResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiResult, qi_result_free)
