/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "ui/parts.h"
#include "ui/widgets.h"

typedef struct
{
  QiSession *session;
  GtkSizeGroup *labels;
  GtkWidget *grid, *seed, *random, *edge_row, *edge, *keep_row, *keep, *undesired_row, *undesired, *maximum, *add_ons,
      *steps, *guidance;
  gboolean ours;
} More;

static void
more_free (gpointer data)
{
  More *more = data;

  g_signal_handlers_disconnect_by_data (more->session, more);
  g_object_unref (more->session);
  g_object_unref (more->labels);
  g_free (more);
}

static GtkWidget *
row (More *more, const char *label, GtkWidget *control, GtkWidget *beside)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *text = gtk_label_new_with_mnemonic (label);

  gtk_label_set_xalign (GTK_LABEL (text), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (text), control);
  gtk_size_group_add_widget (more->labels, text);
  gtk_container_add (GTK_CONTAINER (box), text);
  gtk_container_add (GTK_CONTAINER (box), control);
  if (beside)
    gtk_container_add (GTK_CONTAINER (box), beside);
  gtk_container_add (GTK_CONTAINER (more->grid), box);
  return box;
}

static void
set_number (More *more, const char *field, const char *format, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!more->ours)
    qi_session_set (more->session, field, g_ascii_formatd (text, sizeof text, format, value));
}

static void
on_seed (GtkWidget *widget, gpointer user_data)
{
  More *more = user_data;
  const gboolean random = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (more->random));

  gtk_widget_set_sensitive (more->seed, !random);
  set_number (more, "seed", "%.0f", random ? -1 : gtk_spin_button_get_value (GTK_SPIN_BUTTON (more->seed)));
}

static void
on_edge (GtkSpinButton *spin, gpointer user_data)
{
  set_number (user_data, "soft-edge", "%.0f", gtk_spin_button_get_value (spin));
}

static void
on_keep (GtkRange *range, gpointer user_data)
{
  set_number (user_data, "strength", "%.2f", 1 - gtk_range_get_value (range) / 100);
}

static void
on_undesired (GtkEditable *entry, gpointer user_data)
{
  More *more = user_data;

  if (!more->ours)
    qi_session_set (more->session, "negative-prompt", gtk_entry_get_text (GTK_ENTRY (entry)));
}

static void
on_maximum (GtkToggleButton *check, gpointer user_data)
{
  More *more = user_data;

  if (!more->ours)
    qi_session_set_quality (more->session, gtk_toggle_button_get_active (check) ? QI_QUALITY_MAXIMUM : QI_QUALITY_BEST);
}

static void
on_steps (GtkSpinButton *spin, gpointer user_data)
{
  set_number (user_data, "steps", "%.0f", gtk_spin_button_get_value (spin));
}

static void
on_guidance (GtkSpinButton *spin, gpointer user_data)
{
  set_number (user_data, "guidance", "%.1f", gtk_spin_button_get_value (spin));
}

/* Steps and guidance of 0 follow the quality; that is said in words. */
static gboolean
show_automatic (GtkSpinButton *spin, gpointer user_data)
{
  if (gtk_spin_button_get_value (spin) != GPOINTER_TO_INT (user_data))
    return FALSE;
  gtk_entry_set_text (GTK_ENTRY (spin), _ ("automatic"));
  return TRUE;
}

static int
read_automatic (GtkSpinButton *spin, double *value, gpointer user_data)
{
  if (strcmp (gtk_entry_get_text (GTK_ENTRY (spin)), _ ("automatic")) != 0)
    return FALSE;
  *value = GPOINTER_TO_INT (user_data);
  return TRUE;
}

static GtkWidget *
automatic_spin (double min, double max, double step, int automatic, GCallback changed, More *more)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (min, max, step);

  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (spin), FALSE); /* else no letter is let in, ours neither */
  gtk_entry_set_width_chars (GTK_ENTRY (spin), MAX (9, (int) g_utf8_strlen (_ ("automatic"), -1)));
  g_signal_connect (spin, "output", G_CALLBACK (show_automatic), GINT_TO_POINTER (automatic));
  g_signal_connect (spin, "input", G_CALLBACK (read_automatic), GINT_TO_POINTER (automatic));
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (spin), automatic);
  g_signal_connect (spin, "value-changed", changed, more);
  return spin;
}

