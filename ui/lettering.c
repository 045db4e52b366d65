/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "base/prompt.h"
#include "ui/parts.h"
#include "ui/widgets.h"

typedef struct
{
  QiSession *session;
  GtkWidget *box, *rows;
  GtkSizeGroup *styles;
  gboolean ours;
} Letters;

static void
letters_free (gpointer data)
{
  Letters *letters = data;

  g_signal_handlers_disconnect_by_data (letters->session, letters);
  g_object_unref (letters->styles);
  g_object_unref (letters->session);
  g_free (letters);
}

static const char *
place_label (guint place)
{
  static const char *const labels[QI_N_PLACES] = { N_ ("top left"),    N_ ("top"),    N_ ("top right"),
                                                   N_ ("left"),        N_ ("centre"), N_ ("right"),
                                                   N_ ("bottom left"), N_ ("bottom"), N_ ("bottom right") };

  return _ (labels[place]);
}

static guint
index_of (gpointer widget)
{
  return GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (widget), "qi-row"));
}

static void
on_words (GtkEditable *entry, gpointer user_data)
{
  Letters *letters = user_data;

  if (!letters->ours)
    qi_session_set_row (letters->session, index_of (entry), gtk_entry_get_text (GTK_ENTRY (entry)), NULL);
}

static void
on_style (GtkComboBox *combo, gpointer user_data)
{
  Letters *letters = user_data;
  GtkWidget *entry = gtk_bin_get_child (GTK_BIN (combo));

  if (!letters->ours)
    qi_session_set_row (letters->session, index_of (combo), NULL, gtk_entry_get_text (GTK_ENTRY (entry)));
}

static void
on_away (GtkButton *button, gpointer user_data)
{
  qi_session_remove_row (((Letters *) user_data)->session, index_of (button));
}

static void
on_place (GtkToggleButton *button, gpointer user_data)
{
  Letters *letters = user_data;
  const guint place = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "qi-place"));

  if (!letters->ours && gtk_toggle_button_get_active (button))
    qi_session_place_row (letters->session, index_of (button), place, NULL);
}

/* Nine places; arrows go in both directions. */
static gboolean
on_place_key (GtkWidget *button, GdkEventKey *event, gpointer user_data)
{
  GtkWidget *grid = gtk_widget_get_parent (button);
  const int place = GPOINTER_TO_INT (g_object_get_data (G_OBJECT (button), "qi-place"));
  int column = place % 3, row = place / 3;

  switch (event->keyval)
    {
    case GDK_KEY_Left:
      column--;
      break;
    case GDK_KEY_Right:
      column++;
      break;
    case GDK_KEY_Up:
      row--;
      break;
    case GDK_KEY_Down:
      row++;
      break;
    case GDK_KEY_Return:
    case GDK_KEY_KP_Enter:
      gtk_popover_popdown (GTK_POPOVER (gtk_widget_get_ancestor (button, GTK_TYPE_POPOVER)));
      return TRUE;
    default:
      return FALSE;
    }
  if (column < 0 || column > 2 || row < 0 || row > 2)
    return TRUE;
  GtkWidget *to = gtk_grid_get_child_at (GTK_GRID (grid), column, row);
  gtk_widget_grab_focus (to);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (to), TRUE);
  return TRUE;
}

/* Icon and name follow the place, also while the pop-over is open. */
static void
show_place (GtkWidget *button, const QiSessionRow *row)
{
  const gboolean drawn = !qi_rect_is_empty (&row->place);
  g_autofree char *icon = g_strdup_printf ("sf-grid-%u-symbolic", row->grid);
  g_autofree char *spoken = drawn ? g_strdup_printf (_ ("Place: by hand, near %s"), place_label (row->grid))
                                  : g_strdup_printf (_ ("Place: %s"), place_label (row->grid));

  qi_button_fill (button, NULL, icon, FALSE);
  qi_name (button, spoken);
  gtk_widget_set_tooltip_text (button, spoken);
}

