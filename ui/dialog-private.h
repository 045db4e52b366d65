/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/dialog-private.h — between dialog.c (what is seen), dialog-keys.c and dialog-menu.c. */
#pragma once
#include "ui/dialog.h"
#include "ui/parts.h"

#define QI_DIALOG_MODES 5

struct _QiDialog
{
  GtkWindow parent;
  QiSession *session;
  GtkWidget *mode, *buttons_page, *modes[QI_DIALOG_MODES], *combo, *will, *will_details;
  GtkWidget *prompt, *hint, *hint_label, *hint_button, *references;
  GtkWidget *scene, *before, *after, *caption, *undo, *frame, *preview, *compare, *on_canvas, *grid;
  GtkWidget *strip, *options, *foot, *status, *device, *device_label, *menu;
  char *frame_text;
  guint poll, tick, prompt_key;
  gboolean ours;
};

/* dialog-keys.c */
gboolean qi_dialog_key_press (GtkWidget *widget, GdkEventKey *event);
QiFocus qi_dialog_focus (QiDialog *dialog);
void qi_dialog_choose_mode (QiDialog *dialog, guint k);
void qi_dialog_add_prompt_mnemonic (QiDialog *dialog);

/* dialog-modes.c */
GtkWidget *qi_dialog_mode_buttons (QiDialog *dialog);
GtkWidget *qi_dialog_mode_combo (QiDialog *dialog); /* "_Mode:" and a list */
void qi_dialog_show_mode (QiDialog *dialog);

/* dialog-menu.c */
GtkWidget *qi_dialog_menu (QiDialog *dialog);
void qi_dialog_open_models (QiDialog *dialog);
void qi_dialog_card_act (QiAct act, gpointer dialog);
void qi_dialog_help (QiDialog *dialog);
