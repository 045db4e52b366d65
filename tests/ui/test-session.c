/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The window's decisions without a window: an image program and an engine in memory, and a clock that the test sets. */
#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "tests/ui/fixture.h"

static void
later (Fixture *f, double seconds)
{
  fixture_now += (gint64) (seconds * G_USEC_PER_SEC);
  qi_session_poll (f->session, TRUE);
  qi_fake_settle ();
}

static void
select_part (Fixture *f)
{
  qi_fake_host_select (f->host, f->image, (QiRect) { 200, 200, 80, 60 });
}

static void
bind_fill (Fixture *f)
{
  select_part (f);
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_FILL);
  qi_fake_settle ();
  qi_session_set_prompt (f->session, "a boat");
}

/* Ends n jobs well. */
static void
finish (Fixture *f, guint n)
{
  for (guint k = 0; k < n; k++)
    {
      g_assert_cmpuint (qi_fake_job (f->client), >, 0);
      const guint before = qi_fake_n_jobs (f->client);
      qi_fake_finish (f->client, NULL);
      g_assert_true (qi_fake_wait (fixture_between_jobs, f));
      g_assert_true (k + 1 == n || qi_fake_n_jobs (f->client) == before + 1);
    }
  qi_fake_settle ();
}

static void
assert_will (Fixture *f, const char *sentence, const char *details)
{
  g_autofree char *d = NULL, *will = qi_session_will (f->session, &d);

  g_assert_cmpstr (will, ==, sentence);
  if (details)
    g_assert_cmpstr (d, ==, details);
}

/* -- modes ------------------------------------------------------------------------------------------- */

static void
test_mode_from_context (Fixture *f, gconstpointer data)
{
  qi_session_bind (f->session, QI_HOST_NONE, FALSE, QI_TASK_EDIT);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
  g_assert_false (qi_session_task_possible (f->session, QI_TASK_EDIT));
  assert_will (f, "Makes a new image", "1328 × 1328 px");
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT);
  assert_will (f, "Edits the whole layer “Photo”", NULL);
  select_part (f);
  later (f, 0.5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_FILL);
  assert_will (f, "Removes what is selected on layer “Photo”", "The surroundings grow into it");
  qi_session_set_prompt (f->session, "a boat");
  assert_will (f, "Fills the selection on layer “Photo”", NULL);
  g_assert_cmpstr (qi_session_verb (f->session), ==, "Fill");
  qi_fake_host_select (f->host, f->image, (QiRect) { 0 });
  const gint blank = qi_fake_host_add_layer (f->host, f->image, "Blank", (QiRect) { 0, 0, 640, 480 }, NULL);
  later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
  qi_fake_host_delete_layer (f->host, f->image, blank);
  qi_fake_host_choose_layer (f->host, f->image, f->photo);
  later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT);
}

static void
test_mode_by_hand (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_set_task (f->session, QI_TASK_EDIT);
  later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT); /* stays */
  assert_will (f, "Edits the selection on layer “Photo”", NULL);
  qi_session_set_task (f->session, QI_TASK_FILL);
  qi_fake_host_select (f->host, f->image, (QiRect) { 0 });
  later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT); /* Fill, then Select ▸ None */
  assert_will (f, "Nothing is selected: edits the whole layer “Photo”", NULL);
  qi_session_type (f->session, "a boat,");
  select_part (f);
  later (f, 1);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT); /* not within 2 s of typing */
  later (f, 1.5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_FILL);
}

static void
test_mode_stays_during_job (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_select (f->host, f->image, (QiRect) { 0 });
  later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_FILL);
  g_autofree char *caption = qi_session_caption (f->session);
  g_assert_true (g_str_has_prefix (caption, "Uses the selection from when"));
  qi_session_cancel (f->session);
}

/* -- starting ---------------------------------------------------------------------------------------- */

static void
on_wanted (QiSession *session, gpointer data)
{
  ++*(guint *) data;
}

