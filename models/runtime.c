/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/runtime.h"

#include "base/bytes.h"
#include "base/error.h"

#include "models/parts.h"
#include "models/pipeline/preview.h"
#include "models/plan.h"

/* What is remembered: a hundred rows of the released encoder are 1.4 MB, a picture of a megapixel 20 MB. */
#define MAX_EMBEDDINGS 64
#define MAX_EMBEDDING_BYTES ((gsize) 256 << 20)

typedef struct
{
  QiPool *pool;
  QiRing *ring;    /* of its blocks that are not kept; NULL: all are */
  guint n_streamed; /* blocks */
  guint strips;     /* of a planning runtime; 0: one */
  QiRingStats copied; /* of the ring's last stage */
  gpointer object; /* NULL: not loaded */
  QiStream *dry;   /* of a planning runtime: all its stages */
} Part;

struct _QiRuntime
{
  QiDevice *device;
  const QiModelSet *set;
  QiCompute compute;
  gboolean plan;
  QiJob job;
  Part parts[QI_N_PARTS];
  QiPart stage;
  QiPart loading;         /* whose weights are under way */
  QiSchedulerConfig scheduler;
  char *addons_key;       /* of the LoRA files that are on the transformer */
  QiStream *stream;       /* NULL: between stages */
  gint64 load_start;      /* µs, monotonic */
  GHashTable *embeddings; /* of char * to GBytes */
  gsize embedding_bytes;
  char *modulation_key;   /* of what modulation was made with */
  GBytes *modulation;
  GArray *profile;        /* QiOpTime */
  QiPreview *preview;
};

QiRuntime *
qi_runtime_new (QiDevice *device, const QiModelSet *set, QiCompute compute, gboolean plan)
{
  QiRuntime *rt = g_new0 (QiRuntime, 1);

  rt->device = device;
  rt->set = set;
  rt->compute = compute;
  rt->plan = plan;
  rt->embeddings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  rt->profile = g_array_new (FALSE, TRUE, sizeof (QiOpTime));
  rt->scheduler = set->scheduler_config;
  rt->preview = qi_preview_new ();
  return rt;
}

void
qi_runtime_unload (QiRuntime *rt, QiPart part)
{
  Part *p = &rt->parts[part];

  g_return_if_fail (!rt->stream || rt->stage != part);
  if (part == QI_PART_MMDIT)
    qi_runtime_unload (rt, QI_PART_ADDONS); /* which hang on its layers */
  g_clear_pointer (&p->object, qi_part_kinds[part].free);
  g_clear_pointer (&p->ring, qi_ring_free);
  g_clear_pointer (&p->pool, qi_pool_free);
}

void
qi_runtime_forget (QiRuntime *rt, QiPart part)
{
  g_return_if_fail (rt->plan);

  qi_runtime_unload (rt, part);
  g_clear_pointer (&rt->parts[part].dry, qi_stream_free);
}

void
qi_runtime_free (QiRuntime *rt)
{
  if (!rt)
    return;
  qi_runtime_abandon (rt);
  for (guint i = 0; i < QI_N_PARTS; i++)
    {
      qi_stream_free (rt->parts[i].dry);
      qi_runtime_unload (rt, i);
    }
  g_hash_table_unref (rt->embeddings);
  g_free (rt->addons_key);
  g_free (rt->modulation_key);
  g_clear_pointer (&rt->modulation, g_bytes_unref);
  g_array_unref (rt->profile);
  qi_preview_free (rt->preview);
  g_free (rt);
}

QiPreview *qi_runtime_preview (QiRuntime *rt) { return rt->preview; }
QiDevice *qi_runtime_device (QiRuntime *rt) { return rt->device; }
const QiModelSet *qi_runtime_set (QiRuntime *rt) { return rt->set; }
gboolean qi_runtime_is_plan (const QiRuntime *rt) { return rt->plan; }
gboolean qi_runtime_is_loaded (const QiRuntime *rt, QiPart part) { return rt->parts[part].object != NULL; }
const QiPool *qi_runtime_weights (const QiRuntime *rt, QiPart part) { return rt->parts[part].pool; }
const QiRing *qi_runtime_ring (const QiRuntime *rt, QiPart part) { return rt->parts[part].ring; }
void qi_runtime_plan_strips (QiRuntime *rt, QiPart part, guint n) { rt->parts[part].strips = n; }
QiRingStats qi_runtime_copied (const QiRuntime *rt, QiPart part) { return rt->parts[part].copied; }
guint qi_runtime_n_streamed (const QiRuntime *rt, QiPart part) { return rt->parts[part].n_streamed; }

