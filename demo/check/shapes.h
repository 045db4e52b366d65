/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/shapes.h — which of the eight shapes a blob has. */
#pragma once
#include "demo/check/picture.h"

typedef enum
{
  CHECK_CIRCLE,
  CHECK_SQUARE,
  CHECK_TRIANGLE,
  CHECK_STAR,
  CHECK_CROSS,
  CHECK_RING,
  CHECK_HEART,
  CHECK_DIAMOND,
  CHECK_N_SHAPES
} CheckShape;

const char *check_shape_name (CheckShape shape);
int check_shape_by_name (const char *name); /* -1: none of them */

/* How well the blob is the shape: shared over joined area of the two, 0 … 1, less where its box has other proportions. Holes
 * belong to it; one through which the background is seen makes a ring. */
double check_shape_score (const CheckPicture *picture, const CheckBlob *blob, CheckShape shape);
CheckShape check_shape_of (const CheckPicture *picture, const CheckBlob *blob, double *score);
