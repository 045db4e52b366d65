/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What is fastest here, with times, clock and errors that are made up; and that linear then takes that tile. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "base/env.h"
#include "compute/op.h"
#include "compute/pipeline.h"
#include "compute/tune-tiles.h"
#include "tests/op/own-cache.h"

enum { N_CHOICES = 2, N_CANDIDATES = 3 };
static const char *const labels[N_CANDIDATES] = { "one", "two", "three" };
static const QiTuneChoice choices[N_CHOICES] = { { "many", labels, N_CANDIDATES }, { "few", labels, N_CANDIDATES } };

/* Seconds of each candidate; 0: it cannot be used. */
typedef struct
{
  double seconds[N_CHOICES][N_CANDIDATES];
  gboolean wrong[N_CANDIDATES];
  double cost; /* that the clock goes on with each measurement */
  double clock;
  guint n_measured;
  const char *path, *copy; /* the file as it is at the first measurement is copied there, where given */
} Fake;

static gint64
fake_now (gpointer data)
{
  return (gint64) (((Fake *) data)->clock * G_USEC_PER_SEC);
}

static gboolean
fake_measure (gpointer data, guint choice, guint candidate, double *seconds)
{
  Fake *f = data;

  if (f->copy && f->n_measured == 0)
    {
      g_autofree char *text = NULL;

      g_assert_true (g_file_get_contents (f->path, &text, NULL, NULL));
      g_assert_true (g_file_set_contents (f->copy, text, -1, NULL));
    }
  f->n_measured++;
  f->clock += f->cost;
  *seconds = f->seconds[choice][candidate];
  return *seconds > 0;
}

static gboolean
fake_right (gpointer data, G_GNUC_UNUSED guint choice, guint candidate)
{
  return !((Fake *) data)->wrong[candidate];
}

static const Fake usual = { .seconds = { { 3, 1, 2 }, { 1, 2, 3 } }, .cost = 0.01 };

static void
check (const char *path, const char *version, Fake f, guint many, guint few, guint n_measured)
{
  const QiTuneMeter meter = { fake_now, fake_measure, fake_right, &f };
  guint chosen[N_CHOICES] = { 9, 9 };

  qi_tune (path, version, choices, N_CHOICES, 1, &meter, chosen);
  g_assert_cmpuint (chosen[0], ==, many);
  g_assert_cmpuint (chosen[1], ==, few);
  g_assert_cmpuint (f.n_measured, ==, n_measured);
}

static char *
new_path (void)
{
  g_autofree char *folder = g_dir_make_tmp ("sfumato-tune-XXXXXX", NULL);

  g_assert_nonnull (folder);
  return g_build_filename (folder, "not there yet", "tiles", NULL);
}

/* The fastest of each; a second time nothing is measured, whatever would be the fastest by then. */
static void
test_fastest (void)
{
  g_autofree char *path = new_path ();
  const Fake other = { .seconds = { { 1, 2, 3 }, { 3, 2, 1 } }, .cost = 0.01 };

  check (path, "v1", usual, 1, 0, 6);
  check (path, "v1", other, 1, 0, 0);
  check (path, "v2", other, 0, 2, 6); /* other shaders: anew */
  check (path, "v2", usual, 0, 2, 0);
}

static void
write_file (const char *path, const char *text, gssize n)
{
  g_autofree char *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, n, NULL));
}

/* Files that are broken, of something else or name what is no candidate are not believed, and mended. */
static void
test_broken_file (void)
{
  static const char *const texts[] = {
    "",
    "\xff\xfe[[[ 1 2 3",
    "[fastest]\nversion=v1\nmany=ten\nfew=",
    "[fastest]\nmany=three\nfew=three\n",
    "[other]\nversion=v1\nmany=three\nfew=three\n",
  };
  static const char good[] = "[fastest]\nversion=v1\nmany=three\nfew=three\n";
  g_autofree char *path = new_path (), *large = g_strnfill (1 << 20, '#');

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      write_file (path, texts[i], -1);
      check (path, "v1", usual, 1, 0, 6);
      check (path, "v1", usual, 1, 0, 0);
    }
  memcpy (large, good, strlen (good));
  write_file (path, large, 1 << 20);
  check (path, "v1", usual, 1, 0, 6);
  /* Half of it is good. */
  write_file (path, "[fastest]\nversion=v1\nmany=three\nfew=ten\n", -1);
  check (path, "v1", usual, 2, 0, 3);
  check (path, "v1", usual, 2, 0, 0);
}

