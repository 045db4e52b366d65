/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/mask.h"

#include <math.h>
#include <string.h>

#include "compose/pixels.h"

#define FAR 1e12f
#define LATENT_CELL 8 /* pixels of Picture 1 that share a latent */

guint
qi_mask_soft_edge (int soft_edge, const QiRect *selection, const QiImage *mask)
{
  if (soft_edge >= 0 || qi_rect_is_empty (selection))
    return (guint) MAX (soft_edge, 0);
  for (guint y = 0; mask && y < qi_image_height (mask); y++)
    {
      const guint8 *row = qi_image_row (mask, y);

      for (guint x = 0; x < qi_image_width (mask); x++)
        if (row[x] > 0 && row[x] < 255)
          return 0;
    }
  return (guint) CLAMP ((MIN (selection->width, selection->height) + 12) / 24, 0, 24);
}

/* Squared distances along one line, f → d: the lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012). */
static void
envelope (const float *f, guint n, float *d, guint *at, float *from)
{
  guint k = 0;

  at[0] = 0;
  from[0] = -FAR;
  from[1] = FAR;
  for (guint q = 1; q < n; q++)
    {
      float s;

      for (;;)
        {
          const guint v = at[k];

          s = ((f[q] + (float) q * q) - (f[v] + (float) v * v)) / (2 * ((float) q - v));
          if (s > from[k] || k == 0)
            break;
          k--;
        }
      if (s <= from[k])
        s = from[k];
      k++;
      at[k] = q;
      from[k] = s;
      from[k + 1] = FAR;
    }
  k = 0;
  for (guint q = 0; q < n; q++)
    {
      while (from[k + 1] < q)
        k++;
      d[q] = ((float) q - at[k]) * ((float) q - at[k]) + f[at[k]];
    }
}

/* Distance of each pixel's centre to the nearest that is zero, [height, width]; beyond a side of the frame at which
 * the canvas goes on all is zero, beyond the canvas nothing is. */
static float *
distances (const QiImage *mask, const QiFrame *frame)
{
  const guint width = qi_image_width (mask), height = qi_image_height (mask), w = width + 2, h = height + 2;
  const guint n = MAX (w, h);
  g_autofree float *padded = g_new (float, (gsize) w * h);
  g_autofree float *line = g_new (float, n);
  g_autofree float *result = g_new (float, n);
  g_autofree guint *at = g_new (guint, n + 1);
  g_autofree float *from = g_new (float, n + 2);
  float *distance = g_new (float, (gsize) width * height);

  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      {
        const gboolean outside = (x == 0 && frame->inner_left) || (y == 0 && frame->inner_top)
                                 || (x == w - 1 && frame->inner_right) || (y == h - 1 && frame->inner_bottom);
        const gboolean inside = x > 0 && y > 0 && x < w - 1 && y < h - 1;

        padded[(gsize) y * w + x] = outside || (inside && !qi_image_row (mask, y - 1)[x - 1]) ? 0 : FAR;
      }
  for (guint y = 0; y < h; y++)
    {
      envelope (padded + (gsize) y * w, w, result, at, from);
      memcpy (padded + (gsize) y * w, result, w * sizeof *result);
    }
  for (guint x = 0; x < w; x++)
    {
      for (guint y = 0; y < h; y++)
        line[y] = padded[(gsize) y * w + x];
      envelope (line, h, result, at, from);
      for (guint y = 1; x > 0 && x < w - 1 && y < h - 1; y++)
        distance[(gsize) (y - 1) * width + x - 1] = sqrtf (result[y]);
    }
  return distance;
}

/* The greatest distance within the island that starts at pixel start; its pixels go from 0 to id. queue: [n] scratch. */
static float
flood (const QiImage *mask, const float *distance, gsize start, guint32 id, guint32 *ids, guint32 *queue)
{
  const gsize width = qi_image_width (mask), height = qi_image_height (mask);
  gsize n = 0, done = 0;
  float deepest = 0;

  queue[n++] = (guint32) start;
  ids[start] = id;
  while (done < n)
    {
      const gsize at = queue[done++], x = at % width, y = at / width;

      deepest = MAX (deepest, distance[at]);
      for (gsize v = y - (y > 0); v <= MIN (y + 1, height - 1); v++)
        for (gsize u = x - (x > 0); u <= MIN (x + 1, width - 1); u++)
          if (!ids[v * width + u] && qi_image_row (mask, (guint) v)[u])
            {
              ids[v * width + u] = id;
              queue[n++] = (guint32) (v * width + u);
            }
    }
  return deepest;
}

