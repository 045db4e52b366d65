/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/reckon.h — a request in figures, before it is made. Any thread. */
#pragma once
#include "base/request.h"
#include "models/model-set.h"
#include "worker/timings.h"

typedef struct
{
  guint width, height, steps;
  double guidance;
  guint passes; /* of the network, a step */
} QiReckoned;

/* quality in place of the request's own. */
QiReckoned qi_reckon (const QiRequest *request, QiQuality quality, const QiVariant *variant, guint width, guint height);

/* Seconds of n results without loading; < 0: not known. */
double qi_reckon_seconds (const QiReckoned *reckoned, const QiExpect *expect, guint n);
