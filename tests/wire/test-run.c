/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that go well: the stubs' pictures, progress, previews, results, info; the tiny model as the command line has it. */
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

#include "base/error.h"
#include "base/stub.h"
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

static guint
n_handles (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int) pid);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  return n;
}

/* A worker lives long: nothing of a job may stay, its pictures least of all. */
static void
test_handles (void)
{
  g_autoptr (QiImage) picture = wire_picture (64, 48, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_EDIT);
  guint before = 0, n = 0;

  wire_stub ("copy;slow:1");
  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (QiResult) result = wire_run (request, picture, NULL, NULL, NULL);

      g_assert_nonnull (result);
      if (i == 1)
        g_usleep (200000);
      if (i == 1)
        before = n_handles (wire_worker_pid ());
    }
  for (guint i = 0; i < 50 && (n = n_handles (wire_worker_pid ())) > before; i++)
    g_usleep (20000);
  g_assert_cmpuint (n, <=, before);
  wire_end_worker ();
}

/* -- other stubs ----------------------------------------------------------------------------------- */

static QiResult *
run_stub (const char *stub, const QiRequest *request, QiImage *picture)
{
  g_autoptr (GError) error = NULL;
  QiResult *result;

  wire_stub (stub);
  result = wire_run (request, picture, NULL, NULL, &error);
  g_assert_no_error (error);
  wire_end_worker ();
  return result;
}

static const guint8 *
pixel (const QiResult *result, guint k, guint x, guint y)
{
  const QiImage *image = result->images->pdata[k];

  return qi_image_row (image, y) + (gsize) x * qi_image_channels (image);
}

static void
test_colors (void)
{
  g_autoptr (QiImage) picture = wire_picture (64, 48, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_FILL);
  g_autoptr (QiResult) fill = run_stub ("fill:10,200,30", request, picture);

  g_assert_cmpmem (pixel (fill, 0, 63, 47), 3, ((const guint8[]){ 10, 200, 30 }), 3);
  g_assert_cmpuint (fill->width, ==, 64);
  g_assert_cmpuint (fill->height, ==, 48);

  /* seed: result k is that of seed + k, whatever they share. */
  request->results = 3;

  g_autoptr (QiResult) three = run_stub ("seed", request, NULL);

  request->results = 1;
  request->seed = 9;
  request->width = 100;
  request->height = 50;

  g_autoptr (QiResult) third = run_stub ("seed", request, NULL);

  g_assert_cmpuint (three->images->len, ==, 3);
  g_assert_cmpint (three->seed, ==, 7);
  g_assert_cmpuint (three->width, ==, 1328); /* nobody said how large */
  g_assert_cmpmem (pixel (three, 2, 0, 0), 3, pixel (third, 0, 0, 0), 3);
  g_assert_cmpint (memcmp (pixel (three, 0, 0, 0), pixel (three, 1, 0, 0), 3), !=, 0);
  g_assert_cmpuint (third->width, ==, 96);
  g_assert_cmpuint (third->height, ==, 48);

  g_autoptr (QiResult) cast = run_stub ("copy;cast:0.5,1,2", request, picture);

  g_assert_cmpuint (pixel (cast, 0, 0, 0)[0], ==, 0);
  g_assert_cmpuint (pixel (cast, 0, 95, 0)[0], ==, 32); /* 63 / 2, rounded */

  /* -1: drawn anew, and told. */
  request->seed = -1;

  g_autoptr (QiResult) drawn = run_stub ("seed", request, NULL);

  g_assert_cmpint (drawn->seed, >=, 0);
  g_assert_cmpint (drawn->seed, <=, G_MAXINT32);
}

/* A picture that is smooth, so that parts of pixels can be told. (transfer full) */
static QiImage *
smooth_picture (guint w, guint h)
{
  guint8 *pixels = g_malloc ((gsize) w * h * 3);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, (gsize) w * h * 3);

  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      for (guint k = 0; k < 3; k++)
        pixels[((gsize) y * w + x) * 3 + k] = (guint8) (k == 0 ? 20 + x : k == 1 ? 30 + y : 128);
  return qi_image_new (w, h, 3, (gsize) w * 3, bytes);
}

