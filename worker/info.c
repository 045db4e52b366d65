/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/info.h"

#include "base/error.h"
#include "base/stub.h"
#include "models/engine-info.h"
#include "models/engine.h"
#include "models/model-choice.h"
#include "worker/reckon.h"
#include "worker/stub.h"

/* The first problem counts. Takes error. */
static void
note_problem (QiEngineInfo *info, GError *error)
{
  if (info->problem_code < 0)
    {
      info->problem_code = error->domain == QI_ERROR ? error->code : QI_ERROR_FAILED;
      info->problem = g_strdup (error->message);
    }
  g_error_free (error);
}

static void
fill_device (QiEngineInfo *info, const char *device)
{
  g_auto (QiEngineDevice) facts = { 0 };
  GError *error = NULL;

  if (!qi_engine_device_look (device, &facts, &error))
    {
      note_problem (info, error);
      return;
    }
  info->device = g_steal_pointer (&facts.name);
  info->software = facts.software;
  info->memory_bytes = facts.memory_bytes;
  info->used_bytes = facts.memory_bytes - MIN (facts.free_bytes, facts.memory_bytes);
}

static void
fill_steps (QiEngineInfo *info, const QiRequest *request, const QiVariant *variant, const QiExpect *expect)
{
  for (QiQuality q = QI_QUALITY_FAST; q <= QI_QUALITY_MAXIMUM; q++)
    {
      QiRequest one = *request;
      QiReckoned reckoned = qi_reckon (&one, q, variant, info->width, info->height);

      info->seconds[q] = qi_reckon_seconds (&reckoned, expect, 1);
      info->steps[q] = reckoned.steps;
      info->guidance[q] = reckoned.guidance;
    }
}

static void
fill_stub (QiEngineInfo *info, const QiRequest *request, QiMaker *maker)
{
  const QiStub *stub = qi_stub_get ();
  const QiVariant *variant = qi_variant_by_name (QI_STUB_VARIANT);
  const QiExpect expect = { .load = stub->stage_ms[QI_STAGE_LOAD] / 1e3,
                            .encode = stub->stage_ms[QI_STAGE_ENCODE] / 1e3,
                            .pass = stub->step_ms / 1e3,
                            .decode = stub->stage_ms[QI_STAGE_DECODE] / 1e3 };

  info->stub = info->edits = info->layered = TRUE;
  info->device = g_strdup ("Stub");
  info->model = g_strdup ("Stub");
  info->model_path = g_strdup ("");
  info->model_hash = g_strdup ("0000000000000000");
  info->variant = g_strdup (variant->name);
  info->width = variant->width;
  info->height = variant->height;
  info->memory_bytes = (guint64) 8 << 30;
  fill_steps (info, request, variant, &expect);
  for (QiQuality q = QI_QUALITY_FAST; q <= QI_QUALITY_MAXIMUM; q++)
    info->seconds[q] = expect.encode + expect.pass * info->steps[q] + expect.decode;
  info->loaded = qi_maker_is_loaded (maker, "stub", &info->load_seconds);
  info->load_seconds = info->loaded ? 0 : expect.load;
}

/* The set's own problems; the vision tower matters to models that see pictures. */
static void
fill_set (QiEngineInfo *info, const QiModelSet *set)
{
  GError *error = NULL;

  info->model = g_strdup (set->name);
  info->model_path = g_canonicalize_filename (set->path, NULL);
  info->model_hash = qi_model_hash (set);
  info->variant = g_strdup (set->variant->name);
  info->demo = qi_model_is_demo (&(const QiModelPaths){ .model = set->path });
  info->edits = set->variant->edits;
  info->layered = set->variant->layered;
  info->width = set->width;
  info->height = set->height;
  if (qi_model_unit (set))
    info->unit = qi_model_unit (set);
  if (!qi_model_set_require (set, set->variant->edits, &error))
    note_problem (info, error);
}

QiEngineInfo *
qi_info_of (const QiRequest *request, guint n_pictures, QiMaker *maker, QiTimings *timings)
{
  g_autoptr (QiEngineInfo) info = qi_engine_info_new ();
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (QiModelSet) set = NULL;
  QiModelPaths paths = { .model = request->model };
  GError *error = NULL;

  if (qi_stub_get ()->active)
    {
      fill_stub (info, request, maker);
      return g_steal_pointer (&info);
    }
  fill_device (info, request->device);
  if (qi_model_choose (&paths, strings, &error))
    {
      qi_model_choose_for (&paths, request->task, strings);
      set = qi_model_set_open (&paths, &error);
    }
  if (!set)
    {
      note_problem (info, error);
      return g_steal_pointer (&info);
    }
  fill_set (info, set);

  g_autofree char *key = qi_maker_key (&paths, request->device);
  const guint width = request->width ? request->width : info->width, height = request->height ? request->height : info->height;
  const QiExpect expect = qi_timings_expect (timings, info->device ? info->device : "", info->model_hash ? info->model_hash : "",
                                             width, height, n_pictures);

  fill_steps (info, request, set->variant, &expect);
  info->loaded = qi_maker_is_loaded (maker, key, &info->load_seconds);
  if (!info->loaded)
    info->load_seconds = expect.load;
  return g_steal_pointer (&info);
}
