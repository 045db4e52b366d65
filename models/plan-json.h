/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/plan-json.h — devices and plans for programs. Bytes are integers, names are English. Internal to models/. */
#pragma once
#include "models/plan.h"

/* What was asked for, once defaults are filled in. */
typedef struct
{
  const char *pipeline;
  guint width, height, steps, results;
  double guidance;
  guint64 budget; /* bytes */
} QiPlanRequest;

/* {"device": {…}, "compute": …, "request": {…}, "plan": {"budget_bytes", "fits", "peak_bytes", "resident_bytes",
 * "stages": [{"part", "weights_bytes", "weights_block_bytes", "scratch_bytes", "scratch_block_bytes", "stage_bytes"}]}}.
 * peak_bytes is what the job will have allocated at most when it starts with nothing loaded; resident_bytes with all
 * parts kept. (transfer full, g_free) */
char *qi_plan_json (const QiPlan *plan, const QiPlanRequest *request, const QiDeviceInfo *device, QiCompute compute);

/* Array of objects; element type of devices: QiDeviceInfo. (transfer full, g_free) */
char *qi_devices_json (const GPtrArray *devices);
