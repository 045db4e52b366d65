/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/widgets.h"

#include <math.h>
#include <string.h>

#include "ui/ui-resources.h" /* made by the build */

#define DESIGN_FONT 15.0 /* px, of which every size is a multiple */

void
qi_widgets_init (void)
{
  static gsize once = 0;

  if (!g_once_init_enter (&once))
    return;
  g_autoptr (GtkCssProvider) css = gtk_css_provider_new ();
  g_resources_register (
      qi_ui_get_resource ()); /* a static library's constructors are left out with what nobody names */
  gtk_css_provider_load_from_resource (css, "/org/sfumato/theme.css");
  gtk_style_context_add_provider_for_screen (gdk_screen_get_default (), GTK_STYLE_PROVIDER (css),
                                             GTK_STYLE_PROVIDER_PRIORITY_APPLICATION + 100); /* above GIMP's own */
  gtk_icon_theme_add_resource_path (gtk_icon_theme_get_default (), "/org/sfumato/icons");
  g_once_init_leave (&once, 1);
}

int
qi_px (GtkWidget *widget, double n)
{
  PangoContext *context = gtk_widget_get_pango_context (widget);
  const PangoFontDescription *font = pango_context_get_font_description (context);
  double px = pango_font_description_get_size (font) / (double) PANGO_SCALE;

  if (!pango_font_description_get_size_is_absolute (font))
    {
      const double dpi = gdk_screen_get_resolution (gdk_screen_get_default ());
      px *= (dpi > 0 ? dpi : 96) / 72;
    }
  if (px < 6)
    px = DESIGN_FONT;
  return MAX (1, (int) lround (n * px / DESIGN_FONT));
}

GtkWidget *
qi_box (GtkOrientation orientation, int spacing)
{
  GtkWidget *box = gtk_box_new (orientation, 0);

  gtk_box_set_spacing (GTK_BOX (box), qi_px (box, spacing));
  return box;
}

GtkWidget *
qi_icon (const char *name, double size)
{
  GtkWidget *image = gtk_image_new_from_icon_name (name, GTK_ICON_SIZE_MENU);

  gtk_image_set_pixel_size (GTK_IMAGE (image), qi_px (image, size));
  return image;
}

GtkWidget *
qi_label (const char *text, const char *css)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  if (css)
    qi_css (label, css);
  return label;
}

void
qi_button_fill (GtkWidget *button, const char *label, const char *icon, gboolean arrow)
{
  GtkWidget *box = qi_box (GTK_ORIENTATION_HORIZONTAL, 6), *old = gtk_bin_get_child (GTK_BIN (button));

  if (old)
    gtk_widget_destroy (old);
  if (icon)
    gtk_container_add (GTK_CONTAINER (box), qi_icon (icon, 16));
  if (label)
    {
      GtkWidget *text = gtk_label_new_with_mnemonic (label);
      gtk_label_set_mnemonic_widget (GTK_LABEL (text), button);
      gtk_container_add (GTK_CONTAINER (box), text);
    }
  if (arrow)
    {
      gtk_container_add (GTK_CONTAINER (box), qi_icon ("sf-down-symbolic", 10));
    }
  gtk_widget_set_halign (box, GTK_ALIGN_CENTER);
  gtk_widget_show_all (box);
  gtk_container_add (GTK_CONTAINER (button), box);
}

GtkWidget *
qi_button (const char *label, const char *icon, const char *css)
{
  GtkWidget *button = gtk_button_new ();

  if (css)
    qi_css (button, css);
  qi_button_fill (button, label, icon, FALSE);
  return button;
}

void
qi_empty (GtkWidget *container)
{
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (container));

  for (GList *l = all; l; l = l->next)
    gtk_widget_destroy (l->data);
}

void
qi_css (GtkWidget *widget, const char *css)
{
  g_auto (GStrv) classes = g_strsplit (css, " ", -1);

  for (guint i = 0; classes[i]; i++)
    gtk_style_context_add_class (gtk_widget_get_style_context (widget), classes[i]);
}

void
qi_css_set (GtkWidget *widget, const char *css, gboolean on)
{
  GtkStyleContext *style = gtk_widget_get_style_context (widget);

  if (on)
    gtk_style_context_add_class (style, css);
  else
    gtk_style_context_remove_class (style, css);
}

void
qi_name (GtkWidget *widget, const char *name)
{
  AtkObject *accessible = gtk_widget_get_accessible (widget);

  if (g_strcmp0 (atk_object_get_name (accessible), name) != 0)
    atk_object_set_name (accessible, name);
}

void
qi_describe (GtkWidget *widget, const char *description)
{
  AtkObject *accessible = gtk_widget_get_accessible (widget);

  if (g_strcmp0 (atk_object_get_description (accessible), description) != 0)
    atk_object_set_description (accessible, description);
}

void
qi_announce (GtkWidget *widget, const char *text)
{
  AtkObject *accessible = gtk_widget_get_accessible (widget);

  if (g_signal_lookup ("announcement", ATK_TYPE_OBJECT))
    g_signal_emit_by_name (accessible, "announcement", text);
}

