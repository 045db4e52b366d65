/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole way: an image and a selection → what the model gets → what it might give → the image again. */
#include "compose/job.h"

#include <string.h>

#include "base/error.h"
#include "compose/resize.h"
#include "compose-way.h"

/* As the stub of that name: the crop moved and zoomed about the middle, mirrored at its edges. */
static QiImage *
shifted (const QiImage *image, double dx, double dy, double zoom)
{
  const double cx = qi_image_width (image) / 2.0, cy = qi_image_height (image) / 2.0;
  const QiMapping mapping = { cx - (cx + dx) / zoom, 1 / zoom, cy - (cy + dy) / zoom, 1 / zoom };

  return qi_resample (image, qi_image_width (image), qi_image_height (image), &mapping, QI_FILTER_LANCZOS);
}

static QiImage *
cast (const QiImage *image, double r, double g, double b)
{
  const double gains[3] = { r, g, b };
  const guint width = qi_image_width (image), height = qi_image_height (image);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint i = 0; i < width * 3; i++)
      pixels[(gsize) y * width * 3 + i] = QI_CLAMP_BYTE ((float) (qi_image_row (image, y)[i] * gains[i % 3]));
  return qi_pixels_take (width, height, 3, pixels);
}

/* Over pixels at which the model must not have painted, at the size of the model: dB. */
static double
ring_psnr (const QiImage *a, const QiImage *b, const QiImage *mask)
{
  double sum = 0, n = 0;

  for (guint y = 0; y < qi_image_height (a); y++)
    for (guint x = 0; x < qi_image_width (a); x++)
      for (guint c = 0; c < 3; c++)
        if (!qi_image_row (mask, y)[x])
          {
            const double d = qi_image_row (a, y)[4 * x + c] - qi_image_row (b, y)[3 * x + c];

            sum += d * d;
            n++;
          }
  return 10 * log10 (255 * 255 / MAX (sum / n, 1e-9));
}

/* -- copy: nothing changes ---------------------------------------------------------------------------- */

static void
copy (void)
{
  static const guint sides[] = { 64, 128, 1024 }; /* enlarged, shrunk or as it is */

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      g_auto (Way) way = begin (QI_TASK_FILL, scene_picture (700, 500, 3, 0, 0, 1),
                                scene_ellipse (700, 500, 300, 260, 80, 60, 20), sides[i]);
      g_autoptr (QiPatch) patch = finish (&way, way.compose->reference);
      g_autoptr (QiImage) image = placed (&way, patch);

      g_test_message ("model of %u: frame %d × %d seen as %u × %u", sides[i], way.frame.frame.width,
                      way.frame.frame.height, way.frame.width, way.frame.height);
      g_assert_cmpuint (difference (image, way.image, NULL, FALSE), <=, 1);
      g_assert_false (patch->moved_too_far);
    }
}

/* Ten edits, each of what the last one left: not one byte outside, and nearly none inside. */
static void
chain (void)
{
  g_autoptr (QiImage) first = scene_picture (500, 420, 9, 0, 0, 1);
  QiImage *image = qi_image_ref (first);
  g_autoptr (QiImage) selection = scene_ellipse (500, 420, 240, 200, 90, 70, 15);

  for (guint i = 0; i < 10; i++)
    {
      g_auto (Way) way = begin (QI_TASK_EDIT, image, qi_image_ref (selection), 128);
      g_autoptr (QiPatch) patch = finish (&way, way.compose->picture);

      image = placed (&way, patch);
    }
  g_assert_cmpuint (difference (image, first, selection, FALSE), ==, 0);
  g_assert_cmpuint (difference (image, first, selection, TRUE), <=, 1);
  qi_image_unref (image);
}

/* -- fill: the inside, the edge, the outside ----------------------------------------------------------- */

