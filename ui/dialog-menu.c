/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "ui/dialog-private.h"
#include "ui/widgets.h"

static const struct
{
  const char *keys, *does;
} keys[] = {
  { N_ ("Ctrl+Enter"), N_ ("Start what the window shows") },
  { N_ ("Enter"), N_ ("In the prompt: start. In the results: keep") },
  { N_ ("Shift+Enter"), N_ ("New line in the prompt") },
  { N_ ("Esc"), N_ ("Cancel the job; else go to the prompt") },
  { N_ ("Ctrl+1 … 5"), N_ ("Mode") },
  { N_ ("Ctrl+↑, Ctrl+↓"), N_ ("Earlier prompts") },
  { N_ ("←, →, Home, End"), N_ ("Other result") },
  { N_ ("Space held"), N_ ("Show the original") },
  { N_ ("Del"), N_ ("Drop this result") },
  { N_ ("S"), N_ ("Star this result") },
  { N_ ("Arrows, Shift+Arrows, 0"), N_ ("Move, resize, reset the frame in the picture") },
  { N_ ("Ctrl+W, F1, F10"), N_ ("Close, help, menu") },
};

static const struct
{
  const char *command, *action;
} commands[] = { { N_ ("Generate Image…"), "plug-in-sfumato-generate" },
                 { N_ ("Edit with Prompt…"), "plug-in-sfumato-edit" },
                 { N_ ("Fill Selection…"), "plug-in-sfumato-fill" },
                 { N_ ("Remove Selected"), "plug-in-sfumato-remove" },
                 { N_ ("Edit This Layer Again…"), "plug-in-sfumato-again" } };

static GtkWidget *
text_window (QiDialog *dialog, const char *title, GtkWidget *content)
{
  GtkWidget *window = gtk_dialog_new_with_buttons (title, GTK_WINDOW (dialog), GTK_DIALOG_DESTROY_WITH_PARENT,
                                                   _ ("_Close"), GTK_RESPONSE_CLOSE, NULL);

  qi_css (window, "sfumato");
  g_object_set (content, "margin", qi_px (window, 18), NULL);
  gtk_container_add (GTK_CONTAINER (gtk_dialog_get_content_area (GTK_DIALOG (window))), content);
  gtk_dialog_set_default_response (GTK_DIALOG (window), GTK_RESPONSE_CLOSE);
  g_signal_connect (window, "response", G_CALLBACK (gtk_widget_destroy), NULL);
  gtk_widget_show_all (window);
  return window;
}

static GtkWidget *
line (const char *text, const char *css)
{
  GtkWidget *label = qi_label (text, css);

  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 60);
  return label;
}

static void
on_shortcuts (GtkMenuItem *item, gpointer user_data)
{
  GtkWidget *grid = gtk_grid_new ();
  int at = 0;

  gtk_grid_set_column_spacing (GTK_GRID (grid), qi_px (grid, 18));
  gtk_grid_set_row_spacing (GTK_GRID (grid), qi_px (grid, 4));
  for (guint k = 0; k < G_N_ELEMENTS (keys); k++, at++)
    {
      gtk_grid_attach (GTK_GRID (grid), qi_label (_ (keys[k].keys), "sf-bold"), 0, at, 1, 1);
      gtk_grid_attach (GTK_GRID (grid), qi_label (_ (keys[k].does), NULL), 1, at, 1, 1);
    }
  gtk_grid_attach (GTK_GRID (grid),
                   line (_ ("GIMP gives its commands keys under Edit ▸ Keyboard Shortcuts. Search there for:"), NULL),
                   0, at++, 2, 1);
  for (guint k = 0; k < G_N_ELEMENTS (commands); k++, at++)
    {
      gtk_grid_attach (GTK_GRID (grid), qi_label (commands[k].action, "sf-bold"), 0, at, 1, 1);
      gtk_grid_attach (GTK_GRID (grid), qi_label (_ (commands[k].command), NULL), 1, at, 1, 1);
    }
  text_window (user_data, _ ("Keyboard shortcuts"), grid);
}

