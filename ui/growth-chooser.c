/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/growth-chooser.c — what shape a canvas grows to, or by how many pixels at each side. */
#include <glib/gi18n-lib.h>

#include "ui/parts.h"
#include "ui/widgets.h"

static const struct
{
  guint width, height;
  const char *label;
} shapes[] = { { 1, 1, "1:1" }, { 4, 3, "4:3" }, { 3, 2, "3:2" }, { 16, 9, "16:9" } };

#define N_SHAPES G_N_ELEMENTS (shapes)
#define MAX_GROWTH 65536 /* pixels, by the spin buttons */

enum
{
  LEFT,
  RIGHT,
  TOP,
  BOTTOM,
  N_SIDES
};

typedef struct
{
  QiSession *session;
  GtkWidget *box, *buttons[N_SHAPES + 1], *popover, *spins[N_SIDES];
  gboolean ours;
} Growth;

static void
growth_free (gpointer data)
{
  Growth *growth = data;

  g_signal_handlers_disconnect_by_data (growth->session, growth);
  g_object_unref (growth->session);
  g_free (growth);
}

/* The smallest canvas of that shape around old, which lies in its middle. */
static QiRect
shaped (const QiRect *old, guint k)
{
  const gint64 w = old->width, h = old->height, a = shapes[k].width, b = shapes[k].height;
  const gint64 width = MAX (w, (h * a + b / 2) / b), height = MAX (h, (w * b + a / 2) / a);

  return (QiRect) { old->x - (int) ((width - w) / 2), old->y - (int) ((height - h) / 2), (int) width, (int) height };
}

static void
on_shape (GtkToggleButton *button, gpointer user_data)
{
  Growth *growth = user_data;

  if (growth->ours || !gtk_toggle_button_get_active (button))
    return;
  const QiRect old = qi_session_old (growth->session);
  for (guint k = 0; k < N_SHAPES; k++)
    if (growth->buttons[k] == GTK_WIDGET (button))
      {
        const QiRect after = shaped (&old, k);
        const int left = old.x - after.x, top = old.y - after.y;
        qi_session_grow (growth->session, left, after.width - old.width - left, top, after.height - old.height - top);
        return;
      }
}

static void
on_custom (GtkWidget *button, gpointer user_data)
{
  Growth *growth = user_data;

  if (!growth->ours && gtk_widget_get_mapped (button))
    gtk_popover_popup (GTK_POPOVER (growth->popover));
}

static void
on_spin (GtkSpinButton *spin, gpointer user_data)
{
  Growth *growth = user_data;
  int by[N_SIDES];

  if (growth->ours)
    return;
  for (guint k = 0; k < N_SIDES; k++)
    by[k] = gtk_spin_button_get_value_as_int (GTK_SPIN_BUTTON (growth->spins[k]));
  qi_session_grow (growth->session, by[LEFT], by[RIGHT], by[TOP], by[BOTTOM]);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  Growth *growth = user_data;
  guint active = N_SHAPES;

  if (!(what & (QI_CHANGED_OPTIONS | QI_CHANGED_MODE)))
    return;
  qi_set_visible (growth->box, qi_session_task (session) == QI_TASK_EXPAND);
  if (qi_session_task (session) != QI_TASK_EXPAND)
    return;
  const QiRect old = qi_session_old (session), now = qi_session_frame (session);
  const int by[N_SIDES] = { old.x - now.x, now.x + now.width - old.x - old.width, old.y - now.y,
                            now.y + now.height - old.y - old.height };
  for (guint k = 0; k < N_SHAPES; k++)
    {
      const QiRect after = shaped (&old, k);
      if (qi_rect_equal (&after, &now))
        active = k;
    }
  growth->ours = TRUE;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (growth->buttons[active]), TRUE);
  for (guint k = 0; k < N_SIDES; k++)
    gtk_spin_button_set_value (GTK_SPIN_BUTTON (growth->spins[k]), by[k]);
  growth->ours = FALSE;
}

static void
add_side (Growth *growth, guint k, const char *label, GtkWidget *grid)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (0, MAX_GROWTH, 16), *text = gtk_label_new_with_mnemonic (label);

  gtk_label_set_mnemonic_widget (GTK_LABEL (text), spin);
  gtk_label_set_xalign (GTK_LABEL (text), 0);
  gtk_grid_attach (GTK_GRID (grid), text, 0, (int) k, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), spin, 1, (int) k, 1, 1);
  g_signal_connect (spin, "value-changed", G_CALLBACK (on_spin), growth);
  growth->spins[k] = spin;
}

static void
add_popover (Growth *growth)
{
  GtkWidget *grid = gtk_grid_new ();

  growth->popover = gtk_popover_new (growth->buttons[N_SHAPES]);
  add_side (growth, LEFT, _ ("_Left"), grid);
  add_side (growth, RIGHT, _ ("Ri_ght"), grid);
  add_side (growth, TOP, _ ("_Top"), grid);
  add_side (growth, BOTTOM, _ ("_Bottom"), grid);
  gtk_grid_set_row_spacing (GTK_GRID (grid), qi_px (grid, 6));
  gtk_grid_set_column_spacing (GTK_GRID (grid), qi_px (grid, 12));
  g_object_set (grid, "margin", qi_px (grid, 12), NULL);
  gtk_widget_show_all (grid);
  gtk_container_add (GTK_CONTAINER (growth->popover), grid);
}

GtkWidget *
qi_growth_chooser_new (QiSession *session, GtkSizeGroup *labels)
{
  Growth *growth = g_new0 (Growth, 1);
  GtkWidget *label = gtk_label_new_with_mnemonic (_ ("Si_ze:")), *linked = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

  growth->session = g_object_ref (session);
  growth->box = qi_box (GTK_ORIENTATION_HORIZONTAL, 12);
  qi_css (linked, "linked");
  for (guint k = 0; k <= N_SHAPES; k++)
    {
      growth->buttons[k] = qi_choice_new (linked, k ? growth->buttons[0] : NULL, k < N_SHAPES ? shapes[k].label : _ ("Custom"));
      g_signal_connect (growth->buttons[k], "toggled", G_CALLBACK (on_shape), growth);
    }
  g_signal_connect (growth->buttons[N_SHAPES], "clicked", G_CALLBACK (on_custom), growth);
  qi_radio_row (linked);
  gtk_widget_set_hexpand (linked, TRUE);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), growth->buttons[0]);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_size_group_add_widget (labels, label);
  g_object_set_data (G_OBJECT (growth->box), "qi-label", label);
  add_popover (growth);

  gtk_container_add (GTK_CONTAINER (growth->box), label);
  gtk_container_add (GTK_CONTAINER (growth->box), linked);
  gtk_widget_show_all (growth->box);
  gtk_widget_set_no_show_all (growth->box, TRUE);
  g_object_set_data_full (G_OBJECT (growth->box), "qi-growth", growth, growth_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), growth);
  on_changed (session, QI_CHANGED_ALL, growth);
  return growth->box;
}
