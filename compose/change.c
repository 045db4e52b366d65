/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/change.h"

#include "compose/mask.h"
#include "compose/pixels.h"

/* Differences in bytes. An autoencoder and a model that mean to repeat a picture are off by a few in what is smooth, by
 * more at edges and in grain, but there in both directions and from pixel to pixel. */
#define CHANGED 24  /* the mean over 3 × 3 pixels */
#define LOUDEST 96  /* of one pixel, so that one alone is no change, and a line is */
#define LIGHT 10.0  /* the mean of what is left: above, the picture was to get another light */
#define MOST 0.7    /* of the picture: above, all of it was meant */

static gboolean
lies_in (const QiRect *rect, guint x, guint y)
{
  return (int) x >= rect->x && (int) y >= rect->y && (int) x < rect->x + rect->width && (int) y < rect->y + rect->height;
}

/* The largest difference of the three channels, [height, width]; 0 outside of content. */
static guint8 *
differences (const QiImage *picture, const QiImage *result, const QiRect *content)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  guint8 *loud = qi_pixels_alloc (width, height, 1);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const guint8 *a = qi_image_row (picture, y) + 3 * (gsize) x, *b = qi_image_row (result, y) + 3 * (gsize) x;

        loud[(gsize) y * width + x] = (guint8) (lies_in (content, x, y) ? MIN (qi_pixels_apart (a, b), LOUDEST) : 0);
      }
  return loud;
}

/* 255 where the mean over 3 × 3 is a change. (transfer full) */
static QiImage *
threshold (const guint8 *loud, guint width, guint height)
{
  guint8 *pixels = qi_pixels_alloc (width, height, 1);

  for (guint y = 1; y + 1 < height; y++)
    for (guint x = 1; x + 1 < width; x++)
      {
        const guint8 *at = loud + (gsize) y * width + x;
        guint sum = 0;

        for (int v = -1; v <= 1; v++)
          sum += at[v * (gssize) width - 1] + at[v * (gssize) width] + at[v * (gssize) width + 1];
        pixels[(gsize) y * width + x] = sum > 9 * CHANGED ? 255 : 0;
      }
  return qi_pixels_take (width, height, 1, pixels);
}

/* What is not changed has another light than before, all in all. */
static gboolean
is_relit (const QiImage *picture, const QiImage *result, const QiImage *changed, const QiRect *content)
{
  double sums[3] = { 0 }, n = 0;

  for (guint y = 0; y < qi_image_height (picture); y++)
    for (guint x = 0; x < qi_image_width (picture); x++)
      {
        const guint8 *a = qi_image_row (picture, y) + 3 * (gsize) x, *b = qi_image_row (result, y) + 3 * (gsize) x;

        if (!lies_in (content, x, y) || qi_image_row (changed, y)[x])
          continue;
        for (guint c = 0; c < 3; c++)
          sums[c] += b[c] - a[c];
        n++;
      }
  return MAX (MAX (ABS (sums[0]), ABS (sums[1])), ABS (sums[2])) > LIGHT * n;
}

static double
share_of (const QiImage *mask, const QiRect *content)
{
  gsize n = 0;

  for (guint y = 0; y < qi_image_height (mask); y++)
    for (guint x = 0; x < qi_image_width (mask); x++)
      n += lies_in (content, x, y) && qi_image_row (mask, y)[x];
  return (double) n / ((double) content->width * content->height);
}

QiImage *
qi_change_find (const QiImage *picture, const QiImage *result, const QiRect *content)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  g_autofree guint8 *loud = differences (picture, result, content);
  g_autoptr (QiImage) seeds = threshold (loud, width, height);
  g_autoptr (QiImage) changed = qi_mask_grow (seeds, QI_CHANGE_GROWN);
  const double share = share_of (changed, content);

  if (share <= 0 || share > MOST || is_relit (picture, result, changed, content))
    return NULL;
  return g_steal_pointer (&changed);
}
