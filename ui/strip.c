/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>

#include "compose/blend.h"
#include "compose/pixels.h"
#include "ui/parts.h"
#include "ui/widgets.h"

#define WIDTH 86
#define HEIGHT 64

typedef struct
{
  QiSession *session;
  QiScene *scene;
  GtkWidget *scrolled, *box, *rubber; /* rubber: a radio button that is never seen, for "none" */
  GPtrArray *shown; /* results that the buttons stand for; borrowed */
  gboolean ours;
} Strip;

static Strip *
strip_of (GtkWidget *widget)
{
  return g_object_get_data (G_OBJECT (widget), "qi-strip");
}

static void
strip_free (gpointer data)
{
  Strip *strip = data;

  g_signal_handlers_disconnect_by_data (strip->session, strip);
  g_ptr_array_unref (strip->shown);
  g_object_unref (strip->session);
  g_free (strip);
}

static GtkWidget *
button_at (Strip *strip, guint k)
{
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (strip->box));

  return g_list_nth_data (all, k);
}

static void
on_toggled (GtkToggleButton *button, gpointer user_data)
{
  Strip *strip = user_data;
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (strip->box));
  const int k = g_list_index (all, button);

  if (!strip->ours && k >= 0 && gtk_toggle_button_get_active (button))
    qi_session_show (strip->session, k);
}

gboolean
qi_strip_key (QiSession *session, QiScene *scene, GdkEventKey *event)
{
  const gint shown = qi_session_shown (session), last = (gint) qi_session_n_results (session) - 1;
  const gboolean press = event->type == GDK_KEY_PRESS;
  const gboolean rtl = gtk_widget_get_direction (GTK_WIDGET (scene)) == GTK_TEXT_DIR_RTL;
  gint to = shown;

  if (shown < 0 || (event->state & gtk_accelerator_get_default_mod_mask () & ~GDK_SHIFT_MASK))
    return FALSE;
  if (event->keyval == GDK_KEY_space || event->keyval == GDK_KEY_KP_Space)
    {
      qi_scene_show_original (scene, press);
      return TRUE;
    }
  if (!press)
    return FALSE;
  switch (event->keyval)
    {
    case GDK_KEY_Return:
    case GDK_KEY_KP_Enter:
    case GDK_KEY_ISO_Enter:
      return qi_session_enter (session, QI_FOCUS_STRIP);
    case GDK_KEY_Delete:
    case GDK_KEY_KP_Delete:
      qi_session_drop (session);
      return TRUE;
    case GDK_KEY_s:
    case GDK_KEY_S:
      qi_session_star (session);
      return TRUE;
    case GDK_KEY_Left:
    case GDK_KEY_KP_Left:
      to += rtl ? 1 : -1;
      break;
    case GDK_KEY_Right:
    case GDK_KEY_KP_Right:
      to += rtl ? -1 : 1;
      break;
    case GDK_KEY_Home:
    case GDK_KEY_KP_Home:
      to = 0;
      break;
    case GDK_KEY_End:
    case GDK_KEY_KP_End:
      to = last;
      break;
    default:
      return FALSE;
    }
  if (to >= 0 && to <= last)
    qi_session_show (session, to);
  return TRUE;
}

static gboolean
on_key (GtkWidget *button, GdkEventKey *event, gpointer user_data)
{
  Strip *strip = user_data;

  return qi_strip_key (strip->session, strip->scene, event);
}

/* The result in what surrounds it: a part of the strip as wide as high, around the mask. (transfer full) */
static GdkPixbuf *
picture (Strip *strip, const QiHostResult *result)
{
  const int width = qi_px (strip->box, WIDTH), height = qi_px (strip->box, HEIGHT);

  return qi_thumbnail (result->pixels, width, height);
}

static GtkWidget *
thumb (Strip *strip, guint k)
{
  GtkWidget *radio = gtk_radio_button_new_from_widget (GTK_RADIO_BUTTON (strip->rubber)), *overlay = gtk_overlay_new ();
  GtkWidget *star = qi_icon ("sf-star-symbolic", 16);
  g_autoptr (GdkPixbuf) pixels = picture (strip, qi_session_result (strip->session, k));

  gtk_toggle_button_set_mode (GTK_TOGGLE_BUTTON (radio), FALSE);
  qi_css (radio, "sf-thumb");
  gtk_container_add (GTK_CONTAINER (overlay), gtk_image_new_from_pixbuf (pixels));
  qi_css (star, "sf-osd");
  gtk_widget_set_halign (star, GTK_ALIGN_END);
  gtk_widget_set_valign (star, GTK_ALIGN_START);
  gtk_widget_set_no_show_all (star, TRUE);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), star);
  gtk_container_add (GTK_CONTAINER (radio), overlay);
  g_object_set_data (G_OBJECT (radio), "qi-star", star);
  gtk_widget_show_all (radio);
  g_signal_connect (radio, "toggled", G_CALLBACK (on_toggled), strip);
  g_signal_connect (radio, "key-press-event", G_CALLBACK (on_key), strip);
  g_signal_connect (radio, "key-release-event", G_CALLBACK (on_key), strip);
  gtk_container_add (GTK_CONTAINER (strip->box), radio);
  return radio;
}

