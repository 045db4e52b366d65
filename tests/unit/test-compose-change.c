/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* An edit of all that there is, and what of it keeps the original's bytes. */
#include "compose/change.h"

#include "compose-way.h"

/* What a model gives back of a picture that it means to repeat: every byte off by up to 5, and all lighter by so much. In
 * the rectangle one colour. (transfer full) */
static QiImage *
redrawn (const QiImage *image, int lighter, const QiRect *rect, const guint8 colour[3])
{
  const guint width = qi_image_width (image), height = qi_image_height (image);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < 3; c++)
        {
          const gboolean inside = (int) x >= rect->x && (int) y >= rect->y && (int) x < rect->x + rect->width
                                  && (int) y < rect->y + rect->height;
          const int old = qi_image_row (image, y)[3 * x + c] + lighter + g_rand_int_range (rand, -5, 6);

          pixels[((gsize) y * width + x) * 3 + c] = inside ? colour[c] : (guint8) CLAMP (old, 0, 255);
        }
  return qi_pixels_take (width, height, 3, pixels);
}

/* The largest difference of two images within (or outside of) a rectangle. */
static guint
difference_in (const QiImage *a, const QiImage *b, const QiRect *rect, gboolean inside)
{
  guint8 *mask = qi_pixels_alloc (qi_image_width (a), qi_image_height (a), 1);

  for (int y = MAX (rect->y, 0); y < MIN (rect->y + rect->height, (int) qi_image_height (a)); y++)
    for (int x = MAX (rect->x, 0); x < MIN (rect->x + rect->width, (int) qi_image_width (a)); x++)
      mask[(gsize) y * qi_image_width (a) + (gsize) x] = 255;

  g_autoptr (QiImage) where = qi_pixels_take (qi_image_width (a), qi_image_height (a), 1, mask);

  return difference (a, b, where, inside);
}

/* Without a selection, too, only what was changed is the model's: all else keeps its bytes. */
static void
only_changes (void)
{
  const guint8 green[3] = { 40, 180, 60 };
  static const QiRect things[] = { { 120, 90, 60, 50 }, { 0, 0, 40, 40 }, { 200, 60, 2, 120 } };

  for (guint i = 0; i < G_N_ELEMENTS (things); i++)
    {
      const QiRect *thing = &things[i];
      const QiRect middle = { thing->x + (i < 2 ? 6 : 0), thing->y + 6, thing->width - (i < 2 ? 12 : 0), thing->height - 12 };
      const QiRect around = { thing->x - 18, thing->y - 18, thing->width + 36, thing->height + 36 };
      g_auto (Way) way = begin (QI_TASK_EDIT, scene_picture (400, 320, 19, 0, 0, 1), NULL, 1024);
      g_autoptr (QiImage) result = redrawn (way.image, 2, thing, green);
      g_autoptr (QiPatch) patch = finish (&way, result);
      g_autoptr (QiImage) image = placed (&way, patch);
      g_autoptr (QiImage) wanted = redrawn (way.image, 0, thing, green);

      g_assert_null (patch->mask);
      g_assert_cmpuint (difference_in (image, way.image, &around, FALSE), ==, 0);
      g_assert_cmpuint (difference_in (image, wanted, &middle, TRUE), <=, i == 2 ? 24 : 2);
    }
}

/* One pixel is an accident, a line is not. */
static void
accidents (void)
{
  const guint8 green[3] = { 40, 180, 60 };
  const QiRect content = { 0, 0, 400, 320 };
  static const struct { QiRect rect; gboolean counts; } cases[] = { { { 200, 100, 1, 1 }, FALSE }, { { 200, 100, 1, 9 }, TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (QiImage) picture = one_colour (400, 320, 128, 128, 128);
      g_autoptr (QiImage) result = redrawn (picture, 0, &cases[i].rect, green);
      g_autoptr (QiImage) changed = qi_change_find (picture, result, &content);

      g_assert_cmpint (changed != NULL, ==, cases[i].counts);
      if (changed)
        {
          g_assert_cmpuint (qi_image_row (changed, 104)[200 + QI_CHANGE_GROWN], ==, 255);
          g_assert_cmpuint (qi_image_row (changed, 104)[200 + QI_CHANGE_GROWN + 2], ==, 0);
        }
    }
}

/* Another light, most of the picture, nothing that could be told from drawing it once more: the result as it came. */
static void
all_of_it (void)
{
  const guint8 green[3] = { 40, 180, 60 };
  static const struct { int lighter; QiRect rect; } cases[] = {
    { 14, { 120, 90, 60, 50 } }, { 14, { 0 } }, { 0, { 20, 20, 340, 280 } }, { 2, { 0 } }
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Way) way = begin (QI_TASK_EDIT, scene_picture (400, 320, 19, 0, 0, 1), NULL, 1024);
      g_autoptr (QiImage) result = redrawn (way.image, cases[i].lighter, &cases[i].rect, green);
      g_autoptr (QiPatch) patch = finish (&way, result);
      g_autoptr (QiImage) image = placed (&way, patch);
      const QiRect corner = { 380, 300, 20, 20 };

      g_test_message ("case %u: %u, %u", i, difference_in (image, way.image, &corner, TRUE), difference_in (image, result, &corner, TRUE));
      g_assert_cmpuint (difference_in (image, way.image, &corner, TRUE), >, 0);
      g_assert_cmpuint (difference_in (image, result, &corner, TRUE), <=, 12);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/change/only-changes", only_changes);
  g_test_add_func ("/compose/change/accidents", accidents);
  g_test_add_func ("/compose/change/all-of-it", all_of_it);
  return g_test_run ();
}
