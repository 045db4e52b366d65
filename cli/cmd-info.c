/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato info: devices and what they can do; with --model what it consists of; with --lora what add-ons are and
 * whether they fit; with --plan what a picture would need. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/events.h"
#include "cli/json-text.h"
#include "cli/options.h"
#include "cli/picture.h"
#include "compose/frame.h"
#include "compose/pixels.h"
#include "models/model-choice.h"
#include "models/report.h"

/* JSON texts by section, in the order they are shown; NULL: not asked for. */
typedef struct
{
  char *devices, *model, *loras, *plan;
  char *model_text; /* for people */
  char *demo;       /* where it lies, if pictures would be made with it */
} Report;

static void
report_clear (Report *report)
{
  g_free (report->devices);
  g_free (report->model);
  g_free (report->loras);
  g_free (report->plan);
  g_free (report->model_text);
  g_free (report->demo);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Report, report_clear)

/* set: what they are compared with; NULL: the family. */
static gboolean
report_loras (Report *report, const QiOptions *options, const QiModelSet *set, GError **error)
{
  const char *lines = options->request->loras;

  if (!lines || !*lines)
    return TRUE;
  report->loras = qi_lora_report_json (lines, set, error);
  return report->loras != NULL;
}

static gboolean
report_model (Report *report, const QiOptions *options, GError **error)
{
  g_autoptr (QiModelSet) set = qi_model_set_open (&options->paths, error);

  if (!set)
    return FALSE;
  report->model = qi_model_report_json (set);
  report->model_text = qi_model_report_text (set);
  return report_loras (report, options, set, error);
}

/* -- the plan ----------------------------------------------------------------------------------------- */

/* What is to be planned beside the common arguments. */
typedef struct
{
  gboolean plan;
  char *task; /* NULL: an edit where there are pictures */
  char **images; /* NULL: none */
} Planned;

static void
planned_clear (Planned *planned)
{
  g_free (planned->task);
  g_strfreev (planned->images);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Planned, planned_clear)

static gboolean
check_planned (const Planned *planned, QiRequest *request, gboolean has_model, GError **error)
{
  const guint n = planned->images ? g_strv_length (planned->images) : 0;

  if (planned->plan && !has_model)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--plan needs a model: name it with --model PATH.");
  else if (!planned->plan && (n || planned->task))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--%s says what is planned: give --plan too.",
                 n ? "image" : "task");
  else if (n > QI_MAX_PICTURES)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%u pictures are given; at most %d can be used.", n,
                 QI_MAX_PICTURES);
  else if (planned->task && !qi_request_set (request, qi_request_field ("task"), planned->task, error))
    ;
  else
    {
      if (!planned->task && n)
        request->task = QI_TASK_EDIT;
      if (n || request->task == QI_TASK_GENERATE)
        return TRUE;
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no picture to %s: name one with --image FILE.",
                   qi_task_name (request->task));
    }
  return FALSE;
}

static QiImage *
blank (guint width, guint height, guint channels)
{
  guint8 *bytes = qi_pixels_alloc (width, height, channels);

  memset (bytes, 255, (gsize) width * height * channels);
  return qi_pixels_take (width, height, channels, bytes);
}

/* Pictures at the size that the model works at; only the sizes matter. The first as the task would cut it without a
 * selection. (element type QiImage) */
static GPtrArray *
planned_pictures (const Planned *planned, const QiRequest *request, const QiModelSet *set, GError **error)
{
  g_autoptr (GPtrArray) pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  const QiModelSizes sizes = qi_model_sizes (set->width, set->height, 16);

  for (guint i = 0; planned->images && planned->images[i]; i++)
    {
      g_autoptr (QiImage) picture = qi_picture_load (planned->images[i], error);
      QiFrame frame;

      if (!picture)
        return NULL;
      if (i > 0 || request->task == QI_TASK_GENERATE)
        {
          g_ptr_array_add (pictures, g_steal_pointer (&picture));
          continue;
        }
      const QiRect canvas = { 0, 0, (int) qi_image_width (picture), (int) qi_image_height (picture) };
      if (!qi_frame_plan (request, &canvas, &canvas, NULL, &sizes, &frame, error))
        return NULL;
      g_ptr_array_add (pictures, blank (frame.width, frame.height, request->task == QI_TASK_SPLIT ? 4 : 3));
    }
  return g_steal_pointer (&pictures);
}

static gboolean
report_plan (Report *report,
             const Planned *planned,
             const QiOptions *options,
             GCancellable *cancellable,
             GError **error)
{
  const QiRequest *request = options->request;
  const gboolean draws_into = request->task == QI_TASK_FILL || request->task == QI_TASK_EXPAND;
  g_autoptr (QiEngine) engine = qi_engine_open (&options->paths, &options->engine, NULL, NULL, cancellable, error);
  g_autoptr (GPtrArray) pictures =
      engine ? planned_pictures (planned, request, qi_engine_model_set (engine), error) : NULL;

  if (!pictures)
    return FALSE;

  g_autoptr (QiImage) mask =
      draws_into ? blank (qi_image_width (pictures->pdata[0]), qi_image_height (pictures->pdata[0]), 1) : NULL;
  const QiInputs inputs = { .pictures = (QiImage *const *) pictures->pdata, .n_pictures = pictures->len, .mask = mask };

  report->plan = qi_engine_plan_json (engine, request, pictures->len ? &inputs : NULL, error);
  return report->plan != NULL;
}

