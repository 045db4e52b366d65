/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yyjson.h>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/interrupt.h"

/* Between two lines of one stage; steps of the denoising and the end of a stage are always told. */
#define PLAIN_LINE_US G_USEC_PER_SEC
#define QUICK_LINE_US (G_USEC_PER_SEC / 10) /* JSON, and the line of a terminal that is rewritten */

void
qi_events_init (QiEvents *events, gboolean quiet, gboolean json)
{
  *events = (QiEvents){ .quiet = quiet, .json = json, .terminal = isatty (STDERR_FILENO) == 1 };
}

/* Ends the rewritten line, so that what follows stands on its own. */
static void
close_line (QiEvents *events)
{
  if (events->line_open)
    fputs ("\r\033[K", stderr);
  events->line_open = FALSE;
}

/* Writes and frees doc as one line on standard output, at once: its reader waits for it. */
static void
write_line (yyjson_mut_doc *doc)
{
  char *line = yyjson_mut_write (doc, 0, NULL);

  if (line)
    {
      fputs (line, stdout);
      fputc ('\n', stdout);
      fflush (stdout);
    }
  free (line);
  yyjson_mut_doc_free (doc);
}

static yyjson_mut_doc *
event_new (const char *name)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc);

  yyjson_mut_doc_set_root (doc, root);
  yyjson_mut_obj_add_str (doc, root, "event", name);
  return doc;
}

static void
progress_json (const QiProgress *progress)
{
  yyjson_mut_doc *doc = event_new ("progress");
  yyjson_mut_val *root = yyjson_mut_doc_get_root (doc);

  yyjson_mut_obj_add_str (doc, root, "stage", qi_stage_name (progress->stage));
  yyjson_mut_obj_add_uint (doc, root, "step", progress->step);
  yyjson_mut_obj_add_uint (doc, root, "n_steps", progress->n_steps);
  yyjson_mut_obj_add_uint (doc, root, "result", progress->result);
  yyjson_mut_obj_add_uint (doc, root, "n_results", progress->n_results);
  if (progress->seconds_left >= 0)
    yyjson_mut_obj_add_real (doc, root, "seconds_left", progress->seconds_left);
  else
    yyjson_mut_obj_add_null (doc, root, "seconds_left");
  write_line (doc);
}

/* Loading reports every piece it has copied, thousands of them: what says nothing new, or comes too soon, is dropped. */
static gboolean
worth_telling (const QiEvents *events, const QiProgress *progress, gint64 now)
{
  const gint64 pause = events->json || events->terminal ? QUICK_LINE_US : PLAIN_LINE_US;

  if (events->last_us == 0 || events->stage != progress->stage)
    return TRUE;
  if (events->step == progress->step && events->n_steps == progress->n_steps && events->result == progress->result)
    return FALSE;
  return progress->stage == QI_STAGE_DENOISE || progress->step >= progress->n_steps || now - events->last_us >= pause;
}

static void
progress_line (QiEvents *events, const QiProgress *progress)
{
  const char *unit = progress->stage == QI_STAGE_LOAD ? " MiB" : "";
  char left[32] = "";

  if (progress->seconds_left >= 0)
    g_snprintf (left, sizeof left, ", %.0f s left", progress->seconds_left);
  fprintf (stderr, events->terminal ? "\r\033[K%s %u/%u%s%s" : "%s %u/%u%s%s\n", qi_stage_name (progress->stage),
           progress->step, progress->n_steps, unit, left);
  fflush (stderr);
  events->line_open = events->terminal;
}

void
qi_events_progress (const QiProgress *progress, gpointer user_data)
{
  QiEvents *events = user_data;
  const gint64 now = g_get_monotonic_time ();

  if (events->quiet || !worth_telling (events, progress, now))
    return;
  events->stage = progress->stage;
  events->step = progress->step;
  events->n_steps = progress->n_steps;
  events->result = progress->result;
  events->last_us = now;
  if (events->json)
    progress_json (progress);
  else
    progress_line (events, progress);
}

