/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "base/bytes.h"
#include "base/error.h"

#define MAX_RUNS 25
#define MIN_RUNS 3
#define SETTLED 0.02       /* middle runs agree to this share */
#define MIN_SECONDS 0.03   /* of one run: shorter work is recorded several times */
#define CHUNK_BYTES (4u << 20)

/* -- synthetic values ---------------------------------------------------------------------------------- */

static guint64
next_random (guint64 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Bytes that read as small ordinary numbers: no NaN, no denormals, which some devices are slow on. The byte that holds
 * the exponent gets a fixed one and a random sign; blocks of quants get bytes which are small positive halves. */
static void
fill (guint8 *data, gsize n, QiDtype dtype, guint64 *state)
{
  const guint size = qi_dtype_info (dtype)->block_bytes;
  const gboolean plain = qi_dtype_info (dtype)->block_len == 1;
  const guint8 top = dtype == QI_DTYPE_F16 ? 0x2c : dtype == QI_DTYPE_F8_E4M3 || dtype == QI_DTYPE_F8_E5M2 ? 0x28 : 0x3c;

  for (gsize i = 0; i < n; i++)
    {
      const guint8 r = (guint8) (next_random (state) >> 24);

      data[i] = !plain ? (guint8) (0x21 + r % 12) : i % size == size - 1 ? (guint8) (top | (r & 0x80)) : r;
    }
}

QiTensor *
qi_bench_tensor (QiBench *bench, QiDtype dtype, guint n_dims, const guint64 *dims)
{
  g_autoptr (GError) error = NULL;
  QiTensor *tensor = qi_tensor_new (bench->pool, dtype, n_dims, dims, &error);
  const guint64 total = tensor ? qi_tensor_bytes (tensor) : 0;
  const gsize n = (gsize) MIN (total, CHUNK_BYTES);
  g_autofree guint8 *chunk = g_malloc (MAX (n, 1));

  if (!tensor)
    {
      qi_stream_take_error (bench->stream, g_steal_pointer (&error));
      return NULL;
    }
  fill (chunk, n, dtype, &bench->random);
  for (guint64 at = 0; at < total; at += n)
    qi_stream_upload (bench->stream, tensor, at, chunk, (gsize) MIN (n, total - at));
  return tensor;
}

/* -- timing ------------------------------------------------------------------------------------------- */

/* Seconds of one of n times the work, or < 0 with error set. */
static double
time_once (QiBench *bench, QiBenchFunc work, gpointer user_data, guint n, GError **error)
{
  const gint64 begin = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    {
      qi_stream_begin_scope (bench->stream);
      work (bench, user_data);
      qi_stream_end_scope (bench->stream);
    }
  if (!qi_stream_finish (bench->stream, error))
    return -1;
  return (double) (g_get_monotonic_time () - begin) * 1e-6 / n;
}

static int
by_value (gconstpointer a, gconstpointer b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* The median of repeated runs; the first, which compiles shaders, does not count. */
static double
median_seconds (QiBench *bench, QiBenchFunc work, gpointer user_data, GError **error)
{
  double seconds[MAX_RUNS];
  double first = time_once (bench, work, user_data, 1, error);
  double total = 0;
  guint n = 0;

  if (first >= 0)
    first = time_once (bench, work, user_data, 1, error);
  if (first < 0)
    return -1;

  const guint repeats = (guint) CLAMP (MIN_SECONDS / MAX (first, 1e-7), 1, 1000);

  while (n < MAX_RUNS && (n < MIN_RUNS || total < bench->max_seconds))
    {
      seconds[n] = time_once (bench, work, user_data, repeats, error);
      if (seconds[n] < 0)
        return -1;
      total += seconds[n++] * repeats;
      qsort (seconds, n, sizeof *seconds, by_value);
      if (n >= 5 && seconds[n / 2 + 1] - seconds[n / 2 - 1] < SETTLED * seconds[n / 2])
        break;
    }
  return seconds[n / 2];
}

static void
write_line (const QiBench *bench, const QiBenchLine *line, double seconds)
{
  const QiDeviceInfo *info = qi_device_info (bench->device);
  const double gflops = line->flops / seconds * 1e-9, gbytes = line->bytes / seconds * 1e-9;
  const gboolean share = line->flops > 0 && bench->host_flops > 0 && info->type == QI_DEVICE_SOFTWARE;

  const guint64 peak = line->peak ? qi_device_memory (bench->device).blocks_peak : 0;

  if (!bench->json)
    {
      printf ("%-22s %-24s %-8s %10.3f ms %9.1f GFLOP/s %8.1f GB/s", line->op, line->shape, line->dtype, seconds * 1e3,
              gflops, gbytes);
      if (share)
        printf (" %5.1f %%", 100 * line->flops / seconds / bench->host_flops);
      if (peak)
        printf (" %s at most", qi_bytes (peak).text);
      putchar ('\n');
      fflush (stdout);
      return;
    }

  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc);

  yyjson_mut_doc_set_root (doc, root);
  yyjson_mut_obj_add_str (doc, root, "event", "bench");
  yyjson_mut_obj_add_str (doc, root, "op", line->op);
  yyjson_mut_obj_add_str (doc, root, "shape", line->shape);
  yyjson_mut_obj_add_str (doc, root, "dtype", line->dtype);
  yyjson_mut_obj_add_str (doc, root, "compute", qi_stream_compute (bench->stream) == QI_COMPUTE_F32 ? "f32" : "f16");
  yyjson_mut_obj_add_real (doc, root, "seconds", seconds);
  if (line->flops > 0)
    yyjson_mut_obj_add_real (doc, root, "gflops", gflops);
  if (line->bytes > 0)
    yyjson_mut_obj_add_real (doc, root, "gbytes_per_second", gbytes);
  if (share)
    yyjson_mut_obj_add_real (doc, root, "share_of_peak", line->flops / seconds / bench->host_flops);
  if (peak)
    yyjson_mut_obj_add_uint (doc, root, "peak_bytes", peak);
  yyjson_mut_obj_add_str (doc, root, "device", info->name);
  yyjson_mut_obj_add_str (doc, root, "driver", info->driver);
  yyjson_mut_obj_add_str (doc, root, "build", QI_VERSION);

  char *text = yyjson_mut_write (doc, 0, NULL);

  puts (text);
  fflush (stdout);
  free (text);
  yyjson_mut_doc_free (doc);
}

gboolean
qi_bench_run (QiBench *bench, const QiBenchLine *line, QiBenchFunc work, gpointer user_data, GError **error)
{
  double seconds;

  qi_device_reset_memory_peak (bench->device);
  seconds = median_seconds (bench, work, user_data, error);
  if (seconds < 0)
    {
      g_prefix_error (error, "%s %s %s: ", line->op, line->shape, line->dtype);
      return FALSE;
    }
  write_line (bench, line, seconds);
  return TRUE;
}

/* -- comparing ---------------------------------------------------------------------------------------- */

/* Lines by "op shape dtype compute"; values: the document. */
static GHashTable *
read_lines (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) local = NULL;
  g_autoptr (GHashTable) table
    = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) yyjson_doc_free);

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR) || !g_file_get_contents (path, &text, NULL, &local))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s cannot be read: %s.", path,
                   local ? local->message : "it is not an ordinary file");
      return NULL;
    }

  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++)
    {
      yyjson_doc *doc = yyjson_read (lines[i], strlen (lines[i]), 0);
      yyjson_val *root = yyjson_doc_get_root (doc);
      const char *op = yyjson_get_str (yyjson_obj_get (root, "op")), *shape = yyjson_get_str (yyjson_obj_get (root, "shape"));
      const char *dtype = yyjson_get_str (yyjson_obj_get (root, "dtype"));
      const char *compute = yyjson_get_str (yyjson_obj_get (root, "compute"));

      if (op && shape && dtype && compute && yyjson_get_real (yyjson_obj_get (root, "seconds")) > 0)
        g_hash_table_replace (table, g_strjoin (" ", op, shape, dtype, compute, NULL), doc);
      else
        yyjson_doc_free (doc);
    }
  if (g_hash_table_size (table) == 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s holds no lines of sfumato bench --json.", path);
      return NULL;
    }
  return g_steal_pointer (&table);
}

