/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* decode and embed_rows, bit for bit: the formulas fix every rounding, so there is no tolerance. */
#include <math.h>
#include <string.h>

#include "tests/op/op-test.h"
#include "tests/ref/ref-decode.h"

/* Same bits, or both NaN. */
static void
assert_same (QiDtype dtype, const float *got, const guint8 *bytes, const guint32 *ids, guint64 rows, guint64 columns)
{
  const guint64 row_bytes = qi_dtype_row_bytes (dtype, columns);

  for (guint64 r = 0; r < rows; r++)
    for (guint64 c = 0; c < columns; c++)
      {
        const float want = ref_decode (dtype, bytes + (ids ? ids[r] : r) * row_bytes, c);
        const float is = got[r * columns + c];

        if (memcmp (&want, &is, 4) != 0 && !(isnan (want) && isnan (is)))
          {
            g_test_message ("%s [%d, %d] is %.9g (%a), want %.9g (%a)", qi_dtype_info (dtype)->name, (int) r, (int) c,
                            is, is, want, want);
            g_test_fail ();
            return;
          }
      }
}

static guint8 *
random_bytes (gsize n, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  guint8 *bytes = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = g_rand_int (rand);
  return bytes;
}

/* Random bytes hold every kind of scale: subnormal, negative, infinite, NaN. */
static void
check_decode (QiDtype dtype, guint64 rows, guint64 columns, guint64 max_binding)
{
  g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
  g_autofree guint8 *bytes = random_bytes (rows * qi_dtype_row_bytes (dtype, columns), dtype * 31 + columns);
  const QiTensor *t = op_raw (s, dtype, rows, columns, bytes);
  g_autofree float *got = NULL;

  qi_stream_set_limits (s, max_binding, 0);
  got = op_download (s, qi_decode (s, t));
  assert_same (dtype, got, bytes, NULL, rows, columns);
}

static void
test_types (gconstpointer data)
{
  const guint64 max_binding = GPOINTER_TO_UINT (data);

  for (QiDtype dtype = 0; dtype < QI_N_WEIGHT_DTYPES; dtype++)
    {
      const guint block = qi_dtype_info (dtype)->block_len;

      check_decode (dtype, 1, block, max_binding);
      check_decode (dtype, 33, block * 3, max_binding);
      check_decode (dtype, 7, block > 1 ? block * 5 : 130, max_binding);
    }
}

/* Every code of the small floats. */
static void
test_codes (void)
{
  static const struct { QiDtype dtype; guint bytes; } types[] = {
    { QI_DTYPE_F16, 2 }, { QI_DTYPE_BF16, 2 }, { QI_DTYPE_F8_E4M3, 1 }, { QI_DTYPE_F8_E5M2, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
      const guint64 n = types[i].bytes == 2 ? 65536 : 256;
      g_autofree guint8 *codes = g_malloc (n * types[i].bytes);
      g_autofree float *got = NULL;

      for (guint64 j = 0; j < n * types[i].bytes; j++)
        codes[j] = types[i].bytes == 2 ? j / 2 >> 8 * (j % 2) : j;
      got = op_download (s, qi_decode (s, op_raw (s, types[i].dtype, 1, n, codes)));
      assert_same (types[i].dtype, got, codes, NULL, 1, n);
    }
}

/* fp8 rows of an odd length begin at odd bytes. */
static void
test_odd_rows (void)
{
  check_decode (QI_DTYPE_F8_E4M3, 9, 33, 0);
  check_decode (QI_DTYPE_F8_E5M2, 5, 1, 0);
  check_decode (QI_DTYPE_F16, 9, 33, 0);
}

static void
test_embed_rows (void)
{
  static const guint32 ids[] = { 0, 12, 5, 5, 1, 0, 12 };

  for (QiDtype dtype = 0; dtype < QI_N_WEIGHT_DTYPES; dtype++)
    {
      g_autoptr (QiStream) s = op_stream (QI_COMPUTE_F32);
      const guint64 columns = qi_dtype_info (dtype)->block_len * 2;
      g_autofree guint8 *bytes = random_bytes (13 * qi_dtype_row_bytes (dtype, columns), dtype);
      const QiTensor *table = op_raw (s, dtype, 13, columns, bytes), *t = op_raw (s, QI_DTYPE_U32, 1, 7, ids);
      g_autofree float *got = op_download (s, qi_embed_rows (s, table, t));

      assert_same (dtype, got, bytes, ids, 7, columns);
    }
}

static void
add_tests (void)
{
  g_test_add_data_func ("/decode/types", GUINT_TO_POINTER (0), test_types);
  g_test_add_data_func ("/decode/windows", GUINT_TO_POINTER (8192), test_types);
  g_test_add_func ("/decode/codes", test_codes);
  g_test_add_func ("/decode/odd-rows", test_odd_rows);
  g_test_add_func ("/decode/embed-rows", test_embed_rows);
}

int
main (int argc, char **argv)
{
  return op_test_main (argc, argv, add_tests);
}
