/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/expand.h — a larger canvas, painted in as many passes as it takes.
 *
 *   expand = qi_expand_new ()
 *   for each pass:  compose = qi_expand_prepare ()  … the model …  patch = qi_compose_finish ()  qi_expand_place ()
 *   qi_expand_picture (), qi_expand_mask ()  → a layer of the new canvas's size and its mask
 *
 * A pass sees what the earlier ones painted. No pass is larger than the model likes, none shrinks the picture to less
 * than half, and in each at least a quarter is known already. Old pixels are never painted. */
#pragma once
#include "base/image.h"
#include "base/request.h"
#include "compose/job.h"

typedef struct _QiExpand QiExpand;

/* request: left, right, top, bottom. QI_ERROR_BAD_REQUEST: nothing to grow by, or too far. (transfer full) */
QiExpand *qi_expand_new (const QiRequest *request, const QiImage *old, const QiModelSizes *sizes, GError **error);
void qi_expand_free (QiExpand *expand);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiExpand, qi_expand_free)

/* How many passes that takes, before there are pixels; 0: not possible. */
guint qi_expand_count (const QiRequest *request, guint width, guint height, const QiModelSizes *sizes);
/* The same; *first: what the first pass sees, if there is one. */
guint qi_expand_look (const QiRequest *request, guint width, guint height, const QiModelSizes *sizes, QiFrame *first);

guint qi_expand_n_passes (const QiExpand *expand);
const QiFrame *qi_expand_frame (const QiExpand *expand, guint pass); /* in pixels of the new canvas */
QiRect qi_expand_old (const QiExpand *expand);                       /* where the old picture lies on it */

QiCompose *
qi_expand_prepare (const QiExpand *expand, guint pass, const QiRequest *request, GError **error); /* (transfer full) */
void qi_expand_place (QiExpand *expand, const QiPatch *patch);

QiImage *qi_expand_picture (const QiExpand *expand); /* RGBA, what is not painted yet is transparent. (transfer full) */
QiImage *qi_expand_mask (const QiExpand *expand);    /* 0 on the old picture, else 255. (transfer full) */