static void
test_start_asks_first (Fixture *f, gconstpointer data)
{
  guint wanted = 0;

  g_signal_connect (f->session, "prompt-wanted", G_CALLBACK (on_wanted), &wanted);
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  qi_session_start (f->session);
  g_assert_cmpuint (wanted, ==, 1);
  g_assert_null (f->session->work);
  qi_session_set_prompt (f->session, "red");
  qi_session_set_task (f->session, QI_TASK_FILL);
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_NO_SELECTION);
  g_assert_true (qi_session_act (f->session, QI_ACT_EDIT));
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT);
  g_assert_null (qi_session_card (f->session));

  qi_fake_host_select (f->host, f->image, (QiRect) { 10, 10, 3, 2 });
  later (f, 5);
  qi_session_set_task (f->session, QI_TASK_FILL);
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_SELECTION_SMALL);
  g_assert_cmpstr (qi_session_card (f->session)->consequence, ==, "3 × 2 px. The result would not be visible.");
  qi_session_act (f->session, QI_ACT_GROW);
  g_assert_cmpint (qi_session_view (f->session)->selection.width, ==,
                   29); /* 16 px on two sides, cut by the canvas at 0 */

  qi_session_set_prompt (f->session, "like Picture 3");
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_NO_SUCH_PICTURE);
  g_assert_cmpstr (qi_session_card (f->session)->title, ==, "The prompt names Picture 3");
  qi_session_act (f->session, QI_ACT_REMOVE_WORDS);
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "like");
  qi_session_start (f->session);
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
}

static void
test_indexed (Fixture *f, gconstpointer data)
{
  const gint image = qi_fake_host_add_image (f->host, "icon.gif", 64, 64, QI_HOST_INDEXED);

  qi_fake_host_add_layer (f->host, image, "Frame", (QiRect) { 0, 0, 64, 64 }, qi_fake_draw_sloop);
  qi_session_bind (f->session, image, FALSE, QI_TASK_EDIT);
  qi_session_set_prompt (f->session, "blue");
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_COLOUR_MAP);
  g_assert_cmpstr (qi_session_card (f->session)->consequence, ==, "Results would be reduced to 16 colours.");
  qi_session_act (f->session, QI_ACT_GO_ON);
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
}

static void
test_selection_misses (Fixture *f, gconstpointer data)
{
  qi_fake_host_add_layer (f->host, f->image, "Corner", (QiRect) { 0, 0, 50, 50 }, qi_fake_draw_sloop);
  bind_fill (f);
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_SELECTION_MISSES);
  qi_session_act (f->session, QI_ACT_WHOLE_CANVAS);
  qi_session_start (f->session);
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
}

static void
test_queue (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_start (f->session);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_STARTING);
  qi_session_set_prompt (f->session, "a ship");
  qi_session_start (f->session); /* within half a second: the same press */
  g_assert_false (qi_session_waiting (f->session));
  fixture_now += G_USEC_PER_SEC;
  qi_session_start (f->session);
  g_assert_true (qi_session_waiting (f->session));
  qi_session_drop_waiting (f->session);
  g_assert_false (qi_session_waiting (f->session));
  fixture_now += G_USEC_PER_SEC;
  qi_session_start (f->session);
  qi_session_set_prompt (f->session, "words for later");
  g_assert_cmpstr (qi_fake_request (f->client)->prompt, ==, "a boat");
  finish (f, 1);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 2); /* what waited went on by itself */
  g_assert_cmpstr (qi_fake_request (f->client)->prompt, ==, "a ship");
  finish (f, 1);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 2);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_RESULTS);
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_fake_hold_cancel (f->client, TRUE);
  qi_session_start (f->session);
  qi_fake_progress (f->client, QI_STAGE_DENOISE, 3, 8, 20, NULL);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_RUNNING);
  g_assert_true (qi_session_escape (f->session));
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_STOPPING);
  g_autofree char *words = qi_session_stage_words (f->session);
  g_assert_cmpstr (words, ==, "Stopping…");
  qi_fake_progress (f->client, QI_STAGE_DENOISE, 4, 8, 18, NULL); /* late news */
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_STOPPING);
  qi_fake_hold_cancel (f->client, FALSE);
  qi_fake_settle ();
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_null (qi_session_card (f->session));
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "a boat");
  g_assert_cmpuint (qi_fake_host_n_layers (f->host, f->image), ==, 1);
  g_assert_cmpuint (qi_fake_host_undo_steps (f->host, f->image), ==, 0);
}

/* -- results ----------------------------------------------------------------------------------------- */

static void
three_results (Fixture *f)
{
  bind_fill (f);
  qi_session_set (f->session, "results", "3");
  qi_session_set (f->session, "seed", "5");
  qi_session_start (f->session);
  finish (f, 3);
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
  later (f, 6);
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
  finish (f, 3);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 6);
}

