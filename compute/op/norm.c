/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define MAX_GROUPS_Y 65535

/* One of the kinds of norm.comp, over all rows of x into a result of x's shape. a, b: f32 [columns] or NULL. */
static const QiTensor *
norm (QiStream *s, QiShaderId shader, const char *name, const QiTensor *x, const QiTensor *a, const QiTensor *b, float eps,
      QiActivation act)
{
  const guint64 columns = qi_tensor_dim (x, -1), rows = qi_tensor_rows (x);
  const guint lanes = qi_stream_reduce_lanes (s), block = lanes < 64 ? 16 : 1; /* of rows: a workgroup has its cost */
  guint64 dims[QI_MAX_DIMS], window = qi_stream_window (s, rows, columns * 4, 8.0 * columns, 16);
  const QiTensor *y;

  g_return_val_if_fail (qi_tensor_dtype (x) == QI_DTYPE_F32, NULL);
  g_return_val_if_fail ((!a || qi_tensor_elements (a) == columns) && (!b || qi_tensor_elements (b) == columns), NULL);

  for (guint i = 0; i < qi_tensor_n_dims (x); i++)
    dims[i] = qi_tensor_dim (x, i);
  y = qi_stream_scratch (s, QI_DTYPE_F32, qi_tensor_n_dims (x), dims);
  window = MIN (window, (guint64) MAX_GROUPS_Y * block);
  for (guint64 first = 0; first < rows; first += window)
    {
      const guint64 n = MIN (window, rows - first), at = first * columns * 4, bytes = n * columns * 4;
      const struct QiPushNorm push = { n, columns, a != NULL, b != NULL, eps };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = shader,
                                            .name = name,
                                            .args = { { x, at, bytes }, { a }, { b }, { y, at, bytes } },
                                            .n_args = 4,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { lanes, block, act },
                                            .n_spec = 3,
                                            .groups = { 1, (n + block - 1) / block, 1 },
                                            .flops = 8.0 * n * columns });
    }
  return y;
}

const QiTensor *
qi_rms_norm (QiStream *s, const QiTensor *x, const QiTensor *weight, float eps)
{
  return norm (s, QI_SHADER_NORM_RMS, "rms_norm", x, weight, NULL, eps, QI_ACT_NONE);
}

const QiTensor *
qi_layer_norm (QiStream *s, const QiTensor *x, const QiTensor *shift, const QiTensor *scale, float eps)
{
  return norm (s, QI_SHADER_NORM_LAYER, "layer_norm", x, shift, scale, eps, QI_ACT_NONE);
}

const QiTensor *
qi_l2_norm (QiStream *s, const QiTensor *x, const QiTensor *gamma, QiActivation act)
{
  return norm (s, QI_SHADER_NORM_L2, "l2_norm", x, gamma, NULL, 0, act);
}
