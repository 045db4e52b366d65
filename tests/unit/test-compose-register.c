/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a picture was moved is found, and undone; and nothing is found where nothing can be. */
#include "compose/register.h"

#include "scene.h"

/* The most that undoing found instead of truth leaves anything displaced, in pixels. */
static double
residual (const QiDrift *found, double dx, double dy, double zoom, guint width, guint height)
{
  double most = 0;

  for (int i = 0; i < 4; i++)
    {
      const double x = i & 1 ? width / 2.0 : -(width / 2.0), y = i & 2 ? height / 2.0 : -(height / 2.0);
      const double ex = x * (found->zoom - zoom) + found->dx - dx, ey = y * (found->zoom - zoom) + found->dy - dy;

      most = MAX (most, hypot (ex, ey));
    }
  return most;
}

static void
sweep (void)
{
  static const double shifts[][2] = { { 0, 0 },     { 0.4, -0.3 }, { 1, 1 },     { -2.5, 3.25 }, { 5, -7 },    { 12, 12 },
                                      { -12, 12 },  { 12, -12 },   { -12, -12 }, { 12, 0 },      { 0, -12 },   { -8.6, 0.2 },
                                      { 10.9, -4 }, { 3, 11.5 },   { -11.5, 6 } };
  static const double zooms[] = { 0.97, 0.985, 1, 1.01, 1.03 };
  const guint width = 336, height = 304;
  g_autoptr (QiImage) picture = scene_picture (width, height, 7, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (width, height, 180, 150, 90, 70, 0);
  g_autoptr (QiImage) other = scene_picture (width, height, 99, 0, 0, 1);
  double worst = 0;

  for (guint i = 0; i < G_N_ELEMENTS (shifts); i++)
    for (guint z = 0; z < G_N_ELEMENTS (zooms); z++)
      {
        const double dx = shifts[i][0], dy = shifts[i][1];
        g_autoptr (QiImage) moved = scene_picture (width, height, 7, dx, dy, zooms[z]);
        g_autoptr (QiImage) result = scene_replace (moved, mask, other);
        const QiDrift drift = qi_drift_measure (picture, result, mask);
        const double left = residual (&drift, dx, dy, zooms[z], width, height);

        g_test_message ("%g %g %g: found %g %g %g, correlation %g, residual %g", dx, dy, zooms[z], drift.dx, drift.dy,
                        drift.zoom, drift.correlation, left);
        g_assert_true (drift.measured);
        g_assert_false (drift.beyond);
        g_assert_cmpfloat (left, <=, 0.25);
        worst = MAX (worst, left);
      }
  g_test_message ("worst residual %g px", worst);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/register/sweep", sweep);
  return g_test_run ();
}
