/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/models-window.c — Models and Devices. Changes apply at once. */
#include <glib/gi18n-lib.h>
#include <gio/gio.h>

#include "ui/dialog.h"
#include "ui/widgets.h"
#include "ui/wording.h"

typedef struct
{
  QiClient *client;
  QiSettings *settings;
  QiEngineInfo *info;
  GCancellable *cancel;
  GtkWidget *window, *devices, *processor_radio, *bar, *legend, *free, *models, *folder, *facts, *ready, *note;
  gboolean ours;
} Models;

static const double ready_seconds[] = { 0, 60, 600, 3600 };

static void ask (Models *models);

static void
models_free (gpointer data)
{
  Models *models = data;

  g_cancellable_cancel (models->cancel);
  g_object_unref (models->cancel);
  g_object_unref (models->client);
  g_object_unref (models->settings);
  qi_engine_info_free (models->info);
  g_free (models);
}

static void
say (Models *models, const char *text)
{
  qi_set_text (models->note, text);
  qi_set_visible (models->note, *text != '\0');
  if (*text)
    qi_announce (models->note, text);
}

static char *
choose (GtkWindow *parent, const char *title, GtkFileChooserAction action)
{
  g_autoptr (GtkFileChooserNative) chooser = gtk_file_chooser_native_new (title, parent, action, NULL, NULL);

  if (gtk_native_dialog_run (GTK_NATIVE_DIALOG (chooser)) != GTK_RESPONSE_ACCEPT)
    return NULL;
  return gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (chooser));
}

gboolean
qi_models_choose_file (QiSettings *settings, GtkWindow *parent)
{
  g_autofree char *path = choose (parent, _ ("Model file"), GTK_FILE_CHOOSER_ACTION_OPEN);

  return path && qi_settings_set_model (settings, path, NULL);
}

/* -- rows -------------------------------------------------------------------------------------------- */

static GtkWidget *
row (GtkWidget *list, GtkWidget *first, const char *name, const char *facts, GtkWidget *last)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 10), *lines = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *title = qi_label (name, "sf-bold"), *dim = qi_label (facts, "sf-hint sf-small");

  gtk_label_set_ellipsize (GTK_LABEL (title), PANGO_ELLIPSIZE_END);
  gtk_label_set_line_wrap (GTK_LABEL (dim), TRUE);
  gtk_widget_set_hexpand (lines, TRUE);
  qi_css (lines, "sf-clear");
  gtk_container_add (GTK_CONTAINER (lines), title);
  gtk_container_add (GTK_CONTAINER (lines), dim);
  if (first)
    gtk_container_add (GTK_CONTAINER (box), first);
  gtk_container_add (GTK_CONTAINER (box), lines);
  if (last)
    gtk_container_add (GTK_CONTAINER (box), last);
  g_object_set (box, "margin", qi_px (box, 5), NULL);
  gtk_widget_show_all (box);
  gtk_container_add (GTK_CONTAINER (list), box);
  qi_name (box, name);
  return box;
}

static GtkWidget *
state (const char *text, gboolean good)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *icon = qi_icon (good ? "sf-check-symbolic" : "sf-warning-symbolic", 16);

  qi_css (icon, good ? "sf-mark-green" : "sf-mark-amber");
  gtk_container_add (GTK_CONTAINER (box), icon);
  gtk_container_add (GTK_CONTAINER (box), qi_label (text, NULL));
  return box;
}

static void
on_device (GtkToggleButton *button, gpointer user_data)
{
  Models *models = user_data;

  if (models->ours)
    return;
  const gboolean processor = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (models->processor_radio));
  qi_settings_set_string (models->settings, "device", processor ? "cpu" : "");
  ask (models);
}