static void
test_keep_ends_the_rest (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_set (f->session, "results", "3");
  qi_session_start (f->session);
  finish (f, 1);
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
  later (f, 11);
  g_assert_false (qi_session_can_undo (f->session));
}

static void
test_painted_on (Fixture *f, gconstpointer data)
{
  three_results (f);
  const gint ours = qi_fake_host_layer_at (f->host, f->image, 0);
  qi_fake_host_paint (f->host, f->image, ours);
  later (f, 0.5);
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

  bind_fill (f);
  g_assert_cmpint (qi_session_hint (f->session, &words, &button), ==, QI_HINT_NONE);
  qi_fake_host_select (f->host, other, (QiRect) { 1, 1, 20, 20 });
  later (f, 0.5);
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
  bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_close (f->host, f->image);
  later (f, 0.5);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
  g_autofree char *status = qi_session_status (f->session);
  g_assert_cmpstr (status, ==, "“harbour.xcf” was closed.");
}

static void
test_canvas_changed (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_crop (f->host, f->image, 500, 400);
  later (f, 0.5);
  finish (f, 1);
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
  bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_delete_layer (f->host, f->image, f->photo);
  later (f, 0.5);
  finish (f, 1);
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
  finish (f, 1);
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

/* -- lettering, pictures, keys, last values ----------------------------------------------------------- */

static void
test_lettering (Fixture *f, gconstpointer data)
{
  const QiRect place = { 10, 20, 30, 40 };

  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  qi_session_set_prompt (f->session, "a poster");
  qi_session_set_quality (f->session, QI_QUALITY_FAST);
  qi_session_add_row (f->session, "SALE: “now”");
  g_assert_cmpint (qi_session_request (f->session)->quality, ==, QI_QUALITY_BALANCED); /* Fast is not for lettering */
  qi_session_set_row (f->session, 0, NULL, "bold red");
  qi_session_place_row (f->session, 0, 0, NULL);
  qi_session_add_row (f->session, "two\nlines");
  qi_session_place_row (f->session, 1, 4, &place);
  qi_session_add_row (f->session, "");
  g_autoptr (QiOrder) order = qi_session_order (f->session);
  g_assert_cmpstr (order->request->lettering, ==, "top-left, bold red: SALE: “now”\n10 20 30 40: two\\nlines");
  g_assert_cmpint (order->request->quality, ==, QI_QUALITY_BALANCED);
  qi_session_read_rows (f->session, order->request->lettering);
  g_assert_cmpuint (qi_session_n_rows (f->session), ==, 2);
  g_assert_cmpstr (qi_session_row (f->session, 1)->words, ==, "two\nlines");
  g_autoptr (QiOrder) same = qi_session_order (f->session);
  g_assert_cmpstr (same->request->lettering, ==, order->request->lettering);
}

static void
test_references (Fixture *f, gconstpointer data)
{
  const QiHostReference reference = { .image = f->image, .layer = f->photo, .name = (char *) "Photo" };

  bind_fill (f);
  for (guint k = 0; k < QI_SESSION_MAX_REFERENCES; k++)
    g_assert_true (qi_session_add_reference (f->session, &reference));
  g_assert_false (qi_session_add_reference (f->session, &reference));
  g_assert_cmpuint (qi_session_reference_number (f->session, 0), ==, 2); /* Picture 1 is the frame */
  qi_session_set_task (f->session, QI_TASK_GENERATE);
  g_assert_cmpuint (qi_session_reference_number (f->session, 0), ==, 1);
  qi_session_set_task (f->session, QI_TASK_FILL);
  qi_session_start (f->session);
  g_assert_cmpuint (qi_fake_n_pictures (f->client), ==, 5);
}

/* A further picture whose file was moved: the card says which, and its buttons mend it. */
static void
test_reference_gone (Fixture *f, gconstpointer data)
{
  const QiHostReference photo = { .image = f->image, .layer = f->photo, .name = (char *) "Photo" },
                        gone = { .image = QI_HOST_NONE, .layer = QI_HOST_NONE, .path = (char *) "/nowhere/a.png", .name = (char *) "a.png" };

  bind_fill (f);
  qi_session_add_reference (f->session, &photo);
  qi_session_add_reference (f->session, &gone);
  qi_session_start (f->session);
  const QiCard *card = qi_session_card (f->session);
  g_assert_nonnull (card);
  g_assert_cmpint (card->say, ==, QI_SAY_PICTURE_GONE);
  g_assert_cmpstr (card->title, ==, "Picture 3 is gone");
  g_assert_true (qi_session_act (f->session, QI_ACT_REMOVE_PICTURE));
  g_assert_null (qi_session_card (f->session));
  g_assert_cmpuint (qi_session_n_references (f->session), ==, 1);
  g_assert_cmpstr (qi_session_reference (f->session, 0)->name, ==, "Photo");
}

static void
test_keys (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  g_assert_cmpstr (qi_session_key (f->session, QI_BUTTON_GO, QI_FOCUS_PROMPT), ==, "Ctrl+Enter");
  g_assert_cmpint (qi_session_default (f->session), ==, QI_BUTTON_GO);
  g_assert_false (qi_session_enter (f->session, QI_FOCUS_OTHER));
  g_assert_true (qi_session_enter (f->session, QI_FOCUS_PROMPT));
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
  g_assert_cmpint (qi_session_default (f->session), ==, QI_BUTTON_NONE); /* none while a job runs */
  fixture_now += G_USEC_PER_SEC;
  g_assert_true (qi_session_enter (f->session, QI_FOCUS_PROMPT)); /* in the prompt Enter queues */
  g_assert_true (qi_session_waiting (f->session));
  qi_session_drop_waiting (f->session);
  finish (f, 1);
  g_assert_cmpstr (qi_session_key (f->session, QI_BUTTON_KEEP, QI_FOCUS_PROMPT), ==, "");
  g_assert_cmpstr (qi_session_key (f->session, QI_BUTTON_KEEP, QI_FOCUS_STRIP), ==, "Enter");
  g_assert_true (qi_session_escape (f->session)); /* to the prompt; results stay */
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 1);
  qi_settings_set_bool (f->settings, "enter-makes-line", TRUE);
  g_assert_false (qi_session_enter (f->session, QI_FOCUS_PROMPT));
}

