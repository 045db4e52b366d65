/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/work.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/stub.h"
#include "compose/job.h"
#include "compose/pixels.h"

#define MAX_REFERENCE_SIDE 8192 /* the engine makes references small by itself; this only bounds what is carried */
#define NAME_CHARS 60

typedef struct
{
  QiHostResult *result;
  double moved;
  gboolean cut_off;
} Done;

struct _QiWork
{
  gint refs;           /* atomic: a thread that finishes a cancelled result may be the last to know it */
  QiHostResult *plan;  /* what all results have in common */
  QiCompose *compose;  /* NULL: a new picture */
  QiRect frame;
  guint width, height; /* that the model works at */
  GPtrArray *pictures; /* of QiImage, in the model's numbering */
  GPtrArray *done;     /* of Done */
  gint64 seed;
  guint n_wanted;
  char *note;
};

static void
done_free (Done *done)
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
  qi_compose_free (work->compose);
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
    return g_strdup (request->task == QI_TASK_FILL ? _ ("Remove") : _ ("Edit")); /* lettering alone is an edit */
  return demo ? g_strconcat ("Demo: ", cut, NULL) : g_steal_pointer (&cut);
}

static QiImage *
read_file (const char *path, GError **error)
{
  g_autoptr (GdkPixbuf) read = gdk_pixbuf_new_from_file (path, error);

  if (!read)
    return NULL;
  g_autoptr (GdkPixbuf) turned = gdk_pixbuf_apply_embedded_orientation (read);
  const int width = gdk_pixbuf_get_width (turned), height = gdk_pixbuf_get_height (turned);
  g_autoptr (GBytes) bytes = gdk_pixbuf_read_pixel_bytes (turned);

  return qi_image_new (width, height, gdk_pixbuf_get_n_channels (turned), gdk_pixbuf_get_rowstride (turned), bytes);
}

/* A reference as the model gets it: RGB, native size. number: of "Picture N". */
static QiImage *
read_reference (QiHost *host, const QiHostReference *reference, guint number, GError **error)
{
  g_autoptr (QiImage) image = NULL;

  if (reference->path)
    {
      if (!g_file_test (reference->path, G_FILE_TEST_EXISTS))
        g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_PICTURE_GONE, "Picture %u, “%s”, is no longer there.", number,
                     reference->path);
      else
        image = read_file (reference->path, error);
    }
  else
    {
      g_autoptr (QiHostView) view = qi_host_look (host, reference->image);
      QiRect rect = { 0, 0, view->image.width, view->image.height };

      if (reference->layer != QI_HOST_NONE)
        {
          g_autoptr (GPtrArray) layers = qi_host_layers (host, reference->image);
          rect = (QiRect){ 0 };
          for (guint i = 0; layers && i < layers->len; i++)
            {
              const QiHostLayer *layer = layers->pdata[i];
              if (layer->id == reference->layer)
                rect = layer->rect;
            }
        }
      if (qi_rect_is_empty (&rect))
        {
          g_set_error (error, QI_HOST_ERROR, QI_HOST_ERROR_PICTURE_GONE, "Picture %u, “%s”, is no longer there.", number,
                       reference->name);
          return NULL;
        }
      const double shrink = MIN (1, (double) MAX_REFERENCE_SIDE / MAX (rect.width, rect.height));
      image = qi_host_read (host, reference->image, reference->layer, QI_HOST_NONE, &rect,
                            MAX (1, (int) (rect.width * shrink)), MAX (1, (int) (rect.height * shrink)), error);
    }
  return image ? qi_pixels_convert (image, 3) : NULL;
}

/* Bounds of the layer that is worked on; empty: the visible composite, hence the canvas. */
static QiRect
layer_rect (QiHost *host, const QiWorkSource *source, const QiHostView *view)
{
  if (source->target == QI_HOST_NONE)
    return (QiRect){ 0 };
  if (view->layer.id == source->target)
    return view->layer.rect;
  g_autoptr (GPtrArray) layers = qi_host_layers (host, source->image);
  for (guint i = 0; layers && i < layers->len; i++)
    if (((QiHostLayer *) layers->pdata[i])->id == source->target)
      return ((QiHostLayer *) layers->pdata[i])->rect;
  return (QiRect){ 0 };
}

