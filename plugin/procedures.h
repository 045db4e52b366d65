/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/procedures.h — THE table of procedures: names, labels, menus, arguments, return values. */
#pragma once
#include <libgimp/gimp.h>

#include "base/request.h"

typedef enum
{
  QI_COMMAND_MAKE,  /* a job of the row's task */
  QI_COMMAND_AGAIN, /* the job that a layer remembers */
  QI_COMMAND_MODELS /* a window and nothing else */
} QiCommandKind;

typedef struct
{
  const char *procedure;
  const char *label, *blurb;
  const char *menu_path;        /* beside the one that all share; NULL: none */
  QiCommandKind kind;
  QiTask task;
  gboolean common;              /* takes the common arguments */
  const char *not_taken;        /* but this one */
  const char *const *own;       /* further fields, NULL-terminated; NULL: none */
  gboolean references, returns_image;
} QiCommand;

const QiCommand *qi_commands (guint *n_commands);
const QiCommand *qi_command_of_name (const char *procedure); /* NULL: there is none */

const char *qi_command_short_name (const QiCommand *command); /* "fill" */

/* The procedure of that name for GIMP; NULL: there is none. (transfer full) */
GimpProcedure *qi_procedure_create (GimpPlugIn *plug_in, const char *name);