static GtkWidget *
place_button (Letters *letters, guint k)
{
  const QiSessionRow *row = qi_session_row (letters->session, k);
  GtkWidget *button = gtk_menu_button_new (), *popover = gtk_popover_new (button), *grid = gtk_grid_new ();
  GtkWidget *first = NULL;

  for (guint place = 0; place < QI_N_PLACES; place++)
    {
      g_autofree char *arrow = g_strdup_printf ("sf-place-%u-symbolic", place);
      GtkWidget *radio = gtk_radio_button_new_from_widget (first ? GTK_RADIO_BUTTON (first) : NULL);
      first = first ? first : radio;
      gtk_toggle_button_set_mode (GTK_TOGGLE_BUTTON (radio), FALSE);
      gtk_container_add (GTK_CONTAINER (radio), qi_icon (arrow, 16));
      gtk_widget_set_size_request (radio, qi_px (radio, 34), qi_px (radio, 34));
      qi_name (radio, place_label (place));
      gtk_widget_set_tooltip_text (radio, place_label (place));
      g_object_set_data (G_OBJECT (radio), "qi-place", GUINT_TO_POINTER (place));
      g_object_set_data (G_OBJECT (radio), "qi-row", GUINT_TO_POINTER (k));
      gtk_grid_attach (GTK_GRID (grid), radio, place % 3, place / 3, 1, 1);
      if (place == row->grid)
        gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (radio), TRUE);
      g_signal_connect (radio, "toggled", G_CALLBACK (on_place), letters);
      g_signal_connect (radio, "key-press-event", G_CALLBACK (on_place_key), letters);
    }
  gtk_widget_set_direction (grid, GTK_TEXT_DIR_LTR); /* places of the picture, which is not mirrored */
  gtk_grid_set_row_spacing (GTK_GRID (grid), qi_px (grid, 4));
  gtk_grid_set_column_spacing (GTK_GRID (grid), qi_px (grid, 4));
  g_object_set (grid, "margin", qi_px (grid, 8), NULL);
  gtk_container_add (GTK_CONTAINER (popover), grid);
  gtk_widget_show_all (grid);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (button), popover);
  qi_name (popover, _ ("Place"));
  show_place (button, row);
  return button;
}

static GtkWidget *
style_combo (Letters *letters, guint k)
{
  static const char *const styles[] = { N_ ("Bold"), N_ ("Small, light"), N_ ("Painted poster"), N_ ("Handwritten"),
                                        N_ ("Neon"), N_ ("Engraved"),     N_ ("Chalk") };
  GtkWidget *combo = gtk_combo_box_text_new_with_entry ();
  GtkWidget *entry = gtk_bin_get_child (GTK_BIN (combo));
  g_autofree char *spoken = g_strdup_printf (_ ("Style of row %u"), k + 1);

  for (guint i = 0; i < G_N_ELEMENTS (styles); i++)
    gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (combo), _ (styles[i]));
  gtk_entry_set_text (GTK_ENTRY (entry), qi_session_row (letters->session, k)->style);
  gtk_entry_set_width_chars (GTK_ENTRY (entry), 12);
  gtk_entry_set_placeholder_text (GTK_ENTRY (entry), _ ("Style"));
  qi_name (combo, spoken);
  qi_name (entry, spoken);
  g_object_set_data (G_OBJECT (combo), "qi-row", GUINT_TO_POINTER (k));
  g_signal_connect (combo, "changed", G_CALLBACK (on_style), letters);
  gtk_size_group_add_widget (letters->styles, combo);
  return combo;
}

static void
add_row (Letters *letters, guint k)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6), *words = gtk_entry_new ();
  GtkWidget *away = qi_button (NULL, "sf-close-symbolic", "flat sf-tight");
  g_autofree char *number = g_strdup_printf ("%u", k + 1), *spoken = g_strdup_printf (_ ("Words of row %u"), k + 1);
  g_autofree char *gone = g_strdup_printf (_ ("Remove row %u"), k + 1);

  gtk_entry_set_text (GTK_ENTRY (words), qi_session_row (letters->session, k)->words);
  gtk_entry_set_placeholder_text (GTK_ENTRY (words), _ ("Words"));
  gtk_entry_set_width_chars (GTK_ENTRY (words), 8);
  gtk_widget_set_hexpand (words, TRUE);
  qi_name (words, spoken);
  g_object_set_data (G_OBJECT (words), "qi-row", GUINT_TO_POINTER (k));
  g_object_set_data (G_OBJECT (away), "qi-row", GUINT_TO_POINTER (k));
  qi_name (away, gone);
  gtk_widget_set_tooltip_text (away, gone);
  g_signal_connect (words, "changed", G_CALLBACK (on_words), letters);
  g_signal_connect (away, "clicked", G_CALLBACK (on_away), letters);
  gtk_container_add (GTK_CONTAINER (box), qi_label (number, "sf-hint"));
  gtk_container_add (GTK_CONTAINER (box), words);
  GtkWidget *place = place_button (letters, k);
  gtk_container_add (GTK_CONTAINER (box), place);
  g_object_set_data (G_OBJECT (box), "qi-place-button", place);
  GtkWidget *style = style_combo (letters, k);
  gtk_container_add (GTK_CONTAINER (box), style);
  g_object_set_data (G_OBJECT (box), "qi-words", words);
  g_object_set_data (G_OBJECT (box), "qi-style", gtk_bin_get_child (GTK_BIN (style)));
  gtk_container_add (GTK_CONTAINER (box), away);
  gtk_widget_show_all (box);
  gtk_container_add (GTK_CONTAINER (letters->rows), box);
}

