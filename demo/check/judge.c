/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/judge.h"

#include <math.h>
#include <string.h>

#include "demo/check/facts.h"
#include "demo/check/palette.h"
#include "demo/check/shapes.h"

static const char *const categories[CHECK_N_CATEGORIES] = { "colour", "shape", "size", "place", "count", "relation", "words", "background", "rest", "change" };

const char *
check_category_name (CheckCategory category)
{
  return categories[category];
}

gboolean
check_verdict_right (const CheckVerdict *verdict)
{
  for (guint i = 0; i < CHECK_N_CATEGORIES; i++)
    if (verdict->asked[i] && !verdict->right[i])
      return FALSE;
  return TRUE;
}

static void
ask (CheckVerdict *verdict, CheckCategory category, gboolean right)
{
  verdict->right[category] = right && (!verdict->asked[category] || verdict->right[category]);
  verdict->asked[category] = TRUE;
}

/* --- colours --- */

/* Named so, or nearly: names have no sharp borders. */
static gboolean
is_coloured (double r, double g, double b, guint colour)
{
  const CheckLab lab = check_lab (r, g, b);
  const guint nearest = check_nearest_colour (lab);

  return nearest == colour || check_distance (lab, check_colour_lab (colour)) < 18.0;
}

/* --- things --- */

static double
diameter (const CheckPicture *pic, const CheckBlob *b)
{
  return MAX ((b->x1 - b->x0) / (double) pic->width, (b->y1 - b->y0) / (double) pic->height);
}

static guint
size_of (const CheckPicture *pic, const CheckBlob *b)
{
  const double d = diameter (pic, b);

  return d < 0.28 ? 0 : d < 0.44 ? 1 : 2;
}

/* Of the nine; large things are moved inwards by the border, and so is where they are looked for. */
static gboolean
is_placed (double x, double y, double w, double h, int place)
{
  double best = 1e9;
  int nearest = -1;

  for (int i = 0; i < 9; i++)
    {
      const double px = 0.2 + 0.3 * (i % 3), py = 0.2 + 0.3 * (i / 3);
      const double d = hypot (x - CLAMP (px, w / 2.0 + 0.03, MAX (w / 2.0 + 0.03, 0.97 - w / 2.0)),
                              y - CLAMP (py, h / 2.0 + 0.03, MAX (h / 2.0 + 0.03, 0.97 - h / 2.0)));

      if (d < best - 1e-6)
        {
          best = d;
          nearest = i;
        }
    }
  if (nearest == place)
    return TRUE;
  /* A thing as wide as the picture is on the left as much as on the right. */
  return nearest / 3 == place / 3 && w > 0.6 ? TRUE : nearest % 3 == place % 3 && h > 0.6;
}

static gboolean
is_at (const CheckPicture *pic, const CheckBlob *b, int place)
{
  const double w = pic->width, h = pic->height;

  return is_placed ((b->x0 + b->x1) / 2.0 / w, (b->y0 + b->y1) / 2.0 / h, (b->x1 - b->x0) / w, (b->y1 - b->y0) / h, place);
}

static gboolean
is_thing (const CheckPicture *pic, const CheckBlob *b)
{
  return b->area > 0.004 * pic->width * pic->height && MIN (b->x1 - b->x0, b->y1 - b->y0) > 0.06 * pic->width;
}

static gboolean
has_shape (const CheckPicture *pic, const CheckBlob *b, int shape)
{
  double best;
  const CheckShape is = check_shape_of (pic, b, &best);

  if (best < 0.6)
    return FALSE;
  return (int) is == shape || (check_shape_score (pic, b, (CheckShape) shape) > 0.8 && check_shape_score (pic, b, (CheckShape) shape) > best - 0.04);
}

/* The blob that agrees with the item in most, not one of taken; NULL when nothing is like it. */
static const CheckBlob *
find_item (const CheckPicture *pic, const CheckItem *item, const CheckBlob *const *taken, guint n_taken)
{
  const CheckBlob *found = NULL;
  double best = 0.0;

  for (guint i = 0; i < pic->blobs->len; i++)
    {
      const CheckBlob *b = &g_array_index (pic->blobs, CheckBlob, i);
      double score;
      gboolean used = FALSE;

      for (guint k = 0; k < n_taken; k++)
        used |= taken[k] == b;
      if (used || !is_thing (pic, b))
        continue;
      score = (item->colour >= 0 && is_coloured (b->r, b->g, b->b, (guint) item->colour) ? 2.0 : 0.0)
              + (item->shape >= 0 && has_shape (pic, b, item->shape) ? 2.0 : 0.0)
              + (item->place >= 0 && is_at (pic, b, item->place) ? 0.5 : 0.0) + 0.1 * b->area / pic->width / pic->height;
      if (score > best)
        {
          best = score;
          found = b;
        }
    }
  return found;
}

