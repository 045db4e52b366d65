/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "ui/flow.h"
#include "ui/parts.h"
#include "ui/widgets.h"

#define FULL_HEAD 12 /* px of border inside */

typedef struct
{
  QiSession *session;
  GtkWidget *box; /* what is shown, made anew for every card */
  QiCardAct act;
  gpointer data;
  const QiCard *shown;
  gboolean set_up, details;
} View;

static void
view_free (gpointer data)
{
  View *view = data;

  g_signal_handlers_disconnect_by_data (view->session, view);
  g_object_unref (view->session);
  g_free (view);
}

static void rebuild (View *view);

static void
on_act (GtkButton *button, gpointer user_data)
{
  View *view = user_data;
  const QiAct act = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "qi-act"));

  if (act == QI_ACT_DETAILS)
    {
      view->details = !view->details;
      rebuild (view);
      return;
    }
  if (!qi_session_act (view->session, act))
    view->act (act, view->data);
}

static void
on_close (GtkButton *button, gpointer user_data)
{
  View *view = user_data;

  if (view->set_up)
    qi_session_close_set_up (view->session);
  else
    qi_session_close_card (view->session);
}

static GtkWidget *
act_button (View *view, QiAct act)
{
  GtkWidget *button = qi_button (qi_act_label (act), NULL, "sf-action");

  g_object_set_data (G_OBJECT (button), "qi-act", GUINT_TO_POINTER (act));
  g_signal_connect (button, "clicked", G_CALLBACK (on_act), view);
  return button;
}

static GtkWidget *
wrapped (const char *text, const char *css)
{
  GtkWidget *label = qi_label (text, css);

  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_width_chars (GTK_LABEL (label), 20);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 44);
  return label;
}

static GtkWidget *
close_button (View *view)
{
  GtkWidget *away = qi_button (NULL, "sf-close-symbolic", "flat sf-tight");

  gtk_widget_set_valign (away, GTK_ALIGN_START);
  qi_name (away, _ ("Close this message"));
  gtk_widget_set_tooltip_text (away, _ ("Close this message"));
  g_signal_connect (away, "clicked", G_CALLBACK (on_close), view);
  return away;
}

