/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/shapes.h"

#include <math.h>
#include <string.h>

#define GRID 32 /* masks are compared at this size, box to box */

static const char *const names[CHECK_N_SHAPES] = { "circle", "square", "triangle", "star", "cross", "ring", "heart", "diamond" };

const char *
check_shape_name (CheckShape shape)
{
  return shape < CHECK_N_SHAPES ? names[shape] : "none";
}

int
check_shape_by_name (const char *name)
{
  for (guint i = 0; i < CHECK_N_SHAPES; i++)
    if (strcmp (names[i], name) == 0)
      return (int) i;
  return -1;
}

/* --- templates: the formulas of demo/train/scenes.py, over -1 … 1 --- */

static gboolean
in_star (double x, double y)
{
  const double turn = 2.0 * G_PI / 5.0, r = hypot (x, y), inner = 0.42;
  double a = fmod (atan2 (y, x) + G_PI / 2.0 + 4.0 * G_PI, turn);

  if (a > turn / 2.0)
    a = turn - a;
  /* Left of the edge from the tip (1, at angle 0) to the notch (inner, at half a turn). */
  const double px = r * cos (a), py = r * sin (a), nx = inner * cos (turn / 2.0), ny = inner * sin (turn / 2.0);
  return (nx - 1.0) * py - ny * (px - 1.0) >= 0.0;
}

static gboolean
in_heart (double x, double y)
{
  /* The curve x = sin³ t, y = -(13 cos t - 5 cos 2t - 2 cos 3t - cos 4t) / 16.5 is met twice by the line through x. */
  const double s = cbrt (fabs (x));
  double ends[2];

  if (s > 1.0)
    return FALSE;
  for (guint i = 0; i < 2; i++)
    {
      const double t = i ? G_PI - asin (s) : asin (s);

      ends[i] = -(13.0 * cos (t) - 5.0 * cos (2.0 * t) - 2.0 * cos (3.0 * t) - cos (4.0 * t)) / 16.5;
    }
  return y >= MIN (ends[0], ends[1]) && y <= MAX (ends[0], ends[1]);
}

static gboolean
is_inside (CheckShape shape, double x, double y)
{
  switch (shape)
    {
    case CHECK_CIRCLE: return hypot (x, y) <= 1.0;
    case CHECK_SQUARE: return fabs (x) <= 0.9 && fabs (y) <= 0.9;
    case CHECK_TRIANGLE: return y <= 0.85 && fabs (x) <= (y + 0.95) / 1.8;
    case CHECK_STAR: return in_star (x, y);
    case CHECK_CROSS: return (fabs (x) <= 0.34 && fabs (y) <= 1.0) || (fabs (y) <= 0.34 && fabs (x) <= 1.0);
    case CHECK_HEART: return in_heart (x, y);
    case CHECK_DIAMOND: return fabs (x) / 0.8 + fabs (y) <= 1.0;
    default: return FALSE;
    }
}

typedef struct
{
  float cover[GRID][GRID];
  double aspect; /* width over height of its box */
} Mask;

#define FINE 256

static const Mask *
template_of (CheckShape shape)
{
  static Mask masks[CHECK_N_SHAPES];
  Mask *m = &masks[shape];
  double x0 = 1.0, y0 = 1.0, x1 = -1.0, y1 = -1.0;

  if (m->aspect > 0.0)
    return m;
  for (guint i = 0; i < FINE * FINE; i++)
    {
      const double x = (i % FINE + 0.5) / FINE * 2.0 - 1.0, y = (i / FINE + 0.5) / FINE * 2.0 - 1.0;

      if (!is_inside (shape, x, y))
        continue;
      x0 = MIN (x0, x);
      x1 = MAX (x1, x);
      y0 = MIN (y0, y);
      y1 = MAX (y1, y);
    }
  for (guint i = 0; i < GRID; i++)
    for (guint j = 0; j < GRID; j++)
      for (guint k = 0; k < 16; k++)
        m->cover[i][j] += is_inside (shape, x0 + (x1 - x0) * (j + (k % 4 + 0.5) / 4.0) / GRID,
                                     y0 + (y1 - y0) * (i + (k / 4 + 0.5) / 4.0) / GRID) / 16.0f;
  m->aspect = (x1 - x0) / (y1 - y0);
  return m;
}

/* --- blobs --- */

