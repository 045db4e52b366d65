/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/job.h — the two calls around the model: crop and selection → what the model gets; its result → a patch.
 *
 *   qi_frame_plan ()        which pixels to read                                   (compose/frame.h)
 *   qi_compose_prepare ()   those pixels and the selection → Picture 1 and mask
 *   … the model, with compose->picture and compose->mask as inputs, compose->frame.width × height as its size …
 *   qi_compose_finish ()    each result → a layer's pixels and its mask
 *
 * Threads: no state; any thread, several at once. A megapixel takes about a second. */
#pragma once
#include "base/image.h"
#include "base/job.h"
#include "base/request.h"
#include "compose/frame.h"
#include "compose/match.h"
#include "compose/register.h"

typedef struct
{
  QiTask task;
  QiFrame frame;
  QiImage *crop;      /* RGB or RGBA, the frame's pixels */
  QiImage *soft;      /* the selection with its soft edge, size of the frame; NULL: no selection */
  QiImage *reference; /* RGB at model size, before any prefill: what registration compares with */
  QiImage *picture;   /* Picture 1: RGB against white, in a split RGBA. With a stub that repeats its input not prefilled */
  QiImage *mask;      /* for the model, at its size; NULL: no selection */
  gboolean keep_alpha; /* a result without alpha has the crop's */
} QiCompose;

/* crop: the frame's pixels, 1, 3 or 4 channels. selection: one channel, the same size; NULL: none.
 * QI_ERROR_BAD_REQUEST: nothing is selected, or the sizes do not fit. (transfer full) */
QiCompose *qi_compose_prepare (const QiRequest *request, const QiFrame *frame, const QiImage *crop,
                               const QiImage *selection, GError **error);
void qi_compose_free (QiCompose *compose);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiCompose, qi_compose_free)

typedef struct
{
  QiImage *pixels;  /* RGBA, native resolution, size of the frame. Its alpha is the content's: 255 in a fill, the crop's
                       own in an edit, the model's where it gave one */
  QiImage *mask;    /* one channel, the same size: the layer's mask; NULL: no selection, no mask */
  int x, y;         /* in image pixels */

  QiDrift drift;
  QiMatch match;
  double moved_px;        /* in image pixels, the most that anything in the frame moved */
  gboolean moved_too_far; /* more than can be corrected: pixels are as the model gave them. Ask before placing */
  gboolean cut_off;       /* what is new reaches the edge of the selection */
} QiPatch;

/* result: one of the model's, any size (it is taken to show Picture 1), 3 or 4 channels. (transfer full) */
QiPatch *qi_compose_finish (const QiCompose *compose, const QiImage *result, GError **error);
void qi_patch_free (QiPatch *patch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiPatch, qi_patch_free)
