/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/dtype.h"

#include <string.h>

/* Block layouts: the GGUF specification (ggml-common.h). */
static const QiDtypeInfo table[QI_N_DTYPES] = {
  [QI_DTYPE_F32] = { "f32", "F32", 0, 1, 4 },
  [QI_DTYPE_F16] = { "f16", "F16", 1, 1, 2 },
  [QI_DTYPE_BF16] = { "bf16", "BF16", 30, 1, 2 },
  [QI_DTYPE_F8_E4M3] = { "f8_e4m3", "F8_E4M3", -1, 1, 1 },
  [QI_DTYPE_F8_E5M2] = { "f8_e5m2", "F8_E5M2", -1, 1, 1 },
  [QI_DTYPE_Q4_0] = { "q4_0", NULL, 2, 32, 18 },
  [QI_DTYPE_Q4_1] = { "q4_1", NULL, 3, 32, 20 },
  [QI_DTYPE_Q5_0] = { "q5_0", NULL, 6, 32, 22 },
  [QI_DTYPE_Q5_1] = { "q5_1", NULL, 7, 32, 24 },
  [QI_DTYPE_Q8_0] = { "q8_0", NULL, 8, 32, 34 },
  [QI_DTYPE_Q2_K] = { "q2_k", NULL, 10, 256, 84 },
  [QI_DTYPE_Q3_K] = { "q3_k", NULL, 11, 256, 110 },
  [QI_DTYPE_Q4_K] = { "q4_k", NULL, 12, 256, 144 },
  [QI_DTYPE_Q5_K] = { "q5_k", NULL, 13, 256, 176 },
  [QI_DTYPE_Q6_K] = { "q6_k", NULL, 14, 256, 210 },
  [QI_DTYPE_IQ4_NL] = { "iq4_nl", NULL, 20, 32, 18 },
  [QI_DTYPE_IQ4_XS] = { "iq4_xs", NULL, 23, 256, 136 },
  [QI_DTYPE_U32] = { "u32", NULL, -1, 1, 4 },
};

const QiDtypeInfo *
qi_dtype_info (QiDtype dtype)
{
  g_return_val_if_fail ((guint) dtype < QI_N_DTYPES, NULL);
  return &table[dtype];
}

gboolean
qi_dtype_from_ggml (guint32 ggml_type, QiDtype *dtype)
{
  for (guint i = 0; i < QI_N_DTYPES; i++)
    if (table[i].ggml_type >= 0 && (guint32) table[i].ggml_type == ggml_type)
      {
        *dtype = i;
        return TRUE;
      }
  return FALSE;
}

gboolean
qi_dtype_from_safetensors (const char *name, QiDtype *dtype)
{
  for (guint i = 0; i < QI_N_DTYPES; i++)
    if (table[i].safetensors && strcmp (table[i].safetensors, name) == 0)
      {
        *dtype = i;
        return TRUE;
      }
  return FALSE;
}

guint64
qi_dtype_row_bytes (QiDtype dtype, guint64 row_len)
{
  const QiDtypeInfo *info = qi_dtype_info (dtype);

  if (row_len % info->block_len || row_len / info->block_len > G_MAXUINT64 / info->block_bytes)
    return 0;
  return row_len / info->block_len * info->block_bytes;
}
