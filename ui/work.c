/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/work.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/error.h"
#include "base/stub.h"
#include "compose/blend.h"
#include "compose/layers.h"
#include "compose/pixels.h"
#include "ui/work-private.h"

#define NAME_CHARS 60

static void
done_free (QiWorkDone *done)
{
  qi_host_result_free (done->result);
  g_free (done);
}

void
qi_work_free (QiWork *work)
{
  if (!work || !g_atomic_int_dec_and_test (&work->refs))
    return;
  qi_host_result_free (work->plan);
  if (work->compose != work->first)
    qi_compose_free (work->compose);
  qi_compose_free (work->first);
  qi_expand_free (work->expand);
  g_clear_pointer (&work->old, qi_image_unref);
  g_clear_pointer (&work->pictures, g_ptr_array_unref);
  g_clear_pointer (&work->done, g_ptr_array_unref);
  g_free (work->note);
  g_free (work);
}

/* The prompt's first line, short; without a prompt what was done. */
static char *
layer_name (const QiRequest *request, gboolean demo)
{
  const char *prompt = request->prompt ? request->prompt : "";
  const char *end = strchr (prompt, '\n');
  g_autofree char *line = g_strstrip (end ? g_strndup (prompt, end - prompt) : g_strdup (prompt));
  g_autofree char *cut = g_utf8_substring (line, 0, MIN (NAME_CHARS, g_utf8_strlen (line, -1)));

  if (!*cut)
    switch (request->task)
      {
      case QI_TASK_FILL:
        return g_strdup (_ ("Remove"));
      case QI_TASK_EXPAND:
        return g_strdup (_ ("Expand"));
      case QI_TASK_SPLIT:
        return g_strdup (_ ("Layers"));
      default: /* lettering alone is an edit */
        return g_strdup (_ ("Edit"));
      }
  return demo ? g_strconcat ("Demo: ", cut, NULL) : g_steal_pointer (&cut);
}

QiCard *
qi_work_misfit (const QiEngineInfo *info, QiTask task)
{
  if (info->stub || !info->model || info->layered == (task == QI_TASK_SPLIT))
    return NULL;
  return qi_card_new (info->layered ? QI_SAY_LAYERED_ONLY : QI_SAY_NO_LAYERED, info->model);
}

QiWork *
qi_work_new (QiHost *host, const QiWorkSource *source, const QiRequest *request, const QiEngineInfo *info, GError **error)
{
  g_autoptr (QiWork) work = g_new0 (QiWork, 1);
  g_autoptr (QiHostView) view = NULL;
  QiHostResult *plan = work->plan = qi_host_result_new ();

  work->refs = 1;
  work->n_passes = 1;
  work->pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  work->done = g_ptr_array_new_with_free_func ((GDestroyNotify) done_free);
  if (!qi_request_check (request, error))
    return NULL;
  work->seed = request->seed;
  work->n_wanted = request->results;
  plan->request = qi_request_copy (request);
  plan->request->results = 1;
  plan->image = source->image;
  plan->target = source->target;
  plan->above = source->above;
  plan->name = layer_name (request, info->demo);
  plan->model = g_strdup (info->model_path ? info->model_path : info->model);
  plan->model_hash = g_strdup (info->model_hash);
  plan->references = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_reference_free);
  if (source->image != QI_HOST_NONE)
    {
      view = qi_host_look (host, source->image);
      if (view->image.id == QI_HOST_NONE)
        {
          g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_GONE, "“%s” was closed.",
                       view->image.name ? view->image.name : "");
          return NULL;
        }
      plan->canvas = (QiRect){ 0, 0, view->image.width, view->image.height };
      plan->mode = view->image.mode;
    }
  if (request->task != QI_TASK_GENERATE && !view)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no image to work on.");
      return NULL;
    }
  if (!qi_work_read (work, host, source, view, info, error) || !qi_work_read_references (work, host, source, error))
    return NULL;
  return g_steal_pointer (&work);
}

