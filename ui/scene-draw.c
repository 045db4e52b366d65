/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "base/prompt.h"
#include "ui/scene-private.h"
#include "ui/widgets.h"

static void
paint_seen (QiScene *scene, cairo_t *cr, cairo_surface_t *surface)
{
  double x, y, width, height;

  qi_scene_to_widget (scene, &scene->seen, &x, &y, &width, &height);
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, width / cairo_image_surface_get_width (surface), height / cairo_image_surface_get_height (surface));
  cairo_set_source_surface (cr, surface, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_paint (cr);
  cairo_restore (cr);
}

static void
paint_in (cairo_t *cr, cairo_surface_t *surface, double x, double y, double width, double height)
{
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, width / cairo_image_surface_get_width (surface), height / cairo_image_surface_get_height (surface));
  cairo_set_source_surface (cr, surface, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_rectangle (cr, 0, 0, cairo_image_surface_get_width (surface), cairo_image_surface_get_height (surface));
  cairo_fill (cr);
  cairo_restore (cr);
}

/* White at 30 %, and its outline in ants that stand still. */
static void
draw_mask (QiScene *scene, cairo_t *cr)
{
  double x, y, width, height;
  const int w = cairo_image_surface_get_width (scene->mask), h = cairo_image_surface_get_height (scene->mask);
  const int stride = cairo_image_surface_get_stride (scene->mask);
  const guint8 *data = cairo_image_surface_get_data (scene->mask);

  qi_scene_to_widget (scene, &scene->seen, &x, &y, &width, &height);
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, width / w, height / h);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.3);
  cairo_mask_surface (cr, scene->mask, 0, 0);
  cairo_restore (cr);
  /* Pixels of the edge at one half, coloured by their place along the diagonal: dashes of 4 and 4. */
  for (int j = 1; j + 1 < h; j++)
    for (int i = 1; i + 1 < w; i++)
      {
        const guint8 *at = data + (gsize) j * stride + i;
        if (at[0] < 128 || (at[-1] >= 128 && at[1] >= 128 && at[-stride] >= 128 && at[stride] >= 128))
          continue;
        const double px = x + i * width / w, py = y + j * height / h;
        const double v = ((int) floor (px + py) & 7) < 4 ? 0 : 1;
        cairo_set_source_rgb (cr, v, v, v);
        cairo_rectangle (cr, px, py, MAX (1.2, width / w), MAX (1.2, height / h));
        cairo_fill (cr);
      }
}

static void
draw_frame (QiScene *scene, cairo_t *cr, gboolean dim, double area_width, double area_height)
{
  double x, y, width, height;
  const double corner = qi_px (GTK_WIDGET (scene), 22);

  qi_scene_to_widget (scene, &scene->frame, &x, &y, &width, &height);
  if (dim)
    {
      cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
      cairo_rectangle (cr, 0, 0, area_width, area_height);
      cairo_rectangle (cr, x, y, width, height);
      cairo_set_source_rgba (cr, 0, 0, 0, 0.66);
      cairo_fill (cr);
    }
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_set_line_width (cr, 1.4);
  cairo_rectangle (cr, x, y, width, height);
  cairo_stroke (cr);
  cairo_set_line_width (cr, 3.4);
  for (int k = 0; k < 4; k++)
    {
      const double cx = k & 1 ? x + width : x, cy = k & 2 ? y + height : y;
      const double dx = k & 1 ? -1 : 1, dy = k & 2 ? -1 : 1;
      const double l = MIN (corner, MIN (width, height) / 3);
      cairo_move_to (cr, cx + dx * l, cy);
      cairo_line_to (cr, cx, cy);
      cairo_line_to (cr, cx, cy + dy * l);
      cairo_stroke (cr);
    }
}

/* What a canvas grows by: a paler ground, and handles in the middle of its sides. */
static void
draw_ground (QiScene *scene, cairo_t *cr)
{
  double x, y, width, height;

  qi_scene_to_widget (scene, &scene->frame, &x, &y, &width, &height);
  cairo_rectangle (cr, x, y, width, height);
  cairo_set_source_rgb (cr, 0.27, 0.27, 0.27);
  cairo_fill_preserve (cr);
  cairo_save (cr);
  cairo_clip (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.10);
  cairo_set_line_width (cr, 2);
  for (double at = x - height; at < x + width; at += qi_px (GTK_WIDGET (scene), 9))
    {
      cairo_move_to (cr, at, y + height);
      cairo_line_to (cr, at + height, y);
    }
  cairo_stroke (cr);
  cairo_restore (cr);
}

static void
draw_side_handles (QiScene *scene, cairo_t *cr)
{
  double x, y, width, height;

  qi_scene_to_widget (scene, &scene->frame, &x, &y, &width, &height);
  const double across = MIN (qi_px (GTK_WIDGET (scene), 16), width / 4),
               down = MIN (qi_px (GTK_WIDGET (scene), 16), height / 4);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_set_line_width (cr, 3.4);
  for (int k = 0; k < 2; k++)
    {
      cairo_move_to (cr, x + (width - across) / 2, y + k * height);
      cairo_rel_line_to (cr, across, 0);
      cairo_move_to (cr, x + k * width, y + (height - down) / 2);
      cairo_rel_line_to (cr, 0, down);
    }
  cairo_stroke (cr);
}