/* -- add-ons: "FILE:STRENGTH", one a line ------------------------------------------------------------- */

static void
write_add_ons (More *more)
{
  g_autoptr (GList) rows = gtk_container_get_children (GTK_CONTAINER (more->add_ons));
  g_autoptr (GString) lines = g_string_new (NULL);

  for (GList *l = rows; l; l = l->next)
    {
      GtkWidget *check = g_object_get_data (l->data, "qi-check"), *scale = g_object_get_data (l->data, "qi-scale");
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      if (!check || !gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (check)))
        continue;
      g_ascii_formatd (number, sizeof number, "%.2f", gtk_spin_button_get_value (GTK_SPIN_BUTTON (scale)));
      g_string_append_printf (lines, "%s%s:%s", lines->len ? "\n" : "",
                              (const char *) g_object_get_data (l->data, "qi-path"), number);
    }
  qi_session_set (more->session, "loras", lines->str);
}

static void
on_add_on (GtkWidget *widget, gpointer user_data)
{
  if (!((More *) user_data)->ours)
    write_add_ons (user_data);
}

static void
add_add_on (More *more, const char *path, double strength)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6), *check = gtk_check_button_new ();
  GtkWidget *spin = gtk_spin_button_new_with_range (-2, 2, 0.05);
  g_autofree char *name = g_path_get_basename (path), *spoken = g_strdup_printf (_ ("Strength of %s"), name);
  GtkWidget *label = qi_label (name, NULL);

  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (check), TRUE);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (spin), strength);
  qi_name (check, name);
  qi_name (spin, spoken);
  g_object_set_data (G_OBJECT (box), "qi-check", check);
  g_object_set_data (G_OBJECT (box), "qi-scale", spin);
  g_object_set_data_full (G_OBJECT (box), "qi-path", g_strdup (path), g_free);
  g_signal_connect (check, "toggled", G_CALLBACK (on_add_on), more);
  g_signal_connect (spin, "value-changed", G_CALLBACK (on_add_on), more);
  gtk_container_add (GTK_CONTAINER (box), check);
  gtk_container_add (GTK_CONTAINER (box), label);
  gtk_container_add (GTK_CONTAINER (box), spin);
  gtk_widget_show_all (box);
  gtk_container_add (GTK_CONTAINER (more->add_ons), box);
}

static void
on_choose_add_on (GtkButton *button, gpointer user_data)
{
  More *more = user_data;
  GtkWidget *top = gtk_widget_get_toplevel (more->grid);
  g_autoptr (GtkFileChooserNative) chooser =
      gtk_file_chooser_native_new (_ ("Add-on"), GTK_WINDOW (top), GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);

  if (gtk_native_dialog_run (GTK_NATIVE_DIALOG (chooser)) != GTK_RESPONSE_ACCEPT)
    return;
  g_autofree char *path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (chooser));
  add_add_on (more, path, 1);
  write_add_ons (more);
}

/* Rows for what the request names that has none yet: after "Edit again". */
static void
read_add_ons (More *more, const char *loras)
{
  g_autoptr (GList) rows = gtk_container_get_children (GTK_CONTAINER (more->add_ons));
  g_auto (GStrv) lines = g_strsplit (loras ? loras : "", "\n", -1);

  for (guint i = 0; lines[i]; i++)
    {
      char *colon = strrchr (lines[i], ':');
      const double strength = colon ? g_ascii_strtod (colon + 1, NULL) : 1;
      gboolean there = FALSE;
      if (colon)
        *colon = '\0';
      for (GList *l = rows; l; l = l->next)
        there |= g_strcmp0 (g_object_get_data (l->data, "qi-path"), lines[i]) == 0;
      if (!there && *lines[i])
        add_add_on (more, lines[i], strength);
    }
}

