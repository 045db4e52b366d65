/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/peak.h — what the processors themselves can do, for benchmarks to be held against: machines differ, and one
 * machine's speed drifts within minutes. */
#pragma once
#include <glib.h>

/* f32 operations a second (a fused multiply-add is two) of all cores together, out of registers, best of five runs of
 * about 50 ms. */
double qi_peak_flops (void);
