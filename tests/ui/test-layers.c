/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The modes Expand and Layers without a window: an image program and an engine in memory. */
#include <gio/gio.h>
#include <string.h>

#include "compose/pixels.h"
#include "tests/ui/fixture.h"

static void
bind (Fixture *f, QiTask task)
{
  qi_session_bind (f->session, f->image, TRUE, task);
  qi_fake_settle ();
}

static void
start (Fixture *f)
{
  fixture_now += G_USEC_PER_SEC;
  qi_session_start (f->session);
}

/* Ends all jobs well; how many there were. */
static guint
finish (Fixture *f)
{
  guint n = 0;

  for (; qi_fake_job (f->client); n++)
    {
      qi_fake_finish (f->client, NULL);
      g_assert_true (qi_fake_wait (fixture_between_jobs, f));
    }
  qi_fake_settle ();
  return n;
}

static void
assert_canvas (Fixture *f, int width, int height)
{
  g_autoptr (QiHostView) view = qi_host_look (QI_HOST (f->host), f->image);

  g_assert_cmpint (view->image.width, ==, width);
  g_assert_cmpint (view->image.height, ==, height);
}

static void
assert_rect (QiRect is, int x, int y, int width, int height)
{
  const QiRect wanted = { x, y, width, height };

  if (!qi_rect_equal (&is, &wanted))
    g_error ("%d, %d, %d × %d", is.x, is.y, is.width, is.height);
}

/* -- expand ------------------------------------------------------------------------------------------ */

static void
test_expand_says (Fixture *f, gconstpointer data)
{
  bind (f, QI_TASK_EXPAND);
  fixture_assert_will (f, "The canvas stays as it is", "Drag its edges outwards");
  g_assert_cmpstr (qi_session_verb (f->session), ==, "Expand");
  g_assert_cmpstr (qi_session_placeholder (f->session), ==, "Describe what lies beyond, or leave empty");
  start (f);
  g_assert_cmpuint (qi_fake_job (f->client), ==, 0);
  fixture_assert_card (f, QI_SAY_NO_GROWTH);
  qi_session_grow (f->session, 160, 160, 0, 0);
  g_assert_null (qi_session_card (f->session)); /* it is answered */
  fixture_assert_will (f, "Expands the canvas to 960 × 480 px", "New area: 33 %");
  assert_rect (qi_session_frame (f->session), -160, 0, 960, 480);
  assert_rect (qi_session_old (f->session), 0, 0, 640, 480);
  qi_session_grow (f->session, -5, 0, 0, 2000000);
  g_assert_cmpuint (qi_session_request (f->session)->left, ==, 0);
  g_assert_cmpuint (qi_session_request (f->session)->bottom, ==, 262144 - 480);
  qi_session_grow (f->session, 3000, 0, 0, 0);
  g_assert_cmpuint (qi_session_passes (f->session), >, 1);
  g_autofree char *details = NULL, *will = qi_session_will (f->session, &details);
  g_assert_true (g_str_has_suffix (details, " passes"));
  /* As many passes, as many times the time. */
  g_assert_cmpfloat (qi_session_seconds (f->session, QI_QUALITY_BALANCED), ==, 22.0 * qi_session_passes (f->session));
}

static void
test_expand_kept (Fixture *f, gconstpointer data)
{
  bind (f, QI_TASK_EXPAND);
  qi_session_grow (f->session, 160, 0, 0, 96);
  start (f);
  g_assert_cmpint (qi_fake_request (f->client)->task, ==, QI_TASK_EXPAND);
  g_assert_cmpuint (finish (f), ==, 1);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_RESULTS);
  g_assert_false (qi_session_may_go_on_canvas (f->session)); /* the canvas waits for Keep */
  assert_canvas (f, 640, 480);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1);

  const QiHostResult *result = qi_session_result (f->session, 0);
  assert_rect (result->grown, -160, 0, 800, 576);
  g_assert_cmpuint (qi_image_width (result->pixels), ==, 800);
  g_assert_cmpuint (qi_image_height (result->mask), ==, 576);
  g_assert_cmpuint (qi_image_row (result->mask, 10)[159], ==, 255);
  g_assert_cmpuint (qi_image_row (result->mask, 10)[160], ==, 0);
  g_assert_cmpuint (qi_image_row (result->mask, 480)[799], ==, 255);
  qi_session_keep (f->session);
  assert_canvas (f, 800, 576);
  g_assert_cmpuint (qi_fake_host_undo_steps (f->host, f->image), ==, 1);
  assert_rect (qi_fake_host_layer_rect (f->host, f->image, f->photo), 160, 0, 640, 480);
  assert_rect (qi_fake_host_layer_rect (f->host, f->image, qi_fake_host_layer_at (f->host, f->image, 0)), 0, 0, 800,
               576);
  qi_session_poll (f->session, TRUE);
  fixture_assert_will (f, "The canvas stays as it is", "Drag its edges outwards"); /* not once more */
}

