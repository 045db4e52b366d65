/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/window.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <glib/gi18n-lib.h>
#include <libgimp/gimpui.h>

#include "base/error.h"
#include "plugin/arguments.h"
#include "plugin/host.h"
#include "plugin/layers.h"
#include "plugin/notify.h"
#include "ui/dialog.h"
#include "ui/session.h"
#include "wire/client.h"
#include "wire/place.h"

/* Of the process that has the window; others of the same GIMP hand their command over to it. */
#define HAND_OVER "plug-in-sfumato-window"
#define PATIENCE_US (10 * G_USEC_PER_SEC)
#define RETRY_US (50 * 1000)

typedef struct
{
  QiSession *session;
  GtkWidget *dialog; /* NULL: closed, while a job goes on or its results wait */
  gboolean opened;   /* once at least */
  gboolean told;     /* that the results wait */
} Window;

/* A command on its way in. Ids, since an image may be closed before it is looked at. */
typedef struct
{
  Window *window;
  const QiCommand *command;
  gint image, layer;
  gint references[N_REFERENCES]; /* drawables; QI_HOST_NONE: none */
} Order;

/* -- one for each GIMP ------------------------------------------------------------------------------- */

/* A handle that is held as long as the window lives; -1: another process has it. */
static int
try_lock (GError **error)
{
  g_autofree char *folder = qi_place_folder (error);
  g_autofree char *name = g_strdup_printf ("window-%d.lock", (int) getppid ()); /* GIMP */
  g_autofree char *path = folder ? g_build_filename (folder, name, NULL) : NULL;
  const int fd = path ? open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

  if (path && fd < 0)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s cannot be opened.", path);
  if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  close (fd);
  return -1;
}

/* Numbers of drawables: those of a command are handed over so. */
static void
ids_of (GPtrArray *drawables, gint ids[N_REFERENCES])
{
  for (guint k = 0; k < N_REFERENCES; k++)
    ids[k] = k < drawables->len ? gimp_item_get_id (g_ptr_array_index (drawables, k)) : QI_HOST_NONE;
}

/* FALSE: that process has no window yet, or none any more. */
static gboolean
hand_over (const QiCommand *command, GimpImage *image, GimpLayer *layer, GPtrArray *references)
{
  GimpProcedure *procedure = gimp_pdb_lookup_procedure (gimp_get_pdb (), HAND_OVER);
  GimpValueArray *values;
  gint ids[N_REFERENCES];
  gboolean ok;

  if (!procedure)
    return FALSE;
  ids_of (references, ids);
  values = gimp_procedure_run (procedure, "command", command->procedure, "image",
                               image ? gimp_image_get_id (image) : QI_HOST_NONE, "layer",
                               layer ? gimp_item_get_id (GIMP_ITEM (layer)) : QI_HOST_NONE, "reference-1", ids[0],
                               "reference-2", ids[1], "reference-3", ids[2], "reference-4", ids[3], NULL);
  ok = GIMP_VALUES_GET_ENUM (values, 0) == GIMP_PDB_SUCCESS;
  gimp_value_array_unref (values);
  return ok;
}

/* The lock, or -1 without error: the command was handed over. Two quick clicks start two processes, of which the second
 * comes before the first has its window. */
static int
lock_or_hand_over (const QiCommand *command, GimpImage *image, GimpLayer *layer, GPtrArray *references, GError **error)
{
  const gint64 end = g_get_monotonic_time () + PATIENCE_US;
  g_autoptr (GError) inner = NULL;

  while (g_get_monotonic_time () < end)
    {
      const int fd = try_lock (&inner);

      if (fd >= 0)
        return fd;
      if (inner)
        {
          g_propagate_error (error, g_steal_pointer (&inner));
          return -1;
        }
      if (hand_over (command, image, layer, references))
        return -1;
      g_usleep (RETRY_US);
    }
  g_set_error_literal (error, QI_ERROR, QI_ERROR_FAILED, _("The window is open already, and does not answer."));
  return -1;
}

/* -- the window -------------------------------------------------------------------------------------- */

