/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/run.h"

#include <gegl.h>
#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "base/prompt.h"
#include "plugin/arguments.h"
#include "plugin/layers.h"
#include "plugin/procedures.h"
#include "plugin/script.h"
#include "plugin/window.h"
#include "ui/settings.h"

/* -- answers ----------------------------------------------------------------------------------------- */

static GimpValueArray *
failed (GimpProcedure *procedure, GimpPDBStatusType status, GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_error_free (error);
      return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);
    }
  return gimp_procedure_new_return_values (procedure, status, error);
}

static GimpValueArray *
done (GimpProcedure *procedure, const QiCommand *command, const QiMade *made)
{
  GimpValueArray *values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);

  if (command->kind == QI_COMMAND_MODELS)
    return values;
  GIMP_VALUES_SET_CORE_OBJECT_ARRAY (values, 1, made->layers);
  GIMP_VALUES_SET_INT (values, 2, (gint) made->seed);
  if (command->returns_image)
    GIMP_VALUES_SET_IMAGE (values, 3, made->image);
  return values;
}

/* -- what is asked for ------------------------------------------------------------------------------- */

/* A request as its command makes it. */
static void
settle (const QiCommand *command, QiRequest *request)
{
  request->task = command->task;
  if (command->not_taken)
    g_clear_pointer (&request->prompt, g_free);
}

/* From the arguments; of the wrong type or range they are the caller's mistake. */
static QiRequest *
request_from (const QiCommand *command, GimpProcedureConfig *config, GError **error)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  g_autoptr (GPtrArray) rows = NULL;

  if (!qi_arguments_read (config, request, error))
    return NULL;
  rows = qi_lettering_parse_rows (request->lettering, error);
  if (!rows)
    return NULL;
  settle (command, request);
  return g_steal_pointer (&request);
}

static GimpValueArray *
run_script (GimpProcedure *procedure, const QiCommand *command, const QiRequest *request, GPtrArray *references,
            GimpImage *image, GimpDrawable **drawables)
{
  g_auto (QiMade) made = { 0 };
  GError *error = NULL;

  if (!qi_script_make (command, request, image, drawables, references, &made, &error))
    return failed (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  return done (procedure, command, &made);
}

static GimpValueArray *
run_again (GimpProcedure *procedure, const QiCommand *command, GimpImage *image, GimpDrawable **drawables,
           GimpProcedureConfig *config)
{
  g_autofree char *prompt = NULL;
  g_auto (QiMade) made = { 0 };
  GError *error = NULL;
  gint seed = -1;

  g_object_get (config, "prompt", &prompt, "seed", &seed, NULL);
  if (!qi_script_again (prompt, seed, image, drawables, &made, &error))
    return failed (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  return done (procedure, command, &made);
}

/* A window, which stays until it is closed. */
static GimpValueArray *
run_window (GimpProcedure *procedure, const QiCommand *command, GimpImage *image, GimpDrawable **drawables,
            GimpProcedureConfig *config)
{
  g_autoptr (GPtrArray) references = qi_arguments_references (config);
  g_auto (QiMade) made = { 0 };
  GError *error = NULL;

  if (!qi_window_run (procedure, command, image, drawables, references, &made, &error))
    return failed (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  return done (procedure, command, &made);
}

static GimpValueArray *
run_command (GimpProcedure *procedure, const QiCommand *command, GimpRunMode run_mode, GimpImage *image,
             GimpDrawable **drawables, GimpProcedureConfig *config)
{
  g_autoptr (QiRequest) request = NULL;
  g_autoptr (GPtrArray) references = NULL;
  GError *error = NULL;

  if (run_mode == GIMP_RUN_INTERACTIVE)
    return run_window (procedure, command, image, drawables, config);
  if (command->kind == QI_COMMAND_MODELS)
    return failed (procedure, GIMP_PDB_EXECUTION_ERROR,
                   g_error_new_literal (QI_ERROR, QI_ERROR_BAD_REQUEST,
                                        _("Models and Devices is a window. There is nothing in it for a script.")));
  if (command->kind == QI_COMMAND_AGAIN)
    return run_again (procedure, command, image, drawables, config);
  if (run_mode == GIMP_RUN_WITH_LAST_VALS)
    {
      g_autoptr (QiSettings) settings = qi_settings_new (NULL);

      request = qi_settings_last (settings, qi_command_short_name (command), &references);
      if (!request) /* without words a fill removes things: ask */
        return run_window (procedure, command, image, drawables, config);
      settle (command, request);
    }
  else
    {
      g_autoptr (GPtrArray) given = qi_arguments_references (config);

      if (!(request = request_from (command, config, &error)))
        return failed (procedure, GIMP_PDB_CALLING_ERROR, error);
      references = qi_layers_references (given);
    }
  return run_script (procedure, command, request, references, image, drawables);
}

GimpValueArray *
qi_run (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image, GimpDrawable **drawables,
        GimpProcedureConfig *config, gpointer run_data)
{
  GimpValueArray *values;

  gegl_init (NULL, NULL);
  /* Refusals are ours to tell: a message of GIMP's own would come on top. */
  gimp_plug_in_set_pdb_error_handler (gimp_get_plug_in (), GIMP_PDB_ERROR_HANDLER_PLUGIN);
  values = run_command (procedure, run_data, run_mode, image, drawables, config);
  qi_arguments_forget (config);
  return values;
}
