/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op/forms.h"

#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define LANES 64
#define MAX_GROUPS_Y 65535
#define INT8_BLOCK 32

/* The variants follow QiDtype in the list of shaders. */
G_STATIC_ASSERT (QI_SHADER_DECODE_F16_IQ4_XS - QI_SHADER_DECODE_F16_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);
G_STATIC_ASSERT (QI_SHADER_PACK_INT8_IQ4_XS - QI_SHADER_PACK_INT8_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);

static guint64
int8_blocks (guint64 columns)
{
  return (columns + INT8_BLOCK - 1) / INT8_BLOCK;
}

guint64
qi_form_row_bytes (QiFormKind kind, guint64 columns)
{
  switch (kind)
    {
    case QI_FORM_F32:
    case QI_FORM_PANELS: return columns * 4;
    case QI_FORM_F16: return (columns + 3) / 4 * 8;
    case QI_FORM_INT8: return int8_blocks (columns) * INT8_BLOCK;
    default: return 0;
    }
}

QiForm
qi_form_stored (const QiTensor *t)
{
  const guint64 columns = qi_tensor_dim (t, -1);

  return (QiForm){ .data = t, .pitch = columns, .row_bytes = qi_dtype_row_bytes (qi_tensor_dtype (t), columns) };
}

/* Rows that one dispatch takes. */
static guint64
window_rows (QiStream *s, guint64 rows, guint64 row_bytes, double flops)
{
  return MIN (qi_stream_window (s, rows, row_bytes, flops, 16), (guint64) MAX_GROUPS_Y);
}

QiForm
qi_form_f16_scaled (QiStream *s, const QiTensor *x)
{
  const guint64 rows = qi_tensor_rows (x), columns = qi_tensor_dim (x, -1), pitch = (columns + 3) / 4 * 4;
  const QiForm form = { .data = qi_scratch (s, QI_DTYPE_F16, rows, pitch), .scale = qi_scratch (s, QI_DTYPE_F32, rows),
                        .pitch = pitch, .row_bytes = pitch * 2, .scale_row_bytes = 4 };
  const guint64 window = window_rows (s, rows, pitch * 4, 4.0 * columns);

  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first);
      const struct QiPushPackRows push = { columns, pitch, 0 };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_PACK_ROWS,
                                            .name = "pack_rows",
                                            .args = { { x, first * columns * 4, n * columns * 4 },
                                                      { form.scale, first * 4, n * 4 },
                                                      { form.data, first * pitch * 2, n * pitch * 2 } },
                                            .n_args = 3,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { qi_stream_device_info (s)->subgroup_size },
                                            .n_spec = 1,
                                            .groups = { 1, n, 1 },
                                            .flops = 4.0 * n * columns });
    }
  return form;
}

static QiForm
expand_f16 (QiStream *s, const QiTensor *t)
{
  const QiForm from = qi_form_stored (t);
  const guint64 rows = qi_tensor_rows (t), columns = from.pitch, pitch = (columns + 1) / 2 * 2;
  const QiForm form = { .data = qi_scratch (s, QI_DTYPE_F16, rows, pitch), .pitch = pitch, .row_bytes = pitch * 2 };
  const guint64 window = window_rows (s, rows, MAX (from.row_bytes, form.row_bytes), columns);

  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first);
      const struct QiPushDecode push = { .rows = n, .columns = columns, .row_bytes = from.row_bytes, .pitch = pitch };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_DECODE_F16_F32 + qi_tensor_dtype (t),
                                            .name = "decode",
                                            .args = { { t, first * from.row_bytes, n * from.row_bytes },
                                                      { NULL },
                                                      { form.data, first * form.row_bytes, n * form.row_bytes } },
                                            .n_args = 3,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { LANES },
                                            .n_spec = 1,
                                            .groups = { (pitch / 2 + LANES - 1) / LANES, n, 1 },
                                            .flops = n * columns });
    }
  return form;
}

static QiForm
expand_int8 (QiStream *s, const QiTensor *t)
{
  const QiForm from = qi_form_stored (t);
  const guint64 rows = qi_tensor_rows (t), columns = from.pitch, blocks = int8_blocks (columns);
  const QiForm form = { .data = qi_scratch (s, QI_DTYPE_U32, rows, blocks * INT8_BLOCK / 4),
                        .scale = qi_scratch (s, QI_DTYPE_F32, rows, blocks),
                        .pitch = blocks * INT8_BLOCK, .row_bytes = blocks * INT8_BLOCK, .scale_row_bytes = blocks * 4 };
  const guint64 window = window_rows (s, rows, MAX (from.row_bytes, form.row_bytes), 4.0 * columns);
  const guint lanes = qi_stream_device_info (s)->subgroup_size;

  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first);
      const struct QiPushPackInt8 push = { n, columns, from.row_bytes };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_PACK_INT8_F32 + qi_tensor_dtype (t),
                                            .name = "pack_int8",
                                            .args = { { t, first * from.row_bytes, n * from.row_bytes },
                                                      { form.scale, first * blocks * 4, n * blocks * 4 },
                                                      { form.data, first * form.row_bytes, n * form.row_bytes } },
                                            .n_args = 3,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { lanes },
                                            .n_spec = 1,
                                            .groups = { (blocks + lanes - 1) / lanes, n, 1 },
                                            .flops = 4.0 * n * columns });
    }
  return form;
}

static QiForm
expand_panels (QiStream *s, const QiTensor *t)
{
  const QiForm from = qi_form_stored (t);
  const guint64 rows = qi_tensor_rows (t), columns = from.pitch, panels = (rows + QI_PANEL_ROWS - 1) / QI_PANEL_ROWS;
  const QiForm form = { .data = qi_scratch (s, QI_DTYPE_F32, panels * QI_PANEL_ROWS, columns), .pitch = columns,
                        .row_bytes = columns * 4 };
  const guint64 window = window_rows (s, panels, QI_PANEL_ROWS * MAX (from.row_bytes, form.row_bytes), QI_PANEL_ROWS * columns);

  for (guint64 first = 0; first < panels; first += window)
    {
      const guint64 n = MIN (window, panels - first), row = first * QI_PANEL_ROWS;
      const guint64 n_rows = MIN (n * QI_PANEL_ROWS, rows - row);
      const struct QiPushDecode push = { .rows = n_rows, .columns = columns, .row_bytes = from.row_bytes };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_DECODE_F32 + qi_tensor_dtype (t),
                                            .name = "decode",
                                            .args = { { t, row * from.row_bytes, n_rows * from.row_bytes },
                                                      { NULL },
                                                      { form.data, row * form.row_bytes, n * QI_PANEL_ROWS * form.row_bytes } },
                                            .n_args = 3,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { LANES, TRUE },
                                            .n_spec = 2,
                                            .groups = { (columns * QI_PANEL_ROWS + LANES - 1) / LANES, n, 1 },
                                            .flops = n_rows * columns });
    }
  return form;
}

QiForm
qi_form_expand (QiStream *s, const QiTensor *t, QiFormKind kind)
{
  switch (kind)
    {
    case QI_FORM_F32: return qi_form_stored (qi_decode (s, t));
    case QI_FORM_F16: return expand_f16 (s, t);
    case QI_FORM_INT8: return expand_int8 (s, t);
    case QI_FORM_PANELS: return expand_panels (s, t);
    default: return qi_form_stored (t);
    }
}
