/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames, masks, prefill, resampling and blending, each by itself. */
#include "compose/blend.h"
#include "compose/fill.h"
#include "compose/frame.h"
#include "compose/mask.h"
#include "compose/resize.h"

#include <string.h>

#include "base/error.h"
#include "scene.h"

/* -- frames -------------------------------------------------------------------------------------------- */

static gboolean
contains (const QiRect *outer, const QiRect *inner)
{
  const QiRect both = qi_rect_intersect (outer, inner);

  return qi_rect_equal (&both, inner);
}

/* What holds for every frame. */
static void
check_plan (const QiFrame *plan, const QiRect *canvas, const QiModelSizes *sizes)
{
  const double sx = (double) plan->content.width / plan->frame.width,
               sy = (double) plan->content.height / plan->frame.height;
  const QiRect picture = { 0, 0, (int) plan->width, (int) plan->height };

  g_assert_true (contains (canvas, &plan->frame) && !qi_rect_is_empty (&plan->frame));
  g_assert_true (contains (&picture, &plan->content) && !qi_rect_is_empty (&plan->content));
  g_assert_cmpuint (plan->width % sizes->unit, ==, 0);
  g_assert_cmpuint (plan->height % sizes->unit, ==, 0);
  g_assert_cmpuint ((guint64) plan->width * plan->height, <=, sizes->max_area);
  g_assert_cmpuint (plan->width, <=, 4 * plan->height);
  g_assert_cmpuint (plan->height, <=, 4 * plan->width);
  /* Not distorted: no more than a pixel's rounding. */
  g_assert_cmpfloat (fabs (sx / sy - 1), <=, 1.01 / MIN (plan->content.width, plan->content.height));
  /* No room wasted: along one side the picture is filled, up to a unit. */
  g_assert_true (plan->content.width + sizes->unit > plan->width || plan->content.height + sizes->unit > plan->height);
}

static void
random_frames (void)
{
  static const char *names[] = { "auto", "tight", "wide", "layer" };
  static const guint sides[] = { 64, 128, 512, 1328 };
  g_autoptr (GRand) random = g_rand_new_with_seed (4);

  for (guint i = 0; i < 4000; i++)
    {
      g_autoptr (QiRequest) request = qi_request_new ();
      const guint side = sides[i % G_N_ELEMENTS (sides)];
      const QiModelSizes sizes = qi_model_sizes (side, side, 16);
      const int reach = 1 << g_rand_int_range (random, 3, 14);
      const QiRect canvas = { 0, 0, g_rand_int_range (random, 1, reach), g_rand_int_range (random, 1, reach) };
      const QiRect selection = { g_rand_int_range (random, -50, canvas.width),
                                 g_rand_int_range (random, -50, canvas.height),
                                 g_rand_int_range (random, 51, 52 + canvas.width),
                                 g_rand_int_range (random, 51, 52 + canvas.height) };
      const QiRect seen = qi_rect_intersect (&selection, &canvas);
      QiFrame plan;

      request->frame = g_strdup (names[i / 4 % G_N_ELEMENTS (names)]);
      g_assert_true (qi_frame_plan (request, &canvas, NULL, &selection, &sizes, &plan, NULL));
      check_plan (&plan, &canvas, &sizes);
      g_assert_true (qi_rect_equal (&plan.selection, &seen));
      g_assert_true (contains (&plan.frame, &seen));
      g_assert_cmpint (plan.inner_left, ==, plan.frame.x > 0);
      g_assert_cmpint (plan.inner_bottom, ==, plan.frame.y + plan.frame.height < canvas.height);
    }
}

static QiFrame
plan_for (const char *frame, guint width, guint height, QiRect selection, guint side)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  const QiRect canvas = { 0, 0, (int) width, (int) height };
  const QiModelSizes sizes = qi_model_sizes (side, side, 16);
  QiFrame plan;

  request->frame = g_strdup (frame);
  g_assert_true (qi_frame_plan (request, &canvas, &canvas, &selection, &sizes, &plan, NULL));
  check_plan (&plan, &canvas, &sizes);
  return plan;
}

