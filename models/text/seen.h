/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/text/seen.h — pictures on their way through the vision tower, in the runtime's stages. */
#pragma once
#include "base/image.h"
#include "models/runtime.h"

/* A picture as the encoder is given it. Pixels are only looked at when they are needed. */
typedef struct
{
  QiImage *image;      /* alpha is left out; NULL: only in a planning runtime */
  guint width, height; /* the pipeline's own size for it, to which image is brought by Lanczos; 0: image's size */
} QiPromptPicture;

/* What the tower makes of one. */
typedef struct
{
  const QiPromptPicture *picture;
  guint width, height; /* after the pipeline's own resize */
  QiMergedGrid grid;   /* its tokens */
  char *key;           /* names picture, pixels and size */
  GBytes *rows;        /* f32 [grid.h grid.w, width]; NULL: not yet */
} QiSeen;

/* Size, grid and key; rows where they are remembered. QI_ERROR_BAD_REQUEST for a shape that the tower cannot take. */
gboolean qi_seen_init (QiSeen *seen, QiRuntime *runtime, const QiPromptPicture *picture, GError **error);
void qi_seen_clear (QiSeen *seen);

/* Fills in the rows of n pictures, equal ones once, in one stage of the tower, which does not begin where nothing is left to
 * do. progress: its step is counted up and told with each. */
gboolean qi_seen_look (QiSeen *const *seen, guint n, QiRuntime *runtime, QiProgress *progress, GError **error);

/* Rows of n pictures that have been looked at, one after another: f32 [tokens, width] in the current scope. NULL: n is 0. */
const QiTensor *qi_seen_upload (const QiSeen *seen, guint n, QiRuntime *runtime, QiStream *s);

/* Positions of ids with the tokens of n pictures among them. (transfer full, g_free) */
guint32 *qi_seen_positions (const QiSeen *seen, guint n, const GArray *ids, guint32 image_id, GError **error);