static gboolean
has_job (QiSession *session)
{
  const QiSessionState state = qi_session_state (session);

  return state == QI_SESSION_STARTING || state == QI_SESSION_RUNNING;
}

static void
on_destroy (GtkWidget *dialog, Window *window)
{
  window->dialog = NULL;
  /* A job goes on, and the window says so when it is opened again. */
  if (!has_job (window->session))
    gtk_main_quit ();
}

static void
show (Window *window)
{
  if (!window->dialog)
    {
      window->dialog = qi_dialog_new (window->session);
      window->told = FALSE;
      window->opened = TRUE;
      g_signal_connect (window->dialog, "destroy", G_CALLBACK (on_destroy), window);
      /* Else the first click on the canvas hides it. */
      gimp_window_set_transient (GTK_WINDOW (window->dialog));
      gtk_widget_show (window->dialog);
    }
  gtk_window_present (GTK_WINDOW (window->dialog));
}

/* reference-1 is the first further picture, whatever the window had before. */
static void
take_references (QiSession *session, const gint ids[N_REFERENCES])
{
  g_autoptr (GPtrArray) drawables = g_ptr_array_new ();
  g_autoptr (GPtrArray) references = NULL;

  for (guint k = 0; k < N_REFERENCES; k++)
    if (ids[k] != QI_HOST_NONE && gimp_item_id_is_drawable (ids[k]))
      g_ptr_array_add (drawables, gimp_drawable_get_by_id (ids[k]));
  references = qi_layers_references (drawables);
  while (references->len && qi_session_n_references (session))
    qi_session_remove_reference (session, 0);
  for (guint k = 0; k < references->len; k++)
    qi_session_add_reference (session, g_ptr_array_index (references, k));
}

static void
obey (Window *window, const QiCommand *command, gint image, gint layer, const gint references[N_REFERENCES])
{
  QiSession *session = window->session;

  if (command->kind == QI_COMMAND_AGAIN)
    qi_session_bind_again (session, image, layer);
  else
    qi_session_bind (session, image, TRUE, command->task);
  take_references (session, references);
  show (window);
  if (command->not_taken) /* "Remove" has nothing left to ask */
    {
      qi_session_set_prompt (session, "");
      qi_session_start (session);
    }
}

static gboolean
on_order (gpointer data)
{
  Order *order = data;

  obey (order->window, order->command, order->image, order->layer, order->references);
  return G_SOURCE_REMOVE;
}

/* Called by another process, perhaps in the middle of one of our own calls: only note it. Numbers alone, since for an image
 * libgimp would ask GIMP whether it is valid, and take the answer to the call in the middle of which we are for the one
 * to that. */
static GimpValueArray *
on_hand_over (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  g_autofree char *name = NULL;
  Order *order = g_new0 (Order, 1);

  g_object_get (config, "command", &name, "image", &order->image, "layer", &order->layer, "reference-1", &order->references[0],
                "reference-2", &order->references[1], "reference-3", &order->references[2], "reference-4",
                &order->references[3], NULL);
  order->window = data;
  order->command = qi_command_of_name (name);
  if (!order->command)
    {
      g_free (order);
      return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, NULL);
    }
  g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, on_order, order, g_free);
  return gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
}

static void
listen (GimpPlugIn *plug_in, Window *window)
{
  GimpProcedure *procedure = gimp_procedure_new (plug_in, HAND_OVER, GIMP_PDB_PROC_TYPE_TEMPORARY, on_hand_over, window, NULL);

  gimp_procedure_set_documentation (procedure, "Hands a command over to the window that is open", NULL, HAND_OVER);
  gimp_procedure_add_string_argument (procedure, "command", "Command", "Name of the procedure", "", G_PARAM_READWRITE);
  gimp_procedure_add_int_argument (procedure, "image", "Image", "Number of the image", -1, G_MAXINT, -1, G_PARAM_READWRITE);
  gimp_procedure_add_int_argument (procedure, "layer", "Layer", "Number of the layer", -1, G_MAXINT, -1, G_PARAM_READWRITE);
  for (guint k = 1; k <= N_REFERENCES; k++)
    {
      g_autofree char *argument = g_strdup_printf ("reference-%u", k);

      gimp_procedure_add_int_argument (procedure, argument, "Reference", "Number of the drawable", -1, G_MAXINT, -1,
                                       G_PARAM_READWRITE);
    }
  gimp_plug_in_add_temp_procedure (plug_in, procedure);
  g_object_unref (procedure);
  /* From here on GIMP's messages, its end included, are read by the main loop. */
  gimp_plug_in_persistent_enable (plug_in);
}

