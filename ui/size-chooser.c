/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "compose/frame.h"
#include "ui/parts.h"
#include "ui/widgets.h"

static const struct
{
  guint width, height;
  const char *label;
} shapes[] = { { 1, 1, "1:1" }, { 4, 3, "4:3" }, { 3, 2, "3:2" }, { 16, 9, "16:9" } };

#define N_SHAPES G_N_ELEMENTS (shapes)

typedef struct
{
  QiSession *session;
  GtkWidget *box, *buttons[N_SHAPES + 1], *popover, *width, *height;
  gboolean ours, tall;
} Sizes;

static void
sizes_free (gpointer data)
{
  Sizes *sizes = data;

  g_signal_handlers_disconnect_by_data (sizes->session, sizes);
  g_object_unref (sizes->session);
  g_free (sizes);
}

static void
shape_size (Sizes *sizes, guint k, guint *width, guint *height)
{
  const QiEngineInfo *info = qi_session_info (sizes->session);
  const guint64 area = info && info->width ? (guint64) info->width * info->height : 1328 * 1328;
  const guint w = shapes[k].width * 360, h = shapes[k].height * 360;

  qi_frame_new_picture (sizes->tall ? h : w, sizes->tall ? w : h, area, info && info->unit ? info->unit : 16, width,
                        height);
}

static void
set_size (Sizes *sizes, guint width, guint height)
{
  g_autofree char *w = g_strdup_printf ("%u", width), *h = g_strdup_printf ("%u", height);

  qi_session_set (sizes->session, "width", w);
  qi_session_set (sizes->session, "height", h);
}

static void
on_shape (GtkToggleButton *button, gpointer user_data)
{
  Sizes *sizes = user_data;
  guint width, height;

  if (sizes->ours || !gtk_toggle_button_get_active (button))
    return;
  for (guint k = 0; k < N_SHAPES; k++)
    if (sizes->buttons[k] == GTK_WIDGET (button))
      {
        shape_size (sizes, k, &width, &height);
        set_size (sizes, width, height);
        return;
      }
}

static void
on_other (GtkWidget *button, gpointer user_data)
{
  Sizes *sizes = user_data;

  if (!sizes->ours && gtk_widget_get_mapped (button))
    gtk_popover_popup (GTK_POPOVER (sizes->popover));
}

static void
on_spin (GtkSpinButton *spin, gpointer user_data)
{
  Sizes *sizes = user_data;

  if (!sizes->ours)
    set_size (sizes, gtk_spin_button_get_value_as_int (GTK_SPIN_BUTTON (sizes->width)) / 16 * 16,
              gtk_spin_button_get_value_as_int (GTK_SPIN_BUTTON (sizes->height)) / 16 * 16);
}

static void
on_turn (GtkButton *button, gpointer user_data)
{
  Sizes *sizes = user_data;
  guint width, height;

  qi_session_size (sizes->session, &width, &height);
  sizes->tall = !sizes->tall;
  set_size (sizes, height, width);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  Sizes *sizes = user_data;
  guint width, height, w, h, active = N_SHAPES;

  if (!(what & (QI_CHANGED_OPTIONS | QI_CHANGED_MODE)))
    return;
  qi_set_visible (sizes->box, qi_session_task (session) == QI_TASK_GENERATE);
  qi_session_size (session, &width, &height);
  if (width != height)
    sizes->tall = height > width;
  for (guint k = 0; k < N_SHAPES; k++)
    {
      shape_size (sizes, k, &w, &h);
      if (w == width && h == height)
        active = k;
    }
  sizes->ours = TRUE;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (sizes->buttons[active]), TRUE);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (sizes->width), width);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (sizes->height), height);
  sizes->ours = FALSE;
}

static GtkWidget *
side (Sizes *sizes, const char *label, GtkWidget *grid, int row)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (64, 4096, 16), *text = gtk_label_new_with_mnemonic (label);

  gtk_label_set_mnemonic_widget (GTK_LABEL (text), spin);
  gtk_label_set_xalign (GTK_LABEL (text), 0);
  gtk_grid_attach (GTK_GRID (grid), text, 0, row, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), spin, 1, row, 1, 1);
  g_signal_connect (spin, "value-changed", G_CALLBACK (on_spin), sizes);
  return spin;
}

GtkWidget *
qi_size_chooser_new (QiSession *session, GtkSizeGroup *labels)
{
  Sizes *sizes = g_new0 (Sizes, 1);
  GtkWidget *label = gtk_label_new_with_mnemonic (_ ("Si_ze:")), *linked = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);
  GtkWidget *turn = qi_button (NULL, "sf-turn-symbolic", "flat"), *grid = gtk_grid_new ();

  sizes->session = g_object_ref (session);
  sizes->box = qi_box (GTK_ORIENTATION_HORIZONTAL, 12);
  qi_css (linked, "linked");
  for (guint k = 0; k <= N_SHAPES; k++)
    {
      sizes->buttons[k] = qi_choice_new (linked, k ? sizes->buttons[0] : NULL, k < N_SHAPES ? shapes[k].label : _ ("Other…"));
      g_signal_connect (sizes->buttons[k], "toggled", G_CALLBACK (on_shape), sizes);
    }
  g_signal_connect (sizes->buttons[N_SHAPES], "clicked", G_CALLBACK (on_other), sizes);
  qi_radio_row (linked);
  gtk_widget_set_hexpand (linked, TRUE);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), sizes->buttons[0]);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_size_group_add_widget (labels, label);
  g_object_set_data (G_OBJECT (sizes->box), "qi-label", label);
  qi_name (turn, _ ("Turn by 90°"));
  gtk_widget_set_tooltip_text (turn, _ ("Turn by 90°"));
  g_signal_connect (turn, "clicked", G_CALLBACK (on_turn), sizes);

  sizes->popover = gtk_popover_new (sizes->buttons[N_SHAPES]);
  sizes->width = side (sizes, _ ("_Width:"), grid, 0);
  sizes->height = side (sizes, _ ("_Height:"), grid, 1);
  gtk_grid_set_row_spacing (GTK_GRID (grid), qi_px (grid, 6));
  gtk_grid_set_column_spacing (GTK_GRID (grid), qi_px (grid, 12));
  g_object_set (grid, "margin", qi_px (grid, 12), NULL);
  gtk_widget_show_all (grid);
  gtk_container_add (GTK_CONTAINER (sizes->popover), grid);

  gtk_container_add (GTK_CONTAINER (sizes->box), label);
  gtk_container_add (GTK_CONTAINER (sizes->box), linked);
  gtk_container_add (GTK_CONTAINER (sizes->box), turn);
  gtk_widget_show_all (sizes->box);
  gtk_widget_set_no_show_all (sizes->box, TRUE);
  g_object_set_data_full (G_OBJECT (sizes->box), "qi-sizes", sizes, sizes_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), sizes);
  on_changed (session, QI_CHANGED_ALL, sizes);
  return sizes->box;
}
