/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/engine.h"

#include <string.h>

#include "base/bytes.h"
#include "base/env.h"
#include "base/error.h"
#include "compute/compute.h"

#include "models/caption/caption.h"
#include "models/order.h"
#include "models/pipeline/describe.h"
#include "models/plan-json.h"
#include "models/plan.h"

#define LESS 0.75        /* of a plan that there was not enough memory for */
#define BUDGET_SHARE 0.9 /* of the memory that is free; the rest is the desktop's */

struct _QiEngine
{
  QiDevice *device;
  QiModelSet *set;
  QiRuntime *runtime;
  QiCompute compute;
  guint64 budget; /* as asked for; 0: a share of what is free */
  gboolean validate, profile, previews, lost;
};

/* -- opening --------------------------------------------------------------------------------------- */

/* f16 operands where the GPU computes with them; a software device only emulates that. */
static gboolean
choose_compute (QiEngine *engine, const char *name, GError **error)
{
  if (!name || !*name || strcmp (name, "auto") == 0)
    engine->compute = qi_device_info (engine->device)->type == QI_DEVICE_SOFTWARE ? QI_COMPUTE_F32 : QI_COMPUTE_F16;
  else if (strcmp (name, "f32") == 0)
    engine->compute = QI_COMPUTE_F32;
  else if (strcmp (name, "f16") == 0)
    engine->compute = QI_COMPUTE_F16;
  else
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no compute type “%.80s”; it may be f32, f16 or auto.", name);
      return FALSE;
    }
  return TRUE;
}

static gboolean
open_device (QiEngine *engine, const QiEngineParams *params, GError **error)
{
  const char *asked_for = params->device && *params->device ? params->device : qi_env_device ();
  const QiDeviceParams device = { .device = asked_for,
                                  .memory_limit = qi_env_memory_limit (),
                                  .validate = params->validate || qi_env_validate (),
                                  .profile = params->profile || qi_env_profile (),
                                  .kernels = qi_env_kernels () };

  engine->validate = device.validate;
  engine->profile = device.profile;
  engine->previews = params->previews;
  engine->budget = params->memory_budget;
  engine->device = qi_device_open (&device, error);
  return engine->device && choose_compute (engine, params->compute, error);
}

QiEngine *
qi_engine_open (const QiModelPaths *paths, const QiEngineParams *params, QiProgressFunc progress, gpointer user_data,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (QiEngine) engine = g_new0 (QiEngine, 1);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (!(engine->set = qi_model_set_open (paths, error)) || !open_device (engine, params ? params : QI_ENGINE_PARAMS (), error))
    return NULL;
  engine->runtime = qi_runtime_new (engine->device, engine->set, engine->compute, FALSE);
  g_info ("%s (%s) on %s in %s", engine->set->name, engine->set->variant ? engine->set->variant->title : "no variant",
          qi_device_info (engine->device)->name, engine->compute == QI_COMPUTE_F16 ? "f16" : "f32");
  return g_steal_pointer (&engine);
}

void
qi_engine_free (QiEngine *engine)
{
  if (!engine)
    return;
  qi_runtime_free (engine->runtime);
  qi_model_set_free (engine->set);
  qi_device_close (engine->device);
  g_free (engine);
}

const QiModelSet *
qi_engine_model_set (QiEngine *engine)
{
  return engine->set;
}

const char *
qi_engine_device_name (QiEngine *engine)
{
  return qi_device_info (engine->device)->name;
}

/* -- generate -------------------------------------------------------------------------------------- */

static guint64
budget_now (const QiEngine *engine)
{
  if (engine->budget)
    return engine->budget;
  return (guint64) (BUDGET_SHARE * (qi_device_free_bytes (engine->device) + qi_device_memory (engine->device).blocks));
}

static QiResult *
result_of (QiOrder *order, const QiPlanes *pictures, guint n, gboolean keep_latents)
{
  QiResult *result = g_new0 (QiResult, 1);

  result->images = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  for (guint k = 0; k < n; k++)
    g_ptr_array_add (result->images, qi_planes_to_image (&pictures[k]));
  result->seed = order->seed;
  result->steps = order->steps;
  result->guidance = order->guidance;
  result->width = order->width;
  result->height = order->height;
  result->prompt = g_steal_pointer (&order->prompt);
  result->note = g_steal_pointer (&order->note);
  if (keep_latents)
    result->latents = g_steal_pointer (&order->draws.noise);
  memcpy (result->latent_dims, order->latent_dims, sizeof result->latent_dims);
  return result;
}