void
qi_set_text (GtkWidget *label, const char *text)
{
  if (g_strcmp0 (gtk_label_get_text (GTK_LABEL (label)), text) != 0)
    gtk_label_set_text (GTK_LABEL (label), text);
}

void
qi_set_visible (GtkWidget *widget, gboolean visible)
{
  if (gtk_widget_get_visible (widget) != visible)
    gtk_widget_set_visible (widget, visible);
}

/* -- radio rows -------------------------------------------------------------------------------------- */

static void
only_active_focuses (GtkToggleButton *button, gpointer user_data)
{
  GtkWidget *container = user_data;
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (container));

  for (GList *l = all; l; l = l->next)
    if (GTK_IS_TOGGLE_BUTTON (l->data))
      gtk_widget_set_can_focus (l->data, gtk_toggle_button_get_active (l->data));
}

static gboolean
on_radio_key (GtkWidget *button, GdkEventKey *event, gpointer user_data)
{
  GtkWidget *container = user_data;
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (container));
  const gboolean rtl = gtk_widget_get_direction (container) == GTK_TEXT_DIR_RTL;
  int step = 0;

  switch (event->keyval)
    {
    case GDK_KEY_Left:
    case GDK_KEY_KP_Left:
      step = rtl ? 1 : -1;
      break;
    case GDK_KEY_Right:
    case GDK_KEY_KP_Right:
      step = rtl ? -1 : 1;
      break;
    default:
      return FALSE;
    }
  if (event->state & gtk_accelerator_get_default_mod_mask ())
    return FALSE;
  for (GList *l = g_list_find (all, button); l; l = step > 0 ? l->next : l->prev)
    if (l->data != (gpointer) button && GTK_IS_TOGGLE_BUTTON (l->data) && gtk_widget_is_sensitive (l->data)
        && gtk_widget_get_visible (l->data))
      {
        gtk_widget_set_can_focus (l->data, TRUE);
        gtk_widget_grab_focus (l->data);
        gtk_toggle_button_set_active (l->data, TRUE);
        break;
      }
  return TRUE;
}

GtkWidget *
qi_choice_new (GtkWidget *linked, GtkWidget *first, const char *label)
{
  GtkWidget *radio = gtk_radio_button_new_with_label_from_widget (first ? GTK_RADIO_BUTTON (first) : NULL, label);

  gtk_toggle_button_set_mode (GTK_TOGGLE_BUTTON (radio), FALSE);
  qi_css (radio, "sf-choice");
  gtk_widget_set_hexpand (radio, TRUE);
  gtk_container_add (GTK_CONTAINER (linked), radio);
  return radio;
}

void
qi_radio_row (GtkWidget *container)
{
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (container));

  for (GList *l = all; l; l = l->next)
    if (GTK_IS_TOGGLE_BUTTON (l->data))
      {
        g_signal_connect (l->data, "toggled", G_CALLBACK (only_active_focuses), container);
        g_signal_connect (l->data, "key-press-event", G_CALLBACK (on_radio_key), container);
        gtk_widget_set_can_focus (l->data, gtk_toggle_button_get_active (l->data));
      }
}

/* -- pictures ---------------------------------------------------------------------------------------- */

cairo_surface_t *
qi_surface (const QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), channels = qi_image_channels (image);
  cairo_surface_t *surface =
      cairo_image_surface_create (channels == 1 ? CAIRO_FORMAT_A8 : CAIRO_FORMAT_ARGB32, width, height);

  if (cairo_surface_status (surface) != CAIRO_STATUS_SUCCESS)
    return surface;
  guint8 *to = cairo_image_surface_get_data (surface);
  const int stride = cairo_image_surface_get_stride (surface);
  for (guint y = 0; y < height; y++)
    {
      const guint8 *from = qi_image_row (image, y);
      guint32 *row = (guint32 *) (gpointer) (to + (gsize) y * stride);
      if (channels == 1)
        {
          memcpy (row, from, width);
          continue;
        }
      for (guint x = 0; x < width; x++, from += channels)
        {
          const guint a = channels == 4 ? from[3] : 255;
          row[x] =
              a << 24 | (from[0] * a + 127) / 255 << 16 | (from[1] * a + 127) / 255 << 8 | (from[2] * a + 127) / 255;
        }
    }
  cairo_surface_mark_dirty (surface);
  return surface;
}

GdkPixbuf *
qi_thumbnail (const QiImage *image, int width, int height)
{
  cairo_surface_t *whole = qi_surface (image);
  cairo_surface_t *small = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (small);
  const double scale = MAX ((double) width / qi_image_width (image), (double) height / qi_image_height (image));

  cairo_translate (cr, width / 2.0, height / 2.0);
  cairo_scale (cr, scale, scale);
  cairo_translate (cr, -(double) qi_image_width (image) / 2, -(double) qi_image_height (image) / 2);
  cairo_set_source_surface (cr, whole, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_paint (cr);
  cairo_destroy (cr);
  GdkPixbuf *pixbuf = gdk_pixbuf_get_from_surface (small, 0, 0, width, height);
  cairo_surface_destroy (small);
  cairo_surface_destroy (whole);
  return pixbuf;
}
