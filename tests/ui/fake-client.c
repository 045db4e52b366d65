/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ui/fake-client.h"

#include <string.h>

#include "base/error.h"
#include "compose/pixels.h"

struct _QiClient
{
  GObject parent;
  QiEngineInfo *info;
  GError *info_error;
  GTask *task;
  QiRequest *request;
  guint n_pictures, n_jobs;
  QiImage *first; /* Picture 1 */
  QiProgressFunc progress;
  gpointer data;
  gboolean hold;
};

G_DEFINE_FINAL_TYPE (QiClient, qi_client, G_TYPE_OBJECT)

QiEngineInfo *
qi_engine_info_new (void)
{
  QiEngineInfo *info = g_new0 (QiEngineInfo, 1);

  info->problem_code = -1;
  return info;
}

void
qi_engine_info_free (QiEngineInfo *info)
{
  if (!info)
    return;
  g_free (info->device);
  g_free (info->model);
  g_free (info->model_path);
  g_free (info->variant);
  g_free (info->model_hash);
  g_free (info->problem);
  g_free (info);
}

static void
qi_client_finalize (GObject *object)
{
  QiClient *client = QI_CLIENT (object);

  qi_engine_info_free (client->info);
  g_clear_error (&client->info_error);
  qi_request_free (client->request);
  g_clear_pointer (&client->first, qi_image_unref);
  G_OBJECT_CLASS (qi_client_parent_class)->finalize (object);
}

static void
qi_client_class_init (QiClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = qi_client_finalize;
}

static void
qi_client_init (QiClient *client)
{
  static const double seconds[] = { 12, 22, 95, 400 };
  QiEngineInfo *info = client->info = qi_engine_info_new ();

  info->device = g_strdup ("RTX 4060");
  info->memory_bytes = 8000000000;
  info->model = g_strdup ("Qwen-Image Edit 2511");
  info->model_path = g_strdup ("/models/edit.gguf");
  info->variant = g_strdup ("edit-2511");
  info->edits = TRUE;
  info->width = info->height = 1328;
  info->unit = 16;
  memcpy (info->seconds, seconds, sizeof seconds);
  for (guint q = 0; q <= QI_QUALITY_MAXIMUM; q++)
    {
      info->steps[q] = 4 << q;
      info->guidance[q] = q < QI_QUALITY_BEST ? 1 : 2.5;
    }
}

QiClient *
qi_client_new (void)
{
  return g_object_new (QI_TYPE_CLIENT, NULL);
}

QiEngineInfo *
qi_fake_info (QiClient *client)
{
  return client->info;
}

void
qi_fake_info_error (QiClient *client, GError *error)
{
  g_clear_error (&client->info_error);
  client->info_error = error;
}

static QiEngineInfo *
copy_info (const QiEngineInfo *info)
{
  QiEngineInfo *copy = g_memdup2 (info, sizeof *info);

  copy->device = g_strdup (info->device);
  copy->model = g_strdup (info->model);
  copy->model_path = g_strdup (info->model_path);
  copy->variant = g_strdup (info->variant);
  copy->model_hash = g_strdup (info->model_hash);
  copy->problem = g_strdup (info->problem);
  return copy;
}

void
qi_client_info_async (QiClient *client,
                      const QiRequest *request,
                      guint n_pictures,
                      GCancellable *cancellable,
                      GAsyncReadyCallback done,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (client, cancellable, done, user_data);

  if (client->info_error)
    g_task_return_error (task, g_error_copy (client->info_error));
  else
    g_task_return_pointer (task, copy_info (client->info), (GDestroyNotify) qi_engine_info_free);
}

QiEngineInfo *
qi_client_info_finish (QiClient *client, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
qi_client_free_memory (QiClient *client)
{
}

double
qi_client_get_keep_ready (void)
{
  return 600;
}

gboolean
qi_client_set_keep_ready (double seconds, GError **error)
{
  return TRUE;
}

static gboolean
on_cancel_idle (gpointer user_data)
{
  QiClient *client = user_data;
  GTask *task = client->task;

  if (task && g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    {
      client->task = NULL;
      g_task_return_error_if_cancelled (task);
      g_object_unref (task);
    }
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  QiClient *client = user_data;

  if (!client->hold)
    g_idle_add_full (G_PRIORITY_DEFAULT, on_cancel_idle, g_object_ref (client), g_object_unref);
}

void
qi_client_run_async (QiClient *client,
                     const QiRequest *request,
                     const QiInputs *inputs,
                     QiProgressFunc progress,
                     gpointer progress_data,
                     GCancellable *cancellable,
                     GAsyncReadyCallback done,
                     gpointer user_data)
{
  g_assert_null (client->task); /* one after the other: the session sees to that */
  client->task = g_task_new (client, cancellable, done, user_data);
  client->progress = progress;
  client->data = progress_data;
  client->n_jobs++;
  qi_request_free (client->request);
  client->request = qi_request_copy (request);
  client->n_pictures = inputs ? inputs->n_pictures : 0;
  g_clear_pointer (&client->first, qi_image_unref);
  if (client->n_pictures)
    client->first = qi_image_ref (inputs->pictures[0]);
  if (cancellable)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), client, 0);
}

