/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture is taken apart and added up again. */
#include "compose/layers.h"

#include <string.h>

#include "compose/pixels.h"
#include "compose/resize.h"
#include "scene.h"

#define WIDTH 200
#define HEIGHT 160
#define N 3

/* What a model would give for the original that true layers make: their alpha, their colours but for some levels of
 * noise, and where they hide each other whatever it thinks is there. */
typedef struct
{
  QiImage *layers[N];
  QiImage *original;
} Taken;

static void
taken_clear (Taken *taken)
{
  for (guint i = 0; i < N; i++)
    g_clear_pointer (&taken->layers[i], qi_image_unref);
  g_clear_pointer (&taken->original, qi_image_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Taken, taken_clear)

/* Normal mode over white, in the values as they are. (transfer full) */
static QiImage *
add_up (QiImage *const *layers, guint n)
{
  const guint width = qi_image_width (layers[0]), height = qi_image_height (layers[0]);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        float sum[3] = { 255, 255, 255 };

        for (guint i = 0; i < n; i++)
          {
            const guint8 *p = qi_image_row (layers[i], y) + 4 * x;

            for (guint c = 0; c < 3; c++)
              sum[c] += (p[c] - sum[c]) * p[3] / 255;
          }
        for (guint c = 0; c < 3; c++)
          pixels[((gsize) y * width + x) * 3 + c] = QI_CLAMP_BYTE (sum[c]);
      }
  return qi_pixels_take (width, height, 3, pixels);
}

static QiImage *
layer_of (const QiImage *colours, const QiImage *alpha, int noise)
{
  const guint width = qi_image_width (colours), height = qi_image_height (colours);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < 4; c++)
        {
          const int value = c < 3 ? qi_image_row (colours, y)[3 * x + c] : qi_image_row (alpha, y)[x];
          const float more = c < 3 ? (float) noise * (scene_hash ((gint32) (3 * x + c), (gint32) y, 50) - 0.5f) : 0;

          pixels[((gsize) y * width + x) * 4 + c] = QI_CLAMP_BYTE (value + more);
        }
  return qi_pixels_take (width, height, 4, pixels);
}

static Taken
take (void)
{
  Taken taken;
  QiImage *exact[N];
  g_autoptr (QiImage) all = scene_ellipse (WIDTH, HEIGHT, 100, 80, 900, 900, 0);
  g_autoptr (QiImage) first = scene_ellipse (WIDTH, HEIGHT, 80, 70, 40, 30, 6);
  g_autoptr (QiImage) second = scene_ellipse (WIDTH, HEIGHT, 120, 80, 30, 35, 4);
  const QiImage *alphas[N] = { all, first, second };

  for (guint i = 0; i < N; i++)
    {
      g_autoptr (QiImage) colours = scene_picture (WIDTH, HEIGHT, 60 + i, 0, 0, 1);

      exact[i] = layer_of (colours, alphas[i], 0);
      taken.layers[i] = layer_of (colours, alphas[i], 24);
    }
  taken.original = add_up (exact, N);
  for (guint i = 0; i < N; i++)
    qi_image_unref (exact[i]);
  return taken;
}

static double
mean_difference (const QiImage *a, const QiImage *b)
{
  double sum = 0;

  for (guint y = 0; y < qi_image_height (a); y++)
    for (guint i = 0; i < qi_image_width (a) * 3; i++)
      sum += ABS (qi_image_row (a, y)[i] - qi_image_row (b, y)[i]);
  return sum / (qi_image_width (a) * qi_image_height (a) * 3);
}