static void
log_profile (QiEngine *engine)
{
  g_autoptr (GArray) rows = qi_runtime_take_profile (engine->runtime);

  for (guint i = 0; engine->profile && i < rows->len; i++)
    {
      const QiOpTime *row = &g_array_index (rows, QiOpTime, i);

      g_message ("%-20s %7u × %10.3f ms %8.1f GFLOP/s %8.1f GB/s", row->name, row->n, 1e3 * row->seconds / MAX (row->n, 1),
                 row->flops / MAX (row->seconds, 1e-9) / 1e9, row->bytes / MAX (row->seconds, 1e-9) / 1e9);
    }
}

/* Under validation a picture made with wrong calls counts as none. */
static gboolean
check_messages (QiEngine *engine, GError **error)
{
  g_autofree char *text = NULL;
  const guint n = engine->validate ? qi_device_validation_messages (engine->device, &text) : 0;

  if (n)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "Vulkan's validation has %u complaints; the first: %s", n, text);
  return n == 0;
}

/* The plan, then the pipeline with exactly its memory. *used: bytes of the plan. */
static gboolean
run_within (QiEngine *engine, const QiOrder *order, const QiJob *request, guint64 budget, guint64 *used, QiPlanes *pictures,
            GError **error)
{
  g_autoptr (QiPlan) plan = qi_plan_new (engine->device, engine->set, engine->compute, order->pipeline, order->jobs, order->n,
                                         order->loras, budget, error);
  QiJob job = *request;
  gboolean done;

  *used = 0;
  if (!plan || !qi_plan_fits (plan, budget, error)) /* before anything is read */
    return FALSE;
  *used = qi_plan_peak_bytes (plan, budget);
  job.plan = plan;
  job.loras = order->loras;
  job.budget = budget;
  qi_runtime_set_job (engine->runtime, &job);
  done = qi_pipeline_run (order->pipeline, engine->runtime, order->jobs, order->n, pictures, NULL, error);
  qi_runtime_set_job (engine->runtime, NULL);
  log_profile (engine);
  return done;
}

/* Where the driver has less than it said, or others have taken it meanwhile: once more with less, as long as a plan for that
 * exists. The error is that of the first try. */
static gboolean
run_order (QiEngine *engine, const QiOrder *order, const QiJob *request, QiPlanes *pictures, GError **error)
{
  GError *first = NULL, *again = NULL;
  guint64 used;
  gboolean done = run_within (engine, order, request, budget_now (engine), &used, pictures, &first);

  while (!done && used && g_error_matches (again ? again : first, QI_ERROR, QI_ERROR_OUT_OF_MEMORY))
    {
      const guint64 less = (guint64) (LESS * used);

      g_info ("%s With at most %s once more", first->message, qi_bytes (less).text);
      g_clear_error (&again);
      for (QiPart part = 0; part < QI_N_PARTS; part++)
        qi_runtime_unload (engine->runtime, part);
      done = run_within (engine, order, request, less, &used, pictures, &again);
    }
  if (!done && again && !g_error_matches (again, QI_ERROR, QI_ERROR_OUT_OF_MEMORY))
    g_propagate_error (error, g_steal_pointer (&again));
  else if (!done)
    g_propagate_error (error, g_steal_pointer (&first));
  g_clear_error (&first);
  g_clear_error (&again);
  return done;
}

/* After what a result says already. */
static void
add_note (QiResult *result, const char *note)
{
  g_autofree char *before = g_steal_pointer (&result->note);

  result->note = before ? g_strconcat (before, " ", note, NULL) : g_strdup (note);
}

/* Of a stack of layers without a prompt: the words that the model was given for one, or why there were none. */
static void
take_description (QiEngine *engine, QiOrder *order, QiResult *result)
{
  char *described = NULL;

  if (!order->pipeline->layered || qi_pipeline_has_prompt (order->jobs))
    return;
  if (qi_pipeline_describes (order->pipeline, engine->set, order->jobs))
    described = qi_pipeline_described (engine->runtime, order->jobs);
  else
    add_note (result, "The picture was not described to the model: its text encoder cannot write.");
  if (!described)
    return;
  g_free (result->prompt);
  result->prompt = described;
}

