/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/layers.h"

#include <string.h>

#include "compose/matte.h"
#include "compose/pixels.h"
#include "compose/resize.h"

#define UNCOVERED 0.95f  /* of the light comes through: then the original may say where a layer ends … */
#define CONTRADICTED 24 /* … if what the model's layers show together is off by more, in bytes */
#define SEEN 0.25f /* of the light comes through what lies above: then a pixel is the original's */

/* A layer of the model's at the size of the frame. (transfer full) */
static QiImage *
to_frame (const QiImage *layer, const QiFrame *frame)
{
  /* Of whatever size: it shows Picture 1. */
  const double sx = (double) qi_image_width (layer) / frame->width,
               sy = (double) qi_image_height (layer) / frame->height;
  const QiRect *content = &frame->content;
  const QiMapping mapping = { content->x * sx, sx * content->width / frame->frame.width, content->y * sy,
                              sy * content->height / frame->frame.height };
  g_autoptr (QiImage) rgba = qi_pixels_convert (layer, 4);

  return qi_resample (rgba, (guint) frame->frame.width, (guint) frame->frame.height, &mapping, QI_FILTER_LANCZOS);
}

/* What n layers of the model's, of one size, show on each other, the lowest first: RGBA, black where nothing is. (transfer full) */
static QiImage *
flatten (QiImage *const *layers, guint n)
{
  const guint width = qi_image_width (layers[0]), height = qi_image_height (layers[0]);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (guint i = 0; i < n; i++)
    for (gsize k = 0; k < (gsize) width * height; k++)
      {
        const guint8 *p = qi_image_row (layers[i], (guint) (k / width)) + 4 * (k % width);

        for (guint c = 0; c < 4; c++)
          pixels[4 * k + c] = QI_CLAMP_BYTE (pixels[4 * k + c] + ((c < 3 ? p[c] : 255) - pixels[4 * k + c]) * (p[3] / 255.f));
      }
  return qi_pixels_take (width, height, 4, pixels);
}

/* What is around each pixel of it, at the size of the frame. (transfer full) */
static QiImage *
surroundings (const QiImage *layer, const QiFrame *frame)
{
  g_autoptr (QiImage) mean = qi_matte_surroundings (layer);

  return to_frame (mean, frame);
}

/* A layer with its edges where the original shows them, where the model contradicts it. layer: it at the size of the frame; own_size: as the
 * model made it, RGBA, as what lies below is; shown: what all show together, at the size of the frame; through as for recover (). (transfer full) */
static QiImage *
refine (const QiImage *layer, const QiImage *own_size, const QiImage *under, const QiFrame *frame, const QiImage *shown, const QiImage *original,
        const float *through)
{
  const guint width = qi_image_width (original), height = qi_image_height (original);
  g_autoptr (QiImage) around = surroundings (own_size, frame), below = surroundings (under, frame);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const guint8 *own = qi_image_row (layer, y) + 4 * (gsize) x, *mean = qi_image_row (around, y) + 4 * (gsize) x;
        const guint8 *was = qi_image_row (original, y) + 4 * (gsize) x;
        guint8 *to = pixels + ((gsize) y * width + x) * 4;

        memcpy (to, own, 4);
        if (through[(gsize) y * width + x] < UNCOVERED || qi_pixels_apart (was, qi_image_row (shown, y) + 4 * (gsize) x) <= CONTRADICTED)
          continue;
        to[3] = qi_matte_alpha (was, own, mean, qi_image_row (below, y) + 4 * (gsize) x);
        if (!own[3])
          memcpy (to, mean, 3);
      }
  return qi_pixels_take (width, height, 4, pixels);
}

/* 0 where there is next to nothing of it, 1 from SEEN on. */
static float
weight (float share)
{
  const float t = MIN (share / SEEN, 1);

  return t * t * (3 - 2 * t);
}

/* The layer's pixels with such colours, where through, [height, width], lets light through, that it and what is below it show what rest,
 * [height, width, 3], still wants; both become what the layer leaves of them. below: what the layers below show together, NULL: nothing.
 * At soft edges the layer so has what the original has more than they: what is below stays clean. *whole: all of it would be the
 * original's. (transfer full) */
static QiImage *
recover (const QiImage *layer, const QiImage *below, float *rest, float *through, gboolean *whole)
{
  const guint width = qi_image_width (layer), height = qi_image_height (layer);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  *whole = TRUE;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize i = (gsize) y * width + x;
        const guint8 *own = qi_image_row (layer, y) + 4 * (gsize) x, *under = below ? qi_image_row (below, y) + 4 * (gsize) x : NULL;
        const float alpha = own[3] / 255.f, w = own[3] ? weight (through[i]) * weight (alpha) : 0;

        for (guint c = 0; c < 3; c++)
          {
            const float wanted = w > 0 ? rest[3 * i + c] / through[i] : 0;
            const float mine = under ? under[c] + (wanted - under[c]) / MAX (alpha, SEEN / 8) : wanted;

            pixels[4 * i + c] = QI_CLAMP_BYTE (own[c] + w * (mine - own[c]));
            rest[3 * i + c] -= through[i] * alpha * pixels[4 * i + c];
          }
        pixels[4 * i + 3] = own[3];
        *whole &= w >= 1 && own[3] == 255;
        through[i] *= 1 - alpha;
      }
  return qi_pixels_take (width, height, 4, pixels);
}

GPtrArray *
qi_layers_recover (const QiImage *original,
                   const QiFrame *frame,
                   QiImage *const *layers,
                   guint n_layers,
                   guint *n_whole)
{
  const gsize n = (gsize) frame->frame.width * (gsize) frame->frame.height;
  g_autoptr (QiImage) rgba = qi_pixels_convert (original, 4);
  g_autofree float *through = g_new (float, n), *rest = g_new (float, 3 * n);
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  GPtrArray *recovered = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  guint wholes = 0;

  g_return_val_if_fail (qi_image_width (original) == (guint) frame->frame.width, recovered);
  g_return_val_if_fail (qi_image_height (original) == (guint) frame->frame.height, recovered);

  for (gsize i = 0; i < n; i++)
    {
      const guint8 *was = qi_image_row (rgba, (guint) (i / (gsize) frame->frame.width)) + 4 * (i % (gsize) frame->frame.width);

      through[i] = 1;
      for (guint c = 0; c < 3; c++)
        rest[3 * i + c] = was[c];
    }
  for (guint i = 0; i < n_layers; i++)
    g_ptr_array_add (all, qi_pixels_convert (layers[i], 4));

  g_autoptr (QiImage) sum = flatten ((QiImage *const *) all->pdata, n_layers);
  g_autoptr (QiImage) shown = to_frame (sum, frame);

  for (guint i = n_layers; i-- > 0;)
    {
      g_autoptr (QiImage) as_it_is = to_frame (layers[i], frame);
      g_autoptr (QiImage) under = i ? flatten ((QiImage *const *) all->pdata, i) : NULL;
      g_autoptr (QiImage) below = i ? to_frame (under, frame) : NULL;
      g_autoptr (QiImage) layer = i ? refine (as_it_is, all->pdata[i], under, frame, shown, rgba, through) : qi_image_ref (as_it_is);
      gboolean whole;
      QiImage *now = recover (layer, below, rest, through, &whole);

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
