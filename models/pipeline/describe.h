/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/pipeline/describe.h — layers of a picture without a prompt: the text encoder describes the whole picture first. */
#pragma once
#include "models/pipeline/pipelines.h"

/* More than white space. */
gboolean qi_pipeline_has_prompt (const QiPipelineJob *job);

/* There is none, the pipeline's authors then have the picture described, and the set's text encoder can write. */
gboolean qi_pipeline_describes (const QiPipeline *pipeline, const QiModelSet *set, const QiPipelineJob *job);

/* The description that stands for job's prompt; remembered by the runtime. In a planning runtime a text that is as long as a
 * prompt can be. (transfer full) */
char *qi_pipeline_describe (QiRuntime *runtime, const QiPipelineJob *job, GError **error);

/* The remembered one, of a job that has been run; NULL: there is none. (transfer full) */
char *qi_pipeline_described (QiRuntime *runtime, const QiPipelineJob *job);
