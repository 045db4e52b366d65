/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/job.h — one picture (or one stack of layers) to be made, in terms of the networks; and what comes out. */
#pragma once
#include "base/image.h"
#include "models/sample/noise.h"

#define QI_DEFAULT_PROMPT_ROWS 512 /* rows of the embeddings that are kept, as the authors' default */
#define QI_DEFAULT_LAYERS 4

/* A picture that a job speaks of. image NULL: only its size is known, which is enough for a plan. */
typedef struct
{
  QiImage *image;
  guint width, height;
} QiPicture;

/* Pixels that pictures are brought to; 0: as the pipeline's authors have it. */
typedef struct
{
  double target;    /* default size of the result, and of the reference where they are the same */
  double vae;       /* references of edit-plus */
  double condition; /* what the vision tower is shown by edit-plus */
} QiAreas;

/* All borrowed. Jobs that are run together differ in prompts, noise and generator only. */
typedef struct
{
  const char *prompt;
  const char *negative;       /* NULL: no guidance, whatever its scale */
  gboolean special_in_prompt; /* strings of added tokens in prompts are tokens, as in the reference */
  guint max_rows;             /* of prompts without pictures; 0: QI_DEFAULT_PROMPT_ROWS */
  guint width, height;        /* pixels of the result, multiples of 16; of qi_pipeline_size() */
  guint steps;
  double guidance;
  gboolean rescale_layers;    /* layered: guidance brings each token back to its length, as the other pipelines always do */
  double strength;            /* of pipelines that begin with a picture, (0, 1]; 0: 1 */
  const char *sampler;        /* NULL: Euler */

  const QiPicture *pictures;   /* [n_pictures] "Picture 1", … */
  guint n_pictures;
  const QiPicture *mask;       /* white is drawn anew */
  const QiPicture *control;    /* what a ControlNet is shown; NULL: the first picture */
  double control_scale;       /* 0: 1 */
  double control_start, control_end; /* shares of the steps; end 0: 1 */
  guint layers;               /* 0: QI_DEFAULT_LAYERS */
  QiAreas areas;
  gboolean previews;          /* progress comes with rough pictures of what is to become */
  gboolean own_size;          /* the first picture is its own reference as it is: it has the result's size */

  /* Drawn by qi_pipeline_draw(); NULL only in a planning runtime. */
  const float *noise;           /* [frames, c, height / 8, width / 8] */
  const float *posterior_noise; /* [c, height / 8, width / 8]; of pipelines that sample the VAE's posterior */
  const QiNoise *generator;     /* the stochastic sampler goes on from here */
} QiPipelineJob;

/* Floats of a picture, [channels, height, width] in [0, 1]. */
typedef struct
{
  guint channels, width, height;
  float *values;
} QiPlanes;
void qi_planes_clear (QiPlanes *planes);
/* Bytes, rounded half to even as the reference does. (transfer full) */
QiImage *qi_planes_to_image (const QiPlanes *planes);
