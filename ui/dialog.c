/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/dialog.h"

#include <glib/gi18n-lib.h>

#include "ui/dialog-private.h"
#include "ui/widgets.h"

#define POLL_MS 500
#define TICK_MS 250
#define FOLD_HEIGHT 640

G_DEFINE_FINAL_TYPE (QiDialog, qi_dialog, GTK_TYPE_WINDOW)

/* -- following the session --------------------------------------------------------------------------- */

static void
show_head (QiDialog *dialog)
{
  g_autofree char *title = qi_session_title (dialog->session), *details = NULL,
                  *will = qi_session_will (dialog->session, &details);

  if (g_strcmp0 (gtk_window_get_title (GTK_WINDOW (dialog)), title) != 0)
    gtk_window_set_title (GTK_WINDOW (dialog), title);
  qi_set_text (dialog->will, will);
  qi_set_text (dialog->will_details, details);
  qi_dialog_show_mode (dialog);
}

static void
show_hint (QiDialog *dialog)
{
  g_autofree char *words = NULL;
  const char *button = NULL;
  const QiHint hint = qi_session_hint (dialog->session, &words, &button);

  if (hint != QI_HINT_NONE)
    {
      qi_set_text (dialog->hint_label, words);
      if (button)
        qi_button_fill (dialog->hint_button, button, NULL, FALSE);
      qi_set_visible (dialog->hint_button, button != NULL);
      if (!gtk_widget_get_visible (dialog->hint))
        qi_announce (dialog->hint_label, words);
    }
  gtk_revealer_set_reveal_child (GTK_REVEALER (dialog->hint), hint != QI_HINT_NONE);
  qi_set_visible (dialog->hint, hint != QI_HINT_NONE);
}

/* Under the picture: what it shows, and what can be done to it. */
static void
show_caption (QiDialog *dialog)
{
  QiSession *session = dialog->session;
  g_autofree char *caption = qi_session_caption (session);
  const gboolean running = qi_session_job_frame (session) != NULL, results = qi_session_shown (session) >= 0;
  const gboolean letters = qi_session_n_rows (session) > 0 && qi_session_task (session) != QI_TASK_SPLIT;
  const gboolean comparing = qi_scene_is_comparing (QI_SCENE (dialog->scene));

  qi_set_text (dialog->caption, caption);
  qi_set_visible (gtk_widget_get_parent (dialog->caption), *caption || running || results);
  qi_set_visible (dialog->undo, qi_session_can_undo (session));
  const QiTask task = qi_session_task (session);
  qi_set_visible (dialog->frame, !running && !results && !letters && (task == QI_TASK_EDIT || task == QI_TASK_FILL)
                                     && qi_session_view (session) != NULL);
  qi_set_visible (dialog->preview, running && !results);
  qi_set_visible (dialog->compare,
                  results
                      && qi_session_result (session, qi_session_shown (session))->request->task != QI_TASK_GENERATE);
  qi_set_visible (dialog->on_canvas, results && qi_session_may_go_on_canvas (session));
  qi_set_visible (dialog->grid, letters && !running && !results);
  dialog->ours = TRUE;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->on_canvas), qi_session_on_canvas (session));
  dialog->ours = FALSE;
  qi_set_visible (dialog->before, comparing);
  qi_set_visible (dialog->after, comparing);
}

static const struct
{
  const char *value, *label;
} frames[] = { { "auto", N_ ("automatic") },
               { "tight", N_ ("tight") },
               { "wide", N_ ("wide") },
               { "layer", N_ ("whole layer") } };

static void
show_frame (QiDialog *dialog)
{
  const char *now = qi_session_request (dialog->session)->frame, *label = _ ("by hand");

  for (guint k = 0; k < G_N_ELEMENTS (frames); k++)
    if (g_strcmp0 (now && *now ? now : "auto", frames[k].value) == 0)
      label = _ (frames[k].label);
  g_autofree char *text = g_strdup_printf (_ ("Fram_e: %s"), label);
  if (g_strcmp0 (text, dialog->frame_text) == 0)
    return;
  g_free (dialog->frame_text);
  dialog->frame_text = g_steal_pointer (&text);
  qi_button_fill (dialog->frame, dialog->frame_text, NULL, TRUE);
}

static void
show_status (QiDialog *dialog)
{
  g_autofree char *status = qi_session_status (dialog->session), *device = qi_session_device (dialog->session);

  qi_set_text (dialog->status, status);
  qi_set_text (dialog->device_label, device);
  g_autofree char *spoken = g_strdup_printf (_ ("Models and Devices, %s"), device);
  qi_name (dialog->device, spoken);
}

