/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/picture.h — a picture taken apart: what its background is like, and what stands out from it. */
#pragma once
#include <glib.h>

/* Connected pixels of one colour that is not the background's. */
typedef struct
{
  guint id;     /* value in CheckPicture.blob */
  guint colour; /* of the palette */
  guint area;   /* pixels */
  guint x0, y0, x1, y1; /* box; x1 and y1 lie outside */
  double r, g, b;       /* mean of the pixels whose neighbours are all of the blob, else of all */
} CheckBlob;

typedef struct
{
  guint width, height;
  guint8 *rgb;        /* [height width 3] */
  float *background;  /* [height width 3]: what would be there without things */
  guint *blob;        /* [height width]: id of the blob, 0: background */
  GArray *blobs;      /* CheckBlob, the largest first */
  double grain;       /* how far pixels of the background lie from it, RMS, 0 … 255 */
  guint ground[2];    /* colours of its two ends; equal where it is plain */
} CheckPicture;

/* rgb: rows of width * 3 bytes, stride bytes apart; copied. (transfer full) */
CheckPicture *check_picture_new (const guint8 *rgb, guint width, guint height, gsize stride);
void check_picture_free (CheckPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CheckPicture, check_picture_free)
