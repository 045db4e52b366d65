/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/solve.h — small linear algebra. */
#pragma once

/* Of a symmetric 3 × 3 matrix: values, and vectors[i] that belong to values[i], of length 1. */
void qi_solve_eigen (const double matrix[3][3], double values[3], double vectors[3][3]);
