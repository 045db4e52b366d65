/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes as Python rounds them, resizing as PIL does it (its own results, and sums in double), and planes. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "cli/picture.h"
#include "models/picture/planes.h"
#include "models/picture/resize.h"
#include "models/picture/sizes.h"

/* -- sizes ----------------------------------------------------------------------------------------- */

static void
dimensions (void)
{
  /* From Python; the last four rest on rounding half to even. */
  static const struct
  {
    double area, ratio;
    guint width, height;
  } rows[] = { { 1048576, 1, 1024, 1024 },  { 1048576, 16.0 / 9, 1376, 768 }, { 147456, 100.0 / 133, 320, 448 },
               { 409600, 3.0 / 7, 416, 992 }, { 1048576, 4000, 64768, 32 },     { 48 * 48, 1, 64, 64 },
               { 80 * 80, 1, 64, 64 },      { 112 * 112, 1, 128, 128 },       { 48 * 80, 0.6, 64, 64 } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint width = 0, height = 0;

      g_assert_true (qi_calculate_dimensions (rows[i].area, rows[i].ratio, &width, &height, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (width, ==, rows[i].width);
      g_assert_cmpuint (height, ==, rows[i].height);
    }
}

static void
dimensions_refused (void)
{
  static const double ratios[] = { 1e5, 1e-5, 5000 };

  for (guint i = 0; i < G_N_ELEMENTS (ratios); i++)
    {
      g_autoptr (GError) error = NULL;
      guint width, height;

      g_assert_false (qi_calculate_dimensions (1048576, ratios[i], &width, &height, &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
    }
}

static void
smart (void)
{
  static const guint rows[][4] = { /* height, width, and both as Python has them; the golden case has more */
                                   { 1, 1, 56, 56 },        { 1, 200, 28, 812 },     { 20, 4000, 28, 4004 },
                                   { 42, 70, 56, 56 },      { 98, 126, 112, 112 },   { 126, 98, 112, 112 },
                                   { 70, 70, 56, 56 },      { 14, 70, 28, 140 },     { 5000, 5000, 3556, 3556 },
                                   { 65536, 400, 45864, 280 }, { 400, 65536, 280, 45864 }, { 13, 2600, 28, 812 } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint width = 0, height = 0;

      g_assert_true (qi_smart_resize (rows[i][1], rows[i][0], 28, QI_SMART_MIN_AREA, QI_SMART_MAX_AREA, &width, &height, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (height, ==, rows[i][2]);
      g_assert_cmpuint (width, ==, rows[i][3]);
    }
}

static void
smart_refused (void)
{
  static const guint rows[][2] = { { 1, 4000 }, { 4000, 1 }, { 1, 201 }, { 0, 5 }, { 3, G_MAXUINT } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint width, height;

      g_assert_false (qi_smart_resize (rows[i][0], rows[i][1], 28, QI_SMART_MIN_AREA, QI_SMART_MAX_AREA, &width, &height, &error));
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
      g_assert_nonnull (strstr (error->message, "200"));
    }
}

/* -- resizing -------------------------------------------------------------------------------------- */

/* Noise; padded rows, so that strides count. */
static QiImage *
noisy (guint width, guint height, guint channels, guint32 seed)
{
  const gsize stride = (gsize) width * channels + 5;
  guint8 *pixels = g_malloc (stride * height);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, stride * height);

  for (gsize i = 0; i < stride * height; i++)
    pixels[i] = (guint8) g_rand_int_range (rand, 0, 256);
  return qi_image_new (width, height, channels, stride, bytes);
}

static void
pil (void)
{
  static const char *const names[] = { "1", "4" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *folder = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "text-image-preprocess", NULL);
      g_autofree char *from = g_strdup_printf ("%s/image%s.png", folder, names[i]);
      g_autofree char *to = g_strdup_printf ("%s/resized%s_pil.png", folder, names[i]);
      g_autoptr (QiImage) image = qi_picture_load (from, &error), want = qi_picture_load (to, &error), got = NULL;

      g_assert_no_error (error);
      got = qi_image_resize (image, qi_image_width (want), qi_image_height (want), QI_RESIZE_BICUBIC, &error);
      g_assert_no_error (error);
      for (guint y = 0; y < qi_image_height (want); y++)
        g_assert_cmpmem (qi_image_row (got, y), 3 * qi_image_width (want), qi_image_row (want, y), 3 * qi_image_width (want));
    }
}

static double
kernel (double x, gboolean lanczos)
{
  x = fabs (x);
  if (lanczos)
    return x == 0 ? 1 : x >= 3 ? 0 : sin (G_PI * x) / (G_PI * x) * sin (G_PI * x / 3) / (G_PI * x / 3);
  return x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

/* Both axes at once, over all pixels. */
static double
sum_at (const QiImage *image, guint x, guint y, guint c, guint width, guint height, gboolean lanczos)
{
  const double sx = (double) qi_image_width (image) / width, sy = (double) qi_image_height (image) / height;
  const guint n = qi_image_channels (image);
  double sum = 0, total = 0;

  for (guint j = 0; j < qi_image_height (image); j++)
    for (guint i = 0; i < qi_image_width (image); i++)
      {
        const double w = kernel ((i + 0.5 - (x + 0.5) * sx) / MAX (sx, 1), lanczos)
                         * kernel ((j + 0.5 - (y + 0.5) * sy) / MAX (sy, 1), lanczos);

        sum += w * qi_image_row (image, j)[i * n + c];
        total += w;
      }
  return sum / total;
}

/* Bytes in between clip what a sum in double does not, so the picture has little contrast. */
static void
sums (void)
{
  static const guint sizes[][4] = { { 7, 5, 13, 9 }, { 40, 33, 11, 7 }, { 16, 9, 16, 20 }, { 1, 4, 6, 1 }, { 9, 3, 4, 3 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (QiResize how = QI_RESIZE_LANCZOS; how <= QI_RESIZE_BICUBIC_TENSOR; how++)
      {
        const guint *z = sizes[i];
        guint8 *pixels = g_malloc (z[0] * z[1] * 3);
        g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, z[0] * z[1] * 3);
        g_autoptr (GError) error = NULL;

        for (guint k = 0; k < z[0] * z[1] * 3; k++)
          pixels[k] = (guint8) (128 + 60 * sin (0.7 * k + k * k % 17));
        g_autoptr (QiImage) image = qi_image_new (z[0], z[1], 3, z[0] * 3, bytes);
        g_autoptr (QiImage) got = qi_image_resize (image, z[2], z[3], how, &error);

        g_assert_no_error (error);
        for (guint y = 0; y < z[3]; y++)
          for (guint x = 0; x < z[2]; x++)
            for (guint c = 0; c < 3; c++)
              g_assert_cmpfloat (fabs (qi_image_row (got, y)[x * 3 + c]
                                       - sum_at (image, x, y, c, z[2], z[3], how == QI_RESIZE_LANCZOS)),
                                 <, 1.6);
      }
}

static void
same_size_is_itself (void)
{
  g_autoptr (QiImage) image = noisy (9, 7, 4, 1);
  g_autoptr (QiImage) got = qi_image_resize (image, 9, 7, QI_RESIZE_LANCZOS, NULL);

  g_assert_true (got == image); /* not even premultiplied and back */
}

/* What lies under full transparency has no colour to give. */
static void
transparent (void)
{
  guint8 pixels[4 * 4 * 4];

  for (guint i = 0; i < 16; i++)
    memcpy (pixels + 4 * i, i % 4 < 2 ? ((guint8[]){ 255, 0, 0, 0 }) : ((guint8[]){ 0, 0, 200, 255 }), 4);
  g_autoptr (GBytes) bytes = g_bytes_new (pixels, sizeof pixels);
  g_autoptr (QiImage) image = qi_image_new (4, 4, 4, 16, bytes);
  g_autoptr (QiImage) got = qi_image_resize (image, 9, 9, QI_RESIZE_LANCZOS, NULL);

  for (guint y = 0; y < 9; y++)
    for (guint x = 0; x < 9; x++)
      {
        const guint8 *p = qi_image_row (got, y) + 4 * x;

        g_assert_cmpuint (p[0], ==, 0);
        g_assert_true (p[3] == 0 || p[2] > 150);
      }
}

/* -- planes ---------------------------------------------------------------------------------------- */

static void
planes (void)
{
  g_autoptr (QiImage) rgba = noisy (5, 3, 4, 2), grey = noisy (4, 4, 1, 3);
  g_autoptr (QiImage) back = qi_image_to_rgb (rgba), one = qi_image_to_grey (rgba);
  g_autofree float *three = qi_image_to_planes (rgba, 3), *four = qi_image_to_planes (grey, 4);

  for (guint y = 0; y < 3; y++)
    for (guint x = 0; x < 5; x++)
      {
        const guint8 *p = qi_image_row (rgba, y) + 4 * x;

        for (guint c = 0; c < 3; c++)
          {
            g_assert_cmpfloat (three[(c * 3 + y) * 5 + x], ==, p[c] / 255.0f * 2.0f - 1.0f);
            g_assert_cmpuint (qi_image_row (back, y)[3 * x + c], ==, p[c]);
          }
        g_assert_cmpuint (qi_image_row (one, y)[x], ==, (19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);
      }
  for (guint i = 0; i < 16; i++)
    {
      g_assert_cmpfloat (four[i], ==, four[32 + i]);
      g_assert_cmpfloat (four[48 + i], ==, 1);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/picture/dimensions", dimensions);
  g_test_add_func ("/picture/dimensions-refused", dimensions_refused);
  g_test_add_func ("/picture/smart-resize", smart);
  g_test_add_func ("/picture/smart-resize-refused", smart_refused);
  g_test_add_func ("/picture/pil", pil);
  g_test_add_func ("/picture/sums", sums);
  g_test_add_func ("/picture/same-size", same_size_is_itself);
  g_test_add_func ("/picture/transparent", transparent);
  g_test_add_func ("/picture/planes", planes);
  return g_test_run ();
}
