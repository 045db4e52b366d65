/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/adapter/controlnet.h — networks that steer the transformer by a picture. Both kinds add to its image stream after
 * each block, at the tokens of the picture in the making only:
 *
 *   InstantX   a small transformer of its own beside it, over the same noisy tokens, with the condition added to them once
 *              embedded; residual k = linear_k (its stream after its block k), added after main block i where
 *              k = i / ceil (blocks / residuals)
 *   DiffSynth  blockwise: after main block i, out_i (GELU_erf (in_i (RMS (x) + RMS (y)))), x the main stream there and y the
 *              condition, embedded once
 *
 * A condition is latents of a picture, 4 c channels a token; a net for inpainting takes its mask besides: 4 (c + 1). */
#pragma once
#include "models/diffusion/mmdit.h"

typedef struct
{
  gboolean blockwise;       /* DiffSynth's form, else InstantX's */
  gboolean inpaint;         /* the condition has a mask, 1: kept */
  guint condition_channels; /* of a token: 64 or 68 */
  QiMmditConfig net;        /* n_layers: blocks of the net; the rest is as in the transformer it steers */
} QiControlConfig;

/* From the tensors of checkpoint, which must fit the transformer. QI_ERROR_UNSUPPORTED: a ControlNet of another family. */
gboolean qi_control_config_load (QiControlConfig *config, const QiCheckpoint *checkpoint, const QiMmditConfig *transformer,
                                 GError **error);

typedef struct _QiControlnet QiControlnet;

/* (transfer full) */
QiControlnet *qi_controlnet_new (const QiControlConfig *config, const QiLoad *load, GError **error);
void qi_controlnet_free (QiControlnet *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiControlnet, qi_controlnet_free)

/* One picture under one condition. */
typedef struct
{
  const QiControlnet *net;
  const QiTensor *condition; /* [n, d]: embedded */
  guint n_main_blocks;
  float scale;
  const QiTensor *residuals[QI_MAX_LAYERS]; /* InstantX: of the current step */
} QiControl;

/* condition: f32 [n, condition_channels]. What is made lives in the current scope. */
void qi_control_begin (const QiControlnet *net, QiStream *s, const QiTensor *condition, guint n_main_blocks,
                       QiControl *control);

/* Ready for one step of the main network, whose input is looked at: its first n tokens, text, grids, sigma and rope; then
 * input->after_block is set. The residuals live in the current scope and serve every pass of that step. scale: 0 leaves the
 * input as it is. Taps: "control.sampleN_K" for step n, residual k. */
void qi_control_step (QiControl *control, QiStream *s, float scale, guint step, QiMmditInput *input, const QiTap *tap);
