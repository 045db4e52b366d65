/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/adapter/lora-part.h — what a LoRA file holds for one layer. Internal to models/adapter/. */
#pragma once
#include "models/adapter/lora-names.h"
#include "models/adapter/lora.h"

typedef struct
{
  char *stem;   /* as the file spells the layer */
  char *module; /* canonical; NULL: not of this family */
  gboolean underscored; /* the spelling has underscores for dots */
  const QiCheckpointTensor *tensors[QI_LORA_N_ROLES];

  /* After qi_lora_part_check(). */
  gboolean kron;
  guint64 n_out, n_in; /* of ΔW */
  guint64 rank;        /* 0: of a Kronecker product of whole factors */
  guint64 a, b, p, q;  /* Kronecker: [a, b] and [p, q] */
  double scale;        /* alpha / rank */
} QiLoraPart;

void qi_lora_part_free (QiLoraPart *part);

/* One file. */
typedef struct
{
  QiLoraInfo info;
  char *path, *name;
  QiCheckpoint *checkpoint;
  GPtrArray *parts;  /* QiLoraPart that are applied */
  GPtrArray *unused; /* char * keys */
} QiLora;

QiLora *qi_loras_file (const QiLoras *loras, guint i);

/* The scale that PEFT's metadata gives; has_alpha FALSE: it has none. */
typedef struct
{
  gboolean has_alpha, root; /* root: alpha / sqrt (rank) */
  double alpha;
  GHashTable *alphas;       /* end of a layer's name to double *, for layers of their own; NULL: none */
} QiLoraMeta;
gboolean qi_lora_meta_read (QiLoraMeta *meta, const QiCheckpoint *checkpoint, GError **error);
void qi_lora_meta_clear (QiLoraMeta *meta);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiLoraMeta, qi_lora_meta_clear)

/* Partners are there, shapes agree with each other; fills in the rest. Errors name file and key. */
gboolean qi_lora_part_check (QiLoraPart *part, const QiCheckpoint *checkpoint, const QiLoraMeta *meta, GError **error);

/* w1 of a Kronecker product times factor, [a, b]; NULL after an error. (transfer full) */
float *qi_lora_part_mix (const QiLoraPart *part, const QiCheckpoint *checkpoint, double factor, GError **error);
