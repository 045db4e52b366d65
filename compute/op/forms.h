/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/op/forms.h — a matrix's rows in the forms that the rows of linear read. Tensors are borrowed from the stream's
 * current scope. */
#pragma once
#include "compute/compute.h"

typedef enum
{
  QI_FORM_STORED, /* as it is: f32 or, of weights, their type */
  QI_FORM_F32,
  QI_FORM_F16,
  QI_FORM_INT8, /* words of four, a scale to 32 values */
  QI_FORM_PANELS, /* f32, QI_PANEL_ROWS rows side by side */
  QI_N_FORMS
} QiFormKind;

#define QI_FORM_ROW_STEP 32 /* rows that are expanded together, where possible: whole panels */

typedef struct
{
  const QiTensor *data;  /* NULL: not made */
  const QiTensor *scale; /* NULL: none */
  guint64 pitch;         /* values from one row to the next */
  guint64 row_bytes, scale_row_bytes;
} QiForm;

QiForm qi_form_stored (const QiTensor *t);

/* Bytes of one row of `columns` values in the larger of its two tensors; 0 for QI_FORM_STORED. */
guint64 qi_form_row_bytes (QiFormKind kind, guint64 columns);

/* x, f32: rows rounded to f16, each scaled by a power of two, zeros up to a multiple of four columns. */
QiForm qi_form_f16_scaled (QiStream *s, const QiTensor *x);

/* Any weight type, rounded to f16 as it is, zeros up to an even number of columns; in f32; in 8 bits; in f32 as whole panels. */
QiForm qi_form_expand (QiStream *s, const QiTensor *t, QiFormKind kind);