const QiRect *
qi_work_frame (const QiWork *work)
{
  return &work->frame;
}

QiRect
qi_work_part (const QiWork *work)
{
  QiRect part = work->frame;

  if (work->old && work->compose)
    {
      part = work->compose->frame.frame;
      part.x += work->plan->x;
      part.y += work->plan->y;
    }
  return part;
}

guint
qi_work_n_passes (const QiWork *work)
{
  return work->n_passes;
}

guint
qi_work_n_results (const QiWork *work)
{
  return work->done->len;
}

const QiHostResult *
qi_work_result (const QiWork *work, guint k)
{
  g_return_val_if_fail (k < work->done->len, NULL);
  return ((QiWorkDone *) work->done->pdata[k])->result;
}

gint64
qi_work_seed (const QiWork *work)
{
  return work->seed;
}

const char *
qi_work_note (const QiWork *work)
{
  return work->note;
}

double
qi_work_moved (const QiWork *work, guint k)
{
  g_return_val_if_fail (k < work->done->len, 0);
  return ((QiWorkDone *) work->done->pdata[k])->moved;
}

gboolean
qi_work_cut_off (const QiWork *work, guint k)
{
  g_return_val_if_fail (k < work->done->len, FALSE);
  return ((QiWorkDone *) work->done->pdata[k])->cut_off;
}

/* -- running ------------------------------------------------------------------------------------------ */

typedef struct
{
  QiWork *work;
  QiClient *client;
  QiProgressFunc progress;
  QiWorkReady ready;
  gpointer data;
  guint k;             /* the result that is being made */
  gint64 begun, spent; /* µs: this pass, the one before */
} Run;

static void
run_free (Run *run)
{
  g_object_unref (run->client);
  g_free (run);
}

static void start_pass (GTask *task);

static void
on_progress (const QiProgress *progress, gpointer user_data)
{
  GTask *task = user_data;
  Run *run = g_task_get_task_data (task);
  QiProgress all = *progress;

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)) || !run->progress)
    return;
  all.result = run->k;
  all.n_results = run->work->n_wanted;
  const guint n_passes = run->work->n_passes;
  const guint further = (run->work->n_wanted - run->k) * n_passes - run->work->pass - 1;
  if (all.seconds_left >= 0 && further > 0)
    { /* a further result or pass takes as long as this one, or as the last one did */
      const double one = run->spent ? run->spent / 1e6 : all.seconds_left + (g_get_monotonic_time () - run->begun) / 1e6;
      all.seconds_left += further * one;
    }
  run->progress (&all, run->data);
}

/* What is around the model, in a thread: of what it reads nothing is changed, and what it changes nobody else reads. */
typedef struct
{
  QiWork *work;
  GPtrArray *images; /* as the model gave them */
  QiPatch *patch; /* NULL: a stack of layers */
  GPtrArray *layers; /* of a split */
  guint n_whole; /* of these show all of the picture */
  QiCompose *next; /* of the next pass; NULL: this was the last */
} Finish;

static void
finish_free (Finish *finish)
{
  g_ptr_array_unref (finish->images);
  qi_patch_free (finish->patch);
  g_clear_pointer (&finish->layers, g_ptr_array_unref);
  qi_compose_free (finish->next);
  qi_work_free (finish->work);
  g_free (finish);
}

static gboolean
finish_stack (Finish *finish, GError **error)
{
  QiWork *work = finish->work;

  if (finish->images->len != work->plan->request->layers)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "The engine made %u layers instead of %u.", finish->images->len,
                   work->plan->request->layers);
      return FALSE;
    }
  finish->layers = qi_layers_recover (work->compose->crop, &work->compose->frame,
                                      (QiImage *const *) finish->images->pdata, finish->images->len, &finish->n_whole);
  return TRUE;
}

