/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "ui/parts.h"
#include "ui/widgets.h"

#define ANNOUNCE_SECONDS 10

/* A button whose label is a verb with the key beside it. */
typedef struct
{
  GtkWidget *button, *verb, *key;
} Action;

typedef struct
{
  QiSession *session;
  GtkWidget *stack, *time, *details, *stage, *left, *bar, *waiting, *waiting_label;
  Action go, cancel, verb, discard, keep;
  QiFocus focus;
  gint64 announced;
  char *last_stage;
} Foot;

static Foot *
foot_of (GtkWidget *widget)
{
  return g_object_get_data (G_OBJECT (widget), "qi-foot");
}

static void
foot_free (gpointer data)
{
  Foot *foot = data;

  g_signal_handlers_disconnect_by_data (foot->session, foot);
  g_object_unref (foot->session);
  g_free (foot->last_stage);
  g_free (foot);
}

static Action
action_new (GCallback clicked, Foot *foot)
{
  Action action = { gtk_button_new (), gtk_label_new (NULL), gtk_label_new (NULL) };
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);

  gtk_label_set_mnemonic_widget (GTK_LABEL (action.verb), action.button);
  gtk_container_add (GTK_CONTAINER (box), action.verb);
  gtk_container_add (GTK_CONTAINER (box), action.key);
  gtk_widget_set_no_show_all (action.key, TRUE);
  gtk_container_add (GTK_CONTAINER (action.button), box);
  gtk_widget_set_halign (box, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (action.button, GTK_ALIGN_CENTER);
  qi_css (action.button, "sf-action");
  qi_css (action.key, "sf-key");
  qi_css (action.verb, "sf-verb");
  g_signal_connect (action.button, "clicked", clicked, foot);
  return action;
}

static void
action_show (const Action *action, const char *verb, const char *key, gboolean primary)
{
  const char *label = gtk_label_get_label (GTK_LABEL (action->verb));

  if (g_strcmp0 (label, verb) != 0)
    gtk_label_set_text_with_mnemonic (GTK_LABEL (action->verb), verb);
  qi_set_text (action->key, key);
  qi_set_visible (action->key, *key != '\0');
  qi_css_set (action->button, "sf-primary", primary);
  qi_name (action->button, gtk_label_get_text (GTK_LABEL (action->verb)));
}

static void
on_go (GtkButton *button, gpointer user_data)
{
  Foot *foot = user_data;

  if (qi_session_state (foot->session) == QI_SESSION_RESULTS && !qi_session_differs (foot->session))
    qi_session_again (foot->session);
  else
    qi_session_start (foot->session);
}

static void
on_cancel (GtkButton *button, gpointer user_data)
{
  qi_session_cancel (((Foot *) user_data)->session);
}

static void
on_discard (GtkButton *button, gpointer user_data)
{
  qi_session_discard (((Foot *) user_data)->session);
}

static void
on_keep (GtkButton *button, gpointer user_data)
{
  qi_session_keep (((Foot *) user_data)->session);
}

static void
on_drop_waiting (GtkButton *button, gpointer user_data)
{
  qi_session_drop_waiting (((Foot *) user_data)->session);
}

static void
show_idle (Foot *foot)
{
  g_autofree char *details = NULL, *time = qi_session_time (foot->session, &details);

  qi_set_text (foot->time, time);
  qi_set_text (foot->details, details);
  action_show (&foot->go, qi_session_verb (foot->session), qi_session_key (foot->session, QI_BUTTON_GO, foot->focus),
               qi_session_default (foot->session) == QI_BUTTON_GO);
}

