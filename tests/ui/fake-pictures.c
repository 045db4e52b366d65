/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/fake-pictures.c — a harbour in the evening, drawn with a few curves. */
#include <math.h>

#include "tests/ui/fake-host.h"

static void
gradient (cairo_t *cr, double y0, double y1, const double *stops, int n, double width)
{
  cairo_pattern_t *p = cairo_pattern_create_linear (0, y0, 0, y1);

  for (int k = 0; k < n; k++)
    cairo_pattern_add_color_stop_rgb (p, stops[4 * k], stops[4 * k + 1], stops[4 * k + 2], stops[4 * k + 3]);
  cairo_set_source (cr, p);
  cairo_rectangle (cr, 0, y0, width, y1 - y0);
  cairo_fill (cr);
  cairo_pattern_destroy (p);
}

static void
hills (cairo_t *cr, double width, double base, double height, double phase, double r, double g, double b)
{
  cairo_move_to (cr, 0, base);
  for (double x = 0; x <= width; x += 6)
    cairo_line_to (
        cr, x, base - height * (0.55 + 0.3 * sin (x / width * 7 + phase) + 0.15 * sin (x / width * 17 + 2 * phase)));
  cairo_line_to (cr, width, base);
  cairo_close_path (cr);
  cairo_set_source_rgb (cr, r, g, b);
  cairo_fill (cr);
}

void
qi_fake_draw_harbour (cairo_t *cr, int width, int height)
{
  static const double sky[] = { 0, .26, .30, .48, .5, .55, .45, .55, .85, .93, .65, .52, 1, .96, .72, .53 };
  static const double sea[] = { 0, .83, .60, .55, .3, .52, .42, .55, 1, .15, .19, .34 };
  const double w = width, h = height, horizon = h * 0.46;

  gradient (cr, 0, horizon, sky, 4, w);
  gradient (cr, horizon, h, sea, 3, w);
  hills (cr, w, horizon, h * 0.18, 0.4, .42, .36, .50);
  hills (cr, w, horizon, h * 0.08, 2.2, .28, .26, .42);
  for (int k = 0; k < 160; k++)
    {
      const double x = fmod (k * 397.1, w), y = horizon + (h - horizon) * fmod (k * 0.6180339, 1),
                   l = w * (0.012 + 0.03 * fmod (k * 0.37, 1));
      cairo_set_source_rgba (cr, .98, .78, .66, 0.28);
      cairo_rectangle (cr, x, y, l, h * 0.0022);
      cairo_fill (cr);
    }
  /* a pier with a lamp */
  cairo_set_source_rgb (cr, .08, .08, .14);
  cairo_rectangle (cr, 0, h * 0.72, w * 0.11, h * 0.012);
  cairo_rectangle (cr, w * 0.02, h * 0.72, w * 0.004, h * 0.07);
  cairo_rectangle (cr, w * 0.09, h * 0.58, w * 0.004, h * 0.19);
  cairo_fill (cr);
  cairo_pattern_t *glow = cairo_pattern_create_radial (w * 0.092, h * 0.58, 2, w * 0.092, h * 0.58, w * 0.03);
  cairo_pattern_add_color_stop_rgba (glow, 0, 1, .88, .55, 1);
  cairo_pattern_add_color_stop_rgba (glow, 1, 1, .8, .5, 0);
  cairo_set_source (cr, glow);
  cairo_paint (cr);
  cairo_pattern_destroy (glow);
}

/* 312 × 280 in a picture of 1800 × 1200 */
void
qi_fake_draw_lasso (cairo_t *cr, int width, int height)
{
  const double x = 1025, y = 690;

  cairo_move_to (cr, x + 156, y);
  cairo_curve_to (cr, x + 220, y + 10, x + 312, y + 160, x + 312, y + 200);
  cairo_curve_to (cr, x + 312, y + 290, x + 120, y + 285, x + 60, y + 275);
  cairo_curve_to (cr, x - 40, y + 240, x + 5, y + 160, x + 60, y + 120);
  cairo_curve_to (cr, x + 100, y + 60, x + 110, y - 5, x + 156, y);
  cairo_close_path (cr);
  cairo_fill (cr);
}

void
qi_fake_draw_sloop (cairo_t *cr, int width, int height)
{
  const double w = width, h = height;

  cairo_set_source_rgb (cr, .45, .37, .52);
  cairo_paint (cr);
  cairo_set_source_rgb (cr, .97, .88, .70);
  cairo_move_to (cr, w * 0.52, h * 0.1);
  cairo_curve_to (cr, w * 0.75, h * 0.35, w * 0.78, h * 0.6, w * 0.76, h * 0.68);
  cairo_line_to (cr, w * 0.52, h * 0.68);
  cairo_close_path (cr);
  cairo_move_to (cr, w * 0.47, h * 0.2);
  cairo_line_to (cr, w * 0.47, h * 0.68);
  cairo_line_to (cr, w * 0.26, h * 0.68);
  cairo_close_path (cr);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, .80, .22, .14);
  cairo_move_to (cr, w * 0.2, h * 0.74);
  cairo_line_to (cr, w * 0.82, h * 0.74);
  cairo_line_to (cr, w * 0.7, h * 0.88);
  cairo_line_to (cr, w * 0.32, h * 0.88);
  cairo_close_path (cr);
  cairo_fill (cr);
}