#define assert_plan(plan, w, h, mw, mh) \
  G_STMT_START \
  { \
    g_assert_cmpint ((plan).frame.width, ==, w); \
    g_assert_cmpint ((plan).frame.height, ==, h); \
    g_assert_cmpuint ((plan).width, ==, mw); \
    g_assert_cmpuint ((plan).height, ==, mh); \
  } \
  G_STMT_END

static void
frames (void)
{
  const QiRect middle = { 2850, 1850, 312, 280 };

  /* Selections are seen pixel for pixel, with half their size around, on the grid of 112. */
  assert_plan (plan_for ("auto", 6000, 4000, middle, 1328), 672, 560, 672, 560);
  assert_plan (plan_for ("wide", 6000, 4000, middle, 1328), 1008, 896, 1008, 896);
  assert_plan (plan_for ("tight", 6000, 4000, middle, 1328), 560, 560, 560, 560);
  /* Small ones enlarged by a whole number. */
  assert_plan (plan_for ("auto", 6000, 4000, (QiRect){ 900, 900, 40, 30 }, 1328), 280, 280, 560, 560);
  assert_plan (plan_for ("tight", 6000, 4000, (QiRect){ 900, 900, 40, 30 }, 1328), 140, 140, 560, 560);
  assert_plan (plan_for ("auto", 6000, 4000, (QiRect){ 0, 3999, 1, 1 }, 1328), 280, 280, 560, 560);
  /* Without a selection everything, at no more than a megapixel, and pixel for pixel where it is less. */
  assert_plan (plan_for ("auto", 1800, 1200, (QiRect){ 0 }, 1328), 1800, 1200, 1248, 832);
  assert_plan (plan_for ("auto", 1000, 700, (QiRect){ 0 }, 1328), 1000, 700, 1008, 704);
  assert_plan (plan_for ("auto", 6000, 4000, (QiRect){ 0, 0, 6000, 4000 }, 1328), 6000, 4000, 1248, 832);
  /* A small model. */
  assert_plan (plan_for ("auto", 128, 96, (QiRect){ 0 }, 128), 128, 96, 128, 96);
  assert_plan (plan_for ("auto", 1024, 1024, (QiRect){ 400, 400, 100, 100 }, 128), 200, 200, 128, 128);
  /* A very small one knows no other size: it is shown more of the picture, and small pictures larger. */
  assert_plan (plan_for ("auto", 192, 192, (QiRect){ 64, 64, 64, 64 }, 192), 192, 192, 192, 192);
  assert_plan (plan_for ("auto", 256, 192, (QiRect){ 96, 72, 64, 48 }, 192), 192, 192, 192, 192);
  assert_plan (plan_for ("auto", 480, 360, (QiRect){ 160, 120, 160, 120 }, 192), 336, 240, 224, 160);
  assert_plan (plan_for ("auto", 192, 192, (QiRect){ 80, 80, 30, 30 }, 192), 192, 192, 192, 192);
  assert_plan (plan_for ("tight", 600, 600, (QiRect){ 80, 80, 30, 30 }, 192), 192, 192, 192, 192);
  assert_plan (plan_for ("auto", 128, 128, (QiRect){ 0 }, 192), 128, 128, 192, 192);
  /* By hand, and over the edge. */
  assert_plan (plan_for ("100 50 640 512", 6000, 4000, (QiRect){ 200, 200, 40, 30 }, 1328), 640, 512, 640, 512);
  assert_plan (plan_for ("-100 -50 740 562", 6000, 4000, (QiRect){ 0 }, 1328), 640, 512, 640, 512);

  const QiFrame padded = plan_for ("auto", 1000, 700, (QiRect){ 0 }, 1328);
  const QiRect content = { 4, 2, 1000, 700 };

  g_assert_true (qi_rect_equal (&padded.content, &content)); /* nothing is resampled: the edges are mirrored */
}

