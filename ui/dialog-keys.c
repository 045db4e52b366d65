/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "ui/dialog-private.h"

QiFocus
qi_dialog_focus (QiDialog *dialog)
{
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (dialog));

  if (!focus)
    return QI_FOCUS_OTHER;
  if (focus == qi_prompt_entry_view (dialog->prompt))
    return QI_FOCUS_PROMPT;
  if (focus == dialog->scene || gtk_widget_is_ancestor (focus, dialog->strip))
    return qi_session_shown (dialog->session) >= 0 ? QI_FOCUS_STRIP : QI_FOCUS_OTHER;
  return QI_FOCUS_OTHER;
}

/* The prompt has no label that could carry its mnemonic. */
void
qi_dialog_add_prompt_mnemonic (QiDialog *dialog)
{
  const char *label = _ ("Prom_pt");
  guint keyval = GDK_KEY_VoidSymbol;

  for (const char *at = label; *at; at = g_utf8_next_char (at))
    if (*at == '_')
      keyval = gdk_keyval_to_lower (gdk_unicode_to_keyval (g_utf8_get_char (at + 1)));
  if (keyval == GDK_KEY_VoidSymbol)
    return;
  gtk_window_add_mnemonic (GTK_WINDOW (dialog), keyval, qi_prompt_entry_view (dialog->prompt));
  dialog->prompt_key = keyval;
}

/* An input method that is composing takes what it wants first: Enter ends a word there, not the prompt. */
static gboolean
input_method_wants (GtkWidget *focus, GdkEventKey *event)
{
  if (GTK_IS_TEXT_VIEW (focus))
    return gtk_text_view_im_context_filter_keypress (GTK_TEXT_VIEW (focus), event);
  if (GTK_IS_ENTRY (focus))
    return gtk_entry_im_context_filter_keypress (GTK_ENTRY (focus), event);
  return FALSE;
}

static gboolean
is_enter (guint keyval)
{
  return keyval == GDK_KEY_Return || keyval == GDK_KEY_KP_Enter || keyval == GDK_KEY_ISO_Enter;
}

static gboolean
control_key (QiDialog *dialog, GdkEventKey *event, gboolean shift)
{
  const gboolean in_prompt = qi_dialog_focus (dialog) == QI_FOCUS_PROMPT;

  if (is_enter (event->keyval))
    {
      qi_session_start (dialog->session);
      return TRUE;
    }
  switch (event->keyval)
    {
    case GDK_KEY_1:
    case GDK_KEY_2:
    case GDK_KEY_3:
    case GDK_KEY_4:
    case GDK_KEY_5:
      qi_dialog_choose_mode (dialog, event->keyval - GDK_KEY_1);
      return TRUE;
    case GDK_KEY_w:
    case GDK_KEY_W:
      gtk_window_close (GTK_WINDOW (dialog));
      return TRUE;
    case GDK_KEY_z:
    case GDK_KEY_Z:
      return in_prompt && (qi_prompt_entry_undo (dialog->prompt, shift || event->keyval == GDK_KEY_Z), TRUE);
    case GDK_KEY_Up:
    case GDK_KEY_KP_Up:
      return in_prompt && (qi_session_recall (dialog->session, -1), TRUE);
    case GDK_KEY_Down:
    case GDK_KEY_KP_Down:
      return in_prompt && (qi_session_recall (dialog->session, 1), TRUE);
    default:
      return FALSE;
    }
}

static gboolean
plain_key (QiDialog *dialog, GdkEventKey *event, gboolean shift)
{
  const QiFocus focus = qi_dialog_focus (dialog);
  GtkWidget *strip;

  if (is_enter (event->keyval) && focus == QI_FOCUS_PROMPT && !shift)
    return qi_session_enter (dialog->session, QI_FOCUS_PROMPT);
  switch (event->keyval)
    {
    case GDK_KEY_Escape:
      qi_session_escape (dialog->session);
      return TRUE;
    case GDK_KEY_F1:
      qi_dialog_help (dialog);
      return TRUE;
    case GDK_KEY_F10:
      gtk_button_clicked (GTK_BUTTON (dialog->menu));
      return TRUE;
    case GDK_KEY_Down:
    case GDK_KEY_KP_Down:
      strip = qi_strip_focus_widget (dialog->strip);
      if (focus != QI_FOCUS_PROMPT || !strip || !qi_prompt_entry_in_last_line (dialog->prompt))
        return FALSE;
      gtk_widget_grab_focus (strip);
      return TRUE;
    default:
      return FALSE;
    }
}

gboolean
qi_dialog_key_press (GtkWidget *widget, GdkEventKey *event)
{
  QiDialog *dialog = QI_DIALOG (widget);
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (dialog));
  const GdkModifierType state = event->state & gtk_accelerator_get_default_mod_mask ();
  const gboolean shift = state & GDK_SHIFT_MASK, control = (state & ~GDK_SHIFT_MASK) == GDK_CONTROL_MASK;
  const gboolean ours =
      control
      || ((state & ~GDK_SHIFT_MASK) == 0
          && (is_enter (event->keyval) || event->keyval == GDK_KEY_Escape || event->keyval == GDK_KEY_F1
              || event->keyval == GDK_KEY_F10 || event->keyval == GDK_KEY_Down || event->keyval == GDK_KEY_KP_Down));

  if (ours)
    {
      if (input_method_wants (focus, event))
        return TRUE;
      if (control ? control_key (dialog, event, shift) : plain_key (dialog, event, shift))
        return TRUE;
    }
  /* What has the keyboard comes before mnemonics and the window's own bindings; GTK has it the other way round. */
  if (state == 0 && focus && (GTK_IS_TEXT_VIEW (focus) || GTK_IS_ENTRY (focus))
      && gtk_window_propagate_key_event (GTK_WINDOW (dialog), event))
    return TRUE;
  return GTK_WIDGET_CLASS (g_type_class_peek (GTK_TYPE_WINDOW))->key_press_event (widget, event);
}
