/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/checkpoint/checkpoint.h — one component of a model, whatever container it is in.
 *
 * A checkpoint is a safetensors file, a set of shards with an index, a GGUF file, or a folder of the diffusers
 * layout. Names are the canonical ones (diffusers for transformer and VAE; Hugging Face's on-disk short forms
 * model.* / visual.* / lm_head.* for the text encoder). Headers are read and checked at open; no weight is.
 *
 * Threads: read-only after open; any thread.
 * Errors:  QI_ERROR_BAD_CHECKPOINT, one sentence that names the file and, where there is one, the tensor;
 *          QI_ERROR_UNSUPPORTED for what is sound but not implemented. */
#pragma once
#include <gio/gio.h>

#include "compute/compute.h"

typedef enum
{
  QI_COMPONENT_TRANSFORMER,
  QI_COMPONENT_TEXT_ENCODER, /* the language model */
  QI_COMPONENT_VISION,       /* visual.*; often in the text encoder's file */
  QI_COMPONENT_VAE,
  QI_N_COMPONENTS,
  QI_COMPONENT_ADAPTER = QI_N_COMPONENTS /* no part of a model: every tensor is kept, under the name it has */
} QiComponent;

typedef struct _QiCheckpoint QiCheckpoint;

typedef struct
{
  char *name;      /* canonical */
  char *file_name; /* as the file spells it */
  guint file;      /* which of the checkpoint's files */
  QiDtype dtype;   /* of an adapter's tensor that cannot be weights: QI_DTYPE_U32, whatever it is */
  const char *type_name; /* as the container says; borrowed from the checkpoint */
  guint n_dims;    /* 0: a scalar */
  guint64 dims[QI_MAX_DIMS]; /* outermost first, as torch writes them */
  guint64 offset;  /* of its bytes in the file */
  guint64 bytes;
  guint n_scales;  /* scaled fp8: 1 or dims[0]; 0: none */
  float *scales;
} QiCheckpointTensor;

/* path: a file, or a folder that holds one component. Only tensors of component are kept (after prefixes are
 * stripped and names are mapped); the others are counted. (transfer full) */
QiCheckpoint *qi_checkpoint_open (const char *path, QiComponent component, GError **error);
void qi_checkpoint_free (QiCheckpoint *checkpoint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiCheckpoint, qi_checkpoint_free)

const char *qi_checkpoint_path (const QiCheckpoint *checkpoint);
const char *qi_checkpoint_container (const QiCheckpoint *checkpoint);     /* "safetensors", "sharded safetensors", "gguf" */
const char *qi_checkpoint_naming (const QiCheckpoint *checkpoint);        /* "diffusers", "comfyui", "wan", "llama.cpp", … */
guint64 qi_checkpoint_bytes (const QiCheckpoint *checkpoint);             /* of its tensors */

/* Of a text encoder's file: found by its name, but neither counted nor listed, since pictures are made without it. */
#define QI_OUTPUT_HEAD "lm_head.weight"

/* NULL: there is none. Borrowed. */
const QiCheckpointTensor *qi_checkpoint_find (const QiCheckpoint *checkpoint, const char *name);
guint qi_checkpoint_n_tensors (const QiCheckpoint *checkpoint);
const QiCheckpointTensor *qi_checkpoint_tensor (const QiCheckpoint *checkpoint, guint i);

/* The tensor of exactly this shape, else an error that says what it is instead. dims with a 0 match anything. */
const QiCheckpointTensor *qi_checkpoint_require (const QiCheckpoint *checkpoint, const char *name, guint n_dims,
                                                 const guint64 *dims, GError **error);

/* n bytes of the tensor from offset on; checks them for NaN and infinity (scales of blocks included): such a weight
 * is QI_ERROR_BAD_CHECKPOINT. offset and n must be whole elements or blocks. */
gboolean qi_checkpoint_read (const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, guint64 offset,
                             void *data, gsize n, GError **error);

/* The same of bytes that were read, and found good, before. */
gboolean qi_checkpoint_read_again (const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, guint64 offset,
                                   void *data, gsize n, GError **error);

/* Tensors nobody has asked for by find/require, and that are not known to be superfluous (lm_head, time_conv,
 * markers, scales): element type char *, canonical names. (transfer full) */
GPtrArray *qi_checkpoint_foreign (const QiCheckpoint *checkpoint);

/* Metadata of the container: GGUF key/value pairs and safetensors __metadata__. FALSE: no such key of that kind. */
gboolean qi_checkpoint_meta_string (const QiCheckpoint *checkpoint, const char *key, const char **value);
gboolean qi_checkpoint_meta_uint (const QiCheckpoint *checkpoint, const char *key, guint64 *value);
gboolean qi_checkpoint_meta_double (const QiCheckpoint *checkpoint, const char *key, double *value);
/* Arrays: strings as a borrowed array of n pointers with their lengths; integers as gint64. */
gboolean qi_checkpoint_meta_strings (const QiCheckpoint *checkpoint, const char *key, const char *const **values,
                                     const gsize **lengths, gsize *n);
gboolean qi_checkpoint_meta_ints (const QiCheckpoint *checkpoint, const char *key, const gint64 **values, gsize *n);