static void
test_expand_passes (Fixture *f, gconstpointer data)
{
  bind (f, QI_TASK_EXPAND);
  qi_session_grow (f->session, 2400, 0, 0, 0);
  qi_session_set (f->session, "results", "2");
  const guint n_passes = qi_session_passes (f->session);
  g_assert_cmpuint (n_passes, >, 1);
  start (f);
  qi_fake_progress (f->client, QI_STAGE_DENOISE, 1, 8, 10, NULL);
  /* What is left is this pass and all that follow, of both results. */
  g_assert_cmpfloat (f->session->last.seconds_left, >=, 10 * (2 * n_passes - 1));
  const QiRect part = qi_session_job_part (f->session), *whole = qi_session_job_frame (f->session);
  g_assert_true (part.x >= whole->x && part.x + part.width <= whole->x + whole->width);
  g_assert_cmpint (part.width, <, whole->width);
  g_assert_cmpuint (finish (f), ==, 2 * n_passes);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 2);
  for (guint k = 0; k < 2; k++)
    {
      const QiHostResult *result = qi_session_result (f->session, k);
      g_assert_cmpuint (qi_image_width (result->pixels), ==, 3040);
      for (guint x = 0; x < 3040; x += 19) /* all of it is painted */
        g_assert_cmpuint (qi_image_row (result->pixels, 100)[4 * x + 3], ==, 255);
    }
  g_assert_cmpint (qi_session_result (f->session, 1)->request->seed, ==,
                   qi_session_result (f->session, 0)->request->seed + 1);
  g_assert_cmpint (memcmp (qi_image_row (qi_session_result (f->session, 0)->pixels, 5),
                           qi_image_row (qi_session_result (f->session, 1)->pixels, 5), 400),
                   !=, 0);
  qi_session_discard (f->session);
  assert_canvas (f, 640, 480);
}

static void
test_expand_border (Fixture *f, gconstpointer data)
{
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_GENERATE);
  qi_fake_settle ();
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EXPAND); /* an opaque layer, and nothing around it */
  fixture_assert_will (f, "Fills the empty canvas around layer “Photo”", "New area: 61 %");
  assert_rect (qi_session_old (f->session), 100, 80, 400, 300);
  start (f);
  finish (f);
  const QiHostResult *result = qi_session_result (f->session, 0);
  g_assert_true (qi_rect_is_empty (&result->grown));
  g_assert_cmpuint (result->request->left, ==, 100);
  g_assert_cmpuint (result->request->bottom, ==, 100);
  g_assert_true (qi_session_may_go_on_canvas (f->session)); /* which stays as large as it is */
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2);
  qi_session_keep (f->session);
  assert_canvas (f, 640, 480);
  assert_rect (qi_fake_host_layer_rect (f->host, f->image, qi_fake_host_layer_at (f->host, f->image, 0)), 0, 0, 640,
               480);
}

static void
test_expand_image_changed (Fixture *f, gconstpointer data)
{
  bind (f, QI_TASK_EXPAND);
  qi_session_grow (f->session, 160, 0, 0, 0);
  start (f);
  finish (f);
  qi_fake_host_crop (f->host, f->image, 500, 400);
  qi_session_poll (f->session, TRUE);
  qi_session_keep (f->session);
  fixture_assert_card (f, QI_SAY_IMAGE_CHANGED);
  assert_canvas (f, 500, 400);
  g_assert_true (qi_session_act (f->session, QI_ACT_PLACE)); /* at the same pixels */
  assert_canvas (f, 800, 480);
  assert_rect (qi_fake_host_layer_rect (f->host, f->image, qi_fake_host_layer_at (f->host, f->image, 0)), 0, 0, 800,
               480);
}

static void
test_expand_again (Fixture *f, gconstpointer data)
{
  bind (f, QI_TASK_EXPAND);
  qi_session_grow (f->session, 160, 0, 0, 0);
  start (f);
  finish (f);
  qi_session_keep (f->session);
  const gint layer = qi_fake_host_layer_at (f->host, f->image, 0);
  g_assert_true (qi_session_bind_again (f->session, f->image, layer));
  qi_fake_settle ();
  assert_rect (qi_session_old (f->session), 160, 0, 640, 480);
  assert_rect (qi_session_frame (f->session), 0, 0, 800, 480);
  start (f);
  finish (f);
  g_assert_true (qi_rect_is_empty (&qi_session_result (f->session, 0)->grown));
  g_assert_cmpint (qi_session_result (f->session, 0)->x, ==, 0);
  qi_session_set_task (f->session, QI_TASK_EDIT);
  g_assert_cmpuint (qi_session_request (f->session)->left, ==, 0); /* what that one grew by is not meant */
}

