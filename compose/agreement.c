/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/agreement.h"

/* Cells of a grid say whether they look more alike with the motion or without it, each as loudly as it has edges: a plain
 * cell looks alike anyway. Of a picture that has drifted all say the same; of one in which a thing was moved, the other
 * things object, and a thing that is alone lies in one place. */

#define CELLS 8         /* along the longer side */
#define CLEARLY 2.0     /* times the other's error, to say anything */
#define OBJECTIONS 0.25 /* of those that are for it, at most */
#define LOUD 0.05       /* of the loudest cell, to count for how far things reach */
#define REACH 0.5       /* of the width, or of the height, that they must reach over */

typedef struct
{
  double loudness;     /* the sum of squared slopes */
  double still, moved; /* the sum of squares of what is different, but for light */
} Cell;

/* The sum of squares of n differences, their mean taken out. */
static double
about_mean (double sum, double squares, double n)
{
  return n > 0 ? squares - sum * sum / n : 0;
}

static Cell
look_at (const QiPlane *picture, const QiPlane *result, const QiMapping *undo, const guint x[2], const guint y[2])
{
  double n = 0, sums[2] = { 0 }, squares[2] = { 0 };
  Cell cell = { 0 };

  for (guint v = MAX (y[0], 1); v < MIN (y[1], picture->height - 1); v++)
    for (guint u = MAX (x[0], 1); u < MIN (x[1], picture->width - 1); u++)
      {
        const float *at = picture->values + (gsize) v * picture->width + u;
        const float to_x = (float) (undo->x + (u + 0.5) * undo->dx - 0.5);
        const float to_y = (float) (undo->y + (v + 0.5) * undo->dy - 0.5);
        const double gx = (at[1] - at[-1]) / 2, gy = (at[picture->width] - at[-(gssize) picture->width]) / 2;

        if (to_x < 1 || to_y < 1 || to_x >= result->width - 2 || to_y >= result->height - 2)
          continue;

        const double r[2] = { result->values[(gsize) v * result->width + u] - *at,
                              qi_plane_cubic (result, to_x, to_y) - *at };

        cell.loudness += gx * gx + gy * gy;
        n++;
        for (guint i = 0; i < 2; i++)
          {
            sums[i] += r[i];
            squares[i] += r[i] * r[i];
          }
      }
  cell.still = about_mean (sums[0], squares[0], n);
  cell.moved = about_mean (sums[1], squares[1], n);
  return cell;
}

/* How many of n places are from the first to the last in which something is loud enough, as a share. */
static double
reach (const double *loudest, guint n, double least)
{
  guint first = n, last = 0;

  for (guint i = 0; i < n; i++)
    if (loudest[i] > least)
      {
        first = MIN (first, i);
        last = i;
      }
  return first < n ? (double) (last - first + 1) / n : 0;
}

gboolean
qi_drift_is_everywhere (const QiPlane *picture, const QiPlane *result, const QiDrift *drift)
{
  const guint side = MAX (8, (MAX (picture->width, picture->height) + CELLS - 1) / CELLS);
  const guint columns = (picture->width + side - 1) / side, rows = (picture->height + side - 1) / side;
  const QiMapping same = { 0, 1, 0, 1 }, undo = qi_drift_undo (drift, &same, picture->width, picture->height);
  double across[CELLS] = { 0 }, down[CELLS] = { 0 }, for_it = 0, against = 0, loudest = 0;

  for (guint j = 0; j < rows; j++)
    for (guint i = 0; i < columns; i++)
      {
        const guint x[2] = { i * side, (i + 1) * side }, y[2] = { j * side, (j + 1) * side };
        const Cell cell = look_at (picture, result, &undo, x, y);

        if (cell.still < cell.moved / CLEARLY)
          against += cell.loudness;
        if (cell.moved >= cell.still / CLEARLY)
          continue;
        for_it += cell.loudness;
        loudest = MAX (loudest, cell.loudness);
        across[i] = MAX (across[i], cell.loudness);
        down[j] = MAX (down[j], cell.loudness);
      }
  return against <= OBJECTIONS * for_it
         && MAX (reach (across, columns, LOUD * loudest), reach (down, rows, LOUD * loudest)) > REACH;
}
