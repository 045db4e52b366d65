/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/reckon.h"

QiReckoned
qi_reckon (const QiRequest *request, QiQuality quality, const QiVariant *variant, guint width, guint height)
{
  g_autofree char *rows = g_strdup (request->lettering ? request->lettering : "");
  const gboolean letters = *g_strstrip (rows) != '\0'; /* which need steps: at least balanced */
  const QiVariantQuality *row = qi_variant_quality (variant, letters ? MAX (quality, QI_QUALITY_BALANCED) : quality, FALSE);
  QiReckoned reckoned = { .width = request->width ? request->width : width,
                          .height = request->height ? request->height : height,
                          .steps = request->steps ? request->steps : row->steps,
                          .guidance = request->guidance > 0 ? request->guidance : row->guidance };

  reckoned.passes = reckoned.guidance > 1 ? 2 : 1;
  return reckoned;
}

double
qi_reckon_seconds (const QiReckoned *reckoned, const QiExpect *expect, guint n)
{
  if (expect->pass < 0)
    return -1;
  return MAX (expect->encode, 0) + n * (reckoned->steps * reckoned->passes * expect->pass + MAX (expect->decode, 0));
}
