/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/on-device.h — what test programs with models share: one device for all their tests, and pictures to feed. */
#pragma once
#include "base/image.h"
#include "compute/compute.h"

G_BEGIN_DECLS

/* Begins the program: g_test_init, and the device with its validation. NULL where there is no device and none is asked for; the
 * program then ends with 0, all tests skipped. (transfer full, golden_run) */
QiDevice *golden_open (int *argc, char ***argv);
/* The same for a program whose tests open devices of their own: is there one? Without validation, closed again. */
gboolean golden_has_device (int *argc, char ***argv);
/* Runs the tests and closes the device; the program's exit status, which is bad too where the validation complained. */
int golden_run (QiDevice *device);

/* 8-bit RGB of uniform noise. */
QiImage *golden_noise (guint width, guint height, guint32 seed);

G_END_DECLS
