/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "ui/parts.h"
#include "ui/widgets.h"

#define N_QUALITIES 3 /* the fourth is under More options */

typedef struct
{
  QiSession *session;
  GtkWidget *box, *rows, *quality[N_QUALITIES], *seconds[N_QUALITIES], *results, *results_row, *layers, *layers_row,
      *fold, *arrow, *label, *summary, *revealer, *labels[5];
  GtkSizeGroup *more; /* of the labels below, while they are seen */
  gboolean ours, folded, open;
} Options;

static Options *
options_of (GtkWidget *widget)
{
  return g_object_get_data (G_OBJECT (widget), "qi-options");
}

static void
options_free (gpointer data)
{
  Options *options = data;

  g_signal_handlers_disconnect_by_data (options->session, options);
  g_object_unref (options->more);
  g_object_unref (options->session);
  g_free (options);
}

static const char *
quality_label (guint quality)
{
  const char *const labels[] = { N_ ("Fast"), N_ ("Balanced"), N_ ("Best"), N_ ("Maximum") };

  return _ (labels[quality]);
}

static void
on_quality (GtkToggleButton *button, gpointer user_data)
{
  Options *options = user_data;

  if (options->ours || !gtk_toggle_button_get_active (button))
    return;
  for (guint k = 0; k < N_QUALITIES; k++)
    if (options->quality[k] == GTK_WIDGET (button))
      qi_session_set_quality (options->session, k);
}

static void
on_results (GtkSpinButton *spin, gpointer user_data)
{
  Options *options = user_data;
  g_autofree char *value = g_strdup_printf ("%d", gtk_spin_button_get_value_as_int (spin));

  if (!options->ours)
    qi_session_set (options->session, "results", value);
}

static void
on_layers (GtkSpinButton *spin, gpointer user_data)
{
  Options *options = user_data;
  g_autofree char *value = g_strdup_printf ("%d", gtk_spin_button_get_value_as_int (spin));

  if (!options->ours)
    qi_session_set (options->session, "layers", value);
}

/* Folded, the line opens rows and all; else it opens what is rarely needed. */
static void
sync_fold (Options *options)
{
  const gboolean rows = !options->folded || options->open;

  qi_set_visible (options->rows, rows);
  gtk_revealer_set_reveal_child (GTK_REVEALER (options->revealer), options->open);
  for (guint k = 0; k < G_N_ELEMENTS (options->labels); k++)
    if (options->open)
      gtk_size_group_add_widget (options->more, options->labels[k]);
    else if (g_slist_find (gtk_size_group_get_widgets (options->more), options->labels[k]))
      gtk_size_group_remove_widget (options->more, options->labels[k]);
  qi_set_visible (options->revealer, options->open);
  gtk_image_set_from_icon_name (GTK_IMAGE (options->arrow), options->open ? "sf-down-symbolic" : "sf-right-symbolic",
                                GTK_ICON_SIZE_MENU);
  gtk_label_set_text_with_mnemonic (GTK_LABEL (options->label), options->folded ? _ ("_Options") : _ ("M_ore options"));
}

static void
on_fold (GtkButton *button, gpointer user_data)
{
  Options *options = user_data;

  options->open = !options->open;
  qi_settings_set_bool (qi_session_settings (options->session), "more-options", options->open);
  sync_fold (options);
}

