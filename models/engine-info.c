/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/engine-info.h"

#include <string.h>

#include "base/env.h"
#include "compute/compute.h"

#include "models/vae/vae-common.h"

void
qi_engine_device_clear (QiEngineDevice *device)
{
  g_free (device->name);
  *device = (QiEngineDevice){ 0 };
}

gboolean
qi_engine_device_look (const char *name, QiEngineDevice *facts, GError **error)
{
  const QiDeviceParams params = { .device = name && *name ? name : qi_env_device (), .memory_limit = qi_env_memory_limit () };
  g_autoptr (QiDevice) device = qi_device_open (&params, error);
  const QiDeviceInfo *info = device ? qi_device_info (device) : NULL;

  if (!info)
    return FALSE;
  *facts = (QiEngineDevice){ .name = g_strdup (info->name),
                             .software = info->type == QI_DEVICE_SOFTWARE,
                             .memory_bytes = info->memory_bytes,
                             .free_bytes = qi_device_free_bytes (device) };
  return TRUE;
}

char *
qi_model_hash (const QiModelSet *set)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  if (!set->transformer)
    return NULL;
  for (guint i = 0; i < qi_checkpoint_n_tensors (set->transformer); i++)
    {
      const QiCheckpointTensor *tensor = qi_checkpoint_tensor (set->transformer, i);
      g_autoptr (GString) line = g_string_new (tensor->name);

      g_string_append_printf (line, " %d %u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, (int) tensor->dtype, tensor->file,
                              tensor->offset, tensor->bytes);
      for (guint d = 0; d < tensor->n_dims; d++)
        g_string_append_printf (line, " %" G_GUINT64_FORMAT, tensor->dims[d]);
      g_string_append_c (line, '\n');
      g_checksum_update (sum, (const guchar *) line->str, (gssize) line->len);
    }
  return g_strndup (g_checksum_get_string (sum), 16);
}

guint
qi_model_unit (const QiModelSet *set)
{
  return set->vae_from ? 2 * qi_vae_factor (&set->vae_config) : 0;
}