guint
qi_runtime_strips (const QiRuntime *rt, QiPart part)
{
  return rt->job.plan ? qi_plan_strips (rt->job.plan, part) : MAX (1, rt->parts[part].strips);
}

const QiPool *
qi_runtime_scratch (const QiRuntime *rt, QiPart part)
{
  return rt->parts[part].dry ? qi_stream_pool (rt->parts[part].dry) : NULL;
}

guint
qi_runtime_n_blocks (const QiRuntime *rt, QiPart part)
{
  switch (part)
    {
    case QI_PART_TEXT_ENCODER:
      return rt->set->text_config.n_layers;
    case QI_PART_MMDIT:
      return rt->set->mmdit_config.n_layers;
    default:
      return 0;
    }
}

gboolean
qi_runtime_plan_streaming (QiRuntime *rt, QiPart part, guint n_streamed, GError **error)
{
  g_return_val_if_fail (rt->plan, FALSE);

  qi_runtime_unload (rt, part);
  rt->parts[part].n_streamed = n_streamed;
  return qi_runtime_begin (rt, part, error) && qi_runtime_end (rt, error);
}

void
qi_runtime_set_job (QiRuntime *rt, const QiJob *job)
{
  rt->job = job ? *job : (QiJob){ 0 };
  rt->scheduler = rt->set->scheduler_config;
  if (qi_loras_few_steps (rt->job.loras))
    qi_loras_few_step_schedule (&rt->scheduler);
}

const QiSchedulerConfig *
qi_runtime_scheduler (const QiRuntime *rt)
{
  return &rt->scheduler;
}

void
qi_runtime_progress (QiRuntime *rt, const QiProgress *progress)
{
  if (rt->job.progress && !rt->plan)
    rt->job.progress (progress, rt->job.user_data);
}

/* -- memory ---------------------------------------------------------------------------------------- */

guint64
qi_runtime_held_bytes (const QiRuntime *rt)
{
  guint64 bytes = 0;

  for (guint i = 0; i < QI_N_PARTS; i++)
    {
      if (rt->parts[i].pool)
        bytes += qi_pool_block_bytes (rt->parts[i].pool);
      if (rt->parts[i].ring)
        bytes += qi_ring_bytes (rt->parts[i].ring);
    }
  return bytes;
}

/* Hands back one part that part's stage can do without. FALSE: there is none. */
static gboolean
evict_one (QiRuntime *rt, QiPart part)
{
  for (guint i = 0; i < QI_N_PARTS; i++)
    if (i != part && rt->parts[i].pool && !(rt->job.plan && qi_plan_is_together (rt->job.plan, part, i)))
      {
        g_info ("The %s gives back %s", qi_part_kinds[i].name, qi_bytes (qi_pool_block_bytes (rt->parts[i].pool)).text);
        qi_runtime_unload (rt, i);
        return TRUE;
      }
  return FALSE;
}

/* Hands parts back until the planned stage fits the budget. */
static gboolean
make_room (QiRuntime *rt, QiPart part, GError **error)
{
  QiPlanStage stage;
  guint64 need;

  if (!rt->job.plan || rt->job.budget == 0)
    return TRUE;
  stage = qi_plan_stage (rt->job.plan, part);
  need = stage.scratch_blocks + qi_stream_fixed_bytes () + (rt->parts[part].object ? 0 : stage.weights_blocks);
  for (guint i = 0; i < QI_N_PARTS; i++)
    if (qi_plan_is_together (rt->job.plan, part, i) && !rt->parts[i].object)
      need += qi_plan_stage (rt->job.plan, i).weights_blocks;
  while (qi_runtime_held_bytes (rt) + need > rt->job.budget)
    if (!evict_one (rt, part))
      return qi_plan_fits (rt->job.plan, rt->job.budget, error);
  return TRUE;
}

