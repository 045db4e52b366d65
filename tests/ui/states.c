/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ui/states.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "compose/pixels.h"
#include "ui/dialog.h"
#include "ui/dialog-private.h"
#include "ui/session-private.h"
#include "ui/widgets.h"

void
qi_state_settle (void)
{
  for (int quiet = 0; quiet < 12; quiet++)
    {
      while (gtk_events_pending ())
        {
          gtk_main_iteration ();
          quiet = 0;
        }
      g_usleep (4000);
    }
}

static void
look_for (GtkWidget *widget, gpointer data)
{
  gpointer *search = data;
  const char *name = atk_object_get_name (gtk_widget_get_accessible (widget));

  if (search[1] || !gtk_widget_get_visible (widget) || !gtk_widget_get_child_visible (widget))
    return;
  if (name && g_str_equal (name, search[0]))
    search[1] = widget;
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), look_for, data);
}

GtkWidget *
qi_state_find (GtkWidget *root, const char *accessible_name)
{
  gpointer search[2] = { (gpointer) accessible_name, NULL };

  look_for (root, search);
  return search[1];
}

void
qi_state_poll (QiState *state)
{
  qi_session_poll (state->session, TRUE);
  qi_state_settle ();
}

static void
add_sloop (QiState *state)
{
  g_autofree char *path = g_build_filename (state->folder, "sloop.png", NULL);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, 260, 200);
  cairo_t *cr = cairo_create (surface);

  qi_fake_draw_sloop (cr, 260, 200);
  cairo_destroy (cr);
  cairo_surface_write_to_png (surface, path);
  cairo_surface_destroy (surface);
  const QiHostReference reference = {
    .image = QI_HOST_NONE, .layer = QI_HOST_NONE, .path = path, .name = (char *) "sloop.jpg"
  };
  g_assert_true (qi_session_add_reference (state->session, &reference));
}

static gboolean
boat_is_german (void)
{
  return strncmp (_ ("Fill"), "F", 1) == 0 && strcmp (_ ("Fill"), "Fill") != 0;
}

static const char *
boat_words (void)
{
  /* Typed by people: it is in their language, but for the model's own name of a picture. */
  return boat_is_german ()
             ? "Ein kleines Segelboot wie in Picture 2, roter Rumpf, Segel im Licht der tief stehenden Sonne"
             : "A small sailing boat like Picture 2, red hull, sails lit by the low sun";
}

static void
fill (QiState *state)
{
  qi_fake_host_select_drawn (state->host, state->image, qi_fake_draw_lasso);
  qi_session_bind (state->session, state->image, FALSE, QI_TASK_FILL);
  qi_state_settle ();
  add_sloop (state);
  qi_session_set_prompt (state->session, boat_words ());
  qi_session_set (state->session, "results", "2");
}

/* Picture 1 with a boat of a colour on it; noise: as it looks while it forms. (transfer full) */
static QiImage *
with_boat (QiState *state, double hull_r, double hull_g, double hull_b, gboolean noise)
{
  const QiImage *first = qi_fake_first (state->client);
  const int width = qi_image_width (first), height = qi_image_height (first);
  const QiRect frame = *qi_session_job_frame (state->session);
  g_autoptr (QiImage) crop =
      qi_host_read (QI_HOST (state->host), state->image, state->photo, QI_HOST_NONE, &frame, width, height, NULL);
  cairo_surface_t *surface = qi_surface (crop);
  cairo_t *cr = cairo_create (surface);
  const double w = width, h = height, x = w * 0.5, y = h * 0.55, s = h * 0.2;

  cairo_set_source_rgb (cr, noise ? .75 : .97, noise ? .66 : .90, noise ? .62 : .74);
  cairo_move_to (cr, x + s * .06, y - s * 1.2);
  cairo_curve_to (cr, x + s * .6, y - s * .6, x + s * .75, y, x + s * .7, y + s * .2);
  cairo_line_to (cr, x + s * .06, y + s * .2);
  cairo_close_path (cr);
  cairo_move_to (cr, x - s * .06, y - s * .95);
  cairo_line_to (cr, x - s * .06, y + s * .2);
  cairo_line_to (cr, x - s * .62, y + s * .2);
  cairo_close_path (cr);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, noise ? .55 : hull_r, noise ? .35 : hull_g, noise ? .4 : hull_b);
  cairo_move_to (cr, x - s * .8, y + s * .3);
  cairo_line_to (cr, x + s * .85, y + s * .3);
  cairo_line_to (cr, x + s * .55, y + s * .62);
  cairo_line_to (cr, x - s * .5, y + s * .62);
  cairo_close_path (cr);
  cairo_fill (cr);
  for (int k = 0; noise && k < 2600; k++)
    {
      const double a = fmod (k * 0.6180339, 1) * 2 * G_PI, r = sqrt (fmod (k * 0.7548776, 1)) * s * 1.3,
                   v = fmod (k * 0.5698402, 1);
      cairo_set_source_rgba (cr, .4 + .4 * v, .36 + .36 * v, .45 + .3 * v, 0.7);
      cairo_rectangle (cr, x + r * cos (a), y + r * sin (a), 4, 4);
      cairo_fill (cr);
    }
  cairo_destroy (cr);
  guint8 *bytes = qi_pixels_alloc (width, height, 3), *to = bytes;
  cairo_surface_flush (surface);
  for (int j = 0; j < height; j++)
    for (int i = 0; i < width; i++, to += 3)
      {
        const guint32 p = ((guint32 *) (gpointer) (cairo_image_surface_get_data (surface)
                                                   + (gsize) j * cairo_image_surface_get_stride (surface)))[i];
        to[0] = p >> 16;
        to[1] = p >> 8;
        to[2] = p;
      }
  cairo_surface_destroy (surface);
  return qi_pixels_take (width, height, 3, bytes);
}

