/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op/linear-tiles.h"

#include "shaders/push.h"

#define SOFTWARE (1u << QI_DEVICE_SOFTWARE)
#define GPU (1u << QI_DEVICE_DISCRETE | 1u << QI_DEVICE_INTEGRATED | 1u << QI_DEVICE_OTHER)
#define ANY (SOFTWARE | GPU)

/* Few rows, few accumulators. Of a group the first is used where nothing was measured; on software devices nothing is, and there
 * compile time grows with the number of products that are written out, tm tn steps. The figures of scalar are those of
 * docs/performance.md; no tile for GPUs has been measured on any. */
static const QiLinearTile table[] = {
  { QI_KERNEL_SCALAR, ANY, 48, { 24, 4 } },
  { QI_KERNEL_SCALAR, ANY, 48, { 16, 4 } },
  { QI_KERNEL_SCALAR, ANY, 48, { 8, 4 } },
  { QI_KERNEL_SCALAR, ANY, 48, { 8, 2 } },
  { QI_KERNEL_SCALAR, ANY, 12, { 16, 4 } },
  { QI_KERNEL_SCALAR, ANY, 12, { 8, 2 } },
  { QI_KERNEL_SCALAR, ANY, 12, { 8, 1 } },
  { QI_KERNEL_SCALAR, ANY, 3, { 4, 2 } },
  { QI_KERNEL_SCALAR, ANY, 3, { 4, 1 } },
  { QI_KERNEL_SCALAR, ANY, 0, { 1, 2 } },
  { QI_KERNEL_SCALAR, ANY, 0, { 1, 1 } },

  { QI_KERNEL_PANELS, SOFTWARE, 0, { 8 } }, /* by 32, a panel */

  { QI_KERNEL_COOPMAT, SOFTWARE, 24, { 1, 2, 2, 2, 2 } }, /* with products of 8 by 8: 16 by 32 */
  { QI_KERNEL_COOPMAT, SOFTWARE, 0, { 1, 1, 1, 1, 1 } },
  { QI_KERNEL_COOPMAT, GPU, 96, { 4, 4, 2, 2, 2 } }, /* with products of 16 by 16: 128 by 128 */
  { QI_KERNEL_COOPMAT, GPU, 96, { 2, 4, 4, 2, 2 } }, /* the same by twice the subgroups */
  { QI_KERNEL_COOPMAT, GPU, 96, { 2, 4, 2, 2, 2 } }, /* 64 by 128 */
  { QI_KERNEL_COOPMAT, GPU, 96, { 2, 2, 2, 2, 2 } }, /* 64 by 64 */
  { QI_KERNEL_COOPMAT, GPU, 24, { 2, 2, 2, 4, 2 } }, /* 64 by 128 */
  { QI_KERNEL_COOPMAT, GPU, 24, { 1, 2, 2, 4, 2 } }, /* 32 by 128 */
  { QI_KERNEL_COOPMAT, GPU, 24, { 2, 2, 2, 2, 2 } }, /* 64 by 64 */
  { QI_KERNEL_COOPMAT, GPU, 0, { 1, 2, 1, 4, 2 } },  /* 16 by 128 */
  { QI_KERNEL_COOPMAT, GPU, 0, { 1, 1, 1, 4, 2 } },  /* 16 by 64 */

  { QI_KERNEL_DOT, ANY, 32, { 16, 2 } },
  { QI_KERNEL_DOT, ANY, 3, { 4, 2 } },
  { QI_KERNEL_DOT, ANY, 0, { 1, 2 } },

  { QI_KERNEL_COOPMAT2, GPU, 96, { 256, 128, 128, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 96, { 256, 128, 256, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 96, { 128, 64, 128, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 24, { 128, 64, 64, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 24, { 128, 32, 128, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 24, { 256, 64, 128, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 0, { 128, 16, 64, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 0, { 128, 32, 64, 64 } },
  /* What a device must take to offer the row (compute/caps.c): one of these. */
  { QI_KERNEL_COOPMAT2, GPU, 0, { 128, 64, 64, 64 } },
  { QI_KERNEL_COOPMAT2, GPU, 0, { 256, 64, 64, 64 } },
};

static gboolean
same_group (const QiLinearTile *a, const QiLinearTile *b)
{
  return a->kernel == b->kernel && a->devices == b->devices && a->from_rows == b->from_rows;
}

/* The group that begins with table[i]; FALSE past the end. */
static gboolean
group_at (guint i, guint number, QiTileGroup *group)
{
  if (i >= G_N_ELEMENTS (table))
    return FALSE;
  *group = (QiTileGroup){ number, &table[i], 1 };
  while (i + group->n < G_N_ELEMENTS (table) && same_group (&table[i], &table[i + group->n]))
    group->n++;
  g_assert (number < QI_MAX_TILE_GROUPS);
  return TRUE;
}

guint
qi_linear_tile_groups (const QiDeviceInfo *info, QiKernel kernel, QiTileGroup *groups)
{
  QiTileGroup group;
  guint n = 0, number = 0;

  for (guint i = 0; group_at (i, number, &group); i += group.n, number++)
    if (group.tiles->kernel == kernel && group.tiles->devices & 1u << info->type)
      groups[n++] = group;
  return n;
}

/* Bytes of shared memory, as linear_coopmat.comp declares it. */
static guint
shared_bytes (const QiDeviceInfo *info, guint rows, guint columns, guint subgroups, guint steps)
{
  const guint pitch = steps * info->coopmat_k * 2 + 16; /* of f16 */

  return (rows + columns) * pitch + subgroups * info->coopmat_m * info->coopmat_n * 4;
}

static gboolean
fits_coopmat2 (const QiDeviceInfo *info, const guint *side)
{
  for (guint i = 0; i < info->n_coopmat2_shapes; i++)
    {
      const QiMatrixShape *s = &info->coopmat2_shapes[i];

      if (s->lanes == side[0] && side[1] % s->m == 0 && side[2] % s->n == 0 && side[3] % s->k == 0 &&
          MAX (MAX (side[1], side[2]), side[3]) <= info->coopmat2_side)
        return TRUE;
    }
  return FALSE;
}

gboolean
qi_linear_tile_fits (const QiDeviceInfo *info, const QiLinearTile *t)
{
  const guint subgroups = t->side[2] * t->side[3];
  guint rows, columns;

  switch (t->kernel)
    {
    case QI_KERNEL_COOPMAT:
      qi_linear_tile_size (info, t, &rows, &columns);
      return subgroups * info->subgroup_size <= info->max_lanes &&
             shared_bytes (info, rows, columns, subgroups, t->side[4]) <= info->shared_bytes;
    case QI_KERNEL_COOPMAT2:
      return fits_coopmat2 (info, t->side);
    default:
      return TRUE;
    }
}

void
qi_linear_tile_size (const QiDeviceInfo *info, const QiLinearTile *t, guint *rows, guint *columns)
{
  switch (t->kernel)
    {
    case QI_KERNEL_COOPMAT:
      *rows = t->side[2] * t->side[0] * info->coopmat_m;
      *columns = t->side[3] * t->side[1] * info->coopmat_n;
      break;
    case QI_KERNEL_COOPMAT2:
      *rows = t->side[1];
      *columns = t->side[2];
      break;
    case QI_KERNEL_PANELS:
      *rows = t->side[0];
      *columns = QI_PANEL_ROWS;
      break;
    default:
      *rows = t->side[0];
      *columns = t->side[1] * info->subgroup_size;
    }
}

const QiLinearTile *
qi_linear_tile (const QiDeviceInfo *info, const QiTiles *chosen, QiKernel kernel, guint64 m)
{
  QiTileGroup groups[QI_MAX_TILE_GROUPS];
  const guint n = qi_linear_tile_groups (info, kernel, groups);
  const QiLinearTile *last = NULL;

  for (guint i = 0; i < n; i++)
    {
      const QiTileGroup *g = &groups[i];
      const guint choice = chosen->choice[g->number];

      if (g->tiles->from_rows > m)
        continue;
      if (choice && choice <= g->n && qi_linear_tile_fits (info, &g->tiles[choice - 1]))
        return &g->tiles[choice - 1];
      for (guint j = 0; j < g->n; j++)
        if (qi_linear_tile_fits (info, last = &g->tiles[j]))
          return last;
    }
  return last; /* nothing is smaller */
}