/* A stream, and a pool for weights that are not loaded yet, with the blocks of the plan. */
static gboolean
reserve (QiRuntime *rt, QiPart part, GError **error)
{
  const QiPlan *plan = rt->job.plan;
  const QiPool *weights = plan ? qi_plan_weights (plan, part) : NULL;
  const QiPool *scratch = plan ? qi_plan_scratch (plan, part) : NULL;
  Part *p = &rt->parts[part];

  rt->stream = qi_stream_new (rt->device, FALSE);
  if (scratch && !qi_pool_reserve_like (qi_stream_pool (rt->stream), scratch, error))
    return FALSE;
  if (p->object)
    return TRUE;
  p->pool = qi_pool_new (rt->device, qi_part_kinds[part].name, FALSE);
  return !weights || qi_pool_reserve_like (p->pool, weights, error);
}

static void
drop_stage (QiRuntime *rt)
{
  g_clear_pointer (&rt->stream, qi_stream_free);
  if (!rt->parts[rt->stage].object)
    qi_runtime_unload (rt, rt->stage);
}

/* The driver may have less than the budget: then everything else goes, and once more. */
static gboolean
reserve_or_evict (QiRuntime *rt, QiPart part, GError **error)
{
  g_autoptr (GError) first = NULL;
  gboolean evicted = FALSE;

  if (reserve (rt, part, &first))
    return TRUE;
  drop_stage (rt);
  while (evict_one (rt, part))
    evicted = TRUE;
  if (evicted && g_error_matches (first, QI_ERROR, QI_ERROR_OUT_OF_MEMORY))
    return reserve (rt, part, error);
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}

/* -- stages ---------------------------------------------------------------------------------------- */

static void
tell_load (guint64 done, gpointer user_data)
{
  QiRuntime *rt = user_data;
  const guint64 total = rt->job.plan ? MAX (qi_plan_stage (rt->job.plan, rt->loading).weights, done) : done;
  const double seconds = (g_get_monotonic_time () - rt->load_start) / 1e6;
  const QiProgress progress = { .stage = QI_STAGE_LOAD,
                                .step = (guint) (done >> 20) + 1,
                                .n_steps = (guint) (total >> 20) + 1,
                                .n_results = 1,
                                .seconds_left = seconds > 1 && done ? seconds * (total - done) / done : -1 };

  qi_runtime_progress (rt, &progress);
}

/* Whatever is on the transformer that the job does not ask for goes; the transformer stays. */
static void
drop_other_addons (QiRuntime *rt)
{
  if (rt->parts[QI_PART_ADDONS].object && g_strcmp0 (rt->addons_key, qi_loras_key (rt->job.loras)) != 0)
    qi_runtime_unload (rt, QI_PART_ADDONS);
}

/* What is loaded keeps more blocks than the job has room for, or far fewer: it is read again. */
static void
drop_if_other (QiRuntime *rt, QiPart part)
{
  const guint have = rt->parts[part].n_streamed;
  const guint planned = rt->job.plan ? qi_plan_stage (rt->job.plan, part).n_streamed : have;

  if (rt->parts[part].object && (have < planned || have > planned + qi_runtime_n_blocks (rt, part) / 4))
    qi_runtime_unload (rt, part);
}

static gboolean
load_addons (QiRuntime *rt, const QiLoad *load, GError **error)
{
  Part *p = &rt->parts[QI_PART_ADDONS];

  p->object = qi_lora_sides_new (rt->job.loras, rt->parts[QI_PART_MMDIT].object, load, error);
  g_free (rt->addons_key);
  rt->addons_key = g_strdup (qi_loras_key (rt->job.loras));
  return p->object != NULL;
}

static const QiCheckpoint *
checkpoint_of (const QiRuntime *rt, QiPart part)
{
  if (part == QI_PART_CONTROLNET)
    return rt->set->controlnet;
  return part == QI_PART_ADDONS ? NULL : qi_model_set_part (rt->set, qi_part_kinds[part].component);
}

