/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"

#include <math.h>

#include "compute/stream.h"
#include "shaders/push.h"

#define KEYS 4 /* keys a lane looks at between two rescales of its accumulators */
#define ROWS 4 /* query rows of a lane, where there are so many; figures: docs/performance.md */

const QiTensor *
qi_attention (QiStream *s, const QiTensor *q, const QiTensor *k, const QiTensor *v, const QiAttention *attention)
{
  const guint64 n_q = qi_tensor_rows (q), n_k = qi_tensor_rows (k), width = qi_tensor_dim (q, -1);
  const guint heads = attention->n_heads, kv_heads = attention->n_kv_heads, lanes = qi_stream_device_info (s)->subgroup_size;
  const guint64 d = width / MAX (heads, 1);
  const QiTensor *y = qi_scratch (s, QI_DTYPE_F32, n_q, width);
  guint64 window;
  guint rows;

  g_return_val_if_fail (heads > 0 && kv_heads > 0 && heads % kv_heads == 0 && width % heads == 0, NULL);
  g_return_val_if_fail (qi_tensor_dim (k, -1) == d * kv_heads && qi_tensor_dim (v, -1) == d * kv_heads, NULL);
  g_return_val_if_fail (qi_tensor_rows (v) == n_k && (!attention->causal || n_k >= n_q), NULL);
  g_return_val_if_fail (!attention->ranges || qi_tensor_elements (attention->ranges) == 2 * n_q, NULL);

  rows = CLAMP ((n_q + lanes - 1) / lanes, 1, ROWS);
  window = qi_stream_window (s, n_q, width * 4, 4.0 * n_k * width, lanes * rows);
  for (guint64 first = 0; first < n_q; first += window)
    {
      const guint64 n = MIN (window, n_q - first), at = first * width * 4, bytes = n * width * 4;
      const struct QiPushAttention push = { .n_q = n,
                                            .n_k = n_k,
                                            .all_q = n_q,
                                            .first_q = first,
                                            .heads = heads,
                                            .kv_heads = kv_heads,
                                            .group = heads / kv_heads,
                                            .causal = attention->causal,
                                            .scale = attention->scale > 0 ? attention->scale : 1 / sqrt (d) };
      const QiArg ranges = { attention->ranges, first * 8, attention->ranges ? n * 8 : 0 };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_ATTENTION,
                                            .name = "attention",
                                            .args = { { q, at, bytes }, { k }, { v }, ranges, { y, at, bytes } },
                                            .n_args = 5,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { lanes, d, KEYS, attention->ranges != NULL, rows, d % 4 == 0,
                                                      (d + 3) / 4 },
                                            .n_spec = 7,
                                            .groups = { (n + lanes * rows - 1) / (lanes * rows), heads, 1 },
                                            .flops = 4.0 * n * n_k * width });
    }
  return y;
}
