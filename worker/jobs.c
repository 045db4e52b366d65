/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/jobs.h"

#include <unistd.h>

#include "base/error.h"

#define STUCK_SECONDS 60   /* that a cancelled job may take to end */
#define LOAD_PAUSE_US 50000 /* between two words about loading */

typedef struct
{
  QiJobs *jobs;
  gpointer owner;
  guint number;
  QiRequest *request;
  QiInputsBox *inputs;
  QiProgressFunc progress;
  QiJobDone done;
  gpointer user_data;
  GDestroyNotify destroy;
  GCancellable *cancellable;
  guint told_before; /* how many were last said to come before */
  gint64 last_load;  /* µs; the engine thread's */
  QiResult *result;
  GError *error;
} Job;

struct _QiJobs
{
  QiMaker *maker;
  void (*idle) (gpointer user_data);
  gpointer user_data;
  GQueue waiting; /* of Job */
  Job *running;
  GAsyncQueue *thread_queue; /* at most one job, or the order to end */
  GThread *thread;
  guint stuck; /* timeout after which a cancelled job is given up, and the process with it */
};

static char end_of_thread; /* its address is the order */

static void
job_free (Job *job)
{
  qi_request_free (job->request);
  qi_inputs_box_free (job->inputs);
  if (job->destroy)
    job->destroy (job->user_data);
  g_object_unref (job->cancellable);
  qi_result_free (job->result);
  g_clear_error (&job->error);
  g_free (job);
}

/* -- in the engine thread -------------------------------------------------------------------------- */

typedef struct
{
  Job *job;
  QiProgress progress;
  QiImage *preview;
} Note;

static void
note_free (gpointer data)
{
  Note *note = data;

  if (note->preview)
    qi_image_unref (note->preview);
  g_free (note);
}

/* In the main thread. The job is still there: its end comes through the same queue, later. */
static gboolean
deliver_note (gpointer data)
{
  Note *note = data;

  if (!g_cancellable_is_cancelled (note->job->cancellable))
    note->job->progress (&note->progress, note->job->user_data);
  return G_SOURCE_REMOVE;
}

static void
take_note (const QiProgress *progress, gpointer data)
{
  Job *job = data;
  const gint64 now = g_get_monotonic_time ();
  Note *note;

  if (progress->stage == QI_STAGE_LOAD && progress->step < progress->n_steps && now - job->last_load < LOAD_PAUSE_US)
    return;
  if (progress->stage == QI_STAGE_LOAD)
    job->last_load = now;
  note = g_new0 (Note, 1);
  note->job = job;
  note->progress = *progress;
  if (progress->preview)
    note->preview = qi_image_ref ((QiImage *) progress->preview);
  g_main_context_invoke_full (NULL, G_PRIORITY_DEFAULT, deliver_note, note, note_free);
}

static gboolean finish (gpointer data);

static gpointer
make_pictures (gpointer data)
{
  QiJobs *jobs = data;
  gpointer item;

  while ((item = g_async_queue_pop (jobs->thread_queue)) != &end_of_thread)
    {
      Job *job = item;

      job->result = qi_maker_make (jobs->maker, job->request, &job->inputs->inputs, take_note, job, job->cancellable, &job->error);
      g_main_context_invoke_full (NULL, G_PRIORITY_DEFAULT, finish, job, NULL);
    }
  qi_maker_free (jobs->maker); /* where it was used: Vulkan's objects are this thread's */
  return NULL;
}

/* -- in the main thread ---------------------------------------------------------------------------- */

static void
tell_waiting (QiJobs *jobs)
{
  guint before = jobs->running ? 1 : 0;

  for (GList *l = jobs->waiting.head; l; l = l->next, before++)
    {
      Job *job = l->data;
      const QiProgress progress = { .stage = QI_STAGE_WAIT, .step = before, .n_results = job->request->results, .seconds_left = -1 };

      if (job->told_before != before)
        job->progress (&progress, job->user_data);
      job->told_before = before;
    }
}

static void
start_next (QiJobs *jobs)
{
  if (!jobs->running && (jobs->running = g_queue_pop_head (&jobs->waiting)))
    g_async_queue_push (jobs->thread_queue, jobs->running);
  tell_waiting (jobs);
}