static void
build_error (View *view, const QiCard *card)
{
  GtkWidget *head = qi_box (GTK_ORIENTATION_HORIZONTAL, 8), *lines = qi_box (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *icon = qi_icon (card->broken ? "sf-error-symbolic" : "sf-warning-symbolic", 16);
  GtkWidget *acts = qi_flow_new (qi_px (head, 6), qi_px (head, 6));
  const gboolean has_acts = card->acts[0] != QI_ACT_NONE;

  qi_css (icon, card->broken ? "sf-mark-red" : "sf-mark-amber");
  gtk_widget_set_valign (icon, GTK_ALIGN_START);
  gtk_container_add (GTK_CONTAINER (lines), wrapped (card->title, "sf-bold"));
  gtk_container_add (GTK_CONTAINER (lines), wrapped (card->consequence, NULL));
  if (view->details && card->details)
    {
      GtkWidget *details = wrapped (card->details, "sf-hint sf-small");
      gtk_label_set_selectable (GTK_LABEL (details), TRUE);
      gtk_container_add (GTK_CONTAINER (lines), details);
    }
  gtk_widget_set_hexpand (lines, TRUE);
  gtk_container_add (GTK_CONTAINER (head), icon);
  gtk_container_add (GTK_CONTAINER (head), lines);
  gtk_container_add (GTK_CONTAINER (head), close_button (view));
  gtk_container_add (GTK_CONTAINER (view->box), head);
  for (guint k = 0; k < G_N_ELEMENTS (card->acts); k++)
    if (card->acts[k] != QI_ACT_NONE && (card->acts[k] != QI_ACT_DETAILS || card->details))
      gtk_container_add (GTK_CONTAINER (acts), act_button (view, card->acts[k]));
  if (view->details && card->acts[0] != QI_ACT_REPORT && card->acts[1] != QI_ACT_REPORT)
    gtk_container_add (GTK_CONTAINER (acts), act_button (view, QI_ACT_REPORT));
  gtk_widget_set_margin_start (acts, qi_px (acts, 24));
  if (has_acts)
    gtk_container_add (GTK_CONTAINER (view->box), acts);
  else
    gtk_widget_destroy (g_object_ref_sink (acts));
}

/* The demo model at most: what is here, and how to come to more. */
static void
build_set_up (View *view)
{
  const QiEngineInfo *info = qi_session_info (view->session);
  GtkWidget *head = qi_box (GTK_ORIENTATION_HORIZONTAL, 8), *acts = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);
  g_autofree char *memory = qi_words_bytes (info->memory_bytes);
  g_autofree char *device = !info->device ? g_strdup (_ ("No device"))
                            : info->software || !info->memory_bytes
                                ? g_strdup (info->software ? _ ("Processor") : info->device)
                                : g_strdup_printf (_ ("%s, %s"), info->device, memory);
  const gboolean good = info->device && !info->software;
  GtkWidget *name = qi_label (device, NULL), *files = qi_button (_ ("Use my fi_les…"), NULL, "sf-action");
  GtkWidget *mark = qi_box (GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *icon = qi_icon (good ? "sf-check-symbolic" : "sf-warning-symbolic", 16);

  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (name, TRUE);
  qi_css (icon, good ? "sf-mark-green" : "sf-mark-amber");
  gtk_container_add (GTK_CONTAINER (mark), icon);
  gtk_container_add (GTK_CONTAINER (mark), qi_label (!info->device ? _ ("Too old")
                                                     : good        ? _ ("Suitable")
                                                                   : _ ("Works, slowly"),
                                                     NULL));
  gtk_container_add (GTK_CONTAINER (head), qi_icon ("sf-device-symbolic", 16));
  gtk_container_add (GTK_CONTAINER (head), name);
  gtk_container_add (GTK_CONTAINER (head), mark);
  gtk_container_add (GTK_CONTAINER (head), close_button (view));
  gtk_container_add (GTK_CONTAINER (view->box), head);
  GtkWidget *line = gtk_separator_new (GTK_ORIENTATION_HORIZONTAL);
  gtk_container_add (GTK_CONTAINER (view->box), line);
  gtk_container_add (GTK_CONTAINER (view->box),
                     wrapped (_ ("Pictures need a model of the Qwen-Image family"), "sf-bold"));
  gtk_container_add (GTK_CONTAINER (view->box),
                     wrapped (info->demo ? _ ("Choose the files you have, or try the demo model that came along.")
                                         : _ ("Choose the files you have."),
                              "sf-hint"));
  g_object_set_data (G_OBJECT (files), "qi-act", GUINT_TO_POINTER (QI_ACT_CHOOSE_FILE));
  g_signal_connect (files, "clicked", G_CALLBACK (on_act), view);
  gtk_container_add (GTK_CONTAINER (acts), files);
  gtk_container_add (GTK_CONTAINER (view->box), acts);
}

static void
rebuild (View *view)
{
  const QiCard *card = qi_session_card (view->session);
  GtkWidget *widget = gtk_widget_get_parent (view->box);

  view->set_up = !card && qi_session_set_up_open (view->session);
  qi_empty (view->box);
  if (card)
    build_error (view, card);
  else if (view->set_up)
    build_set_up (view);
  gtk_widget_show_all (view->box);
  qi_css_set (widget, "sf-amber", card && !card->broken);
  qi_css_set (widget, "sf-red", card && card->broken);
  qi_name (widget, card ? card->title : _ ("Set-up"));
  if (card && card != view->shown)
    {
      g_autofree char *sentence = qi_card_sentence (card);
      qi_describe (widget, card->consequence);
      qi_announce (widget, sentence);
    }
  view->shown = card;
  gtk_widget_set_visible (widget, card || view->set_up);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  View *view = user_data;
  const QiCard *card = qi_session_card (session);

  if (what & QI_CHANGED_CARD)
    {
      if (card != view->shown)
        view->details = FALSE;
      rebuild (view);
    }
  else if (!card && (what & QI_CHANGED_FOOT) && view->set_up != qi_session_set_up_open (session))
    rebuild (view);
}

GtkWidget *
qi_card_view_new (QiSession *session, QiCardAct act, gpointer user_data)
{
  View *view = g_new0 (View, 1);
  GtkWidget *frame = gtk_event_box_new ();

  view->session = g_object_ref (session);
  view->act = act;
  view->data = user_data;
  view->box = qi_box (GTK_ORIENTATION_VERTICAL, 8);
  gtk_container_set_border_width (GTK_CONTAINER (view->box), qi_px (frame, FULL_HEAD));
  gtk_container_add (GTK_CONTAINER (frame), view->box);
  gtk_widget_show (view->box);
  qi_css (frame, "sf-card");
  atk_object_set_role (gtk_widget_get_accessible (frame), ATK_ROLE_ALERT);
  gtk_widget_set_no_show_all (frame, TRUE);
  g_object_set_data_full (G_OBJECT (frame), "qi-view", view, view_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), view);
  rebuild (view);
  return frame;
}
