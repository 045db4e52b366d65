/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato info: devices and what they can do; with --model what it consists of; with --plan what a picture would need. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/events.h"
#include "cli/json-text.h"
#include "cli/options.h"
#include "models/model-choice.h"
#include "models/report.h"

/* JSON texts by section, in the order they are shown; NULL: not asked for. */
typedef struct
{
  char *devices, *model, *plan;
  char *model_text; /* for people */
  char *demo;       /* where it lies, if pictures would be made with it */
} Report;

static void
report_clear (Report *report)
{
  g_free (report->devices);
  g_free (report->model);
  g_free (report->plan);
  g_free (report->model_text);
  g_free (report->demo);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Report, report_clear)

static gboolean
report_model (Report *report, const QiOptions *options, GError **error)
{
  g_autoptr (QiModelSet) set = qi_model_set_open (&options->paths, error);

  if (!set)
    return FALSE;
  report->model = qi_model_report_json (set);
  report->model_text = qi_model_report_text (set);
  return TRUE;
}

static gboolean
report_plan (Report *report, const QiOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (QiEngine) engine = qi_engine_open (&options->paths, &options->engine, NULL, NULL, cancellable, error);

  report->plan = engine ? qi_engine_plan_json (engine, options->request, NULL, error) : NULL;
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
  gboolean plan = FALSE;
  const GOptionEntry own[] = {
    { "plan", 0, 0, G_OPTION_ARG_NONE, &plan, "also the memory that a picture of this request would need", NULL },
    { 0 }
  };
  QiEvents events;

  if (!qi_options_parse (options, QI_OPTIONS_MODEL | QI_OPTIONS_REQUEST | QI_OPTIONS_MODEL_OPTIONAL,
                         "Shows the devices here; with --model what it consists of; with --plan what a picture would need.",
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

  if (plan && !has_model)
    g_set_error (&error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--plan needs a model: name it with --model PATH.");
  else
    {
      /* What is known is shown before what went wrong: without a device the model can still be looked at. */
      report.devices = qi_engine_devices_json (&error);
      if (has_model || has_part)
        report_model (&report, options, error ? NULL : &error);
      else
        report.demo = demo_that_would_be_used ();
      if (plan && !error)
        report_plan (&report, options, cancellable, &error);
      if (options->json)
        write_json (&report);
      else
        write_text (&report);
      fflush (stdout);
    }
  return error ? qi_events_error (&events, error) : QI_STATUS_DONE;
}
