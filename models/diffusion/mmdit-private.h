/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/diffusion/mmdit-private.h — the transformer from inside: mmdit.c (life, rotation, forward) and mmdit-modulation.c
 * (what depends on the timestep alone). */
#pragma once
#include "models/diffusion/mmdit-block.h"
#include "models/diffusion/mmdit.h"

#define QI_TIME_DIM 256
#define QI_N_ADDITIONS 2 /* rows of the additional embedding: not RGB, RGB */

struct _QiMmdit
{
  QiMmditConfig config;
  QiWeights *weights;
  QiLinear time_1, time_2; /* [d, 256], [d, d] */
  const QiTensor *addition; /* [2, d]; NULL: the model has none */
  QiLinear img_in, txt_in;
  const QiTensor *txt_norm; /* [text_dim] */
  QiMmditBlock *blocks;
  gboolean late;            /* the blocks' modulation layers are brought when they are wanted */
  QiLinear norm_out, proj_out; /* [2 d, d], [4 out_channels, d]; weight NULL: a trunk */
};
