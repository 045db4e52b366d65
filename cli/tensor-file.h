/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/tensor-file.h — small safetensors files of any tensors, read whole and written whole: start latents, and the
 * inputs and outputs of the golden cases. Weights are read by models/checkpoint instead.
 *
 * Errors: QI_ERROR_BAD_CHECKPOINT for what cannot be read or is no safetensors file; QI_ERROR_FAILED for what cannot be
 * written. Every size in the file is checked against the file before it is used. */
#pragma once
#include <glib.h>

#define QI_TENSOR_FILE_DIMS 8

typedef struct
{
  char *name;
  char *dtype; /* as the file spells it: "F32", "I64", … */
  guint n_dims;
  guint64 dims[QI_TENSOR_FILE_DIMS]; /* outermost first */
  guint64 elements;
  GBytes *data; /* little endian, of no particular alignment */
} QiTensorEntry;

typedef struct
{
  GPtrArray *entries; /* of QiTensorEntry *, in the order of the file */
} QiTensorFile;

QiTensorFile *qi_tensor_file_new (void);
QiTensorFile *qi_tensor_file_read (const char *path, GError **error);
void qi_tensor_file_free (QiTensorFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTensorFile, qi_tensor_file_free)

/* NULL: there is none. Borrowed. */
const QiTensorEntry *qi_tensor_file_find (const QiTensorFile *file, const char *name);

/* Copies data: as many bytes as dtype (F64, I64, F32, I32, F16, BF16, U8) and dims say. A name that is there is replaced. */
void qi_tensor_file_add (QiTensorFile *file, const char *name, const char *dtype, guint n_dims, const guint64 *dims,
                         const void *data);

/* Appears under its name when it is complete. */
gboolean qi_tensor_file_write (const QiTensorFile *file, const char *path, GError **error);

/* The values as f32 or int64; NULL with error when dtype is of the other kind. F16, BF16, F32, F64; any integers. (g_free) */
float *qi_tensor_entry_floats (const QiTensorEntry *entry, GError **error);
gint64 *qi_tensor_entry_ints (const QiTensorEntry *entry, GError **error);

/* Bytes of one element, 0: not a type of ours. */
guint qi_tensor_file_element_bytes (const char *dtype);
