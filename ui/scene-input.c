/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/prompt.h"
#include "ui/scene-private.h"
#include "ui/widgets.h"

#define STEP 16 /* image pixels by an arrow key */
#define MIN_FRAME 64

/* A frame by hand, held within the canvas. */
static void
set_frame (QiScene *scene, QiRect frame)
{
  const QiHostView *view = qi_session_view (scene->session);

  if (!view)
    return;
  frame.width = CLAMP (frame.width, MIN (MIN_FRAME, view->image.width), view->image.width);
  frame.height = CLAMP (frame.height, MIN (MIN_FRAME, view->image.height), view->image.height);
  frame.x = CLAMP (frame.x, 0, view->image.width - frame.width);
  frame.y = CLAMP (frame.y, 0, view->image.height - frame.height);
  g_autofree char *value = g_strdup_printf ("%d %d %d %d", frame.x, frame.y, frame.width, frame.height);
  qi_session_set (scene->session, "frame", value);
}

/* A canvas that becomes frame, which holds old. */
static void
set_canvas (QiScene *scene, const QiRect *old, QiRect frame)
{
  const int left = MAX (0, old->x - frame.x), top = MAX (0, old->y - frame.y);
  const int right = MAX (0, frame.x + frame.width - old->x - old->width);
  const int bottom = MAX (0, frame.y + frame.height - old->y - old->height);

  qi_session_grow (scene->session, left, right, top, bottom);
}

static gboolean
on_key (GtkWidget *widget, GdkEventKey *event, gpointer user_data)
{
  QiScene *scene = QI_SCENE (widget);
  const gboolean resize = event->state & GDK_SHIFT_MASK;
  QiRect frame = scene->frame;
  int dx = 0, dy = 0;

  if (event->state & (GDK_CONTROL_MASK | GDK_MOD1_MASK))
    return FALSE;
  if (qi_scene_is_comparing (scene) && (event->keyval == GDK_KEY_Up || event->keyval == GDK_KEY_Down))
    { /* the line by keyboard: left and right are the results' */
      scene->wiper = CLAMP (scene->wiper + (event->keyval == GDK_KEY_Up ? -0.1 : 0.1), 0, 1);
      gtk_widget_queue_draw (widget);
      return TRUE;
    }
  if (!qi_session_frame_movable (scene->session))
    return FALSE;
  switch (event->keyval)
    {
    case GDK_KEY_Left:
      dx = -STEP;
      break;
    case GDK_KEY_Right:
      dx = STEP;
      break;
    case GDK_KEY_Up:
      dy = -STEP;
      break;
    case GDK_KEY_Down:
      dy = STEP;
      break;
    case GDK_KEY_0:
    case GDK_KEY_KP_0:
      if (qi_scene_grows (scene))
        qi_session_grow (scene->session, 0, 0, 0, 0);
      else
        qi_session_set (scene->session, "frame", "auto");
      return TRUE;
    default:
      return FALSE;
    }
  if (resize)
    {
      frame.width += dx;
      frame.height += dy;
    }
  else
    {
      frame.x += dx;
      frame.y += dy;
    }
  if (qi_scene_grows (scene))
    {
      const QiRect old = qi_session_old (scene->session);
      set_canvas (scene, &old, frame);
    }
  else
    set_frame (scene, frame);
  return TRUE;
}

/* The edges of the canvas that are near enough to be taken hold of; FALSE: none. */
static gboolean
take_edges (QiScene *scene, double x, double y)
{
  double fx, fy, width, height;
  const double near = qi_px (GTK_WIDGET (scene), 14);

  qi_scene_to_widget (scene, &scene->frame, &fx, &fy, &width, &height);
  scene->drag_old = qi_session_old (scene->session);
  scene->drag_dx = fabs (x - fx) < near ? -1 : fabs (x - fx - width) < near ? 1 : 0;
  scene->drag_dy = fabs (y - fy) < near ? -1 : fabs (y - fy - height) < near ? 1 : 0;
  return (scene->drag_dx || scene->drag_dy) && x > fx - near && x < fx + width + near && y > fy - near
         && y < fy + height + near;
}

static void
drag_edges (QiScene *scene, double dx, double dy)
{
  QiRect frame = scene->drag_frame;
  const int x = (int) lround (dx / scene->zoom), y = (int) lround (dy / scene->zoom);

  if (scene->drag_dx < 0)
    frame.x += x;
  frame.width += scene->drag_dx * x;
  if (scene->drag_dy < 0)
    frame.y += y;
  frame.height += scene->drag_dy * y;
  set_canvas (scene, &scene->drag_old, frame);
}

