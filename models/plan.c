/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/plan.h"

#include "base/bytes.h"
#include "base/error.h"
#include "models/pipeline/sources.h"
#include "models/vae/decoder.h"
#include "models/vae/encoder.h"

struct _QiPlan
{
  QiRuntime *runtime; /* a planning one, after its dry run */
};

/* Of the parts that are made of blocks: as few as possible are copied ahead of each use, all others kept. */
static gboolean
fit_part (QiPlan *plan, QiPart part, guint64 budget, GError **error)
{
  guint least = qi_weights_least_streamed (), most = qi_runtime_n_blocks (plan->runtime, part);

  if (!qi_plan_stage (plan, part).used || qi_plan_stage_bytes (plan, part) <= budget || most < least)
    return TRUE;
  while (least < most)
    {
      const guint n = least + (most - least) / 2;

      if (!qi_runtime_plan_streaming (plan->runtime, part, n, error))
        return FALSE;
      if (qi_plan_stage_bytes (plan, part) <= budget)
        most = n;
      else
        least = n + 1;
    }
  return qi_runtime_n_streamed (plan->runtime, part) == most
         || qi_runtime_plan_streaming (plan->runtime, part, most, error);
}

static gboolean
fit (QiPlan *plan, guint64 budget, GError **error)
{
  for (QiPart part = 0; budget && part < QI_N_PARTS; part++)
    if (!fit_part (plan, part, budget, error))
      return FALSE;
  return TRUE;
}

/* The pipeline without doing anything; it may be run again in the same runtime, in other strips. */
static gboolean
dry_run (QiPlan *plan, const QiPipeline *pipeline, const QiPipelineJob *jobs, guint n_jobs, GError **error)
{
  const guint n_pictures = n_jobs * qi_pipeline_n_results (pipeline, jobs);
  g_autofree QiPlanes *pictures = g_new0 (QiPlanes, n_pictures);
  const gboolean done = qi_pipeline_run (pipeline, plan->runtime, jobs, n_jobs, pictures, NULL, error);

  for (guint i = 0; i < n_pictures; i++)
    qi_planes_clear (&pictures[i]);
  return done;
}

/* Strips of any use to the encoder and to the decoder. */
static gboolean
most_strips (const QiPlan *plan, const QiPipeline *pipeline, const QiPipelineJob *jobs, guint n_jobs, guint *encoder, guint *decoder,
             GError **error)
{
  const QiVaeConfig *config = &qi_runtime_set (plan->runtime)->vae_config;
  const guint factor = qi_vae_factor (config);

  *encoder = *decoder = 1;
  for (guint i = 0; i < n_jobs; i++)
    {
      QiShown shown[QI_MAX_SOURCES];
      guint n;

      if (!qi_pipeline_shown (pipeline, &jobs[i], shown, &n, error))
        return FALSE;
      for (guint k = 0; k < n; k++)
        *encoder = MAX (*encoder, qi_vae_max_encode_strips (config, shown[k].height / factor));
      *decoder = MAX (*decoder, qi_vae_max_strips (config, jobs[i].height / factor));
    }
  return TRUE;
}

