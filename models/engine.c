/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/engine.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "base/prompt.h"
#include "compute/compute.h"

#include "models/plan-json.h"
#include "models/plan.h"
#include "models/sample/noise.h"

#define BUDGET_SHARE 0.9 /* of the memory that is free; the rest is the desktop's */

struct _QiEngine
{
  QiDevice *device;
  QiModelSet *set;
  QiRuntime *runtime;
  QiCompute compute;
  guint64 budget; /* as asked for; 0: a share of what is free */
  gboolean validate, profile, lost;
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
                                  .profile = params->profile || qi_env_profile () };

  engine->validate = device.validate;
  engine->profile = device.profile;
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

/* -- a request in figures -------------------------------------------------------------------------- */

/* A request with its defaults filled in. */
typedef struct
{
  const QiPipeline *pipeline;
  char *prompt;         /* with lettering */
  const char *negative; /* NULL: one pass */
  guint steps, width, height, n;
  double guidance;
  gint64 seed;
  guint64 latent_dims[4];
  float *noise; /* [latent_dims]; NULL when planning */
  QiTextToImage *jobs; /* [n] */
} Order;

static void
order_clear (Order *order)
{
  g_free (order->prompt);
  g_free (order->noise);
  g_free (order->jobs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Order, order_clear)

static gboolean
has_rows (const QiRequest *request)
{
  g_autofree char *rows = g_strdup (request->lettering ? request->lettering : "");

  return *g_strstrip (rows) != '\0';
}

/* Letters need steps: with rows quality is at least balanced. */
static void
choose_steps (const QiEngine *engine, const QiRequest *request, Order *order)
{
  const QiQuality quality = has_rows (request) ? MAX (request->quality, QI_QUALITY_BALANCED) : request->quality;
  const QiVariantQuality *row = qi_variant_quality (engine->set->variant, quality, FALSE);

  order->steps = request->steps ? request->steps : row->steps;
  order->guidance = request->guidance > 0 ? request->guidance : row->guidance;
  order->n = request->results;
  if (order->guidance <= 1)
    order->negative = NULL;
  else if (request->negative_prompt && *request->negative_prompt)
    order->negative = request->negative_prompt;
  else
    order->negative = engine->set->variant->negative_prompt ? engine->set->variant->negative_prompt : " ";
}

/* Sides become whole tokens, downwards. */
static gboolean
choose_size (const QiEngine *engine, const QiRequest *request, Order *order, GError **error)
{
  const guint factor = qi_vae_factor (&engine->set->vae_config), unit = 2 * factor;
  const guint width = request->width ? request->width : engine->set->width;
  const guint height = request->height ? request->height : engine->set->height;

  order->width = width / unit * unit;
  order->height = height / unit * unit;
  if (order->width == 0 || order->height == 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%u × %u pixels are too few; a side has at least %u.", width, height,
                   unit);
      return FALSE;
    }
  order->latent_dims[0] = order->n;
  order->latent_dims[1] = engine->set->vae_config.z_dim;
  order->latent_dims[2] = order->height / factor;
  order->latent_dims[3] = order->width / factor;
  return TRUE;
}

static gboolean
fill_order (const QiEngine *engine, const QiRequest *request, Order *order, GError **error)
{
  order->pipeline = qi_pipeline_by_name ("text-to-image");
  if (!qi_request_check (request, error) || !order->pipeline->check (engine->set, error))
    return FALSE;
  if (request->loras && *request->loras)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "LoRA files cannot be applied by this version; leave them out.");
      return FALSE;
    }
  if (!(order->prompt = qi_prompt_assemble (request->prompt, request->lettering, error)))
    return FALSE;
  choose_steps (engine, request, order);
  if (!choose_size (engine, request, order, error))
    return FALSE;
  order->seed = request->seed >= 0 ? request->seed : g_random_int_range (0, G_MAXINT32);
  order->jobs = g_new0 (QiTextToImage, order->n);
  for (guint k = 0; k < order->n; k++)
    order->jobs[k] = (QiTextToImage){ .prompt = order->prompt,
                                      .negative = order->negative,
                                      .width = order->width,
                                      .height = order->height,
                                      .steps = order->steps,
                                      .guidance = order->guidance,
                                      .sampler = request->sampler };
  return TRUE;
}

/* Result k's noise is that of seed + k, or the caller's. */
static gboolean
fill_noise (Order *order, const QiLatents *latents, GError **error)
{
  const guint64 *d = order->latent_dims;
  const gsize each = d[1] * d[2] * d[3];

  if (latents && memcmp (latents->dims, d, sizeof order->latent_dims) != 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   "The given latents are %d × %d × %d × %d; this request needs %d × %d × %d × %d (results, channels, rows, "
                   "columns).",
                   (int) latents->dims[0], (int) latents->dims[1], (int) latents->dims[2], (int) latents->dims[3], (int) d[0],
                   (int) d[1], (int) d[2], (int) d[3]);
      return FALSE;
    }
  order->noise = latents ? g_memdup2 (latents->values, d[0] * each * sizeof (float)) : g_new (float, d[0] * each);
  for (guint k = 0; k < order->n; k++)
    {
      QiNoise noise;

      if (!latents)
        {
          qi_noise_seed (&noise, (guint64) (order->seed + k));
          qi_noise_normal (&noise, order->noise + k * each, each);
        }
      order->jobs[k].noise = order->noise + k * each;
    }
  return TRUE;
}