static void
on_drag_begin (GtkGestureDrag *gesture, double x, double y, gpointer user_data)
{
  QiScene *scene = user_data;

  gtk_widget_grab_focus (GTK_WIDGET (scene));
  scene->drag = QI_DRAG_NONE;
  scene->drag_x = x;
  scene->drag_y = y;
  scene->drag_frame = scene->frame;
  if (qi_scene_is_comparing (scene))
    {
      scene->drag = QI_DRAG_WIPER;
      scene->wiper = CLAMP (x / gtk_widget_get_allocated_width (GTK_WIDGET (scene)), 0, 1);
      gtk_widget_queue_draw (GTK_WIDGET (scene));
      return;
    }
  for (guint k = scene->n_words; k-- > 0;)
    {
      const GdkRectangle box = scene->words[k];
      if (x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height)
        {
          scene->drag = QI_DRAG_WORDS;
          scene->drag_row = k;
          scene->drag_frame = (QiRect) { box.x, box.y, box.width, box.height };
          return;
        }
    }
  double fx, fy, width, height;
  qi_scene_to_widget (scene, &scene->frame, &fx, &fy, &width, &height);
  if (!qi_session_frame_movable (scene->session))
    return;
  if (qi_scene_grows (scene))
    {
      scene->drag = take_edges (scene, x, y) ? QI_DRAG_EDGES : QI_DRAG_NONE;
      return;
    }
  scene->drag_corner = -1;
  for (int corner = 0; corner < 4; corner++)
    if (hypot (x - (corner & 1 ? fx + width : fx), y - (corner & 2 ? fy + height : fy))
        < qi_px (GTK_WIDGET (scene), 14))
      scene->drag_corner = corner;
  if (scene->drag_corner >= 0 || (x >= fx && x < fx + width && y >= fy && y < fy + height))
    scene->drag = QI_DRAG_FRAME;
}

/* Words where they were dragged to, as per cent of the frame. */
static void
place_words (QiScene *scene, double dx, double dy)
{
  double x, y, width, height;

  qi_scene_to_widget (scene, &scene->frame, &x, &y, &width, &height);
  const double left = (scene->drag_frame.x + dx - x) / width * 100, top = (scene->drag_frame.y + dy - y) / height * 100;
  QiRect place = { 0, 0, CLAMP ((int) lround (scene->drag_frame.width / width * 100), 1, 100),
                   CLAMP ((int) lround (scene->drag_frame.height / height * 100), 1, 100) };
  place.x = CLAMP ((int) lround (left), 0, 100 - place.width);
  place.y = CLAMP ((int) lround (top), 0, 100 - place.height);
  const guint column = CLAMP ((place.x + place.width / 2) * 3 / 100, 0, 2),
              row = CLAMP ((place.y + place.height / 2) * 3 / 100, 0, 2);
  qi_session_place_row (scene->session, scene->drag_row, row * 3 + column, &place);
}

static void
on_drag_update (GtkGestureDrag *gesture, double dx, double dy, gpointer user_data)
{
  QiScene *scene = user_data;

  switch (scene->drag)
    {
    case QI_DRAG_WIPER:
      scene->wiper = CLAMP ((scene->drag_x + dx) / gtk_widget_get_allocated_width (GTK_WIDGET (scene)), 0, 1);
      gtk_widget_queue_draw (GTK_WIDGET (scene));
      break;
    case QI_DRAG_WORDS:
      if (hypot (dx, dy) > 3)
        place_words (scene, dx, dy);
      break;
    default:
      break;
    }
}

static void
on_drag_end (GtkGestureDrag *gesture, double dx, double dy, gpointer user_data)
{
  QiScene *scene = user_data;

  if (scene->drag == QI_DRAG_FRAME && hypot (dx, dy) > 3)
    { /* at the end only: the view follows the frame, and would run away from under the pointer */
      QiRect frame = scene->drag_frame;
      const int x = (int) lround (dx / scene->zoom), y = (int) lround (dy / scene->zoom), corner = scene->drag_corner;
      if (corner < 0 || !(corner & 1))
        frame.x += x;
      if (corner < 0 || !(corner & 2))
        frame.y += y;
      if (corner >= 0)
        {
          frame.width += corner & 1 ? x : -x;
          frame.height += corner & 2 ? y : -y;
        }
      set_frame (scene, frame);
    }
  if (scene->drag == QI_DRAG_EDGES && hypot (dx, dy) > 3)
    drag_edges (scene, dx, dy);
  scene->drag = QI_DRAG_NONE;
}

void
qi_scene_connect_input (QiScene *scene)
{
  GtkWidget *widget = GTK_WIDGET (scene);

  gtk_widget_set_can_focus (widget, TRUE);
  gtk_widget_add_events (widget, GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK | GDK_BUTTON_MOTION_MASK
                                     | GDK_KEY_PRESS_MASK | GDK_KEY_RELEASE_MASK);
  g_signal_connect (widget, "key-press-event", G_CALLBACK (on_key), NULL);
  scene->gesture = gtk_gesture_drag_new (widget);
  g_signal_connect (scene->gesture, "drag-begin", G_CALLBACK (on_drag_begin), scene);
  g_signal_connect (scene->gesture, "drag-update", G_CALLBACK (on_drag_update), scene);
  g_signal_connect (scene->gesture, "drag-end", G_CALLBACK (on_drag_end), scene);
}
