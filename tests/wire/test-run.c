/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that go well: the stubs' pictures, progress, previews, results, info; the tiny model as the command line has it. */
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

#include "base/error.h"
#include "tests/wire/wire-test.h"

static void
test_copy (void)
{
  g_autoptr (QiImage) picture = wire_picture (200, 120, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_EDIT);
  g_autoptr (GError) error = NULL;
  WireSeen seen = { 0 };

  wire_stub ("copy");

  g_autoptr (QiResult) result = wire_run (request, picture, &seen, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (result->images->len, ==, 1);
  wire_assert_equal (picture, result->images->pdata[0]);
  g_assert_cmpint (result->seed, ==, 7);
  g_assert_cmpuint (result->steps, ==, 3);
  g_assert_cmpfloat (result->guidance, ==, 2.5);
  g_assert_cmpuint (result->width, ==, 200);
  g_assert_cmpuint (result->height, ==, 120);
  g_assert_cmpstr (result->prompt, ==, "a fox in the snow");
  g_assert_null (result->note);
  g_assert_cmpuint (seen.n_steps, ==, 3);
  g_assert_cmpuint (seen.n_previews, ==, 3);
  for (QiStage stage = QI_STAGE_LOAD; stage <= QI_STAGE_DECODE; stage++)
    g_assert_true (seen.seen[stage]);
  wire_end_worker ();
}

/* -- the tiny model -------------------------------------------------------------------------------- */

static char *
model_path (void)
{
  return g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
}

/* The same request through sfumato generate. (transfer full) */
static QiImage *
picture_of_command_line (const QiRequest *request)
{
  g_autofree char *output = g_build_filename (wire_folder, "cli.png", NULL);
  g_autofree char *width = g_strdup_printf ("--width=%u", request->width), *height = g_strdup_printf ("--height=%u", request->height);
  g_autofree char *steps = g_strdup_printf ("--steps=%u", request->steps);
  const char *const argv[] = { g_getenv ("SFUMATO"), "generate", "--quiet", "--device", "cpu", "--model", request->model, "--prompt",
                               request->prompt, "--seed", "7", width, height, steps, "--output", output, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error));
  g_assert_true (g_spawn_check_wait_status (status, &error));

  g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new_from_file (output, &error);
  const gsize stride = (gsize) gdk_pixbuf_get_rowstride (pixbuf), n = gdk_pixbuf_get_byte_length (pixbuf);

  g_assert_no_error (error);

  g_autoptr (GBytes) bytes = g_bytes_new (gdk_pixbuf_read_pixels (pixbuf), n);

  return qi_image_new (gdk_pixbuf_get_width (pixbuf), gdk_pixbuf_get_height (pixbuf), gdk_pixbuf_get_n_channels (pixbuf), stride, bytes);
}

/* The bytes of the command line; and nothing is loaded twice. */
static void
test_model (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiImage) expected = NULL;
  WireSeen cold = { 0 }, warm = { 0 };

  wire_stub (NULL);
  request->model = model_path ();
  request->device = g_strdup ("cpu");
  request->width = 96;
  request->height = 64;
  request->steps = 2;
  expected = picture_of_command_line (request);

  g_autoptr (QiResult) first = wire_run (request, NULL, &cold, NULL, &error);

  g_assert_no_error (error);
  wire_assert_equal (expected, first->images->pdata[0]);
  g_assert_cmpfloat (first->seconds[QI_STAGE_LOAD], >, 0);

  g_autoptr (QiResult) second = wire_run (request, NULL, &warm, NULL, &error);

  g_assert_no_error (error);
  wire_assert_equal (expected, second->images->pdata[0]);
  g_assert_true (cold.seen[QI_STAGE_LOAD]);
  g_assert_false (warm.seen[QI_STAGE_LOAD]);
  g_assert_cmpfloat (second->seconds[QI_STAGE_LOAD], ==, 0);
  g_assert_cmpfloat (second->seconds[QI_STAGE_DENOISE], >, 0);
  g_test_message ("loading: %.3f s cold, %.3f s warm; denoising %.3f and %.3f s", first->seconds[QI_STAGE_LOAD],
                  second->seconds[QI_STAGE_LOAD], first->seconds[QI_STAGE_DENOISE], second->seconds[QI_STAGE_DENOISE]);

  /* Another word is another picture. */
  g_free (request->prompt);
  request->prompt = g_strdup ("a fox in the sand");

  g_autoptr (QiResult) third = wire_run (request, NULL, NULL, NULL, &error);
  QiImage *a = first->images->pdata[0], *b = third->images->pdata[0];

  g_assert_cmpint (memcmp (qi_image_row (a, 0), qi_image_row (b, 0), 3 * 96), !=, 0);
  wire_end_worker ();
}

static void
add_tests (void)
{
  g_test_add_func ("/wire/run/model", test_model);
  g_test_add_func ("/wire/run/copy", test_copy);
}

int
main (int argc, char **argv)
{
  return wire_test_main (argc, argv, add_tests);
}
