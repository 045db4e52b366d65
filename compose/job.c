/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/job.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "base/stub.h"
#include "compose/change.h"
#include "compose/fill.h"
#include "compose/mask.h"
#include "compose/pixels.h"
#include "compose/resize.h"

/* Differences in bytes between what the model was given and what it gave: below, the picture is unchanged and its own
 * detail may stay; above, it is something new. */
#define UNCHANGED 6.f
#define CHANGED 24.f
#define NEW 40
#define CUT_OFF_FROM 0.08 /* of the margin that the model may paint on, and nobody selected */
#define CUT_OFF_TO 0.75

void
qi_compose_free (QiCompose *compose)
{
  if (!compose)
    return;
  g_clear_pointer (&compose->crop, qi_image_unref);
  g_clear_pointer (&compose->soft, qi_image_unref);
  g_clear_pointer (&compose->reference, qi_image_unref);
  g_clear_pointer (&compose->picture, qi_image_unref);
  g_clear_pointer (&compose->mask, qi_image_unref);
  g_free (compose);
}

void
qi_patch_free (QiPatch *patch)
{
  if (!patch)
    return;
  g_clear_pointer (&patch->pixels, qi_image_unref);
  g_clear_pointer (&patch->mask, qi_image_unref);
  qi_match_clear (&patch->match);
  g_free (patch);
}

/* A stub that repeats its input, so that the whole way there and back can be checked against the original. */
static gboolean
repeats (void)
{
#ifdef QI_STUBS
  QiStub stub;

  return qi_stub_parse (qi_env_stub (), &stub, NULL) && qi_stub_wants_crop (&stub);
#else
  return FALSE;
#endif
}

/* Picture 1's pixels → the frame's. */
static QiMapping
into_model (const QiFrame *frame)
{
  const double dx = (double) frame->frame.width / frame->content.width;
  const double dy = (double) frame->frame.height / frame->content.height;

  return (QiMapping){ -frame->content.x * dx, dx, -frame->content.y * dy, dy };
}

/* The frame's pixels → Picture 1's. */
static QiMapping
out_of_model (const QiFrame *frame)
{
  const double dx = (double) frame->content.width / frame->frame.width;
  const double dy = (double) frame->content.height / frame->frame.height;

  return (QiMapping){ frame->content.x, dx, frame->content.y, dy };
}

static gboolean
is_size (const QiImage *image, const QiFrame *frame)
{
  return (int) qi_image_width (image) == frame->frame.width && (int) qi_image_height (image) == frame->frame.height;
}

static gboolean
is_anything (const QiImage *mask)
{
  for (guint y = 0; y < qi_image_height (mask); y++)
    for (guint x = 0; x < qi_image_width (mask); x++)
      if (qi_image_row (mask, y)[x])
        return TRUE;
  return FALSE;
}

static gboolean
check (const QiFrame *frame, const QiImage *crop, const QiImage *selection, GError **error)
{
  const QiImage *wrong = !is_size (crop, frame) ? crop : selection && !is_size (selection, frame) ? selection : NULL;

  if (wrong)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The %s has %u × %u pixels, the frame %d × %d",
                 wrong == crop ? "crop" : "selection", qi_image_width (wrong), qi_image_height (wrong),
                 frame->frame.width, frame->frame.height);
  else if (selection && qi_image_channels (selection) != 1)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The selection has %u channels instead of one",
                 qi_image_channels (selection));
  else if (selection && !is_anything (selection))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "Nothing is selected in the frame of %d × %d pixels",
                 frame->frame.width, frame->frame.height);
  else
    return TRUE;
  return FALSE;
}

QiCompose *
qi_compose_prepare (const QiRequest *request, const QiFrame *frame, const QiImage *crop, const QiImage *selection,
                    GError **error)
{
  g_autoptr (QiCompose) compose = g_new0 (QiCompose, 1);
  const QiMapping mapping = into_model (frame);

  if (!check (frame, crop, selection, error))
    return NULL;

  const gboolean see_through = qi_pixels_has_transparency (crop);
  g_autoptr (QiImage) seen = NULL;

  compose->task = request->task;
  compose->frame = *frame;
  compose->crop = qi_pixels_convert (crop, see_through ? 4 : 3);
  seen = qi_resample (compose->crop, frame->width, frame->height, &mapping, QI_FILTER_LANCZOS);
  compose->reference = qi_pixels_convert (seen, 3);
  if (selection)
    {
      const int soft_edge =
          request->task == QI_TASK_EXPAND ? 0 : request->soft_edge; /* there is nothing to fade into */

      compose->soft = qi_mask_soften (selection, frame, qi_mask_soft_edge (soft_edge, &frame->selection, selection));
      compose->mask = qi_mask_for_model (selection, frame);
    }
  compose->keep_alpha = request->task == QI_TASK_EDIT || repeats ();
  if (compose->mask && request->task == QI_TASK_EXPAND)
    compose->picture = qi_prefill (compose->reference, compose->mask, QI_PREFILL_BORDER, request->seed);
  else if (request->task == QI_TASK_SPLIT)
    compose->picture = qi_image_ref (seen);
  else if (compose->mask && request->task == QI_TASK_FILL && !repeats ())
    compose->picture = qi_prefill (compose->reference, compose->mask, request->prefill, request->seed);
  else
    compose->picture = qi_image_ref (compose->reference);
  return g_steal_pointer (&compose);
}