/* What fails is skipped, the first too; where all do it is the first. */
static void
test_failing (void)
{
  g_autofree char *path = new_path ();
  const Fake first_fails = { .seconds = { { 0, 2, 3 }, { 1, 0, 0 } }, .cost = 0.01 };
  const Fake all_fail = { .seconds = { { 0, 0, 0 }, { 3, 2, 1 } }, .cost = 0.01 };

  check (path, "v1", first_fails, 1, 0, 6);
  check (path, "v2", all_fail, 0, 2, 6);
  check (path, "v2", usual, 0, 2, 0);
}

/* A process that dies while it measures is the last that tries that choice. */
static void
test_died (void)
{
  g_autofree char *path = new_path (), *folder = g_path_get_dirname (path), *copy = g_strconcat (folder, "-copy", NULL);
  Fake f = usual;

  f.path = path;
  f.copy = copy;
  check (path, "v1", f, 1, 0, 6);
  check (copy, "v1", usual, 0, 0, 3);
}

/* Garbage is no candidate however fast: the next fastest. */
static void
test_wrong (void)
{
  g_autofree char *path = new_path ();
  Fake f = usual;

  f.wrong[1] = TRUE;
  g_test_expect_message ("qi-compute", G_LOG_LEVEL_WARNING, "two of many computes wrong results*");
  check (path, "v1", f, 2, 0, 6);
  g_test_assert_expected_messages ();
  check (path, "v1", usual, 2, 0, 0);
}

/* After a second nothing is begun; what was found by then holds for good. */
static void
test_slow (void)
{
  g_autofree char *path = new_path ();
  Fake f = usual;

  f.cost = 0.6;
  check (path, "v1", f, 1, 0, 2);
  check (path, "v1", usual, 1, 0, 0);
  f.cost = 10;
  check (path, "v2", f, 0, 0, 1);
  check (path, "v2", usual, 0, 0, 0);
}

/* What cannot be kept is not used: another run could find another. */
static void
test_no_place (void)
{
  g_autofree char *path = new_path (), *below = g_build_filename (path, "tiles", NULL);

  write_file (path, "a file where a folder should be", -1);
  check (below, "v1", usual, 0, 0, 0);
}

/* -- with a device ----------------------------------------------------------------------------------- */

static QiDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  QiDevice *device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = TRUE }, &error);

  g_assert_no_error (error);
  return device;
}

/* The last that fits of each group is the fastest, here. */
static gboolean
last_is_fastest (gpointer data, guint choice, guint candidate, double *seconds)
{
  QiTileGroup groups[QI_MAX_TILE_GROUPS];
  const QiDevice *device = data;

  g_assert_cmpuint (choice, <, qi_tune_groups (device, groups));
  g_assert_cmpuint (candidate, <, groups[choice].n);
  *seconds = 1.0 / (candidate + 1);
  return qi_linear_tile_fits (&device->info, &groups[choice].tiles[candidate]);
}

static gboolean
always (G_GNUC_UNUSED gpointer data, G_GNUC_UNUSED guint choice, G_GNUC_UNUSED guint candidate)
{
  return TRUE;
}

static gboolean
never (G_GNUC_UNUSED gpointer data, G_GNUC_UNUSED guint choice, G_GNUC_UNUSED guint candidate, G_GNUC_UNUSED double *seconds)
{
  g_assert_not_reached ();
}

static gint64
no_time (G_GNUC_UNUSED gpointer data)
{
  return 0;
}

static const QiLinearTile *
tile_of (const QiDevice *device, const QiTileGroup *group)
{
  return qi_linear_tile (&device->info, &device->tiles, group->tiles->kernel, group->tiles->from_rows);
}