static void
refuse (const char *frame, QiRect layer, QiRect selection, const char *word)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  g_autoptr (GError) error = NULL;
  const QiRect canvas = { 0, 0, 800, 600 };
  const QiModelSizes sizes = qi_model_sizes (1024, 1024, 16);
  QiFrame plan;

  request->frame = g_strdup (frame);
  g_assert_false (qi_frame_plan (request, &canvas, &layer, &selection, &sizes, &plan, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, word));
}

static void
refused_frames (void)
{
  const QiRect layer = { 0, 0, 800, 600 }, none = { 0 };

  refuse ("huge", layer, none, "huge");
  refuse ("1 2 3", layer, none, "1 2 3");
  refuse ("1 2 3 4x", layer, none, "4x");
  refuse ("1 2 0 4", layer, none, "1 2 0 4");
  refuse ("900 0 50 50", layer, none, "900");
  refuse ("2147483647 0 2147483647 50", layer, none, "2147483647");
  refuse ("auto", (QiRect){ 800, 0, 50, 50 }, none, "outside the canvas");
  refuse ("0 0 100 100", layer, (QiRect){ 300, 300, 10, 10 }, "300, 300");
}

static void
new_pictures (void)
{
  static const guint cases[][4] = { { 1000, 1000, 1328, 1328 }, { 1920, 1080, 1776, 992 }, { 1080, 1920, 992, 1776 },
                                    { 10000, 10, 2656, 672 },   { 1, 1, 1328, 1328 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint width, height;

      qi_frame_new_picture (cases[i][0], cases[i][1], 1328 * 1328, 16, &width, &height);
      g_test_message ("%u × %u: %u × %u", cases[i][0], cases[i][1], width, height);
      g_assert_cmpuint (width, ==, cases[i][2]);
      g_assert_cmpuint (height, ==, cases[i][3]);
    }
}

/* -- masks --------------------------------------------------------------------------------------------- */

/* A frame of that size in the middle of a canvas, seen by the model as it is. */
static QiFrame
inner_frame (guint width, guint height)
{
  return (QiFrame) { { 10, 10, (int) width, (int) height },
                     width,
                     height,
                     { 0, 0, (int) width, (int) height },
                     { 0 },
                     TRUE,
                     TRUE,
                     TRUE,
                     TRUE };
}

static guint8
at (const QiImage *image, guint x, guint y)
{
  return qi_image_row (image, y)[x];
}

static void
soft_edges (void)
{
  const guint width = 120, height = 100;
  QiFrame frame = inner_frame (width, height);
  guint8 *pixels = qi_pixels_alloc (width, height, 1);

  for (guint y = 20; y < 80; y++)
    memset (pixels + y * width, 255, 60); /* at the left side of the frame */
  pixels[50 * width + 100] = 255;         /* an island of one pixel */

  g_autoptr (QiImage) selection = qi_pixels_take (width, height, 1, pixels);
  g_autoptr (QiImage) hard = qi_mask_soften (selection, &frame, 0);
  g_autoptr (QiImage) soft = qi_mask_soften (selection, &frame, 10);

  frame.inner_left = FALSE; /* now the canvas ends there too */

  g_autoptr (QiImage) at_end = qi_mask_soften (selection, &frame, 10);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        g_assert_cmpuint (at (hard, x, y), ==, at (selection, x, y));
        g_assert_cmpuint (at (soft, x, y), <=, at (selection, x, y));
        g_assert_cmpuint (at (at_end, x, y), >=, at (soft, x, y));
      }
  g_assert_cmpuint (at (soft, 30, 50), ==, 255);
  g_assert_cmpuint (at (soft, 49, 50), ==, 255); /* 10.5 pixels from the edge */
  g_assert_cmpuint (at (soft, 50, 50), <, 255);
  g_assert_cmpuint (at (soft, 54, 50), >, 100);
  g_assert_cmpuint (at (soft, 55, 50), <, 155); /* the middle of the ramp */
  g_assert_cmpuint (at (soft, 59, 50), <, 10);
  g_assert_cmpuint (at (soft, 0, 50), <, 10); /* cut by the frame: fades */
  g_assert_cmpuint (at (at_end, 0, 50), ==, 255);
  g_assert_cmpuint (at (soft, 100, 50), ==, 255); /* too small to fade, and still there */
}

