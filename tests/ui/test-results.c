/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of results, and of a window whose image changes under it: without a window, by an image program and an engine in memory. */
#include <string.h>

#include "tests/ui/fixture.h"

/* -- results ----------------------------------------------------------------------------------------- */

static void
three_results (Fixture *f)
{
  fixture_bind_fill (f);
  qi_session_set (f->session, "results", "3");
  qi_session_set (f->session, "seed", "5");
  qi_session_start (f->session);
  fixture_finish (f, 3);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 3);
}

static void
test_results (Fixture *f, gconstpointer data)
{
  three_results (f);
  for (guint k = 0; k < 3; k++) /* result k uses seed + k */
    g_assert_cmpint (qi_session_result (f->session, k)->request->seed, ==, 5 + k);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2); /* the shown one is on the canvas, once */
  g_assert_cmpuint (qi_fake_host_undo_steps (f->host, f->image), ==, 1);
  const gint ours = qi_fake_host_layer_at (f->host, f->image, 0);
  qi_session_show (f->session, 1);
  g_assert_cmpint (qi_fake_host_layer_at (f->host, f->image, 0), ==, ours); /* rewritten, no undo step */
  g_assert_cmpuint (qi_fake_host_undo_steps (f->host, f->image), ==, 1);
  g_assert_cmpint (qi_fake_host_memory (f->host, f->image, ours)->request->seed, ==, 6);
  g_assert_true (qi_session_enter (f->session, QI_FOCUS_STRIP)); /* Enter keeps */
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 0);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2);
  g_assert_cmpuint (qi_fake_host_undo_steps (f->host, f->image), ==, 1);
  guint n;
  gint image;
  const gint *kept = qi_session_kept (f->session, &n, &image);
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpint (kept[0], ==, ours);
  g_assert_cmpint (image, ==, f->image);
  g_autofree char *status = qi_session_status (f->session);
  g_assert_cmpstr (status, ==, "Kept as layer “a boat”");
  fixture_later (f, 6);
  g_autofree char *after = qi_session_status (f->session);
  g_assert_cmpstr (after, ==, "Local. No connection.");
}

static void
test_again_or_verb (Fixture *f, gconstpointer data)
{
  three_results (f);
  g_assert_false (qi_session_differs (f->session));
  g_assert_cmpint (qi_session_default (f->session), ==, QI_BUTTON_KEEP);
  qi_session_type (f->session, "a boat, blue");
  g_assert_true (qi_session_differs (f->session));
  g_assert_cmpint (qi_session_default (f->session), ==, QI_BUTTON_GO);
  qi_session_type (f->session, "a boat");
  g_assert_false (qi_session_differs (f->session));
  qi_session_set (f->session, "results", "2");
  g_assert_true (qi_session_differs (f->session));
  qi_session_set (f->session, "results", "3");
  qi_session_add_row (f->session, "SALE");
  g_assert_true (qi_session_differs (f->session));
  qi_session_remove_row (f->session, 0);
  g_assert_false (qi_session_differs (f->session));
  fixture_now += G_USEC_PER_SEC;
  qi_session_again (f->session);
  g_assert_cmpint (qi_fake_request (f->client)->seed, ==, -1); /* a new one */
  g_assert_cmpstr (qi_fake_request (f->client)->prompt, ==, "a boat");
  fixture_finish (f, 3);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 6);
}

static void
test_keep_ends_the_rest (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
  qi_session_set (f->session, "results", "3");
  qi_session_start (f->session);
  fixture_finish (f, 1);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 1);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1); /* nothing is put on the canvas while running */
  g_assert_true (qi_session_enter (f->session, QI_FOCUS_STRIP));
  qi_fake_settle ();
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_cmpuint (qi_fake_job (f->client), ==, 0);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2);
}

static void
test_discard_and_undo (Fixture *f, gconstpointer data)
{
  three_results (f);
  qi_session_show (f->session, 2);
  qi_session_star (f->session);
  qi_session_discard (f->session);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 1); /* the starred one stays */
  g_assert_true (qi_session_can_undo (f->session));
  qi_session_undo (f->session);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 3);
  qi_session_show (f->session, 0);
  while (qi_session_n_results (f->session))
    qi_session_drop (f->session);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1); /* and off the canvas */
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  fixture_later (f, 11);
  g_assert_false (qi_session_can_undo (f->session));
}

static void
test_painted_on (Fixture *f, gconstpointer data)
{
  three_results (f);
  const gint ours = qi_fake_host_layer_at (f->host, f->image, 0);
  qi_fake_host_paint (f->host, f->image, ours);
  fixture_later (f, 0.5);
  qi_session_show (f->session, 1);
  g_assert_cmpint (qi_fake_host_memory (f->host, f->image, ours)->request->seed, ==, 5); /* theirs now: left alone */
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 3);
}

static void
test_on_canvas_off (Fixture *f, gconstpointer data)
{
  qi_session_set_on_canvas (f->session, FALSE);
  three_results (f);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1);
  qi_session_set_on_canvas (f->session, TRUE);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2);
  qi_session_set_on_canvas (f->session, FALSE);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1);
  qi_session_keep (f->session);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2);
}