/* -- generate -------------------------------------------------------------------------------------- */

static guint64
budget_now (const QiEngine *engine)
{
  if (engine->budget)
    return engine->budget;
  return (guint64) (BUDGET_SHARE * (qi_device_free_bytes (engine->device) + qi_device_memory (engine->device).blocks));
}

/* Bytes, rounded half to even as the reference does. */
static QiImage *
image_of (const QiPlanes *planes)
{
  const gsize n = (gsize) planes->width * planes->height, c = planes->channels;
  guint8 *pixels = g_malloc (n * c);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n * c);

  for (gsize i = 0; i < n; i++)
    for (gsize k = 0; k < c; k++)
      pixels[i * c + k] = (guint8) rintf (planes->values[k * n + i] * 255.0f);
  return qi_image_new (planes->width, planes->height, c, planes->width * c, bytes);
}

static QiResult *
result_of (Order *order, const QiPlanes *pictures, gboolean keep_latents)
{
  QiResult *result = g_new0 (QiResult, 1);

  result->images = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  for (guint k = 0; k < order->n; k++)
    g_ptr_array_add (result->images, image_of (&pictures[k]));
  result->seed = order->seed;
  result->steps = order->steps;
  result->guidance = order->guidance;
  result->width = order->width;
  result->height = order->height;
  result->prompt = g_steal_pointer (&order->prompt);
  if (keep_latents)
    result->latents = g_steal_pointer (&order->noise);
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

/* The plan, then the pipeline with exactly its memory. */
static gboolean
run_order (QiEngine *engine, const Order *order, const QiJob *request, QiPlanes *pictures, GError **error)
{
  g_autoptr (QiPlan) plan = qi_plan_new (engine->device, engine->set, engine->compute, order->pipeline, order->jobs, order->n,
                                         error);
  QiJob job = *request;
  gboolean done;

  if (!plan)
    return FALSE;
  job.plan = plan;
  job.budget = budget_now (engine);
  qi_runtime_set_job (engine->runtime, &job);
  done = order->pipeline->run (engine->runtime, order->jobs, order->n, pictures, NULL, error);
  qi_runtime_set_job (engine->runtime, NULL);
  log_profile (engine);
  return done;
}

QiResult *
qi_engine_generate (QiEngine *engine, const QiRequest *request, const QiInputs *inputs, gboolean keep_latents,
                    QiProgressFunc progress, gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_auto (Order) order = { 0 };
  g_autofree QiPlanes *pictures = NULL;
  const QiJob job = { .progress = progress, .user_data = user_data, .cancellable = cancellable };
  GError *failure = NULL;
  QiResult *result = NULL;

  if (engine->lost)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_DEVICE_LOST, "The GPU was lost during an earlier picture; start anew.");
      return NULL;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error) || !fill_order (engine, request, &order, error)
      || !fill_noise (&order, inputs ? inputs->latents : NULL, error))
    return NULL;
  pictures = g_new0 (QiPlanes, order.n);
  if (run_order (engine, &order, &job, pictures, &failure) && check_messages (engine, &failure))
    result = result_of (&order, pictures, keep_latents);
  for (guint k = 0; k < order.n; k++)
    qi_planes_clear (&pictures[k]);
  engine->lost = g_error_matches (failure, QI_ERROR, QI_ERROR_DEVICE_LOST);
  if (failure)
    g_propagate_error (error, failure);
  return result;
}

/* -- reports --------------------------------------------------------------------------------------- */

char *
qi_engine_plan_json (QiEngine *engine, const QiRequest *request, GError **error)
{
  g_auto (Order) order = { 0 };
  g_autoptr (QiPlan) plan = NULL;

  if (!fill_order (engine, request, &order, error))
    return NULL;
  plan = qi_plan_new (engine->device, engine->set, engine->compute, order.pipeline, order.jobs, order.n, error);
  if (!plan)
    return NULL;

  const QiPlanRequest asked = { order.pipeline->name, order.width, order.height, order.steps, order.n, order.guidance,
                                budget_now (engine) };

  return qi_plan_json (plan, &asked, qi_device_info (engine->device), engine->compute);
}

char *
qi_engine_devices_json (GError **error)
{
  g_autoptr (GPtrArray) devices = qi_device_list (error);

  return devices ? qi_devices_json (devices) : NULL;
}