/* Through mask the alpha is the selection's, to the byte. */
static void
check_fill (QiImage *selection, const char *what)
{
  const guint width = qi_image_width (selection), height = qi_image_height (selection);
  g_auto (Way) way = begin (QI_TASK_FILL, scene_picture (width, height, 5, 0, 0, 1), selection, 1024);
  g_autoptr (QiImage) red = one_colour (way.frame.width, way.frame.height, 250, 10, 20);
  g_autoptr (QiPatch) patch = finish (&way, red);
  g_autoptr (QiImage) image = placed (&way, patch);
  g_autoptr (QiImage) part = qi_pixels_crop (selection, &way.frame.frame);
  gboolean partial = FALSE;
  guint full = 0;

  g_test_message ("%s: frame %d × %d at %d, %d, seen as %u × %u", what, way.frame.frame.width, way.frame.frame.height,
                  way.frame.frame.x, way.frame.frame.y, way.frame.width, way.frame.height);
  g_assert_cmpuint (difference (image, way.image, selection, FALSE), ==, 0);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      partial |= qi_image_row (selection, y)[x] % 255 != 0;
  for (guint y = 0; y < qi_image_height (part); y++)
    for (guint x = 0; x < qi_image_width (part); x++)
      {
        const guint8 alpha = qi_image_row (patch->mask, y)[x], selected = qi_image_row (part, y)[x];

        g_assert_cmpuint (alpha, <=, selected);
        if (partial)
          g_assert_cmpuint (alpha, ==, selected);
        g_assert_cmpmem (qi_image_row (patch->pixels, y) + 4 * x, 4, ((guint8[]){ 250, 10, 20, 255 }), 4);
        full += alpha == 255;
      }
  g_assert_cmpuint (full, >, 0);
}

static void
fill (void)
{
  check_fill (scene_ellipse (640, 480, 300, 240, 90, 70, 30), "feathered");
  check_fill (scene_ellipse (640, 480, 300, 240, 90, 70, 0), "hard");
  check_fill (scene_ellipse (640, 480, 10, 240, 60, 50, 10), "at the left");
  check_fill (scene_ellipse (640, 480, 630, 240, 60, 50, 10), "at the right");
  check_fill (scene_ellipse (640, 480, 300, 0, 60, 50, 10), "at the top");
  check_fill (scene_ellipse (640, 480, 300, 480, 60, 50, 0), "at the bottom");
  check_fill (scene_ellipse (640, 480, 0, 0, 60, 50, 0), "in a corner");
  check_fill (scene_ellipse (640, 480, 320, 240, 1000, 1000, 0), "everything");
  check_fill (scene_ellipse (640, 480, 320.5, 240.5, 0.6, 0.6, 0), "one pixel");
  check_fill (scene_ellipse (12, 9, 6, 5, 3, 3, 0), "a tiny image");
  check_fill (scene_ellipse (1500, 20, 700, 10, 30, 6, 0), "a long image");
}

/* Two islands, one of them a single pixel, at both ends. */
static void
islands (void)
{
  guint8 *pixels = qi_pixels_alloc (640, 480, 1);

  for (guint y = 100; y < 180; y++)
    memset (pixels + y * 640 + 20, 255, 120);
  pixels[400 * 640 + 600] = 255;
  check_fill (qi_pixels_take (640, 480, 1, pixels), "two islands");
}

/* -- shift: nothing moves ------------------------------------------------------------------------------ */