/* -- layers ------------------------------------------------------------------------------------------ */

static void
test_split_missing (Fixture *f, gconstpointer data)
{
  bind (f, QI_TASK_SPLIT);
  start (f);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 0); /* before any work */
  fixture_assert_card (f, QI_SAY_NO_LAYERED);
  g_assert_nonnull (strstr (qi_session_card (f->session)->consequence, "“Qwen-Image Edit 2511”"));
  g_assert_nonnull (strstr (qi_session_card (f->session)->consequence, "Qwen-Image-Layered"));
  qi_fake_info (f->client)->layered = TRUE;
  bind (f, QI_TASK_EXPAND);
  qi_session_grow (f->session, 16, 0, 0, 0);
  start (f);
  fixture_assert_card (f, QI_SAY_LAYERED_ONLY);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 0);
}

static void
test_split_kept (Fixture *f, gconstpointer data)
{
  const QiHostReference reference = { .image = f->image, .layer = f->photo, .name = (char *) "Photo" };

  qi_fake_info (f->client)->layered = TRUE;
  bind (f, QI_TASK_SPLIT);
  qi_fake_host_select (f->host, f->image, (QiRect) { 10, 10, 50, 50 }); /* which does not matter here */
  g_assert_true (qi_session_set (f->session, "layers", "3"));
  qi_session_set (f->session, "results", "2");
  qi_session_add_reference (f->session, &reference);
  qi_session_add_row (f->session, "SALE");
  fixture_assert_will (f, "Splits layer “Photo” into 3 layers", "640 × 480 px");
  g_assert_cmpstr (qi_session_verb (f->session), ==, "Split");
  start (f);
  g_assert_null (qi_session_card (f->session));
  g_assert_cmpuint (qi_fake_n_pictures (f->client), ==, 1);
  g_assert_null (qi_fake_request (f->client)->lettering);
  g_assert_cmpuint (finish (f), ==, 1);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 1);
  g_assert_false (qi_session_may_go_on_canvas (f->session));
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1);

  const QiHostResult *result = qi_session_result (f->session, 0);
  g_assert_cmpuint (result->layers->len, ==, 3);
  g_assert_null (result->mask);
  for (guint k = 1; k < 3; k++) /* a square each: alpha is the model's */
    {
      const QiImage *layer = result->layers->pdata[k];
      g_assert_cmpuint (qi_image_channels (layer), ==, 4);
      g_assert_cmpuint (qi_image_row (layer, 5)[3], ==, 0);
      g_assert_cmpuint (qi_image_row (layer, 240)[4 * (640 * k / 4 + 80) + 3], ==, 255);
    }
  for (guint c = 0; c < 3; c++) /* the topmost shows the original's colors */
    g_assert_cmpuint (qi_image_row (result->layers->pdata[2], 240)[4 * 400 + c], ==,
                      qi_fake_host_pixel (f->host, f->image, f->photo, 400, 240) >> (16 - 8 * c) & 255);
  qi_session_keep (f->session);
  const gint group = qi_fake_host_layer_at (f->host, f->image, 0);
  g_assert_cmpuint (qi_fake_host_n_in_group (f->host, f->image, group), ==, 3);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2); /* the original stays below */
  g_assert_cmpuint (qi_fake_host_undo_steps (f->host, f->image), ==, 1);
}

static void
test_modes (void)
{
  QiHostView view = { .image = { .id = 1, .width = 100, .height = 100 }, .layer = { .id = 2 }, .bordered = TRUE };

  g_assert_cmpint (qi_mode_for (&view), ==, QI_TASK_EXPAND);
  view.layer.ours = TRUE;
  g_assert_cmpint (qi_mode_for (&view), ==, QI_TASK_EDIT);
  view.selection = (QiRect) { 1, 1, 5, 5 };
  g_assert_cmpint (qi_mode_for (&view), ==, QI_TASK_FILL);
  g_assert_false (qi_mode_possible (QI_TASK_EXPAND, NULL));
  g_assert_false (qi_mode_possible (QI_TASK_SPLIT, NULL));
}

int
main (int argc, char **argv)
{
  static const QiRect small = { 100, 80, 400, 300 };

  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, test) g_test_add ("/ui/layers/" path, Fixture, data, fixture_set_up, test, fixture_tear_down)
  ADD ("expand-says", NULL, test_expand_says);
  ADD ("expand-kept", NULL, test_expand_kept);
  ADD ("expand-passes", NULL, test_expand_passes);
  ADD ("expand-border", &small, test_expand_border);
  ADD ("expand-image-changed", NULL, test_expand_image_changed);
  ADD ("expand-again", NULL, test_expand_again);
  ADD ("split-missing", NULL, test_split_missing);
  ADD ("split-kept", NULL, test_split_kept);
  g_test_add_func ("/ui/layers/modes", test_modes);
  return g_test_run ();
}
