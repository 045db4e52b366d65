/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/maker.h"

#include <string.h>
#include <sys/stat.h>

#include "base/env.h"
#include "base/error.h"
#include "models/engine-info.h"
#include "models/engine.h"
#include "models/model-choice.h"
#include "worker/clock.h"
#include "worker/reckon.h"
#include "worker/stub.h"

struct _QiMaker
{
  QiTimings *timings;
  QiEngine *engine;
  char *key, *hash; /* of the engine */
  gboolean stub_loaded;

  GMutex lock;      /* what follows is for all threads */
  char *loaded_key; /* of the engine, once it has made a picture */
  double warm_load;
};

QiMaker *
qi_maker_new (QiTimings *timings)
{
  QiMaker *maker = g_new0 (QiMaker, 1);

  maker->timings = timings;
  g_mutex_init (&maker->lock);
  return maker;
}

static void
set_loaded (QiMaker *maker, const char *key, double warm_load)
{
  g_mutex_lock (&maker->lock);
  if (key != maker->loaded_key)
    {
      g_free (maker->loaded_key);
      maker->loaded_key = g_strdup (key);
    }
  maker->warm_load = warm_load;
  g_mutex_unlock (&maker->lock);
}

gboolean
qi_maker_is_loaded (QiMaker *maker, const char *key, double *warm_load_seconds)
{
  gboolean loaded;

  g_mutex_lock (&maker->lock);
  loaded = maker->loaded_key && strcmp (key, maker->loaded_key) == 0;
  *warm_load_seconds = maker->warm_load;
  g_mutex_unlock (&maker->lock);
  return loaded;
}

static void
close_engine (QiMaker *maker)
{
  set_loaded (maker, NULL, 0);
  g_clear_pointer (&maker->engine, qi_engine_free);
  g_clear_pointer (&maker->key, g_free);
  g_clear_pointer (&maker->hash, g_free);
}

void
qi_maker_free (QiMaker *maker)
{
  if (!maker)
    return;
  close_engine (maker);
  g_mutex_clear (&maker->lock);
  g_free (maker);
}

