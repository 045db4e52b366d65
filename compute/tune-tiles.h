/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/tune-tiles.h — the tiles of linear, tuned on the device: at its first use the groups of compute/op/linear-tiles.h that
 * the table can choose there are tried at real widths, and the fastest tile of each is kept beside the pipelines. It holds as long as
 * device, driver and shaders are the same. */
#pragma once
#include "compute/device.h"
#include "compute/op/linear-tiles.h"
#include "compute/tune.h"

/* Sets device->tiles; about a second where nothing is known yet. Nothing on software devices, whose first tiles were measured once
 * and for all. meter NULL: the device itself, which a test replaces; its choices are numbered as qi_tune_groups() has them. */
void qi_tune_tiles (QiDevice *device, const QiTuneMeter *meter);

/* The groups that are tuned on such a device; returns how many, at most QI_MAX_TILE_GROUPS. */
guint qi_tune_groups (const QiDevice *device, QiTileGroup *groups);

/* Best of a few uses of candidate i of the group. FALSE: it does not fit here, or something failed. */
gboolean qi_tune_time_tile (QiDevice *device, const QiTileGroup *group, guint i, double *seconds);
/* The self-test of its row with this tile. */
gboolean qi_tune_test_tile (QiDevice *device, const QiTileGroup *group, guint i);
