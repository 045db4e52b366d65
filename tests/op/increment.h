/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* y = x + 1, of n floats: the least that a stream can be asked for. */
#pragma once
#include "compute/stream.h"

static inline void
increment (QiStream *s, QiArg x, QiArg y, guint n)
{
  const struct
  {
    guint n, columns;
    float a, b;
  } push = { .n = n };

  qi_stream_dispatch (s, &(QiDispatch){ .shader = QI_SHADER_INCREMENT,
                                        .name = "increment",
                                        .args = { x, y },
                                        .n_args = 2,
                                        .push = &push,
                                        .push_bytes = sizeof push,
                                        .spec = { 8 },
                                        .n_spec = 1,
                                        .groups = { (n + 7) / 8, 1, 1 },
                                        .flops = n });
}
