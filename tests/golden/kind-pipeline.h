/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/kind-pipeline.h — a case of a pipeline that was run, and what is written of it. */
#pragma once
#include "models/picture/crop.h"
#include "models/pipeline/sources.h"
#include "tests/golden/golden.h"

typedef struct
{
  const QiModelSet *set;
  const QiPipeline *pipeline;
  QiPipelineJob *jobs; /* [batch] */
  guint batch, n_results; /* pictures of each */
  QiPlanes *planes;    /* [batch * n_results] */
  QiTaps *taps;        /* [batch] */
  gboolean cropped;    /* the result goes back into original, under mask, at box */
  QiBox box;
  QiImage *original, *mask;
} QiGoldenPipeline;

/* Tensors under the golden names, and pictures. */
gboolean qi_golden_pipeline_outputs (QiCase *c, const QiGoldenPipeline *p, GError **error);
