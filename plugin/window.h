/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/window.h — an interactive call: the window, one for each GIMP. */
#pragma once
#include "plugin/procedures.h"
#include "plugin/script.h"

/* Shows the window and stays until it is closed; made: what was kept. Where there is a window already, it is bound to
 * command and image, and this returns at once with nothing made. references: of GimpDrawable; where there are any, they
 * take the place of those that the window has. */
gboolean qi_window_run (GimpProcedure *procedure, const QiCommand *command, GimpImage *image, GimpDrawable *const *drawables,
                        GPtrArray *references, QiMade *made, GError **error);
