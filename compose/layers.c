/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/layers.h"

#include <string.h>

#include "compose/matte.h"
#include "compose/pixels.h"
#include "compose/resize.h"

#define UNCOVERED 0.95f /* of the light comes through: then the original may say where a layer ends … */
#define CONTRADICTED 24 /* … if what the model's layers show together is off by more, in bytes; but not … */
#define ELSEWHERE 0.2f  /* … if that is so in more than this share of the picture: then they are of another one */
#define SEEN 0.25f      /* of the light comes through what lies above: then a pixel is the original's */

/* Where the frame's pixels lie in a layer of the model's, of whatever size: it shows Picture 1. */
static QiMapping
mapping_of (const QiImage *layer, const QiFrame *frame)
{
  const double sx = (double) qi_image_width (layer) / frame->width,
               sy = (double) qi_image_height (layer) / frame->height;
  const QiRect *content = &frame->content;

  return (QiMapping){ content->x * sx, sx * content->width / frame->frame.width, content->y * sy,
                      sy * content->height / frame->frame.height };
}

/* Such a layer at the size of the frame. (transfer full) */
static QiImage *
to_frame (const QiImage *layer, const QiFrame *frame)
{
  const QiMapping mapping = mapping_of (layer, frame);
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

/* The nearest pixel of a layer, of which the mapping says where one of the frame's lies. */
static const guint8 *
nearest (const QiImage *layer, const QiMapping *mapping, guint x, guint y)
{
  const double at_x = mapping->x + mapping->dx * (x + 0.5), at_y = mapping->y + mapping->dy * (y + 0.5);

  return qi_image_row (layer, (guint) CLAMP (at_y, 0, qi_image_height (layer) - 1.0))
         + 4 * (gsize) CLAMP (at_x, 0, qi_image_width (layer) - 1.0);
}

/* [height, width]: 1 where the model's layers, RGBA, added up, show what the original does. NULL: nearly nowhere, or they are not of one size, as
 * they should be. (transfer full) */
static guint8 *
agreement (QiImage *const *layers, guint n_layers, const QiFrame *frame, const QiImage *original)
{
  const guint width = qi_image_width (original), height = qi_image_height (original);

  for (guint i = 0; i < n_layers; i++)
    if (qi_image_width (layers[i]) != qi_image_width (layers[0]) || qi_image_height (layers[i]) != qi_image_height (layers[0]))
      return NULL;
  if (n_layers == 0)
    return NULL;

  g_autoptr (QiImage) sum = flatten (layers, n_layers);
  g_autoptr (QiImage) shown = to_frame (sum, frame);
  guint8 *agrees = g_malloc ((gsize) width * height);
  gsize not = 0;

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gboolean off = qi_pixels_apart (qi_image_row (original, y) + 4 * (gsize) x, qi_image_row (shown, y) + 4 * (gsize) x) > CONTRADICTED;

        agrees[(gsize) y * width + x] = !off;
        not += off;
      }
  if (not > ELSEWHERE * width * height)
    g_clear_pointer (&agrees, g_free);
  return agrees;
}

/* A layer with its edges where the original shows them, where the layers do not agree with it; there they do from then on. layer: it at the
 * size of the frame; own_size: as the model made it, RGBA, as what lies below is; through as for recover (). (transfer full) */
static QiImage *
refine (const QiImage *layer, const QiImage *own_size, const QiImage *under, const QiFrame *frame, const QiImage *original, guint8 *agrees,
        const float *through)
{
  const guint width = qi_image_width (original), height = qi_image_height (original);
  const QiMapping mapping = mapping_of (own_size, frame);
  g_autoptr (QiImage) around = qi_matte_surroundings (own_size), below = qi_matte_surroundings (under);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize i = (gsize) y * width + x;
        const guint8 *own = qi_image_row (layer, y) + 4 * (gsize) x, *mean;
        guint8 *to = pixels + 4 * i;

        memcpy (to, own, 4);
        if (agrees[i] || through[i] < UNCOVERED)
          continue;
        mean = nearest (around, &mapping, x, y);
        to[3] = qi_matte_alpha (qi_image_row (original, y) + 4 * (gsize) x, own, mean, nearest (below, &mapping, x, y));
        agrees[i] = to[3] != own[3];
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

/* The colour by which a pixel of a layer, and what is below it, show what is wanted: at soft edges the layer so has what the original has
 * more than they, and what is below stays clean. under: what is below, NULL: nothing. */
static inline float
share_of (float wanted, const guint8 *under, guint channel, float alpha)
{
  return under ? under[channel] + (wanted - under[channel]) / MAX (alpha, SEEN / 8) : wanted;
}

/* The layer's pixels with the original's colours where through, [height, width], lets light through; where agrees (NULL: nowhere), with its
 * share of what rest, [height, width, 3], still wants there. Both become what the layer leaves of them. below: what the layers below show
 * together, NULL: nothing. *whole: all of it would be the original's. (transfer full) */
static QiImage *
recover (const QiImage *layer, const QiImage *below, const QiImage *original, const guint8 *agrees, float *rest, float *through, gboolean *whole)
{
  const guint width = qi_image_width (layer), height = qi_image_height (layer);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  *whole = TRUE;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize i = (gsize) y * width + x;
        const guint8 *own = qi_image_row (layer, y) + 4 * (gsize) x, *was = qi_image_row (original, y) + 4 * (gsize) x;
        const guint8 *under = below ? qi_image_row (below, y) + 4 * (gsize) x : NULL;
        const gboolean shares = agrees && agrees[i];
        const float alpha = own[3] / 255.f, w = own[3] ? weight (through[i]) * (shares ? weight (alpha) : 1) : 0;

        for (guint c = 0; c < 3 && w > 0; c++)
          {
            const float mine = shares ? share_of (rest[3 * i + c] / through[i], under, c, alpha) : was[c];

            pixels[4 * i + c] = QI_CLAMP_BYTE (own[c] + w * (mine - own[c]));
          }
        if (w == 0)
          memcpy (pixels + 4 * i, own, 3);
        for (guint c = 0; c < 3; c++)
          rest[3 * i + c] -= through[i] * alpha * pixels[4 * i + c];
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

  QiImage *const *own_size = (QiImage *const *) all->pdata;
  g_autofree guint8 *agrees = agreement (own_size, n_layers, frame, rgba);

  for (guint i = n_layers; i-- > 0;)
    {
      g_autoptr (QiImage) as_it_is = to_frame (layers[i], frame);
      g_autoptr (QiImage) under = i && agrees ? flatten (own_size, i) : NULL;
      g_autoptr (QiImage) below = under ? to_frame (under, frame) : NULL;
      g_autoptr (QiImage) layer = under ? refine (as_it_is, own_size[i], under, frame, rgba, agrees, through) : qi_image_ref (as_it_is);
      gboolean whole;
      QiImage *now = recover (layer, below, rgba, agrees, rest, through, &whole);

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