/* Encoding and decoding in as few strips as the budget asks for. */
static gboolean
fit_strips (QiPlan *plan, const QiPipeline *pipeline, const QiPipelineJob *jobs, guint n_jobs, guint64 budget, GError **error)
{
  static const QiPart parts[] = { QI_PART_VAE_ENCODER, QI_PART_VAE_DECODER };
  guint most[G_N_ELEMENTS (parts)];

  if (!budget)
    return TRUE;
  if (!most_strips (plan, pipeline, jobs, n_jobs, &most[0], &most[1], error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    for (guint n = 2; n <= most[i] && qi_plan_stage_bytes (plan, parts[i]) > budget; n++)
      {
        qi_runtime_plan_strips (plan->runtime, parts[i], n);
        qi_runtime_forget (plan->runtime, parts[i]);
        if (!dry_run (plan, pipeline, jobs, n_jobs, error))
          return FALSE;
      }
  return TRUE;
}

QiPlan *
qi_plan_new (QiDevice *device, const QiModelSet *set, QiCompute compute, const QiPipeline *pipeline,
             const QiPipelineJob *jobs, guint n_jobs, const QiLoras *loras, guint64 budget, GError **error)
{
  g_autoptr (QiPlan) plan = g_new0 (QiPlan, 1);
  gboolean done;

  plan->runtime = qi_runtime_new (device, set, compute, TRUE);
  qi_runtime_set_job (plan->runtime, &(QiJob){ .loras = loras });
  done = qi_pipeline_check (pipeline, set, error) && dry_run (plan, pipeline, jobs, n_jobs, error)
         && fit_strips (plan, pipeline, jobs, n_jobs, budget, error) && fit (plan, budget, error);
  qi_runtime_set_job (plan->runtime, NULL);
  return done ? g_steal_pointer (&plan) : NULL;
}

QiPlan *
qi_plan_of (QiDevice *device, const QiModelSet *set, QiCompute compute, QiPlanFunc run, gpointer user_data, guint64 budget,
            GError **error)
{
  g_autoptr (QiPlan) plan = g_new0 (QiPlan, 1);

  plan->runtime = qi_runtime_new (device, set, compute, TRUE);
  return run (plan->runtime, user_data, error) && fit (plan, budget, error) ? g_steal_pointer (&plan) : NULL;
}

void
qi_plan_free (QiPlan *plan)
{
  if (!plan)
    return;
  qi_runtime_free (plan->runtime);
  g_free (plan);
}

const QiPool *
qi_plan_weights (const QiPlan *plan, QiPart part)
{
  return qi_runtime_weights (plan->runtime, part);
}

const QiPool *
qi_plan_scratch (const QiPlan *plan, QiPart part)
{
  return qi_runtime_scratch (plan->runtime, part);
}

QiPlanStage
qi_plan_stage (const QiPlan *plan, QiPart part)
{
  const QiPool *weights = qi_plan_weights (plan, part), *scratch = qi_plan_scratch (plan, part);
  const QiRing *ring = qi_runtime_ring (plan->runtime, part);

  if (!weights)
    return (QiPlanStage){ 0 };
  return (QiPlanStage){ .used = TRUE,
                        .weights = qi_pool_peak (weights) + (ring ? qi_ring_slot_bytes (ring) : 0),
                        .weights_blocks = qi_pool_block_bytes (weights) + (ring ? qi_ring_bytes (ring) : 0),
                        .scratch = scratch ? qi_pool_peak (scratch) : 0,
                        .scratch_blocks = scratch ? qi_pool_block_bytes (scratch) : 0,
                        .n_blocks = qi_runtime_n_blocks (plan->runtime, part),
                        .n_streamed = qi_runtime_n_streamed (plan->runtime, part),
                        .ring = ring ? qi_ring_bytes (ring) : 0 };
}

guint
qi_plan_strips (const QiPlan *plan, QiPart part)
{
  return qi_runtime_strips (plan->runtime, part);
}

gboolean
qi_plan_is_together (const QiPlan *plan, QiPart host, QiPart guest)
{
  return qi_part_host (guest) == host && qi_plan_stage (plan, guest).used;
}

/* Blocks of the weights that a stage needs at once: those of guests are among them. */
static guint64
weights_together (const QiPlan *plan, QiPart part)
{
  guint64 bytes = qi_plan_stage (plan, part).weights_blocks;

  for (guint i = 0; i < QI_N_PARTS; i++)
    if (qi_plan_is_together (plan, part, i))
      bytes += qi_plan_stage (plan, i).weights_blocks;
  return bytes;
}

guint64
qi_plan_stage_bytes (const QiPlan *plan, QiPart part)
{
  const QiPlanStage stage = qi_plan_stage (plan, part);

  if (!stage.used || qi_part_is_guest (part))
    return 0;
  return weights_together (plan, part) + stage.scratch_blocks + qi_stream_fixed_bytes ();
}

guint64
qi_plan_resident_bytes (const QiPlan *plan)
{
  return qi_plan_peak_bytes (plan, 0);
}

/* Plays the stages in their order, keeping parts loaded as long as the budget allows. */
guint64
qi_plan_peak_bytes (const QiPlan *plan, guint64 budget)
{
  guint64 loaded[QI_N_PARTS] = { 0 }, held = 0, peak = 0;

  for (guint i = 0; i < QI_N_PARTS; i++)
    {
      const guint64 need = qi_plan_stage_bytes (plan, i);

      for (guint k = 0; k < i && budget && need && held + need > budget; k++)
        {
          held -= loaded[k];
          loaded[k] = 0;
        }
      if (need)
        peak = MAX (peak, held + need);
      for (guint k = 0; k < QI_N_PARTS; k++) /* guests with their host */
        if ((k == i && !qi_part_is_guest (i)) || qi_plan_is_together (plan, i, k))
          held += loaded[k] = qi_plan_stage (plan, k).weights_blocks;
    }
  return peak;
}

gboolean
qi_plan_fits (const QiPlan *plan, guint64 budget, GError **error)
{
  for (guint i = 0; budget && i < QI_N_PARTS; i++)
    if (qi_plan_stage_bytes (plan, i) > budget)
      {
        const QiPlanStage stage = qi_plan_stage (plan, i);

        g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY,
                     "The %s needs %s of GPU memory (%s for weights, %s for work), %s may be used; choose "
                     "a smaller picture, smaller weights, or another GPU.",
                     qi_part_name (i), qi_bytes (qi_plan_stage_bytes (plan, i)).text, qi_bytes (weights_together (plan, i)).text,
                     qi_bytes (stage.scratch_blocks + qi_stream_fixed_bytes ()).text, qi_bytes (budget).text);
        return FALSE;
      }
  return TRUE;
}