/* Frame, crop and mask of an edit or a fill. */
static gboolean
prepare_frame (QiWork *work, QiHost *host, const QiWorkSource *source, const QiHostView *view, const QiEngineInfo *info,
               GError **error)
{
  const QiRequest *request = work->plan->request;
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };
  const gboolean visible = request->source == QI_SOURCE_VISIBLE || source->target == QI_HOST_NONE;
  const QiRect layer = visible ? (QiRect){ 0 } : layer_rect (host, source, view);
  const gboolean by_mask = source->selection_layer != QI_HOST_NONE;
  const QiRect selection = qi_rect_is_empty (&source->bounds) ? view->selection : source->bounds;
  const QiModelSizes sizes = qi_model_sizes (info->width, info->height, info->unit);
  QiFrame frame;

  if (!qi_frame_plan (request, &canvas, &layer, &selection, &sizes, &frame, error))
    return FALSE;
  g_autoptr (QiImage) crop = qi_host_read (host, source->image, visible ? QI_HOST_NONE : source->target, source->except,
                                           &frame.frame, frame.frame.width, frame.frame.height, error);
  if (!crop)
    return FALSE;
  g_autoptr (QiImage) mask = NULL;
  if (!qi_rect_is_empty (&frame.selection) && (by_mask || qi_rect_is_empty (&source->bounds)))
    {
      mask = qi_host_read_selection (host, source->image, source->selection_layer, &frame.frame, frame.frame.width,
                                     frame.frame.height, error);
      if (!mask)
        return FALSE;
    }
  else if (!qi_rect_is_empty (&frame.selection)) /* a rectangle stands for it */
    {
      const QiRect in = frame.selection;
      guint8 *bytes = qi_pixels_alloc (frame.frame.width, frame.frame.height, 1);
      for (int y = 0; y < in.height; y++)
        memset (bytes + (gsize) (in.y - frame.frame.y + y) * frame.frame.width + in.x - frame.frame.x, 255, in.width);
      mask = qi_pixels_take (frame.frame.width, frame.frame.height, 1, bytes);
    }
  work->compose = qi_compose_prepare (request, &frame, crop, mask, error);
  if (!work->compose)
    return FALSE;
  work->frame = work->plan->frame = frame.frame;
  work->width = frame.width;
  work->height = frame.height;
  g_ptr_array_add (work->pictures, qi_image_ref (work->compose->picture));
  return TRUE;
}

/* Size and place of a new picture: as asked for; else the canvas, or its shape where that is more than the model makes. */
static void
prepare_new (QiWork *work, const QiWorkSource *source, const QiHostView *view, const QiEngineInfo *info)
{
  QiRequest *request = work->plan->request;
  const guint unit = MAX (1, info->unit);
  const guint64 area = (guint64) info->width * info->height;
  guint width = request->width, height = request->height;

  if ((!width || !height) && view)
    {
      width = view->image.width / unit * unit;
      height = view->image.height / unit * unit;
      if (!width || !height || (guint64) width * height > area)
        qi_frame_new_picture (view->image.width, view->image.height, area, unit, &width, &height);
    }
  if (!width || !height)
    {
      width = info->width;
      height = info->height;
    }
  work->width = MAX (unit, width / unit * unit);
  work->height = MAX (unit, height / unit * unit);
  if (view)
    { /* in the middle of what is selected, else of the canvas */
      const QiRect *at = qi_rect_is_empty (&source->place) ? &view->selection : &source->place;
      const gboolean none = qi_rect_is_empty (at);

      work->plan->x = (none ? view->image.width : 2 * at->x + at->width) / 2 - (int) work->width / 2;
      work->plan->y = (none ? view->image.height : 2 * at->y + at->height) / 2 - (int) work->height / 2;
    }
}

/* A new picture is seen through the selection, where there is one. */
static gboolean
prepare_new_mask (QiWork *work, QiHost *host, const QiWorkSource *source, const QiHostView *view, GError **error)
{
  QiHostResult *plan = work->plan;
  const QiRect rect = { plan->x, plan->y, (int) work->width, (int) work->height };

  if (!view || (qi_rect_is_empty (&view->selection) && source->selection_layer == QI_HOST_NONE))
    return TRUE;
  plan->mask = qi_host_read_selection (host, source->image, source->selection_layer, &rect, rect.width, rect.height, error);
  return plan->mask != NULL;
}

QiWork *
qi_work_new (QiHost *host, const QiWorkSource *source, const QiRequest *request, const QiEngineInfo *info, GError **error)
{
  g_autoptr (QiWork) work = g_new0 (QiWork, 1);
  g_autoptr (QiHostView) view = NULL;
  QiHostResult *plan = work->plan = qi_host_result_new ();

  work->refs = 1;
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
  if (request->task == QI_TASK_GENERATE)
    {
      prepare_new (work, source, view, info);
      if (!prepare_new_mask (work, host, source, view, error))
        return NULL;
    }
  else if (!view)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no image to work on.");
      return NULL;
    }
  else if (!prepare_frame (work, host, source, view, info, error))
    return NULL;
  for (guint i = 0; source->references && i < source->references->len; i++)
    {
      const QiHostReference *reference = source->references->pdata[i];
      QiImage *picture = read_reference (host, reference, i + (request->task == QI_TASK_GENERATE ? 1 : 2), error);
      if (!picture)
        return NULL;
      g_ptr_array_add (work->pictures, picture);
      g_ptr_array_add (plan->references, qi_host_reference_copy (reference));
    }
  if (work->pictures->len > QI_MAX_PICTURES)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%u pictures go with the prompt; there may be %u.",
                   work->pictures->len, QI_MAX_PICTURES);
      return NULL;
    }
  return g_steal_pointer (&work);
}