QiResult *
qi_client_run_finish (QiClient *client, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

guint
qi_fake_job (QiClient *client)
{
  return client->task ? client->n_jobs : 0;
}

guint
qi_fake_n_jobs (QiClient *client)
{
  return client->n_jobs;
}

const QiRequest *
qi_fake_request (QiClient *client)
{
  return client->request;
}

QiImage *
qi_fake_first (QiClient *client)
{
  return client->first;
}

guint
qi_fake_n_pictures (QiClient *client)
{
  return client->n_pictures;
}

void
qi_fake_progress (QiClient *client, QiStage stage, guint step, guint n_steps, double seconds_left, QiImage *preview)
{
  const QiProgress progress = {
    .stage = stage, .step = step, .n_steps = n_steps, .n_results = 1, .seconds_left = seconds_left, .preview = preview
  };

  g_assert_nonnull (client->task);
  client->progress (&progress, client->data);
}

/* image, or gray, below; above it a square each, further to the right the higher. */
static void
add_stack (const QiRequest *request, QiResult *result, QiImage *image)
{
  const guint width = request->width, height = request->height, side = MIN (width, height) / 3;

  for (guint k = 0; k < request->layers; k++)
    {
      guint8 *bytes = qi_pixels_alloc (width, height, 4);
      const guint from = width * k / (request->layers + 1), top = (height - side) / 2;

      for (guint y = 0; y < height; y++)
        for (guint x = 0; x < width; x++)
          {
            const gboolean in = k == 0 || (x >= from && x < from + side && y >= top && y < top + side);
            const guint8 *own = image ? qi_image_row (image, y) + (gsize) x * qi_image_channels (image) : NULL;
            guint8 *to = bytes + ((gsize) y * width + x) * 4;

            for (guint c = 0; c < 3; c++)
              to[c] = own ? own[c] : 90;
            to[3] = in ? 255 : 0;
          }
      g_ptr_array_add (result->images, qi_pixels_take (width, height, 4, bytes));
    }
}

void
qi_fake_finish (QiClient *client, QiImage *image)
{
  QiResult *result = g_new0 (QiResult, 1);
  GTask *task = g_steal_pointer (&client->task);
  const guint width = client->request->width, height = client->request->height;

  g_assert_nonnull (task);
  result->seed = client->request->seed >= 0 ? client->request->seed : 91824;
  result->images = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  result->width = width;
  result->height = height;
  if (client->request->task == QI_TASK_SPLIT)
    add_stack (client->request, result, image);
  else if (image)
    g_ptr_array_add (result->images, qi_image_ref (image));
  else
    {
      guint8 *bytes = qi_pixels_alloc (width, height, 3);
      for (gsize i = 0; i < (gsize) width * height; i++)
        {
          bytes[3 * i] = result->seed * 37;
          bytes[3 * i + 1] = result->seed * 91;
          bytes[3 * i + 2] = result->seed * 151;
        }
      g_ptr_array_add (result->images, qi_pixels_take (width, height, 3, bytes));
    }
  g_task_return_pointer (task, result, (GDestroyNotify) qi_result_free);
  g_object_unref (task);
}

void
qi_fake_fail (QiClient *client, GQuark domain, int code, const char *message)
{
  GTask *task = g_steal_pointer (&client->task);

  g_task_return_new_error (task, domain, code, "%s", message);
  g_object_unref (task);
}

void
qi_fake_hold_cancel (QiClient *client, gboolean hold)
{
  client->hold = hold;
  if (!hold)
    on_cancel_idle (client);
}

void
qi_fake_settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

gboolean
qi_fake_wait (gboolean (*until) (gpointer data), gpointer data)
{
  const gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (!until (data) && g_get_monotonic_time () < end)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
  return until (data);
}
