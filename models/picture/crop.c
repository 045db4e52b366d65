/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/picture/crop.h"

#include <string.h>

#include "base/error.h"

#include "models/picture/planes.h"
#include "models/picture/resize.h"

/* -- the box --------------------------------------------------------------------------------------- */

static gboolean
bounds_of (const QiImage *mask, QiBox *box)
{
  const gint width = (gint) qi_image_width (mask), height = (gint) qi_image_height (mask);

  *box = (QiBox){ width, height, 0, 0 };
  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      if (qi_image_row (mask, y)[x])
        *box = (QiBox){ MIN (box->x1, x), MIN (box->y1, y), MAX (box->x2, x + 1), MAX (box->y2, y + 1) };
  return box->x2 > box->x1;
}

/* One side longer by extra, moved back where it leaves 0 … end, and cut where even that is too long. */
static void
grow (gint *from, gint *to, gint extra, gint end)
{
  *from -= extra / 2;
  *to += extra - extra / 2;
  if (*to > end)
    {
      *from -= *to - end;
      *to = end;
    }
  if (*from < 0)
    {
      *to -= *from;
      *from = 0;
    }
  *to = MIN (*to, end);
}

gboolean
qi_mask_box (QiImage *mask, guint width, guint height, guint pad, QiBox *box, GError **error)
{
  g_autoptr (QiImage) grey = qi_image_to_grey (mask);
  const gint right = (gint) qi_image_width (grey), bottom = (gint) qi_image_height (grey);
  const gint margin = (gint) MIN (pad, (guint) MAX (right, bottom));
  const double ratio = (double) width / height;

  if (!bounds_of (grey, box))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The mask of %d × %d pixels is black all over: nothing is to be drawn.",
                   right, bottom);
      return FALSE;
    }
  *box = (QiBox){ MAX (box->x1 - margin, 0), MAX (box->y1 - margin, 0), MIN (box->x2 + margin, right),
                  MIN (box->y2 + margin, bottom) };

  const gint w = box->x2 - box->x1, h = box->y2 - box->y1;

  if ((double) w / h > ratio)
    grow (&box->y1, &box->y2, (gint) (w / ratio - h), bottom);
  else
    grow (&box->x1, &box->x2, (gint) (h * ratio - w), right);
  return TRUE;
}

/* -- pixels ---------------------------------------------------------------------------------------- */

/* A canvas of bytes, black at first. */
typedef struct
{
  guint width, height, channels;
  guint8 *pixels;
} Canvas;

static Canvas
canvas_new (guint width, guint height, guint channels)
{
  return (Canvas){ width, height, channels, g_malloc0 ((gsize) width * height * channels) };
}

static guint8 *
canvas_at (const Canvas *canvas, guint x, guint y)
{
  return canvas->pixels + ((gsize) y * canvas->width + x) * canvas->channels;
}

static QiImage *
canvas_finish (const Canvas *canvas)
{
  const gsize stride = (gsize) canvas->width * canvas->channels;
  g_autoptr (GBytes) bytes = g_bytes_new_take (canvas->pixels, stride * canvas->height);

  return qi_image_new (canvas->width, canvas->height, canvas->channels, stride, bytes);
}

/* image with its corner at x, y, which may lie outside; what does not fall on the canvas is lost. */
static void
paste (const Canvas *canvas, const QiImage *image, gint x, gint y)
{
  const gint width = (gint) qi_image_width (image), height = (gint) qi_image_height (image);
  const gint left = MAX (0, -x), right = MIN (width, (gint) canvas->width - x);

  for (gint row = MAX (0, -y); row < MIN (height, (gint) canvas->height - y) && left < right; row++)
    memcpy (canvas_at (canvas, (guint) (x + left), (guint) (y + row)),
            qi_image_row (image, (guint) row) + (gsize) left * canvas->channels, (gsize) (right - left) * canvas->channels);
}

QiImage *
qi_image_crop (const QiImage *image, const QiBox *box)
{
  g_return_val_if_fail (box->x1 >= 0 && box->y1 >= 0 && box->x1 < box->x2 && box->y1 < box->y2
                        && box->x2 <= (gint) qi_image_width (image) && box->y2 <= (gint) qi_image_height (image), NULL);

  const Canvas canvas = canvas_new ((guint) (box->x2 - box->x1), (guint) (box->y2 - box->y1), qi_image_channels (image));

  paste (&canvas, image, -box->x1, -box->y1);
  return canvas_finish (&canvas);
}

/* The reference stretches an empty slice at the edge, and PIL then goes on in the direction of the last two pixels. */
static guint8
beyond (guint8 edge, guint8 inner)
{
  const gint value = (9 * edge - inner + 4) >> 3;

  return (guint8) CLAMP (value, 0, 255);
}