const QiRect *
qi_work_frame (const QiWork *work)
{
  return &work->frame;
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
  return ((Done *) work->done->pdata[k])->result;
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
  return ((Done *) work->done->pdata[k])->moved;
}

gboolean
qi_work_cut_off (const QiWork *work, guint k)
{
  g_return_val_if_fail (k < work->done->len, FALSE);
  return ((Done *) work->done->pdata[k])->cut_off;
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
  gint64 begun, spent; /* µs: this result, the one before */
} Run;

static void
run_free (Run *run)
{
  g_object_unref (run->client);
  g_free (run);
}

static void start_result (GTask *task);

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
  const guint further = run->work->n_wanted - run->k - 1;
  if (all.seconds_left >= 0 && further > 0)
    { /* a further result takes as long as this one, or as the last one did */
      const double one = run->spent ? run->spent / 1e6 : all.seconds_left + (g_get_monotonic_time () - run->begun) / 1e6;
      all.seconds_left += further * one;
    }
  run->progress (&all, run->data);
}

/* What is around the model, in a thread: its input is immutable. */
typedef struct
{
  QiWork *work;
  QiImage *image;
  QiPatch *patch; /* NULL: a new picture */
} Finish;

static void
finish_free (Finish *finish)
{
  qi_image_unref (finish->image);
  qi_patch_free (finish->patch);
  qi_work_free (finish->work);
  g_free (finish);
}

static void
finish_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Finish *finish = task_data;
  GError *error = NULL;

  for (guint ms = 0; ms < qi_stub_get ()->stage_ms[QI_STAGE_PASTE] && !g_cancellable_is_cancelled (cancellable); ms += 10)
    g_usleep (10000);

  finish->patch = qi_compose_finish (finish->work->compose, finish->image, &error);
  if (!finish->patch)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

/* One more result; patch NULL: image is the whole of it. */
static void
add_result (QiWork *work, QiImage *image, const QiPatch *patch, gint64 seed)
{
  Done *done = g_new0 (Done, 1);
  const QiHostResult *plan = work->plan;
  QiHostResult *result = done->result = qi_host_result_new ();

  result->image = plan->image;
  result->target = plan->target;
  result->above = plan->above;
  result->name = g_strdup (plan->name);
  result->hidden = work->done->len > 0;
  result->request = qi_request_copy (plan->request);
  result->request->seed = seed;
  result->references = g_ptr_array_ref (plan->references);
  result->frame = plan->frame;
  result->canvas = plan->canvas;
  result->mode = plan->mode;
  result->model = g_strdup (plan->model);
  result->model_hash = g_strdup (plan->model_hash);
  result->x = patch ? patch->x : plan->x;
  result->y = patch ? patch->y : plan->y;
  result->pixels = qi_image_ref (patch ? patch->pixels : image);
  const QiImage *mask = patch ? patch->mask : plan->mask;
  result->mask = mask ? qi_image_ref ((QiImage *) mask) : NULL;
  if (patch)
    {
      done->moved = patch->moved_too_far ? patch->moved_px : 0;
      done->cut_off = patch->cut_off;
    }
  g_ptr_array_add (work->done, done);
}

static void
result_done (GTask *task, QiImage *image, const QiPatch *patch)
{
  Run *run = g_task_get_task_data (task);
  QiWork *work = run->work;

  add_result (work, image, patch, work->seed + run->k);
  run->spent = g_get_monotonic_time () - run->begun;
  run->k++;
  if (run->ready)
    run->ready (work, run->k - 1, run->data);
  if (g_task_return_error_if_cancelled (task))
    ;
  else if (run->k < work->n_wanted)
    {
      start_result (task);
      return;
    }
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_finished (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Finish *finish = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      g_object_unref (task);
    }
  else
    result_done (task, finish->image, finish->patch);
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
  if (run->k == 0)
    work->seed = made->seed;
  if (made->note && !work->note)
    work->note = g_strdup (made->note);
  if (!work->compose)
    {
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
  finish->image = qi_image_ref (made->images->pdata[0]);
  g_autoptr (GTask) around = g_task_new (NULL, g_task_get_cancellable (task), on_finished, task);
  g_task_set_task_data (around, finish, (GDestroyNotify) finish_free);
  g_task_set_return_on_cancel (around, TRUE);
  g_task_run_in_thread (around, finish_thread);
}

static void
start_result (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  QiWork *work = run->work;
  g_autoptr (QiRequest) request = qi_request_copy (work->plan->request);

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
  start_result (task);
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
