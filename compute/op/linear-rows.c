/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op/linear-rows.h"

#include <string.h>

#include "compute/stream.h"
#include "shaders/push.h"

/* The variants follow QiDtype in the list of shaders. */
G_STATIC_ASSERT (QI_SHADER_LINEAR_F32_IQ4_XS - QI_SHADER_LINEAR_F32_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_LINEAR_F16_IQ4_XS - QI_SHADER_LINEAR_F16_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_LINEAR_COOPMAT_IQ4_XS - QI_SHADER_LINEAR_COOPMAT_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);

/* Tiles by number of rows: few rows, few accumulators. Figures: docs/performance.md. */
typedef struct
{
  guint64 from_rows;
  guint mr, nc;
} LaneTile;
static const LaneTile scalar_tiles[] = { { 384, 48, 4 }, { 48, 24, 4 }, { 12, 16, 4 }, { 3, 4, 2 }, { 0, 1, 2 } };
static const LaneTile dot_tiles[] = { { 32, 16, 2 }, { 3, 4, 2 }, { 0, 1, 2 } };

/* Of products of the device's shape: tm x tn a subgroup, sm x sn subgroups, steps of k between two fills. On software
 * devices compile time grows with the number of products that are written out, tm tn steps. Those of GPUs have not been
 * measured on any. */
typedef struct
{
  gboolean software;
  guint64 from_rows;
  guint tm, tn, sm, sn, steps;
} MatrixTile;
static const MatrixTile matrix_tiles[] = {
  { TRUE, 24, 1, 2, 2, 2, 2 },  /* with products of 8 by 8: 16 by 32 */
  { TRUE, 0, 1, 1, 1, 1, 1 },
  { FALSE, 96, 4, 4, 2, 2, 2 }, /* with products of 16 by 16: 128 by 128 */
  { FALSE, 24, 2, 2, 2, 4, 2 }, /* 64 by 128 */
  { FALSE, 0, 1, 2, 1, 4, 2 },  /* 16 by 128 */
};

/* From this number of rows on a block-quantised weight is expanded once instead of in every scalar tile: measured to break
 * even below 32 rows for the blocks of 256 (a prompt and its template are some 40), at 64 to 128 for Q4_0 and Q8_0. On matrix units a weight is decoded once a tile of
 * rows, so that more than two of these make it worth while. */
#define EXPAND_ROWS 48
#define EXPAND_ROWS_256 32
#define EXPAND_TILES 2

static guint64
expand_rows (QiDtype weight)
{
  const guint block = qi_dtype_info (weight)->block_len;

  return block > 32 ? EXPAND_ROWS_256 : block > 1 ? EXPAND_ROWS : G_MAXUINT64;
}

static const LaneTile *
lane_tile (const LaneTile *tiles, guint64 m)
{
  while (tiles->from_rows > m)
    tiles++;
  return tiles;
}

/* Bytes of shared memory, as linear_coopmat.comp declares it. */
static guint
shared_bytes (const QiDeviceInfo *info, const MatrixTile *t)
{
  const guint pitch = t->steps * info->coopmat_k * 2 + 16; /* of f16 */

  return (t->sm * t->tm * info->coopmat_m + t->sn * t->tn * info->coopmat_n) * pitch +
         t->sm * t->sn * info->coopmat_m * info->coopmat_n * 4;
}

/* The first that suits; the smallest of a kind fits every device. */
static const MatrixTile *
matrix_tile (const QiDeviceInfo *info, guint64 m)
{
  const gboolean software = info->type == QI_DEVICE_SOFTWARE;
  guint i = 0;

  while (matrix_tiles[i].software != software || (matrix_tiles[i].from_rows && (matrix_tiles[i].from_rows > m ||
                                                  shared_bytes (info, &matrix_tiles[i]) > info->shared_bytes)))
    i++;
  return &matrix_tiles[i];
}

static guint
matrix_rows (const QiDeviceInfo *info, const MatrixTile *t)
{
  return t->sm * t->tm * info->coopmat_m;
}

QiFormKind
qi_linear_choose (QiStream *s, QiLinearJob *job)
{
  const QiDeviceInfo *info = qi_stream_device_info (s);
  const QiProduct product = { .m = qi_tensor_rows (job->y), .n = qi_tensor_dim (job->weight, 0), .k = qi_tensor_dim (job->weight, -1),
                              .weight = qi_tensor_dtype (job->weight), .compute = qi_stream_compute (s) };

  job->kernel = qi_kernels_for_linear (qi_stream_kernels (s), info, &product);
  switch (job->kernel)
    {
    case QI_KERNEL_COOPMAT:
      job->x_form = QI_FORM_F16;
      return product.weight != QI_DTYPE_F16 && product.m > EXPAND_TILES * matrix_rows (info, matrix_tile (info, product.m))
               ? QI_FORM_F16 : QI_FORM_STORED;
    case QI_KERNEL_DOT:
      job->x_form = QI_FORM_INT8;
      return QI_FORM_INT8;
    default:
      job->x_form = product.compute == QI_COMPUTE_F16 ? QI_FORM_F16 : QI_FORM_STORED;
      return product.m >= expand_rows (product.weight) ? QI_FORM_F32 : QI_FORM_STORED;
    }
}