QiResult *
qi_engine_generate (QiEngine *engine, const QiRequest *request, const QiInputs *inputs, gboolean keep_latents,
                    QiProgressFunc progress, gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_auto (QiOrder) order = { 0 };
  g_autofree QiPlanes *pictures = NULL;
  const QiJob job = { .progress = progress, .user_data = user_data, .cancellable = cancellable };
  GError *failure = NULL;
  QiResult *result = NULL;
  guint n;

  if (engine->lost)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_DEVICE_LOST, "The GPU was lost during an earlier picture; start anew.");
      return NULL;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error) || !qi_order_fill (&order, engine->set, request, inputs, error)
      || !qi_order_draw (&order, engine->set, inputs ? inputs->latents : NULL, error))
    return NULL;
  for (guint k = 0; k < order.n; k++)
    order.jobs[k].previews = engine->previews;
  n = order.n * qi_pipeline_n_results (order.pipeline, order.jobs);
  pictures = g_new0 (QiPlanes, n);
  if (run_order (engine, &order, &job, pictures, &failure) && check_messages (engine, &failure))
    {
      result = result_of (&order, pictures, n, keep_latents);
      take_description (engine, &order, result);
    }
  for (guint k = 0; k < n; k++)
    qi_planes_clear (&pictures[k]);
  engine->lost = g_error_matches (failure, QI_ERROR, QI_ERROR_DEVICE_LOST);
  if (failure)
    g_propagate_error (error, failure);
  return result;
}

/* -- caption --------------------------------------------------------------------------------------- */

typedef struct
{
  QiPromptPicture picture;
  QiCaptionOptions options;
} Sight;

static gboolean
plan_caption (QiRuntime *runtime, gpointer user_data, GError **error)
{
  const Sight *sight = user_data;
  GError *failure = NULL;

  qi_caption_annotate (runtime, &sight->picture, &sight->options, &failure);
  if (failure)
    g_propagate_error (error, failure);
  return failure == NULL;
}

QiCaption *
qi_engine_caption (QiEngine *engine, QiImage *image, const QiCaptionOptions *options, QiProgressFunc progress,
                   gpointer user_data, GCancellable *cancellable, GError **error)
{
  Sight sight = { { .image = image }, options ? *options : (QiCaptionOptions){ 0 } };
  g_autoptr (QiPlan) plan = NULL;
  const guint64 budget = budget_now (engine);
  GError *failure = NULL;
  QiCaption *caption = NULL;

  if (engine->lost)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_DEVICE_LOST, "The GPU was lost during an earlier picture; start anew.");
      return NULL;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error)
      || !(plan = qi_plan_of (engine->device, engine->set, engine->compute, plan_caption, &sight, budget, error)))
    return NULL;

  const QiJob job = { .plan = plan,
                      .budget = budget,
                      .progress = progress,
                      .user_data = user_data,
                      .cancellable = cancellable };

  qi_runtime_set_job (engine->runtime, &job);
  caption = qi_caption_annotate (engine->runtime, &sight.picture, &sight.options, &failure);
  qi_runtime_set_job (engine->runtime, NULL);
  log_profile (engine);
  if (caption && !check_messages (engine, &failure))
    g_clear_pointer (&caption, qi_caption_free);
  engine->lost = g_error_matches (failure, QI_ERROR, QI_ERROR_DEVICE_LOST);
  if (failure)
    g_propagate_error (error, failure);
  return caption;
}

/* -- reports --------------------------------------------------------------------------------------- */

char *
qi_engine_plan_json (QiEngine *engine, const QiRequest *request, const QiInputs *inputs, GError **error)
{
  g_auto (QiOrder) order = { 0 };
  g_autoptr (QiPlan) plan = NULL;
  const guint64 budget = budget_now (engine);

  if (!qi_order_fill (&order, engine->set, request, inputs, error))
    return NULL;
  plan = qi_plan_new (engine->device, engine->set, engine->compute, order.pipeline, order.jobs, order.n, order.loras,
                      budget, error);
  if (!plan)
    return NULL;

  const QiPlanRequest asked = { order.pipeline->name, order.width, order.height, order.steps, order.n, order.guidance,
                                budget };

  return qi_plan_json (plan, &asked, qi_device_info (engine->device), engine->compute);
}

char *
qi_engine_devices_json (GError **error)
{
  g_autoptr (GPtrArray) devices = qi_device_list (error);

  return devices ? qi_devices_json (devices) : NULL;
}