void
qi_dialog_help (QiDialog *dialog)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_VERTICAL, 8);

  gtk_container_add (GTK_CONTAINER (box),
                     line (_ ("Select something, say what should be there, press Enter."), "sf-bold"));
  gtk_container_add (
      GTK_CONTAINER (box),
      line (
          _ ("Generate makes a new picture. Edit changes the layer, or its selected part, as you say. Fill draws into "
             "the selection; with an empty prompt it removes what is there."),
          NULL));
  gtk_container_add (
      GTK_CONTAINER (box),
      line (_ ("Every result is a new layer; the layer you work on is never written to. One undo step takes it away."),
            NULL));
  gtk_container_add (
      GTK_CONTAINER (box),
      line (_ ("Pictures that go with the prompt are called Picture 1, Picture 2 … in it, in every language."), NULL));
  text_window (dialog, _ ("Help"), box);
}

static void
on_help (GtkMenuItem *item, gpointer user_data)
{
  qi_dialog_help (user_data);
}

static void
on_models_closed (GtkWidget *window, gpointer user_data)
{
  qi_session_ask_engine (user_data);
}

void
qi_dialog_open_models (QiDialog *dialog)
{
  GtkWidget *window = qi_models_window_new (qi_session_client (dialog->session), qi_session_settings (dialog->session),
                                            GTK_WINDOW (dialog));

  g_signal_connect_object (window, "destroy", G_CALLBACK (on_models_closed), dialog->session, 0);
  gtk_window_present (GTK_WINDOW (window));
}

static void
on_models (GtkMenuItem *item, gpointer user_data)
{
  qi_dialog_open_models (user_data);
}

static void
on_enter_line (GtkCheckMenuItem *item, gpointer user_data)
{
  QiDialog *dialog = user_data;

  qi_settings_set_bool (qi_session_settings (dialog->session), "enter-makes-line",
                        gtk_check_menu_item_get_active (item));
}

GtkWidget *
qi_dialog_menu (QiDialog *dialog)
{
  GtkWidget *menu = gtk_menu_new ();
  GtkWidget *items[] = { gtk_menu_item_new_with_mnemonic (_ ("_Models and Devices…")),
                         gtk_check_menu_item_new_with_mnemonic (_ ("_Enter makes a new line")),
                         gtk_menu_item_new_with_mnemonic (_ ("_Keyboard shortcuts")),
                         gtk_menu_item_new_with_mnemonic (_ ("_Help")) };

  gtk_check_menu_item_set_active (
      GTK_CHECK_MENU_ITEM (items[1]),
      qi_settings_get_bool (qi_session_settings (dialog->session), "enter-makes-line", FALSE));
  g_signal_connect (items[0], "activate", G_CALLBACK (on_models), dialog);
  g_signal_connect (items[1], "toggled", G_CALLBACK (on_enter_line), dialog);
  g_signal_connect (items[2], "activate", G_CALLBACK (on_shortcuts), dialog);
  g_signal_connect (items[3], "activate", G_CALLBACK (on_help), dialog);
  for (guint k = 0; k < G_N_ELEMENTS (items); k++)
    gtk_menu_shell_append (GTK_MENU_SHELL (menu), items[k]);
  gtk_widget_show_all (menu);
  return menu;
}

/* -- buttons of cards that are the window's own business ---------------------------------------------- */

static void
copy_report (QiDialog *dialog)
{
  g_autofree char *report = qi_session_report (dialog->session);

  gtk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (dialog), GDK_SELECTION_CLIPBOARD), report, -1);
}

void
qi_dialog_card_act (QiAct act, gpointer data)
{
  QiDialog *dialog = data;

  switch (act)
    {
    case QI_ACT_REPORT:
      copy_report (dialog);
      break;
    case QI_ACT_HELP:
      qi_dialog_help (dialog);
      break;
    case QI_ACT_MODELS:
      qi_dialog_open_models (dialog);
      break;
    case QI_ACT_CHOOSE_FILE:
      if (qi_models_choose_file (qi_session_settings (dialog->session), GTK_WINDOW (dialog)))
        {
          qi_session_close_card (dialog->session);
          qi_session_ask_engine (dialog->session);
        }
      break;
    case QI_ACT_ADD_PICTURE:
    case QI_ACT_CHOOSE_AGAIN:
      qi_session_close_card (dialog->session);
      qi_reference_list_add (dialog->references);
      break;
    default:
      break;
    }
}