static double
number (yyjson_doc *doc, const char *key)
{
  return yyjson_get_real (yyjson_obj_get (yyjson_doc_get_root (doc), key));
}

static void
write_comparison (const char *key, yyjson_doc *a, yyjson_doc *b, gboolean json)
{
  const double speed = number (a, "seconds") / number (b, "seconds");
  const double share_a = number (a, "share_of_peak"), share_b = number (b, "share_of_peak");
  const double of_peak = share_a > 0 && share_b > 0 ? share_b / share_a : 0;

  if (json)
    printf ("{\"event\":\"compare\",\"case\":\"%s\",\"a_seconds\":%.9g,\"b_seconds\":%.9g,\"speed_ratio\":%.4f,"
            "\"share_ratio\":%.4f}\n", key, number (a, "seconds"), number (b, "seconds"), speed, of_peak);
  else if (of_peak > 0)
    printf ("%-60s %6.2fx   %5.1f %% -> %5.1f %% of the peak\n", key, speed, 100 * share_a, 100 * share_b);
  else
    printf ("%-60s %6.2fx\n", key, speed);
}

gboolean
qi_bench_compare (const char *a, const char *b, gboolean json, GError **error)
{
  g_autoptr (GHashTable) first = read_lines (a, error);
  g_autoptr (GHashTable) second = first ? read_lines (b, error) : NULL;

  if (!second)
    return FALSE;

  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (first), (GCompareFunc) strcmp);

  for (GList *l = keys; l; l = l->next)
    {
      yyjson_doc *other = g_hash_table_lookup (second, l->data);

      if (other)
        write_comparison (l->data, g_hash_table_lookup (first, l->data), other, json);
    }
  return TRUE;
}