static void
plan_json (yyjson_val *request, yyjson_val *plan)
{
  static const char *const numbers[] = { "width", "height", "steps", "results" };
  yyjson_mut_doc *doc = event_new ("plan");
  yyjson_mut_val *root = yyjson_mut_doc_get_root (doc);

  yyjson_mut_obj_add_strcpy (doc, root, "pipeline", yyjson_get_str (yyjson_obj_get (request, "pipeline")));
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    yyjson_mut_obj_add_uint (doc, root, numbers[i], yyjson_get_uint (yyjson_obj_get (request, numbers[i])));
  yyjson_mut_obj_add_real (doc, root, "guidance", yyjson_get_real (yyjson_obj_get (request, "guidance")));
  yyjson_mut_obj_add_uint (doc, root, "peak_bytes", yyjson_get_uint (yyjson_obj_get (plan, "peak_bytes")));
  yyjson_mut_obj_add_uint (doc, root, "budget_bytes", yyjson_get_uint (yyjson_obj_get (plan, "budget_bytes")));
  write_line (doc);
}

gboolean
qi_events_plan (QiEvents *events, QiEngine *engine, const QiRequest *request, const QiInputs *inputs, GError **error)
{
  g_autofree char *json = qi_engine_plan_json (engine, request, inputs, error);
  yyjson_doc *doc = json ? yyjson_read (json, strlen (json), 0) : NULL;
  yyjson_val *asked = yyjson_obj_get (yyjson_doc_get_root (doc), "request");
  yyjson_val *plan = yyjson_obj_get (yyjson_doc_get_root (doc), "plan");

  if (!json)
    return FALSE;
  if (!events->quiet && events->json)
    plan_json (asked, plan);
  else if (!events->quiet)
    {
      close_line (events);
      fprintf (stderr, "%s, %u x %u, %u steps: at most %s of %s of GPU memory\n",
               yyjson_get_str (yyjson_obj_get (asked, "pipeline")), (guint) yyjson_get_uint (yyjson_obj_get (asked, "width")),
               (guint) yyjson_get_uint (yyjson_obj_get (asked, "height")),
               (guint) yyjson_get_uint (yyjson_obj_get (asked, "steps")),
               qi_bytes (yyjson_get_uint (yyjson_obj_get (plan, "peak_bytes"))).text,
               qi_bytes (yyjson_get_uint (yyjson_obj_get (plan, "budget_bytes"))).text);
    }
  yyjson_doc_free (doc);
  return TRUE;
}

void
qi_events_result (QiEvents *events, const char *path, const QiResult *result, guint k)
{
  close_line (events);
  if (!events->json)
    {
      if (result->note && !events->quiet && k == 0)
        fprintf (stderr, "sfumato: %s\n", result->note);
      printf ("%s\n", path);
      fflush (stdout);
      return;
    }

  g_autofree char *shown = g_utf8_make_valid (path, -1);
  yyjson_mut_doc *doc = event_new ("result");
  yyjson_mut_val *root = yyjson_mut_doc_get_root (doc);

  yyjson_mut_obj_add_str (doc, root, "path", shown);
  yyjson_mut_obj_add_int (doc, root, "seed", result->seed + k);
  yyjson_mut_obj_add_uint (doc, root, "width", result->width);
  yyjson_mut_obj_add_uint (doc, root, "height", result->height);
  yyjson_mut_obj_add_uint (doc, root, "steps", result->steps);
  yyjson_mut_obj_add_real (doc, root, "guidance", result->guidance);
  if (result->note)
    yyjson_mut_obj_add_str (doc, root, "note", result->note);
  write_line (doc);
}

/* -- captions ----------------------------------------------------------------------------------------- */

static void
add_list (yyjson_mut_doc *doc, const char *key, const GStrv list)
{
  yyjson_mut_val *array = yyjson_mut_obj_add_arr (doc, yyjson_mut_doc_get_root (doc), key);

  for (guint i = 0; list[i]; i++)
    yyjson_mut_arr_add_str (doc, array, list[i]);
}