static void
test_shift (void)
{
  g_autoptr (QiImage) picture = wire_picture (64, 48, 3), smooth = smooth_picture (160, 128);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_EDIT);
  g_autoptr (QiResult) whole = run_stub ("shift:5,-3,1", request, picture);

  /* Whole pixels are exact: what was at (20, 20) is at (25, 17); mirrored where nothing was. */
  g_assert_cmpmem (pixel (whole, 0, 25, 17), 3, qi_image_row (picture, 20) + 3 * 20, 3);
  g_assert_cmpmem (pixel (whole, 0, 0, 0), 3, qi_image_row (picture, 3) + 3 * 4, 3);

  /* Half a pixel, and 3 %, in either spelling. */
  g_autoptr (QiResult) half = run_stub ("shift:0.5,0", request, smooth);

  g_assert_cmpuint (pixel (half, 0, 80, 64)[0], ==, 20 + 80); /* 99.5, rounded */
  g_assert_cmpuint (pixel (half, 0, 80, 64)[1], ==, 30 + 64);

  g_autoptr (QiResult) factor = run_stub ("shift:0,0,1.03", request, smooth), cent = run_stub ("shift:0,0,3", request, smooth);
  const double x = (110.5 - 80) / 1.03 + 80 - 0.5, y = (30.5 - 64) / 1.03 + 64 - 0.5;

  wire_assert_equal (factor->images->pdata[0], cent->images->pdata[0]);
  g_assert_cmpfloat_with_epsilon (pixel (factor, 0, 110, 30)[0], 20 + x, 0.51);
  g_assert_cmpfloat_with_epsilon (pixel (factor, 0, 110, 30)[1], 30 + y, 0.51);
}

static void
test_split (void)
{
  g_autoptr (QiImage) picture = wire_picture (40, 24, 3);
  g_autoptr (QiRequest) request = wire_request (QI_TASK_SPLIT);

  request->layers = 5;

  g_autoptr (QiResult) result = run_stub ("copy", request, picture);

  g_assert_cmpuint (result->images->len, ==, 5);
  g_assert_cmpuint (qi_image_channels (result->images->pdata[4]), ==, 4);
  g_assert_cmpuint (qi_image_width (result->images->pdata[4]), ==, 40);
  g_assert_cmpuint (pixel (result, 4, 39, 23)[3], ==, 255);
}

static void
test_stub_words (void)
{
  static const char *const wrong[] = { "cop", "copy:1", "fill:1,2", "fill:1,2,256", "fill:1,2,x", "seed:1", "stack:2", "shift:1", "shift:1,2,3,4",
                                       "shift:nan,0,1", "cast:1,2", "slow:", "slow:x", "slow:1:never", "slow:-5", "fail:paste",
                                       "die:", "fail", "copy;;zoom" };
  g_autoptr (GError) error = NULL;
  QiStub stub;

  g_assert_true (qi_stub_parse (NULL, &stub, NULL));
  g_assert_false (stub.active);
  g_assert_false (qi_stub_wants_crop (&stub));
  g_assert_true (qi_stub_parse (" copy ; slow:200 ; slow:50:paste;fail:decode ", &stub, &error));
  g_assert_no_error (error);
  g_assert_true (stub.active && qi_stub_wants_crop (&stub));
  g_assert_cmpuint (stub.step_ms, ==, 200);
  g_assert_cmpuint (stub.stage_ms[QI_STAGE_PASTE], ==, 50);
  g_assert_cmpuint (stub.stage_ms[QI_STAGE_DENOISE], ==, 0);
  g_assert_true (stub.fail[QI_STAGE_DECODE] && !stub.die[QI_STAGE_DECODE]);
  g_assert_true (qi_stub_parse ("shift:-12,4.5,0.97;cast:1,0.9,1", &stub, NULL));
  g_assert_true (qi_stub_wants_crop (&stub));
  g_assert_cmpfloat (stub.dx, ==, -12);
  g_assert_cmpfloat (stub.zoom, ==, 0.97);
  g_assert_true (qi_stub_parse ("seed;stack", &stub, NULL));
  g_assert_true (stub.stack && stub.draws && !qi_stub_wants_crop (&stub));
  g_assert_true (qi_stub_parse ("fill:1,2,3", &stub, NULL));
  g_assert_false (qi_stub_wants_crop (&stub));
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      if (qi_stub_parse (wrong[i], &stub, &error))
        g_test_fail_printf ("“%s” was understood", wrong[i]);
      else
        g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
      g_assert_false (stub.active);
      g_clear_error (&error);
    }
}

/* -- info ------------------------------------------------------------------------------------------ */