static void
shift (void)
{
  static const double motions[][3] = { { 12, -12, 1 }, { -7, 5, 1 },      { 3.4, -8.7, 1 },
                                       { 0, 0, 1.03 }, { -12, 12, 0.97 }, { 0.5, 0.5, 1.01 } };

  for (guint i = 0; i < G_N_ELEMENTS (motions); i++)
    {
      g_auto (Way) way = begin (QI_TASK_FILL, scene_picture (600, 480, 13, 0, 0, 1),
                                scene_ellipse (600, 480, 300, 230, 70, 60, 20), 1024);
      g_autoptr (QiImage) result = shifted (way.compose->reference, motions[i][0], motions[i][1], motions[i][2]);
      g_autoptr (QiPatch) patch = finish (&way, result);
      g_autoptr (QiImage) image = placed (&way, patch);
      g_autoptr (QiImage) crop = qi_pixels_crop (way.image, &way.frame.frame);
      g_autoptr (QiImage) part = qi_pixels_crop (way.selection, &way.frame.frame);
      const double psnr = ring_psnr (patch->pixels, crop, part);

      g_test_message ("%g %g %g: %g %g %g, ring %.1f dB, inside %u levels at most", motions[i][0], motions[i][1],
                      motions[i][2], patch->drift.dx, patch->drift.dy, patch->drift.zoom, psnr,
                      difference (image, way.image, NULL, FALSE));
      g_assert_false (patch->moved_too_far);
      g_assert_cmpfloat (psnr, >=, 45);
      g_assert_cmpuint (difference (image, way.image, way.selection, FALSE), ==, 0);
      g_assert_cmpuint (difference (image, way.image, NULL, FALSE), <=, 12);
    }
}

static void
too_far (void)
{
  g_auto (Way) way = begin (QI_TASK_EDIT, scene_picture (600, 480, 13, 0, 0, 1),
                            scene_ellipse (600, 480, 300, 230, 70, 60, 20), 1024);
  g_autoptr (QiImage) result = shifted (way.compose->reference, 14, 0, 1);
  g_autoptr (QiPatch) patch = finish (&way, result);

  g_assert_true (patch->moved_too_far);
  g_assert_cmpfloat (fabs (patch->moved_px - 14), <, 0.2);
  g_assert_cmpint (way.frame.content.width, ==, way.frame.frame.width);
}

/* -- cast: colours come back --------------------------------------------------------------------------- */

