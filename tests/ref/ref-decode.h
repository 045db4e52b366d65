/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ref/ref-decode.h — weights to f32, value by value, as GGUF and safetensors define them. */
#pragma once
#include "compute/dtype.h"

/* Value i of a row that starts at row; products in single precision in the order of the GGUF reference. */
float ref_decode (QiDtype dtype, const guint8 *row, gsize i);
float ref_half (guint16 bits);
