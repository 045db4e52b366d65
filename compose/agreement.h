/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/agreement.h — whether the whole picture moved, or one thing in it that somebody may have asked to move. */
#pragma once
#include "compose/plane.h"
#include "compose/register.h"

/* picture, result: luminance, the same size. TRUE where drift makes what there is to see agree better than no motion
 * does: hardly anything was better as it was, and what has moved lies in more than one corner of the picture. */
gboolean qi_drift_is_everywhere (const QiPlane *picture, const QiPlane *result, const QiDrift *drift);
