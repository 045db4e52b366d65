/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows and strides of QiImage, and that it refuses pixels that are too few. */
#include "base/image.h"

static QiImage *
counted (guint width, guint height, guint channels, gsize stride, gsize bytes)
{
  g_autofree guint8 *data = g_malloc (bytes);

  for (gsize i = 0; i < bytes; i++)
    data[i] = (guint8) i;

  g_autoptr (GBytes) pixels = g_bytes_new (data, bytes);

  return qi_image_new (width, height, channels, stride, pixels);
}

static void
rows_follow_stride (void)
{
  g_autoptr (QiImage) image = counted (3, 4, 3, 12, 12 * 3 + 9);

  g_assert_cmpuint (qi_image_width (image), ==, 3);
  g_assert_cmpuint (qi_image_height (image), ==, 4);
  g_assert_cmpuint (qi_image_channels (image), ==, 3);
  g_assert_cmpuint (qi_image_stride (image), ==, 12);
  for (guint y = 0; y < 4; y++)
    g_assert_cmpuint (qi_image_row (image, y)[8], ==, 12 * y + 8);
}

static void
outlives_bytes_and_refs (void)
{
  QiImage *image = counted (2, 2, 1, 2, 4);
  QiImage *other = qi_image_ref (image);

  qi_image_unref (image);
  g_assert_cmpuint (qi_image_row (other, 1)[1], ==, 3);
  qi_image_unref (other);
  qi_image_unref (NULL);
}

static void
refuse (guint width, guint height, guint channels, gsize stride, gsize bytes)
{
  g_test_expect_message ("qi-base", G_LOG_LEVEL_CRITICAL, "*assertion*failed*");
  g_assert_null (counted (width, height, channels, stride, bytes));
  g_test_assert_expected_messages ();
}

static void
refuses_nonsense (void)
{
  refuse (0, 4, 3, 12, 64);                   /* no pixels at all */
  refuse (3, 4, 2, 12, 64);                   /* two channels */
  refuse (3, 4, 3, 8, 64);                    /* rows overlap */
  refuse (3, 4, 3, 12, 12 * 3 + 8);           /* one byte short */
  refuse (3, G_MAXUINT, 3, G_MAXSIZE / 2, 64); /* overflow */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image/rows", rows_follow_stride);
  g_test_add_func ("/image/refs", outlives_bytes_and_refs);
  g_test_add_func ("/image/nonsense", refuses_nonsense);
  return g_test_run ();
}
