/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define LANES 64
#define MAX_GROUPS_Y 65535

void
qi_kron_add_into (QiStream *s, const QiTensor *y, const QiTensor *z, const QiTensor *mix, const QiTensor *gate,
                  QiActivation act)
{
  const guint64 rows = qi_tensor_rows (y), n = qi_tensor_dim (y, -1), width = qi_tensor_dim (z, -1);
  const guint64 blocks_out = qi_tensor_dim (mix, 0), blocks_in = qi_tensor_dim (mix, 1);
  const double flops = 2.0 * n * blocks_in;
  guint64 window;

  g_return_if_fail (n == blocks_out * width && qi_tensor_rows (z) == rows * blocks_in);
  g_return_if_fail (qi_tensor_dtype (z) == QI_DTYPE_F32 && qi_tensor_dtype (mix) == QI_DTYPE_F32);

  window = qi_stream_window (s, rows, MAX (n, blocks_in * width) * sizeof (float), flops, 16);
  window = MIN (window, (guint64) MAX_GROUPS_Y);
  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 m = MIN (window, rows - first), z_row = blocks_in * width * sizeof (float), y_row = n * sizeof (float);
      const struct QiPushKron push = { blocks_in, blocks_out, width, gate != NULL };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_KRON,
                                            .name = "kron",
                                            .args = { { z, first * z_row, m * z_row },
                                                      { mix },
                                                      { gate },
                                                      { y, first * y_row, m * y_row },
                                                      { y, first * y_row, m * y_row } },
                                            .n_args = 5,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { LANES, act },
                                            .n_spec = 2,
                                            .groups = { (n + LANES - 1) / LANES, m, 1 },
                                            .flops = flops * m });
    }
}