static void
colours (void)
{
  static const double casts[][3] = { { 1.1, 1, 0.9 }, { 0.9, 0.9, 0.9 }, { 1.1, 1.1, 1.1 }, { 0.9, 1.1, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (casts); i++)
    {
      g_auto (Way) way = begin (QI_TASK_FILL, scene_picture (600, 480, 17, 0, 0, 1),
                                scene_ellipse (600, 480, 300, 230, 70, 60, 20), 1024);
      g_autoptr (QiImage) result = cast (way.compose->reference, casts[i][0], casts[i][1], casts[i][2]);
      g_autoptr (QiPatch) patch = finish (&way, result);
      g_autoptr (QiImage) crop = qi_pixels_crop (way.image, &way.frame.frame);
      g_autoptr (QiImage) part = qi_pixels_crop (way.selection, &way.frame.frame);
      double error[3] = { 0 }, n = 0;

      g_assert_true (patch->match.measured);
      for (guint y = 0; y < qi_image_height (crop); y++)
        for (guint x = 0; x < qi_image_width (crop); x++, n++)
          for (guint c = 0; c < 3; c++)
            error[c] += ABS (qi_image_row (patch->pixels, y)[4 * x + c] - qi_image_row (crop, y)[3 * x + c]);
      for (guint c = 0; c < 3; c++)
        {
          g_test_message ("%g: %.3f levels", casts[i][c], error[c] / n);
          g_assert_cmpfloat (error[c] / n, <=, 1);
        }
    }
}

/* Light that changes across the picture, as no gain can say it. */
static void
uneven (void)
{
  g_auto (Way) way = begin (QI_TASK_FILL, scene_picture (600, 480, 17, 0, 0, 1),
                            scene_ellipse (600, 480, 300, 230, 70, 60, 20), 1024);
  const guint width = way.frame.width, height = way.frame.height;
  guint8 *pixels = qi_pixels_alloc (width, height, 3);
  double inside = 0, n = 0;

  for (guint y = 0; y < height; y++)
    for (guint i = 0; i < width * 3; i++)
      {
        const double x = (double) (i / 3) / width - 0.5;

        pixels[(gsize) y * width * 3 + i] =
            QI_CLAMP_BYTE ((float) (qi_image_row (way.compose->reference, y)[i] + 16 * x + 32 * x * x - 2));
      }

  g_autoptr (QiImage) result = qi_pixels_take (width, height, 3, pixels);
  g_autoptr (QiPatch) patch = finish (&way, result);
  g_autoptr (QiImage) crop = qi_pixels_crop (way.image, &way.frame.frame);

  for (guint y = 0; y < qi_image_height (crop); y++)
    for (guint x = 0; x < qi_image_width (crop); x++)
      if (qi_image_row (patch->mask, y)[x])
        {
          n++;
          inside += ABS (qi_image_row (patch->pixels, y)[4 * x] - qi_image_row (crop, y)[3 * x]);
        }
  g_test_message ("%.3f levels inside", inside / n);
  g_assert_cmpfloat (inside / n, <=, 1);
}

/* -- no selection -------------------------------------------------------------------------------------- */

/* Another light may be what was asked for; a picture that jumped was not. */
static void
no_selection (void)
{
  g_auto (Way) way = begin (QI_TASK_EDIT, scene_picture (400, 300, 19, 0, 0, 1), NULL, 1024);
  g_autoptr (QiImage) darker = cast (way.compose->picture, 0.7, 0.7, 0.9);
  g_autoptr (QiImage) result = shifted (darker, 6, -4, 1.01);
  g_autoptr (QiPatch) patch = finish (&way, result);
  g_autoptr (QiImage) wanted = cast (way.image, 0.7, 0.7, 0.9);
  g_autoptr (QiImage) image = placed (&way, patch);
  double sum = 0;

  g_assert_null (patch->mask);
  g_assert_null (way.compose->mask);
  g_assert_false (patch->match.measured);
  for (guint y = 10; y < 290; y++)
    for (guint i = 30; i < 390 * 3; i++)
      sum += ABS (qi_image_row (image, y)[i] - qi_image_row (wanted, y)[i]);
  g_test_message ("%.3f levels", sum / (280 * 1140));
  g_assert_cmpfloat (sum / (280 * 1140), <=, 1);
}

/* -- transparency -------------------------------------------------------------------------------------- */

/* A picture cut out: alpha 0 beside a line, with a colour nobody may see; before it alpha falls for so many pixels.
 * (transfer full) */
static QiImage *
cut_out (guint width, guint height, guint ramp)
{
  g_autoptr (QiImage) scene = scene_picture (width, height, 23, 0, 0, 1);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        guint8 *p = pixels + ((gsize) y * width + x) * 4;

        if (x >= width / 2)
          memcpy (p, ((guint8[]){ 0, 255, 0, 0 }), 4);
        else
          {
            memcpy (p, qi_image_row (scene, y) + 3 * x, 3);
            p[3] = (guint8) MIN (255, 255 * (width / 2 - x) / (ramp + 1));
          }
      }
  return qi_pixels_take (width, height, 4, pixels);
}