/* A row that stays follows what is changed elsewhere: by dragging, by "Edit again". */
static void
show_row (GtkWidget *box, const QiSessionRow *row)
{
  GtkWidget *words = g_object_get_data (G_OBJECT (box), "qi-words"),
            *style = g_object_get_data (G_OBJECT (box), "qi-style");
  GtkWidget *place = g_object_get_data (G_OBJECT (box), "qi-place-button");
  GtkWidget *grid = gtk_bin_get_child (GTK_BIN (gtk_menu_button_get_popover (GTK_MENU_BUTTON (place))));

  if (g_strcmp0 (gtk_entry_get_text (GTK_ENTRY (words)), row->words) != 0)
    gtk_entry_set_text (GTK_ENTRY (words), row->words);
  if (g_strcmp0 (gtk_entry_get_text (GTK_ENTRY (style)), row->style) != 0)
    gtk_entry_set_text (GTK_ENTRY (style), row->style);
  show_place (place, row);
  gtk_toggle_button_set_active (
      GTK_TOGGLE_BUTTON (gtk_grid_get_child_at (GTK_GRID (grid), row->grid % 3, row->grid / 3)), TRUE);
}

/* -- from a text layer ------------------------------------------------------------------------------- */

static void
on_text_layer (GtkMenuItem *item, gpointer user_data)
{
  Letters *letters = user_data;
  const QiHostLayer *layer = g_object_get_data (G_OBJECT (item), "qi-layer");
  const QiRect frame = qi_session_frame (letters->session);
  const QiRect canvas = qi_session_view (letters->session)
                            ? (QiRect) { 0, 0, qi_session_view (letters->session)->image.width,
                                         qi_session_view (letters->session)->image.height }
                            : (QiRect) { 0 };
  const QiRect in = qi_rect_is_empty (&frame) ? canvas : frame;

  qi_session_add_row (letters->session, layer->words);
  const QiRect seen = qi_rect_intersect (&in, &layer->rect);
  if (qi_rect_is_empty (&seen))
    return;
  QiRect place = { (seen.x - in.x) * 100 / in.width, (seen.y - in.y) * 100 / in.height,
                   MAX (1, seen.width * 100 / in.width), MAX (1, seen.height * 100 / in.height) };
  place.x = MIN (place.x, 100 - place.width);
  place.y = MIN (place.y, 100 - place.height);
  const guint column = MIN (2, (place.x + place.width / 2) * 3 / 100),
              row = MIN (2, (place.y + place.height / 2) * 3 / 100);
  qi_session_place_row (letters->session, qi_session_n_rows (letters->session) - 1, row * 3 + column, &place);
}

static void
on_from_layer (GtkButton *button, gpointer user_data)
{
  Letters *letters = user_data;
  GtkWidget *menu = gtk_menu_new ();
  const gint image = qi_session_image (letters->session);
  GPtrArray *layers = image == QI_HOST_NONE ? NULL : qi_host_layers (qi_session_host (letters->session), image);
  guint n = 0;

  for (guint i = 0; layers && i < layers->len; i++)
    {
      const QiHostLayer *layer = layers->pdata[i];
      if (layer->kind != QI_HOST_TEXT || !layer->words || !*layer->words)
        continue;
      GtkWidget *item = gtk_menu_item_new_with_label (layer->name);
      g_object_set_data (G_OBJECT (item), "qi-layer", (gpointer) layer);
      g_signal_connect (item, "activate", G_CALLBACK (on_text_layer), letters);
      gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
      n++;
    }
  if (n == 0)
    {
      GtkWidget *item = gtk_menu_item_new_with_label (_ ("There are no text layers"));
      gtk_widget_set_sensitive (item, FALSE);
      gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
    }
  if (layers)
    g_object_set_data_full (G_OBJECT (menu), "qi-layers", layers, (GDestroyNotify) g_ptr_array_unref);
  gtk_widget_show_all (menu);
  gtk_menu_attach_to_widget (GTK_MENU (menu), GTK_WIDGET (button), NULL);
  g_signal_connect (menu, "selection-done", G_CALLBACK (gtk_widget_destroy), NULL);
  gtk_menu_popup_at_widget (GTK_MENU (menu), GTK_WIDGET (button), GDK_GRAVITY_SOUTH_WEST, GDK_GRAVITY_NORTH_WEST, NULL);
}

