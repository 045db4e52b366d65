/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "ui/flow.h"
#include "ui/parts.h"
#include "ui/widgets.h"

#define NAME_CHARS 9

typedef struct
{
  QiSession *session;
  GtkWidget *flow, *prompt, *add;
} List;

static List *
list_of (GtkWidget *widget)
{
  return g_object_get_data (G_OBJECT (widget), "qi-list");
}

static void
list_free (gpointer data)
{
  List *list = data;

  g_signal_handlers_disconnect_by_data (list->session, list);
  g_object_unref (list->session);
  g_free (list);
}

static void
append (List *list, GtkWidget *widget)
{
  gtk_widget_show_all (widget);
  gtk_container_add (GTK_CONTAINER (list->flow), widget);
}

/* -- chips ------------------------------------------------------------------------------------------- */

static void
on_insert (GtkButton *button, gpointer user_data)
{
  List *list = user_data;
  const guint number = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "qi-number"));
  g_autofree char *name = g_strdup_printf ("Picture %u", number); /* the model's own name, in every language */

  qi_prompt_entry_insert (list->prompt, name);
}

static void
on_remove (GtkButton *button, gpointer user_data)
{
  List *list = user_data;

  qi_session_remove_reference (list->session, GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "qi-index")));
  gtk_widget_grab_focus (list->add);
}

/* The picture of a chip; NULL: it cannot be read. (transfer full) */
static GdkPixbuf *
thumbnail (List *list, const QiHostReference *reference)
{
  const int width = qi_px (list->flow, 26), height = qi_px (list->flow, 20);

  if (reference->path)
    return gdk_pixbuf_new_from_file_at_scale (reference->path, width, height, FALSE, NULL);
  g_autoptr (QiHostView) view = qi_host_look (qi_session_host (list->session), reference->image);
  QiRect rect = { 0, 0, view->image.width, view->image.height };
  if (reference->layer != QI_HOST_NONE)
    {
      g_autoptr (GPtrArray) layers = qi_host_layers (qi_session_host (list->session), reference->image);
      for (guint i = 0; layers && i < layers->len; i++)
        if (((QiHostLayer *) layers->pdata[i])->id == reference->layer)
          rect = ((QiHostLayer *) layers->pdata[i])->rect;
    }
  if (qi_rect_is_empty (&rect))
    return NULL;
  const double scale = MIN (1, MAX (2.0 * width / rect.width, 2.0 * height / rect.height));
  g_autoptr (QiImage) image =
      qi_host_read (qi_session_host (list->session), reference->image, reference->layer, QI_HOST_NONE, &rect,
                    MAX (1, (int) (rect.width * scale)), MAX (1, (int) (rect.height * scale)), NULL);
  return image ? qi_thumbnail (image, width, height) : NULL;
}

static GtkWidget *
chip (List *list, guint number, const char *name, GdkPixbuf *picture)
{
  GtkWidget *button = gtk_button_new (), *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);
  g_autofree char *label = g_strdup_printf (_ ("Picture %u"), number);
  g_autofree char *spoken = g_strdup_printf (_ ("Picture %u, %s, insert into prompt"), number, name);
  GtkWidget *title = qi_label (label, "sf-bold"), *dim = qi_label (name, "sf-hint");

  gtk_container_add (GTK_CONTAINER (box),
                     picture ? gtk_image_new_from_pixbuf (picture) : qi_icon ("sf-picture-symbolic", 16));
  gtk_label_set_ellipsize (GTK_LABEL (dim), PANGO_ELLIPSIZE_END);
  gtk_label_set_width_chars (GTK_LABEL (dim), MIN (3, g_utf8_strlen (name, -1)));
  gtk_label_set_max_width_chars (GTK_LABEL (dim), NAME_CHARS);
  gtk_container_add (GTK_CONTAINER (box), title);
  gtk_container_add (GTK_CONTAINER (box), dim);
  gtk_container_add (GTK_CONTAINER (button), box);
  qi_css (button, "sf-chip");
  qi_name (button, spoken);
  gtk_widget_set_tooltip_text (button, name);
  g_object_set_data (G_OBJECT (button), "qi-number", GUINT_TO_POINTER (number));
  g_signal_connect (button, "clicked", G_CALLBACK (on_insert), list);
  return button;
}

