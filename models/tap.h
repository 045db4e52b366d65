/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/tap.h — inner tensors by name, for comparison with the reference ("block0.img", "step2.latents"). Internal: costs
 * one NULL check where nobody listens. */
#pragma once
#include "compute/compute.h"

/* tensor is only valid during the call; it may be downloaded (which runs the stream). */
typedef void (*QiTapFunc) (const char *name, const QiTensor *tensor, QiStream *s, gpointer user_data);

typedef struct
{
  QiTapFunc func; /* NULL: nobody listens */
  gpointer user_data;
} QiTap;

static inline void
qi_tap (const QiTap *tap, QiStream *s, const QiTensor *tensor, const char *name)
{
  if (tap && tap->func)
    tap->func (name, tensor, s, tap->user_data);
}

/* The same with a number in the name: format has one %u. */
void qi_tap_n (const QiTap *tap, QiStream *s, const QiTensor *tensor, const char *format, guint n) G_GNUC_PRINTF (4, 0);