static gboolean
job_waits_or_ends (gpointer data)
{
  QiState *state = data;

  return qi_fake_job (state->client) != 0 || qi_session_state (state->session) == QI_SESSION_RESULTS;
}

static void
results (QiState *state, guint n)
{
  static const double hulls[4][3] = { { .78, .13, .13 }, { .62, .16, .12 }, { .83, .27, .12 }, { .55, .13, .16 } };
  g_autofree char *count = g_strdup_printf ("%u", n);

  qi_session_set (state->session, "results", count);
  qi_session_start (state->session);
  for (guint k = 0; k < n; k++)
    {
      g_assert_true (qi_fake_wait (job_waits_or_ends, state));
      qi_fake_progress (state->client, QI_STAGE_DENOISE, 8, 8, 1, NULL);
      g_autoptr (QiImage) picture = with_boat (state, hulls[k % 4][0], hulls[k % 4][1], hulls[k % 4][2], FALSE);
      qi_fake_finish (state->client, picture);
      const guint before = k + 1;
      for (int i = 0; i < 4000 && qi_session_n_results (state->session) < before; i++)
        {
          while (g_main_context_iteration (NULL, FALSE))
            ;
          g_usleep (2000);
        }
      g_assert_cmpuint (qi_session_n_results (state->session), ==, before);
    }
  g_assert_true (qi_fake_wait (job_waits_or_ends, state));
  qi_state_settle ();
  g_assert_cmpint (qi_session_state (state->session), ==, QI_SESSION_RESULTS);
}

/* -- the states -------------------------------------------------------------------------------------- */

static void
state_a (QiState *state)
{
  fill (state);
}

static gint64 skipped;

static gint64
later (void)
{
  return g_get_monotonic_time () + skipped;
}

static void
state_b (QiState *state)
{
  fill (state);
  qi_session_start (state->session);
  skipped = 16 * G_USEC_PER_SEC;
  state->session->clock = later;
  g_autoptr (QiImage) forming = with_boat (state, 0, 0, 0, TRUE);
  qi_fake_info (state->client)->used_bytes = 5700000000;
  qi_session_ask_engine (state->session);
  qi_state_settle ();
  qi_fake_progress (state->client, QI_STAGE_DENOISE, 3, 8, 12, forming);
}

static void
state_c (QiState *state)
{
  fill (state);
  qi_fake_info (state->client)->used_bytes = 5700000000;
  results (state, 4);
  qi_session_show (state->session, 0);
  qi_session_star (state->session);
  qi_session_show (state->session, 2);
  gtk_widget_grab_focus (qi_strip_focus_widget (QI_DIALOG (state->window)->strip));
}

static void
state_d (QiState *state)
{
  QiEngineInfo *info = qi_fake_info (state->client);

  info->demo = TRUE;
  g_free (info->model);
  info->model = g_strdup ("Demo model");
  g_free (info->device);
  info->device = g_strdup ("NVIDIA GeForce RTX 4060");
  qi_fake_host_select_drawn (state->host, state->image, qi_fake_draw_lasso);
  qi_session_bind (state->session, state->image, FALSE, QI_TASK_FILL);
}

static gboolean
has_card (gpointer data)
{
  return qi_session_card (((QiState *) data)->session) != NULL;
}