static void
on_source (GtkCheckMenuItem *item, gpointer user_data)
{
  List *list = user_data;

  if (gtk_check_menu_item_get_active (item))
    qi_session_set (list->session, "source", g_object_get_data (G_OBJECT (item), "qi-source"));
}

static GtkWidget *
source_menu (List *list)
{
  GtkWidget *menu = gtk_menu_new (), *button = gtk_menu_button_new ();
  GtkWidget *layer = gtk_radio_menu_item_new_with_label (NULL, _ ("This layer"));
  GtkWidget *visible =
      gtk_radio_menu_item_new_with_label_from_widget (GTK_RADIO_MENU_ITEM (layer), _ ("Everything visible"));
  const QiHostView *view = qi_session_view (list->session);
  const gboolean all =
      qi_session_request (list->session)->source == QI_SOURCE_VISIBLE || !view || view->layer.id == QI_HOST_NONE;

  gtk_check_menu_item_set_active (GTK_CHECK_MENU_ITEM (all ? visible : layer), TRUE);
  gtk_widget_set_sensitive (layer, view && view->layer.id != QI_HOST_NONE);
  g_object_set_data (G_OBJECT (layer), "qi-source", (gpointer) "layer");
  g_object_set_data (G_OBJECT (visible), "qi-source", (gpointer) "visible");
  gtk_menu_shell_append (GTK_MENU_SHELL (menu), layer);
  gtk_menu_shell_append (GTK_MENU_SHELL (menu), visible);
  gtk_widget_show_all (menu);
  g_signal_connect (layer, "toggled", G_CALLBACK (on_source), list);
  g_signal_connect (visible, "toggled", G_CALLBACK (on_source), list);
  gtk_menu_button_set_popup (GTK_MENU_BUTTON (button), menu);
  qi_button_fill (button, NULL, NULL, TRUE);
  qi_css (button, "sf-chip sf-narrow");
  qi_name (button, _ ("What Picture 1 is"));
  gtk_widget_set_tooltip_text (button, _ ("What Picture 1 is"));
  return button;
}

/* Picture 1 is what the model sees: it cannot be taken away. */
static void
add_own_picture (List *list)
{
  const QiHostView *view = qi_session_view (list->session);
  const QiRect frame = qi_session_task (list->session) == QI_TASK_EXPAND ? qi_session_old (list->session)
                                                                         : qi_session_frame (list->session);
  const gboolean part = view && (frame.width < view->image.width || frame.height < view->image.height);
  const gboolean all = qi_session_request (list->session)->source == QI_SOURCE_VISIBLE || !view
                       || view->layer.id == QI_HOST_NONE || qi_session_task (list->session) == QI_TASK_EXPAND;
  const int width = qi_px (list->flow, 26), height = qi_px (list->flow, 20);
  g_autoptr (GdkPixbuf) picture = NULL;

  if (!qi_rect_is_empty (&frame))
    {
      const double scale = MIN (1, MAX (2.0 * width / frame.width, 2.0 * height / frame.height));
      g_autoptr (QiImage) image = qi_host_read (
          qi_session_host (list->session), view->image.id, all ? QI_HOST_NONE : view->layer.id, QI_HOST_NONE, &frame,
          MAX (1, (int) (frame.width * scale)), MAX (1, (int) (frame.height * scale)), NULL);
      picture = image ? qi_thumbnail (image, width, height) : NULL;
    }
  GtkWidget *linked = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);
  qi_css (linked, "linked");
  gtk_container_add (GTK_CONTAINER (linked), chip (list, 1,
                                                   part  ? _ ("frame")
                                                   : all ? _ ("image")
                                                         : _ ("layer"),
                                                   picture));
  if (qi_session_task (list->session) != QI_TASK_EXPAND) /* which goes on from all that is visible */
    gtk_container_add (GTK_CONTAINER (linked), source_menu (list));
  append (list, linked);
}