/* The old picture's edge, where the canvas goes on beyond it. */
static void
draw_old (QiScene *scene, cairo_t *cr)
{
  static const double dashes[] = { 5, 4 };
  const QiRect old = qi_session_old (scene->session);
  double x, y, width, height;

  if (qi_rect_is_empty (&old) || qi_rect_equal (&old, &scene->frame))
    return;
  qi_scene_to_widget (scene, &old, &x, &y, &width, &height);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.74);
  cairo_set_line_width (cr, 1);
  cairo_set_dash (cr, dashes, 2, 0);
  cairo_rectangle (cr, x, y, width, height);
  cairo_stroke (cr);
  cairo_set_dash (cr, NULL, 0, 0);
}

static void
draw_thirds (QiScene *scene, cairo_t *cr)
{
  double x, y, width, height;

  qi_scene_to_widget (scene, &scene->frame, &x, &y, &width, &height);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.35);
  cairo_set_line_width (cr, 1);
  for (int k = 1; k < 3; k++)
    {
      cairo_move_to (cr, x + width * k / 3, y);
      cairo_line_to (cr, x + width * k / 3, y + height);
      cairo_move_to (cr, x, y + height * k / 3);
      cairo_line_to (cr, x + width, y + height * k / 3);
    }
  cairo_stroke (cr);
}

/* Row k of the lettering in its place, with a number to tell it by. */
static void
draw_words (QiScene *scene, cairo_t *cr, guint k)
{
  const QiSessionRow *row = qi_session_row (scene->session, k);
  double x, y, width, height, box_x, box_y, box_w, box_h;
  int text_w, text_h;

  qi_scene_to_widget (scene, &scene->frame, &x, &y, &width, &height);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (scene), *row->words ? row->words : "…");
  g_autoptr (PangoFontDescription) font =
      pango_font_description_copy (pango_context_get_font_description (pango_layout_get_context (layout)));
  pango_font_description_set_weight (font, PANGO_WEIGHT_BOLD);
  double size = qi_rect_is_empty (&row->place) ? height / (row->grid / 3 == 2 ? 13 : 10)
                                               : row->place.height / 100.0 * height * 0.7;
  do /* as large as fits */
    {
      pango_font_description_set_absolute_size (font, MAX (6, size) * PANGO_SCALE);
      pango_layout_set_font_description (layout, font);
      pango_layout_get_pixel_size (layout, &text_w, &text_h);
      size *= 0.9;
    }
  while (size > 6 && text_w > (qi_rect_is_empty (&row->place) ? width * 0.9 : row->place.width / 100.0 * width + 1));
  if (qi_rect_is_empty (&row->place))
    {
      const double margin = height * 0.08, pad = 4;
      box_w = text_w + 2 * pad;
      box_h = text_h + 2 * pad;
      box_x = x
              + (row->grid % 3 == 0   ? margin / 3
                 : row->grid % 3 == 1 ? (width - box_w) / 2
                                      : width - box_w - margin / 3);
      box_y = y + (row->grid / 3 == 0 ? margin : row->grid / 3 == 1 ? (height - box_h) / 2 : height - box_h - margin);
    }
  else
    {
      box_x = x + row->place.x / 100.0 * width;
      box_y = y + row->place.y / 100.0 * height;
      box_w = row->place.width / 100.0 * width;
      box_h = row->place.height / 100.0 * height;
    }
  if (k < G_N_ELEMENTS (scene->words))
    {
      scene->words[k] = (GdkRectangle) { (int) box_x, (int) box_y, (int) box_w, (int) box_h };
      scene->n_words = k + 1;
    }
  static const double dashes[] = { 5, 4 };
  cairo_set_source_rgba (cr, 0, 0, 0, 0.45);
  cairo_rectangle (cr, box_x, box_y, box_w, box_h);
  cairo_fill_preserve (cr);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_set_line_width (cr, 1);
  cairo_set_dash (cr, dashes, 2, 0);
  cairo_stroke (cr);
  cairo_set_dash (cr, NULL, 0, 0);
  cairo_move_to (cr, box_x + (box_w - text_w) / 2, box_y + (box_h - text_h) / 2);
  pango_cairo_show_layout (cr, layout);

  const double r = qi_px (GTK_WIDGET (scene), 8);
  g_autofree char *number = g_strdup_printf ("%u", k + 1);
  pango_layout_set_text (layout, number, -1);
  pango_font_description_set_absolute_size (font, r * 1.4 * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_layout_get_pixel_size (layout, &text_w, &text_h);
  cairo_arc (cr, box_x, box_y, r, 0, 2 * G_PI);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 0, 0, 0);
  cairo_move_to (cr, box_x - text_w / 2.0, box_y - text_h / 2.0);
  pango_cairo_show_layout (cr, layout);
}

