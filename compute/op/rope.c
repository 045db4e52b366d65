/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define MAX_GROUPS_Y 65535

void
qi_norm_rope_into (QiStream *s, const QiTensor *y, const QiTensor *x, guint n_heads, const QiTensor *weight, float eps,
                   const QiRope *rope)
{
  const guint64 columns = qi_tensor_dim (x, -1), rows = qi_tensor_rows (x), d = columns / MAX (n_heads, 1);
  const guint lanes = qi_stream_device_info (s)->subgroup_size;
  guint64 window = qi_stream_window (s, rows, columns * 4, 8.0 * columns, 16);

  g_return_if_fail (n_heads > 0 && columns % n_heads == 0 && d % 2 == 0 && x != y);
  g_return_if_fail (qi_tensor_dim (y, -1) == columns && qi_tensor_rows (y) == rows);
  g_return_if_fail (!weight || qi_tensor_elements (weight) == d);
  g_return_if_fail (!rope || qi_tensor_elements (rope->cos_sin) == rows * d);

  window = MIN (window, (guint64) MAX_GROUPS_Y);
  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first), at = first * columns * 4, bytes = n * columns * 4;
      const struct QiPushNormRope push = { n_heads, d, 0, weight != NULL, rope != NULL, eps };
      const QiArg table = { rope ? rope->cos_sin : NULL, first * d * 4, rope ? n * d * 4 : 0 };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_NORM_ROPE,
                                            .name = "norm_rope",
                                            .args = { { x, at, bytes }, { weight }, table, { y, at, bytes } },
                                            .n_args = 4,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { lanes, rope && rope->halves },
                                            .n_spec = 2,
                                            .groups = { (n_heads + lanes - 1) / lanes, n, 1 },
                                            .flops = 8.0 * n * columns });
    }
}