static void
automatic_edges (void)
{
  const QiRect bounds = { 0, 0, 312, 280 }, tiny = { 5, 5, 1, 1 };
  g_autoptr (QiImage) hard = scene_ellipse (312, 280, 156, 140, 156, 140, 0);
  g_autoptr (QiImage) feathered = scene_ellipse (312, 280, 156, 140, 100, 100, 30);

  g_assert_cmpuint (qi_mask_soft_edge (-1, &bounds, NULL), ==, 12);
  g_assert_cmpuint (qi_mask_soft_edge (-1, &bounds, hard), ==, 12);
  g_assert_cmpuint (qi_mask_soft_edge (-1, &bounds, feathered), ==, 0);
  g_assert_cmpuint (qi_mask_soft_edge (7, &bounds, feathered), ==, 7);
  g_assert_cmpuint (qi_mask_soft_edge (0, &bounds, hard), ==, 0);
  g_assert_cmpuint (qi_mask_soft_edge (-1, &tiny, NULL), ==, 0);
}

/* Every selected pixel is repainted, also when the frame is shrunk for the model, and a cell around it. */
static void
model_masks (void)
{
  const guint width = 400, height = 300;
  QiFrame frame = inner_frame (width, height);
  guint8 *pixels = qi_pixels_alloc (width, height, 1);

  pixels[150 * width + 201] = 3;
  frame.width = 112;
  frame.height = 80;
  frame.content = (QiRect){ 6, 2, 100, 75 };

  g_autoptr (QiImage) selection = qi_pixels_take (width, height, 1, pixels);
  g_autoptr (QiImage) mask = qi_mask_for_model (selection, &frame);

  g_assert_cmpuint (qi_image_width (mask), ==, 112);
  for (int y = 0; y < 80; y++)
    for (int x = 0; x < 112; x++)
      g_assert_cmpuint (at (mask, (guint) x, (guint) y), ==, ABS (x - 56) <= 8 && ABS (y - 39) <= 8 ? 255 : 0);
}

/* -- prefill ------------------------------------------------------------------------------------------- */

