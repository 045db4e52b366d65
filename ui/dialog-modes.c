/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/dialog-modes.c — the window's modes, as buttons or, where these are too wide, as one line. */
#include <glib/gi18n-lib.h>

#include "ui/dialog-private.h"
#include "ui/widgets.h"

static const struct
{
  QiTask task;
  const char *icon;
} modes[QI_DIALOG_MODES] = { { QI_TASK_GENERATE, "sf-generate-symbolic" },
                             { QI_TASK_EDIT, "sf-edit-symbolic" },
                             { QI_TASK_FILL, "sf-fill-symbolic" },
                             { QI_TASK_EXPAND, "sf-expand-symbolic" },
                             { QI_TASK_SPLIT, "sf-layers-symbolic" } };

static void
on_mode (GtkToggleButton *button, gpointer user_data)
{
  QiDialog *dialog = user_data;

  for (guint k = 0; k < QI_DIALOG_MODES; k++)
    if (dialog->modes[k] == GTK_WIDGET (button) && !dialog->ours && gtk_toggle_button_get_active (button))
      qi_session_set_task (dialog->session, modes[k].task);
}

static void
on_mode_combo (GtkComboBox *combo, gpointer user_data)
{
  QiDialog *dialog = user_data;
  const int k = gtk_combo_box_get_active (combo);

  if (!dialog->ours && k >= 0 && k < QI_DIALOG_MODES)
    qi_session_set_task (dialog->session, modes[k].task);
}

void
qi_dialog_choose_mode (QiDialog *dialog, guint k)
{
  if (k < QI_DIALOG_MODES)
    qi_session_set_task (dialog->session, modes[k].task);
}

GtkWidget *
qi_dialog_mode_buttons (QiDialog *dialog)
{
  GtkWidget *linked = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

  qi_css (linked, "linked");
  gtk_box_set_homogeneous (GTK_BOX (linked), TRUE);
  for (guint k = 0; k < QI_DIALOG_MODES; k++)
    {
      GtkWidget *radio = gtk_radio_button_new_from_widget (k ? GTK_RADIO_BUTTON (dialog->modes[0]) : NULL);
      GtkWidget *lines = qi_box (GTK_ORIENTATION_VERTICAL, 2), *label = gtk_label_new (qi_task_label (modes[k].task));
      GtkWidget *icon = qi_icon (modes[k].icon, 16);
      dialog->modes[k] = radio;
      qi_css (label, "sf-small");
      gtk_container_add (GTK_CONTAINER (lines), icon);
      gtk_container_add (GTK_CONTAINER (lines), label);
      gtk_container_add (GTK_CONTAINER (radio), lines);
      gtk_toggle_button_set_mode (GTK_TOGGLE_BUTTON (radio), FALSE);
      qi_css (radio, "sf-mode");
      qi_name (radio, qi_task_label (modes[k].task));
      gtk_container_add (GTK_CONTAINER (linked), radio);
      g_signal_connect (radio, "toggled", G_CALLBACK (on_mode), dialog);
    }
  qi_radio_row (linked);
  return linked;
}

/* The same as one line, where the buttons are too wide: large fonts, long words. */
GtkWidget *
qi_dialog_mode_combo (QiDialog *dialog)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *label = gtk_label_new_with_mnemonic (_ ("_Mode:"));
  g_autoptr (GtkListStore) store = gtk_list_store_new (2, G_TYPE_STRING, G_TYPE_STRING);
  GtkCellRenderer *icon = gtk_cell_renderer_pixbuf_new (), *text = gtk_cell_renderer_text_new ();

  for (guint k = 0; k < QI_DIALOG_MODES; k++)
    gtk_list_store_insert_with_values (store, NULL, -1, 0, modes[k].icon, 1, qi_task_label (modes[k].task), -1);
  dialog->combo = gtk_combo_box_new_with_model (GTK_TREE_MODEL (store));
  gtk_cell_layout_pack_start (GTK_CELL_LAYOUT (dialog->combo), icon, FALSE);
  gtk_cell_layout_pack_start (GTK_CELL_LAYOUT (dialog->combo), text, TRUE);
  gtk_cell_layout_set_attributes (GTK_CELL_LAYOUT (dialog->combo), icon, "icon-name", 0, NULL);
  gtk_cell_layout_set_attributes (GTK_CELL_LAYOUT (dialog->combo), text, "text", 1, NULL);
  g_object_set (icon, "xpad", qi_px (dialog->combo, 4), NULL);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), dialog->combo);
  gtk_widget_set_hexpand (dialog->combo, TRUE);
  g_signal_connect (dialog->combo, "changed", G_CALLBACK (on_mode_combo), dialog);
  gtk_container_add (GTK_CONTAINER (box), label);
  gtk_container_add (GTK_CONTAINER (box), dialog->combo);
  return box;
}

void
qi_dialog_show_mode (QiDialog *dialog)
{
  dialog->ours = TRUE;
  for (guint k = 0; k < QI_DIALOG_MODES; k++)
    {
      gtk_widget_set_sensitive (dialog->modes[k], qi_session_task_possible (dialog->session, modes[k].task));
      if (modes[k].task == qi_session_task (dialog->session))
        {
          gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->modes[k]), TRUE);
          gtk_combo_box_set_active (GTK_COMBO_BOX (dialog->combo), k);
        }
    }
  dialog->ours = FALSE;
}