static char *
summary (Options *options)
{
  const QiRequest *request = qi_session_request (options->session);
  g_autofree char *seed = request->seed < 0 ? g_strdup (options->folded ? _ ("random seed") : _ ("Random seed"))
                                            : g_strdup_printf (_ ("Seed %d"), (int) request->seed);

  if (!options->folded)
    return g_steal_pointer (&seed);
  g_autofree char *results =
      qi_session_task (options->session) == QI_TASK_SPLIT
          ? g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u layer", "%u layers", request->layers), request->layers)
          : g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u result", "%u results", request->results),
                             request->results);
  return g_strdup_printf (_ ("%s, %s, %s"), quality_label (request->quality), results, seed);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  Options *options = user_data;
  const QiRequest *request = qi_session_request (session);

  if (!(what & (QI_CHANGED_OPTIONS | QI_CHANGED_MODE | QI_CHANGED_FOOT)))
    return;
  options->ours = TRUE;
  for (guint k = 0; k < N_QUALITIES; k++)
    {
      const double s = qi_session_seconds (session, k);
      g_autofree char *seconds = qi_words_short (s), *estimate = qi_words_estimate (s);
      g_autofree char *spoken = g_strdup_printf (_ ("%s, %s"), quality_label (k), estimate);
      qi_set_text (options->seconds[k], seconds);
      qi_name (options->quality[k], spoken);
    }
  if (request->quality < N_QUALITIES)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (options->quality[request->quality]), TRUE);
  else
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (options->quality[QI_QUALITY_BEST]), TRUE);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (options->results), request->results);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (options->layers), request->layers);
  qi_set_visible (options->results_row, qi_session_task (session) != QI_TASK_SPLIT);
  qi_set_visible (options->layers_row, qi_session_task (session) == QI_TASK_SPLIT);
  g_autofree char *words = summary (options);
  qi_set_text (options->summary, words);
  options->ours = FALSE;
}

static GtkWidget *
quality_row (Options *options, GtkSizeGroup *labels)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *linked = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);
  GtkWidget *label = gtk_label_new_with_mnemonic (_ ("_Quality:"));

  qi_css (linked, "linked");
  gtk_box_set_homogeneous (GTK_BOX (linked), TRUE);
  for (guint k = 0; k < N_QUALITIES; k++)
    {
      GtkWidget *radio = gtk_radio_button_new_from_widget (k ? GTK_RADIO_BUTTON (options->quality[0]) : NULL);
      GtkWidget *lines = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0), *name = gtk_label_new (quality_label (k));
      options->quality[k] = radio;
      options->seconds[k] = gtk_label_new (NULL);
      qi_css (options->seconds[k], "sf-small");
      gtk_toggle_button_set_mode (GTK_TOGGLE_BUTTON (radio), FALSE);
      qi_css (radio, "sf-choice");
      gtk_container_add (GTK_CONTAINER (lines), name);
      gtk_container_add (GTK_CONTAINER (lines), options->seconds[k]);
      gtk_container_add (GTK_CONTAINER (radio), lines);
      gtk_container_add (GTK_CONTAINER (linked), radio);
      g_signal_connect (radio, "toggled", G_CALLBACK (on_quality), options);
    }
  options->ours = TRUE; /* nobody chose this: on_changed() shows what was chosen */
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (options->quality[QI_QUALITY_BALANCED]), TRUE);
  options->ours = FALSE;
  qi_radio_row (linked);
  gtk_widget_set_hexpand (linked, TRUE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), options->quality[QI_QUALITY_BALANCED]);
  gtk_size_group_add_widget (labels, label);
  options->labels[0] = label;
  gtk_container_add (GTK_CONTAINER (box), label);
  gtk_container_add (GTK_CONTAINER (box), linked);
  return box;
}

/* A number with its label. */
static GtkWidget *
count_row (Options *options,
           GtkSizeGroup *labels,
           guint k,
           const char *text,
           guint min,
           GCallback changed,
           GtkWidget **spin)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *label = gtk_label_new_with_mnemonic (text);

  *spin = gtk_spin_button_new_with_range (min, 8, 1);
  gtk_entry_set_width_chars (GTK_ENTRY (*spin), 2);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), *spin);
  gtk_size_group_add_widget (labels, label);
  options->labels[k] = label;
  g_signal_connect (*spin, "value-changed", changed, options);
  gtk_container_add (GTK_CONTAINER (box), label);
  gtk_container_add (GTK_CONTAINER (box), *spin);
  gtk_widget_show_all (box);
  gtk_widget_set_no_show_all (box, TRUE);
  return box;
}