static void
prefills (void)
{
  const guint width = 96, height = 80;
  g_autoptr (QiImage) picture = scene_picture (width, height, 2, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (width, height, 40, 40, 20, 15, 0);
  double roughness[5];

  for (guint prefill = QI_PREFILL_KEEP; prefill <= QI_PREFILL_NOISE; prefill++)
    {
      g_autoptr (QiImage) filled = qi_prefill (picture, mask, (QiPrefill) prefill, 7);
      g_autoptr (QiImage) again = qi_prefill (picture, mask, (QiPrefill) prefill, 7);
      gboolean changed = FALSE;

      roughness[prefill] = 0;
      for (guint y = 0; y < height; y++)
        for (guint i = 0; i < width * 3; i++)
          {
            const gboolean inside = at (mask, i / 3, y) != 0;

            g_assert_cmpuint (at (filled, i, y), ==, at (again, i, y));
            if (!inside || prefill == QI_PREFILL_KEEP)
              g_assert_cmpuint (at (filled, i, y), ==, at (picture, i, y));
            if (inside && prefill == QI_PREFILL_NEUTRAL)
              g_assert_cmpuint (at (filled, i, y), ==, 127);
            changed |= at (filled, i, y) != at (picture, i, y);
            if (inside && at (mask, i / 3 + 1, y))
              roughness[prefill] += ABS (at (filled, i, y) - at (filled, i + 3, y));
          }
      g_assert_cmpint (changed, ==, prefill != QI_PREFILL_KEEP);
    }
  g_assert_cmpfloat (roughness[QI_PREFILL_BLUR], <, roughness[QI_PREFILL_KEEP] / 2);
  g_assert_cmpfloat (roughness[QI_PREFILL_BORDER], <, roughness[QI_PREFILL_KEEP] / 2);
  g_assert_cmpfloat (roughness[QI_PREFILL_NOISE], >, roughness[QI_PREFILL_KEEP]);
}

/* Where the surroundings are one colour, so is what grows inwards, and nothing of the inside is left. */
static void
borders (void)
{
  g_autoptr (QiImage) scene = scene_picture (96, 80, 2, 0, 0, 1);
  g_autoptr (QiImage) mask = scene_ellipse (96, 80, 40, 40, 20, 15, 0);
  guint8 *pixels = qi_pixels_alloc (96, 80, 3);

  memset (pixels, 77, 96 * 80 * 3);

  g_autoptr (QiImage) grey = qi_pixels_take (96, 80, 3, pixels);
  g_autoptr (QiImage) picture = scene_replace (grey, mask, scene);
  g_autoptr (QiImage) filled = qi_prefill (picture, mask, QI_PREFILL_BORDER, 0);
  g_autoptr (QiImage) all = scene_ellipse (96, 80, 40, 40, 200, 200, 0);
  g_autoptr (QiImage) nothing_left = qi_prefill (picture, all, QI_PREFILL_BORDER, 0);

  for (guint y = 0; y < 80; y++)
    for (guint i = 0; i < 96 * 3; i++)
      {
        g_assert_cmpuint (at (filled, i, y), ==, 77);
        g_assert_cmpuint (at (nothing_left, i, y), ==, 127);
      }
}

/* -- resampling ---------------------------------------------------------------------------------------- */

static void
resampling (void)
{
  const guint width = 90, height = 70;
  g_autoptr (QiImage) picture = scene_picture (width, height, 4, 0, 0, 1);
  const QiMapping by_pixels = { 5, 1, -3, 1 };
  const QiMapping up = qi_mapping_fit (width, height, 3 * width, 3 * height);
  const QiMapping down = qi_mapping_fit (3 * width, 3 * height, width, height);
  g_autoptr (QiImage) moved = qi_resample (picture, width, height, &by_pixels, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) large = qi_resample (picture, 3 * width, 3 * height, &up, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) back = qi_resample (large, width, height, &down, QI_FILTER_LANCZOS);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < 3; c++)
        {
          g_assert_cmpuint (at (moved, 3 * x + c, y), ==,
                            at (picture, 3 * qi_mirror ((int) x + 5, width) + c, qi_mirror ((int) y - 3, height)));
          g_assert_cmpint (ABS (at (back, 3 * x + c, y) - at (picture, 3 * x + c, y)), <=, 6);
        }
}

/* A colour under alpha 0 does not come out at an edge; means are kept when shrinking. */
static void
resampling_alpha (void)
{
  const guint side = 64;
  guint8 *pixels = qi_pixels_alloc (side, side, 4);

  for (guint y = 0; y < side; y++)
    for (guint x = 0; x < side; x++)
      memcpy (pixels + 4 * (y * side + x), x < 30 ? ((guint8[]) { 200, 50, 10, 255 }) : ((guint8[]) { 0, 255, 255, 0 }),
              4);

  g_autoptr (QiImage) image = qi_pixels_take (side, side, 4, pixels);
  const QiMapping mapping = qi_mapping_fit (side, side, 24, 24);
  g_autoptr (QiImage) small = qi_resample (image, 24, 24, &mapping, QI_FILTER_TRIANGLE);
  guint partial = 0;

  for (guint x = 0; x < 24; x++)
    {
      const guint8 *p = qi_image_row (small, 12) + 4 * x;

      partial += p[3] > 0 && p[3] < 255;
      if (p[3] > 8)
        {
          g_assert_cmpint (ABS (p[0] - 200), <=, 2);
          g_assert_cmpint (ABS (p[1] - 50), <=, 2);
        }
    }
  g_assert_cmpuint (partial, >, 0);
}

/* -- blending ------------------------------------------------------------------------------------------ */