static void
judge_item (const CheckPicture *pic, const CheckItem *item, const CheckBlob *b, CheckVerdict *v)
{
  if (item->colour >= 0)
    ask (v, CHECK_COLOUR, b && is_coloured (b->r, b->g, b->b, (guint) item->colour));
  if (item->shape >= 0)
    ask (v, CHECK_SHAPE, b && has_shape (pic, b, item->shape));
  if (item->size >= 0)
    ask (v, CHECK_SIZE, b && (int) size_of (pic, b) == item->size);
  if (item->place >= 0)
    ask (v, CHECK_PLACE, b && is_at (pic, b, item->place));
}

static void
judge_count (const CheckPicture *pic, const CheckFacts *f, CheckVerdict *v)
{
  guint n = 0;

  for (guint i = 0; i < pic->blobs->len; i++)
    {
      const CheckBlob *b = &g_array_index (pic->blobs, CheckBlob, i);

      n += is_thing (pic, b) && is_coloured (b->r, b->g, b->b, (guint) f->items[0].colour) && has_shape (pic, b, f->items[0].shape);
    }
  ask (v, CHECK_COUNT, n == f->count);
}

static void
judge_relation (const char *relation, const CheckBlob *a, const CheckBlob *b, CheckVerdict *v)
{
  gboolean right = FALSE;

  if (a && b)
    {
      const double dx = ((double) a->x0 + a->x1 - b->x0 - b->x1) / 2.0, dy = ((double) a->y0 + a->y1 - b->y0 - b->y1) / 2.0;

      right = strcmp (relation, "left of") == 0    ? dx < 0.0 && fabs (dx) > fabs (dy)
              : strcmp (relation, "right of") == 0 ? dx > 0.0 && fabs (dx) > fabs (dy)
              : strcmp (relation, "above") == 0    ? dy < 0.0 && fabs (dy) > fabs (dx)
              : strcmp (relation, "below") == 0    ? dy > 0.0 && fabs (dy) > fabs (dx)
                                                   : a->x0 > b->x0 && a->x1 < b->x1 && a->y0 > b->y0 && a->y1 < b->y1;
    }
  ask (v, CHECK_RELATION, right);
}

/* --- lettering --- */

/* How far each pixel is from what is behind the letters on the way to their colour. */
static float *
take_ink (const CheckPicture *pic, const double ink[3], const double *behind)
{
  const gsize n = (gsize) pic->width * pic->height;
  float *out = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    {
      double along = 0.0, length = 0.0;

      for (guint c = 0; c < 3; c++)
        {
          const double from = behind ? behind[c] : pic->background[i * 3 + c], way = ink[c] - from;

          along += (pic->rgb[i * 3 + c] - from) * way;
          length += way * way;
        }
      out[i] = (float) CLAMP (along / MAX (length, 1.0), 0.0, 1.0);
    }
  return out;
}

/* The box of the letters: blobs of their colour that no thing has taken. What surrounds them when it is a thing, else NULL. */
static gboolean
find_letters (const CheckPicture *pic, int colour, const CheckBlob *const *taken, guint n_taken, guint box[4], double ink[3],
              const CheckBlob **plate)
{
  guint area = 0;

  memset (ink, 0, 3 * sizeof *ink);
  box[0] = pic->width;
  box[1] = pic->height;
  box[2] = box[3] = 0;
  for (guint i = 0; i < pic->blobs->len; i++)
    {
      const CheckBlob *b = &g_array_index (pic->blobs, CheckBlob, i);
      const guint w = b->x1 - b->x0, h = b->y1 - b->y0;
      const gboolean bar = w > 4 * h && b->area > w * h * 4 / 5; /* a line of a layout */
      gboolean used = bar || b->area < 4 || !is_coloured (b->r, b->g, b->b, (guint) colour);

      /* No letters lie over a thing; blends of its edge with the background may have their colour. */
      for (guint k = 0; k < n_taken; k++)
        used |= taken[k] && b->x0 + 2 >= taken[k]->x0 && b->x1 <= taken[k]->x1 + 2 && b->y0 + 2 >= taken[k]->y0 && b->y1 <= taken[k]->y1 + 2;
      if (used || b->area > 0.2 * pic->width * pic->height)
        continue;
      box[0] = MIN (box[0], b->x0);
      box[1] = MIN (box[1], b->y0);
      box[2] = MAX (box[2], b->x1);
      box[3] = MAX (box[3], b->y1);
      area += b->area;
      ink[0] += b->r * b->area;
      ink[1] += b->g * b->area;
      ink[2] += b->b * b->area;
    }
  for (guint c = 0; c < 3 && area; c++)
    ink[c] /= area;
  *plate = NULL;
  for (guint i = 0; i < pic->blobs->len && area; i++)
    {
      const CheckBlob *b = &g_array_index (pic->blobs, CheckBlob, i);

      if (b->x0 < box[0] && b->x1 > box[2] && b->y0 < box[1] && b->y1 > box[3] && b->area > area / 2)
        *plate = b;
    }
  return area > 6 && box[3] - box[1] > 4;
}