/* Fewer things where there is no room; the prompt keeps three lines. */
static void
fit (QiDialog *dialog)
{
  const gboolean low = gtk_widget_get_allocated_height (GTK_WIDGET (dialog)) < qi_px (GTK_WIDGET (dialog), FOLD_HEIGHT)
                       && gtk_widget_get_allocated_height (GTK_WIDGET (dialog)) > 1;
  const gboolean full = qi_session_shown (dialog->session) >= 0 || qi_session_n_rows (dialog->session) > 0
                        || qi_session_card (dialog->session) || qi_session_set_up_open (dialog->session);

  qi_options_set_folded (dialog->options, low || full);
  qi_prompt_entry_set_lines (dialog->prompt, low || full ? 3 : 4, low || full ? 4 : 8);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  QiDialog *dialog = user_data;

  if (what & (QI_CHANGED_MODE | QI_CHANGED_OPTIONS))
    show_head (dialog);
  if (what & (QI_CHANGED_HINT | QI_CHANGED_MODE | QI_CHANGED_FOOT))
    show_hint (dialog);
  if (what & (QI_CHANGED_STAGE | QI_CHANGED_RESULTS | QI_CHANGED_FOOT | QI_CHANGED_LETTERING | QI_CHANGED_MODE))
    show_caption (dialog);
  if (what & (QI_CHANGED_OPTIONS | QI_CHANGED_STAGE | QI_CHANGED_MODE))
    show_frame (dialog);
  if (what & QI_CHANGED_STATUS)
    show_status (dialog);
  if (what & (QI_CHANGED_RESULTS | QI_CHANGED_CARD | QI_CHANGED_LETTERING | QI_CHANGED_FOOT))
    fit (dialog);
}

static void
on_prompt_wanted (QiSession *session, gpointer user_data)
{
  gtk_widget_grab_focus (qi_prompt_entry_view (((QiDialog *) user_data)->prompt));
}

static gboolean
on_poll (gpointer user_data)
{
  QiDialog *dialog = user_data;

  if (gtk_widget_get_mapped (GTK_WIDGET (dialog)))
    qi_session_poll (dialog->session, gtk_window_is_active (GTK_WINDOW (dialog)));
  return G_SOURCE_CONTINUE;
}

static gboolean
on_tick (gpointer user_data)
{
  QiDialog *dialog = user_data;

  if (qi_session_job_frame (dialog->session))
    qi_session_tick (dialog->session);
  return G_SOURCE_CONTINUE;
}

/* -- building ---------------------------------------------------------------------------------------- */

static void
on_hint (GtkButton *button, gpointer user_data)
{
  qi_session_take_hint (((QiDialog *) user_data)->session);
}

static GtkWidget *
hint_row (QiDialog *dialog)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);

  dialog->hint = gtk_revealer_new ();
  gtk_revealer_set_transition_type (GTK_REVEALER (dialog->hint), GTK_REVEALER_TRANSITION_TYPE_NONE);
  dialog->hint_label = qi_label ("", NULL);
  gtk_label_set_line_wrap (GTK_LABEL (dialog->hint_label), TRUE);
  gtk_widget_set_hexpand (dialog->hint_label, TRUE);
  dialog->hint_button = gtk_button_new ();
  qi_css (dialog->hint_button, "flat sf-tight");
  g_signal_connect (dialog->hint_button, "clicked", G_CALLBACK (on_hint), dialog);
  gtk_container_add (GTK_CONTAINER (box), dialog->hint_label);
  gtk_container_add (GTK_CONTAINER (box), dialog->hint_button);
  gtk_container_add (GTK_CONTAINER (dialog->hint), box);
  gtk_widget_show_all (dialog->hint);
  gtk_widget_set_no_show_all (dialog->hint, TRUE);
  gtk_widget_hide (dialog->hint);
  return dialog->hint;
}

static void
on_toggle (GtkToggleButton *button, gpointer user_data)
{
  QiDialog *dialog = user_data;
  const gboolean on = gtk_toggle_button_get_active (button);

  if (dialog->ours)
    return;
  if (GTK_WIDGET (button) == dialog->preview)
    qi_scene_set_preview (QI_SCENE (dialog->scene), on);
  else if (GTK_WIDGET (button) == dialog->compare)
    qi_scene_set_compare (QI_SCENE (dialog->scene), on);
  else if (GTK_WIDGET (button) == dialog->grid)
    qi_scene_set_grid (QI_SCENE (dialog->scene), on);
  else
    qi_session_set_on_canvas (dialog->session, on);
  show_caption (dialog);
}