/* The result as RGB or RGBA at the size of Picture 1. (transfer full) */
static QiImage *
to_size (const QiImage *result, const QiFrame *frame)
{
  const guint width = qi_image_width (result), height = qi_image_height (result);
  const QiMapping mapping = qi_mapping_fit (width, height, frame->width, frame->height);
  g_autoptr (QiImage) colours = qi_pixels_convert (result, qi_pixels_has_transparency (result) ? 4 : 3);

  if (width == frame->width && height == frame->height)
    return g_steal_pointer (&colours);
  return qi_resample (colours, frame->width, frame->height, &mapping, QI_FILTER_LANCZOS);
}

/* The result at the size of the frame, with the original's own detail where the model left it alone. now: result,
 * aligned and matched; before: the reference brought to that size as the result was. (transfer full) */
static QiImage *
keep_detail (const QiCompose *compose, const QiImage *now, const QiImage *before)
{
  const guint width = qi_image_width (now), height = qi_image_height (now), channels = qi_image_channels (now);
  g_autoptr (QiImage) crop = qi_pixels_convert (compose->crop, 3);
  guint8 *pixels = qi_pixels_alloc (width, height, channels);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const guint8 *a = qi_image_row (now, y) + (gsize) x * channels, *b = qi_image_row (before, y) + 3 * (gsize) x;
        const guint8 *own = qi_image_row (crop, y) + 3 * (gsize) x;
        guint8 *to = pixels + ((gsize) y * width + x) * channels;
        const float change = (float) qi_pixels_apart (a, b);
        const float t = CLAMP ((CHANGED - change) / (CHANGED - UNCHANGED), 0, 1);

        memcpy (to, a, channels);
        for (guint c = 0; c < 3; c++)
          to[c] = QI_CLAMP_BYTE (a[c] + t * t * (3 - 2 * t) * (own[c] - b[c]));
      }
  return qi_pixels_take (width, height, channels, pixels);
}

/* The pixels of a line of n, [from, to), whose places in a result of so many pixels the result shows. */
static void
shown (double start, double step, double low, double high, guint n, guint *from, guint *to)
{
  const double first = (low - start) / step - 0.5, last = (high - start) / step - 0.5;

  *from = (guint) CLAMP (ceil (first - 1e-6), 0, n);
  *to = (guint) CLAMP (floor (last + 1e-6) + 1, 0, n);
}

static inline guint
reflect (guint x, guint from, guint to)
{
  return from + qi_mirror ((gint64) x - from, to - from);
}

/* A result that had moved lacks a strip along an edge. There the original stands in, changed as its neighbours within
 * were. (transfer full) */
static QiImage *
fill_exposed (const QiCompose *compose, const QiImage *now, const QiMapping *aligned)
{
  const guint width = qi_image_width (now), height = qi_image_height (now), channels = qi_image_channels (now);
  const QiRect *content = &compose->frame.content;
  g_autoptr (QiImage) crop = qi_pixels_convert (compose->crop, channels);
  guint8 *pixels = qi_pixels_alloc (width, height, channels);
  guint x0, x1, y0, y1;

  shown (aligned->x, aligned->dx, content->x, content->x + content->width, width, &x0, &x1);
  shown (aligned->y, aligned->dy, content->y, content->y + content->height, height, &y0, &y1);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const gboolean inside = (x >= x0 && x < x1 && y >= y0 && y < y1) || x0 >= x1 || y0 >= y1;
        const guint u = inside ? x : reflect (x, x0, x1), v = inside ? y : reflect (y, y0, y1);
        const guint8 *there = qi_image_row (now, v) + (gsize) u * channels;
        const guint8 *was = qi_image_row (crop, v) + (gsize) u * channels,
                     *own = qi_image_row (crop, y) + (gsize) x * channels;
        guint8 *to = pixels + ((gsize) y * width + x) * channels;

        for (guint c = 0; c < channels; c++)
          to[c] = inside ? there[c] : (guint8) CLAMP (own[c] + there[c] - was[c], 0, 255);
      }
  return qi_pixels_take (width, height, channels, pixels);
}