/* Pixels of the blob's box that are not the blob and cannot reach the outside of the box without crossing it. */
static guint8 *
find_holes (const CheckPicture *pic, const CheckBlob *blob)
{
  const guint w = blob->x1 - blob->x0, h = blob->y1 - blob->y0;
  guint8 *outside = g_malloc0 ((gsize) w * h);
  gboolean grew = TRUE;

  /* Sweeps to and fro until nothing changes; few are needed. */
  for (guint sweep = 0; grew && sweep < 64; sweep++)
    {
      grew = FALSE;
      for (guint k = 0; k < w * h; k++)
        {
          const guint i = sweep % 2 ? w * h - 1 - k : k, x = i % w, y = i / w;
          const gboolean edge = x == 0 || y == 0 || x + 1 == w || y + 1 == h;

          if (outside[i] || pic->blob[(blob->y0 + y) * pic->width + blob->x0 + x] == blob->id)
            continue;
          if (edge || outside[i - 1] || outside[i + 1] || outside[i - w] || outside[i + w])
            outside[i] = grew = TRUE;
        }
    }
  return outside;
}

/* The blob with its holes. */
static void
take_mask (const CheckPicture *pic, const CheckBlob *blob, Mask *mask)
{
  const guint w = blob->x1 - blob->x0, h = blob->y1 - blob->y0;
  g_autofree guint8 *outside = find_holes (pic, blob);

  for (guint i = 0; i < GRID; i++)
    for (guint j = 0; j < GRID; j++)
      {
        guint n = 0;

        for (guint k = 0; k < 16; k++)
          {
            const guint x = (guint) ((j + (k % 4 + 0.5) / 4.0) * w / GRID), y = (guint) ((i + (k / 4 + 0.5) / 4.0) * h / GRID);

            n += !outside[y * w + x];
          }
        mask->cover[i][j] = n / 16.0f;
      }
  mask->aspect = (double) w / h;
}

static const CheckBlob *
blob_by_id (const CheckPicture *pic, guint id)
{
  for (guint i = 0; i < pic->blobs->len; i++)
    if (g_array_index (pic->blobs, CheckBlob, i).id == id)
      return &g_array_index (pic->blobs, CheckBlob, i);
  return NULL;
}

/* Is what lies in a hole of b the background, or of the colour of something that surrounds b? */
static gboolean
is_behind (const CheckPicture *pic, guint id, const CheckBlob *b)
{
  const CheckBlob *hole = blob_by_id (pic, id);

  for (guint i = 0; i < pic->blobs->len && hole; i++)
    {
      const CheckBlob *o = &g_array_index (pic->blobs, CheckBlob, i);

      if (o->colour == hole->colour && o->x0 < b->x0 && o->y0 < b->y0 && o->x1 > b->x1 && o->y1 > b->y1)
        return TRUE;
    }
  return id == 0;
}

/* Share of the blob with its holes through which is seen what lies behind it. */
static double
open_share (const CheckPicture *pic, const CheckBlob *blob)
{
  const guint w = blob->x1 - blob->x0;
  g_autofree guint8 *outside = find_holes (pic, blob);
  guint n = 0, open = 0, last = G_MAXUINT;
  gboolean behind = FALSE;

  for (guint y = blob->y0; y < blob->y1; y++)
    for (guint x = blob->x0; x < blob->x1; x++)
      if (!outside[(y - blob->y0) * w + x - blob->x0])
        {
          const guint id = pic->blob[y * pic->width + x];

          behind = id == last ? behind : id != blob->id && is_behind (pic, id, blob);
          last = id;
          n++;
          open += behind;
        }
  return n ? open / (double) n : 0.0;
}

double
check_shape_score (const CheckPicture *picture, const CheckBlob *blob, CheckShape shape)
{
  /* A ring is a disc with a hole; how wide the hole is says little, and comparing thin bands says less. */
  const double open = open_share (picture, blob);
  const Mask *want = template_of (shape == CHECK_RING ? CHECK_CIRCLE : shape);
  double both = 0.0, either = 0.0;
  Mask mask;

  take_mask (picture, blob, &mask);
  for (guint i = 0; i < GRID; i++)
    for (guint j = 0; j < GRID; j++)
      {
        both += MIN (mask.cover[i][j], want->cover[i][j]);
        either += MAX (mask.cover[i][j], want->cover[i][j]);
      }
  return both / either * (1.0 - 0.7 * fabs (log (mask.aspect / want->aspect))) * ((open > 0.12) == (shape == CHECK_RING) ? 1.0 : 0.5);
}

CheckShape
check_shape_of (const CheckPicture *picture, const CheckBlob *blob, double *score)
{
  CheckShape best = CHECK_CIRCLE;

  *score = -1.0;
  for (CheckShape i = 0; i < CHECK_N_SHAPES; i++)
    {
      const double s = check_shape_score (picture, blob, i);

      if (s > *score)
        {
          *score = s;
          best = i;
        }
    }
  return best;
}
