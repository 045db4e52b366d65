/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/solve.h"

#include <math.h>
#include <string.h>

#include <glib.h>

/* Jacobi's rotations: each makes one element beside the diagonal 0. */
void
qi_solve_eigen (const double matrix[3][3], double values[3], double vectors[3][3])
{
  double a[3][3];

  memcpy (a, matrix, sizeof a);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      vectors[i][j] = i == j;
  for (int sweep = 0; sweep < 16; sweep++)
    for (int p = 0; p < 2; p++)
      for (int q = p + 1; q < 3; q++)
        {
          if (fabs (a[p][q]) <= 1e-14 * (fabs (a[p][p]) + fabs (a[q][q])))
            continue;

          const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
          const double t = (theta < 0 ? -1 : 1) / (fabs (theta) + sqrt (theta * theta + 1));
          const double c = 1 / sqrt (t * t + 1), s = t * c;

          for (int k = 0; k < 3; k++)
            {
              const double kp = a[k][p], kq = a[k][q];

              a[k][p] = c * kp - s * kq;
              a[k][q] = s * kp + c * kq;
            }
          for (int k = 0; k < 3; k++)
            {
              const double pk = a[p][k], qk = a[q][k], vp = vectors[p][k], vq = vectors[q][k];

              a[p][k] = c * pk - s * qk;
              a[q][k] = s * pk + c * qk;
              vectors[p][k] = c * vp - s * vq;
              vectors[q][k] = s * vp + c * vq;
            }
        }
  for (int i = 0; i < 3; i++)
    values[i] = a[i][i];
}
