/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op/linear-rows.h"

#include <string.h>

#include "compute/op/linear-tiles.h"
#include "compute/stream.h"
#include "shaders/push.h"

/* The variants follow QiDtype in the list of shaders. */
G_STATIC_ASSERT (QI_SHADER_LINEAR_F32_IQ4_XS - QI_SHADER_LINEAR_F32_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_LINEAR_F16_IQ4_XS - QI_SHADER_LINEAR_F16_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_LINEAR_COOPMAT_IQ4_XS - QI_SHADER_LINEAR_COOPMAT_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_LINEAR_COOPMAT2_IQ4_XS - QI_SHADER_LINEAR_COOPMAT2_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);

/* From this number of rows on a block-quantised weight is expanded once instead of in every scalar tile: measured to break
 * even below 32 rows for the blocks of 256 (a prompt and its template are some 40), at 64 to 128 for Q4_0 and Q8_0. On
 * matrix units a weight is decoded once a tile of rows, so that more than two of these make it worth while. */
#define EXPAND_ROWS 48
#define EXPAND_ROWS_256 32
#define EXPAND_TILES 2

static guint64
expand_rows (QiDtype weight)
{
  const guint block = qi_dtype_info (weight)->block_len;

  return block > 32 ? EXPAND_ROWS_256 : block > 1 ? EXPAND_ROWS : G_MAXUINT64;
}

static const QiLinearTile *
tile_for (QiStream *s, QiKernel kernel, guint64 m)
{
  return qi_linear_tile (qi_stream_device_info (s), qi_stream_tiles (s), kernel, m);
}

static guint
tile_rows (QiStream *s, QiKernel kernel, guint64 m)
{
  guint rows, columns;

  qi_linear_tile_size (qi_stream_device_info (s), tile_for (s, kernel, m), &rows, &columns);
  return rows;
}

QiFormKind
qi_linear_choose (QiStream *s, QiLinearJob *job)
{
  const QiDeviceInfo *info = qi_stream_device_info (s);
  const QiProduct product = { .m = qi_tensor_rows (job->y), .n = qi_tensor_dim (job->weight, 0), .k = qi_tensor_dim (job->weight, -1),
                              .weight = qi_tensor_dtype (job->weight), .compute = qi_stream_compute (s) };

  job->kernel = qi_kernels_for_linear (qi_stream_kernels (s), info, &product);
  if (job->kernel == QI_KERNEL_PANELS && qi_stream_window (s, QI_PANEL_ROWS, product.k * 4, 0, 1) < QI_PANEL_ROWS)
    job->kernel = QI_KERNEL_SCALAR; /* a panel is not to be divided */
  switch (job->kernel)
    {
    case QI_KERNEL_COOPMAT:
    case QI_KERNEL_COOPMAT2:
      job->x_form = QI_FORM_F16;
      return product.weight != QI_DTYPE_F16 && product.m > EXPAND_TILES * tile_rows (s, job->kernel, product.m)
               ? QI_FORM_F16 : QI_FORM_STORED;
    case QI_KERNEL_DOT:
      job->x_form = QI_FORM_INT8;
      return QI_FORM_INT8;
    case QI_KERNEL_PANELS:
      job->x_form = QI_FORM_STORED;
      return QI_FORM_PANELS;
    default:
      job->x_form = product.compute == QI_COMPUTE_F16 ? QI_FORM_F16 : QI_FORM_STORED;
      return product.m >= expand_rows (product.weight) ? QI_FORM_F32 : QI_FORM_STORED;
    }
}

guint64
qi_linear_row_step (QiStream *s, const QiLinearJob *job)
{
  if (job->kernel == QI_KERNEL_COOPMAT || job->kernel == QI_KERNEL_COOPMAT2)
    return tile_rows (s, job->kernel, qi_tensor_rows (job->y));
  return 48; /* whole tiles of 24 and of 16 rows */
}

