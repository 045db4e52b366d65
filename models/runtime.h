/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/runtime.h — the parts of a model on a device: which are loaded, within which budget. Internal to models/.
 *
 * Work is done in stages, one part each: qi_runtime_begin() sees to it that the part is loaded, handing back others
 * where memory is short, and gives a stream with scratch of the planned size; qi_runtime_end() waits for the GPU. A part
 * stays loaded until its memory is wanted; those earlier in QiPart go first, since a job needs them once.
 *
 * A planning runtime runs the same pipelines without memory and without reading weights, and counts what they need
 * (models/plan.h); a real one reserves exactly that. Threads: one at a time. */
#pragma once
#include "models/adapter/controlnet.h"
#include "models/adapter/lora.h"
#include "models/diffusion/mmdit.h"
#include "models/engine.h"
#include "models/text/encoder.h"
#include "models/text/head.h"
#include "models/text/vision.h"
#include "models/vae/decoder.h"
#include "models/vae/encoder.h"

typedef enum
{
  QI_PART_VISION,
  QI_PART_TEXT_HEAD,  /* has no stage of its own: it works in that of the text encoder */
  QI_PART_TEXT_ENCODER,
  QI_PART_VAE_ENCODER,
  QI_PART_CONTROLNET, /* has no stage of its own: it works in that of the transformer */
  QI_PART_ADDONS,     /* likewise: the job's LoRA files */
  QI_PART_MMDIT,
  QI_PART_VAE_DECODER,
  QI_N_PARTS
} QiPart;

typedef struct _QiPlan QiPlan;
typedef struct _QiRuntime QiRuntime;

/* device and set are borrowed and must outlive it. (transfer full) */
QiRuntime *qi_runtime_new (QiDevice *device, const QiModelSet *set, QiCompute compute, gboolean plan);
void qi_runtime_free (QiRuntime *runtime);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiRuntime, qi_runtime_free)

QiDevice *qi_runtime_device (QiRuntime *runtime);
const QiModelSet *qi_runtime_set (QiRuntime *runtime);
gboolean qi_runtime_is_plan (const QiRuntime *runtime);

/* What the stages that follow run under. plan, loras and cancellable are borrowed until set anew; all may be NULL. budget: bytes of
 * device memory, 0: no limit but the device's. */
typedef struct
{
  const QiPlan *plan; /* stages it knows reserve its sizes */
  const QiLoras *loras; /* are on the transformer in its stage */
  guint64 budget;
  QiProgressFunc progress;
  gpointer user_data;
  GCancellable *cancellable;
} QiJob;
void qi_runtime_set_job (QiRuntime *runtime, const QiJob *job); /* NULL: none */

/* The set's schedule, or the one that the job's LoRA files go with. Borrowed until the job is set anew. */
const QiSchedulerConfig *qi_runtime_scheduler (const QiRuntime *runtime);

/* Calls the job's progress function; a planning runtime has none. */
void qi_runtime_progress (QiRuntime *runtime, const QiProgress *progress);

const char *qi_part_name (QiPart part); /* "text encoder", "transformer", … */

/* The part in whose stage part works beside it, when a job needs it; QI_N_PARTS: it has a stage of its own. */
QiPart qi_part_host (QiPart part);
gboolean qi_part_is_guest (QiPart part);

/* NULL with error set: QI_ERROR_OUT_OF_MEMORY with figures when the stage does not fit the budget even alone. The stream
 * belongs to the runtime. Stages do not nest. */
QiStream *qi_runtime_begin (QiRuntime *runtime, QiPart part, GError **error);
gboolean qi_runtime_end (QiRuntime *runtime, GError **error);
/* After an error of the caller's own: ends the stage without a word. */
void qi_runtime_abandon (QiRuntime *runtime);

/* The guest's weights, for the rest of the current stage: the ControlNet's in that of the transformer. */
gboolean qi_runtime_load (QiRuntime *runtime, QiPart part, GError **error);

/* The part of the current stage. */
const QiVision *qi_runtime_vision (QiRuntime *runtime);
const QiTextEncoder *qi_runtime_text_encoder (QiRuntime *runtime);
const QiTextHead *qi_runtime_text_head (QiRuntime *runtime);
const QiMmdit *qi_runtime_mmdit (QiRuntime *runtime);
const QiControlnet *qi_runtime_controlnet (QiRuntime *runtime);
const QiVaeEncoder *qi_runtime_vae_encoder (QiRuntime *runtime);
const QiVaeDecoder *qi_runtime_vae_decoder (QiRuntime *runtime);

gboolean qi_runtime_is_loaded (const QiRuntime *runtime, QiPart part);
void qi_runtime_unload (QiRuntime *runtime, QiPart part);
void qi_runtime_forget (QiRuntime *runtime, QiPart part); /* of a planning runtime: what the part's stages took, too */
guint64 qi_runtime_held_bytes (const QiRuntime *runtime); /* blocks of all loaded parts */

/* Of a planning runtime: what its stages allocated; NULL: the part had none. */
const QiPool *qi_runtime_weights (const QiRuntime *runtime, QiPart part);
const QiPool *qi_runtime_scratch (const QiRuntime *runtime, QiPart part);

const QiRing *qi_runtime_ring (const QiRuntime *runtime, QiPart part);

/* Blocks of a part that can be copied ahead of each use instead of being kept, and how many are; 0: of no such part. A
 * planning runtime does the part's loading over, with that many. */
guint qi_runtime_n_blocks (const QiRuntime *runtime, QiPart part);
guint qi_runtime_n_streamed (const QiRuntime *runtime, QiPart part);
QiRingStats qi_runtime_copied (const QiRuntime *runtime, QiPart part); /* since it was loaded, as of its last stage's end */
gboolean qi_runtime_plan_streaming (QiRuntime *runtime, QiPart part, guint n_streamed, GError **error);

/* Strips that the VAE's encoder and decoder work in; of a planning runtime as it was told, else as planned. */
guint qi_runtime_strips (const QiRuntime *runtime, QiPart part);
void qi_runtime_plan_strips (QiRuntime *runtime, QiPart part, guint n_strips);

/* In the transformer's stage: what of it depends on the timestep alone, at each of n sigmas (qi_mmdit_modulate()); kept until it is
 * asked for at others. (transfer full); empty in a plan, NULL with error. */
GBytes *qi_runtime_modulation (QiRuntime *runtime, const float *sigmas, guint n, GError **error);

/* GPU time per op since the last call, of a device that profiles; element type QiOpTime. (transfer full) */
GArray *qi_runtime_take_profile (QiRuntime *runtime);

/* Embeddings of prompts and pictures, and what the VAE says of pictures, f32, kept on the host by what they were made from.
 * find: borrowed bytes or NULL. */
GBytes *qi_runtime_find_embeddings (QiRuntime *runtime, const char *key);
void qi_runtime_keep_embeddings (QiRuntime *runtime, const char *key, GBytes *embeddings);

/* What previews are made with; the runtime's. */
struct _QiPreview;
struct _QiPreview *qi_runtime_preview (QiRuntime *runtime);
