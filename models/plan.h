/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/plan.h — what a job will need, stage by stage, known before anything is allocated: the pipeline itself is run with
 * pools and streams that only count. */
#pragma once
#include "models/pipeline/pipelines.h"
#include "models/runtime.h"

/* One part's stage. Bytes of device memory. Guests have weights and no stage: they work in
 * that of another part. */
typedef struct
{
  gboolean used;
  guint64 weights, weights_blocks; /* of tensors, and of the blocks that hold them */
  guint64 scratch, scratch_blocks; /* at their peak */
  guint n_blocks, n_streamed;      /* of a transformer: how many it has, how many are copied ahead of each use; the rest is kept */
  guint64 ring;                    /* of weights_blocks: where they are copied to */
} QiPlanStage;

/* For n_jobs jobs of a pipeline with these LoRA files (NULL: none); nothing is allocated. budget: bytes that a stage may take (0:
 * no limit); where one takes more, pictures are encoded and decoded in strips and only as many blocks kept as fit, and a plan that is
 * still larger is a plan all the same: qi_plan_fits() tells. (transfer full) */
QiPlan *qi_plan_new (QiDevice *device, const QiModelSet *set, QiCompute compute, const QiPipeline *pipeline,
                     const QiPipelineJob *jobs, guint n_jobs, const QiLoras *loras, guint64 budget,
                     GError **error);
/* For whatever run does with a planning runtime. (transfer full) */
typedef gboolean (*QiPlanFunc) (QiRuntime *runtime, gpointer user_data, GError **error);
QiPlan *qi_plan_of (QiDevice *device, const QiModelSet *set, QiCompute compute, QiPlanFunc run, gpointer user_data,
                    guint64 budget, GError **error);
void qi_plan_free (QiPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiPlan, qi_plan_free)

QiPlanStage qi_plan_stage (const QiPlan *plan, QiPart part);
/* Blocks reserved like these: NULL when the stage does not occur. */
const QiPool *qi_plan_weights (const QiPlan *plan, QiPart part);
const QiPool *qi_plan_scratch (const QiPlan *plan, QiPart part);

/* That the VAE's encoder or decoder takes each picture in, one after the other; 1: in one piece. */
guint qi_plan_strips (const QiPlan *plan, QiPart part);

/* Whether guest works in the stage of host here. */
gboolean qi_plan_is_together (const QiPlan *plan, QiPart host, QiPart guest);

/* Bytes of blocks: of the stage alone (staging included), of all weights with the largest scratch, and at the peak when at
 * most budget bytes are used (0: no limit), parts handed over where needed. */
guint64 qi_plan_stage_bytes (const QiPlan *plan, QiPart part);
guint64 qi_plan_resident_bytes (const QiPlan *plan);
guint64 qi_plan_peak_bytes (const QiPlan *plan, guint64 budget);
gboolean qi_plan_fits (const QiPlan *plan, guint64 budget, GError **error); /* QI_ERROR_OUT_OF_MEMORY with figures */
