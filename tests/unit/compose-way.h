/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* An image and a selection on their way through compose/job.h: there, back, and compared. */
#pragma once
#include <string.h>

#include "compose/blend.h"
#include "compose/job.h"
#include "compose/pixels.h"
#include "scene.h"

typedef struct
{
  QiRequest *request;
  QiImage *image, *selection; /* of the canvas */
  QiFrame frame;
  QiCompose *compose;
} Way;

static inline void
way_clear (Way *way)
{
  g_clear_pointer (&way->request, qi_request_free);
  g_clear_pointer (&way->image, qi_image_unref);
  g_clear_pointer (&way->selection, qi_image_unref);
  g_clear_pointer (&way->compose, qi_compose_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Way, way_clear)

static inline QiRect
bounds_of (const QiImage *mask)
{
  QiRect bounds = { 0 };

  for (guint y = 0; y < qi_image_height (mask); y++)
    for (guint x = 0; x < qi_image_width (mask); x++)
      if (qi_image_row (mask, y)[x])
        bounds = qi_rect_union (&bounds, &(QiRect){ (int) x, (int) y, 1, 1 });
  return bounds;
}

/* image, selection: (transfer full), selection may be NULL. */
static inline Way
begin (QiTask task, QiImage *image, QiImage *selection, guint model_side)
{
  Way way = { qi_request_new (), image, selection };
  const QiRect canvas = { 0, 0, (int) qi_image_width (image), (int) qi_image_height (image) };
  const QiRect bounds = selection ? bounds_of (selection) : (QiRect){ 0 };
  const QiModelSizes sizes = qi_model_sizes (model_side, model_side, 16);
  g_autoptr (GError) error = NULL;

  way.request->task = task;
  way.request->seed = 1;
  qi_frame_plan (way.request, &canvas, &canvas, &bounds, &sizes, &way.frame, &error);
  g_assert_no_error (error);

  g_autoptr (QiImage) crop = qi_pixels_crop (image, &way.frame.frame);
  g_autoptr (QiImage) part = selection ? qi_pixels_crop (selection, &way.frame.frame) : NULL;

  way.compose = qi_compose_prepare (way.request, &way.frame, crop, part, &error);
  g_assert_no_error (error);
  return way;
}

static inline QiImage *
one_colour (guint width, guint height, guint8 r, guint8 g, guint8 b)
{
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (gsize i = 0; i < (gsize) width * height; i++)
    memcpy (pixels + 3 * i, ((guint8[]){ r, g, b }), 3);
  return qi_pixels_take (width, height, 3, pixels);
}

static inline QiPatch *
finish (const Way *way, const QiImage *result)
{
  g_autoptr (GError) error = NULL;
  QiPatch *patch = qi_compose_finish (way->compose, result, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (qi_image_width (patch->pixels), ==, way->frame.frame.width);
  g_assert_cmpuint (qi_image_height (patch->pixels), ==, way->frame.frame.height);
  g_assert_cmpuint (qi_image_channels (patch->pixels), ==, 4);
  return patch;
}

static inline QiImage *
placed (const Way *way, const QiPatch *patch)
{
  return qi_blend_onto (way->image, patch->pixels, patch->mask, patch->x, patch->y);
}

/* The largest difference of two images; where mask is given, of pixels at which it is 0 (or not 0). */
static inline guint
difference (const QiImage *a, const QiImage *b, const QiImage *mask, gboolean selected)
{
  const guint channels = qi_image_channels (a);
  guint most = 0;

  g_assert_cmpuint (qi_image_channels (b), ==, channels);
  for (guint y = 0; y < qi_image_height (a); y++)
    for (guint x = 0; x < qi_image_width (a); x++)
      for (guint c = 0; c < channels; c++)
        if (!mask || !qi_image_row (mask, y)[x] == !selected)
          most =
              MAX (most, (guint) ABS (qi_image_row (a, y)[x * channels + c] - qi_image_row (b, y)[x * channels + c]));
  return most;
}