static GtkWidget *
toggle (QiDialog *dialog, const char *label, const char *icon, GtkWidget *box, gboolean on)
{
  GtkWidget *button = gtk_toggle_button_new ();

  qi_css (button, "flat sf-tight sf-small");
  qi_button_fill (button, label, icon, FALSE);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (button), on);
  g_signal_connect (button, "toggled", G_CALLBACK (on_toggle), dialog);
  gtk_container_add (GTK_CONTAINER (box), button);
  gtk_widget_show_all (button);
  gtk_widget_set_no_show_all (button, TRUE);
  return button;
}

static void
on_frame (GtkCheckMenuItem *item, gpointer user_data)
{
  qi_session_set (((QiDialog *) user_data)->session, "frame", g_object_get_data (G_OBJECT (item), "qi-frame"));
}

static GtkWidget *
frame_menu (QiDialog *dialog)
{
  GtkWidget *menu = gtk_menu_new (), *button = gtk_menu_button_new ();

  for (guint k = 0; k < G_N_ELEMENTS (frames); k++)
    {
      GtkWidget *item = gtk_menu_item_new_with_label (_ (frames[k].label));
      g_object_set_data (G_OBJECT (item), "qi-frame", (gpointer) frames[k].value);
      g_signal_connect (item, "activate", G_CALLBACK (on_frame), dialog);
      gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
    }
  gtk_widget_show_all (menu);
  gtk_menu_button_set_popup (GTK_MENU_BUTTON (button), menu);
  qi_css (button, "flat sf-tight sf-small");
  gtk_widget_set_no_show_all (button, TRUE);
  return button;
}

static GtkWidget *
osd (const char *text, GtkAlign side)
{
  GtkWidget *label = qi_label (text, "sf-osd sf-small");

  gtk_widget_set_direction (label, GTK_TEXT_DIR_LTR); /* a picture has the same left side in every language */
  gtk_widget_set_halign (label, side);
  gtk_widget_set_valign (label, GTK_ALIGN_START);
  g_object_set (label, "margin", qi_px (label, 8), NULL);
  gtk_widget_set_no_show_all (label, TRUE);
  return label;
}

static void
on_undo (GtkButton *button, gpointer user_data)
{
  qi_session_undo (((QiDialog *) user_data)->session);
}

static gboolean
on_scene_key (GtkWidget *scene, GdkEventKey *event, gpointer user_data)
{
  return qi_strip_key (((QiDialog *) user_data)->session, QI_SCENE (scene), event);
}

static GtkWidget *
picture_area (QiDialog *dialog)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_VERTICAL, 2), *overlay = gtk_overlay_new ();
  GtkWidget *row = qi_box (GTK_ORIENTATION_HORIZONTAL, 2);

  dialog->scene = qi_scene_new (dialog->session);
  g_signal_connect (dialog->scene, "key-press-event", G_CALLBACK (on_scene_key), dialog);
  g_signal_connect (dialog->scene, "key-release-event", G_CALLBACK (on_scene_key), dialog);
  dialog->before = osd (_ ("Before"), GTK_ALIGN_START);
  dialog->after = osd (_ ("After"), GTK_ALIGN_END);
  gtk_container_add (GTK_CONTAINER (overlay), dialog->scene);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), dialog->before);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), dialog->after);
  gtk_overlay_set_overlay_pass_through (GTK_OVERLAY (overlay), dialog->before, TRUE);
  gtk_overlay_set_overlay_pass_through (GTK_OVERLAY (overlay), dialog->after, TRUE);

  dialog->caption = qi_label ("", "sf-hint sf-small");
  gtk_label_set_ellipsize (GTK_LABEL (dialog->caption), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (dialog->caption, TRUE);
  gtk_container_add (GTK_CONTAINER (row), dialog->caption);
  dialog->undo = qi_button (_ ("Undo"), NULL, "flat sf-tight sf-small");
  gtk_widget_set_no_show_all (dialog->undo, TRUE);
  g_signal_connect (dialog->undo, "clicked", G_CALLBACK (on_undo), dialog);
  gtk_container_add (GTK_CONTAINER (row), dialog->undo);
  dialog->frame = frame_menu (dialog);
  gtk_container_add (GTK_CONTAINER (row), dialog->frame);
  dialog->preview = toggle (dialog, _ ("Pre_view"), "sf-eye-symbolic", row, TRUE);
  dialog->compare = toggle (dialog, _ ("_Compare"), "sf-compare-symbolic", row, TRUE);
  dialog->on_canvas = toggle (dialog, _ ("On ca_nvas"), "sf-eye-symbolic", row, qi_session_on_canvas (dialog->session));
  dialog->grid = toggle (dialog, _ ("_Grid"), "sf-grid-symbolic", row, FALSE);

  gtk_widget_set_vexpand (overlay, TRUE);
  gtk_container_add (GTK_CONTAINER (box), overlay);
  gtk_container_add (GTK_CONTAINER (box), row);
  gtk_widget_set_vexpand (box, TRUE);
  return box;
}

