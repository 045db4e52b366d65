/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/info.h — device, model and time of a request that is not made yet. Any thread; reads headers, no weights. */
#pragma once
#include "wire/client.h"
#include "worker/maker.h"
#include "worker/timings.h"

/* What is wrong is said in it. (transfer full) */
QiEngineInfo *qi_info_of (const QiRequest *request, guint n_pictures, QiMaker *maker, QiTimings *timings);