static void
recovered (void)
{
  g_auto (Taken) taken = take ();
  const QiFrame frame = { { 0, 0, WIDTH, HEIGHT }, WIDTH, HEIGHT, { 0, 0, WIDTH, HEIGHT } };
  guint whole = 9, hidden = 0, seen = 0;
  g_autoptr (GPtrArray) layers = qi_layers_recover (taken.original, &frame, taken.layers, N, &whole);
  g_autoptr (QiImage) before = add_up (taken.layers, N);
  g_autoptr (QiImage) sum = add_up ((QiImage **) layers->pdata, N);

  g_assert_cmpuint (layers->len, ==, N);
  g_assert_cmpuint (whole, ==, 0);
  g_test_message ("the model's layers differ from the original by %.3f levels in the mean, these by %.3f",
                  mean_difference (before, taken.original), mean_difference (sum, taken.original));
  g_assert_cmpfloat (mean_difference (sum, taken.original), <=, 0.5);
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      {
        float through = 1;

        for (guint i = N; i-- > 0;)
          {
            const guint8 *model = qi_image_row (taken.layers[i], y) + 4 * x,
                         *was = qi_image_row (taken.original, y) + 3 * x;
            const guint8 *is = qi_image_row (layers->pdata[i], y) + 4 * x;

            g_assert_cmpuint (is[3], ==, model[3]);
            if (through == 1 && model[3] == 255)
              {
                g_assert_cmpmem (is, 3, was, 3);
                seen++;
              }
            if (through == 0 && model[3])
              {
                g_assert_cmpmem (is, 3, model, 3);
                hidden++;
              }
            through *= 1 - model[3] / 255.f;
          }
      }
  g_assert_cmpuint (seen, >, WIDTH * HEIGHT / 2);
  g_assert_cmpuint (hidden, >, WIDTH * HEIGHT / 8);
}

/* Larger than the model saw it: the original's detail, under an alpha that was enlarged. */
static void
larger (void)
{
  g_auto (Taken) taken = take ();
  QiFrame frame = { { 0, 0, WIDTH, HEIGHT }, 112, 80, { 6, 0, 100, 80 } };
  QiImage *small[N];
  const QiMapping mapping = { -12, 2, 0, 2 };

  for (guint i = 0; i < N; i++)
    small[i] = qi_resample (taken.layers[i], 112, 80, &mapping, QI_FILTER_LANCZOS);

  g_autoptr (GPtrArray) layers = qi_layers_recover (taken.original, &frame, small, N, NULL);
  g_autoptr (QiImage) sum = add_up ((QiImage **) layers->pdata, N);
  guint most = 0;

  g_assert_cmpfloat (mean_difference (sum, taken.original), <=, 0.5);
  for (guint i = 0; i < N; i++)
    {
      for (guint y = 0; y < HEIGHT; y++)
        for (guint x = 0; x < WIDTH; x++)
          most = MAX (most, (guint) ABS (qi_image_row (layers->pdata[i], y)[4 * x + 3]
                                         - qi_image_row (taken.layers[i], y)[4 * x + 3]));
      qi_image_unref (small[i]);
    }
  g_test_message ("alpha differs by %u at most", most);
  g_assert_cmpuint (most, <=, 24); /* the ramps are 4 to 6 pixels long, 2 to 3 of the model's */
}

/* A model that gives the picture back in every layer has taken nothing apart, and no layer is the original. */
static void
whole (void)
{
  g_auto (Taken) taken = take ();
  const QiFrame frame = { { 0, 0, WIDTH, HEIGHT }, WIDTH, HEIGHT, { 0, 0, WIDTH, HEIGHT } };
  QiImage *same[2] = { taken.layers[0], taken.layers[0] };
  guint n_whole = 0;
  g_autoptr (GPtrArray) layers = qi_layers_recover (taken.original, &frame, same, 2, &n_whole);

  g_assert_cmpuint (n_whole, ==, 1);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (QiImage) rgb = qi_pixels_convert (layers->pdata[i], 3);

      g_assert_cmpfloat (mean_difference (rgb, taken.original), >, 0);
    }
}

/* A disc of one colour on a ground of another, of which the model drew an edge that is off by some pixels, inwards and outwards. */
static QiImage *
disc (guint radius, gboolean alone)
{
  guint8 *pixels = qi_pixels_alloc (WIDTH, HEIGHT, 4);

  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      {
        const int dx = (int) x - WIDTH / 2, dy = (int) y - HEIGHT / 2;
        const gboolean in = dx * dx + dy * dy < (int) (radius * radius);
        guint8 *p = pixels + ((gsize) y * WIDTH + x) * 4;

        p[0] = in || alone ? 220 : 40;
        p[1] = in || alone ? 60 : 70;
        p[2] = in || alone ? 50 : 200;
        p[3] = in || !alone ? 255 : 0;
      }
  return qi_pixels_take (WIDTH, HEIGHT, 4, pixels);
}