/* While the window is closed. */
static void
on_changed (QiSession *session, guint bits, Window *window)
{
  if (window->dialog || !window->opened || has_job (session) || qi_session_state (session) == QI_SESSION_STOPPING)
    return;
  if (qi_session_n_results (session) == 0)
    gtk_main_quit ();
  else if (!window->told)
    {
      window->told = TRUE;
      qi_notify_ready (qi_session_request (session)->prompt, (QiNotifyFunc) show, window);
    }
}

/* What was kept, for the caller. */
static void
collect (QiSession *session, QiMade *made)
{
  guint n;
  gint image;
  const gint *kept = qi_session_kept (session, &n, &image);

  made->layers = g_new0 (GimpLayer *, n + 1);
  made->seed = -1;
  made->image = qi_image_by_id (image);
  for (guint k = 0; k < n; k++)
    {
      GimpLayer *layer = qi_layer_by_id (kept[k]);

      if (layer)
        made->layers[made->n_layers++] = layer;
    }
}

static void
run_window (GimpPlugIn *plug_in, const QiCommand *command, GimpImage *image, GimpLayer *layer, GPtrArray *references,
            QiMade *made)
{
  g_autoptr (QiHost) host = qi_gimp_host_new (TRUE);
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiSettings) settings = qi_settings_new (NULL);
  g_autoptr (QiSession) session = qi_session_new (host, client, settings);
  Window window = { .session = session };
  gint ids[N_REFERENCES];

  ids_of (references, ids);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), &window);
  listen (plug_in, &window);
  obey (&window, command, image ? gimp_image_get_id (image) : QI_HOST_NONE,
        layer ? gimp_item_get_id (GIMP_ITEM (layer)) : QI_HOST_NONE, ids);
  gtk_main ();
  gimp_plug_in_remove_temp_procedure (plug_in, HAND_OVER);
  g_signal_handlers_disconnect_by_data (session, &window);
  qi_notify_withdraw ();
  collect (session, made);
}

static void
run_models (GimpPlugIn *plug_in)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiSettings) settings = qi_settings_new (NULL);
  GtkWidget *window = qi_models_window_new (client, settings, NULL);

  g_signal_connect (window, "destroy", G_CALLBACK (gtk_main_quit), NULL);
  gimp_window_set_transient (GTK_WINDOW (window));
  gtk_widget_show (window);
  gimp_plug_in_persistent_enable (plug_in);
  gtk_main ();
}

gboolean
qi_window_run (GimpProcedure *procedure, const QiCommand *command, GimpImage *image, GimpDrawable *const *drawables,
               GPtrArray *references, QiMade *made, GError **error)
{
  GimpPlugIn *plug_in = gimp_procedure_get_plug_in (procedure);
  GimpLayer *layer = image ? qi_layers_topmost (drawables) : NULL;
  g_autoptr (GError) inner = NULL;
  int lock;

  /* gimp_ui_init() ends the process where there is no display. */
  if (!gtk_init_check (NULL, NULL))
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                           _("There is no display. Call the procedure with RUN-NONINTERACTIVE from a script."));
      return FALSE;
    }
  gimp_ui_init ("sfumato");
  if (command->kind == QI_COMMAND_MODELS)
    {
      run_models (plug_in);
      return TRUE;
    }
  lock = lock_or_hand_over (command, image, layer, references, &inner);
  if (inner)
    {
      g_propagate_error (error, g_steal_pointer (&inner));
      return FALSE;
    }
  if (lock < 0)
    {
      made->layers = g_new0 (GimpLayer *, 1);
      return TRUE;
    }
  run_window (plug_in, command, image, layer, references, made);
  close (lock);
  return TRUE;
}