/* Shader and constants, by row. */
static void
take_scalar (QiStream *s, const QiLinearJob *job, const guint *side, QiDispatch *d)
{
  const guint32 spec[] = { qi_stream_device_info (s)->subgroup_size, side[0], side[1], qi_tensor_dim (job->weight, -1) % 4 == 0, job->act,
                           job->add };

  d->shader = (job->x_form == QI_FORM_F16 ? QI_SHADER_LINEAR_F16_F32 : QI_SHADER_LINEAR_F32_F32) + qi_tensor_dtype (job->w.data);
  memcpy (d->spec, spec, sizeof spec);
}

static void
take_coopmat (QiStream *s, const QiLinearJob *job, const guint *side, QiDispatch *d)
{
  const QiDeviceInfo *info = qi_stream_device_info (s);
  const guint32 spec[] = { side[2] * side[3] * info->subgroup_size, info->coopmat_m, info->coopmat_n, info->coopmat_k, side[0], side[1],
                           side[2], side[3], side[4], qi_tensor_dim (job->weight, -1) % 4 == 0, job->act, job->add };

  d->shader = QI_SHADER_LINEAR_COOPMAT_F32 + qi_tensor_dtype (job->w.data);
  memcpy (d->spec, spec, sizeof spec);
}

static void
take_coopmat2 (QiStream *s, const QiLinearJob *job, const guint *side, QiDispatch *d)
{
  const guint32 spec[] = { side[0], side[1], side[2], side[3], job->act, job->add };

  d->shader = QI_SHADER_LINEAR_COOPMAT2_F32 + qi_tensor_dtype (job->w.data);
  memcpy (d->spec, spec, sizeof spec);
}

static void
take_dot (QiStream *s, const QiLinearJob *job, const guint *side, QiDispatch *d)
{
  const guint32 spec[] = { qi_stream_device_info (s)->subgroup_size, side[0], side[1], job->act, job->add };

  d->shader = QI_SHADER_LINEAR_DOT;
  memcpy (d->spec, spec, sizeof spec);
}

static void
take_panels (QiStream *s, const QiLinearJob *job, const guint *side, QiDispatch *d)
{
  const guint lanes = qi_stream_device_info (s)->subgroup_size;
  const guint32 spec[] = { lanes, lanes, side[0], job->act, job->add };

  d->shader = QI_SHADER_LINEAR_PANELS;
  d->args[1] = (QiArg){ job->w.data }; /* whole panels */
  memcpy (d->spec, spec, sizeof spec);
}

static void (*const take[QI_N_KERNELS]) (QiStream *, const QiLinearJob *, const guint *side, QiDispatch *) = {
  [QI_KERNEL_SCALAR] = take_scalar,
  [QI_KERNEL_COOPMAT] = take_coopmat,
  [QI_KERNEL_DOT] = take_dot,
  [QI_KERNEL_COOPMAT2] = take_coopmat2,
  [QI_KERNEL_PANELS] = take_panels,
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
  const QiArg y = rows_of (job->y, at->m_first, at->m, y_pitch * 4);
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
                   .n_addresses = 2,
                   .n_spec = QI_MAX_SPEC,
                   .flops = 2.0 * at->m * at->n * push.k };
  const gboolean rows_first = job->kernel == QI_KERNEL_SCALAR || job->kernel == QI_KERNEL_PANELS; /* the order of the shader's grid */
  const QiLinearTile *tile = tile_for (s, job->kernel, at->m);
  guint bm, bn;

  take[job->kernel] (s, job, tile->side, &d);
  qi_linear_tile_size (qi_stream_device_info (s), tile, &bm, &bn);
  d.n_args = qi_shader_table[d.shader].n_bindings;
  d.groups[rows_first ? 1 : 0] = (at->n + bn - 1) / bn;
  d.groups[rows_first ? 0 : 1] = (at->m + bm - 1) / bm;
  d.groups[2] = 1;
  qi_stream_dispatch (s, &d);
}
