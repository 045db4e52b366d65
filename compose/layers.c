/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/layers.h"

#include <string.h>

#include "compose/pixels.h"
#include "compose/resize.h"

#define SEEN 0.25f /* of the light comes through what lies above: then a pixel is the original's */

/* A layer of the model's at the size of the frame. (transfer full) */
static QiImage *
to_frame (const QiImage *layer, const QiFrame *frame)
{
  /* Of whatever size: it shows Picture 1. */
  const double sx = (double) qi_image_width (layer) / frame->width, sy = (double) qi_image_height (layer) / frame->height;
  const QiRect *content = &frame->content;
  const QiMapping mapping = { content->x * sx, sx * content->width / frame->frame.width, content->y * sy,
                              sy * content->height / frame->frame.height };
  g_autoptr (QiImage) rgba = qi_pixels_convert (layer, 4);

  return qi_resample (rgba, (guint) frame->frame.width, (guint) frame->frame.height, &mapping, QI_FILTER_LANCZOS);
}

/* The layer's pixels with the original's colours where through, [height, width], lets light through; through becomes what
 * the layer leaves of it. *whole: all of it would be the original's. (transfer full) */
static QiImage *
recover (const QiImage *layer, const QiImage *original, float *through, gboolean *whole)
{
  const guint width = qi_image_width (layer), height = qi_image_height (layer);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  *whole = TRUE;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize i = (gsize) y * width + x;
        const guint8 *own = qi_image_row (layer, y) + 4 * (gsize) x, *was = qi_image_row (original, y) + 4 * (gsize) x;
        const float t = own[3] ? MIN (through[i] / SEEN, 1) : 0, w = t * t * (3 - 2 * t);

        for (guint c = 0; c < 3; c++)
          pixels[4 * i + c] = QI_CLAMP_BYTE (own[c] + w * (was[c] - own[c]));
        pixels[4 * i + 3] = own[3];
        *whole &= w >= 1 && own[3] == 255;
        through[i] *= 1 - own[3] / 255.f;
      }
  return qi_pixels_take (width, height, 4, pixels);
}

GPtrArray *
qi_layers_recover (const QiImage *original, const QiFrame *frame, QiImage *const *layers, guint n_layers, guint *n_whole)
{
  const gsize n = (gsize) frame->frame.width * (gsize) frame->frame.height;
  g_autoptr (QiImage) rgba = qi_pixels_convert (original, 4);
  g_autofree float *through = g_new (float, n);
  GPtrArray *recovered = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  guint wholes = 0;

  g_return_val_if_fail (qi_image_width (original) == (guint) frame->frame.width, recovered);
  g_return_val_if_fail (qi_image_height (original) == (guint) frame->frame.height, recovered);

  for (gsize i = 0; i < n; i++)
    through[i] = 1;
  for (guint i = n_layers; i-- > 0;)
    {
      g_autoptr (QiImage) layer = to_frame (layers[i], frame);
      gboolean whole;
      QiImage *now = recover (layer, rgba, through, &whole);

      if (whole)
        {
          wholes++;
          qi_image_unref (now);
          now = qi_image_ref (layer);
        }
      g_ptr_array_insert (recovered, 0, now);
    }
  if (n_whole)
    *n_whole = wholes;
  return recovered;
}
