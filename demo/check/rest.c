/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/rest.h"

#include <stdlib.h>

#include "demo/check/facts.h"

double
check_difference (const CheckPicture *a, const CheckPicture *b, const CheckPicture *mask, gboolean white)
{
  const gsize n_pixels = (gsize) a->width * a->height;
  guint64 sum = 0, n = 0;

  for (gsize i = 0; i < n_pixels; i++)
    if ((mask->rgb[3 * i] >= 128) == white)
      {
        for (gsize c = 3 * i; c < 3 * i + 3; c++)
          sum += (guint64) abs (a->rgb[c] - b->rgb[c]);
        n += 3;
      }
  return n ? (double) sum / (double) n : 0.0;
}

static gboolean
same_size (const CheckPicture *a, const CheckPicture *b)
{
  return a->width == b->width && a->height == b->height;
}

void
check_rest (CheckVerdict *v, const CheckPicture *picture, const CheckPicture *wanted, const CheckPicture *mask, const CheckFacts *facts)
{
  const gboolean fits = same_size (picture, wanted) && same_size (picture, mask);

  v->asked[CHECK_REST] = TRUE;
  v->right[CHECK_REST] = fits && check_difference (picture, wanted, mask, FALSE) < CHECK_REST_LIMIT;
  v->asked[CHECK_CHANGE] = facts->exact;
  v->right[CHECK_CHANGE] = fits && check_difference (picture, wanted, mask, TRUE) < CHECK_CHANGE_LIMIT;
}
