/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/scene.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "ui/scene-private.h"
#include "ui/widgets.h"

#define FRAME_WIDTH 0.64 /* of the area, at most: the surroundings are to be seen too */
#define FRAME_HEIGHT 0.87
#define MAX_ZOOM 4.0
#define GROWN_SHARE 0.8 /* of the area, for the canvas as it becomes */

G_DEFINE_FINAL_TYPE (QiScene, qi_scene, GTK_TYPE_DRAWING_AREA)

static void
forget (cairo_surface_t **surface)
{
  g_clear_pointer (surface, cairo_surface_destroy);
}

void
qi_scene_to_widget (const QiScene *scene, const QiRect *rect, double *x, double *y, double *width, double *height)
{
  *x = (rect->x - scene->x0) * scene->zoom;
  *y = (rect->y - scene->y0) * scene->zoom;
  *width = rect->width * scene->zoom;
  *height = rect->height * scene->zoom;
}

/* A result without an image of its own is seen alone. */
static gboolean
alone (QiScene *scene)
{
  const gint k = qi_session_shown (scene->session);
  const QiHostResult *result = k >= 0 ? qi_session_result (scene->session, k) : NULL;

  if (result)
    return result->request->task == QI_TASK_GENERATE;
  return qi_session_task (scene->session) == QI_TASK_GENERATE;
}

gboolean
qi_scene_grows (QiScene *scene)
{
  return !alone (scene) && qi_session_view (scene->session) && qi_session_seen_task (scene->session) == QI_TASK_EXPAND;
}

/* What is framed: by the result that is shown, by the job, by the controls. */
static QiRect
frame_now (QiScene *scene)
{
  const gint k = qi_session_shown (scene->session);
  const QiRect *job = qi_session_job_frame (scene->session);
  guint width, height;

  if (alone (scene))
    {
      qi_session_size (scene->session, &width, &height);
      if (k >= 0)
        {
          const QiImage *pixels = qi_session_result (scene->session, k)->pixels;
          width = qi_image_width (pixels);
          height = qi_image_height (pixels);
        }
      return (QiRect) { 0, 0, width, height };
    }
  if (k >= 0)
    return qi_session_result (scene->session, k)->frame;
  if (job && !qi_rect_is_empty (job))
    return *job;
  return qi_session_frame (scene->session);
}

static void
look_at (QiScene *scene, double width, double height)
{
  const QiHostView *view = qi_session_view (scene->session);
  const QiRect f = scene->frame;

  if (qi_scene_grows (scene)) /* with room to drag its edges */
    scene->zoom = MIN (MAX_ZOOM, MIN (width * GROWN_SHARE / f.width, height * GROWN_SHARE / f.height));
  else if (alone (scene))
    {
      const gboolean results = qi_session_shown (scene->session) >= 0;
      scene->zoom = MIN (width * (results ? 1 : 0.9) / f.width, height * (results ? 1 : 0.87) / f.height);
    }
  else if (view)
    {
      const double whole = MIN (width / view->image.width, height / view->image.height);
      const gboolean part = f.width < view->image.width || f.height < view->image.height;
      scene->zoom =
          part ? MIN (MAX_ZOOM, MIN (width * FRAME_WIDTH / f.width, height * FRAME_HEIGHT / f.height)) : whole * 0.985;
      if (part && scene->zoom < whole)
        scene->zoom = MIN (whole, MIN (width / f.width, height / f.height));
    }
  scene->x0 = f.x + f.width / 2.0 - width / 2 / scene->zoom;
  scene->y0 = f.y + f.height / 2.0 - height / 2 / scene->zoom;
  if (!alone (scene) && view && !qi_scene_grows (scene))
    { /* no empty margin where there is canvas to show */
      const double seen_w = width / scene->zoom, seen_h = height / scene->zoom;
      if (seen_w <= view->image.width)
        scene->x0 = CLAMP (scene->x0, 0, view->image.width - seen_w);
      if (seen_h <= view->image.height)
        scene->y0 = CLAMP (scene->y0, 0, view->image.height - seen_h);
    }
}

