/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/procedures.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "plugin/arguments.h"
#include "plugin/run.h"

static const char *const common_arguments[] = { "prompt", "negative-prompt", "quality", "steps", "guidance", "seed",
                                                "lettering", "results", "sampler", "model", "loras", "device", NULL };
static const char *const generate_arguments[] = { "width", "height", "destination", NULL };
static const char *const edit_arguments[] = { "source", "frame", "soft-edge", NULL };
static const char *const fill_arguments[] = { "source", "frame", "soft-edge", "strength", "prefill", NULL };
static const char *const expand_arguments[] = { "left", "right", "top", "bottom", NULL };
static const char *const split_arguments[] = { "layers", NULL };
static const char *const again_arguments[] = { "prompt", "seed", NULL };

static const QiCommand commands[] = {
  { "plug-in-sfumato-generate", N_("_Generate Image…"), N_("Make a picture from words"), NULL,
    QI_COMMAND_MAKE, QI_TASK_GENERATE, TRUE, NULL, generate_arguments, TRUE, TRUE },
  { "plug-in-sfumato-edit", N_("_Edit with Prompt…"), N_("Change the layer, or its selected part, as the prompt says"), NULL,
    QI_COMMAND_MAKE, QI_TASK_EDIT, TRUE, NULL, edit_arguments, TRUE, FALSE },
  { "plug-in-sfumato-fill", N_("_Fill Selection…"), N_("Draw the prompt into the selection"), "<Image>/Edit/[Fill]",
    QI_COMMAND_MAKE, QI_TASK_FILL, TRUE, NULL, fill_arguments, TRUE, FALSE },
  { "plug-in-sfumato-remove", N_("_Remove Selected"), N_("Remove what is selected; the surroundings grow into it"), NULL,
    QI_COMMAND_MAKE, QI_TASK_FILL, TRUE, "prompt", fill_arguments, TRUE, FALSE },
  { "plug-in-sfumato-expand", N_("E_xpand Canvas…"), N_("Make the canvas larger and paint the new part"), NULL,
    QI_COMMAND_MAKE, QI_TASK_EXPAND, TRUE, NULL, expand_arguments, FALSE, FALSE },
  { "plug-in-sfumato-split", N_("_Split into Layers…"), N_("Take the layer apart: a group of layers with transparency"), NULL,
    QI_COMMAND_MAKE, QI_TASK_SPLIT, TRUE, NULL, split_arguments, FALSE, FALSE },
  { "plug-in-sfumato-again", N_("Edit This Layer _Again…"), N_("Redo a layer made by Sfumato from what it remembers"),
    "<Layers>/Layers Menu", QI_COMMAND_AGAIN, QI_TASK_EDIT, FALSE, NULL, again_arguments, FALSE, FALSE },
  { "plug-in-sfumato-models", N_("_Models and Devices…"), N_("Which models there are, and what they run on"), NULL,
    QI_COMMAND_MODELS, QI_TASK_GENERATE, FALSE, NULL, NULL, FALSE, FALSE },
};

const QiCommand *
qi_commands (guint *n_commands)
{
  *n_commands = G_N_ELEMENTS (commands);
  return commands;
}

const QiCommand *
qi_command_of_name (const char *procedure)
{
  for (guint i = 0; procedure && i < G_N_ELEMENTS (commands); i++)
    if (strcmp (procedure, commands[i].procedure) == 0)
      return &commands[i];
  return NULL;
}

const char *
qi_command_short_name (const QiCommand *command)
{
  return command->procedure + strlen ("plug-in-sfumato-");
}

static void
add_arguments (GimpProcedure *procedure, const QiCommand *command)
{
  for (guint i = 0; command->common && common_arguments[i]; i++)
    if (g_strcmp0 (common_arguments[i], command->not_taken) != 0)
      qi_arguments_add (procedure, common_arguments[i]);
  for (guint i = 0; command->own && command->own[i]; i++)
    qi_arguments_add (procedure, command->own[i]);
  if (command->references)
    qi_arguments_add_references (procedure);
}

static void
add_return_values (GimpProcedure *procedure, const QiCommand *command)
{
  if (command->kind == QI_COMMAND_MODELS)
    return;
  gimp_procedure_add_core_object_array_return_value (procedure, "layers", _("Layers"),
                                                     _("The new layers, in the order of the results"), GIMP_TYPE_LAYER,
                                                     G_PARAM_READWRITE);
  gimp_procedure_add_int_return_value (procedure, "seed", _("Seed"), _("The seed of the first result"), -1, G_MAXINT, -1,
                                       G_PARAM_READWRITE);
  if (command->returns_image)
    gimp_procedure_add_image_return_value (procedure, "image", _("Image"), _("The image that has the layers"), TRUE,
                                           G_PARAM_READWRITE);
}

GimpProcedure *
qi_procedure_create (GimpPlugIn *plug_in, const char *name)
{
  const QiCommand *command = qi_command_of_name (name);
  g_autofree char *menu_path = g_strconcat ("<Image>/Filters/", _("Ge_nerative"), NULL);
  GimpProcedure *procedure;

  if (!command)
    return NULL;
  procedure = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, qi_run, (gpointer) command, NULL);
  gimp_procedure_set_image_types (procedure, "*");
  /* Never grey: what is missing is said by the command itself. */
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_ALWAYS);
  gimp_procedure_set_menu_label (procedure, _(command->label));
  gimp_procedure_add_menu_path (procedure, menu_path);
  if (command->menu_path)
    gimp_procedure_add_menu_path (procedure, command->menu_path);
  gimp_procedure_set_documentation (procedure, _(command->blurb), NULL, name);
  gimp_procedure_set_attribution (procedure, "Sfumato authors", "Sfumato authors", "2026");
  add_arguments (procedure, command);
  add_return_values (procedure, command);
  return procedure;
}
