/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define LANES 64
#define GROUPS_X 1024

/* One of the kinds of shape.comp. x and y are made of units that correspond one to one (a row, a pair of rows …), so that
 * what exceeds a binding goes by windows of units; planes and pixels have none: units = 1. */
static const QiTensor *
move (QiStream *s, QiShaderId shader, const char *name, const QiTensor *y, const QiTensor *x, guint64 units, guint64 h, guint64 w,
      guint64 c, guint64 first)
{
  const guint64 x_unit = qi_tensor_elements (x) / units, y_unit = qi_tensor_elements (y) / units, pitch = LANES * GROUPS_X;
  const guint64 window = units > 1 ? qi_stream_window (s, units, MAX (x_unit, y_unit) * 4, 0, 16) : 1;

  for (guint64 unit = 0; unit < units; unit += window)
    {
      const guint64 n_units = MIN (window, units - unit), n = n_units * y_unit;
      const struct QiPushShape push = { n, h, w, c, first, pitch };

      qi_stream_dispatch (s, &(QiDispatch){ .shader = shader,
                                            .name = name,
                                            .args = { { x, unit * x_unit * 4, n_units * x_unit * 4 },
                                                      { y, unit * y_unit * 4, n * 4 } },
                                            .n_args = 2,
                                            .push = &push,
                                            .push_bytes = sizeof push,
                                            .spec = { LANES },
                                            .n_spec = 1,
                                            .groups = { MIN ((n + LANES - 1) / LANES, GROUPS_X), (n + pitch - 1) / pitch, 1 },
                                            .flops = n });
    }
  return y;
}

const QiTensor *
qi_planes_to_pixels (QiStream *s, const QiTensor *x)
{
  const guint64 c = qi_tensor_dim (x, 0), h = qi_tensor_dim (x, 1), w = qi_tensor_dim (x, 2);

  return move (s, QI_SHADER_SHAPE_TO_PIXELS, "planes_to_pixels", qi_scratch (s, QI_DTYPE_F32, h, w, c), x, 1, h, w, c, 0);
}

const QiTensor *
qi_pixels_to_planes (QiStream *s, const QiTensor *x)
{
  const guint64 h = qi_tensor_dim (x, 0), w = qi_tensor_dim (x, 1), c = qi_tensor_dim (x, 2);

  return move (s, QI_SHADER_SHAPE_TO_PLANES, "pixels_to_planes", qi_scratch (s, QI_DTYPE_F32, c, h, w), x, 1, h, w, c, 0);
}

const QiTensor *
qi_patchify (QiStream *s, const QiTensor *x)
{
  const guint64 h = qi_tensor_dim (x, 0), w = qi_tensor_dim (x, 1), c = qi_tensor_dim (x, 2);

  g_return_val_if_fail (h % 2 == 0 && w % 2 == 0, NULL);
  return move (s, QI_SHADER_SHAPE_PATCHIFY, "patchify", qi_scratch (s, QI_DTYPE_F32, h / 2 * (w / 2), 4 * c), x, h / 2, h, w, c,
               0);
}

const QiTensor *
qi_unpatchify (QiStream *s, const QiTensor *tokens, guint64 h, guint64 w)
{
  const guint64 c = qi_tensor_dim (tokens, -1) / 4;

  g_return_val_if_fail (h % 2 == 0 && w % 2 == 0 && qi_tensor_elements (tokens) == h * w * c, NULL);
  return move (s, QI_SHADER_SHAPE_UNPATCHIFY, "unpatchify", qi_scratch (s, QI_DTYPE_F32, h, w, c), tokens, h / 2, h, w, c, 0);
}

const QiTensor *
qi_upsample (QiStream *s, const QiTensor *x)
{
  const guint64 h = 2 * qi_tensor_dim (x, 0), w = 2 * qi_tensor_dim (x, 1), c = qi_tensor_dim (x, 2);

  return move (s, QI_SHADER_SHAPE_UP, "upsample", qi_scratch (s, QI_DTYPE_F32, h, w, c), x, h / 2, h, w, c, 0);
}

const QiTensor *
qi_downsample (QiStream *s, const QiTensor *x)
{
  const guint64 h = qi_tensor_dim (x, 0) / 2, w = qi_tensor_dim (x, 1) / 2, c = qi_tensor_dim (x, 2), w_x = qi_tensor_dim (x, 1);

  g_return_val_if_fail (h > 0 && w > 0, NULL);
  /* An odd last row of x has no pair. */
  return move (s, QI_SHADER_SHAPE_DOWN, "downsample", qi_scratch (s, QI_DTYPE_F32, h, w, c), qi_view_rows (s, x, 0, 2 * h * w_x), h,
               h, w, c, w_x);
}

const QiTensor *
qi_slice_columns (QiStream *s, const QiTensor *x, guint64 first, guint64 n)
{
  const guint64 columns = qi_tensor_dim (x, -1);

  g_return_val_if_fail (first < columns && n > 0 && n <= columns - first, NULL);
  return move (s, QI_SHADER_SHAPE_COLUMNS, "slice_columns", qi_scratch (s, QI_DTYPE_F32, qi_tensor_rows (x), n), x,
               qi_tensor_rows (x), 1, columns, n, first);
}

const QiTensor *
qi_concat_rows (QiStream *s, const QiTensor *a, const QiTensor *b)
{
  const QiTensor *y;

  g_return_val_if_fail (qi_tensor_dim (a, -1) == qi_tensor_dim (b, -1) && qi_tensor_dtype (a) == qi_tensor_dtype (b), NULL);
  y = qi_scratch (s, qi_tensor_dtype (a), qi_tensor_rows (a) + qi_tensor_rows (b), qi_tensor_dim (a, -1));
  qi_stream_copy (s, y, 0, a, 0, qi_tensor_bytes (a));
  qi_stream_copy (s, y, qi_tensor_bytes (a), b, 0, qi_tensor_bytes (b));
  return y;
}
