/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define MAX_GROUPS_Y 65535

/* The variants follow QiDtype in the list of shaders. */
G_STATIC_ASSERT (QI_SHADER_LINEAR_F32_IQ4_XS - QI_SHADER_LINEAR_F32_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_LINEAR_F16_IQ4_XS - QI_SHADER_LINEAR_F16_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);

/* Tiles by number of rows: few rows, few accumulators. Figures: docs/performance.md. */
typedef struct
{
  guint64 from_rows;
  guint mr, nc;
} Tile;
static const Tile tiles[] = { { 48, 24, 4 }, { 12, 16, 4 }, { 3, 4, 2 }, { 0, 1, 2 } };
#define ROW_STEP 48 /* of windows: whole tiles of 24 and of 16 rows */

/* From this number of rows on a block-quantised weight is expanded once instead of in every tile: measured to break even
 * at about 32 rows for the 256-blocks, at 64 to 128 for Q4_0 and Q8_0. */
#define EXPAND_ROWS 48

/* Between the two factors of a Kronecker product lie at most so many bytes at a time. */
#define KRON_BYTES (G_GUINT64_CONSTANT (32) << 20)

typedef struct
{
  const QiTensor *y, *x, *x_scale; /* x as the kernel reads it; x_scale NULL: f32 */
  guint64 x_pitch;
  const QiTensor *w;               /* rows [w_first, …) of it are columns [n_first, …) of y */
  const QiLinear *linear;
  QiActivation act;
  gboolean add;
  const QiTensor *gate;
} Job;

static const Tile *
choose_tile (guint64 m)
{
  guint i = 0;

  while (tiles[i].from_rows > m)
    i++;
  return &tiles[i];
}

/* Columns [n_first, n_first + n) of rows [m_first, m_first + m); weight rows from w_first. */
static void
linear_window (QiStream *s, const Job *job, guint64 m_first, guint64 m, guint64 n_first, guint64 n, guint64 w_first)
{
  const QiDtype type = qi_tensor_dtype (job->w);
  const guint64 k = qi_tensor_dim (job->w, -1), w_row = qi_dtype_row_bytes (type, k);
  const guint64 x_row = job->x_pitch * (job->x_scale ? 2 : 4), y_row = qi_tensor_dim (job->y, -1) * 4;
  const guint lanes = qi_stream_device_info (s)->subgroup_size;
  const Tile *tile = choose_tile (m);
  const struct QiPushLinear push = { .m = m,
                                     .n = n,
                                     .k = k,
                                     .x_pitch = job->x_pitch,
                                     .w_row_bytes = w_row,
                                     .y_pitch = y_row / 4,
                                     .n_first = n_first,
                                     .n_w_scales = job->linear->scale ? qi_tensor_elements (job->linear->scale) : 0,
                                     .has_bias = job->linear->bias != NULL,
                                     .has_gate = job->gate != NULL };
  const QiArg y = { job->y, m_first * y_row, m * y_row };

  qi_stream_dispatch (s, &(QiDispatch){
                           .shader = (job->x_scale ? QI_SHADER_LINEAR_F16_F32 : QI_SHADER_LINEAR_F32_F32) + type,
                           .name = "linear",
                           .args = { { job->x, m_first * x_row, m * x_row },
                                     { job->w, w_first * w_row, n * w_row },
                                     { job->x_scale, m_first * 4, job->x_scale ? m * 4 : 0 },
                                     { job->linear->scale },
                                     { job->linear->bias },
                                     { job->gate },
                                     job->add ? y : (QiArg){ 0 },
                                     y },
                           .n_args = 8,
                           .push = &push,
                           .push_bytes = sizeof push,
                           .spec = { lanes, tile->mr, tile->nc, k % 4 == 0, job->act, job->add },
                           .n_spec = 6,
                           .groups = { (n + lanes * tile->nc - 1) / (lanes * tile->nc), (m + tile->mr - 1) / tile->mr, 1 },
                           .flops = 2.0 * m * n * k });
}

/* All rows against weight rows [w_first, w_first + n), which are columns [n_first, …) of y. */
static void
linear_columns (QiStream *s, const Job *job, guint64 n_first, guint64 n, guint64 w_first)
{
  const guint64 m = qi_tensor_rows (job->y), k = qi_tensor_dim (job->w, -1);
  const guint64 row_bytes = MAX (qi_tensor_dim (job->y, -1) * 4, job->x_pitch * 4);
  guint64 window = qi_stream_window (s, m, row_bytes, 2.0 * n * k, ROW_STEP);

  window = MIN (window, (guint64) MAX_GROUPS_Y);
  for (guint64 first = 0; first < m; first += window)
    linear_window (s, job, first, MIN (window, m - first), n_first, n, w_first);
}