static void
show_devices (Models *models)
{
  const QiEngineInfo *info = models->info;
  g_autofree char *chosen = qi_settings_get_string (models->settings, "device");
  const gboolean processor = g_strcmp0 (chosen, "cpu") == 0;
  g_autofree char *memory = info && info->memory_bytes ? qi_words_bytes (info->memory_bytes) : g_strdup ("");

  models->ours = TRUE;
  qi_empty (models->devices);
  models->processor_radio = NULL;
  if (info && !info->device)
    row (models->devices, NULL, _ ("No usable device"), info->problem ? info->problem : "",
         state (_ ("Too old"), FALSE));
  else
    {
      GtkWidget *fastest = gtk_radio_button_new (NULL),
                *cpu = gtk_radio_button_new_from_widget (GTK_RADIO_BUTTON (fastest));
      const gboolean known = info && !info->software;
      const char *name = known ? info->device : _ ("The fastest there is");
      qi_name (fastest, name);
      qi_name (cpu, _ ("Processor"));
      models->processor_radio = cpu;
      gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (processor ? cpu : fastest), TRUE);
      g_signal_connect (fastest, "toggled", G_CALLBACK (on_device), models);
      row (models->devices, fastest, name,
           known  ? memory
           : info ? _ ("No graphics card was found: the processor does the work")
                  : _ ("Looking…"),
           known ? state (_ ("Fastest"), TRUE) : NULL);
      row (models->devices, cpu, _ ("Processor"), _ ("Works everywhere, slowly"), NULL);
    }
  models->ours = FALSE;
}

static void
show_memory (Models *models)
{
  const QiEngineInfo *info = models->info;
  const gboolean known = info && info->memory_bytes > 0;
  g_autofree char *used = qi_words_bytes (known ? info->used_bytes : 0);
  g_autofree char *left = qi_words_bytes (known ? info->memory_bytes - MIN (info->used_bytes, info->memory_bytes) : 0);
  g_autofree char *text = known ? g_strdup_printf (_ ("In use %s, free %s"), used, left) : g_strdup ("");

  gtk_level_bar_set_value (GTK_LEVEL_BAR (models->bar),
                           known ? MIN (1, (double) info->used_bytes / info->memory_bytes) : 0);
  qi_set_text (models->legend, text);
  qi_name (models->bar, known ? text : _ ("Memory"));
}

static void
show_models (Models *models)
{
  const QiEngineInfo *info = models->info;

  qi_empty (models->models);
  if (!info)
    row (models->models, NULL, _ ("Looking…"), "", NULL);
  else if (info->model)
    {
      GtkWidget *item = row (models->models, qi_icon ("sf-picture-symbolic", 16), info->model,
                             info->demo    ? _ ("Draws and edits simple shapes, for practice. Came along.")
                             : info->edits ? _ ("Edits, fills and makes new pictures")
                                           : _ ("Makes new pictures"),
                             state (info->loaded ? _ ("Loaded") : _ ("Ready"), TRUE));
      if (info->model_path)
        gtk_widget_set_tooltip_text (item, info->model_path);
    }
  if (info && info->problem && !(info->device == NULL))
    row (models->models, NULL, _ ("A model cannot be used"), info->problem, state (_ ("Problem"), FALSE));
  g_autofree char *path = qi_settings_model (models->settings);
  g_autofree char *folder = path ? g_path_is_absolute (path) ? g_path_get_dirname (path) : g_strdup (path) : NULL;
  qi_button_fill (models->folder, NULL, "sf-folder-symbolic", FALSE);
  GtkWidget *label = gtk_label_new (folder ? folder : _ ("none yet"));
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_START);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 40);
  gtk_container_add (GTK_CONTAINER (gtk_bin_get_child (GTK_BIN (models->folder))), label);
  gtk_widget_show (label);
  g_autofree char *spoken = g_strdup_printf (_ ("Folder: %s"), folder ? folder : _ ("none yet"));
  qi_name (models->folder, spoken);
}

static void
show (Models *models)
{
  show_devices (models);
  show_memory (models);
  show_models (models);
}

static void
on_info (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  QiEngineInfo *info = qi_client_info_finish (QI_CLIENT (source), result, &error);
  Models *models = user_data; /* gone when it was cancelled */

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (!info)
    {
      say (models, error->message);
      return;
    }
  qi_engine_info_free (models->info);
  models->info = info;
  show (models);
}

static void
ask (Models *models)
{
  g_autoptr (QiRequest) request = qi_request_new ();

  request->device = qi_settings_get_string (models->settings, "device");
  g_cancellable_cancel (models->cancel);
  g_object_unref (models->cancel);
  models->cancel = g_cancellable_new ();
  qi_client_info_async (models->client, request, 0, models->cancel, on_info, models);
}

/* -- buttons ----------------------------------------------------------------------------------------- */