static void
transparency (void)
{
  g_auto (Way) edit = begin (QI_TASK_EDIT, cut_out (300, 200, 0), scene_ellipse (300, 200, 150, 100, 40, 40, 0), 512);
  g_auto (Way) fill_way = begin (QI_TASK_FILL, cut_out (300, 200, 0), scene_ellipse (300, 200, 150, 100, 40, 40, 0), 512);
  g_autoptr (QiImage) red = one_colour (edit.frame.width, edit.frame.height, 250, 10, 20);
  g_autoptr (QiPatch) edited = finish (&edit, red);
  g_autoptr (QiPatch) filled = finish (&fill_way, red);
  g_autoptr (QiImage) after_edit = placed (&edit, edited);
  g_autoptr (QiImage) after_fill = placed (&fill_way, filled);

  g_assert_cmpuint (qi_image_channels (edit.compose->picture), ==, 3);
  for (guint y = 0; y < edit.frame.height; y++) /* white where there is nothing, not the green under it */
    for (guint x = edit.frame.width / 2 + 8; x < edit.frame.width; x++)
      g_assert_cmpmem (qi_image_row (edit.compose->picture, y) + 3 * x, 3, ((guint8[]){ 255, 255, 255 }), 3);
  /* An edit stays within what was there; a fill fills. */
  g_assert_cmpmem (qi_image_row (after_edit, 100) + 4 * 140, 4, ((guint8[]){ 250, 10, 20, 255 }), 4);
  g_assert_cmpuint (qi_image_row (after_edit, 100)[4 * 160 + 3], ==, 0);
  g_assert_cmpmem (qi_image_row (after_fill, 100) + 4 * 160, 4, ((guint8[]){ 250, 10, 20, 255 }), 4);
  g_assert_cmpuint (difference (after_edit, edit.image, edit.selection, FALSE), ==, 0);
  g_assert_cmpuint (difference (after_fill, edit.image, edit.selection, FALSE), ==, 0);
}

/* An empty layer has no alpha that an edit could stay within. */
static void
empty_layer (void)
{
  g_auto (Way) way = begin (QI_TASK_EDIT, qi_pixels_take (100, 80, 4, qi_pixels_alloc (100, 80, 4)), NULL, 128);
  g_autoptr (QiImage) red = one_colour (way.frame.width, way.frame.height, 250, 10, 20);
  g_autoptr (QiPatch) patch = finish (&way, red);

  g_assert_cmpmem (qi_image_row (patch->pixels, 40) + 200, 4, ((guint8[]){ 250, 10, 20, 255 }), 4);
}

/* With a stub that repeats what it is given, that is the crop before any prefill, and its alpha comes back. */
static void
stub_copy (void)
{
  static const char *stubs[] = { "copy", "slow:5;shift:0,0", "fill:1,2,3" };

  for (guint i = 0; i < G_N_ELEMENTS (stubs); i++)
    {
      g_setenv ("QI_STUB", stubs[i], TRUE);

      g_auto (Way) way = begin (QI_TASK_FILL, cut_out (300, 200, 0), scene_ellipse (300, 200, 150, 100, 40, 40, 0), 512);
      g_autoptr (QiPatch) patch = finish (&way, way.compose->picture);
      g_autoptr (QiImage) image = placed (&way, patch);

      g_unsetenv ("QI_STUB");
      if (i < 2)
        g_assert_cmpuint (difference (image, way.image, NULL, FALSE), ==, 0);
      else
        g_assert_cmpuint (difference (image, way.image, NULL, FALSE), >, 50); /* the prefill */
    }
}

/* Half transparent pixels are seen against white, and come back without it. */
static void
translucent (void)
{
  g_auto (Way) way = begin (QI_TASK_EDIT, cut_out (300, 200, 30), scene_ellipse (300, 200, 150, 100, 40, 40, 0), 512);
  g_autoptr (QiPatch) patch = finish (&way, way.compose->picture);
  g_autoptr (QiImage) crop = qi_pixels_crop (way.image, &way.frame.frame);
  guint n = 0;

  for (guint y = 0; y < qi_image_height (crop); y++)
    for (guint x = 0; x < qi_image_width (crop); x++)
      {
        const guint8 *is = qi_image_row (patch->pixels, y) + 4 * x, *was = qi_image_row (crop, y) + 4 * x;

        g_assert_cmpuint (is[3], ==, was[3]);
        for (guint c = 0; c < 3 && was[3]; c++)
          g_assert_cmpint (ABS (is[c] - was[c]) * was[3], <=, 255); /* half a level, seen against white */
        n += was[3] > 0 && was[3] < 255;
      }
  g_assert_cmpuint (n, >, 1000);
}

