/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/picture.h"

#include <math.h>
#include <string.h>

#include "demo/check/palette.h"

#define GROUND G_MAXUINT8 /* label of the background; others are colours of the palette */

typedef struct
{
  double base[3], x[3], y[3]; /* value = base + x * column + y * row */
} Plane;

static gboolean
solve_3 (double m[3][4])
{
  for (guint i = 0; i < 3; i++)
    {
      guint pivot = i;

      for (guint j = i + 1; j < 3; j++)
        if (fabs (m[j][i]) > fabs (m[pivot][i]))
          pivot = j;
      if (fabs (m[pivot][i]) < 1e-9)
        return FALSE;
      for (guint k = 0; k < 4; k++)
        {
          const double t = m[i][k];

          m[i][k] = m[pivot][k];
          m[pivot][k] = t;
        }
      for (guint j = 0; j < 3; j++)
        if (j != i)
          {
            const double f = m[j][i] / m[i][i];

            for (guint k = i; k < 4; k++)
              m[j][k] -= f * m[i][k];
          }
    }
  for (guint i = 0; i < 3; i++)
    m[i][3] /= m[i][i];
  return TRUE;
}

static double
plane_at (const Plane *p, guint c, guint x, guint y)
{
  return p->base[c] + p->x[c] * x + p->y[c] * y;
}

static double
residual (const CheckPicture *pic, const Plane *p, guint x, guint y)
{
  double sum = 0.0;

  for (guint c = 0; c < 3; c++)
    {
      const double d = pic->rgb[(y * pic->width + x) * 3 + c] - plane_at (p, c, x, y);

      sum += d * d;
    }
  return sqrt (sum);
}

static gboolean
on_border (const CheckPicture *pic, guint x, guint y)
{
  const guint edge = MAX (2, pic->width / 24);

  return x < edge || y < edge || x >= pic->width - edge || y >= pic->height - edge;
}

/* One round of weighted least squares over the border; pixels far from the last plane count little. */
static void
fit_round (const CheckPicture *pic, Plane *p, double tolerance)
{
  double m[3][3][4] = { 0 };

  for (guint y = 0; y < pic->height; y++)
    for (guint x = 0; x < pic->width; x++)
      {
        const double r = on_border (pic, x, y) ? residual (pic, p, x, y) / tolerance : 0.0, w = 1.0 / (1.0 + r * r * r * r);
        const double v[3] = { 1.0, x, y };

        if (!on_border (pic, x, y))
          continue;
        for (guint c = 0; c < 3; c++)
          for (guint i = 0; i < 3; i++)
            {
              for (guint j = 0; j < 3; j++)
                m[c][i][j] += w * v[i] * v[j];
              m[c][i][3] += w * v[i] * pic->rgb[(y * pic->width + x) * 3 + c];
            }
      }
  for (guint c = 0; c < 3; c++)
    if (solve_3 (m[c]))
      {
        p->base[c] = m[c][0][3];
        p->x[c] = m[c][1][3];
        p->y[c] = m[c][2][3];
      }
}

/* The background as a plane in each channel, which covers plain ones and straight gradients. */
static void
find_background (CheckPicture *pic)
{
  Plane p = { 0 };
  double square = 0.0;
  guint n = 0;

  fit_round (pic, &p, 1e6);
  for (guint round = 0; round < 8; round++)
    fit_round (pic, &p, 60.0 - 5.0 * round);
  for (guint y = 0; y < pic->height; y++)
    for (guint x = 0; x < pic->width; x++)
      {
        const double r = residual (pic, &p, x, y);

        for (guint c = 0; c < 3; c++)
          pic->background[(y * pic->width + x) * 3 + c] = (float) CLAMP (plane_at (&p, c, x, y), 0.0, 255.0);
        if (on_border (pic, x, y) && r < 60.0)
          {
            square += r * r;
            n++;
          }
      }
  pic->grain = n ? sqrt (square / n) : 0.0;

  const guint w = pic->width - 1, h = pic->height - 1;
  const gboolean wide = fabs (p.x[0]) + fabs (p.x[1]) + fabs (p.x[2]) > fabs (p.y[0]) + fabs (p.y[1]) + fabs (p.y[2]);
  const guint ends[2][2] = { { wide ? 0 : w / 2, wide ? h / 2 : 0 }, { wide ? w : w / 2, wide ? h / 2 : h } };
  for (guint i = 0; i < 2; i++)
    pic->ground[i] = check_nearest_colour (check_lab (plane_at (&p, 0, ends[i][0], ends[i][1]), plane_at (&p, 1, ends[i][0], ends[i][1]),
                                                      plane_at (&p, 2, ends[i][0], ends[i][1])));
}

/* A colour of the palette for each pixel that stands out. */
static guint8 *
label_pixels (const CheckPicture *pic)
{
  const gsize n = (gsize) pic->width * pic->height;
  const double threshold = CLAMP (32.0 + 2.6 * pic->grain, 40.0, 80.0);
  guint8 *labels = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    {
      const guint8 *v = &pic->rgb[i * 3];
      const float *b = &pic->background[i * 3];
      const double d = sqrt ((v[0] - b[0]) * (v[0] - b[0]) + (v[1] - b[1]) * (v[1] - b[1]) + (v[2] - b[2]) * (v[2] - b[2]));

      labels[i] = d > threshold ? (guint8) check_nearest_colour (check_lab (v[0], v[1], v[2])) : GROUND;
    }
  return labels;
}