static GtkWidget *
fold_row (Options *options)
{
  GtkWidget *button = gtk_button_new (), *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);

  options->arrow = qi_icon ("sf-right-symbolic", 10);
  options->label = gtk_label_new_with_mnemonic (_ ("M_ore options"));
  gtk_label_set_mnemonic_widget (GTK_LABEL (options->label), button);
  options->summary = qi_label ("", "sf-hint");
  gtk_label_set_ellipsize (GTK_LABEL (options->summary), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (options->summary), 1);
  gtk_widget_set_hexpand (options->summary, TRUE);
  gtk_container_add (GTK_CONTAINER (box), options->arrow);
  gtk_container_add (GTK_CONTAINER (box), options->label);
  gtk_container_add (GTK_CONTAINER (box), options->summary);
  gtk_container_add (GTK_CONTAINER (button), box);
  qi_css (button, "flat sf-fold sf-tight");
  g_signal_connect (button, "clicked", G_CALLBACK (on_fold), options);
  return options->fold = button;
}

GtkWidget *
qi_options_new (QiSession *session)
{
  Options *options = g_new0 (Options, 1);
  g_autoptr (GtkSizeGroup) labels = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);

  options->session = g_object_ref (session);
  options->open = qi_settings_get_bool (qi_session_settings (session), "more-options", FALSE);
  options->box = qi_box (GTK_ORIENTATION_VERTICAL, 6);
  options->rows = qi_box (GTK_ORIENTATION_VERTICAL, 6);
  options->revealer = gtk_revealer_new ();
  gtk_revealer_set_transition_type (GTK_REVEALER (options->revealer), GTK_REVEALER_TRANSITION_TYPE_NONE);
  GtkWidget *sizes = qi_size_chooser_new (session, labels), *growth = qi_growth_chooser_new (session, labels);
  options->more = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);
  options->labels[2] = g_object_get_data (G_OBJECT (sizes), "qi-label");
  options->labels[3] = g_object_get_data (G_OBJECT (growth), "qi-label");
  options->results_row = count_row (options, labels, 1, _ ("_Results:"), 1, G_CALLBACK (on_results), &options->results);
  options->layers_row = count_row (options, labels, 4, _ ("Lay_ers:"), 2, G_CALLBACK (on_layers), &options->layers);
  gtk_container_add (GTK_CONTAINER (options->rows), sizes);
  gtk_container_add (GTK_CONTAINER (options->rows), quality_row (options, labels));
  gtk_container_add (GTK_CONTAINER (options->rows), options->results_row);
  gtk_container_add (GTK_CONTAINER (options->rows), options->layers_row);
  gtk_container_add (GTK_CONTAINER (options->revealer), qi_more_options_new (session, options->more));
  gtk_container_add (GTK_CONTAINER (options->box), growth); /* belongs to the picture above it, and never folds */
  gtk_container_add (GTK_CONTAINER (options->box), options->rows);
  gtk_container_add (GTK_CONTAINER (options->box), fold_row (options));
  gtk_container_add (GTK_CONTAINER (options->box), options->revealer);
  gtk_widget_show_all (options->box);
  gtk_widget_set_no_show_all (options->rows, TRUE);
  gtk_widget_set_no_show_all (options->revealer, TRUE);
  g_object_set_data_full (G_OBJECT (options->box), "qi-options", options, options_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), options);
  on_changed (session, QI_CHANGED_ALL, options);
  sync_fold (options);
  return options->box;
}

void
qi_options_set_folded (GtkWidget *widget, gboolean folded)
{
  Options *options = options_of (widget);

  if (options->folded == folded)
    return;
  options->folded = folded;
  if (folded) /* what there is no room for does not open by itself */
    options->open = FALSE;
  else
    options->open = qi_settings_get_bool (qi_session_settings (options->session), "more-options", FALSE);
  sync_fold (options);
  on_changed (options->session, QI_CHANGED_OPTIONS, options);
}
