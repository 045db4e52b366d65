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

#include "base/image.h"
#include "base/request.h"
#include "models/model-set.h"

typedef struct _QiEngine QiEngine;

typedef enum
{
  QI_STAGE_LOAD,
  QI_STAGE_ENCODE,
  QI_STAGE_DENOISE,
  QI_STAGE_DECODE
} QiStage;

typedef struct
{
  const char *device;      /* name or UUID prefix of the GPU, "cpu"; NULL: the fastest */
  guint64 memory_budget;   /* bytes of device memory to use; 0: 90 % of what is free */
  gboolean validate;       /* validation layers on; any message is an error */
  gboolean profile;        /* GPU time per op */
  const char *compute;     /* "f32", "f16", "auto" or NULL: auto */
} QiEngineParams;
#define QI_ENGINE_PARAMS(...) (&(const QiEngineParams){ __VA_ARGS__ })

typedef struct
{
  QiStage stage;
  guint step, n_steps;    /* within the stage, from 1 */
  guint result, n_results; /* from 0 */
  double seconds_left;    /* < 0: not known yet */
  const QiImage *preview; /* borrowed for the call; NULL when there is none */
} QiProgress;
typedef void (*QiProgressFunc) (const QiProgress *progress, gpointer user_data);

const char *qi_stage_name (QiStage stage); /* "load", "encode", "denoise", "decode" */

/* Opens the device and reads the checkpoint's headers; weights are read when they are first needed. (transfer full) */
QiEngine *qi_engine_open (const QiModelPaths *paths, const QiEngineParams *params, QiProgressFunc progress,
                          gpointer user_data, GCancellable *cancellable, GError **error);
void qi_engine_free (QiEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiEngine, qi_engine_free)

/* What a run made, beside the pictures. */
typedef struct
{
  GPtrArray *images;   /* of QiImage, one a result */
  gint64 seed;         /* of the first */
  guint steps;
  double guidance;
  guint width, height;
  char *prompt;        /* as the model saw it: with lettering */
  float *latents;      /* the noise as drawn, [results, c, h / 8, w / 8]; NULL unless asked for */
  guint64 latent_dims[4];
} QiResult;
void qi_result_free (QiResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiResult, qi_result_free)

/* Start latents given by the caller in place of the seed's: f32 [results, c, h / 8, w / 8]. */
typedef struct
{
  const float *values;
  guint64 dims[4];
} QiLatents;

/* The pictures request asks for; request is only read, and may be reused at once. latents may be NULL. (transfer full) */
QiResult *qi_engine_generate (QiEngine *engine, const QiRequest *request, const QiLatents *latents,
                              gboolean keep_latents, QiProgressFunc progress, gpointer user_data,
                              GCancellable *cancellable, GError **error);

/* Device, capabilities and memory plan for a request, as one JSON object (transfer full). */
char *qi_engine_plan_json (QiEngine *engine, const QiRequest *request, GError **error);
/* A JSON array of every Vulkan device here, with its capabilities. (transfer full) */
char *qi_engine_devices_json (GError **error);
