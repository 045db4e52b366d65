/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/adapter/lora.h — LoRA files: small additions to the linear layers of a transformer, W' = W + strength · ΔW.
 *
 *   low rank     ΔW = alpha / r · B A, A: [r, n_in], B: [n_out, r] (diffusers/PEFT, kohya, lightx2v)
 *   Kronecker    ΔW = alpha / r · w1 ⊗ w2, each whole or the product of two (LoKr of LyCORIS)
 *
 * Nothing is merged: both forms are applied beside the weight, which stays as it is, quantised or not (QiSide). LoHa and
 * DoRA are refused, since they have no such form; deltas of whole tensors and of biases count as not used.
 *
 * Opening reads headers, alphas and metadata, and compares every part with the model: a file that does not fit is refused
 * before any work. Threads: read-only after opening; sides belong to the engine's thread.
 * Errors: QI_ERROR_BAD_REQUEST (the line), QI_ERROR_BAD_CHECKPOINT (the file), QI_ERROR_UNSUPPORTED (it does not fit). */
#pragma once
#include "models/diffusion/mmdit.h"
#include "models/model-set.h"

#define QI_MAX_LORAS 16

/* "FILE:STRENGTH". What stands after the last colon is the strength when it is a number, else it belongs to the path and the
 * strength is 1. (transfer full) */
gboolean qi_lora_parse_line (const char *line, char **path, double *strength, GError **error);

typedef struct
{
  const char *path, *name; /* name: for people */
  double strength;
  const char *format;      /* "diffusers", "kohya", "lightx2v", "LoKr" */
  const char *made_for;    /* name of a variant, where metadata or file name tell; NULL: not known */
  guint n_parts;           /* layers that the file speaks of */
  guint n_matched;         /* of these, layers of the model (without a model: of the family) */
  guint n_keys, n_unused;  /* tensors in the file, and those that are not applied */
  guint min_rank, max_rank; /* 0: no part has one */
  guint few_steps;         /* made for so many steps without guidance; 0: changes nothing about them */
} QiLoraInfo;

/* Those of a request, in its order. */
typedef struct _QiLoras QiLoras;

/* lines: one a line, blank ones are passed over; NULL: none. set NULL: nothing is compared with a model. (transfer full) */
QiLoras *qi_loras_open (const char *lines, const QiModelSet *set, GError **error);
void qi_loras_free (QiLoras *loras);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiLoras, qi_loras_free)

guint qi_loras_n (const QiLoras *loras);
const QiLoraInfo *qi_loras_info (const QiLoras *loras, guint i);
const GPtrArray *qi_loras_unused (const QiLoras *loras, guint i); /* keys: char * */

/* Equal for equal files and strengths; "" when nothing is changed: no file, or all of strength 0. NULL counts as none. */
const char *qi_loras_key (const QiLoras *loras);
/* The most few_steps of those whose strength is not 0. */
guint qi_loras_few_steps (const QiLoras *loras);
/* What a person should know: keys that are not applied, a quality that a few-step file overrules. NULL: nothing.
 * (transfer full) */
char *qi_loras_note (const QiLoras *loras, const QiRequest *request);

/* The schedule that few-step files were distilled with: e^mu = 3 for any size, no terminal. */
void qi_loras_few_step_schedule (QiSchedulerConfig *config);

/* -- on a transformer ------------------------------------------------------------------------------- */

typedef struct _QiLoraSides QiLoraSides;

/* Hangs loras on dit's layers; dit and load->pool must outlive what is returned, load->checkpoint is not looked at. NULL
 * with error set: dit is as it was. (transfer full) */
QiLoraSides *qi_lora_sides_new (const QiLoras *loras, QiMmdit *dit, const QiLoad *load, GError **error);
void qi_lora_sides_free (QiLoraSides *sides); /* dit is as it was before */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiLoraSides, qi_lora_sides_free)