/* The commonest label of the 3×3 pixels around each: blended edges, one pixel wide, join their neighbours. */
static guint8 *
smooth (const CheckPicture *pic, const guint8 *labels)
{
  guint8 *out = g_malloc ((gsize) pic->width * pic->height);

  for (guint y = 0; y < pic->height; y++)
    for (guint x = 0; x < pic->width; x++)
      {
        guint8 count[CHECK_N_COLOURS + 1] = { 0 };
        guint best = 0;

        for (int dy = -1; dy <= 1; dy++)
          for (int dx = -1; dx <= 1; dx++)
            {
              const guint xx = CLAMP ((int) x + dx, 0, (int) pic->width - 1), yy = CLAMP ((int) y + dy, 0, (int) pic->height - 1);
              const guint8 label = labels[yy * pic->width + xx];

              count[label == GROUND ? CHECK_N_COLOURS : label] += dx == 0 && dy == 0 ? 2 : 1;
            }
        for (guint i = 1; i <= CHECK_N_COLOURS; i++)
          if (count[i] > count[best])
            best = i;
        out[y * pic->width + x] = best == CHECK_N_COLOURS ? GROUND : (guint8) best;
      }
  return out;
}

/* Grows the blob from one pixel over neighbours (eight) of its label. */
static CheckBlob
flood (CheckPicture *pic, const guint8 *labels, guint start, guint id, GArray *stack)
{
  const guint w = pic->width;
  CheckBlob blob = { .id = id, .colour = labels[start], .x0 = w, .y0 = pic->height };

  g_array_set_size (stack, 0);
  g_array_append_val (stack, start);
  pic->blob[start] = id;
  while (stack->len)
    {
      const guint at = g_array_index (stack, guint, stack->len - 1), x = at % w, y = at / w;

      g_array_set_size (stack, stack->len - 1);
      blob.area++;
      blob.x0 = MIN (blob.x0, x);
      blob.y0 = MIN (blob.y0, y);
      blob.x1 = MAX (blob.x1, x + 1);
      blob.y1 = MAX (blob.y1, y + 1);
      for (guint yy = y ? y - 1 : 0; yy <= MIN (y + 1, pic->height - 1); yy++)
        for (guint xx = x ? x - 1 : 0; xx <= MIN (x + 1, w - 1); xx++)
          {
            const guint next = yy * w + xx;

            if (labels[next] == labels[start] && pic->blob[next] == 0)
              {
                pic->blob[next] = id;
                g_array_append_val (stack, next);
              }
          }
    }
  return blob;
}

/* Mean colour, of inner pixels where there are some: edges are blended. */
static void
take_mean (const CheckPicture *pic, CheckBlob *blob)
{
  for (guint inner = 2; inner-- > 0;)
    {
      double sum[3] = { 0 };
      guint n = 0;

      for (guint y = blob->y0; y < blob->y1; y++)
        for (guint x = blob->x0; x < blob->x1; x++)
          {
            const guint at = y * pic->width + x;
            const gboolean inside = x > 0 && y > 0 && x + 1 < pic->width && y + 1 < pic->height && pic->blob[at - 1] == blob->id
                                    && pic->blob[at + 1] == blob->id && pic->blob[at - pic->width] == blob->id
                                    && pic->blob[at + pic->width] == blob->id;

            if (pic->blob[at] != blob->id || (inner && !inside))
              continue;
            n++;
            for (guint c = 0; c < 3; c++)
              sum[c] += pic->rgb[at * 3 + c];
          }
      if (n >= (inner ? 4 : 1))
        {
          blob->r = sum[0] / n;
          blob->g = sum[1] / n;
          blob->b = sum[2] / n;
          return;
        }
    }
}

static int
larger_first (gconstpointer a, gconstpointer b)
{
  return (int) ((const CheckBlob *) b)->area - (int) ((const CheckBlob *) a)->area;
}

static void
find_blobs (CheckPicture *pic)
{
  g_autofree guint8 *raw = label_pixels (pic), *labels = smooth (pic, raw);
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (guint));
  guint id = 0;

  for (guint at = 0; at < pic->width * pic->height; at++)
    if (labels[at] != GROUND && pic->blob[at] == 0)
      {
        CheckBlob blob = flood (pic, labels, at, ++id, stack);

        take_mean (pic, &blob);
        g_array_append_val (pic->blobs, blob);
      }
  g_array_sort (pic->blobs, larger_first);
}

CheckPicture *
check_picture_new (const guint8 *rgb, guint width, guint height, gsize stride)
{
  const gsize n = (gsize) width * height;
  CheckPicture *pic = g_new0 (CheckPicture, 1);

  pic->width = width;
  pic->height = height;
  pic->rgb = g_malloc (n * 3);
  pic->background = g_new (float, n * 3);
  pic->blob = g_new0 (guint, n);
  pic->blobs = g_array_new (FALSE, FALSE, sizeof (CheckBlob));
  for (guint y = 0; y < height; y++)
    memcpy (pic->rgb + (gsize) y * width * 3, rgb + y * stride, (gsize) width * 3);
  find_background (pic);
  find_blobs (pic);
  return pic;
}

void
check_picture_free (CheckPicture *picture)
{
  if (!picture)
    return;
  g_free (picture->rgb);
  g_free (picture->background);
  g_free (picture->blob);
  g_array_unref (picture->blobs);
  g_free (picture);
}