static void
set_model (Models *models, const char *path)
{
  g_autoptr (GError) error = NULL;

  if (qi_settings_set_model (models->settings, path, &error))
    say (models, "");
  else
    say (models, error->message);
  ask (models);
}

static void
on_add_file (GtkButton *button, gpointer user_data)
{
  Models *models = user_data;
  g_autofree char *path = choose (GTK_WINDOW (models->window), _ ("Model file"), GTK_FILE_CHOOSER_ACTION_OPEN);

  if (path)
    set_model (models, path);
}

static void
on_folder (GtkButton *button, gpointer user_data)
{
  Models *models = user_data;
  g_autofree char *path =
      choose (GTK_WINDOW (models->window), _ ("Model folder"), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER);

  if (path)
    set_model (models, path);
}

static void
on_free (GtkButton *button, gpointer user_data)
{
  Models *models = user_data;

  qi_client_free_memory (models->client);
  say (models, _ ("The memory is given back once the running jobs are done."));
}

static void
on_ready (GtkComboBox *combo, gpointer user_data)
{
  Models *models = user_data;
  g_autoptr (GError) error = NULL;
  const int k = gtk_combo_box_get_active (combo);

  if (!models->ours && k >= 0 && !qi_client_set_keep_ready (ready_seconds[k], &error))
    say (models, error->message);
}

static void
on_help (GtkButton *button, gpointer user_data)
{
  say (
      user_data,
      _ ("A model is one file or a folder of the Qwen-Image family: safetensors or GGUF, with its text encoder and its "
         "decoder beside it. Files are used where they lie."));
}

/* -- building ---------------------------------------------------------------------------------------- */

static GtkWidget *
section (GtkWidget *box, const char *title)
{
  GtkWidget *line = qi_box (GTK_ORIENTATION_HORIZONTAL, 6), *label = qi_label (title, "sf-bold");

  gtk_widget_set_hexpand (label, TRUE);
  gtk_container_add (GTK_CONTAINER (line), label);
  gtk_container_add (GTK_CONTAINER (box), line);
  return line;
}

static GtkWidget *
list (GtkWidget *box, const char *name)
{
  GtkWidget *frame = gtk_frame_new (NULL), *rows = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  atk_object_set_role (gtk_widget_get_accessible (rows), ATK_ROLE_LIST);
  qi_name (rows, name);
  gtk_container_add (GTK_CONTAINER (frame), rows);
  gtk_container_add (GTK_CONTAINER (box), frame);
  return rows;
}

static GtkWidget *
labelled (GtkWidget *box, GtkSizeGroup *labels, const char *text, GtkWidget *control)
{
  GtkWidget *line = qi_box (GTK_ORIENTATION_HORIZONTAL, 12), *label = gtk_label_new_with_mnemonic (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), control);
  gtk_size_group_add_widget (labels, label);
  gtk_container_add (GTK_CONTAINER (line), label);
  gtk_container_add (GTK_CONTAINER (line), control);
  gtk_container_add (GTK_CONTAINER (box), line);
  return line;
}

static GtkWidget *
ready_combo (Models *models)
{
  GtkWidget *combo = gtk_combo_box_text_new ();
  const double now = qi_client_get_keep_ready ();
  int nearest = 2;

  gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (combo), _ ("Not after the picture"));
  gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (combo), _ ("1 minute after the last picture"));
  gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (combo), _ ("10 minutes after the last picture"));
  gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (combo), _ ("1 hour after the last picture"));
  for (guint k = 0; k < G_N_ELEMENTS (ready_seconds); k++)
    if (ABS (ready_seconds[k] - now) < ABS (ready_seconds[nearest] - now))
      nearest = k;
  gtk_combo_box_set_active (GTK_COMBO_BOX (combo), nearest);
  g_signal_connect (combo, "changed", G_CALLBACK (on_ready), models);
  return combo;
}

