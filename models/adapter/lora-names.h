/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/adapter/lora-names.h — how LoRA files spell which tensor of which layer they hold: PREFIX MODULE SUFFIX, as rows.
 * Internal to models/adapter/. */
#pragma once
#include <glib.h>

typedef enum
{
  QI_LORA_DOWN, /* A: [r, n_in] */
  QI_LORA_UP,   /* B: [n_out, r] */
  QI_LORA_ALPHA,
  QI_LORA_W1, /* Kronecker: [a, b], or the product of [a, r'] and [r', b] */
  QI_LORA_W1_A,
  QI_LORA_W1_B,
  QI_LORA_W2, /* [p, q], or the product of [p, r] and [r, q] */
  QI_LORA_W2_A,
  QI_LORA_W2_B,
  QI_LORA_N_ROLES,
  QI_LORA_DORA = QI_LORA_N_ROLES, /* these are known, and cannot be applied */
  QI_LORA_LOHA,
  QI_LORA_OTHER
} QiLoraRole;

/* The linear layers of a transformer of n_layers blocks, under every spelling. */
typedef struct _QiLoraNames QiLoraNames;
QiLoraNames *qi_lora_names_new (guint n_layers); /* (transfer full) */
void qi_lora_names_free (QiLoraNames *names);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiLoraNames, qi_lora_names_free)

/* What a key is: its role, and in *n_stem the bytes before its suffix (all, when it has no suffix known here). */
QiLoraRole qi_lora_role (const char *key, gsize *n_stem);

/* The canonical name, without ".weight", of the layer that a stem stands for; NULL: of none. *underscored: its dots are
 * underscores. Borrowed from names. Fused projections have names of their own, "….attn.to_qkv" and "….attn.add_qkv_proj". */
const char *qi_lora_module (const QiLoraNames *names, const char *stem, gboolean *underscored);

/* The layers of a fused projection from top to bottom (transfer full); NULL: it is none. */
GStrv qi_lora_fused_parts (const char *module);
