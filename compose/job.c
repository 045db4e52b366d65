/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/job.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "compose/fill.h"
#include "compose/mask.h"
#include "compose/pixels.h"
#include "compose/resize.h"

/* Differences in bytes between what the model was given and what it gave: below, the picture is unchanged and its own
 * detail may stay; above, it is something new. */
#define UNCHANGED 6.f
#define CHANGED 24.f

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
  g_free (patch);
}

/* A stub that repeats its input, so that the whole way there and back can be checked against the original. */
static gboolean
repeats (void)
{
#ifdef QI_STUBS
  const char *stub = qi_env_stub ();
  g_auto (GStrv) parts = g_strsplit (stub ? stub : "", ";", -1);

  for (guint i = 0; parts[i]; i++)
    if (g_str_equal (parts[i], "copy") || g_str_has_prefix (parts[i], "shift:") || g_str_has_prefix (parts[i], "cast:"))
      return TRUE;
#endif
  return FALSE;
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
      compose->soft = qi_mask_soften (selection, frame,
                                      qi_mask_soft_edge (request->soft_edge, &frame->selection, selection));
      compose->mask = qi_mask_for_model (selection, frame);
    }
  if (repeats () || request->task == QI_TASK_SPLIT)
    compose->picture = qi_image_ref (seen);
  else if (compose->mask && (request->task == QI_TASK_FILL || request->task == QI_TASK_EXPAND))
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

/* The result's RGBA at the size of the frame, with the original's own detail where the model left it alone. now: result,
 * aligned and matched, at frame size; before: the reference brought to frame size as the result was. (transfer full) */
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
        const float change = MAX (MAX (ABS (a[0] - b[0]), ABS (a[1] - b[1])), ABS (a[2] - b[2]));
        const float t = CLAMP ((CHANGED - change) / (CHANGED - UNCHANGED), 0, 1);

        memcpy (to, a, channels);
        for (guint c = 0; c < 3; c++)
          to[c] = QI_CLAMP_BYTE (a[c] + t * t * (3 - 2 * t) * (own[c] - b[c]));
      }
  return qi_pixels_take (width, height, channels, pixels);
}

/* The alpha of what is new: the model's own, else in a fill opaque, else the crop's, unless nothing would be left of it. */
static QiImage *
with_alpha (const QiCompose *compose, const QiImage *now)
{
  const guint width = qi_image_width (now), height = qi_image_height (now);
  g_autoptr (QiImage) rgba = qi_pixels_convert (now, 4);
  const gboolean as_crop = qi_image_channels (now) == 3 && compose->task == QI_TASK_EDIT
                           && qi_image_channels (compose->crop) == 4;
  guint8 *pixels = qi_pixels_alloc (width, height, 4);
  gboolean any = FALSE;

  for (guint y = 0; y < height; y++)
    {
      guint8 *row = pixels + (gsize) y * width * 4;

      memcpy (row, qi_image_row (rgba, y), (gsize) width * 4);
      for (guint x = 0; as_crop && x < width; x++)
        {
          row[4 * x + 3] = qi_image_row (compose->crop, y)[4 * x + 3];
          any |= row[4 * x + 3] && (!compose->soft || qi_image_row (compose->soft, y)[x]);
        }
    }
  if (as_crop && !any)
    for (gsize i = 0; i < (gsize) width * height; i++)
      pixels[4 * i + 3] = 255;
  return qi_pixels_take (width, height, 4, pixels);
}

QiPatch *
qi_compose_finish (const QiCompose *compose, const QiImage *result, GError **error)
{
  const QiFrame *frame = &compose->frame;
  const guint width = (guint) frame->frame.width, height = (guint) frame->frame.height;
  g_autoptr (QiPatch) patch = g_new0 (QiPatch, 1);
  g_autoptr (QiImage) sized = to_size (result, frame);
  g_autoptr (QiImage) flat = qi_pixels_convert (sized, 3);
  const QiMapping mapping = out_of_model (frame);
  QiMapping aligned = mapping;

  patch->x = frame->frame.x;
  patch->y = frame->frame.y;
  patch->mask = compose->soft ? qi_image_ref (compose->soft) : NULL;
  patch->drift = qi_drift_measure (compose->reference, flat, compose->mask);
  if (patch->drift.measured)
    {
      const double zoom = fabs (patch->drift.zoom - 1) / 2;

      patch->moved_px = hypot (fabs (patch->drift.dx) + zoom * frame->width, fabs (patch->drift.dy) + zoom * frame->height)
                        / mapping.dx;
      patch->moved_too_far = patch->drift.beyond;
      if (!patch->drift.negligible && !patch->drift.beyond)
        aligned = qi_drift_undo (&patch->drift, &mapping, frame->width, frame->height);
    }
  patch->match = (QiMatch){ FALSE, { 1, 1, 1 }, { 0 } };

  g_autoptr (QiImage) now = qi_resample (sized, width, height, &aligned, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) before = qi_resample (compose->reference, width, height, &mapping, QI_FILTER_LANCZOS);
  g_autoptr (QiImage) kept = NULL;

  if (compose->mask && patch->drift.measured && !patch->drift.beyond)
    {
      g_autoptr (QiImage) matched = NULL;
      g_autoptr (QiImage) at_model = NULL;

      aligned = qi_drift_undo (&patch->drift, &(QiMapping){ 0, 1, 0, 1 }, frame->width, frame->height);
      at_model = qi_resample (flat, frame->width, frame->height, &aligned, QI_FILTER_LANCZOS);
      patch->match = qi_match_measure (compose->reference, at_model, compose->mask);
      matched = qi_match_apply (&patch->match, now);
      qi_image_unref (now);
      now = g_steal_pointer (&matched);
    }
  kept = keep_detail (compose, now, before);
  patch->pixels = with_alpha (compose, kept);
  return g_steal_pointer (&patch);
}