static void
test_last_values (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_set_quality (f->session, QI_QUALITY_BEST);
  g_autoptr (GPtrArray) references = NULL, none = NULL;
  const QiHostReference layer = { .image = f->image, .layer = f->photo, .name = (char *) "Pho;to" },
                        file = { .image = QI_HOST_NONE, .layer = QI_HOST_NONE, .path = (char *) "/a;b.png", .name = (char *) "a" };
  g_assert_null (qi_settings_last (f->settings, "fill", &none));
  qi_session_add_reference (f->session, &layer);
  qi_session_start (f->session); /* written when a job starts, not when the call returns */
  g_autoptr (QiRequest) last = qi_settings_last (f->settings, "fill", &references);
  g_assert_nonnull (last);
  g_assert_cmpuint (references->len, ==, 1);
  const QiHostReference *read = references->pdata[0];
  g_assert_cmpint (read->image, ==, f->image);
  g_assert_cmpint (read->layer, ==, f->photo);
  g_assert_cmpstr (read->name, ==, "Pho;to");
  g_assert_null (read->path);
  g_assert_cmpstr (last->prompt, ==, "a boat");
  g_assert_cmpint (last->quality, ==, QI_QUALITY_BEST);
  g_autofree char *procedure = qi_settings_last_procedure (f->settings);
  g_assert_cmpstr (procedure, ==, "fill");
  qi_session_cancel (f->session);
  qi_fake_settle ();
  fixture_now += G_USEC_PER_SEC;
  qi_session_set_prompt (f->session, "");
  qi_session_start (f->session);
  g_autofree char *removal = qi_settings_last_procedure (f->settings);
  g_assert_cmpstr (removal, ==, "remove"); /* an empty prompt must not come back as a fill */
  qi_session_cancel (f->session);
  qi_fake_settle ();
  qi_session_set_prompt (f->session, "unfinished");
  g_assert_true (qi_session_recall (f->session, -1));
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "a boat");
  g_assert_false (qi_session_recall (f->session, -1));
  g_assert_true (qi_session_recall (f->session, 1));
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "unfinished");
  g_ptr_array_set_size (references, 0);
  g_ptr_array_add (references, qi_host_reference_copy (&file));
  qi_settings_set_last (f->settings, "edit", last, references, NULL);
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (QiRequest) edit = qi_settings_last (f->settings, "edit", &files);
  g_assert_nonnull (edit);
  g_assert_cmpuint (files->len, ==, 1);
  read = files->pdata[0];
  g_assert_cmpstr (read->path, ==, "/a;b.png");
  g_assert_cmpint (read->image, ==, QI_HOST_NONE);
}

