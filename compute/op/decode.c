/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define LANES 64
#define MAX_GROUPS_Y 65535

/* The variants follow QiDtype in the list of shaders. */
G_STATIC_ASSERT (QI_SHADER_DECODE_IQ4_XS - QI_SHADER_DECODE_F32 == QI_DTYPE_IQ4_XS - QI_DTYPE_F32);

/* y: f32 [rows, d] of table rows [first, first + rows), or of rows ids[first …] of it. */
static void
decode_window (QiStream *s, const QiTensor *y, const QiTensor *table, const QiTensor *ids, guint64 first, guint64 rows)
{
  const guint64 columns = qi_tensor_dim (table, -1);
  const guint64 row_bytes = qi_dtype_row_bytes (qi_tensor_dtype (table), columns);

  for (guint64 r = 0; r < rows; r += MAX_GROUPS_Y)
    {
      const struct QiPushDecode push = { rows, columns, row_bytes, ids != NULL, r };
      const QiArg w = { table, ids ? 0 : first * row_bytes, ids ? 0 : rows * row_bytes };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_DECODE_F32 + qi_tensor_dtype (table),
                                            .name = ids ? "embed_rows" : "decode",
                                            .args = { w, { ids, first * 4, ids ? rows * 4 : 0 },
                                                      { y, first * columns * 4, rows * columns * 4 } },
                                            .n_args = 3,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { LANES, FALSE },
                                            .n_spec = 2,
                                            .groups = { (columns + LANES - 1) / LANES, MIN (rows - r, MAX_GROUPS_Y), 1 },
                                            .flops = rows * columns });
    }
}

static void
decode_rows (QiStream *s, const QiTensor *y, const QiTensor *table, const QiTensor *ids)
{
  const guint64 n = ids ? qi_tensor_elements (ids) : qi_tensor_rows (table);
  const guint64 columns = qi_tensor_dim (table, -1);
  guint64 window;

  g_return_if_fail (qi_tensor_dtype (table) < QI_N_WEIGHT_DTYPES && qi_tensor_dtype (y) == QI_DTYPE_F32);
  g_return_if_fail (qi_tensor_dim (y, -1) == columns && qi_tensor_rows (y) == n);

  window = qi_stream_window (s, n, columns * 4, columns, 16);
  for (guint64 first = 0; first < n; first += window)
    decode_window (s, y, table, ids, first, MIN (window, n - first));
}

void
qi_decode_into (QiStream *s, const QiTensor *y, const QiTensor *t)
{
  decode_rows (s, y, t, NULL);
}

const QiTensor *
qi_decode (QiStream *s, const QiTensor *t)
{
  guint64 dims[QI_MAX_DIMS];
  const QiTensor *y;

  for (guint i = 0; i < qi_tensor_n_dims (t); i++)
    dims[i] = qi_tensor_dim (t, i);
  y = qi_stream_scratch (s, QI_DTYPE_F32, qi_tensor_n_dims (t), dims);
  decode_rows (s, y, t, NULL);
  return y;
}

const QiTensor *
qi_embed_rows (QiStream *s, const QiTensor *table, const QiTensor *ids)
{
  const QiTensor *y = qi_scratch (s, QI_DTYPE_F32, qi_tensor_elements (ids), qi_tensor_dim (table, -1));

  decode_rows (s, y, table, ids);
  return y;
}
