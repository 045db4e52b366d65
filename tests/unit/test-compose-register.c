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
  static const double shifts[][2] = { { 0, 0 },   { 0.4, -0.3 }, { 1, 1 },     { -2.5, 3.25 }, { 5, -7 },
                                      { 12, 12 }, { -12, 12 },   { 12, -12 },  { -12, -12 },   { 12, 0 },
                                      { 0, -12 }, { -8.6, 0.2 }, { 10.9, -4 }, { 3, 11.5 },    { -11.5, 6 } };
  static const double zooms[] = { 0.97, 1, 1.03 };
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

/* Noise of about two levels, as a VAE leaves it, and other light. (transfer full) */
static QiImage *
worse (const QiImage *image, double gain, double offset)
{
  const guint width = qi_image_width (image), height = qi_image_height (image);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint i = 0; i < width * 3; i++)
      {
        const float noise = 4 * (scene_hash ((gint32) i, (gint32) y, 5) + scene_hash ((gint32) i, (gint32) y, 6) - 1);

        pixels[(gsize) y * width * 3 + i] =
            QI_CLAMP_BYTE ((float) (qi_image_row (image, y)[i] * gain + offset) + noise);
      }
  return qi_pixels_take (width, height, 3, pixels);
}

/* As a real result is: noisy, of other light, and a third of the ring changed too. */
static void
noisy (void)
{
  const guint width = 336, height = 304;
  g_autoptr (QiImage) picture = scene_picture (width, height, 11, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (width, height, 100, 200, 60, 50, 0);
  g_autoptr (QiImage) more = scene_ellipse (width, height, 140, 190, 120, 90, 0);
  g_autoptr (QiImage) other = scene_picture (width, height, 99, 0, 0, 1);
  g_autoptr (QiImage) moved = scene_picture (width, height, 11, 4.3, -2.6, 1.012);
  g_autoptr (QiImage) replaced = scene_replace (moved, more, other);
  g_autoptr (QiImage) result = worse (replaced, 0.85, 12);
  const QiDrift drift = qi_drift_measure (picture, result, mask);

  g_test_message ("found %g %g %g, correlation %g", drift.dx, drift.dy, drift.zoom, drift.correlation);
  g_assert_true (drift.measured);
  g_assert_cmpfloat (residual (&drift, 4.3, -2.6, 1.012, width, height), <=, 0.25);
}

/* The sizes models of the tests like, and one they do not. */
static void
sizes (void)
{
  static const guint sides[][2] = { { 64, 64 }, { 128, 128 }, { 192, 96 }, { 1024, 1008 } };

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      const guint width = sides[i][0], height = sides[i][1];
      const double dx = width > 64 ? 5.5 : 2.5, dy = -3.2;
      g_autoptr (QiImage) picture = scene_picture (width, height, 3, 0, 0, 1);
      g_autoptr (QiImage) moved = scene_picture (width, height, 3, dx, dy, 1.01);
      g_autoptr (QiImage) mask = scene_ellipse (width, height, width / 2.0, height / 2.0, width / 4.0, height / 4.0, 0);
      g_autoptr (QiImage) other = scene_picture (width, height, 98, 0, 0, 1);
      g_autoptr (QiImage) result = scene_replace (moved, mask, other);
      const QiDrift drift = qi_drift_measure (picture, result, mask);

      g_test_message ("%u × %u: found %g %g %g, correlation %g", width, height, drift.dx, drift.dy, drift.zoom,
                      drift.correlation);
      g_assert_true (drift.measured);
      g_assert_cmpfloat (residual (&drift, dx, dy, 1.01, width, height), <=, 0.25);
    }
}