static void
read_before (QiScene *scene)
{
  const QiHostView *view = qi_session_view (scene->session);
  const gint k = qi_session_shown (scene->session);
  const int scale = gtk_widget_get_scale_factor (GTK_WIDGET (scene));

  if (!view || alone (scene))
    {
      forget (&scene->before);
      scene->seen = (QiRect) { 0 };
      return;
    }
  const int width = gtk_widget_get_allocated_width (GTK_WIDGET (scene));
  const int height = gtk_widget_get_allocated_height (GTK_WIDGET (scene));
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };
  const QiRect area = { (int) floor (scene->x0), (int) floor (scene->y0), (int) ceil (width / scene->zoom) + 1,
                        (int) ceil (height / scene->zoom) + 1 };
  const QiRect seen = qi_rect_intersect (&canvas, &area);
  const int w = MAX (1, (int) lround (MIN (1, scene->zoom * scale) * seen.width));
  const int h = MAX (1, (int) lround (MIN (1, scene->zoom * scale) * seen.height));

  const gboolean same = scene->before && qi_rect_equal (&seen, &scene->before_rect) && w == scene->before_width
                        && h == scene->before_height;
  scene->seen = seen;
  if (qi_rect_is_empty (&seen) || (same && (k >= 0 || view->pixels_serial == scene->before_serial)))
    return; /* with a result of ours on the canvas its own pixels are no before */
  forget (&scene->before);
  g_autoptr (QiImage) image = qi_host_read (qi_session_host (scene->session), view->image.id, QI_HOST_NONE,
                                            qi_session_canvas_layer (scene->session), &seen, w, h, NULL);
  scene->before = image ? qi_surface (image) : NULL;
  scene->before_rect = seen;
  scene->before_width = w;
  scene->before_height = h;
  scene->before_serial = view->pixels_serial;
}

static void
read_mask (QiScene *scene)
{
  const QiHostView *view = qi_session_view (scene->session);

  const QiTask task = qi_session_seen_task (scene->session);

  if (!scene->before || !view || qi_rect_is_empty (&view->selection) || task == QI_TASK_EXPAND || task == QI_TASK_SPLIT)
    {
      forget (&scene->mask);
      return;
    }
  if (scene->mask && view->selection_serial == scene->mask_serial && qi_rect_equal (&scene->seen, &scene->mask_rect))
    return;
  forget (&scene->mask);
  g_autoptr (QiImage) image = qi_host_read_selection (qi_session_host (scene->session), view->image.id, QI_HOST_NONE,
                                                      &scene->seen, scene->before_width, scene->before_height, NULL);
  scene->mask = image ? qi_surface (image) : NULL;
  scene->mask_serial = view->selection_serial;
  scene->mask_rect = scene->seen;
}

/* pixels, through their mask, no larger than they are drawn. (transfer full) */
static cairo_surface_t *
drawn_result (QiScene *scene, const QiHostResult *result)
{
  cairo_surface_t *pixels = qi_surface (result->pixels), *mask = result->mask ? qi_surface (result->mask) : NULL;
  const double zoom = MIN (1, scene->zoom * gtk_widget_get_scale_factor (GTK_WIDGET (scene)));
  const int width = MAX (1, (int) lround (qi_image_width (result->pixels) * zoom));
  const int height = MAX (1, (int) lround (qi_image_height (result->pixels) * zoom));
  cairo_surface_t *drawn = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (drawn);

  cairo_scale (cr, (double) width / qi_image_width (result->pixels),
               (double) height / qi_image_height (result->pixels));
  cairo_set_source_surface (cr, pixels, 0, 0);
  if (mask)
    cairo_mask_surface (cr, mask, 0, 0);
  else
    cairo_paint (cr);
  cairo_destroy (cr);
  cairo_surface_destroy (pixels);
  g_clear_pointer (&mask, cairo_surface_destroy);
  return drawn;
}

static void
say_what_is_seen (QiScene *scene)
{
  const QiHostView *view = qi_session_view (scene->session);
  g_autofree char *name = NULL;

  if (alone (scene) || !view)
    name = g_strdup_printf (_ ("Preview: new picture of %d × %d px"), scene->frame.width, scene->frame.height);
  else if (qi_scene_grows (scene))
    name = g_strdup_printf (_ ("Preview: canvas of %d × %d px"), scene->frame.width, scene->frame.height);
  else if (qi_rect_is_empty (&view->selection))
    name = g_strdup_printf (_ ("Preview: frame of %d × %d px"), scene->frame.width, scene->frame.height);
  else
    name = g_strdup_printf (_ ("Preview: selection %d × %d px in a frame of %d × %d px"), view->selection.width,
                            view->selection.height, scene->frame.width, scene->frame.height);
  qi_name (GTK_WIDGET (scene), name);
}