static void
state_e (QiState *state)
{
  fill (state);
  qi_session_start (state->session);
  qi_fake_fail (state->client, QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "Needs 9.1 GiB of GPU memory, 6.2 GiB are free.");
  g_assert_true (qi_fake_wait (has_card, state));
}

static void
state_f (QiState *state)
{
  const QiRect place = { 16, 9, 68, 15 };

  qi_session_bind (state->session, state->image, FALSE, QI_TASK_EDIT);
  qi_state_settle ();
  qi_session_set_prompt (state->session, "Add a painted title to the evening sky, like an old travel poster");
  qi_session_set (state->session, "results", "2");
  qi_session_add_row (state->session, "HARBOUR LIGHTS");
  qi_session_set_row (state->session, 0, NULL, _ ("Painted poster"));
  qi_session_place_row (state->session, 0, 1, &place);
  qi_session_add_row (state->session, "Sundays, 7 pm");
  qi_session_set_row (state->session, 1, NULL, _ ("Small, light"));
  qi_session_place_row (state->session, 1, 8, NULL);
  QiDialog *dialog = QI_DIALOG (state->window);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->grid), TRUE);
}

static void
first_menu_button (GtkWidget *widget, gpointer data)
{
  GtkWidget **found = data;

  if (GTK_IS_MENU_BUTTON (widget) && gtk_menu_button_get_popover (GTK_MENU_BUTTON (widget)))
    *found = widget; /* the last one: the second row's */
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), first_menu_button, data);
}

static void
state_f2 (QiState *state)
{
  GtkWidget *button = NULL;

  state_f (state);
  qi_state_settle ();
  first_menu_button (state->window, &button);
  g_assert_nonnull (button);
  gtk_popover_set_modal (gtk_menu_button_get_popover (GTK_MENU_BUTTON (button)), FALSE);
  gtk_popover_popup (gtk_menu_button_get_popover (GTK_MENU_BUTTON (button)));
}

static void
expand (QiState *state)
{
  qi_session_bind (state->session, state->image, TRUE, QI_TASK_EXPAND);
  qi_state_settle ();
  qi_session_set_prompt (state->session, boat_is_german () ? "Mehr Himmel und ein Leuchtturm am rechten Ufer"
                                                           : "More sky, and a lighthouse on the right shore");
  qi_session_grow (state->session, 300, 500, 0, 0);
}

static void
state_x (QiState *state)
{
  expand (state);
}

static int
mirrored (int at, int n)
{
  const int m = ((at % (2 * n)) + 2 * n) % (2 * n);

  return m < n ? m : 2 * n - 1 - m;
}

/* What the pass that runs shows, were the picture mirrored at its edges. (transfer full) */
static QiImage *
beyond (QiState *state)
{
  const QiRect part = qi_session_job_part (state->session), whole = { 0, 0, 1800, 1200 };
  const QiImage *first = qi_fake_first (state->client);
  const int width = qi_image_width (first), height = qi_image_height (first);
  g_autoptr (QiImage) old =
      qi_host_read (QI_HOST (state->host), state->image, QI_HOST_NONE, QI_HOST_NONE, &whole, 1800, 1200, NULL);
  guint8 *bytes = qi_pixels_alloc (width, height, 3);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      {
        const int from_x = mirrored (part.x + x * part.width / width, 1800),
                  from_y = mirrored (part.y + y * part.height / height, 1200);
        memcpy (bytes + ((gsize) y * width + x) * 3, qi_image_row (old, from_y) + 4 * from_x, 3);
      }
  return qi_pixels_take (width, height, 3, bytes);
}

/* Every job of the request, as many as there are. */
static void
finish_all (QiState *state, QiImage *(*make) (QiState *state))
{
  qi_session_start (state->session);
  do
    {
      g_assert_true (qi_fake_wait (job_waits_or_ends, state));
      if (!qi_fake_job (state->client))
        break;
      g_autoptr (QiImage) picture = make (state);
      qi_fake_progress (state->client, QI_STAGE_DENOISE, 8, 8, 1, NULL);
      qi_fake_finish (state->client, picture);
    }
  while (TRUE);
  qi_state_settle ();
  g_assert_cmpint (qi_session_state (state->session), ==, QI_SESSION_RESULTS);
}

static void
state_x2 (QiState *state)
{
  expand (state);
  finish_all (state, beyond);
}

