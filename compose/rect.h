/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/rect.h — a rectangle of pixels. Whatever has no width or no height is empty, and all empty ones are alike. */
#pragma once
#include <glib.h>

typedef struct
{
  int x, y, width, height;
} QiRect;

static inline gboolean
qi_rect_is_empty (const QiRect *rect)
{
  return rect->width <= 0 || rect->height <= 0;
}

/* What both cover; {0} when they do not touch. The sides are added in 64 bits: they may come from a script. */
static inline QiRect
qi_rect_intersect (const QiRect *a, const QiRect *b)
{
  const gint64 x0 = MAX (a->x, b->x), x1 = MIN ((gint64) a->x + a->width, (gint64) b->x + b->width);
  const gint64 y0 = MAX (a->y, b->y), y1 = MIN ((gint64) a->y + a->height, (gint64) b->y + b->height);

  if (qi_rect_is_empty (a) || qi_rect_is_empty (b) || x1 <= x0 || y1 <= y0)
    return (QiRect){ 0 };
  return (QiRect){ (int) x0, (int) y0, (int) (x1 - x0), (int) (y1 - y0) };
}

/* The smallest that holds both; an empty one adds nothing. */
static inline QiRect
qi_rect_union (const QiRect *a, const QiRect *b)
{
  const gint64 x0 = MIN (a->x, b->x), x1 = MAX ((gint64) a->x + a->width, (gint64) b->x + b->width);
  const gint64 y0 = MIN (a->y, b->y), y1 = MAX ((gint64) a->y + a->height, (gint64) b->y + b->height);

  if (qi_rect_is_empty (a))
    return *b;
  if (qi_rect_is_empty (b))
    return *a;
  return (QiRect){ (int) x0, (int) y0, (int) MIN (x1 - x0, G_MAXINT), (int) MIN (y1 - y0, G_MAXINT) };
}

static inline gboolean
qi_rect_equal (const QiRect *a, const QiRect *b)
{
  return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}