/* What lies below such a disc is clean when the disc is moved away: no rim of it is left there. */
static void
missed_edge (void)
{
  const QiFrame frame = { { 0, 0, WIDTH, HEIGHT }, WIDTH, HEIGHT, { 0, 0, WIDTH, HEIGHT } };
  g_autoptr (QiImage) original = disc (40, FALSE), ground = disc (0, FALSE);

  for (guint radius = 37; radius <= 43; radius += 2)
    {
      g_autoptr (QiImage) drawn = disc (radius, TRUE);
      QiImage *model[] = { ground, drawn };
      g_autoptr (GPtrArray) layers = qi_layers_recover (original, &frame, model, 2, NULL);
      g_autoptr (QiImage) sum = add_up ((QiImage **) layers->pdata, 2);
      g_autoptr (QiImage) wanted = disc (40, TRUE);
      guint off = 0;

      for (guint y = 0; y < HEIGHT; y++)
        for (guint x = 0; x < WIDTH; x++)
          {
            g_assert_cmpint (qi_pixels_apart (qi_image_row (layers->pdata[0], y) + 4 * x, qi_image_row (ground, y) + 4 * x), <=, 1);
            g_assert_cmpint (qi_pixels_apart (qi_image_row (sum, y) + 3 * x, qi_image_row (original, y) + 4 * x), <=, 2);
            off += ABS (qi_image_row (layers->pdata[1], y)[4 * x + 3] - qi_image_row (wanted, y)[4 * x + 3]) > 8;
          }
      g_test_message ("drawn with a radius of %u: %u pixels of alpha are off", radius, off);
      g_assert_cmpuint (off, ==, 0);
    }
}

/* Nor where the edge is soft: what shines through there is the disc's own. */
static void
soft_edge (void)
{
  const QiFrame frame = { { 0, 0, WIDTH, HEIGHT }, WIDTH, HEIGHT, { 0, 0, WIDTH, HEIGHT } };
  g_autoptr (QiImage) alpha = scene_ellipse (WIDTH, HEIGHT, 100, 80, 40, 30, 6), ground = disc (0, FALSE), red = disc (999, FALSE);
  g_autoptr (QiImage) colours = qi_pixels_convert (red, 3);
  g_autoptr (QiImage) drawn = layer_of (colours, alpha, 0);
  QiImage *model[] = { ground, drawn };
  g_autoptr (QiImage) original = add_up (model, 2);
  g_autoptr (GPtrArray) layers = qi_layers_recover (original, &frame, model, 2, NULL);
  guint soft = 0;

  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      {
        const guint a = qi_image_row (alpha, y)[x];

        g_assert_cmpint (qi_pixels_apart (qi_image_row (layers->pdata[0], y) + 4 * x, qi_image_row (ground, y) + 4 * x), <=, 2);
        soft += a > 0 && a < 255;
      }
  g_assert_cmpuint (soft, >, 500);
}

/* Layers that are not of one size, and none at all: nothing to add up, but nothing that breaks. */
static void
odd_sizes (void)
{
  const QiFrame frame = { { 0, 0, WIDTH, HEIGHT }, WIDTH, HEIGHT, { 0, 0, WIDTH, HEIGHT } };
  g_autoptr (QiImage) original = disc (40, FALSE), drawn = disc (37, TRUE);
  g_autoptr (QiImage) small = qi_pixels_crop (drawn, &(QiRect){ 0, 0, 9, 7 });
  QiImage *model[] = { original, small, drawn };
  g_autoptr (GPtrArray) layers = qi_layers_recover (original, &frame, model, 3, NULL);
  g_autoptr (GPtrArray) none = qi_layers_recover (original, &frame, model, 0, NULL);

  g_assert_cmpuint (layers->len, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (qi_image_width (layers->pdata[i]), ==, WIDTH);
  g_assert_cmpuint (none->len, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/layers/recovered", recovered);
  g_test_add_func ("/compose/layers/larger", larger);
  g_test_add_func ("/compose/layers/missed-edge", missed_edge);
  g_test_add_func ("/compose/layers/soft-edge", soft_edge);
  g_test_add_func ("/compose/layers/odd-sizes", odd_sizes);
  g_test_add_func ("/compose/layers/whole", whole);
  return g_test_run ();
}