/* Further than can be corrected: said, with how far. */
static void
beyond (void)
{
  static const double motions[][3] = { { 14, 0, 1 },   { 0, -20, 1 },  { -25, 18, 1 },
                                       { 0, 0, 1.05 }, { 3, 2, 0.95 }, { 16, 16, 1.06 } };
  const guint width = 448, height = 448;
  g_autoptr (QiImage) picture = scene_picture (width, height, 21, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (width, height, 224, 224, 90, 90, 0);

  for (guint i = 0; i < G_N_ELEMENTS (motions); i++)
    {
      g_autoptr (QiImage) result = scene_picture (width, height, 21, motions[i][0], motions[i][1], motions[i][2]);
      const QiDrift drift = qi_drift_measure (picture, result, mask);

      g_test_message ("%g %g %g: found %g %g %g, correlation %g", motions[i][0], motions[i][1], motions[i][2], drift.dx,
                      drift.dy, drift.zoom, drift.correlation);
      g_assert_true (drift.measured && drift.beyond && !drift.negligible);
      g_assert_cmpfloat (residual (&drift, motions[i][0], motions[i][1], motions[i][2], width, height), <=, 0.5);
    }
}

static QiImage *
flat (guint width, guint height, float noise)
{
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (gsize i = 0; i < (gsize) width * height * 3; i++)
    pixels[i] = QI_CLAMP_BYTE (120 + noise * (scene_hash ((gint32) i, 0, 77) - 0.5f));
  return qi_pixels_take (width, height, 3, pixels);
}

/* Nothing to measure by: neither a correction nor a warning. */
static void
nothing (void)
{
  const guint width = 256, height = 256;
  g_autoptr (QiImage) picture = scene_picture (width, height, 31, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (width, height, 128, 128, 50, 50, 0);
  g_autoptr (QiImage) all = scene_ellipse (width, height, 128, 128, 500, 500, 0);
  g_autoptr (QiImage) one_colour = flat (width, height, 0);
  g_autoptr (QiImage) grain = flat (width, height, 6);
  guint n = 0;

  for (guint seed = 40; seed < 56; seed++)
    {
      g_autoptr (QiImage) unrelated = scene_picture (width, height, seed, 0, 0, 1);
      const QiDrift drift = qi_drift_measure (picture, unrelated, mask);

      g_test_message ("unrelated %u: found %g %g %g, correlation %g", seed, drift.dx, drift.dy, drift.zoom,
                      drift.correlation);
      g_assert_false (drift.beyond);
      n += drift.measured;
    }
  g_assert_cmpuint (n, ==, 0);

  /* A quarter of it is still there, in its place: found, and not trusted. */
  g_autoptr (QiImage) other = scene_picture (width, height, 90, 0, 0, 1);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint i = 0; i < width * 3; i++)
      pixels[(gsize) y * width * 3 + i] =
          (guint8) ((qi_image_row (picture, y)[i] + 3 * qi_image_row (other, y)[i]) / 4);

  g_autoptr (QiImage) faint = qi_pixels_take (width, height, 3, pixels);

  g_assert_false (qi_drift_measure (picture, faint, mask).measured);
  g_assert_false (qi_drift_measure (picture, one_colour, mask).measured);
  g_assert_false (qi_drift_measure (one_colour, picture, mask).measured);
  g_assert_false (qi_drift_measure (one_colour, one_colour, mask).measured);
  g_assert_false (qi_drift_measure (grain, picture, mask).measured);
  g_assert_false (qi_drift_measure (picture, picture, all).measured);
}

/* A picture that is left alone is left alone, with noise or without; and so it is without a selection. */
static void
still (void)
{
  const guint width = 256, height = 240;
  g_autoptr (QiImage) picture = scene_picture (width, height, 31, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (width, height, 128, 128, 50, 50, 0);
  g_autoptr (QiImage) other = scene_picture (width, height, 98, 0, 0, 1);
  g_autoptr (QiImage) replaced = scene_replace (picture, mask, other);
  g_autoptr (QiImage) noise = worse (replaced, 1, 0);

  g_assert_true (qi_drift_measure (picture, picture, NULL).negligible);
  g_assert_true (qi_drift_measure (picture, replaced, mask).negligible);
  g_assert_true (qi_drift_measure (picture, noise, mask).negligible);
  g_assert_true (qi_drift_measure (picture, noise, NULL).negligible);
}

/* Stripes tell how far they moved across, and nothing along. */
static void
stripes (void)
{
  const guint width = 256, height = 256;
  guint8 *a = qi_pixels_alloc (width, height, 3), *b = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint i = 0; i < width * 3; i++)
      {
        a[(gsize) y * width * 3 + i] = QI_CLAMP_BYTE (40 + 160 * scene_noise (0.5, y / 13.0, 8));
        b[(gsize) y * width * 3 + i] = QI_CLAMP_BYTE (40 + 160 * scene_noise (0.5, (y - 3.5) / 13.0, 8));
      }

  g_autoptr (QiImage) picture = qi_pixels_take (width, height, 3, a);
  g_autoptr (QiImage) result = qi_pixels_take (width, height, 3, b);
  const QiDrift drift = qi_drift_measure (picture, result, NULL);

  g_test_message ("found %g %g %g, correlation %g", drift.dx, drift.dy, drift.zoom, drift.correlation);
  g_assert_true (drift.measured);
  g_assert_cmpfloat (fabs (drift.dx), <, 0.05);
  g_assert_cmpfloat (fabs (drift.dy - 3.5), <, 0.1);
}

/* Discs of other light on one colour or on a slope. (transfer full) */
static QiImage *
discs (guint width, guint height, const double (*at)[3], guint n, gboolean slope)
{
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        double value = slope ? 60 + 100.0 * y / height : 90;

        for (guint i = 0; i < n; i++)
          value += (220 - 60.0 * i - value) * CLAMP (at[i][2] - hypot (x - at[i][0], y - at[i][1]) + 0.5, 0, 1);
        for (guint c = 0; c < 3; c++)
          pixels[((gsize) y * width + x) * 3 + c] = QI_CLAMP_BYTE ((float) value);
      }
  return qi_pixels_take (width, height, 3, pixels);
}

