/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/engine.h — open a Qwen-Image checkpoint and make pictures with it.
 *
 * Threads: an engine belongs to one thread at a time. qi_engine_generate() blocks; progress runs on the calling
 *          thread between GPU submissions and must not call back into the engine.
 * Cancel:  looked at before every submission (about 100 ms of GPU work each); gives G_IO_ERROR_CANCELLED, and the
 *          engine stays usable.
 * Errors:  QI_ERROR codes say what the caller can do next. Only QI_ERROR_DEVICE_LOST spoils the engine.
 * Units:   pixels, bytes, seconds; sigmas in [0, 1]. */
#pragma once
#include <gio/gio.h>

#include "base/caption.h"
#include "base/job.h"
#include "base/request.h"
#include "models/model-set.h"

typedef struct _QiEngine QiEngine;

typedef struct
{
  const char *device;      /* name or UUID prefix of the GPU, "cpu"; NULL: the fastest */
  guint64 memory_budget;   /* bytes of device memory to use; 0: 90 % of what is free */
  gboolean validate;       /* validation layers on; any message is an error */
  gboolean profile;        /* GPU time per op */
  const char *compute;     /* "f32", "f16", "auto" or NULL: auto */
} QiEngineParams;
#define QI_ENGINE_PARAMS(...) (&(const QiEngineParams){ __VA_ARGS__ })

/* Opens the device and reads the checkpoint's headers; weights are read when they are first needed. (transfer full) */
QiEngine *qi_engine_open (const QiModelPaths *paths, const QiEngineParams *params, QiProgressFunc progress,
                          gpointer user_data, GCancellable *cancellable, GError **error);
void qi_engine_free (QiEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiEngine, qi_engine_free)

/* What it works with; borrowed, as long as the engine lives. */
const QiModelSet *qi_engine_model_set (QiEngine *engine);
const char *qi_engine_device_name (QiEngine *engine);

/* The pictures request asks for, whatever its task; request is only read, and may be reused at once. inputs may be NULL.
 * keep_latents: the noise comes with the result. (transfer full) */
QiResult *qi_engine_generate (QiEngine *engine, const QiRequest *request, const QiInputs *inputs,
                              gboolean keep_latents, QiProgressFunc progress, gpointer user_data,
                              GCancellable *cancellable, GError **error);

/* What it works with; borrowed, as long as the engine lives. */
const QiModelSet *qi_engine_model_set (QiEngine *engine);
const char *qi_engine_device_name (QiEngine *engine);

/* What the text encoder sees in image. The set needs no transformer and no VAE for this; the output head is loaded for it and
 * given back. options may be NULL. (transfer full) */
QiCaption *qi_engine_caption (QiEngine *engine, QiImage *image, const QiCaptionOptions *options, QiProgressFunc progress,
                              gpointer user_data, GCancellable *cancellable, GError **error);

/* Device, capabilities and memory plan for a request, as one JSON object. inputs may be NULL; its pictures too, when only
 * n_pictures of them are known: they then count as ones of the model's own size. (transfer full) */
char *qi_engine_plan_json (QiEngine *engine, const QiRequest *request, const QiInputs *inputs, GError **error);
/* A JSON array of every Vulkan device here, with its capabilities. (transfer full) */
char *qi_engine_devices_json (GError **error);
