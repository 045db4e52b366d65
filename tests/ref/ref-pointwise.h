/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ref/ref-pointwise.h — the pointwise ops of compute/op.h as plain loops in double. mul, add, gate may be NULL. */
#pragma once
#include "compute/op.h"

double ref_activation (QiActivation act, double v);
void ref_activate (double *y, const float *x, gsize n, QiActivation act);
void ref_swiglu (double *y, const float *gate, const float *up, gsize n);
void ref_axpby (double *y, double a, const float *x, double b, const float *z, gsize n);
void ref_affine (double *y, const float *x, const float *mul, double one, const float *add, gsize rows, gsize columns);
void ref_add_gated (double *y, const float *old, const float *x, const float *gate, gsize rows, gsize columns);
void ref_guide (double *y, const float *p, const float *u, double g, gboolean rescale, gsize rows, gsize columns);
