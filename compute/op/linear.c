/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op/linear-rows.h"

#include <string.h>

#include "compute/stream.h"

#define MAX_GROUPS_Y 65535

/* Between the two factors of a Kronecker product lie at most so many bytes at a time. */
#define KRON_BYTES (G_GUINT64_CONSTANT (32) << 20)

/* x in this form, made in the current scope where it has not been yet. */
static void
need_form (QiStream *s, QiLinearJob *job, QiFormKind kind)
{
  if (!job->x[kind].data)
    job->x[kind] = kind == QI_FORM_F16 ? qi_form_f16_scaled (s, job->x[QI_FORM_STORED].data)
                                       : qi_form_expand (s, job->x[QI_FORM_STORED].data, kind);
}

/* All rows against weight rows [w_first, w_first + n), which are columns [n_first, …) of y. */
static void
linear_columns (QiStream *s, const QiLinearJob *job, guint64 n_first, guint64 n, guint64 w_first)
{
  const guint64 m = qi_tensor_rows (job->y), k = qi_tensor_dim (job->weight, -1);
  const guint64 row_bytes = MAX (qi_tensor_dim (job->y, -1) * 4, job->x[job->x_form].row_bytes);
  guint64 window = qi_stream_window (s, m, row_bytes, 2.0 * n * k, qi_linear_row_step (s, job));

  window = MIN (window, (guint64) MAX_GROUPS_Y);
  for (guint64 first = 0; first < m; first += window)
    qi_linear_window (s, job, &(QiLinearWindow){ first, MIN (window, m - first), n_first, n, w_first });
}

/* Chooses the row; a weight that it wants in another form is expanded a window of rows at a time. */
static void
linear_windows (QiStream *s, QiLinearJob *job)
{
  const guint64 n = qi_tensor_dim (job->weight, 0), k = qi_tensor_dim (job->weight, -1);
  QiFormKind expand;
  guint64 window;

  expand = qi_linear_choose (s, job);
  need_form (s, job, job->x_form);
  window = qi_stream_window (s, n, MAX (qi_dtype_row_bytes (qi_tensor_dtype (job->weight), k), qi_form_row_bytes (expand, k)),
                             expand ? k * 16.0 : 0, QI_FORM_ROW_STEP);
  for (guint64 first = 0; first < n; first += window)
    {
      const guint64 part = MIN (window, n - first);

      qi_stream_begin_scope (s);
      job->w = expand ? qi_form_expand (s, qi_view_rows (s, job->weight, first, part), expand) : qi_form_stored (job->weight);
      linear_columns (s, job, first, part, expand ? 0 : first);
      qi_stream_end_scope (s);
    }
}

/* y (rows of the job) with one more linear map of t added. */
static void
add_map (QiStream *s, const QiTensor *y, const QiTensor *t, const QiLinear *w, QiActivation act, const QiTensor *gate)
{
  QiLinearJob job = { .y = y, .x = { qi_form_stored (t) }, .weight = w->weight, .linear = w, .act = act, .add = TRUE,
                      .gate = gate };

  linear_windows (s, &job);
}

/* The forms that x has already are shared with the layer's own weight. */
static void
add_low_rank (QiStream *s, const QiLinearJob *base, const QiSide *side, QiActivation act)
{
  const QiTensor *t = qi_scratch (s, QI_DTYPE_F32, qi_tensor_rows (base->y), qi_tensor_dim (side->down.weight, 0));
  QiLinearJob job = { .y = t, .weight = side->down.weight, .linear = &side->down };

  memcpy (job.x, base->x, sizeof job.x);
  linear_windows (s, &job);
  add_map (s, base->y, t, &side->up, act, base->gate);
}

/* V on every block of x's rows, then the mixture of blocks. Rows go by windows, since what lies between is as large as y
 * or larger. */
static void
add_kron (QiStream *s, const QiLinearJob *base, const QiTensor *x, const QiSide *side, QiActivation act)
{
  const guint64 rows = qi_tensor_rows (base->y), blocks = qi_tensor_dim (side->mix, 1), q = qi_tensor_dim (x, -1) / blocks;
  const guint64 wide = MAX (qi_tensor_dim (side->down.weight, 0), side->up.weight ? qi_tensor_dim (side->up.weight, 0) : 0);
  const guint64 window = MAX (KRON_BYTES / (blocks * wide * sizeof (float)), 1);

  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first);

      qi_stream_begin_scope (s);
      const QiTensor *z = qi_linear (s, qi_view_as (s, qi_view_rows (s, x, first, n), n * blocks, q), &side->down,
                                     QI_ACT_NONE);

      if (side->up.weight)
        z = qi_linear (s, z, &side->up, QI_ACT_NONE);
      qi_kron_add_into (s, qi_view_rows (s, base->y, first, n), z, side->mix, base->gate, act);
      qi_stream_end_scope (s);
    }
}

static void
run (QiStream *s, const QiTensor *y, const QiTensor *x, const QiLinear *w, QiActivation act, gboolean add,
     const QiTensor *gate)
{
  QiLinearJob job = { .y = y, .x = { qi_form_stored (x) }, .weight = w->weight, .linear = w, .add = add, .gate = gate };

  g_return_if_fail (qi_tensor_dim (x, -1) == qi_tensor_dim (w->weight, -1) && qi_tensor_dtype (x) == QI_DTYPE_F32);
  g_return_if_fail (qi_tensor_dim (y, -1) == qi_tensor_rows (w->weight) && qi_tensor_rows (y) == qi_tensor_rows (x));
  g_return_if_fail (qi_tensor_n_dims (w->weight) == 2 && qi_tensor_dtype (w->weight) < QI_N_WEIGHT_DTYPES);

  qi_stream_begin_scope (s);
  job.act = w->n_sides ? QI_ACT_NONE : act; /* it belongs after the last that is added */
  linear_windows (s, &job);
  for (guint i = 0; i < w->n_sides; i++)
    {
      const QiActivation last = i + 1 == w->n_sides ? act : QI_ACT_NONE;

      qi_stream_begin_scope (s);
      if (w->sides[i].mix)
        add_kron (s, &job, x, &w->sides[i], last);
      else
        add_low_rank (s, &job, &w->sides[i], last);
      qi_stream_end_scope (s);
    }
  qi_stream_end_scope (s);
}

void
qi_linear_into (QiStream *s, const QiTensor *y, const QiTensor *x, const QiLinear *w, QiActivation act)
{
  run (s, y, x, w, act, FALSE, NULL);
}

void
qi_linear_add_into (QiStream *s, const QiTensor *y, const QiTensor *x, const QiLinear *w, const QiTensor *gate)
{
  run (s, y, x, w, QI_ACT_NONE, TRUE, gate);
}

const QiTensor *
qi_linear (QiStream *s, const QiTensor *x, const QiLinear *w, QiActivation act)
{
  const QiTensor *y = qi_scratch (s, QI_DTYPE_F32, qi_tensor_rows (x), qi_tensor_rows (w->weight));

  run (s, y, x, w, act, FALSE, NULL);
  return y;
}