static GtkWidget *
head (QiDialog *dialog)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_VERTICAL, 8), *lines = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  dialog->mode = gtk_stack_new ();
  gtk_stack_set_hhomogeneous (GTK_STACK (dialog->mode), FALSE);
  gtk_stack_set_vhomogeneous (GTK_STACK (dialog->mode), FALSE);
  dialog->buttons_page = qi_dialog_mode_buttons (dialog);
  gtk_stack_add_named (GTK_STACK (dialog->mode), dialog->buttons_page, "buttons");
  gtk_stack_add_named (GTK_STACK (dialog->mode), qi_dialog_mode_combo (dialog), "combo");
  dialog->will = qi_label ("", NULL);
  dialog->will_details = qi_label ("", "sf-hint");
  gtk_label_set_line_wrap (GTK_LABEL (dialog->will), TRUE);
  gtk_label_set_width_chars (GTK_LABEL (dialog->will), 20);
  gtk_label_set_max_width_chars (GTK_LABEL (dialog->will), 44);
  gtk_label_set_ellipsize (GTK_LABEL (dialog->will_details), PANGO_ELLIPSIZE_END);
  gtk_container_add (GTK_CONTAINER (lines), dialog->will);
  gtk_container_add (GTK_CONTAINER (lines), dialog->will_details);
  gtk_container_add (GTK_CONTAINER (box), dialog->mode);
  gtk_container_add (GTK_CONTAINER (box), lines);
  g_object_set (box, "margin-start", qi_px (box, 12), "margin-end", qi_px (box, 12), "margin-top", qi_px (box, 12),
                NULL);
  return box;
}

static GtkWidget *
body (QiDialog *dialog)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL), *box = qi_box (GTK_ORIENTATION_VERTICAL, 12);
  GtkWidget *words = qi_box (GTK_ORIENTATION_VERTICAL, 6);

  dialog->prompt = qi_prompt_entry_new (dialog->session);
  dialog->references = qi_reference_list_new (dialog->session, dialog->prompt);
  gtk_container_add (GTK_CONTAINER (words), dialog->prompt);
  gtk_container_add (GTK_CONTAINER (words), hint_row (dialog));
  gtk_container_add (GTK_CONTAINER (words), dialog->references);
  gtk_container_add (GTK_CONTAINER (box), words);
  gtk_container_add (GTK_CONTAINER (box), qi_lettering_new (dialog->session));
  gtk_container_add (GTK_CONTAINER (box), picture_area (dialog));
  dialog->strip = qi_strip_new (dialog->session, QI_SCENE (dialog->scene));
  gtk_container_add (GTK_CONTAINER (box), dialog->strip);
  dialog->options = qi_options_new (dialog->session);
  gtk_container_add (GTK_CONTAINER (box), dialog->options);
  gtk_container_add (GTK_CONTAINER (box), qi_card_view_new (dialog->session, qi_dialog_card_act, dialog));
  g_object_set (box, "margin", qi_px (box, 12), NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled), TRUE);
  gtk_scrolled_window_set_overlay_scrolling (GTK_SCROLLED_WINDOW (scrolled), FALSE);
  gtk_container_add (GTK_CONTAINER (scrolled), box);
  gtk_container_set_focus_vadjustment (GTK_CONTAINER (box),
                                       gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (scrolled)));
  gtk_widget_set_vexpand (scrolled, TRUE);
  return scrolled;
}