/* The buttons are those of the results there are; nothing is made anew that can stay, so that the focus stays too. */
static void
rebuild (Strip *strip)
{
  const guint n = qi_session_n_results (strip->session);
  gboolean same = n >= strip->shown->len;

  for (guint k = 0; same && k < strip->shown->len; k++)
    same = strip->shown->pdata[k] == (gpointer) qi_session_result (strip->session, k);
  if (!same)
    {
      GtkWidget *top = gtk_widget_get_toplevel (strip->box);
      GtkWidget *focus = GTK_IS_WINDOW (top) ? gtk_window_get_focus (GTK_WINDOW (top)) : NULL;
      const gboolean had_focus = focus && gtk_widget_is_ancestor (focus, strip->box);
      qi_empty (strip->box);
      g_ptr_array_set_size (strip->shown, 0);
      g_object_set_data (G_OBJECT (strip->box), "qi-focus", GINT_TO_POINTER (had_focus));
    }
  for (guint k = strip->shown->len; k < n; k++)
    {
      thumb (strip, k);
      g_ptr_array_add (strip->shown, (gpointer) qi_session_result (strip->session, k));
    }
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  Strip *strip = user_data;
  const gint shown = qi_session_shown (session);
  const guint n = qi_session_n_results (session);

  if (!(what & QI_CHANGED_RESULTS))
    return;
  strip->ours = TRUE;
  rebuild (strip);
  for (guint k = 0; k < n; k++)
    {
      GtkWidget *button = button_at (strip, k);
      const gboolean starred = qi_session_starred (session, k);
      g_autofree char *spoken = starred ? g_strdup_printf (_ ("Result %u of %u, starred"), k + 1, n)
                                        : g_strdup_printf (_ ("Result %u of %u"), k + 1, n);
      qi_name (button, spoken);
      gtk_widget_set_tooltip_text (button, spoken);
      qi_set_visible (g_object_get_data (G_OBJECT (button), "qi-star"), starred);
      gtk_widget_set_can_focus (button, (gint) k == shown);
      if ((gint) k == shown)
        {
          GtkWidget *top = gtk_widget_get_toplevel (strip->box);
          GtkWidget *focus = GTK_IS_WINDOW (top) ? gtk_window_get_focus (GTK_WINDOW (top)) : NULL;
          gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (button), TRUE);
          if ((focus && gtk_widget_is_ancestor (focus, strip->box))
              || g_object_get_data (G_OBJECT (strip->box), "qi-focus"))
            gtk_widget_grab_focus (button);
          g_object_set_data (G_OBJECT (strip->box), "qi-focus", NULL);
        }
    }
  if (shown < 0)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (strip->rubber), TRUE);
  qi_set_visible (strip->scrolled, n > 0);
  strip->ours = FALSE;
}

GtkWidget *
qi_strip_new (QiSession *session, QiScene *scene)
{
  Strip *strip = g_new0 (Strip, 1);

  strip->session = g_object_ref (session);
  strip->scene = scene;
  strip->shown = g_ptr_array_new ();
  strip->scrolled = gtk_scrolled_window_new (NULL, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (strip->scrolled), GTK_POLICY_AUTOMATIC, GTK_POLICY_NEVER);
  strip->box = qi_box (GTK_ORIENTATION_HORIZONTAL, 4);
  strip->rubber = g_object_ref_sink (gtk_radio_button_new (NULL));
  gtk_container_add (GTK_CONTAINER (strip->scrolled), strip->box);
  qi_name (strip->box, _ ("Results"));
  gtk_widget_show_all (strip->scrolled);
  gtk_widget_set_no_show_all (strip->scrolled, TRUE);
  g_object_set_data_full (G_OBJECT (strip->scrolled), "qi-strip", strip, strip_free);
  g_object_set_data_full (G_OBJECT (strip->scrolled), "qi-rubber", strip->rubber, g_object_unref);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), strip);
  on_changed (session, QI_CHANGED_ALL, strip);
  return strip->scrolled;
}

GtkWidget *
qi_strip_focus_widget (GtkWidget *widget)
{
  Strip *strip = strip_of (widget);
  const gint shown = qi_session_shown (strip->session);

  return shown < 0 ? NULL : button_at (strip, shown);
}
