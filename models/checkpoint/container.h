/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/checkpoint/container.h — what the readers of containers hand to checkpoint.c: tensors as the file spells
 * them, and metadata. Internal to models/checkpoint/. Nothing that a file says is believed before it is checked. */
#pragma once
#include "models/checkpoint/checkpoint.h"

#define QI_MAX_HEADER_BYTES (16u << 20) /* a hostile 100 MB of brackets costs gigabytes in any parser */
#define QI_MAX_TENSORS 65536u
#define QI_MAX_NAME 255u
#define QI_MAX_ELEMENTS (G_GUINT64_CONSTANT (1) << 33)

/* One open regular file. */
typedef struct
{
  char *path;
  int fd;
  guint64 bytes;
} QiFile;

/* Never blocks: a FIFO, a folder or a device is an error. (transfer full) */
QiFile *qi_regular_file_open (const char *path, GError **error);
void qi_file_free (QiFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiFile, qi_file_free)
gboolean qi_file_pread (const QiFile *file, guint64 offset, void *data, gsize n, GError **error);

/* A tensor as its container describes it. Range, size and dims are checked; the type may be one we do not know. */
typedef struct
{
  char *name;
  char *type_name; /* as the container says, for messages */
  gboolean known;  /* dtype is valid */
  QiDtype dtype;
  guint n_dims;
  guint64 dims[QI_MAX_DIMS]; /* outermost first */
  guint64 offset, bytes;     /* in the file */
} QiRawTensor;
void qi_raw_tensor_free (QiRawTensor *tensor);

/* A value of the metadata. */
typedef struct
{
  enum { QI_META_STRING, QI_META_UINT, QI_META_INT, QI_META_DOUBLE, QI_META_STRINGS, QI_META_INTS } kind;
  char *string;
  guint64 uint;
  double real;
  char **strings; /* n of them, then NULL */
  gsize *lengths;
  gint64 *ints;
  gsize n;
} QiMeta;
void qi_meta_free (QiMeta *meta);

typedef struct
{
  GPtrArray *tensors; /* QiRawTensor, sorted by offset */
  GHashTable *meta;   /* char * to QiMeta */
} QiHeader;
QiHeader *qi_header_new (void);
void qi_header_free (QiHeader *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHeader, qi_header_free)

/* file_bytes: size of the whole file; name: the file's, for messages. The header's text is n bytes of JSON; the data begins
 * right after it, at data_start. (transfer full) */
QiHeader *qi_safetensors_parse (const char *json, gsize n, guint64 data_start, guint64 file_bytes, const char *name,
                                GError **error);
QiHeader *qi_safetensors_read (const QiFile *file, GError **error);
QiHeader *qi_gguf_read (const QiFile *file, GError **error);
/* data: the first n bytes of a file of file_bytes. *more (may be NULL): it failed for want of bytes past n. */
QiHeader *qi_gguf_parse (const void *data, gsize n, guint64 file_bytes, const char *name, gboolean *more, GError **error);

/* weight_map of an index: char * tensor to char * shard name, plain names only. (transfer full) */
GHashTable *qi_safetensors_index_parse (const char *json, gsize n, const char *name, GError **error);

/* The format named in the text of a comfy_quant tensor; NULL with error when it is no such JSON. (transfer full) */
char *qi_comfy_quant_parse (const char *json, gsize n, const char *name, GError **error);

/* No two tensors share bytes, none has a name twice; sorts by offset. */
gboolean qi_header_check (QiHeader *header, const char *name, GError **error);

/* names.c: the canonical name of what a file calls name, for component; NULL: not of this component. *superfluous: belongs to
 * the component but is not a weight that anybody wants. *naming: which scheme it was (static). (transfer full) */
char *qi_canonical_name (QiComponent component, const char *name, gboolean *superfluous, const char **naming);

/* values.c: index of the first element (or block) of n bytes that holds a NaN or an infinity; -1: none. */
gint64 qi_find_non_finite (QiDtype dtype, const void *data, gsize n);

/* An error that names file and tensor (NULL: none): 'The file "x": tensor "y" …'. Always FALSE. */
gboolean qi_bad_checkpoint (GError **error, const char *file, const char *tensor, const char *format, ...)
  G_GNUC_PRINTF (4, 5);
