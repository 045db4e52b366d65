/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/op/linear-rows.h — the rows of linear: which one takes a job, the forms that it reads, and its dispatch. */
#pragma once
#include "compute/kernels.h"
#include "compute/op.h"
#include "compute/op/forms.h"

typedef struct
{
  const QiTensor *y;
  QiForm x[QI_N_FORMS]; /* stored, and those that were needed so far */
  const QiTensor *weight;
  const QiLinear *linear;
  QiActivation act;
  gboolean add;
  const QiTensor *gate;
  /* chosen */
  QiKernel kernel;
  QiFormKind x_form;
  QiForm w; /* the weight, or some rows of it, as the row reads it */
} QiLinearJob;

/* Rows [m_first, m_first + m) by columns [n_first, n_first + n) of y; w's rows from w_first. */
typedef struct
{
  guint64 m_first, m, n_first, n, w_first;
} QiLinearWindow;

/* Sets kernel and x_form; returns the form that w must be expanded to first. */
QiFormKind qi_linear_choose (QiStream *s, QiLinearJob *job);

/* Windows of rows are a multiple of this: whole tiles. */
guint64 qi_linear_row_step (QiStream *s, const QiLinearJob *job);

void qi_linear_window (QiStream *s, const QiLinearJob *job, const QiLinearWindow *window);
