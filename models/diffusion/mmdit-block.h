/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/diffusion/mmdit-block.h — one block of the dual-stream transformer: text and pictures have weights of their own
 * and share one attention. */
#pragma once
#include "models/config.h"
#include "models/tap.h"
#include "models/weights.h"

/* One stream's weights. d: width. */
typedef struct
{
  QiLinear q, k, v, out;         /* [d, d] */
  const QiTensor *q_norm, *k_norm; /* f32 [head_dim] */
  QiLinear up, down;             /* [4 d, d], [d, 4 d] */
} QiMmditStream;

typedef struct
{
  QiMmditStream img, txt;
  QiLinear img_mod, txt_mod; /* [6 d, d]: a third of all weights, of use only once a timestep */
} QiMmditBlock;

/* A range of rows under one modulation: text, noise tokens, or references. */
typedef struct
{
  const QiMmditStream *weights;
  const QiTensor *x;    /* f32 [n, d], updated in place */
  const QiTensor *mod;  /* f32 [6, d]: shift, scale, gate of the attention, then of the MLP */
  guint64 first;        /* its first row in the joint sequence */
  const QiTensor *rope; /* f32 [n, head_dim / 2, 2] */
  gboolean skip_tail;   /* its rows after the attention are of no use to anybody */
} QiMmditPart;

/* Block number index of weights; late_modulation: its modulation layers are left where they are. */
void qi_mmdit_block_load (QiMmditBlock *block, QiWeights *weights, const QiMmditConfig *config, guint index,
                          gboolean late_modulation);

/* Runs the block on parts that make up the joint sequence of n_rows rows, text first.
 * Taps "blockK.attn.txt", "blockK.attn.img": the attention's result before the gate. */
void qi_mmdit_block_forward (QiStream *s, const QiMmditConfig *config, const QiMmditPart *parts, guint n_parts,
                             guint64 n_rows, guint64 n_text, guint index, const QiTap *tap);
