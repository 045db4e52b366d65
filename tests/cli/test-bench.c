/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato bench on models made up on the device: which lines it writes, and what they say of memory. No speed is judged. */
#include <string.h>

#include <yyjson.h>

#include "tests/cli/run-cli.h"

typedef struct
{
  char *op, *shape, *dtype;
  double seconds;
  guint64 peak;
} Line;

static void
line_clear (Line *line)
{
  g_free (line->op);
  g_free (line->shape);
  g_free (line->dtype);
}

/* The bench events among the lines of text. */
static GArray *
parse (const char *text)
{
  GArray *lines = g_array_new (FALSE, TRUE, sizeof (Line));
  g_auto (GStrv) rows = g_strsplit (text, "\n", -1);

  g_array_set_clear_func (lines, (GDestroyNotify) line_clear);
  for (guint i = 0; rows[i] && *rows[i]; i++)
    {
      yyjson_doc *doc = yyjson_read (rows[i], strlen (rows[i]), 0);
      yyjson_val *root = yyjson_doc_get_root (doc);

      g_assert_nonnull (doc);
      if (yyjson_equals_str (yyjson_obj_get (root, "event"), "bench"))
        {
          Line line = { .op = g_strdup (yyjson_get_str (yyjson_obj_get (root, "op"))),
                        .shape = g_strdup (yyjson_get_str (yyjson_obj_get (root, "shape"))),
                        .dtype = g_strdup (yyjson_get_str (yyjson_obj_get (root, "dtype"))),
                        .seconds = yyjson_get_real (yyjson_obj_get (root, "seconds")),
                        .peak = yyjson_get_uint (yyjson_obj_get (root, "peak_bytes")) };

          g_array_append_val (lines, line);
        }
      yyjson_doc_free (doc);
    }
  return lines;
}

static GArray *
bench (const char *model, const char *blocks, const char *type, const char *text)
{
  g_auto (CliRun) run = cli_run ("bench", "--json", "--seconds=0", "--synthetic", model, "--blocks", blocks, "--weights", type, text,
                                 NULL);

  cli_assert_status (&run, 0);
  return parse (run.out);
}

static void
assert_line (const GArray *lines, guint i, const char *op, const char *shape, const char *dtype)
{
  const Line *line = &g_array_index (lines, Line, i);

  g_assert_cmpstr (line->op, ==, op);
  g_assert_cmpstr (line->shape, ==, shape);
  g_assert_cmpstr (line->dtype, ==, dtype);
  g_assert_cmpfloat (line->seconds, >, 0);
}

/* Both lengths where none is asked for; a longer prompt takes more memory, at least by its residual stream. */
static void
test_text (void)
{
  g_autoptr (GArray) lines = bench ("tiny-text", "1", "f16", NULL);

  g_assert_cmpuint (lines->len, ==, 2);
  assert_line (lines, 0, "encode tiny-text", "100/1", "f16");
  assert_line (lines, 1, "encode tiny-text", "1500/1", "f16");
  g_assert_cmpuint (g_array_index (lines, Line, 1).peak, >=, g_array_index (lines, Line, 0).peak + 1400 * 64 * 4);
}

/* Values of a layer's seven matrices: 2 × 64² of queries and output, 2 × 32 × 64, 3 × 128 × 64. */
static void
test_weights (void)
{
  const guint64 values = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64;
  g_autoptr (GArray) wide = bench ("tiny-text", "1", "f32", "--text=20"), narrow = bench ("tiny-text", "3", "q8_0", "--text=20");

  g_assert_cmpuint (wide->len, ==, 1);
  g_assert_cmpuint (narrow->len, ==, 1);
  assert_line (wide, 0, "encode tiny-text", "20/1", "f32");
  assert_line (narrow, 0, "encode tiny-text", "20/3", "q8_0");
  g_assert_cmpuint (g_array_index (wide, Line, 0).peak, >, values * 4);
  g_assert_cmpuint (g_array_index (narrow, Line, 0).peak, >, values * 34 / 32);
}

static void
test_step (void)
{
  g_autoptr (GArray) lines = bench ("tiny", "2", "bf16", "--width=64");

  g_assert_cmpuint (lines->len, ==, 1);
  assert_line (lines, 0, "step tiny", "64x256+64/2", "bf16");
  g_assert_cmpuint (g_array_index (lines, Line, 0).peak, >, 0);
}

static void
test_refused (void)
{
  g_auto (CliRun) name = cli_run ("bench", "--synthetic=8b", NULL), none = cli_run ("bench", "--synthetic=7b", "--text=0", NULL);

  cli_assert_status (&name, 2);
  g_assert_nonnull (strstr (name.err, "7b"));
  cli_assert_status (&none, 2);
  g_assert_nonnull (strstr (none.err, "--text"));
}

static void
add_tests (void)
{
  g_test_add_func ("/bench/text", test_text);
  g_test_add_func ("/bench/weights", test_weights);
  g_test_add_func ("/bench/step", test_step);
  g_test_add_func ("/bench/refused", test_refused);
}

int
main (int argc, char **argv)
{
  return cli_test_main (argc, argv, add_tests);
}