static void
draw_after (QiScene *scene, cairo_t *cr, double area_width, double area_height)
{
  const QiHostResult *result = scene->after_of;
  const gboolean single = result->request->task == QI_TASK_GENERATE;
  const QiRect place = { single ? 0 : result->x, single ? 0 : result->y, qi_image_width (result->pixels),
                         qi_image_height (result->pixels) };
  const gboolean comparing = qi_scene_is_comparing (scene);
  const double line = area_width * scene->wiper;
  double x, y, width, height;

  if (scene->original && !single)
    return;
  qi_scene_to_widget (scene, &place, &x, &y, &width, &height);
  cairo_save (cr);
  if (comparing)
    {
      cairo_rectangle (cr, line, 0, area_width - line, area_height);
      cairo_clip (cr);
    }
  paint_in (cr, scene->after, x, y, width, height);
  cairo_restore (cr);
  if (!comparing)
    return;
  const double r = qi_px (GTK_WIDGET (scene), 13);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_set_line_width (cr, 2);
  cairo_move_to (cr, line, 0);
  cairo_line_to (cr, line, area_height);
  cairo_stroke (cr);
  cairo_arc (cr, line, area_height / 2, r, 0, 2 * G_PI);
  cairo_set_source_rgb (cr, 0.1, 0.1, 0.1);
  cairo_fill_preserve (cr);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_stroke (cr);
  for (int side = -1; side <= 1; side += 2)
    {
      cairo_move_to (cr, line + side * r * 0.25, area_height / 2 - r * 0.35);
      cairo_line_to (cr, line + side * r * 0.6, area_height / 2);
      cairo_line_to (cr, line + side * r * 0.25, area_height / 2 + r * 0.35);
      cairo_stroke (cr);
    }
}

static void
draw_size (QiScene *scene, cairo_t *cr, double area_width, double area_height)
{
  g_autofree char *text = g_strdup_printf (_ ("%d × %d px"), scene->frame.width, scene->frame.height);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (scene), text);
  int width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.74);
  cairo_move_to (cr, (area_width - width) / 2, (area_height - height) / 2);
  pango_cairo_show_layout (cr, layout);
}

gboolean
qi_scene_draw (GtkWidget *widget, cairo_t *cr)
{
  QiScene *scene = QI_SCENE (widget);
  const double width = gtk_widget_get_allocated_width (widget), height = gtk_widget_get_allocated_height (widget);
  const double r = qi_px (widget, 4);
  const gboolean running = qi_session_job_frame (scene->session) != NULL;

  cairo_save (cr);
  cairo_new_sub_path (cr);
  cairo_arc (cr, width - r, r, r, -G_PI / 2, 0);
  cairo_arc (cr, width - r, height - r, r, 0, G_PI / 2);
  cairo_arc (cr, r, height - r, r, G_PI / 2, G_PI);
  cairo_arc (cr, r, r, r, G_PI, 3 * G_PI / 2);
  cairo_close_path (cr);
  cairo_clip (cr);
  cairo_set_source_rgb (cr, 0.11, 0.11, 0.11);
  cairo_paint (cr);
  const gboolean grows = qi_scene_grows (scene);
  if (grows)
    draw_ground (scene, cr);
  if (scene->before)
    paint_seen (scene, cr, scene->before);
  scene->n_words = 0;
  if (scene->after)
    draw_after (scene, cr, width, height);
  else if (!qi_rect_is_empty (&scene->frame))
    {
      double x, y, w, h;
      if (running && scene->forming && scene->preview)
        {
          const QiRect part = grows ? qi_session_job_part (scene->session) : scene->frame;
          qi_scene_to_widget (scene, &part, &x, &y, &w, &h);
          paint_in (cr, scene->forming, x, y, w, h);
          if (grows && scene->before) /* what was there stays */
            paint_seen (scene, cr, scene->before);
        }
      else if (scene->mask)
        draw_mask (scene, cr);
      if (!scene->before && !(running && scene->forming))
        draw_size (scene, cr, width, height);
      draw_frame (scene, cr, scene->before != NULL && !grows, width, height);
      if (grows && !running)
        {
          draw_old (scene, cr);
          draw_side_handles (scene, cr);
        }
      if (qi_session_n_rows (scene->session) && !running && qi_session_task (scene->session) != QI_TASK_SPLIT)
        {
          if (scene->grid)
            draw_thirds (scene, cr);
          for (guint k = 0; k < qi_session_n_rows (scene->session); k++)
            draw_words (scene, cr, k);
        }
    }
  cairo_restore (cr);
  if (gtk_widget_has_visible_focus (widget))
    gtk_render_focus (gtk_widget_get_style_context (widget), cr, 2, 2, width - 4, height - 4);
  return FALSE;
}
