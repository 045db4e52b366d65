/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/window.h"

#include <glib/gi18n-lib.h>
#include <gtk/gtk.h>

#include "base/error.h"

gboolean
qi_window_run (GimpProcedure *procedure, const QiCommand *command, GimpImage *image, GimpDrawable *const *drawables,
               QiMade *made, GError **error)
{
  /* gimp_ui_init() ends the process where there is no display. */
  if (!gtk_init_check (NULL, NULL))
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                           _("There is no display. Call the procedure with RUN-NONINTERACTIVE from a script."));
      return FALSE;
    }
  return FALSE;
}