static void
greyscale (void)
{
  g_autoptr (QiImage) scene = scene_picture (300, 200, 29, 0, 0, 1);
  g_auto (Way) way =
      begin (QI_TASK_FILL, qi_pixels_convert (scene, 1), scene_ellipse (300, 200, 150, 100, 40, 30, 9), 1024);
  g_autoptr (QiPatch) patch = finish (&way, way.compose->reference);
  g_autoptr (QiImage) image = placed (&way, patch);

  g_assert_cmpuint (qi_image_channels (image), ==, 1);
  g_assert_cmpuint (difference (image, way.image, NULL, FALSE), ==, 0);
}

/* -- what a person is told ----------------------------------------------------------------------------- */

/* A disc drawn anew that reaches beyond the selection by as much as the model may paint, or does not. */
static gboolean
told_cut_off (double cx, double radius)
{
  g_auto (Way) way = begin (QI_TASK_FILL, scene_picture (700, 600, 31, 0, 0, 1),
                            scene_ellipse (700, 600, 350, 300, 90, 90, 0), 1024);
  const QiRect *frame = &way.frame.frame;
  g_autoptr (QiImage) red = one_colour (way.frame.width, way.frame.height, 250, 10, 20);
  g_autoptr (QiImage) disc =
      scene_ellipse (way.frame.width, way.frame.height, cx - frame->x, 300 - frame->y, radius, radius, 0);
  g_autoptr (QiImage) drawn = scene_replace (way.compose->reference, disc, red);
  g_autoptr (QiImage) allowed = scene_replace (way.compose->reference, way.compose->mask, drawn);
  g_autoptr (QiPatch) patch = finish (&way, allowed);

  g_assert_cmpint (way.frame.content.width, ==, frame->width);
  return patch->cut_off;
}

static void
cut_off (void)
{
  g_assert_true (told_cut_off (420, 60));   /* leaves it at the right */
  g_assert_false (told_cut_off (350, 60));  /* in its middle */
  g_assert_false (told_cut_off (350, 200)); /* all is new */
}

static void
refused (void)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  g_autoptr (QiImage) image = scene_picture (100, 80, 1, 0, 0, 1);
  g_autoptr (QiImage) nothing = qi_pixels_take (100, 80, 1, qi_pixels_alloc (100, 80, 1));
  g_autoptr (QiImage) small = qi_pixels_take (90, 80, 1, qi_pixels_alloc (90, 80, 1));
  const QiRect canvas = { 0, 0, 100, 80 };
  const QiModelSizes sizes = qi_model_sizes (128, 128, 16);
  const QiImage *selections[] = { nothing, small, image };
  const char *words[] = { "Nothing is selected", "90", "3 channels" };
  QiFrame frame;

  g_assert_true (qi_frame_plan (request, &canvas, NULL, NULL, &sizes, &frame, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (qi_compose_prepare (request, &frame, image, selections[i], &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
      g_assert_nonnull (strstr (error->message, words[i]));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/job/copy", copy);
  g_test_add_func ("/compose/job/chain", chain);
  g_test_add_func ("/compose/job/fill", fill);
  g_test_add_func ("/compose/job/islands", islands);
  g_test_add_func ("/compose/job/shift", shift);
  g_test_add_func ("/compose/job/too-far", too_far);
  g_test_add_func ("/compose/job/colours", colours);
  g_test_add_func ("/compose/job/uneven", uneven);
  g_test_add_func ("/compose/job/no-selection", no_selection);
  g_test_add_func ("/compose/job/transparency", transparency);
  g_test_add_func ("/compose/job/empty-layer", empty_layer);
  g_test_add_func ("/compose/job/stub", stub_copy);
  g_test_add_func ("/compose/job/translucent", translucent);
  g_test_add_func ("/compose/job/grey", greyscale);
  g_test_add_func ("/compose/job/cut-off", cut_off);
  g_test_add_func ("/compose/job/refused", refused);
  return g_test_run ();
}