static gboolean
finish_patch (Finish *finish, GError **error)
{
  QiWork *work = finish->work;

  finish->patch = qi_compose_finish (work->compose, finish->images->pdata[0], error);
  if (!finish->patch || !work->expand)
    return finish->patch != NULL;
  qi_expand_place (work->expand, finish->patch);
  if (work->pass + 1 == work->n_passes)
    return TRUE;
  finish->next = qi_expand_prepare (work->expand, work->pass + 1, work->plan->request, error);
  return finish->next != NULL;
}

static void
finish_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Finish *finish = task_data;
  GError *error = NULL;

  for (guint ms = 0; ms < qi_stub_get ()->stage_ms[QI_STAGE_PASTE] && !g_cancellable_is_cancelled (cancellable); ms += 10)
    g_usleep (10000);

  if (finish->work->plan->request->task == QI_TASK_SPLIT ? finish_stack (finish, &error)
                                                         : finish_patch (finish, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* What one sees of layers, bottom to top. (transfer full) */
static QiImage *
flattened (const GPtrArray *layers)
{
  QiImage *flat = qi_image_ref (layers->pdata[0]);

  for (guint i = 1; i < layers->len; i++)
    {
      g_autoptr (QiImage) below = flat;

      flat = qi_blend_onto (below, layers->pdata[i], NULL, 0, 0);
    }
  return flat;
}

/* One more result, which has no pixels yet. */
static QiWorkDone *
add_result (QiWork *work, gint64 seed)
{
  QiWorkDone *done = g_new0 (QiWorkDone, 1);
  QiHostResult *result = done->result = qi_host_result_copy (work->plan);

  result->hidden = work->done->len > 0;
  result->request->seed = seed;
  g_ptr_array_add (work->done, done);
  return done;
}

static void
take_patch (QiWorkDone *done, const QiPatch *patch)
{
  QiHostResult *result = done->result;

  result->x = patch->x;
  result->y = patch->y;
  result->pixels = qi_image_ref (patch->pixels);
  result->mask = patch->mask ? qi_image_ref (patch->mask) : NULL;
  done->moved = patch->moved_too_far ? patch->moved_px : 0;
  done->cut_off = patch->cut_off;
}

static void
take_stack (QiWork *work, QiHostResult *result, const Finish *finish)
{
  const guint n = finish->layers->len;

  result->x = work->frame.x;
  result->y = work->frame.y;
  result->layers = g_ptr_array_ref (finish->layers);
  result->pixels = flattened (result->layers);
  if (finish->n_whole > 0 && !work->note)
    work->note = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u of the layers shows all of the picture.",
                                               "%u of the layers show all of the picture.", MIN (finish->n_whole, n)),
                                  finish->n_whole);
}