guint64
qi_linear_row_step (QiStream *s, const QiLinearJob *job)
{
  const QiDeviceInfo *info = qi_stream_device_info (s);

  if (job->kernel == QI_KERNEL_COOPMAT)
    return matrix_rows (info, matrix_tile (info, qi_tensor_rows (job->y)));
  return 48; /* whole tiles of 48, 24 and 16 rows */
}

/* Shader, constants and the tile's rows and columns. */
static void
take_scalar (QiStream *s, const QiLinearJob *job, QiDispatch *d, guint64 m, guint *bm, guint *bn)
{
  const guint lanes = qi_stream_device_info (s)->subgroup_size;
  const LaneTile *tile = lane_tile (scalar_tiles, m);
  const guint32 spec[] = { lanes, tile->mr, tile->nc, qi_tensor_dim (job->weight, -1) % 4 == 0, job->act, job->add };

  d->shader = (job->x_form == QI_FORM_F16 ? QI_SHADER_LINEAR_F16_F32 : QI_SHADER_LINEAR_F32_F32) + qi_tensor_dtype (job->w.data);
  memcpy (d->spec, spec, sizeof spec);
  *bm = tile->mr;
  *bn = lanes * tile->nc;
}

static void
take_coopmat (QiStream *s, const QiLinearJob *job, QiDispatch *d, guint64 m, guint *bm, guint *bn)
{
  const QiDeviceInfo *info = qi_stream_device_info (s);
  const MatrixTile *t = matrix_tile (info, m);
  const guint32 spec[] = { t->sm * t->sn * info->subgroup_size, info->coopmat_m, info->coopmat_n, info->coopmat_k, t->tm, t->tn, t->sm,
                           t->sn, t->steps, qi_tensor_dim (job->weight, -1) % 4 == 0, job->act, job->add };

  d->shader = QI_SHADER_LINEAR_COOPMAT_F32 + qi_tensor_dtype (job->w.data);
  memcpy (d->spec, spec, sizeof spec);
  *bm = matrix_rows (info, t);
  *bn = t->sn * t->tn * info->coopmat_n;
}

static void
take_dot (QiStream *s, const QiLinearJob *job, QiDispatch *d, guint64 m, guint *bm, guint *bn)
{
  const guint lanes = qi_stream_device_info (s)->subgroup_size;
  const LaneTile *tile = lane_tile (dot_tiles, m);
  const guint32 spec[] = { lanes, tile->mr, tile->nc, job->act, job->add };

  d->shader = QI_SHADER_LINEAR_DOT;
  memcpy (d->spec, spec, sizeof spec);
  *bm = tile->mr;
  *bn = lanes * tile->nc;
}

static void (*const take[QI_N_KERNELS]) (QiStream *, const QiLinearJob *, QiDispatch *, guint64 m, guint *bm, guint *bn) = {
  [QI_KERNEL_SCALAR] = take_scalar,
  [QI_KERNEL_COOPMAT] = take_coopmat,
  [QI_KERNEL_DOT] = take_dot,
};

static QiArg
rows_of (const QiTensor *t, guint64 first, guint64 n, guint64 row_bytes)
{
  return t ? (QiArg){ t, first * row_bytes, n * row_bytes } : (QiArg){ 0 };
}

void
qi_linear_window (QiStream *s, const QiLinearJob *job, const QiLinearWindow *at)
{
  const QiForm *x = &job->x[job->x_form], *w = &job->w;
  const guint64 y_pitch = qi_tensor_dim (job->y, -1);
  const QiArg y = rows_of (job->y, at->m_first, at->m, y_pitch * 4);
  const struct QiPushLinear push = { .m = at->m,
                                     .n = at->n,
                                     .k = qi_tensor_dim (job->weight, -1),
                                     .x_pitch = x->pitch,
                                     .w_row_bytes = w->row_bytes,
                                     .y_pitch = y_pitch,
                                     .n_first = at->n_first,
                                     .n_w_scales = job->linear->scale ? qi_tensor_elements (job->linear->scale) : 0,
                                     .has_bias = job->linear->bias != NULL,
                                     .has_gate = job->gate != NULL };
  QiDispatch d = { .name = "linear",
                   .args = { rows_of (x->data, at->m_first, at->m, x->row_bytes),
                             rows_of (w->data, at->w_first, at->n, w->row_bytes),
                             rows_of (x->scale, at->m_first, at->m, x->scale_row_bytes),
                             { job->linear->scale },
                             { job->linear->bias },
                             { job->gate },
                             job->add ? y : (QiArg){ 0 },
                             y,
                             rows_of (w->scale, at->w_first, at->n, w->scale_row_bytes) },
                   .push = &push,
                   .push_bytes = sizeof push,
                   .address_at = offsetof (struct QiPushLinear, x_low),
                   .n_spec = QI_MAX_SPEC,
                   .flops = 2.0 * at->m * at->n * push.k };
  const gboolean rows_first = job->kernel == QI_KERNEL_SCALAR; /* the order of the shader's grid */
  guint bm, bn;

  take[job->kernel] (s, job, &d, at->m, &bm, &bn);
  d.n_args = qi_shader_table[d.shader].n_bindings;
  d.groups[rows_first ? 1 : 0] = (at->n + bn - 1) / bn;
  d.groups[rows_first ? 0 : 1] = (at->m + bm - 1) / bm;
  d.groups[2] = 1;
  qi_stream_dispatch (s, &d);
}
