/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* shaders/push.h — push constants, read by C and GLSL alike: plain structs of uint and float, at most 128 bytes. */
#ifndef QI_PUSH_H
#define QI_PUSH_H

#ifndef VULKAN /* defined by glslc */
#include <sys/types.h>
#endif

/* qi_copy_into and friends: one value per invocation. */
struct QiPushPointwise
{
  uint n;       /* elements */
  uint columns; /* row length, for per-column operands */
  float a, b;
};

/* decode.comp */
struct QiPushDecode
{
  uint rows, columns;
  uint row_bytes; /* of w */
  uint has_ids;
  uint group_row; /* row of the grid's first row of groups */
};

#endif