static void
show_running (Foot *foot)
{
  const QiPace *pace = qi_session_pace (foot->session);
  const gboolean stopping = qi_session_state (foot->session) == QI_SESSION_STOPPING;
  g_autofree char *stage = qi_session_stage_words (foot->session);
  g_autofree char *left = stopping ? g_strdup ("") : qi_words_left (pace->left, pace->late);
  const gint64 now = g_get_monotonic_time ();

  qi_set_text (foot->stage, stage);
  qi_set_text (foot->left, left);
  gtk_progress_bar_set_fraction (GTK_PROGRESS_BAR (foot->bar), pace->bar);
  action_show (&foot->cancel, stopping ? _ ("Stopping…") : _ ("Cancel"),
               stopping ? "" : qi_session_key (foot->session, QI_BUTTON_CANCEL, foot->focus), TRUE);
  gtk_widget_set_sensitive (foot->cancel.button, !stopping);
  qi_set_visible (foot->waiting, qi_session_waiting (foot->session));
  /* Spoken when the stage changes and each ten seconds, not at each tick. */
  if (g_strcmp0 (stage, foot->last_stage) != 0 || now - foot->announced > ANNOUNCE_SECONDS * G_USEC_PER_SEC)
    {
      g_autofree char *spoken = *left ? g_strdup_printf (_ ("%s, %s"), stage, left) : g_strdup (stage);
      qi_name (foot->bar, spoken);
      qi_announce (foot->bar, spoken);
      g_free (foot->last_stage);
      foot->last_stage = g_strdup (stage);
      foot->announced = now;
    }
}

static void
show_results (Foot *foot)
{
  const gboolean differs = qi_session_differs (foot->session);
  const QiButton next = qi_session_default (foot->session);

  action_show (&foot->verb, differs ? qi_session_verb (foot->session) : _ ("_Again"),
               differs ? qi_session_key (foot->session, QI_BUTTON_GO, foot->focus) : "", next == QI_BUTTON_GO);
  action_show (&foot->discard, _ ("_Discard"), "", FALSE);
  action_show (&foot->keep, _ ("_Keep"), qi_session_key (foot->session, QI_BUTTON_KEEP, foot->focus),
               next == QI_BUTTON_KEEP);
}

static void
show (Foot *foot)
{
  const char *page = "idle";
  GtkWidget *top = gtk_widget_get_toplevel (foot->stack);

  switch (qi_session_state (foot->session))
    {
    case QI_SESSION_IDLE:
      show_idle (foot);
      break;
    case QI_SESSION_RESULTS:
      show_results (foot);
      page = "results";
      break;
    default:
      show_running (foot);
      page = "running";
    }
  if (g_strcmp0 (gtk_stack_get_visible_child_name (GTK_STACK (foot->stack)), page) == 0)
    return;
  /* A button that leaves takes no focus with it. */
  GtkWidget *focus = GTK_IS_WINDOW (top) ? gtk_window_get_focus (GTK_WINDOW (top)) : NULL;
  const gboolean had = focus && gtk_widget_is_ancestor (focus, foot->stack);
  gtk_stack_set_visible_child_name (GTK_STACK (foot->stack), page);
  if (had)
    gtk_widget_grab_focus (g_str_equal (page, "idle")      ? foot->go.button
                           : g_str_equal (page, "running") ? foot->cancel.button
                                                           : foot->keep.button);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  if (what & (QI_CHANGED_FOOT | QI_CHANGED_RESULTS | QI_CHANGED_MODE | QI_CHANGED_CARD | QI_CHANGED_OPTIONS))
    show (user_data);
}

static GtkWidget *
idle_page (Foot *foot)
{
  GtkWidget *page = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *lines = qi_box (GTK_ORIENTATION_VERTICAL, 0);

  foot->time = qi_label ("", "sf-bold");
  foot->details = qi_label ("", "sf-hint sf-small");
  gtk_label_set_ellipsize (GTK_LABEL (foot->time), PANGO_ELLIPSIZE_END);
  gtk_label_set_ellipsize (GTK_LABEL (foot->details), PANGO_ELLIPSIZE_END);
  gtk_widget_set_valign (lines, GTK_ALIGN_CENTER);
  gtk_widget_set_hexpand (lines, TRUE);
  gtk_container_add (GTK_CONTAINER (lines), foot->time);
  gtk_container_add (GTK_CONTAINER (lines), foot->details);
  foot->go = action_new (G_CALLBACK (on_go), foot);
  gtk_container_add (GTK_CONTAINER (page), lines);
  gtk_container_add (GTK_CONTAINER (page), foot->go.button);
  return page;
}