static void
end_job (Job *job)
{
  QiJobs *jobs = job->jobs;

  if (job->result || job->error)
    job->done (job->result, job->error, job->user_data);
  else
    {
      g_autoptr (GError) error = g_error_new_literal (QI_ERROR, QI_ERROR_FAILED, "The engine gave neither pictures nor a reason.");

      job->done (NULL, error, job->user_data);
    }
  job_free (job);
  start_next (jobs);
  if (!jobs->running)
    jobs->idle (jobs->user_data);
}

static gboolean
finish (gpointer data)
{
  Job *job = data;

  g_clear_handle_id (&job->jobs->stuck, g_source_remove);
  job->jobs->running = NULL;
  if (g_cancellable_is_cancelled (job->cancellable))
    {
      g_clear_pointer (&job->result, qi_result_free);
      g_clear_error (&job->error);
      g_cancellable_set_error_if_cancelled (job->cancellable, &job->error);
    }
  end_job (job);
  return G_SOURCE_REMOVE;
}

static gboolean
give_up (gpointer data)
{
  g_warning ("A cancelled picture has not ended within %d seconds; the engine's process ends with it", STUCK_SECONDS);
  _exit (1);
}

static void
cancel (QiJobs *jobs, Job *job)
{
  if (g_cancellable_is_cancelled (job->cancellable))
    return;
  g_cancellable_cancel (job->cancellable);
  if (job == jobs->running)
    {
      jobs->stuck = g_timeout_add_seconds (STUCK_SECONDS, give_up, NULL);
      return;
    }
  g_queue_remove (&jobs->waiting, job);
  g_cancellable_set_error_if_cancelled (job->cancellable, &job->error);
  end_job (job);
}

QiJobs *
qi_jobs_new (QiMaker *maker, void (*idle) (gpointer user_data), gpointer user_data)
{
  QiJobs *jobs = g_new0 (QiJobs, 1);

  jobs->maker = maker;
  jobs->idle = idle;
  jobs->user_data = user_data;
  g_queue_init (&jobs->waiting);
  jobs->thread_queue = g_async_queue_new ();
  jobs->thread = g_thread_new ("engine", make_pictures, jobs);
  return jobs;
}

void
qi_jobs_free (QiJobs *jobs)
{
  if (!jobs)
    return;
  qi_jobs_cancel_all (jobs, NULL);
  g_async_queue_push (jobs->thread_queue, &end_of_thread);
  while (jobs->running)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (jobs->thread);
  g_async_queue_unref (jobs->thread_queue);
  g_free (jobs);
}

guint
qi_jobs_n (QiJobs *jobs)
{
  return jobs->waiting.length + (jobs->running ? 1 : 0);
}

void
qi_jobs_add (QiJobs *jobs, gpointer owner, guint number, QiRequest *request, QiInputsBox *inputs, QiProgressFunc progress,
             QiJobDone done, gpointer user_data, GDestroyNotify destroy)
{
  Job *job = g_new0 (Job, 1);

  *job = (Job){ .jobs = jobs,
                .owner = owner,
                .number = number,
                .request = request,
                .inputs = inputs,
                .progress = progress,
                .done = done,
                .user_data = user_data,
                .destroy = destroy,
                .cancellable = g_cancellable_new () };
  g_queue_push_tail (&jobs->waiting, job);
  start_next (jobs);
}

static gboolean
is_named (const Job *job, gpointer owner, const guint *number)
{
  return (!owner || job->owner == owner) && (!number || job->number == *number);
}

static void
cancel_named (QiJobs *jobs, gpointer owner, const guint *number)
{
  GList *next;

  for (GList *l = jobs->waiting.head; l; l = next)
    {
      next = l->next;
      if (is_named (l->data, owner, number))
        cancel (jobs, l->data);
    }
  if (jobs->running && is_named (jobs->running, owner, number))
    cancel (jobs, jobs->running);
}

void
qi_jobs_cancel (QiJobs *jobs, gpointer owner, guint number)
{
  cancel_named (jobs, owner, &number);
}

void
qi_jobs_cancel_all (QiJobs *jobs, gpointer owner)
{
  cancel_named (jobs, owner, NULL);
}