static GtkWidget *
status_row (QiDialog *dialog)
{
  GtkWidget *row = qi_box (GTK_ORIENTATION_HORIZONTAL, 6), *shield = qi_icon ("sf-shield-symbolic", 14);
  GtkWidget *menu = gtk_menu_button_new ();

  qi_css (shield, "sf-hint");
  qi_name (shield, _ ("Local, no connection"));
  dialog->status = qi_label ("", "sf-hint sf-small");
  gtk_label_set_ellipsize (GTK_LABEL (dialog->status), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (dialog->status, TRUE);
  dialog->device = gtk_button_new ();
  dialog->device_label = qi_label ("", "sf-small");
  gtk_label_set_ellipsize (GTK_LABEL (dialog->device_label), PANGO_ELLIPSIZE_END);
  gtk_label_set_max_width_chars (GTK_LABEL (dialog->device_label), 24);
  gtk_container_add (GTK_CONTAINER (dialog->device), dialog->device_label);
  qi_css (dialog->device, "flat sf-tight");
  g_signal_connect_swapped (dialog->device, "clicked", G_CALLBACK (qi_dialog_open_models), dialog);
  qi_button_fill (menu, NULL, "sf-menu-symbolic", FALSE);
  qi_css (menu, "flat sf-tight");
  qi_name (menu, _ ("Menu"));
  gtk_widget_set_tooltip_text (menu, _ ("Menu"));
  gtk_menu_button_set_popup (GTK_MENU_BUTTON (menu), qi_dialog_menu (dialog));
  dialog->menu = menu;
  gtk_container_add (GTK_CONTAINER (row), shield);
  gtk_container_add (GTK_CONTAINER (row), dialog->status);
  gtk_container_add (GTK_CONTAINER (row), dialog->device);
  gtk_container_add (GTK_CONTAINER (row), menu);
  g_object_set (row, "margin-top", qi_px (row, 2), "margin-end", qi_px (row, 6), "margin-bottom", qi_px (row, 2),
                "margin-start", qi_px (row, 12), NULL);
  return row;
}

static GtkWidget *
line (void)
{
  GtkWidget *separator = gtk_separator_new (GTK_ORIENTATION_HORIZONTAL);

  qi_css (separator, "sf-separator");
  return separator;
}

/* Dim text needs a theme whose contrast can bear it; GIMP's Gray one cannot. */
static void
on_style (GtkWidget *widget, gpointer user_data)
{
  GdkRGBA ink, paper;
  GtkStyleContext *style = gtk_widget_get_style_context (widget);

  gtk_style_context_get_color (style, GTK_STATE_FLAG_NORMAL, &ink);
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  gtk_style_context_get_background_color (style, GTK_STATE_FLAG_NORMAL, &paper);
  G_GNUC_END_IGNORE_DEPRECATIONS
  const double value = 0.2126 * paper.red + 0.7152 * paper.green + 0.0722 * paper.blue;
  const gboolean undimmed = paper.alpha > 0.5 && value > 0.3 && value < 0.7;
  if (undimmed != gtk_style_context_has_class (style, "sf-undimmed"))
    qi_css_set (widget, "sf-undimmed", undimmed);
}

static void
qi_dialog_size_allocate (GtkWidget *widget, GtkAllocation *allocation)
{
  QiDialog *dialog = QI_DIALOG (widget);
  int natural = 0, page = 0;

  GTK_WIDGET_CLASS (qi_dialog_parent_class)->size_allocate (widget, allocation);
  gtk_widget_get_preferred_width (dialog->buttons_page, NULL, &natural);
  gtk_widget_get_preferred_width (dialog->buttons_page, &page, NULL);
  const char *wanted = natural + 2 * qi_px (widget, 12) > gtk_widget_get_allocated_width (widget) ? "combo" : "buttons";
  if (g_strcmp0 (gtk_stack_get_visible_child_name (GTK_STACK (dialog->mode)), wanted) != 0)
    gtk_stack_set_visible_child_name (GTK_STACK (dialog->mode), wanted);
}

static void
on_configured (GtkWidget *widget, GdkRectangle *allocation, gpointer user_data)
{
  int width, height;

  fit (QI_DIALOG (widget));
  gtk_window_get_size (GTK_WINDOW (widget), &width, &height);
  qi_settings_set_int (qi_session_settings (QI_DIALOG (widget)->session), "width", width);
  qi_settings_set_int (qi_session_settings (QI_DIALOG (widget)->session), "height", height);
}

static void
on_focus (GtkWindow *window, GtkWidget *focus, gpointer user_data)
{
  QiDialog *dialog = QI_DIALOG (window);

  qi_foot_set_focus (dialog->foot, qi_dialog_focus (dialog));
}

static void
qi_dialog_dispose (GObject *object)
{
  QiDialog *dialog = QI_DIALOG (object);

  if (dialog->prompt_key)
    gtk_window_remove_mnemonic (GTK_WINDOW (dialog), dialog->prompt_key, qi_prompt_entry_view (dialog->prompt));
  dialog->prompt_key = 0;
  g_clear_handle_id (&dialog->poll, g_source_remove);
  g_clear_handle_id (&dialog->tick, g_source_remove);
  if (dialog->session)
    g_signal_handlers_disconnect_by_data (dialog->session, dialog);
  g_clear_object (&dialog->session);
  g_clear_pointer (&dialog->frame_text, g_free);
  G_OBJECT_CLASS (qi_dialog_parent_class)->dispose (object);
}

static void
qi_dialog_class_init (QiDialogClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = qi_dialog_dispose;
  GTK_WIDGET_CLASS (klass)->key_press_event = qi_dialog_key_press;
  GTK_WIDGET_CLASS (klass)->size_allocate = qi_dialog_size_allocate;
}

static void
qi_dialog_init (QiDialog *dialog)
{
}

/* As it was last, and never larger than the screen: at twice the font it would be. */
static void
set_size (QiDialog *dialog)
{
  GtkWidget *widget = GTK_WIDGET (dialog);
  QiSettings *settings = qi_session_settings (dialog->session);
  GdkDisplay *display = gtk_widget_get_display (widget);
  GdkMonitor *monitor = gdk_display_get_primary_monitor (display);
  GdkRectangle area = { 0, 0, G_MAXINT, G_MAXINT };
  const int title = qi_px (widget, 40);

  if (monitor || (monitor = gdk_display_get_monitor (display, 0)))
    gdk_monitor_get_workarea (monitor, &area);
  const int min_width = MIN (qi_px (widget, 400), area.width),
            min_height = MIN (qi_px (widget, 560), area.height - title);
  GdkGeometry least = { .min_width = min_width, .min_height = min_height };
  gtk_window_set_geometry_hints (GTK_WINDOW (dialog), NULL, &least, GDK_HINT_MIN_SIZE);
  gtk_window_set_default_size (
      GTK_WINDOW (dialog), CLAMP (qi_settings_get_int (settings, "width", qi_px (widget, 432)), min_width, area.width),
      CLAMP (qi_settings_get_int (settings, "height", qi_px (widget, 772)), min_height, area.height - title));
}

GtkWidget *
qi_dialog_new (QiSession *session)
{
  qi_widgets_init ();
  QiDialog *dialog = g_object_new (QI_TYPE_DIALOG, "type-hint", GDK_WINDOW_TYPE_HINT_NORMAL, "role", "sfumato", NULL);
  GtkWidget *widget = GTK_WIDGET (dialog), *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  dialog->session = g_object_ref (session);
  qi_css (widget, "sfumato");
  gtk_container_add (GTK_CONTAINER (box), head (dialog));
  gtk_container_add (GTK_CONTAINER (box), body (dialog));
  gtk_container_add (GTK_CONTAINER (box), line ());
  dialog->foot = qi_foot_new (session);
  g_object_set (dialog->foot, "margin-start", qi_px (widget, 12), "margin-end", qi_px (widget, 12), "margin-top",
                qi_px (widget, 12), "margin-bottom", qi_px (widget, 10), NULL);
  gtk_container_add (GTK_CONTAINER (box), dialog->foot);
  gtk_container_add (GTK_CONTAINER (box), line ());
  gtk_container_add (GTK_CONTAINER (box), status_row (dialog));
  gtk_container_add (GTK_CONTAINER (dialog), box);
  gtk_widget_show_all (box);
  set_size (dialog);
  qi_dialog_add_prompt_mnemonic (dialog);
  g_signal_connect (dialog, "style-updated", G_CALLBACK (on_style), NULL);
  g_signal_connect (dialog, "size-allocate", G_CALLBACK (on_configured), NULL);
  g_signal_connect_after (dialog, "set-focus", G_CALLBACK (on_focus), NULL);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), dialog);
  g_signal_connect (session, "prompt-wanted", G_CALLBACK (on_prompt_wanted), dialog);
  on_changed (session, QI_CHANGED_ALL, dialog);
  on_style (widget, NULL);
  dialog->poll = g_timeout_add (POLL_MS, on_poll, dialog);
  dialog->tick = g_timeout_add (TICK_MS, on_tick, dialog);
  gtk_widget_grab_focus (qi_prompt_entry_view (dialog->prompt));
  return widget;
}