void
qi_scene_update (QiScene *scene)
{
  const int width = gtk_widget_get_allocated_width (GTK_WIDGET (scene));
  const int height = gtk_widget_get_allocated_height (GTK_WIDGET (scene));
  const gint k = qi_session_shown (scene->session);
  const double zoom = scene->zoom;

  if (width < 2 || height < 2)
    return;
  scene->frame = frame_now (scene);
  if (qi_rect_is_empty (&scene->frame))
    {
      forget (&scene->before);
      forget (&scene->mask);
      return;
    }
  look_at (scene, width, height);
  read_before (scene);
  read_mask (scene);
  const QiHostResult *result = k >= 0 ? qi_session_result (scene->session, k) : NULL;
  if (result != scene->after_of || zoom != scene->zoom)
    {
      forget (&scene->after);
      scene->after = result ? drawn_result (scene, result) : NULL;
      scene->after_of = result;
    }
  QiImage *forming = qi_session_preview (scene->session);
  if (forming != scene->forming_of)
    {
      forget (&scene->forming);
      scene->forming = forming ? qi_surface (forming) : NULL;
      scene->forming_of = forming;
    }
  say_what_is_seen (scene);
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  if (!(what & (QI_CHANGED_STAGE | QI_CHANGED_RESULTS | QI_CHANGED_MODE | QI_CHANGED_LETTERING)))
    return;
  qi_scene_update (QI_SCENE (user_data));
  gtk_widget_queue_draw (user_data);
}

static void
qi_scene_size_allocate (GtkWidget *widget, GtkAllocation *allocation)
{
  GTK_WIDGET_CLASS (qi_scene_parent_class)->size_allocate (widget, allocation);
  qi_scene_update (QI_SCENE (widget));
}

static void
qi_scene_dispose (GObject *object)
{
  QiScene *scene = QI_SCENE (object);

  forget (&scene->before);
  forget (&scene->mask);
  forget (&scene->after);
  forget (&scene->forming);
  g_clear_object (&scene->gesture);
  if (scene->session)
    g_signal_handlers_disconnect_by_data (scene->session, scene);
  g_clear_object (&scene->session);
  G_OBJECT_CLASS (qi_scene_parent_class)->dispose (object);
}

static void
qi_scene_class_init (QiSceneClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = qi_scene_dispose;
  GTK_WIDGET_CLASS (klass)->draw = qi_scene_draw;
  GTK_WIDGET_CLASS (klass)->size_allocate = qi_scene_size_allocate;
}

static void
qi_scene_init (QiScene *scene)
{
  scene->preview = scene->compare = TRUE;
  scene->wiper = 0.5;
  scene->zoom = 1;
}

GtkWidget *
qi_scene_new (QiSession *session)
{
  QiScene *scene = g_object_new (QI_TYPE_SCENE, NULL);

  scene->session = g_object_ref (session);
  gtk_widget_set_size_request (GTK_WIDGET (scene), -1, qi_px (GTK_WIDGET (scene), 130));
  gtk_widget_set_vexpand (GTK_WIDGET (scene), TRUE);
  qi_scene_connect_input (scene);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), scene);
  return GTK_WIDGET (scene);
}

static void
set (QiScene *scene, gboolean *what, gboolean on)
{
  *what = on;
  gtk_widget_queue_draw (GTK_WIDGET (scene));
}

void
qi_scene_set_preview (QiScene *scene, gboolean on)
{
  set (scene, &scene->preview, on);
}

void
qi_scene_set_compare (QiScene *scene, gboolean on)
{
  set (scene, &scene->compare, on);
}

void
qi_scene_set_grid (QiScene *scene, gboolean on)
{
  set (scene, &scene->grid, on);
}

void
qi_scene_show_original (QiScene *scene, gboolean on)
{
  set (scene, &scene->original, on);
}

gboolean
qi_scene_is_comparing (QiScene *scene)
{
  return qi_session_shown (scene->session) >= 0 && !alone (scene) && scene->compare && !scene->original;
}