/* Without a selection “move the disc to the left” is an edit, and no drift, however much of what there is to see moved;
 * and the same pictures have drifted where all of it did. */
static void
asked_for (void)
{
  static const double before[][3] = { { 60, 60, 22 }, { 140, 150, 12 } };
  static const double moved[][2] = { { 9, 0 }, { -10, 6 }, { 0, 28 } };
  const guint width = 192, height = 192;

  for (guint slope = 0; slope < 2; slope++)
    for (guint i = 0; i < G_N_ELEMENTS (moved); i++)
      {
        const double dx = moved[i][0], dy = moved[i][1];
        const double one[][3] = { { 60 + dx, 60 + dy, 22 }, { 140, 150, 12 } };
        const double both[][3] = { { 60 + dx, 60 + dy, 22 }, { 140 + dx, 150 + dy, 12 } };
        g_autoptr (QiImage) alone = discs (width, height, before, 1, slope),
                            two = discs (width, height, before, 2, slope);
        g_autoptr (QiImage) alone_moved = discs (width, height, one, 1, slope);
        g_autoptr (QiImage) one_moved = discs (width, height, one, 2, slope);
        g_autoptr (QiImage) both_moved = discs (width, height, both, 2, slope);
        const QiDrift a = qi_drift_measure (alone, alone_moved, NULL), b = qi_drift_measure (two, one_moved, NULL);

        g_test_message ("%g %g: alone %d %g %g, one %d %g %g", dx, dy, a.measured, a.dx, a.dy, b.measured, b.dx, b.dy);
        g_assert_true (a.negligible && !a.beyond);
        g_assert_true (b.negligible && !b.beyond);
        if (slope)
          continue; /* of which the light says that nothing moved */

        const QiDrift all = qi_drift_measure (two, both_moved, NULL);

        g_assert_true (all.measured);
        g_assert_cmpfloat (hypot (all.dx - dx, all.dy - dy), <, 0.5);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/register/sweep", sweep);
  g_test_add_func ("/compose/register/noisy", noisy);
  g_test_add_func ("/compose/register/sizes", sizes);
  g_test_add_func ("/compose/register/beyond", beyond);
  g_test_add_func ("/compose/register/nothing", nothing);
  g_test_add_func ("/compose/register/still", still);
  g_test_add_func ("/compose/register/stripes", stripes);
  g_test_add_func ("/compose/register/asked-for", asked_for);
  return g_test_run ();
}
