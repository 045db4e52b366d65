/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/dialog.h — the window. Not modal; the session outlives it, so that a job goes on when it is closed.
 *
 * The caller makes it transient for its own window and shows it. Closing destroys it. */
#pragma once
#include <gtk/gtk.h>

#include "ui/session.h"

#define QI_TYPE_DIALOG (qi_dialog_get_type ())
G_DECLARE_FINAL_TYPE (QiDialog, qi_dialog, QI, DIALOG, GtkWindow)

GtkWidget *qi_dialog_new (QiSession *session);

/* The window "Models and Devices", above parent (NULL: alone). The caller shows it; closing destroys it. */
GtkWidget *qi_models_window_new (QiClient *client, QiSettings *settings, GtkWindow *parent);
/* Asks for a model's file and makes it the one that is used. FALSE: nothing was chosen. */
gboolean qi_models_choose_file (QiSettings *settings, GtkWindow *parent);
