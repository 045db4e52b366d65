/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/stub.h — QI_STUB: what stands in for the model, in builds for tests. Parsed here for both processes: the worker
 * replaces the model by it, and what works around the model must know two things of it.
 *
 *   copy             Picture 1 as it comes: callers pass the crop as it is before any prefill (qi_stub_wants_crop)
 *   fill:R,G,B       one colour, 0–255 each
 *   seed             one colour drawn from the seed
 *   shift:DX,DY,ZOOM Picture 1 moved by so many of its pixels and zoomed about its centre, edges mirrored. ZOOM is a
 *                    factor from 0.5 to 2 or, beyond that range, per cent (3 is 1.03); may be missing
 *   cast:R,G,B       Picture 1 with its channels multiplied by these
 *   stack            of a split: layers of which one knows what is seen. Each is opaque and of the colour of seed + its number
 *                    from 0; the lowest fills the picture, each further one of n the n-th part of the width that has its
 *                    number, half transparent (128) below the middle
 *   slow:MS[:STAGE]  MS a step of denoising or, with STAGE, once in that stage; paste is the caller's business
 *   fail:STAGE       an out-of-memory error in that stage
 *   die:STAGE        the process ends in that stage
 *
 * Several are combined with ";". Without one that says what is drawn it is Picture 1, or else the seed's colour. */
#pragma once
#include "base/job.h"

typedef enum { QI_STUB_COPY, QI_STUB_FILL, QI_STUB_SEED } QiStubDraw;

typedef struct
{
  gboolean active; /* there is a stub at all */
  gboolean draws;  /* draw was given */
  QiStubDraw draw;
  guint8 color[3];
  gboolean shift, cast, stack;
  double dx, dy, zoom;
  double channel[3];
  guint step_ms;                /* a step of denoising */
  guint stage_ms[QI_N_STAGES];  /* once in that stage */
  gboolean fail[QI_N_STAGES], die[QI_N_STAGES];
} QiStub;

/* text may be NULL: no stub. QI_ERROR_BAD_REQUEST quotes the word that is not understood. */
gboolean qi_stub_parse (const char *text, QiStub *stub, GError **error);

/* The stub of this process's environment; inactive in builds without stubs, or where QI_STUB is not understood, which
 * the worker reports. */
const QiStub *qi_stub_get (void);

/* Picture 1 must be the crop as it is before any prefill. */
gboolean qi_stub_wants_crop (const QiStub *stub);
