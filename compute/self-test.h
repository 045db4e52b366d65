/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/self-test.h — drivers that compute garbage: each row of the kernel table is tried against small known answers the
 * first time that it could be used on a device and driver. What was found is kept in the user's cache folder, beside the
 * pipelines, and holds as long as device, driver and shaders are the same. */
#pragma once
#include "compute/device.h"

/* Tries what is not known yet. Rows that are wrong get their bit in device->kernels.failed and a warning, so that the next
 * in the table takes their work. FALSE where nothing can: the scalar row, or a forced one, is wrong. Where only the scalar
 * row can be used, which has no substitute, nothing is tried. */
gboolean qi_self_test (QiDevice *device, GError **error);

/* One row, now. TRUE: right. *known FALSE: it could not be tried, *error says why. strictness divides the limits: for the test
 * that provokes a failure. */
gboolean qi_self_test_row (QiDevice *device, QiKernel kernel, double strictness, gboolean *known, GError **error);