/* Weights, where they are not there yet; by the current stage's stream. */
static gboolean
load_part (QiRuntime *rt, QiPart part, GError **error)
{
  Part *p = &rt->parts[part];
  QiLoad load = { .checkpoint = checkpoint_of (rt, part),
                  .pool = p->pool,
                  .stream = rt->stream,
                  .cancellable = rt->job.cancellable,
                  .progress = tell_load,
                  .user_data = rt,
                  .late_modulation = part == QI_PART_MMDIT };

  if (p->object)
    return TRUE;
  if (!rt->plan)
    p->n_streamed = rt->job.plan ? qi_plan_stage (rt->job.plan, part).n_streamed : 0;
  if (p->n_streamed && load.checkpoint)
    load.ring = p->ring = qi_weights_ring_new (rt->device, qi_part_kinds[part].name, load.checkpoint, rt->plan);
  load.n_streamed = p->n_streamed;
  rt->load_start = g_get_monotonic_time ();
  rt->loading = part;
  if (part == QI_PART_ADDONS)
    return load_addons (rt, &load, error);
  if (!load.checkpoint)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” has no %s.", rt->set->name, qi_part_kinds[part].name);
      return FALSE;
    }
  p->object = qi_part_kinds[part].make (rt->set, &load, error);
  return p->object != NULL;
}

/* A planning runtime keeps one stream a part, so that stages add up in its pool's peak. */
static void
begin_dry (QiRuntime *rt, QiPart part)
{
  Part *p = &rt->parts[part];

  if (!p->dry)
    p->dry = qi_stream_new (rt->device, TRUE);
  if (!p->pool)
    p->pool = qi_pool_new (rt->device, qi_part_kinds[part].name, TRUE);
  rt->stream = p->dry;
}

QiStream *
qi_runtime_begin (QiRuntime *rt, QiPart part, GError **error)
{
  g_return_val_if_fail (!rt->stream, NULL);

  rt->stage = part;
  if (part == QI_PART_MMDIT)
    drop_other_addons (rt);
  drop_if_other (rt, part);
  if (rt->plan)
    begin_dry (rt, part);
  else if (!make_room (rt, part, error))
    return NULL;
  else if (!reserve_or_evict (rt, part, error))
    {
      drop_stage (rt);
      return NULL;
    }
  qi_stream_set_compute (rt->stream, rt->compute);
  qi_stream_set_cancellable (rt->stream, rt->job.cancellable);
  if (load_part (rt, part, error)
      && (part != QI_PART_MMDIT || !*qi_loras_key (rt->job.loras) || qi_runtime_load (rt, QI_PART_ADDONS, error)))
    return rt->stream;
  qi_runtime_abandon (rt);
  return NULL;
}

gboolean
qi_runtime_load (QiRuntime *rt, QiPart part, GError **error)
{
  Part *p = &rt->parts[part];
  const QiPool *planned = rt->job.plan && !rt->plan ? qi_plan_weights (rt->job.plan, part) : NULL;

  g_return_val_if_fail (rt->stream && part != rt->stage, FALSE);

  if (!p->pool)
    p->pool = qi_pool_new (rt->device, qi_part_kinds[part].name, rt->plan);
  if ((p->object || !planned || qi_pool_reserve_like (p->pool, planned, error)) && load_part (rt, part, error))
    return TRUE;
  if (!rt->plan)
    qi_runtime_unload (rt, part);
  return FALSE;
}

/* Adds rows up by name. */
static void
collect_profile (QiRuntime *rt)
{
  g_autoptr (GArray) rows = qi_stream_take_profile (rt->stream);

  for (guint i = 0; rows && i < rows->len; i++)
    {
      const QiOpTime *row = &g_array_index (rows, QiOpTime, i);
      guint k = 0;

      while (k < rt->profile->len && g_array_index (rt->profile, QiOpTime, k).name != row->name)
        k++;
      if (k == rt->profile->len)
        g_array_append_val (rt->profile, *row);
      else
        {
          QiOpTime *sum = &g_array_index (rt->profile, QiOpTime, k);

          sum->n += row->n;
          sum->seconds += row->seconds;
          sum->flops += row->flops;
          sum->bytes += row->bytes;
        }
    }
}

/* After its stream is gone. */
static void
log_streaming (QiRuntime *rt)
{
  Part *p = &rt->parts[rt->stage];
  const QiRingStats stats = p->ring ? qi_ring_stats (p->ring) : (QiRingStats){ 0 };
  g_autofree char *hidden = stats.hidden > 0 ? g_strdup_printf (", %.0f %% of them while the GPU computed", 100 * stats.hidden / stats.copied)
                                             : NULL;

  p->copied = stats;
  if (stats.n_groups)
    g_info ("The %s keeps %u of %u blocks; so far %u were copied, %s in %.2f s%s", qi_part_kinds[rt->stage].name,
            qi_runtime_n_blocks (rt, rt->stage) - p->n_streamed, qi_runtime_n_blocks (rt, rt->stage), stats.n_groups,
            qi_bytes (stats.bytes).text, stats.copied, hidden ? hidden : "");
}