char *
qi_maker_key (const QiModelPaths *p, const char *device)
{
  const char *const parts[] = { p->model, p->transformer, p->text_encoder, p->vision, p->vae,
                                p->tokenizer, p->scheduler, p->config, p->variant };
  g_autoptr (GString) key = g_string_new (device && *device ? device : qi_env_device ());

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      struct stat st;

      g_string_append_printf (key, "\n%s", parts[i] ? parts[i] : "");
      if (parts[i] && stat (parts[i], &st) == 0)
        g_string_append_printf (key, " %" G_GINT64_FORMAT ".%09ld", (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    }
  return g_string_free (g_steal_pointer (&key), FALSE);
}

/* -- the engine ------------------------------------------------------------------------------------ */

/* The one of the request: the one that is open, or another in its place, for there is one card. */
static gboolean
need_engine (QiMaker *maker, const QiRequest *request, QiClock *clock, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  QiModelPaths paths = { .model = request->model };
  const QiProgress loading = { .stage = QI_STAGE_LOAD, .n_results = request->results, .seconds_left = -1 };
  g_autofree char *key = NULL;

  if (!qi_model_choose (&paths, strings, error))
    return FALSE;
  qi_model_choose_for (&paths, request->task, strings);
  key = qi_maker_key (&paths, request->device);
  if (maker->engine && strcmp (key, maker->key) == 0)
    return TRUE;
  close_engine (maker);
  qi_clock_progress (&loading, clock);
  maker->engine = qi_engine_open (&paths, QI_ENGINE_PARAMS (.device = request->device, .previews = TRUE), qi_clock_progress, clock, cancellable, error);
  if (!maker->engine)
    return FALSE;
  maker->key = g_steal_pointer (&key);
  maker->hash = qi_model_hash (qi_engine_model_set (maker->engine));
  qi_clock_progress (&loading, clock);
  return TRUE;
}

/* What is known of such a job from earlier ones. */
static QiReckoned
expect (QiMaker *maker, const QiRequest *request, guint n_pictures, QiClock *clock)
{
  const QiModelSet *set = qi_engine_model_set (maker->engine);
  const QiReckoned reckoned = qi_reckon (request, request->quality, set->variant, set->width, set->height);
  double warm_load;

  clock->expect = qi_timings_expect (maker->timings, qi_engine_device_name (maker->engine), maker->hash ? maker->hash : "",
                                     reckoned.width, reckoned.height, n_pictures);
  clock->passes = reckoned.passes;
  clock->left = qi_reckon_seconds (&reckoned, &clock->expect, request->results);
  if (clock->left >= 0 && !qi_maker_is_loaded (maker, maker->key, &warm_load))
    clock->left += MAX (clock->expect.load, 0) + clock->seconds[QI_STAGE_LOAD];
  return reckoned;
}

static void
learn (QiMaker *maker, const QiRequest *request, const QiReckoned *reckoned, guint n_pictures, const QiClock *clock)
{
  const gboolean cold = !maker->loaded_key; /* only this thread writes it */
  const double *seconds = clock->seconds, step = qi_clock_step_seconds (clock);
  const guint n = request->results;
  const QiExpect measured = {
    .load = cold ? seconds[QI_STAGE_LOAD] : -1,
    .encode = seconds[QI_STAGE_ENCODE] > 0 ? seconds[QI_STAGE_ENCODE] : -1,
    .pass = (step >= 0 ? step : seconds[QI_STAGE_DENOISE] / (n * reckoned->steps)) / reckoned->passes,
    .decode = seconds[QI_STAGE_DECODE] / n,
  };

  qi_timings_learn (maker->timings, qi_engine_device_name (maker->engine), maker->hash ? maker->hash : "", reckoned->width,
                    reckoned->height, n_pictures, &measured);
  set_loaded (maker, maker->key, cold ? 0 : seconds[QI_STAGE_LOAD]);
}

static QiResult *
make_with_engine (QiMaker *maker, const QiRequest *request, const QiInputs *inputs, QiClock *clock, GCancellable *cancellable,
                  GError **error)
{
  const guint n_pictures = inputs ? inputs->n_pictures : 0;
  QiReckoned reckoned;
  QiResult *result;
  GError *local = NULL;

  if (!need_engine (maker, request, clock, cancellable, error))
    return NULL;
  reckoned = expect (maker, request, n_pictures, clock);
  result = qi_engine_generate (maker->engine, request, inputs, FALSE, qi_clock_progress, clock, cancellable, &local);
  qi_clock_stop (clock);
  if (result)
    {
      memcpy (result->seconds, clock->seconds, sizeof result->seconds);
      learn (maker, request, &reckoned, n_pictures, clock);
    }
  else
    g_propagate_error (error, local);
  return result;
}

static QiResult *
make_with_stub (QiMaker *maker, const QiRequest *request, const QiInputs *inputs, QiClock *clock, GCancellable *cancellable,
                GError **error)
{
  QiResult *result = qi_stub_generate (qi_stub_get (), &maker->stub_loaded, request, inputs, qi_clock_progress, clock, cancellable,
                                       error);

  qi_clock_stop (clock);
  if (maker->stub_loaded)
    set_loaded (maker, "stub", 0);
  if (result)
    memcpy (result->seconds, clock->seconds, sizeof result->seconds);
  return result;
}

QiResult *
qi_maker_make (QiMaker *maker, const QiRequest *request, const QiInputs *inputs, QiProgressFunc progress,
               gpointer user_data, GCancellable *cancellable, GError **error)
{
  QiClock clock;

  qi_clock_start (&clock, progress, user_data);
  return qi_stub_get ()->active ? make_with_stub (maker, request, inputs, &clock, cancellable, error)
                                : make_with_engine (maker, request, inputs, &clock, cancellable, error);
}