static void
on_add (GtkButton *button, gpointer user_data)
{
  qi_session_add_row (((Letters *) user_data)->session, NULL);
}

/* -- following the session --------------------------------------------------------------------------- */

/* Layers are not written on. */
static void
show_box (Letters *letters)
{
  gtk_widget_set_visible (letters->box, qi_session_n_rows (letters->session) > 0
                                            && qi_session_task (letters->session) != QI_TASK_SPLIT);
}

static void
rebuild (Letters *letters)
{
  const guint n = qi_session_n_rows (letters->session);
  GtkWidget *top = gtk_widget_get_toplevel (letters->box);
  GtkWidget *focus = GTK_IS_WINDOW (top) ? gtk_window_get_focus (GTK_WINDOW (top)) : NULL;
  g_autoptr (GList) before = gtk_container_get_children (GTK_CONTAINER (letters->rows));
  const gboolean more = n > g_list_length (before), had_focus = focus && gtk_widget_is_ancestor (focus, letters->rows);

  letters->ours = TRUE;
  qi_empty (letters->rows);
  for (guint k = 0; k < n; k++)
    add_row (letters, k);
  letters->ours = FALSE;
  show_box (letters);
  if ((more || had_focus) && n && GTK_IS_WINDOW (top))
    { /* a new row is there to be written in */
      g_autoptr (GList) boxes = gtk_container_get_children (GTK_CONTAINER (letters->rows));
      g_autoptr (GList) cells = gtk_container_get_children (GTK_CONTAINER (g_list_last (boxes)->data));
      gtk_widget_grab_focus (cells->next->data);
    }
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  Letters *letters = user_data;

  if (what & QI_CHANGED_LETTERING)
    rebuild (letters);
  else if (what & QI_CHANGED_STAGE)
    {
      g_autoptr (GList) boxes = gtk_container_get_children (GTK_CONTAINER (letters->rows));
      guint k = 0;
      letters->ours = TRUE;
      for (GList *l = boxes; l && k < qi_session_n_rows (session); l = l->next, k++)
        show_row (l->data, qi_session_row (session, k));
      letters->ours = FALSE;
    }
  if (what & QI_CHANGED_MODE)
    show_box (letters);
}

GtkWidget *
qi_lettering_new (QiSession *session)
{
  Letters *letters = g_new0 (Letters, 1);
  GtkWidget *head = qi_box (GTK_ORIENTATION_HORIZONTAL, 6), *title = qi_label (_ ("Lettering"), "sf-bold");
  GtkWidget *from = gtk_button_new (), *add = qi_button (_ ("Add ro_w"), "sf-add-symbolic", "flat sf-tight sf-small");

  letters->session = g_object_ref (session);
  letters->box = qi_box (GTK_ORIENTATION_VERTICAL, 6);
  letters->rows = qi_box (GTK_ORIENTATION_VERTICAL, 6);
  letters->styles = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);
  qi_css (from, "flat sf-tight sf-small");
  qi_button_fill (from, _ ("F_rom text layer"), NULL, TRUE);
  gtk_widget_set_hexpand (title, TRUE);
  g_signal_connect (from, "clicked", G_CALLBACK (on_from_layer), letters);
  g_signal_connect (add, "clicked", G_CALLBACK (on_add), letters);
  gtk_container_add (GTK_CONTAINER (head), title);
  gtk_container_add (GTK_CONTAINER (head), from);
  gtk_container_add (GTK_CONTAINER (head), add);
  gtk_container_add (GTK_CONTAINER (letters->box), head);
  gtk_container_add (GTK_CONTAINER (letters->box), letters->rows);
  gtk_widget_show_all (letters->box);
  gtk_widget_set_no_show_all (letters->box, TRUE);
  g_object_set_data_full (G_OBJECT (letters->box), "qi-letters", letters, letters_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), letters);
  rebuild (letters);
  return letters->box;
}
