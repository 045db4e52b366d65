/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/pipelines.h — the table of pipelines. */
#pragma once
#include "models/pipeline/text-to-image.h"

typedef struct
{
  const char *name;
  /* Whether the set can run it: parts are there and of the right kind. */
  gboolean (*check) (const QiModelSet *set, GError **error);
  gboolean (*run) (QiRuntime *runtime, const QiTextToImage *jobs, guint n_jobs, QiPlanes *pictures, const QiTap *tap,
                   GError **error);
} QiPipeline;

/* "text-to-image". NULL: there is none of that name. */
const QiPipeline *qi_pipeline_by_name (const char *name);