/* What each pixel's value is multiplied by, [height, width]: 1 deep inside, falling to 0 at the edge. */
static float *
ramps (const QiImage *mask, const QiFrame *frame, guint soft_edge)
{
  const gsize n = (gsize) qi_image_width (mask) * qi_image_height (mask);
  g_autofree guint32 *ids = g_new0 (guint32, n);
  g_autofree guint32 *queue = g_new (guint32, n);
  g_autoptr (GArray) edges = g_array_new (FALSE, TRUE, sizeof (float)); /* of each island */
  float *ramp = distances (mask, frame);

  g_array_set_size (edges, 1);
  for (gsize i = 0; i < n; i++)
    if (ramp[i] > 0 && !ids[i])
      {
        const float deepest = flood (mask, ramp, i, edges->len, ids, queue);
        const float edge = MIN ((float) soft_edge, deepest - 0.5f);

        g_array_append_val (edges, edge);
      }
  for (gsize i = 0; i < n; i++)
    {
      const float t = ids[i] ? CLAMP ((ramp[i] - 0.5f) / g_array_index (edges, float, ids[i]), 0, 1) : 0;

      ramp[i] = t * t * (3 - 2 * t);
    }
  return ramp;
}

QiImage *
qi_mask_soften (const QiImage *selection, const QiFrame *frame, guint soft_edge)
{
  const guint width = qi_image_width (selection), height = qi_image_height (selection);
  guint8 *pixels = qi_pixels_alloc (width, height, 1);
  g_autofree float *ramp = soft_edge ? ramps (selection, frame, soft_edge) : NULL;

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gsize i = (gsize) y * width + x;

        pixels[i] = ramp ? QI_CLAMP_BYTE (qi_image_row (selection, y)[x] * ramp[i]) : qi_image_row (selection, y)[x];
      }
  return qi_pixels_take (width, height, 1, pixels);
}

/* The largest of each run of 2 · radius + 1 values, in place. */
static void
grow_line (guint8 *line, guint n, gsize step, guint radius, guint8 *scratch)
{
  gint64 last = G_MININT32;

  for (guint i = 0; i < n; i++)
    scratch[i] = line[i * step];
  for (guint i = 0; i < n; i++)
    {
      if (scratch[i])
        last = i;
      line[i * step] = i - last <= radius ? 255 : 0;
    }
  last = (gint64) n + G_MAXINT32;
  for (guint i = n; i-- > 0;)
    {
      if (scratch[i])
        last = i;
      if (last - i <= radius)
        line[i * step] = 255;
    }
}

static void
grow (guint8 *pixels, guint width, guint height, guint radius)
{
  g_autofree guint8 *scratch = g_malloc (MAX (width, height));

  for (guint y = 0; y < height; y++)
    grow_line (pixels + (gsize) y * width, width, 1, radius, scratch);
  for (guint x = 0; x < width; x++)
    grow_line (pixels + x, height, width, radius, scratch);
}

QiImage *
qi_mask_grow (const QiImage *mask, guint radius)
{
  const guint width = qi_image_width (mask), height = qi_image_height (mask);
  guint8 *pixels = qi_pixels_alloc (width, height, 1);

  for (guint y = 0; y < height; y++)
    memcpy (pixels + (gsize) y * width, qi_image_row (mask, y), width);
  grow (pixels, width, height, radius);
  return qi_pixels_take (width, height, 1, pixels);
}

QiImage *
qi_mask_for_model (const QiImage *selection, const QiFrame *frame)
{
  const guint old_width = qi_image_width (selection), old_height = qi_image_height (selection);
  const QiRect *content = &frame->content;
  guint8 *pixels = qi_pixels_alloc (frame->width, frame->height, 1);

  /* Every selected pixel marks those of Picture 1 that it reaches into, so that a single one is never lost. */
  for (guint y = 0; y < old_height; y++)
    for (guint x = 0; x < old_width; x++)
      {
        if (!qi_image_row (selection, y)[x])
          continue;

        const guint x0 = (guint) ((guint64) x * content->width / old_width);
        const guint x1 = (guint) (((guint64) (x + 1) * content->width + old_width - 1) / old_width);
        const guint y0 = (guint) ((guint64) y * content->height / old_height);
        const guint y1 = (guint) (((guint64) (y + 1) * content->height + old_height - 1) / old_height);

        for (guint v = y0; v < y1; v++)
          memset (pixels + (gsize) (content->y + v) * frame->width + content->x + x0, 255, x1 - x0);
      }
  grow (pixels, frame->width, frame->height, LATENT_CELL);
  return qi_pixels_take (frame->width, frame->height, 1, pixels);
}