/* -- errors ------------------------------------------------------------------------------------------ */

static void
test_error (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_start (f->session);
  qi_fake_fail (f->client, QI_ERROR, QI_ERROR_WORKER_GONE, "The engine ended (signal 9).");
  qi_fake_settle ();
  fixture_assert_card (f, QI_SAY_ENGINE_STOPPED);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "a boat");
  qi_session_act (f->session, QI_ACT_START_AGAIN);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 2);
  finish (f, 1);
  g_assert_null (qi_session_card (f->session));
}

static void
test_set_up (Fixture *f, gconstpointer data)
{
  QiEngineInfo *info = qi_fake_info (f->client);

  info->demo = TRUE;
  bind_fill (f);
  g_assert_true (qi_session_set_up_open (f->session));
  g_assert_cmpstr (qi_session_verb (f->session), ==, "Try _fill");
  qi_session_close_set_up (f->session);
  g_assert_cmpstr (qi_session_verb (f->session), ==, "Fill"); /* and it does not nag */
  g_clear_pointer (&info->model, g_free);
  info->demo = FALSE;
  qi_session_ask_engine (f->session);
  qi_fake_settle ();
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_NO_MODEL);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 0);
}

static void
test_report (Fixture *f, gconstpointer data)
{
  bind_fill (f);
  qi_session_start (f->session);
  qi_fake_fail (f->client, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                "“/srv/jane/models/vae.safetensors” ends after 3 of 5 bytes.");
  qi_fake_settle ();
  fixture_assert_card (f, QI_SAY_FILE_DAMAGED);
  g_assert_cmpstr (qi_session_card (f->session)->title, ==, "“vae.safetensors” is damaged");
  g_autofree char *report = qi_session_report (f->session);
  g_assert_nonnull (strstr (report, "vae.safetensors"));
  g_assert_null (strstr (report, "jane")); /* no name, path or prompt */
  g_assert_null (strstr (report, "a boat"));
}

/* -- time -------------------------------------------------------------------------------------------- */

static void
test_time (Fixture *f, gconstpointer data)
{
  g_autofree char *details = NULL;

  qi_fake_info (f->client)->load_seconds = 12;
  bind_fill (f);
  qi_session_set (f->session, "results", "2");
  g_autofree char *time = qi_session_time (f->session, &details);
  g_assert_cmpstr (time, ==, "About 1 min"); /* 2 × 22 + 12 = 56 */
  g_assert_cmpstr (details, ==, "2 results, Balanced, loads the model first");
}

static void
test_seconds_never_rise (Fixture *f, gconstpointer data)
{
  double last = G_MAXDOUBLE, bar = 0;
  static const double told[] = { 30, 28, 45, 40, 20, 25, 10, 2, -1, 1, 0 };

  bind_fill (f);
  qi_session_start (f->session);
  for (guint k = 0; k < G_N_ELEMENTS (told); k++)
    {
      fixture_now += 2 * G_USEC_PER_SEC;
      qi_fake_progress (f->client, QI_STAGE_DENOISE, k + 1, 11, told[k], NULL);
      const QiPace *pace = qi_session_pace (f->session);
      g_assert_cmpfloat (pace->left, <=, last);
      g_assert_cmpfloat (pace->bar, >=, bar);
      g_assert_cmpfloat (pace->bar, <, 1);
      last = pace->left;
      bar = pace->bar;
    }
  qi_session_cancel (f->session);
}

#define CASE(path, function) g_test_add ("/ui/session/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  CASE ("mode/context", test_mode_from_context);
  CASE ("mode/by-hand", test_mode_by_hand);
  CASE ("mode/during-job", test_mode_stays_during_job);
  CASE ("start/asks-first", test_start_asks_first);
  CASE ("start/indexed", test_indexed);
  CASE ("start/selection-misses", test_selection_misses);
  CASE ("start/queue", test_queue);
  CASE ("cancel", test_cancel);
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
  CASE ("lettering", test_lettering);
  CASE ("references", test_references);
  CASE ("reference-gone", test_reference_gone);
  CASE ("keys", test_keys);
  CASE ("last-values", test_last_values);
  CASE ("error/worker-gone", test_error);
  CASE ("error/set-up", test_set_up);
  CASE ("error/report", test_report);
  CASE ("time/estimate", test_time);
  CASE ("time/never-rises", test_seconds_never_rise);
  return g_test_run ();
}