static void
test_device (void)
{
  g_autoptr (QiDevice) device = open_device ();
  const QiTuneMeter meter = { no_time, last_is_fastest, always, device }, unused = { no_time, never, always, device };
  QiTileGroup groups[QI_MAX_TILE_GROUPS];
  guint n;

  /* Software devices keep the tiles that were measured once and for all. */
  qi_tune_tiles (device, &unused);
  g_assert_cmpuint (qi_tune_groups (device, groups), ==, 0);

  device->info.type = QI_DEVICE_DISCRETE;
  n = qi_tune_groups (device, groups);
  g_assert_cmpuint (n, >=, device->info.coopmat ? 7 : 4);
  qi_tune_tiles (device, &meter);
  for (guint i = 0; i < n; i++)
    g_assert_true (tile_of (device, &groups[i]) == &groups[i].tiles[groups[i].n - 1]);

  /* Another process. */
  memset (&device->tiles, 0, sizeof device->tiles);
  for (guint i = 0; i < n; i++)
    g_assert_true (tile_of (device, &groups[i]) == &groups[i].tiles[0]);
  qi_tune_tiles (device, &unused);
  for (guint i = 0; i < n; i++)
    g_assert_true (tile_of (device, &groups[i]) == &groups[i].tiles[groups[i].n - 1]);
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

/* The device's own times and answers, for tiles that compile quickly here: the scalar ones. */
static void
test_real (void)
{
  g_autoptr (QiDevice) device = open_device ();
  QiTileGroup groups[QI_MAX_TILE_GROUPS];
  const guint n = qi_linear_tile_groups (&device->info, QI_KERNEL_SCALAR, groups);
  const QiTileGroup *few = &groups[n - 1];
  QiTiles before = device->tiles;

  g_assert_cmpuint (few->tiles->from_rows, ==, 0);
  for (guint i = 0; i < few->n; i++)
    {
      double seconds = -1;

      g_assert_true (qi_tune_time_tile (device, few, i, &seconds));
      g_assert_cmpfloat (seconds, >, 0);
      g_assert_cmpfloat (seconds, <, 60);
    }
  for (guint g = 0; g < n; g++) /* one a group: each is a pipeline for every type of the self-test */
    g_assert_true (qi_tune_test_tile (device, &groups[g], groups[g].n - 1));
  g_assert_cmpmem (&before, sizeof before, &device->tiles, sizeof device->tiles);
  g_assert_cmpint (device->kernels.forced, ==, -1);
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

/* x w^T with this tile: its bytes. */
static GBytes *
product (QiDevice *device, const QiTileGroup *group, guint i)
{
  enum { N = 37, K = 70 };
  const guint m = MAX (group->tiles->from_rows, 1) + 5;
  g_autoptr (GError) error = NULL;
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const QiTensor *x = qi_scratch (s, QI_DTYPE_F32, m, K), *w = qi_scratch (s, QI_DTYPE_F32, N, K), *y;
  g_autofree float *values = g_new (float, MAX (m, N) * K);
  float *got = g_new (float, m * N);

  for (guint j = 0; j < MAX (m, N) * K; j++)
    values[j] = sinf (j * 0.37f) + 0.01f * (j % 101);
  device->tiles.choice[group->number] = (guint8) (i + 1);
  device->kernels.forced = (int) group->tiles->kernel;
  qi_stream_set_compute (s, QI_COMPUTE_F16);
  qi_stream_upload (s, x, 0, values, qi_tensor_bytes (x));
  qi_stream_upload (s, w, 0, values, qi_tensor_bytes (w));
  y = qi_linear (s, x, &(QiLinear){ .weight = w }, QI_ACT_NONE);
  qi_stream_download (s, y, got, m * N * sizeof *got, &error);
  g_assert_no_error (error);
  device->tiles.choice[group->number] = 0;
  device->kernels.forced = -1;
  return g_bytes_new_take (got, m * N * sizeof *got);
}

/* Whichever is the fastest, the picture is the same: no tile changes a bit of the rows that are chosen. */
static void
test_same_bytes (void)
{
  g_autoptr (QiDevice) device = open_device ();
  QiTileGroup groups[QI_MAX_TILE_GROUPS];
  guint n;

  device->info.type = QI_DEVICE_DISCRETE;
  n = qi_tune_groups (device, groups);
  for (guint g = 0; g < n; g++)
    {
      g_autoptr (GBytes) first = NULL;

      if (groups[g].tiles->kernel == QI_KERNEL_COOPMAT && groups[g].tiles->from_rows > 24)
        continue; /* half a minute to compile here; the others are made of the same code */
      first = product (device, &groups[g], 0);
      for (guint i = 1; i < groups[g].n; i++)
        {
          g_autoptr (GBytes) other = product (device, &groups[g], i);

          g_assert_true (g_bytes_equal (first, other));
        }
    }
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = NULL;

  g_test_init (&argc, &argv, NULL);
  own_cache ();
  g_test_add_func ("/tune/fastest", test_fastest);
  g_test_add_func ("/tune/broken-file", test_broken_file);
  g_test_add_func ("/tune/failing", test_failing);
  g_test_add_func ("/tune/died", test_died);
  g_test_add_func ("/tune/wrong", test_wrong);
  g_test_add_func ("/tune/slow", test_slow);
  g_test_add_func ("/tune/no-place", test_no_place);
  device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device () }, &error);
  if (!device && qi_env_require_vulkan ())
    g_error ("%s", error->message);
  if (device)
    {
      g_test_add_func ("/tune/device", test_device);
      g_test_add_func ("/tune/real", test_real);
      g_test_add_func ("/tune/same-bytes", test_same_bytes);
    }
  return g_test_run ();
}
