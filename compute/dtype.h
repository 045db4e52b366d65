/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/dtype.h — the table of element types: of activations, of weights in files, of indices.
 * A row of a block type is a whole number of blocks; blocks never straddle rows. */
#pragma once
#include <glib.h>

typedef enum
{
  QI_DTYPE_F32,
  QI_DTYPE_F16,
  QI_DTYPE_BF16,
  QI_DTYPE_F8_E4M3, /* e4m3fn: no infinities, 0x7f and 0xff are NaN */
  QI_DTYPE_F8_E5M2,
  QI_DTYPE_Q4_0,
  QI_DTYPE_Q4_1,
  QI_DTYPE_Q5_0,
  QI_DTYPE_Q5_1,
  QI_DTYPE_Q8_0,
  QI_DTYPE_Q2_K,
  QI_DTYPE_Q3_K,
  QI_DTYPE_Q4_K,
  QI_DTYPE_Q5_K,
  QI_DTYPE_Q6_K,
  QI_DTYPE_IQ4_NL,
  QI_DTYPE_IQ4_XS,
  QI_N_WEIGHT_DTYPES, /* all above can be weights of qi_linear and arguments of qi_decode */
  QI_DTYPE_U32 = QI_N_WEIGHT_DTYPES,
  QI_N_DTYPES
} QiDtype;

typedef struct
{
  const char *name;        /* lower case, as in messages: "q4_k" */
  const char *safetensors; /* its name there, NULL: does not occur */
  int ggml_type;           /* its id in GGUF, -1: does not occur */
  guint block_len;         /* elements per block */
  guint block_bytes;       /* bytes per block */
} QiDtypeInfo;

const QiDtypeInfo *qi_dtype_info (QiDtype dtype);

/* FALSE when there is no such type here. */
gboolean qi_dtype_from_ggml (guint32 ggml_type, QiDtype *dtype);
gboolean qi_dtype_from_safetensors (const char *name, QiDtype *dtype);

/* Bytes of one row of row_len elements; 0 when row_len is not a whole number of blocks, or overflows. */
guint64 qi_dtype_row_bytes (QiDtype dtype, guint64 row_len);
