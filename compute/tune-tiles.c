/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/tune-tiles.h"

#include <math.h>

#include "compute/op.h"
#include "compute/pipeline.h"
#include "compute/self-test.h"
#include "compute/stream.h"

#define BUDGET 1.0 /* seconds; then the rest keep their first tile */
#define WIDTH 3072 /* n and k: a hidden state of the 20 B model */
#define RUNS 3
#define LONG 0.05 /* one run of so many seconds says enough */

/* -- one tile ---------------------------------------------------------------------------------------- */

/* Makes linear take this row and tile; undone by passing what was there. */
static void
force (QiDevice *device, const QiTileGroup *group, int kernel, guint8 choice)
{
  device->kernels.forced = kernel;
  device->tiles.choice[group->number] = choice;
}

/* Many rows as of a picture's tokens, of f16 weights, which is what quantised ones are expanded to; few decode theirs in the tile. */
static gboolean
run (QiDevice *device, const QiLinearTile *tile, double *seconds, GError **error)
{
  const gboolean many = tile->from_rows >= 48;
  const guint64 m = many ? 1024 : MAX (2 * tile->from_rows, 1);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const QiTensor *x, *w;

  qi_stream_set_compute (s, qi_kernel_serves (tile->kernel, QI_COMPUTE_F32) ? QI_COMPUTE_F32 : QI_COMPUTE_F16);
  x = qi_scratch (s, QI_DTYPE_F32, m, WIDTH);
  w = qi_scratch (s, many ? QI_DTYPE_F16 : QI_DTYPE_Q8_0, WIDTH, WIDTH);
  qi_stream_fill_zero (s, x);
  qi_stream_fill_zero (s, w);
  *seconds = INFINITY;
  for (guint i = 0; i <= RUNS; i++) /* the first compiles */
    {
      const gint64 begin = g_get_monotonic_time ();
      double passed;

      qi_stream_begin_scope (s);
      qi_linear (s, x, &(QiLinear){ .weight = w }, QI_ACT_NONE);
      qi_stream_end_scope (s);
      if (!qi_stream_finish (s, error))
        return FALSE;
      passed = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
      if (i)
        *seconds = MIN (*seconds, passed);
      if (i && passed > LONG)
        break;
    }
  return TRUE;
}

gboolean
qi_tune_time_tile (QiDevice *device, const QiTileGroup *group, guint i, double *seconds)
{
  const int forced = device->kernels.forced;
  const guint8 choice = device->tiles.choice[group->number];
  g_autoptr (GError) error = NULL;
  gboolean ok;

  if (!qi_linear_tile_fits (&device->info, &group->tiles[i]))
    return FALSE;
  force (device, group, (int) group->tiles->kernel, (guint8) (i + 1));
  ok = run (device, &group->tiles[i], seconds, &error);
  force (device, group, forced, choice);
  if (!ok)
    g_info ("a tile of the kernels %s was not timed: %s", qi_kernel_name (group->tiles->kernel), error->message);
  return ok;
}

gboolean
qi_tune_test_tile (QiDevice *device, const QiTileGroup *group, guint i)
{
  const guint8 choice = device->tiles.choice[group->number];
  g_autoptr (GError) error = NULL;
  gboolean known, right;

  device->tiles.choice[group->number] = (guint8) (i + 1);
  right = qi_self_test_row (device, group->tiles->kernel, 1, &known, &error);
  device->tiles.choice[group->number] = choice;
  if (!right)
    g_info ("a tile of the kernels %s is not used: %s", qi_kernel_name (group->tiles->kernel), error->message);
  return right;
}

/* -- all that are in use ----------------------------------------------------------------------------- */

typedef struct
{
  QiDevice *device;
  QiTileGroup groups[QI_MAX_TILE_GROUPS];
} Context;

static gint64
now (G_GNUC_UNUSED gpointer data)
{
  return g_get_monotonic_time ();
}

static gboolean
measure (gpointer data, guint choice, guint candidate, double *seconds)
{
  Context *c = data;

  return qi_tune_time_tile (c->device, &c->groups[choice], candidate, seconds);
}

static gboolean
right (gpointer data, guint choice, guint candidate)
{
  Context *c = data;

  return qi_tune_test_tile (c->device, &c->groups[choice], candidate);
}

guint
qi_tune_groups (const QiDevice *device, QiTileGroup *groups)
{
  const guint32 in_use = qi_kernels_in_use (&device->kernels, &device->info) & ~device->kernels.failed;
  guint n = 0;

  if (device->info.type == QI_DEVICE_SOFTWARE)
    return 0;
  for (int kernel = QI_N_KERNELS - 1; kernel >= 0; kernel--) /* the rows that do most first, should time run out */
    {
      QiTileGroup all[QI_MAX_TILE_GROUPS];
      const guint n_all = in_use & QI_KERNEL_BIT (kernel) ? qi_linear_tile_groups (&device->info, (QiKernel) kernel, all) : 0;

      for (guint i = 0; i < n_all; i++)
        if (all[i].n > 1)
          groups[n++] = all[i];
    }
  return n;
}

static char *
tile_label (const QiLinearTile *t)
{
  return g_strdup_printf ("%u %u %u %u %u", t->side[0], t->side[1], t->side[2], t->side[3], t->side[4]);
}

void
qi_tune_tiles (QiDevice *device, const QiTuneMeter *meter)
{
  Context context = { .device = device };
  const QiTuneMeter real = { now, measure, right, &context };
  const guint n = qi_tune_groups (device, context.groups);
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  g_autofree QiTuneChoice *choices = g_new0 (QiTuneChoice, n);
  g_autofree char *path = NULL;
  guint chosen[QI_MAX_TILE_GROUPS];

  if (n == 0)
    return;
  for (guint i = 0; i < n; i++)
    {
      const QiTileGroup *g = &context.groups[i];
      const char **labels = g_new (const char *, g->n);

      g_ptr_array_add (strings, labels);
      for (guint j = 0; j < g->n; j++)
        g_ptr_array_add (strings, (char *) (labels[j] = tile_label (&g->tiles[j])));
      choices[i] = (QiTuneChoice){ g_strdup_printf ("%s-%u", qi_kernel_name (g->tiles->kernel), (guint) g->tiles->from_rows),
                                   labels, g->n };
      g_ptr_array_add (strings, (char *) choices[i].name);
    }
  path = qi_pipeline_cache_path (device, "tiles");
  qi_tune (path, qi_shader_digest, choices, n, BUDGET, meter ? meter : &real, chosen);
  for (guint i = 0; i < n; i++)
    {
      device->tiles.choice[context.groups[i].number] = (guint8) (chosen[i] ? chosen[i] + 1 : 0);
      g_info ("tile of %s: %s", choices[i].name, choices[i].labels[chosen[i]]);
    }
  qi_device_reset_memory_peak (device);
}