static void
test_info_stub (void)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiRequest) request = qi_request_new ();
  g_autoptr (GError) error = NULL;

  wire_stub ("copy;slow:500;slow:3000:load");

  g_autoptr (QiEngineInfo) info = qi_client_info (client, request, 0, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (info->stub && info->edits && info->layered);
  g_assert_false (info->demo);
  g_assert_cmpint (info->problem_code, ==, -1);
  g_assert_null (info->problem);
  g_assert_cmpuint (info->width, ==, 1328);
  g_assert_cmpuint (info->unit, ==, 16);
  g_assert_cmpuint (info->steps[QI_QUALITY_FAST], ==, 8);
  g_assert_cmpfloat (info->seconds[QI_QUALITY_BALANCED], ==, 6);
  g_assert_cmpfloat (info->guidance[QI_QUALITY_MAXIMUM], ==, 4);
  g_assert_cmpfloat (info->load_seconds, ==, 3);
  g_assert_false (info->loaded);
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

/* A model with a second transformer is told and loaded by the task. */
static void
test_info_task (void)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiRequest) draw = wire_request (QI_TASK_GENERATE), split = wire_request (QI_TASK_SPLIT);
  g_autoptr (QiImage) picture = wire_picture (64, 64, 4);
  g_autoptr (GError) error = NULL;

  wire_stub (NULL);
  for (guint i = 0; i < 2; i++)
    {
      QiRequest *request = i ? split : draw;

      request->device = g_strdup ("cpu");
      request->model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "pair", NULL);
      request->steps = 1;
      request->layers = 2;
      request->width = request->height = i ? 0 : 64;
    }

  g_autoptr (QiResult) drawn = wire_run (draw, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (QiEngineInfo) draws = qi_client_info (client, draw, 0, NULL, &error);
  g_autoptr (QiEngineInfo) splits = qi_client_info (client, split, 1, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (draws->loaded && !draws->layered);
  g_assert_true (splits->layered && !splits->loaded);
  g_assert_cmpstr (splits->model, ==, draws->model);
  g_assert_cmpstr (splits->model_hash, !=, draws->model_hash);
  g_assert_null (splits->problem);

  g_autoptr (QiResult) layers = wire_run (split, picture, NULL, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (QiEngineInfo) after = qi_client_info (client, split, 1, NULL, &error);

  g_assert_cmpuint (layers->images->len, ==, 2);
  g_assert_true (after->loaded);
  wire_end_worker ();
}

/* What is known before, and what a picture teaches. */
static void
test_info_model (void)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (GError) error = NULL;

  wire_stub (NULL);
  request->device = g_strdup ("cpu");
  request->model = model_path ();
  request->width = 64;
  request->height = 64;
  request->steps = 0;

  g_autoptr (QiEngineInfo) before = qi_client_info (client, request, 0, NULL, &error);

  g_assert_no_error (error);
  g_assert_null (before->problem);
  g_assert_true (before->software);
  g_assert_nonnull (before->device);
  g_assert_cmpuint (before->memory_bytes, >, 0);
  g_assert_cmpstr (before->model, ==, "base");
  g_assert_cmpstr (before->model_path, ==, request->model);
  g_assert_cmpuint (strlen (before->model_hash), ==, 16);
  g_assert_cmpuint (before->width, ==, 256);
  g_assert_cmpuint (before->unit, ==, 16);
  g_assert_false (before->stub || before->demo || before->edits || before->loaded);
  g_assert_cmpfloat (before->seconds[QI_QUALITY_FAST], <, 0);
  g_assert_cmpfloat (before->load_seconds, <, 0);

  request->quality = QI_QUALITY_FAST;

  g_autoptr (QiResult) result = wire_run (request, NULL, NULL, NULL, &error);

  g_assert_no_error (error);

  g_autoptr (QiEngineInfo) after = qi_client_info (client, request, 0, NULL, &error);

  g_assert_true (after->loaded);
  g_assert_cmpfloat (after->load_seconds, ==, 0);
  g_assert_cmpfloat (after->seconds[QI_QUALITY_FAST], >, 0);
  g_assert_cmpfloat (after->seconds[QI_QUALITY_BEST], >, after->seconds[QI_QUALITY_FAST]);
  wire_end_worker ();

  /* It is remembered. */
  g_autoptr (QiEngineInfo) later = qi_client_info (client, request, 0, NULL, &error);

  g_assert_no_error (error);
  g_assert_false (later->loaded);
  g_assert_cmpfloat (later->load_seconds, >, 0);
  g_assert_cmpfloat_with_epsilon (later->seconds[QI_QUALITY_FAST], after->seconds[QI_QUALITY_FAST], 1e-9);

  /* What is wrong is said without anything failing. */
  g_free (request->model);
  request->model = g_strdup ("/nowhere/model");

  g_autoptr (QiEngineInfo) wrong = qi_client_info (client, request, 0, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (wrong->problem_code, ==, QI_ERROR_BAD_CHECKPOINT);
  g_assert_nonnull (strstr (wrong->problem, "/nowhere/model"));
  g_clear_pointer (&request->model, g_free);

  g_autoptr (QiEngineInfo) none = qi_client_info (client, request, 0, NULL, &error);

  g_assert_no_error (error);
  if (none->model) /* where the demo model is there, it is meant */
    g_assert_true (none->demo);
  else
    g_assert_cmpint (none->problem_code, ==, QI_ERROR_BAD_REQUEST);
  wire_end_worker ();
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
  g_test_add_func ("/wire/run/handles", test_handles);
  g_test_add_func ("/wire/run/stub-words", test_stub_words);
  g_test_add_func ("/wire/run/colors", test_colors);
  g_test_add_func ("/wire/run/shift", test_shift);
  g_test_add_func ("/wire/run/split", test_split);
  g_test_add_func ("/wire/run/info-stub", test_info_stub);
  g_test_add_func ("/wire/run/info-model", test_info_model);
  g_test_add_func ("/wire/run/info-task", test_info_task);
  g_test_add_func ("/wire/run/model", test_model);
  g_test_add_func ("/wire/run/copy", test_copy);
}

int
main (int argc, char **argv)
{
  return wire_test_main (argc, argv, add_tests);
}