/* -- writing ------------------------------------------------------------------------------------------ */

static void
add_section (yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name, const char *json)
{
  yyjson_doc *part = json ? yyjson_read (json, strlen (json), 0) : NULL;

  if (part)
    yyjson_mut_obj_add_val (doc, root, name, yyjson_val_mut_copy (doc, yyjson_doc_get_root (part)));
  yyjson_doc_free (part);
}

static void
write_json (const Report *report)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc);

  yyjson_mut_doc_set_root (doc, root);
  yyjson_mut_obj_add_str (doc, root, "event", "info");
  yyjson_mut_obj_add_str (doc, root, "version", QI_VERSION);
  add_section (doc, root, "devices", report->devices);
  add_section (doc, root, "model", report->model);
  add_section (doc, root, "loras", report->loras);
  add_section (doc, root, "plan", report->plan);
  if (report->demo)
    yyjson_mut_obj_add_str (doc, root, "demo", report->demo);

  char *line = yyjson_mut_write (doc, 0, NULL);

  puts (line);
  free (line);
  yyjson_mut_doc_free (doc);
}

static void
append_text (GString *text, const char *title, const char *json)
{
  yyjson_doc *doc = json ? yyjson_read (json, strlen (json), 0) : NULL;

  if (!doc)
    return;
  g_string_append_printf (text, "%s\n", title);
  qi_json_text (text, yyjson_doc_get_root (doc), 1);
  yyjson_doc_free (doc);
}

/* What pictures are made with where no model is named; NULL: with one that is configured, or none. (transfer full) */
static char *
demo_that_would_be_used (void)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  QiModelPaths nothing = { 0 };

  return qi_model_choose (&nothing, strings, NULL) && qi_model_is_demo (&nothing) ? g_strdup (nothing.model) : NULL;
}

static void
write_text (const Report *report)
{
  g_autoptr (GString) text = g_string_new ("Sfumato " QI_VERSION "\n");

  append_text (text, "Devices", report->devices);
  if (report->model_text)
    g_string_append_printf (text, "%s%s", report->model_text, g_str_has_suffix (report->model_text, "\n") ? "" : "\n");
  else if (report->demo)
    g_string_append_printf (text, "Model\n  None is configured: %s (%s).\n", QI_DEMO_MODEL_SENTENCE, report->demo);
  append_text (text, "Add-ons", report->loras);
  append_text (text, "Plan", report->plan);
  fputs (text->str, stdout);
}

/* -- the command -------------------------------------------------------------------------------------- */

int
qi_cmd_info (int argc, char **argv, GCancellable *cancellable)
{
  g_autoptr (QiOptions) options = qi_options_new ();
  g_auto (Report) report = { 0 };
  g_autoptr (GError) error = NULL;
  g_auto (Planned) planned = { 0 };
  const GOptionEntry own[] = {
    { "plan", 0, 0, G_OPTION_ARG_NONE, &planned.plan, "also the memory that a picture of this request would need",
      NULL },
    { "task", 0, 0, G_OPTION_ARG_FILENAME, &planned.task,
      "what is planned: generate (default), edit (default with --image), fill, expand (one pass) or split", "NAME" },
    { "image", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &planned.images, "a picture that goes with it; repeatable",
      "FILE" },
    { 0 }
  };
  QiEvents events;

  if (!qi_options_parse (options, QI_OPTIONS_MODEL | QI_OPTIONS_REQUEST | QI_OPTIONS_MODEL_OPTIONAL,
                         "Shows the devices here; with --model what it consists of; with --lora what add-ons are and whether they fit; "
                         "with --plan what a picture would need.",
                         own, NULL, argc, argv, &error))
    {
      qi_events_init (&events, TRUE, qi_options_want_json (argc, argv));
      return qi_events_error (&events, error);
    }
  qi_events_init (&events, TRUE, options->json);
  if (options->help)
    return QI_STATUS_DONE;

  const QiModelPaths *paths = &options->paths;
  const gboolean has_model = paths->model || paths->transformer, has_part = paths->text_encoder || paths->vision || paths->vae;

  if (check_planned (&planned, options->request, has_model, &error))
    {
      qi_model_choose_for (&options->paths, options->request->task, options->strings);
      /* What is known is shown before what went wrong: without a device the model can still be looked at. */
      report.devices = qi_engine_devices_json (&error);
      if (has_model || has_part)
        report_model (&report, options, error ? NULL : &error);
      else
        {
          report.demo = demo_that_would_be_used ();
          report_loras (&report, options, NULL, error ? NULL : &error);
        }
      if (planned.plan && !error)
        report_plan (&report, &planned, options, cancellable, &error);
      if (options->json)
        write_json (&report);
      else
        write_text (&report);
      fflush (stdout);
    }
  return error ? qi_events_error (&events, error) : QI_STATUS_DONE;
}