static void
split (QiState *state)
{
  qi_fake_info (state->client)->layered = TRUE;
  qi_fake_info (state->client)->edits = FALSE;
  g_free (qi_fake_info (state->client)->model);
  qi_fake_info (state->client)->model = g_strdup ("Qwen-Image Layered");
  qi_fake_info (state->client)->width = qi_fake_info (state->client)->height = 640;
  qi_session_bind (state->session, state->image, TRUE, QI_TASK_SPLIT);
  qi_state_settle ();
}

static void
state_l (QiState *state)
{
  split (state);
}

static QiImage *
as_it_is (QiState *state)
{
  return qi_image_ref (qi_fake_first (state->client));
}

static void
state_l2 (QiState *state)
{
  split (state);
  finish_all (state, as_it_is);
}

/* The model here is another one. */
static void
state_l3 (QiState *state)
{
  qi_session_bind (state->session, state->image, TRUE, QI_TASK_SPLIT);
  qi_state_settle ();
  qi_session_start (state->session);
  g_assert_nonnull (qi_session_card (state->session));
}

static void
state_i (QiState *state)
{
  fill (state);
  gtk_window_resize (GTK_WINDOW (state->window), qi_px (state->window, 432), qi_px (state->window, 670));
}

static void
state_n (QiState *state)
{
  qi_session_bind (state->session, QI_HOST_NONE, FALSE, QI_TASK_GENERATE);
  qi_session_set_prompt (state->session, "A lighthouse on a cliff at dusk, flat poster style");
  qi_session_set (state->session, "results", "2");
}

static void
state_r (QiState *state)
{
  GtkTextIter end;

  state_c (state);
  qi_session_set_prompt (state->session, "A small sailing boat like Picture 2, blue hull, sails lit by the low sun");
  GtkWidget *view = qi_prompt_entry_view (QI_DIALOG (state->window)->prompt);
  gtk_text_buffer_get_end_iter (gtk_text_view_get_buffer (GTK_TEXT_VIEW (view)), &end);
  gtk_text_buffer_place_cursor (gtk_text_view_get_buffer (GTK_TEXT_VIEW (view)), &end);
  gtk_widget_grab_focus (view);
}

static void
state_models (QiState *state)
{
  qi_fake_info (state->client)->used_bytes = 5700000000;
  gtk_widget_hide (state->window);
  state->window = qi_models_window_new (state->client, state->settings, NULL);
  gtk_widget_show (state->window);
}

static const struct
{
  const char *letter;
  void (*make) (QiState *state);
} makers[] = { { "a", state_a }, { "b", state_b },   { "c", state_c },   { "d", state_d },          { "e", state_e },
               { "f", state_f }, { "f2", state_f2 }, { "g", state_a },   { "h", state_a },          { "h2", state_a },
               { "i", state_i }, { "n", state_n },   { "r", state_r },   { "x", state_x },          { "x2", state_x2 },
               { "l", state_l }, { "l2", state_l2 }, { "l3", state_l3 }, { "models", state_models } };

QiState *
qi_state_new (const char *letter)
{
  QiState *state = g_new0 (QiState, 1);
  g_autoptr (GError) error = NULL;
  guint k = 0;

  while (k < G_N_ELEMENTS (makers) && !g_str_equal (makers[k].letter, letter))
    k++;
  if (k == G_N_ELEMENTS (makers))
    g_error ("There is no state “%s”.", letter);
  state->folder = g_dir_make_tmp ("sfumato-ui-XXXXXX", &error);
  g_assert_no_error (error);
  state->host = qi_fake_host_new ();
  state->client = qi_client_new ();
  state->settings = qi_settings_new (state->folder);
  state->image = qi_fake_host_add_image (state->host, "harbour.xcf", 1800, 1200, QI_HOST_RGB);
  state->photo = qi_fake_host_add_layer (state->host, state->image, strcmp (_ ("Fill"), "Fill") ? "Foto" : "Photo",
                                         (QiRect) { 0, 0, 1800, 1200 }, qi_fake_draw_harbour);
  state->session = qi_session_new (QI_HOST (state->host), state->client, state->settings);
  state->window = qi_dialog_new (state->session);
  gtk_window_move (GTK_WINDOW (state->window), 0, 0);
  gtk_widget_show (state->window);
  qi_state_settle ();
  state->session->active = TRUE;
  makers[k].make (state);
  qi_state_settle ();
  return state;
}

void
qi_state_free (QiState *state)
{
  gtk_widget_destroy (state->window);
  qi_state_settle ();
  g_object_unref (state->session);
  g_object_unref (state->settings);
  g_object_unref (state->client);
  g_object_unref (state->host);
  g_free (state->folder);
  g_free (state);
}
