/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/order.h — a request in figures: which pipeline it is for this model, with all defaults filled in. Internal to models/. */
#pragma once
#include "base/job.h"
#include "base/request.h"
#include "models/adapter/lora.h"
#include "models/pipeline/pipelines.h"

typedef struct
{
  const QiPipeline *pipeline;
  char *prompt;         /* with lettering */
  const char *negative; /* NULL: one pass */
  guint steps, width, height;
  guint n;              /* results asked for; each may be several pictures */
  double guidance;
  gint64 seed;
  QiPicture pictures[QI_MAX_PICTURES], mask, control;
  QiPipelineJob *jobs;  /* [n] */
  QiLoras *loras;
  char *note;           /* NULL: nothing a person should know */
  guint64 latent_dims[4]; /* [n * frames, c, h, w] */
  QiDraws draws;        /* empty until qi_order_draw() */
} QiOrder;

void qi_order_clear (QiOrder *order);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiOrder, qi_order_clear)

/* Everything but noise. request and inputs (NULL: none) are borrowed for as long as the order is used. For a plan,
 * inputs->pictures may be NULL with n_pictures of them: they count as pictures of the model's own size. Refused here, before
 * any work: what the set cannot do, and pictures that do not go with the task. */
gboolean qi_order_fill (QiOrder *order, const QiModelSet *set, const QiRequest *request, const QiInputs *inputs,
                        GError **error);

/* Result k's noise is that of seed + k, or the caller's (latents may be NULL). */
gboolean qi_order_draw (QiOrder *order, const QiModelSet *set, const QiLatents *latents, GError **error);