/* Columns (or rows) from … to - 1 of the canvas, from the one at edge and its neighbour at inner. */
static void
extend (const Canvas *canvas, gboolean columns, guint from, guint to, guint edge, guint inner)
{
  for (guint i = 0; i < (columns ? canvas->height : canvas->width); i++)
    for (guint k = from; k < to; k++)
      for (guint c = 0; c < canvas->channels; c++)
        {
          const guint8 *at = columns ? canvas_at (canvas, edge, i) : canvas_at (canvas, i, edge);
          const guint8 *next = columns ? canvas_at (canvas, inner, i) : canvas_at (canvas, i, inner);

          (columns ? canvas_at (canvas, k, i) : canvas_at (canvas, i, k))[c] = beyond (at[c], next[c]);
        }
}

/* image resized so that it reaches the canvas's sides: the nearer ones (fit), or the farther (cover); then pasted in the middle. */
static QiImage *
place (QiImage *image, const Canvas *canvas, gboolean cover, gint *left, gint *top, GError **error)
{
  g_autoptr (QiImage) rgb = qi_image_to_rgb (image);
  const guint64 w = qi_image_width (image), h = qi_image_height (image);
  const double ratio = (double) canvas->width / canvas->height, own = (double) w / h;
  const gboolean whole_width = cover ? ratio > own : ratio < own;
  const gboolean whole_height = cover ? ratio <= own : ratio >= own;
  const guint64 width = whole_width ? canvas->width : MAX (w * canvas->height / h, 1);
  const guint64 height = whole_height ? canvas->height : MAX (h * canvas->width / w, 1);
  QiImage *resized = qi_image_resize (rgb, (guint) width, (guint) height, QI_RESIZE_LANCZOS, error);

  *left = (gint) (canvas->width / 2) - (gint) (width / 2);
  *top = (gint) (canvas->height / 2) - (gint) (height / 2);
  if (resized)
    paste (canvas, resized, *left, *top);
  return resized;
}

QiImage *
qi_image_fit (QiImage *image, guint width, guint height, GError **error)
{
  const Canvas canvas = canvas_new (width, height, 3);
  gint left, top;
  g_autoptr (QiImage) resized = place (image, &canvas, FALSE, &left, &top, error);

  if (!resized)
    {
      g_free (canvas.pixels);
      return NULL;
    }

  const guint w = qi_image_width (resized), h = qi_image_height (resized);
  const guint right = (guint) left + w, bottom = (guint) top + h;

  extend (&canvas, TRUE, 0, (guint) left, (guint) left, (guint) left + (w > 1));
  extend (&canvas, TRUE, right, width, right - 1, right - 1 - (w > 1));
  extend (&canvas, FALSE, 0, (guint) top, (guint) top, (guint) top + (h > 1));
  extend (&canvas, FALSE, bottom, height, bottom - 1, bottom - 1 - (h > 1));
  return canvas_finish (&canvas);
}

QiImage *
qi_image_cover (QiImage *image, guint width, guint height, GError **error)
{
  const Canvas canvas = canvas_new (width, height, 3);
  gint left, top;
  g_autoptr (QiImage) resized = place (image, &canvas, TRUE, &left, &top, error);

  if (resized)
    return canvas_finish (&canvas);
  g_free (canvas.pixels);
  return NULL;
}

QiImage *
qi_image_overlay (QiImage *original, QiImage *mask, QiImage *drawn, const QiBox *box, GError **error)
{
  g_autoptr (QiImage) old = qi_image_to_rgb (original), white = qi_image_to_grey (mask);
  g_autoptr (QiImage) new = qi_image_cover (drawn, (guint) (box->x2 - box->x1), (guint) (box->y2 - box->y1), error);
  Canvas canvas;

  if (!new)
    return NULL;
  canvas = canvas_new (qi_image_width (old), qi_image_height (old), 3);
  paste (&canvas, old, 0, 0);
  for (gint y = box->y1; y < box->y2; y++)
    for (gint x = box->x1; x < box->x2; x++)
      {
        const guint m = qi_image_row (white, (guint) y)[x];
        const guint8 *from = qi_image_row (new, (guint) (y - box->y1)) + 3 * (gsize) (x - box->x1);
        guint8 *to = canvas_at (&canvas, (guint) x, (guint) y);

        for (guint c = 0; c < 3; c++)
          to[c] = (guint8) ((to[c] * (255 - m) + from[c] * m + 127) / 255);
      }
  return canvas_finish (&canvas);
}
