/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/weights-private.h — a QiWeights from inside: weights.c (what is read once) and weights-late.c (what is read when
 * it is used). */
#pragma once
#include "models/weights.h"

struct _QiWeights
{
  QiLoad load;
  GPtrArray *tensors;  /* of QiTensor */
  GHashTable *linears; /* char * to QiLinear */
  guint8 *buffer;      /* [CHUNK] */
  guint64 done;
  GError *error; /* sticky */

  gboolean streaming; /* matrices go to the ring */
  GArray *groups;     /* gint, by block: of the ring; -1: the block is kept. Blocks beyond: likewise */
};