GArray *
qi_runtime_take_profile (QiRuntime *rt)
{
  GArray *profile = rt->profile;

  rt->profile = g_array_new (FALSE, TRUE, sizeof (QiOpTime));
  return profile;
}

gboolean
qi_runtime_end (QiRuntime *rt, GError **error)
{
  gboolean done;

  g_return_val_if_fail (rt->stream, FALSE);
  done = qi_stream_finish (rt->stream, error);
  if (rt->plan)
    rt->stream = NULL;
  else
    {
      collect_profile (rt);
      drop_stage (rt);
      log_streaming (rt);
    }
  return done;
}

void
qi_runtime_abandon (QiRuntime *rt)
{
  if (rt->plan)
    rt->stream = NULL;
  else if (rt->stream)
    {
      qi_stream_finish (rt->stream, NULL);
      drop_stage (rt);
    }
}

const QiVision *qi_runtime_vision (QiRuntime *rt) { return rt->parts[QI_PART_VISION].object; }
const QiTextEncoder *qi_runtime_text_encoder (QiRuntime *rt) { return rt->parts[QI_PART_TEXT_ENCODER].object; }
const QiTextHead *qi_runtime_text_head (QiRuntime *rt) { return rt->parts[QI_PART_TEXT_HEAD].object; }
const QiMmdit *qi_runtime_mmdit (QiRuntime *rt) { return rt->parts[QI_PART_MMDIT].object; }
const QiControlnet *qi_runtime_controlnet (QiRuntime *rt) { return rt->parts[QI_PART_CONTROLNET].object; }
const QiVaeEncoder *qi_runtime_vae_encoder (QiRuntime *rt) { return rt->parts[QI_PART_VAE_ENCODER].object; }
const QiVaeDecoder *qi_runtime_vae_decoder (QiRuntime *rt) { return rt->parts[QI_PART_VAE_DECODER].object; }

/* -- modulation ------------------------------------------------------------------------------------ */

GBytes *
qi_runtime_modulation (QiRuntime *rt, const float *sigmas, guint n, GError **error)
{
  const QiMmdit *dit = qi_runtime_mmdit (rt);
  const gsize bytes = n * qi_mmdit_modulation_values (dit) * sizeof (float);
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) sigmas, n * sizeof *sigmas);
  g_autofree char *key = g_strconcat (sum, "\n", qi_loras_key (rt->job.loras), NULL);
  g_autofree float *values = NULL;

  if (rt->plan)
    return qi_mmdit_modulate (dit, rt->stream, sigmas, n, 0, NULL, error) ? g_bytes_new (NULL, 0) : NULL;
  if (g_strcmp0 (key, rt->modulation_key) == 0)
    return g_bytes_ref (rt->modulation);
  g_clear_pointer (&rt->modulation, g_bytes_unref);
  g_clear_pointer (&rt->modulation_key, g_free);
  values = g_malloc (bytes);
  if (!qi_mmdit_modulate (dit, rt->stream, sigmas, n, 0, values, error))
    return NULL;
  rt->modulation = g_bytes_new_take (g_steal_pointer (&values), bytes);
  rt->modulation_key = g_steal_pointer (&key);
  return g_bytes_ref (rt->modulation);
}

/* -- embeddings ------------------------------------------------------------------------------------ */

GBytes *
qi_runtime_find_embeddings (QiRuntime *rt, const char *key)
{
  return g_hash_table_lookup (rt->embeddings, key);
}

void
qi_runtime_keep_embeddings (QiRuntime *rt, const char *key, GBytes *embeddings)
{
  const gsize bytes = g_bytes_get_size (embeddings);

  if (g_hash_table_size (rt->embeddings) >= MAX_EMBEDDINGS || rt->embedding_bytes + bytes > MAX_EMBEDDING_BYTES)
    {
      g_hash_table_remove_all (rt->embeddings);
      rt->embedding_bytes = 0;
    }
  rt->embedding_bytes += bytes;
  g_hash_table_insert (rt->embeddings, g_strdup (key), g_bytes_ref (embeddings));
}