/* Blended edges belong to the letters too: the box is where their ink is half or more. */
static void
tighten (const CheckPicture *pic, const float *ink, guint box[4])
{
  const guint x0 = box[0] > 2 ? box[0] - 2 : 0, y0 = box[1] > 2 ? box[1] - 2 : 0;
  const guint x1 = MIN (box[2] + 2, pic->width), y1 = MIN (box[3] + 2, pic->height);

  box[0] = pic->width;
  box[1] = pic->height;
  box[2] = box[3] = 0;
  for (guint y = y0; y < y1; y++)
    for (guint x = x0; x < x1; x++)
      if (ink[y * pic->width + x] > 0.45f)
        {
          box[0] = MIN (box[0], x);
          box[1] = MIN (box[1], y);
          box[2] = MAX (box[2], x + 1);
          box[3] = MAX (box[3], y + 1);
        }
}

static void
judge_word (CheckReader *reader, const CheckPicture *pic, const CheckWord *word, const CheckBlob *const *taken, guint n_taken,
            CheckVerdict *v)
{
  const CheckBlob *plate;
  double ink[3], score;
  guint box[4];
  const gboolean found = word->colour >= 0 && find_letters (pic, word->colour, taken, n_taken, box, ink, &plate);
  g_autofree float *mask = NULL;

  ask (v, CHECK_COLOUR, found);
  if (!found)
    {
      ask (v, CHECK_WORDS, FALSE);
      if (word->place >= 0)
        ask (v, CHECK_PLACE, FALSE);
      return;
    }
  mask = take_ink (pic, ink, plate ? (double[3]){ plate->r, plate->g, plate->b } : NULL);
  tighten (pic, mask, box);
  ask (v, CHECK_WORDS, box[2] > box[0] && check_reader_reads (reader, mask, pic->width, pic->height, box, word->text, &score));
  if (word->place >= 0)
    {
      const double w = pic->width, h = pic->height;

      ask (v, CHECK_PLACE, is_placed ((box[0] + box[2]) / 2.0 / w, (box[1] + box[3]) / 2.0 / h, (box[2] - (double) box[0]) / w,
                                      (box[3] - (double) box[1]) / h, word->place));
    }
}

/* --- all of it --- */

static void
judge_background (const CheckPicture *pic, const CheckFacts *f, CheckVerdict *v)
{
  const guint a = (guint) f->ground[0], b = (guint) f->ground[1];

  if (f->ground[0] < 0 || f->ground[1] < 0)
    return;
  ask (v, CHECK_BACKGROUND, (pic->ground[0] == a && pic->ground[1] == b) || (f->gradient && pic->ground[0] == b && pic->ground[1] == a));
}

CheckVerdict
check_judge (CheckReader *reader, const CheckPicture *picture, const CheckFacts *facts)
{
  CheckVerdict v = { 0 };
  const CheckBlob *taken[CHECK_MAX_THINGS] = { NULL };

  judge_background (picture, facts, &v);
  for (guint i = 0; i < facts->n_items; i++)
    {
      taken[i] = find_item (picture, &facts->items[i], taken, i);
      judge_item (picture, &facts->items[i], taken[i], &v);
    }
  if (facts->count && facts->n_items)
    judge_count (picture, facts, &v);
  if (facts->relation)
    judge_relation (facts->relation, taken[0], taken[1], &v);
  for (guint i = 0; i < facts->n_words; i++)
    judge_word (reader, picture, &facts->words[i], taken, facts->n_items, &v);
  return v;
}
