/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define MAX_GROUPS_Y 65535
#define PIXELS 24   /* output pixels of a lane */
#define CHANNELS 4u /* output channels of a lane, where there are so many; figures: docs/performance.md */

/* Input rows [*first, *end) that output rows [y_first, y_end) read. */
static void
input_rows (QiConvMode mode, guint64 h, guint64 y_first, guint64 y_end, guint64 *first, guint64 *end)
{
  if (mode == QI_CONV_DOWN)
    {
      *first = 2 * y_first;
      *end = 2 * y_end + 1;
    }
  else
    {
      const guint64 grown = mode == QI_CONV_UP ? 2 : 1;

      *first = (y_first ? y_first - 1 : 0) / grown;
      *end = y_end / grown + 1;
    }
  *end = MIN (*end, h);
}

static QiShaderId
shader_of (QiDtype type)
{
  switch (type)
    {
    case QI_DTYPE_F16: return QI_SHADER_CONV2D_F16;
    case QI_DTYPE_BF16: return QI_SHADER_CONV2D_BF16;
    default: return QI_SHADER_CONV2D_F32;
    }
}

static void
conv_window (QiStream *s, const QiTensor *y, const QiTensor *x, const QiConv *conv, QiConvMode mode,
             const QiTensor *residual, guint64 y_first, guint64 n)
{
  const guint64 h = qi_tensor_dim (x, 0), w = qi_tensor_dim (x, 1), c_in = qi_tensor_dim (x, 2);
  const guint64 ow = qi_tensor_dim (y, 1), c_out = qi_tensor_dim (y, 2), y_row = ow * c_out * 4, x_row = w * c_in * 4;
  const guint lanes = qi_stream_device_info (s)->subgroup_size;
  const guint channels = CLAMP ((c_out + lanes - 1) / lanes, 1, CHANNELS);
  guint64 first, end;

  input_rows (mode, h, y_first, y_first + n, &first, &end);
  {
    const struct QiPushConv push = { .h = h,
                                     .w = w,
                                     .c_in = c_in,
                                     .ow = ow,
                                     .c_out = c_out,
                                     .x_first = first,
                                     .y_first = y_first,
                                     .n = n * ow,
                                     .has_bias = conv->bias != NULL,
                                     .has_residual = residual != NULL };

    qi_stream_dispatch (s, &(QiDispatch){ .shader = shader_of (qi_tensor_dtype (conv->weight)),
                                          .name = "conv2d",
                                          .args = { { x, first * x_row, (end - first) * x_row },
                                                    { conv->weight },
                                                    { conv->bias },
                                                    { residual, y_first * y_row, residual ? n * y_row : 0 },
                                                    { y, y_first * y_row, n * y_row } },
                                          .n_args = 5,
                                          .push = &push,
                                          .push_bytes = sizeof push,
                                          .spec = { lanes, PIXELS, channels, c_in % 4 == 0, mode },
                                          .n_spec = 5,
                                          .groups = { (c_out + lanes * channels - 1) / (lanes * channels),
                                                      (n * ow + PIXELS - 1) / PIXELS, 1 },
                                          .flops = 18.0 * n * ow * c_out * c_in });
  }
}

const QiTensor *
qi_conv2d (QiStream *s, const QiTensor *x, const QiConv *conv, QiConvMode mode, const QiTensor *residual)
{
  const guint64 c_out = qi_tensor_dim (conv->weight, 0), c_in = qi_tensor_dim (x, 2);
  guint64 oh = qi_tensor_dim (x, 0), ow = qi_tensor_dim (x, 1), window;
  const QiTensor *y;

  g_return_val_if_fail (qi_tensor_n_dims (x) == 3 && qi_tensor_elements (conv->weight) == c_out * 9 * c_in, NULL);
  g_return_val_if_fail (qi_tensor_dtype (conv->weight) <= QI_DTYPE_BF16, NULL);
  g_return_val_if_fail (mode != QI_CONV_DOWN || (oh > 1 && ow > 1), NULL);

  oh = mode == QI_CONV_UP ? oh * 2 : mode == QI_CONV_DOWN ? oh / 2 : oh;
  ow = mode == QI_CONV_UP ? ow * 2 : mode == QI_CONV_DOWN ? ow / 2 : ow;
  y = qi_scratch (s, QI_DTYPE_F32, oh, ow, c_out);
  g_return_val_if_fail (!residual || qi_tensor_elements (residual) == qi_tensor_elements (y), NULL);

  /* Input rows of a window are up to twice as many as output rows, and two more. */
  window = qi_stream_window (s, oh, MAX (ow * c_out * 4, qi_tensor_dim (x, 1) * c_in * 4 * 3), 18.0 * ow * c_out * c_in, 4);
  window = CLAMP ((guint64) MAX_GROUPS_Y * PIXELS / ow, 1, window);
  for (guint64 first = 0; first < oh; first += window)
    conv_window (s, y, x, conv, mode, residual, first, MIN (window, oh - first));
  return y;
}