static void
add_chip (List *list, guint k)
{
  const QiHostReference *reference = qi_session_reference (list->session, k);
  const guint number = qi_session_reference_number (list->session, k);
  g_autoptr (GdkPixbuf) picture = thumbnail (list, reference);
  g_autofree char *spoken = g_strdup_printf (_ ("Remove Picture %u"), number);
  GtkWidget *linked = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0),
            *away = qi_button (NULL, "sf-close-symbolic", "sf-chip sf-narrow");

  qi_css (linked, "linked");
  qi_name (away, spoken);
  gtk_widget_set_tooltip_text (away, spoken);
  g_object_set_data (G_OBJECT (away), "qi-index", GUINT_TO_POINTER (k));
  g_signal_connect (away, "clicked", G_CALLBACK (on_remove), list);
  gtk_container_add (GTK_CONTAINER (linked), chip (list, number, reference->name, picture));
  gtk_container_add (GTK_CONTAINER (linked), away);
  append (list, linked);
}

/* -- adding ------------------------------------------------------------------------------------------ */

static void
on_reference_item (GtkMenuItem *item, gpointer user_data)
{
  List *list = user_data;

  qi_session_add_reference (list->session, g_object_get_data (G_OBJECT (item), "qi-reference"));
}

static void
reference_item (List *list, GtkWidget *menu, gint image, gint layer, const char *name)
{
  QiHostReference reference = { .image = image, .layer = layer, .name = (char *) name };
  GtkWidget *item = gtk_menu_item_new_with_label (name);

  g_object_set_data_full (G_OBJECT (item), "qi-reference", qi_host_reference_copy (&reference),
                          (GDestroyNotify) qi_host_reference_free);
  g_signal_connect (item, "activate", G_CALLBACK (on_reference_item), list);
  gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
}

static void
on_file (GtkMenuItem *item, gpointer user_data)
{
  List *list = user_data;
  GtkWidget *top = gtk_widget_get_toplevel (list->flow);
  g_autoptr (GtkFileChooserNative) chooser =
      gtk_file_chooser_native_new (_ ("Add picture"), GTK_WINDOW (top), GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);
  GtkFileFilter *filter = gtk_file_filter_new ();

  gtk_file_filter_add_pixbuf_formats (filter);
  gtk_file_filter_set_name (filter, _ ("Pictures"));
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), filter);
  if (gtk_native_dialog_run (GTK_NATIVE_DIALOG (chooser)) != GTK_RESPONSE_ACCEPT)
    return;
  g_autofree char *path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (chooser));
  g_autofree char *name = g_path_get_basename (path);
  const QiHostReference reference = { .image = QI_HOST_NONE, .layer = QI_HOST_NONE, .path = path, .name = name };
  qi_session_add_reference (list->session, &reference);
}

/* A file of its own, named by its contents: a picture that is edited again has to find it. */
static void
on_clipboard (GtkMenuItem *item, gpointer user_data)
{
  List *list = user_data;
  GtkClipboard *clipboard = gtk_widget_get_clipboard (list->flow, GDK_SELECTION_CLIPBOARD);
  g_autoptr (GdkPixbuf) picture = gtk_clipboard_wait_for_image (clipboard);
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "sfumato", "clipboard", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *data = NULL;
  gsize size = 0;

  if (!picture || !gdk_pixbuf_save_to_buffer (picture, &data, &size, "png", &error, NULL))
    return;
  g_autofree char *hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, size);
  g_autofree char *file = g_strdup_printf ("%.16s.png", hash);
  g_autofree char *path = g_build_filename (folder, file, NULL);
  if (g_mkdir_with_parents (folder, 0700) != 0 || !g_file_set_contents (path, data, size, &error))
    return;
  const QiHostReference reference = {
    .image = QI_HOST_NONE, .layer = QI_HOST_NONE, .path = path, .name = (char *) _ ("clipboard")
  };
  qi_session_add_reference (list->session, &reference);
}

static GtkWidget *
submenu (GtkWidget *menu, const char *label)
{
  GtkWidget *item = gtk_menu_item_new_with_mnemonic (label), *below = gtk_menu_new ();

  gtk_menu_item_set_submenu (GTK_MENU_ITEM (item), below);
  gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
  return below;
}

static void
entry (List *list, GtkWidget *menu, const char *label, GCallback activate)
{
  GtkWidget *item = gtk_menu_item_new_with_mnemonic (label);

  g_signal_connect (item, "activate", activate, list);
  gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
}

