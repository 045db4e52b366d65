/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/op/linear-tiles.h — how the rows of linear cut their work: one table, in which several tiles for the same row, kind of
 * device and number of rows of x are a group, of which the fastest can be found on the device (compute/tune-tiles.h). */
#pragma once
#include "compute/kernels.h"

typedef struct
{
  QiKernel kernel;
  guint32 devices;   /* bits of QiDeviceType */
  guint64 from_rows; /* of x, at least */
  /* scalar, dot: rows and columns a lane;
   * coopmat: products of the device's shape, tm x tn a subgroup, sm x sn subgroups, steps of k between two fills;
   * coopmat2: lanes, rows, columns, k of a workgroup's product. */
  guint side[5];
} QiLinearTile;

typedef struct
{
  guint number; /* in QiTiles */
  const QiLinearTile *tiles;
  guint n;
} QiTileGroup;

/* Groups of the row for this kind of device, many rows of x first; returns how many, at most QI_MAX_TILE_GROUPS. */
guint qi_linear_tile_groups (const QiDeviceInfo *info, QiKernel kernel, QiTileGroup *groups);

gboolean qi_linear_tile_fits (const QiDeviceInfo *info, const QiLinearTile *tile);

/* The tile for m rows: what was chosen of the group, else its first that fits, else one of fewer rows. */
const QiLinearTile *qi_linear_tile (const QiDeviceInfo *info, const QiTiles *chosen, QiKernel kernel, guint64 m);

/* Rows and columns of y that a workgroup owns. */
void qi_linear_tile_size (const QiDeviceInfo *info, const QiLinearTile *tile, guint *rows, guint *columns);