/* -- following --------------------------------------------------------------------------------------- */

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  More *more = user_data;
  const QiRequest *request = qi_session_request (session);
  const QiEngineInfo *info = qi_session_info (session);
  const QiTask task = qi_session_task (session);

  if (!(what & (QI_CHANGED_OPTIONS | QI_CHANGED_MODE)))
    return;
  const double guidance = request->guidance > 0 ? request->guidance : info ? info->guidance[request->quality] : 1;
  more->ours = TRUE;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (more->random), request->seed < 0);
  gtk_widget_set_sensitive (more->seed, request->seed >= 0);
  if (request->seed >= 0)
    gtk_spin_button_set_value (GTK_SPIN_BUTTON (more->seed), request->seed);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (more->edge), request->soft_edge);
  gtk_range_set_value (GTK_RANGE (more->keep), 100 * (1 - request->strength));
  if (g_strcmp0 (gtk_entry_get_text (GTK_ENTRY (more->undesired)),
                 request->negative_prompt ? request->negative_prompt : "")
      != 0)
    gtk_entry_set_text (GTK_ENTRY (more->undesired), request->negative_prompt ? request->negative_prompt : "");
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (more->maximum), request->quality == QI_QUALITY_MAXIMUM);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (more->steps), request->steps);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (more->guidance), request->guidance);
  read_add_ons (more, request->loras);
  qi_set_visible (more->edge_row, task == QI_TASK_EDIT || task == QI_TASK_FILL);
  qi_set_visible (more->keep_row, task == QI_TASK_FILL);
  qi_set_visible (more->undesired_row, guidance > 1);
  more->ours = FALSE;
}

GtkWidget *
qi_more_options_new (QiSession *session, GtkSizeGroup *labels)
{
  More *more = g_new0 (More, 1);

  more->session = g_object_ref (session);
  more->labels = g_object_ref (labels);
  more->grid = qi_box (GTK_ORIENTATION_VERTICAL, 6);
  more->seed = gtk_spin_button_new_with_range (0, G_MAXINT32, 1);
  more->random = gtk_check_button_new_with_mnemonic (_ ("Rando_m"));
  row (more, _ ("Seed:"), more->seed, more->random);
  more->edge = automatic_spin (-1, 500, 1, -1, G_CALLBACK (on_edge), more);
  more->edge_row = row (more, _ ("Soft edge:"), more->edge, NULL);
  more->keep = gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, 0, 100, 1);
  gtk_widget_set_hexpand (more->keep, TRUE);
  gtk_scale_set_draw_value (GTK_SCALE (more->keep), FALSE);
  GtkWidget *exact = gtk_spin_button_new (gtk_range_get_adjustment (GTK_RANGE (more->keep)), 1, 0);
  qi_name (exact, _ ("Keep from original, per cent"));
  more->keep_row = row (more, _ ("Keep from original:"), more->keep, exact);
  more->undesired = gtk_entry_new ();
  gtk_widget_set_hexpand (more->undesired, TRUE);
  more->undesired_row = row (more, _ ("Undesired:"), more->undesired, NULL);
  more->maximum = gtk_check_button_new_with_label (_ ("Maximum quality"));
  gtk_container_add (GTK_CONTAINER (more->grid), more->maximum);
  more->steps = automatic_spin (0, 200, 1, 0, G_CALLBACK (on_steps), more);
  row (more, _ ("Steps:"), more->steps, NULL);
  more->guidance = automatic_spin (0, 20, 0.5, 0, G_CALLBACK (on_guidance), more);
  row (more, _ ("Guidance:"), more->guidance, NULL);
  more->add_ons = qi_box (GTK_ORIENTATION_VERTICAL, 4);
  GtkWidget *choose = qi_button (_ ("Add-on…"), "sf-add-symbolic", "flat sf-tight");
  gtk_widget_set_halign (choose, GTK_ALIGN_START);
  gtk_container_add (GTK_CONTAINER (more->grid), more->add_ons);
  gtk_container_add (GTK_CONTAINER (more->grid), choose);

  g_signal_connect (more->seed, "value-changed", G_CALLBACK (on_seed), more);
  g_signal_connect (more->random, "toggled", G_CALLBACK (on_seed), more);
  g_signal_connect (more->keep, "value-changed", G_CALLBACK (on_keep), more);
  g_signal_connect (more->undesired, "changed", G_CALLBACK (on_undesired), more);
  g_signal_connect (more->maximum, "toggled", G_CALLBACK (on_maximum), more);
  g_signal_connect (choose, "clicked", G_CALLBACK (on_choose_add_on), more);
  gtk_widget_show_all (more->grid);
  g_object_set_data_full (G_OBJECT (more->grid), "qi-more", more, more_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), more);
  on_changed (session, QI_CHANGED_ALL, more);
  return more->grid;
}