static GtkWidget *
content (Models *models)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_VERTICAL, 8), *line;
  g_autoptr (GtkSizeGroup) labels = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);
  GtkWidget *add = qi_button (_ ("_Add file…"), NULL, "flat sf-tight");

  section (box, _ ("Device"));
  models->devices = list (box, _ ("Device"));
  models->bar = gtk_level_bar_new ();
  gtk_container_add (GTK_CONTAINER (box), models->bar);
  line = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);
  models->legend = qi_label ("", "sf-hint sf-small");
  gtk_widget_set_hexpand (models->legend, TRUE);
  models->free = qi_button (_ ("Free _memory now"), NULL, "flat sf-tight");
  g_signal_connect (models->free, "clicked", G_CALLBACK (on_free), models);
  gtk_container_add (GTK_CONTAINER (line), models->legend);
  gtk_container_add (GTK_CONTAINER (line), models->free);
  gtk_container_add (GTK_CONTAINER (box), line);

  line = section (box, _ ("Models"));
  g_signal_connect (add, "clicked", G_CALLBACK (on_add_file), models);
  gtk_container_add (GTK_CONTAINER (line), add);
  models->models = list (box, _ ("Models"));

  section (box, _ ("Storage"));
  models->folder = gtk_button_new ();
  g_signal_connect (models->folder, "clicked", G_CALLBACK (on_folder), models);
  labelled (box, labels, _ ("_Folder:"), models->folder);
  models->ready = ready_combo (models);
  labelled (box, labels, _ ("_Keep model ready:"), models->ready);
  models->note = qi_label ("", NULL);
  gtk_label_set_line_wrap (GTK_LABEL (models->note), TRUE);
  gtk_label_set_max_width_chars (GTK_LABEL (models->note), 70);
  gtk_widget_set_no_show_all (models->note, TRUE);
  gtk_container_add (GTK_CONTAINER (box), models->note);
  g_object_set (box, "margin", qi_px (box, 18), NULL);
  return box;
}

static gboolean
on_key (GtkWidget *window, GdkEventKey *event, gpointer user_data)
{
  if (event->keyval != GDK_KEY_Escape && !(event->keyval == GDK_KEY_w && (event->state & GDK_CONTROL_MASK)))
    return FALSE;
  gtk_widget_destroy (window);
  return TRUE;
}

GtkWidget *
qi_models_window_new (QiClient *client, QiSettings *settings, GtkWindow *parent)
{
  qi_widgets_init ();
  Models *models = g_new0 (Models, 1);
  GtkWidget *window = models->window = gtk_window_new (GTK_WINDOW_TOPLEVEL),
            *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL), *foot = qi_box (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *help = qi_button (_ ("_Help"), NULL, "sf-action"),
            *close = qi_button (_ ("_Close"), NULL, "sf-action sf-primary");

  models->client = g_object_ref (client);
  models->settings = g_object_ref (settings);
  models->cancel = g_cancellable_new ();
  gtk_window_set_title (GTK_WINDOW (window), _ ("Models and Devices – Sfumato"));
  gtk_window_set_default_size (GTK_WINDOW (window), qi_px (window, 720), qi_px (window, 640));
  if (parent)
    {
      gtk_window_set_transient_for (GTK_WINDOW (window), parent);
      gtk_window_set_destroy_with_parent (GTK_WINDOW (window), TRUE);
    }
  qi_css (window, "sfumato");
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_widget_set_vexpand (scrolled, TRUE);
  gtk_container_add (GTK_CONTAINER (scrolled), content (models));
  gtk_container_add (GTK_CONTAINER (box), scrolled);
  gtk_container_add (GTK_CONTAINER (box), gtk_separator_new (GTK_ORIENTATION_HORIZONTAL));
  GtkWidget *gap = gtk_label_new (NULL);
  gtk_widget_set_hexpand (gap, TRUE);
  g_signal_connect (help, "clicked", G_CALLBACK (on_help), models);
  g_signal_connect_swapped (close, "clicked", G_CALLBACK (gtk_widget_destroy), window);
  gtk_container_add (GTK_CONTAINER (foot), help);
  gtk_container_add (GTK_CONTAINER (foot), gap);
  gtk_container_add (GTK_CONTAINER (foot), close);
  g_object_set (foot, "margin", qi_px (foot, 12), NULL);
  gtk_container_add (GTK_CONTAINER (box), foot);
  gtk_container_add (GTK_CONTAINER (window), box);
  g_object_set_data_full (G_OBJECT (window), "qi-models", models, models_free);
  g_signal_connect (window, "key-press-event", G_CALLBACK (on_key), NULL);
  show (models);
  gtk_widget_show_all (box);
  gtk_widget_set_can_default (close, TRUE);
  gtk_window_set_default (GTK_WINDOW (window), close);
  gtk_widget_grab_focus (close);
  ask (models);
  return window;
}