/* Block-quantised weights are expanded a window of rows at a time where many rows of x share the work. */
static void
linear_windows (QiStream *s, Job *job)
{
  const guint64 n = qi_tensor_dim (job->w, 0), k = qi_tensor_dim (job->w, -1);
  const gboolean expand = qi_dtype_info (qi_tensor_dtype (job->w))->block_len > 1 && qi_tensor_rows (job->y) >= EXPAND_ROWS;
  const guint64 w_row = MAX (qi_dtype_row_bytes (qi_tensor_dtype (job->w), k), expand ? k * 4 : 0);
  const guint64 window = qi_stream_window (s, n, w_row, expand ? k * 16.0 : 0, 16);
  const QiTensor *weight = job->w;

  for (guint64 first = 0; first < n; first += window)
    {
      const guint64 part = MIN (window, n - first);

      qi_stream_begin_scope (s);
      job->w = expand ? qi_decode (s, qi_view_rows (s, weight, first, part)) : weight;
      linear_columns (s, job, first, part, expand ? 0 : first);
      qi_stream_end_scope (s);
    }
}

static void
pack_x (QiStream *s, Job *job, const QiTensor *x)
{
  const guint64 rows = qi_tensor_rows (x), columns = qi_tensor_dim (x, -1), pitch = (columns + 3) / 4 * 4;
  const QiTensor *packed = qi_scratch (s, QI_DTYPE_F16, rows, pitch), *scale = qi_scratch (s, QI_DTYPE_F32, rows);
  guint64 window = qi_stream_window (s, rows, pitch * 4, 4.0 * columns, 16);

  window = MIN (window, (guint64) MAX_GROUPS_Y);
  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first);
      const struct QiPushPackRows push = { columns, pitch, 0 };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_PACK_ROWS,
                                            .name = "pack_rows",
                                            .args = { { x, first * columns * 4, n * columns * 4 },
                                                      { scale, first * 4, n * 4 },
                                                      { packed, first * pitch * 2, n * pitch * 2 } },
                                            .n_args = 3,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { qi_stream_device_info (s)->subgroup_size },
                                            .n_spec = 1,
                                            .groups = { 1, n, 1 },
                                            .flops = 4.0 * n * columns });
    }
  job->x = packed;
  job->x_scale = scale;
  job->x_pitch = pitch;
}

/* y (rows of the job) with one more linear map of t added. */
static void
add_map (QiStream *s, const QiTensor *y, const QiTensor *t, const QiLinear *w, QiActivation act, const QiTensor *gate)
{
  Job job = { .y = y, .x = t, .x_pitch = qi_tensor_dim (t, -1), .w = w->weight, .linear = w, .act = act, .add = TRUE,
              .gate = gate };

  if (qi_stream_compute (s) == QI_COMPUTE_F16)
    pack_x (s, &job, t);
  linear_windows (s, &job);
}

/* The job's x, packed already, is shared with the layer's own weight. */
static void
add_low_rank (QiStream *s, const Job *base, const QiSide *side, QiActivation act)
{
  const QiTensor *t = qi_scratch (s, QI_DTYPE_F32, qi_tensor_rows (base->y), qi_tensor_dim (side->down.weight, 0));
  Job job = { .y = t, .x = base->x, .x_scale = base->x_scale, .x_pitch = base->x_pitch, .w = side->down.weight,
              .linear = &side->down };

  linear_windows (s, &job);
  add_map (s, base->y, t, &side->up, act, base->gate);
}

/* V on every block of x's rows, then the mixture of blocks. Rows go by windows, since what lies between is as large as y
 * or larger. */
static void
add_kron (QiStream *s, const Job *base, const QiTensor *x, const QiSide *side, QiActivation act)
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
  Job job = { .y = y, .x = x, .x_pitch = qi_tensor_dim (x, -1), .w = w->weight, .linear = w, .add = add, .gate = gate };

  g_return_if_fail (qi_tensor_dim (x, -1) == qi_tensor_dim (w->weight, -1) && qi_tensor_dtype (x) == QI_DTYPE_F32);
  g_return_if_fail (qi_tensor_dim (y, -1) == qi_tensor_rows (w->weight) && qi_tensor_rows (y) == qi_tensor_rows (x));
  g_return_if_fail (qi_tensor_n_dims (w->weight) == 2 && qi_tensor_dtype (w->weight) < QI_N_WEIGHT_DTYPES);

  qi_stream_begin_scope (s);
  job.act = w->n_sides ? QI_ACT_NONE : act; /* it belongs after the last that is added */
  if (qi_stream_compute (s) == QI_COMPUTE_F16)
    pack_x (s, &job, x);
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