/* What was seen as value against white is this colour under that alpha. */
static guint8
without_white (guint8 value, guint8 alpha)
{
  return alpha ? QI_CLAMP_BYTE ((value - (255.f - alpha)) * 255 / alpha) : value;
}

/* The alpha of what is new: the model's own, else in a fill opaque, else the crop's, unless nothing would be left of
 * it. now: RGB or RGBA at frame size. (transfer full) */
static QiImage *
with_alpha (const QiCompose *compose, const QiImage *now)
{
  const guint width = qi_image_width (now), height = qi_image_height (now);
  QiImage *rgba = qi_pixels_convert (now, 4);
  guint8 *pixels;
  gboolean any = FALSE;

  if (qi_image_channels (now) == 4 || qi_image_channels (compose->crop) < 4 || !compose->keep_alpha)
    return rgba;
  pixels = qi_pixels_alloc (width, height, 4);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const guint8 *from = qi_image_row (rgba, y) + 4 * (gsize) x;
        const guint8 alpha = qi_image_row (compose->crop, y)[4 * (gsize) x + 3];
        guint8 *to = pixels + ((gsize) y * width + x) * 4;

        for (guint c = 0; c < 3; c++)
          to[c] = without_white (from[c], alpha);
        to[3] = alpha;
        any |= alpha && (!compose->soft || qi_image_row (compose->soft, y)[x]);
      }
  if (!any)
    {
      g_free (pixels);
      return rgba;
    }
  qi_image_unref (rgba);
  return qi_pixels_take (width, height, 4, pixels);
}

/* The model may paint a little more than is selected. Where much of that margin is something new, what it drew goes
 * on beyond the edge; where all of it is, the surroundings are new, and nothing is cut off. now: aligned and matched,
 * at frame size. */
static gboolean
is_cut_off (const QiCompose *compose, const QiImage *now)
{
  const QiMapping mapping = out_of_model (&compose->frame);
  g_autoptr (QiImage) crop = qi_pixels_convert (compose->crop, 3);
  const guint channels = qi_image_channels (now);
  guint n = 0, n_new = 0;

  for (guint y = 0; y < qi_image_height (now); y++)
    for (guint x = 0; x < qi_image_width (now); x++)
      {
        const guint u = (guint) (mapping.x + (x + 0.5) * mapping.dx), v = (guint) (mapping.y + (y + 0.5) * mapping.dy);
        const guint8 *a = qi_image_row (now, y) + (gsize) x * channels, *b = qi_image_row (crop, y) + 3 * (gsize) x;

        if (qi_image_row (compose->soft, y)[x] || !qi_image_row (compose->mask, v)[u])
          continue;
        n++;
        n_new += qi_pixels_apart (a, b) > NEW;
      }
  return n_new > n * CUT_OFF_FROM && n_new < n * CUT_OFF_TO;
}

/* The model's mask, and with it what the result does not show once its drift is undone. (transfer full) */
static QiImage *
not_to_be_measured (const QiImage *mask, const QiMapping *undo)
{
  const guint width = qi_image_width (mask), height = qi_image_height (mask);
  guint8 *pixels = qi_pixels_alloc (width, height, 1);
  guint x0, x1, y0, y1;

  shown (undo->x, undo->dx, 0, width, width, &x0, &x1);
  shown (undo->y, undo->dy, 0, height, height, &y0, &y1);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      pixels[(gsize) y * width + x] = x < x0 || x >= x1 || y < y0 || y >= y1 ? 255 : qi_image_row (mask, y)[x];
  return qi_pixels_take (width, height, 1, pixels);
}

/* The ring's colours at the size of the model, drift undone. */
static QiMatch
measure_match (const QiCompose *compose, const QiImage *flat, const QiDrift *drift)
{
  const guint width = compose->frame.width, height = compose->frame.height;
  const QiMapping same = { 0, 1, 0, 1 }, undo = drift->negligible ? same : qi_drift_undo (drift, &same, width, height);
  g_autoptr (QiImage) aligned = qi_resample (flat, width, height, &undo, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) mask = not_to_be_measured (compose->mask, &undo);

  return qi_match_measure (compose->reference, aligned, mask);
}

