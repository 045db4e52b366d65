/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/engine-info.h — what can be said of device and model before an engine is opened. Any thread. */
#pragma once
#include "models/model-set.h"

typedef struct
{
  char *name;
  gboolean software;                /* it is the processor */
  guint64 memory_bytes, free_bytes; /* of the heap that is computed in */
} QiEngineDevice;
void qi_engine_device_clear (QiEngineDevice *device);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiEngineDevice, qi_engine_device_clear)

/* The device that an engine would be opened on. device: as in QiEngineParams. */
gboolean qi_engine_device_look (const char *device, QiEngineDevice *facts, GError **error);

/* 16 hex digits of a hash of the transformer's header: names, types, shapes and places of its tensors. NULL: there is no
 * transformer. (transfer full) */
char *qi_model_hash (const QiModelSet *set);

/* Sides of pictures are multiples of this many pixels; 0: not known. */
guint qi_model_unit (const QiModelSet *set);