static GtkWidget *
running_page (Foot *foot)
{
  GtkWidget *page = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *lines = qi_box (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *words = qi_box (GTK_ORIENTATION_HORIZONTAL, 6),
            *away = qi_button (NULL, "sf-close-symbolic", "flat sf-tight");

  foot->stage = qi_label ("", "sf-bold");
  foot->left = qi_label ("", NULL);
  foot->bar = gtk_progress_bar_new ();
  foot->waiting = qi_box (GTK_ORIENTATION_HORIZONTAL, 2);
  foot->waiting_label = qi_label (_ ("1 waiting"), "sf-hint");
  gtk_label_set_ellipsize (GTK_LABEL (foot->stage), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (foot->stage, TRUE);
  qi_css (foot->bar, "sf-thin");
  qi_name (away, _ ("Drop what is waiting"));
  gtk_widget_set_tooltip_text (away, _ ("Drop what is waiting"));
  g_signal_connect (away, "clicked", G_CALLBACK (on_drop_waiting), foot);
  gtk_container_add (GTK_CONTAINER (foot->waiting), foot->waiting_label);
  gtk_container_add (GTK_CONTAINER (foot->waiting), away);
  gtk_widget_show_all (foot->waiting);
  gtk_widget_set_no_show_all (foot->waiting, TRUE);
  gtk_widget_hide (foot->waiting);
  gtk_container_add (GTK_CONTAINER (words), foot->stage);
  gtk_container_add (GTK_CONTAINER (words), foot->waiting);
  gtk_container_add (GTK_CONTAINER (words), foot->left);
  gtk_container_add (GTK_CONTAINER (lines), words);
  gtk_container_add (GTK_CONTAINER (lines), foot->bar);
  gtk_widget_set_valign (lines, GTK_ALIGN_CENTER);
  gtk_widget_set_hexpand (lines, TRUE);
  foot->cancel = action_new (G_CALLBACK (on_cancel), foot);
  gtk_container_add (GTK_CONTAINER (page), lines);
  gtk_container_add (GTK_CONTAINER (page), foot->cancel.button);
  return page;
}

static GtkWidget *
results_page (Foot *foot)
{
  GtkWidget *page = qi_box (GTK_ORIENTATION_HORIZONTAL, 8), *gap = gtk_label_new (NULL);

  foot->verb = action_new (G_CALLBACK (on_go), foot);
  foot->discard = action_new (G_CALLBACK (on_discard), foot);
  foot->keep = action_new (G_CALLBACK (on_keep), foot);
  gtk_widget_set_hexpand (gap, TRUE);
  gtk_container_add (GTK_CONTAINER (page), foot->verb.button);
  gtk_container_add (GTK_CONTAINER (page), gap);
  gtk_container_add (GTK_CONTAINER (page), foot->discard.button);
  gtk_container_add (GTK_CONTAINER (page), foot->keep.button);
  return page;
}

GtkWidget *
qi_foot_new (QiSession *session)
{
  Foot *foot = g_new0 (Foot, 1);
  GtkWidget *stack = foot->stack = gtk_stack_new ();

  foot->session = g_object_ref (session);
  gtk_stack_set_vhomogeneous (GTK_STACK (stack), TRUE);
  gtk_stack_set_hhomogeneous (GTK_STACK (stack), FALSE);
  gtk_stack_add_named (GTK_STACK (stack), idle_page (foot), "idle");
  gtk_stack_add_named (GTK_STACK (stack), running_page (foot), "running");
  gtk_stack_add_named (GTK_STACK (stack), results_page (foot), "results");
  g_object_set_data_full (G_OBJECT (stack), "qi-foot", foot, foot_free);
  gtk_widget_show_all (stack);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), foot);
  show (foot);
  return stack;
}

void
qi_foot_set_focus (GtkWidget *widget, QiFocus focus)
{
  Foot *foot = foot_of (widget);

  if (foot->focus == focus)
    return;
  foot->focus = focus;
  show (foot);
}
