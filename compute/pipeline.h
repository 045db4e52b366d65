/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/pipeline.h — (shader, specialisation constants) to VkPipeline; kept in memory and, through
 * VkPipelineCache, in the user's cache folder, one file a device and driver. Thread-safe. */
#pragma once
#include "compute/device.h"

QiPipelineCache *qi_pipeline_cache_new (QiDevice *device);
void qi_pipeline_cache_free (QiPipelineCache *cache); /* writes the file when there is something new */

/* Where things are kept that hold for this device and driver. (transfer full) */
char *qi_pipeline_cache_path (const QiDevice *device, const char *what);

typedef struct
{
  VkPipeline pipeline;
  VkPipelineLayout layout;
} QiPipeline;

gboolean qi_pipeline_get (QiPipelineCache *cache, QiShaderId shader, const guint32 *spec, guint n_spec,
                          QiPipeline *pipeline, GError **error);
