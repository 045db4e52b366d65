/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/pipelines.h"

#include <string.h>

#include "base/error.h"

static gboolean
check_text_to_image (const QiModelSet *set, GError **error)
{
  if (!qi_model_set_require (set, FALSE, error))
    return FALSE;
  if (!set->variant->layered && !set->mmdit_config.layer3d_rope)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "“%s” splits pictures into layers and cannot make one from words; choose another model.", set->name);
  return FALSE;
}

static const QiPipeline pipelines[] = {
  { "text-to-image", check_text_to_image, qi_text_to_image },
};

const QiPipeline *
qi_pipeline_by_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (pipelines); i++)
    if (strcmp (pipelines[i].name, name) == 0)
      return &pipelines[i];
  return NULL;
}