/* Of a new picture the image itself, else what was made of it. */
static void
result_done (GTask *task, QiImage *image, const Finish *finish)
{
  Run *run = g_task_get_task_data (task);
  QiWork *work = run->work;
  QiWorkDone *done = add_result (work, work->seed + run->k);

  if (!finish)
    done->result->pixels = qi_image_ref (image);
  else if (finish->layers)
    take_stack (work, done->result, finish);
  else if (work->expand)
    {
      done->result->pixels = qi_expand_picture (work->expand);
      done->result->mask = qi_expand_mask (work->expand);
    }
  else
    take_patch (done, finish->patch);
  run->k++;
  work->pass = 0;
  if (run->ready)
    run->ready (work, run->k - 1, run->data);
  if (g_task_return_error_if_cancelled (task))
    ;
  else if (run->k < work->n_wanted)
    {
      start_pass (task);
      return;
    }
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* Every result begins from the old picture alone. */
static gboolean
begin_anew (QiWork *work, guint k, GError **error)
{
  if (!work->old || work->pass > 0 || k == 0)
    return TRUE;
  if (work->compose != work->first)
    qi_compose_free (work->compose);
  qi_work_take_compose (work, work->first);
  qi_expand_free (work->expand);
  work->expand = qi_expand_new (work->plan->request, work->old, &work->sizes, error);
  return work->expand != NULL;
}

static void
next_pass (QiWork *work, Finish *finish)
{
  if (work->compose != work->first)
    qi_compose_free (work->compose);
  qi_work_take_compose (work, g_steal_pointer (&finish->next));
  work->pass++;
}

static void
on_finished (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Run *run = g_task_get_task_data (task);
  Finish *finish = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  run->spent = g_get_monotonic_time () - run->begun;
  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      g_object_unref (task);
    }
  else if (finish->next)
    {
      next_pass (run->work, finish);
      start_pass (task);
    }
  else
    result_done (task, NULL, finish);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Run *run = g_task_get_task_data (task);
  QiWork *work = run->work;
  GError *error = NULL;
  g_autoptr (QiResult) made = qi_client_run_finish (run->client, result, &error);

  if (!made || made->images->len == 0)
    {
      if (made)
        g_set_error (&error, QI_ERROR, QI_ERROR_FAILED, "The engine finished without a picture.");
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  if (run->k == 0 && work->pass == 0)
    work->seed = made->seed;
  if (made->note && !work->note)
    work->note = g_strdup (made->note);
  if (!work->compose)
    {
      run->spent = g_get_monotonic_time () - run->begun;
      result_done (task, made->images->pdata[0], NULL);
      return;
    }
  if (run->progress)
    {
      const QiProgress paste = { .stage = QI_STAGE_PASTE, .result = run->k, .n_results = work->n_wanted, .seconds_left = -1 };
      run->progress (&paste, run->data);
    }
  Finish *finish = g_new0 (Finish, 1);
  finish->work = work;
  g_atomic_int_inc (&work->refs);
  finish->images = g_ptr_array_ref (made->images);
  g_autoptr (GTask) around = g_task_new (NULL, g_task_get_cancellable (task), on_finished, task);
  g_task_set_task_data (around, finish, (GDestroyNotify) finish_free);
  g_task_set_return_on_cancel (around, TRUE);
  g_task_run_in_thread (around, finish_thread);
}

static void
start_pass (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  QiWork *work = run->work;
  g_autoptr (QiRequest) request = qi_request_copy (work->plan->request);
  GError *error = NULL;

  if (!begin_anew (work, run->k, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  request->width = work->width;
  request->height = work->height;
  if (work->seed >= 0)
    request->seed = work->seed + run->k;
  const QiInputs inputs = { .pictures = (QiImage *const *) work->pictures->pdata,
                            .n_pictures = work->pictures->len,
                            .mask = work->compose ? work->compose->mask : NULL };
  run->begun = g_get_monotonic_time ();
  qi_client_run_async (run->client, request, &inputs, on_progress, task, g_task_get_cancellable (task), on_made, task);
}

void
qi_work_run_async (QiWork *work, QiClient *client, QiProgressFunc progress, QiWorkReady ready, gpointer data,
                   GCancellable *cancellable, GAsyncReadyCallback done, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, done, user_data);
  Run *run = g_new0 (Run, 1);

  run->work = work;
  run->client = g_object_ref (client);
  run->progress = progress;
  run->ready = ready;
  run->data = data;
  g_task_set_task_data (task, run, (GDestroyNotify) run_free);
  start_pass (task);
}

gboolean
qi_work_run_finish (QiWork *work, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

typedef struct
{
  GMainLoop *loop;
  GAsyncResult *result;
} Wait;

static void
on_waited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Wait *wait = user_data;

  wait->result = g_object_ref (result);
  g_main_loop_quit (wait->loop);
}

gboolean
qi_work_run (QiWork *work, QiClient *client, QiProgressFunc progress, gpointer data, GCancellable *cancellable,
             GError **error)
{
  Wait wait = { g_main_loop_new (NULL, FALSE), NULL };

  qi_work_run_async (work, client, progress, NULL, data, cancellable, on_waited, &wait);
  g_main_loop_run (wait.loop);
  g_main_loop_unref (wait.loop);
  const gboolean good = qi_work_run_finish (work, wait.result, error);
  g_object_unref (wait.result);
  return good;
}