/* -- when the image changes under it ------------------------------------------------------------------ */

static void
test_other_image (Fixture *f, gconstpointer data)
{
  g_autofree char *words = NULL;
  const char *button = NULL;
  const gint other = qi_fake_host_add_image (f->host, "cards.xcf", 100, 100, QI_HOST_RGB);

  fixture_bind_fill (f);
  g_assert_cmpint (qi_session_hint (f->session, &words, &button), ==, QI_HINT_NONE);
  qi_fake_host_select (f->host, other, (QiRect) { 1, 1, 20, 20 });
  fixture_later (f, 0.5);
  g_assert_cmpint (qi_session_image (f->session), ==, f->image);
  g_assert_cmpint (qi_session_hint (f->session, &words, &button), ==, QI_HINT_OTHER_IMAGE);
  g_assert_cmpstr (words, ==, "You are working in “cards.xcf”.");
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_OTHER_IMAGE); /* the verb asks once */
  qi_session_close_card (f->session);
  qi_session_take_hint (f->session);
  g_assert_cmpint (qi_session_image (f->session), ==, other);
  g_autofree char *title = qi_session_title (f->session);
  g_assert_cmpstr (title, ==, "Sfumato – cards.xcf");
}

static void
test_image_closed (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_close (f->host, f->image);
  fixture_later (f, 0.5);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
  g_autofree char *status = qi_session_status (f->session);
  g_assert_cmpstr (status, ==, "“harbour.xcf” was closed.");
}

static void
test_canvas_changed (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_crop (f->host, f->image, 500, 400);
  fixture_later (f, 0.5);
  fixture_finish (f, 1);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 1);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1); /* nothing is placed */
  qi_session_keep (f->session);
  fixture_assert_card (f, QI_SAY_IMAGE_CHANGED);
  qi_session_act (f->session, QI_ACT_PLACE);
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 2);
}

static void
test_layer_deleted (Fixture *f, gconstpointer data)
{
  qi_fake_host_add_layer (f->host, f->image, "Top", (QiRect) { 0, 0, 640, 480 }, qi_fake_draw_sloop);
  qi_fake_host_choose_layer (f->host, f->image, f->photo);
  fixture_bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_delete_layer (f->host, f->image, f->photo);
  fixture_later (f, 0.5);
  fixture_finish (f, 1);
  g_autofree char *name = qi_fake_host_layer_name (f->host, f->image, qi_fake_host_layer_at (f->host, f->image, 0));
  g_assert_cmpstr (name, ==, "a boat");
}

static void
test_new_image (Fixture *f, gconstpointer data)
{
  qi_session_bind (f->session, QI_HOST_NONE, FALSE, QI_TASK_GENERATE);
  qi_session_set_prompt (f->session, "a lighthouse");
  qi_session_set (f->session, "width", "64");
  qi_session_set (f->session, "height", "48");
  qi_session_start (f->session);
  g_assert_cmpuint (qi_fake_request (f->client)->width, ==, 64);
  g_assert_cmpuint (qi_fake_request (f->client)->height, ==, 48);
  fixture_finish (f, 1);
  qi_session_keep (f->session);
  const QiHostView *view = qi_session_view (f->session);
  g_assert_nonnull (view);
  g_assert_cmpint (view->image.width, ==, 64);
  g_assert_cmpint (view->image.id, !=, f->image);
}

static void
test_edit_again (Fixture *f, gconstpointer data)
{
  three_results (f);
  const gint ours = qi_fake_host_layer_at (f->host, f->image, 0);
  qi_session_keep (f->session);
  qi_session_set_prompt (f->session, "something else");
  g_assert_true (qi_session_bind_again (f->session, f->image, ours));
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "a boat");
  g_assert_cmpint (qi_session_request (f->session)->seed, ==, -1);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_FILL);
  g_autoptr (QiOrder) order = qi_session_order (f->session);
  g_assert_cmpint (order->source.above, ==, ours); /* where it can be seen */
  g_assert_cmpint (order->source.except, ==, ours);
  g_assert_false (qi_session_bind_again (f->session, f->image, f->photo));
  fixture_assert_card (f, QI_SAY_NOT_OURS);
}

#define CASE(path, function) g_test_add ("/ui/session/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  CASE ("results/keep", test_results);
  CASE ("results/again-or-verb", test_again_or_verb);
  CASE ("results/keep-ends-the-rest", test_keep_ends_the_rest);
  CASE ("results/discard-and-undo", test_discard_and_undo);
  CASE ("results/painted-on", test_painted_on);
  CASE ("results/on-canvas-off", test_on_canvas_off);
  CASE ("image/other", test_other_image);
  CASE ("image/closed", test_image_closed);
  CASE ("image/canvas-changed", test_canvas_changed);
  CASE ("image/layer-deleted", test_layer_deleted);
  CASE ("image/new", test_new_image);
  CASE ("image/edit-again", test_edit_again);
  return g_test_run ();
}