/* Where nobody selected anything: the mask, at the size of the frame, of what the model changed, fading out over half of
 * what it was grown by. NULL: all of it. now: the result at that size, aligned. (transfer full) */
static QiImage *
find_change (const QiCompose *compose, const QiImage *now)
{
  const QiFrame *frame = &compose->frame;
  const guint width = qi_image_width (now), height = qi_image_height (now);
  const QiMapping in = into_model (frame), out = out_of_model (frame);
  g_autoptr (QiImage) flat = qi_pixels_convert (now, 3);
  g_autoptr (QiImage) small = qi_resample (flat, frame->width, frame->height, &in, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) changed = qi_change_find (compose->reference, small, &frame->content);
  g_autoptr (QiImage) mask = changed ? qi_resample (changed, width, height, &out, QI_FILTER_TRIANGLE) : NULL;

  return mask ? qi_mask_soften (mask, frame, (guint) ceil (QI_CHANGE_GROWN / 2 / out.dx)) : NULL;
}

/* now, RGBA at the size of the frame, in place of the crop as far as mask says: where it is 0 the crop's bytes. Not laid over it (compose/blend.h):
 * what is translucent in both stays so. (transfer full) */
static QiImage *
over_crop (const QiCompose *compose, const QiImage *now, const QiImage *mask)
{
  const guint width = qi_image_width (now), height = qi_image_height (now);
  g_autoptr (QiImage) crop = qi_pixels_convert (compose->crop, 4);
  guint8 *pixels = qi_pixels_alloc (width, height, 4);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const float t = qi_image_row (mask, y)[x] / 255.f;
        const guint8 *a = qi_image_row (crop, y) + 4 * (gsize) x, *b = qi_image_row (now, y) + 4 * (gsize) x;

        for (guint c = 0; c < 4; c++)
          pixels[((gsize) y * width + x) * 4 + c] = QI_CLAMP_BYTE (a[c] + t * (b[c] - a[c]));
      }
  return qi_pixels_take (width, height, 4, pixels);
}

/* How far the corners went, in pixels of the image. */
static double
moved_px (const QiDrift *drift, const QiFrame *frame)
{
  const double zoom = fabs (drift->zoom - 1) / 2;

  return hypot (fabs (drift->dx) + zoom * frame->content.width, fabs (drift->dy) + zoom * frame->content.height)
         * frame->frame.width / frame->content.width;
}

QiPatch *
qi_compose_finish (const QiCompose *compose, const QiImage *result, GError **error)
{
  const QiFrame *frame = &compose->frame;
  const guint width = (guint) frame->frame.width, height = (guint) frame->frame.height;
  const QiMapping straight = out_of_model (frame);
  g_autoptr (QiPatch) patch = g_new0 (QiPatch, 1);
  g_autoptr (QiImage) sized = to_size (result, frame);
  g_autoptr (QiImage) flat = qi_pixels_convert (sized, 3);
  QiDrift *drift = &patch->drift;
  QiMapping aligned = straight;

  patch->x = frame->frame.x;
  patch->y = frame->frame.y;
  patch->mask = compose->soft ? qi_image_ref (compose->soft) : NULL;
  patch->match = (QiMatch){ FALSE, { 1, 1, 1 } };
  *drift = qi_drift_measure (compose->reference, flat, compose->mask);
  if (drift->measured)
    {
      patch->moved_px = moved_px (drift, frame);
      patch->moved_too_far = drift->beyond;
      if (!drift->negligible && !drift->beyond)
        aligned = qi_drift_undo (drift, &straight, frame->width, frame->height);
      /* Without a selection another light may be just what was asked for. */
      if (compose->mask && !drift->beyond)
        patch->match = measure_match (compose, flat, drift);
    }

  g_autoptr (QiImage) brought = qi_resample (sized, width, height, &aligned, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) matched = qi_match_apply (&patch->match, brought, &straight, frame->width, frame->height);
  g_autoptr (QiImage) now = fill_exposed (compose, matched, &aligned);
  g_autoptr (QiImage) before = qi_resample (compose->reference, width, height, &straight, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) kept = keep_detail (compose, now, before);

  g_autoptr (QiImage) changed =
      compose->task == QI_TASK_EDIT && !compose->soft && !drift->beyond ? find_change (compose, now) : NULL;
  g_autoptr (QiImage) whole = with_alpha (compose, kept);

  patch->pixels = changed ? over_crop (compose, whole, changed) : g_steal_pointer (&whole);
  patch->cut_off = compose->mask && drift->measured && !drift->beyond && is_cut_off (compose, now);
  return g_steal_pointer (&patch);
}