static void
caption_json (const char *path, const QiCaption *caption)
{
  g_autofree char *shown = g_utf8_make_valid (path, -1);
  yyjson_mut_doc *doc = event_new ("caption");
  yyjson_mut_val *root = yyjson_mut_doc_get_root (doc);

  yyjson_mut_obj_add_str (doc, root, "path", shown);
  yyjson_mut_obj_add_str (doc, root, "caption", caption->caption);
  yyjson_mut_obj_add_str (doc, root, "type", caption->type);
  yyjson_mut_obj_add_str (doc, root, "style", caption->style);
  add_list (doc, "watermarks", caption->watermarks);
  add_list (doc, "words", caption->words);
  yyjson_mut_obj_add_str (doc, root, "reply", caption->reply);
  write_line (doc);
}

/* What a model writes may hold anything; on a terminal control characters would be obeyed. */
static void
print_line (const char *title, const char *text)
{
  g_autofree char *shown = g_strdup (text);

  for (char *at = shown; *at; at++)
    if (g_ascii_iscntrl (*at) && *at != '\n')
      *at = ' ';
  if (*g_strstrip (shown))
    printf ("%s%s\n", title, shown);
}

static void
print_list (const char *title, const GStrv list)
{
  g_autofree char *joined = g_strjoinv (", ", list);

  print_line (title, joined);
}

void
qi_events_caption (QiEvents *events, const char *path, const QiCaption *caption)
{
  close_line (events);
  if (events->json)
    {
      caption_json (path, caption);
      return;
    }
  print_line ("", caption->caption);
  print_line ("type: ", caption->type);
  print_line ("style: ", caption->style);
  print_list ("watermarks: ", caption->watermarks);
  print_list ("words: ", caption->words);
  fflush (stdout);
}

/* -- errors ------------------------------------------------------------------------------------------- */

static const struct
{
  QiErrorCode code;
  const char *name;
  int status;
} errors[] = {
  { QI_ERROR_FAILED, "failed", QI_STATUS_FAILED },
  { QI_ERROR_OUT_OF_MEMORY, "out-of-memory", QI_STATUS_NO_MEMORY },
  { QI_ERROR_UNSUPPORTED, "unsupported", QI_STATUS_BAD_FILE },
  { QI_ERROR_NO_DEVICE, "no-device", QI_STATUS_NO_DEVICE },
  { QI_ERROR_BAD_CHECKPOINT, "bad-checkpoint", QI_STATUS_BAD_FILE },
  { QI_ERROR_BAD_REQUEST, "bad-request", QI_STATUS_USAGE },
  { QI_ERROR_DEVICE_LOST, "device-lost", QI_STATUS_FAILED },
  { QI_ERROR_WORKER_GONE, "worker-gone", QI_STATUS_FAILED },
};

static const char *
error_name (const GError *error, int *status)
{
  *status = QI_STATUS_FAILED;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      *status = QI_STATUS_INTERRUPTED;
      return "cancelled";
    }
  if (error->domain == G_OPTION_ERROR)
    {
      *status = QI_STATUS_USAGE;
      return "bad-request";
    }
  for (guint i = 0; error->domain == QI_ERROR && i < G_N_ELEMENTS (errors); i++)
    if ((int) errors[i].code == error->code)
      {
        *status = errors[i].status;
        return errors[i].name;
      }
  return "failed";
}

int
qi_exit_status (const GError *error)
{
  int status;

  error_name (error, &status);
  return status;
}

int
qi_events_error (QiEvents *events, const GError *error)
{
  int status;
  const char *name = error_name (error, &status);

  close_line (events);
  fprintf (stderr, "sfumato: %s\n", status == QI_STATUS_INTERRUPTED ? "interrupted" : error->message);
  if (events->json)
    {
      g_autofree char *message = g_utf8_make_valid (error->message, -1);
      yyjson_mut_doc *doc = event_new ("error");
      yyjson_mut_val *root = yyjson_mut_doc_get_root (doc);

      yyjson_mut_obj_add_str (doc, root, "code", name);
      yyjson_mut_obj_add_int (doc, root, "status", status);
      yyjson_mut_obj_add_str (doc, root, "message", message);
      write_line (doc);
    }
  return status;
}