static GtkWidget *
build_menu (List *list)
{
  GtkWidget *menu = gtk_menu_new ();
  QiHost *host = qi_session_host (list->session);
  const gint own = qi_session_image (list->session);
  g_autoptr (GPtrArray) layers = own == QI_HOST_NONE ? NULL : qi_host_layers (host, own);
  g_autoptr (GPtrArray) images = qi_host_images (host);

  if (layers && layers->len)
    {
      GtkWidget *below = submenu (menu, _ ("_Layer"));
      for (guint i = 0; i < layers->len; i++)
        {
          const QiHostLayer *layer = layers->pdata[i];
          reference_item (list, below, own, layer->id, layer->name);
        }
    }
  if (images && images->len)
    {
      GtkWidget *below = submenu (menu, _ ("Open _image"));
      for (guint i = 0; i < images->len; i++)
        {
          const QiHostImage *image = images->pdata[i];
          reference_item (list, below, image->id, QI_HOST_NONE, image->name);
        }
    }
  entry (list, menu, _ ("_File…"), G_CALLBACK (on_file));
  entry (list, menu, _ ("From _clipboard"), G_CALLBACK (on_clipboard));
  gtk_widget_show_all (menu);
  return menu;
}

static void
on_add (GtkButton *button, gpointer user_data)
{
  GtkWidget *menu = build_menu (user_data);

  gtk_menu_attach_to_widget (GTK_MENU (menu), GTK_WIDGET (button), NULL);
  g_signal_connect (menu, "selection-done", G_CALLBACK (gtk_widget_destroy), NULL);
  gtk_menu_popup_at_widget (GTK_MENU (menu), GTK_WIDGET (button), GDK_GRAVITY_SOUTH_WEST, GDK_GRAVITY_NORTH_WEST, NULL);
}

static void
on_text (GtkButton *button, gpointer user_data)
{
  qi_session_add_row (((List *) user_data)->session, NULL);
}

static void
rebuild (List *list)
{
  const gboolean letters = qi_session_n_rows (list->session) > 0;
  const gboolean narrow = qi_session_n_references (list->session) > 0;
  GtkWidget *top = gtk_widget_get_toplevel (list->flow), *text;
  GtkWidget *focus = GTK_IS_WINDOW (top) ? gtk_window_get_focus (GTK_WINDOW (top)) : NULL;
  const gboolean had_focus = focus && gtk_widget_is_ancestor (focus, list->flow);

  qi_empty (list->flow);
  if (qi_session_task (list->session) != QI_TASK_GENERATE)
    add_own_picture (list);
  if (qi_session_task (list->session) == QI_TASK_SPLIT)
    { /* one picture, and nothing is written on it */
      list->add = NULL;
      return;
    }
  for (guint k = 0; k < qi_session_n_references (list->session); k++)
    add_chip (list, k);
  list->add = qi_button (narrow ? NULL : _ ("Pict_ure"), "sf-add-symbolic", "sf-chip");
  qi_name (list->add, _ ("Add picture"));
  gtk_widget_set_tooltip_text (list->add, _ ("Add picture"));
  atk_object_set_role (gtk_widget_get_accessible (list->add), ATK_ROLE_PUSH_BUTTON);
  g_signal_connect (list->add, "clicked", G_CALLBACK (on_add), list);
  append (list, list->add);
  if (!letters)
    {
      text = qi_button (narrow ? NULL : _ ("Te_xt"), "sf-text-symbolic", "sf-chip");
      qi_name (text, _ ("Add lettering"));
      gtk_widget_set_tooltip_text (text, _ ("Add lettering"));
      g_signal_connect (text, "clicked", G_CALLBACK (on_text), list);
      append (list, text);
    }
  if (had_focus)
    gtk_widget_grab_focus (list->add);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  if (what & (QI_CHANGED_REFERENCES | QI_CHANGED_MODE))
    rebuild (user_data);
}

GtkWidget *
qi_reference_list_new (QiSession *session, GtkWidget *prompt_entry)
{
  List *list = g_new0 (List, 1);

  list->session = g_object_ref (session);
  list->prompt = prompt_entry;
  list->flow = qi_flow_new (qi_px (prompt_entry, 6), qi_px (prompt_entry, 4));
  qi_name (list->flow, _ ("Pictures"));
  g_object_set_data_full (G_OBJECT (list->flow), "qi-list", list, list_free);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), list);
  rebuild (list);
  return list->flow;
}

void
qi_reference_list_add (GtkWidget *widget)
{
  if (list_of (widget)->add)
    gtk_button_clicked (GTK_BUTTON (list_of (widget)->add));
}