static void
blending (void)
{
  static const guint channels[] = { 1, 3, 4 };

  for (guint i = 0; i < G_N_ELEMENTS (channels); i++)
    {
      g_autoptr (QiImage) scene = scene_picture (80, 60, 4, 0, 0, 1);
      g_autoptr (QiImage) image = qi_pixels_convert (scene, channels[i]);
      g_autoptr (QiImage) colours = scene_picture (50, 40, 5, 0, 0, 1);
      g_autoptr (QiImage) patch = qi_pixels_convert (colours, 4);
      g_autoptr (QiImage) mask = scene_ellipse (50, 40, 25, 20, 10, 8, 6);
      g_autoptr (QiImage) there = qi_pixels_convert (patch, channels[i]);
      g_autoptr (QiImage) blended = qi_blend_onto (image, patch, mask, -12, 33); /* partly beyond */

      for (int y = 0; y < 60; y++)
        for (int x = 0; x < 80; x++)
          {
            const int u = x + 12, v = y - 33;
            const guint8 alpha = u < 50 && v >= 0 && v < 40 ? at (mask, (guint) u, (guint) v) : 0;

            for (guint c = 0; c < channels[i]; c++)
              {
                const guint8 old = at (image, (guint) x * channels[i] + c, (guint) y);
                const guint8 new = alpha ? at (there, (guint) u * channels[i] + c, (guint) v) : 0;
                const guint8 is = at (blended, (guint) x * channels[i] + c, (guint) y);

                if (!alpha)
                  g_assert_cmpuint (is, ==, old);
                else if (alpha == 255)
                  g_assert_cmpuint (is, ==, new);
                else if (channels[i] > 1)
                  g_assert_true (is >= MIN (old, new) && is <= MAX (old, new));
              }
          }
    }
}

/* Half black over white, in linear light: 188, not 128. Onto nothing a patch keeps its colour. */
static void
blending_light (void)
{
  const guint8 white[3] = { 255, 255, 255 }, black[4] = { 0, 0, 0, 128 }, nothing[4] = { 9, 9, 9, 0 };
  g_autoptr (QiImage) image = qi_pixels_take (1, 1, 3, g_memdup2 (white, 3));
  g_autoptr (QiImage) empty = qi_pixels_take (1, 1, 4, g_memdup2 (nothing, 4));
  g_autoptr (QiImage) patch = qi_pixels_take (1, 1, 4, g_memdup2 (black, 4));
  g_autoptr (QiImage) grey = qi_blend_onto (image, patch, NULL, 0, 0);
  g_autoptr (QiImage) same = qi_blend_onto (empty, patch, NULL, 0, 0);

  g_assert_cmpint (ABS (at (grey, 0, 0) - 187), <=, 1);
  g_assert_cmpmem (qi_image_row (same, 0), 4, black, 4);

  const guint8 unseen[4] = { 77, 8, 200, 0 };
  g_autoptr (QiImage) clear = qi_pixels_take (1, 1, 4, g_memdup2 (unseen, 4));
  g_autoptr (QiImage) untouched = qi_blend_onto (empty, clear, NULL, 0, 0); /* the colour under alpha 0 stays, too */

  g_assert_cmpmem (qi_image_row (untouched, 0), 4, nothing, 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/frame/random", random_frames);
  g_test_add_func ("/compose/frame/figures", frames);
  g_test_add_func ("/compose/frame/refused", refused_frames);
  g_test_add_func ("/compose/frame/new", new_pictures);
  g_test_add_func ("/compose/mask/soft", soft_edges);
  g_test_add_func ("/compose/mask/automatic", automatic_edges);
  g_test_add_func ("/compose/mask/model", model_masks);
  g_test_add_func ("/compose/fill/modes", prefills);
  g_test_add_func ("/compose/fill/border", borders);
  g_test_add_func ("/compose/resize/pixels", resampling);
  g_test_add_func ("/compose/resize/alpha", resampling_alpha);
  g_test_add_func ("/compose/blend/bytes", blending);
  g_test_add_func ("/compose/blend/light", blending_light);
  return g_test_run ();
}
