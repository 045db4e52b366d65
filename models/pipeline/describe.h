/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/describe.h — layers of a picture without a prompt: the text encoder describes the whole picture first. */
#pragma once
#include "models/pipeline/pipelines.h"

/* The prompt is missing, and the pipeline's authors then have the picture described. */
gboolean qi_pipeline_describes (const QiPipeline *pipeline, const QiPipelineJob *job);

/* The description that stands for job's prompt; remembered by the runtime. In a planning runtime a text that is as long as a
 * prompt can be. An error says that a prompt would do instead. (transfer full) */
char *qi_pipeline_describe (QiRuntime *runtime, const QiPipelineJob *job, GError **error);

/* The remembered one, of a job that has been run; NULL: there is none. (transfer full) */
char *qi_pipeline_described (QiRuntime *runtime, const QiPipelineJob *job);
