/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The window's decisions without a window: an image program and an engine in memory, and a clock that the test sets. */
#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "tests/ui/fixture.h"

/* -- modes ------------------------------------------------------------------------------------------- */

static void
test_mode_from_context (Fixture *f, gconstpointer data)
{
  qi_session_bind (f->session, QI_HOST_NONE, FALSE, QI_TASK_EDIT);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
  g_assert_false (qi_session_task_possible (f->session, QI_TASK_EDIT));
  fixture_assert_will (f, "Makes a new image", "1328 × 1328 px");
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT);
  fixture_assert_will (f, "Edits the whole layer “Photo”", NULL);
  fixture_select_part (f);
  fixture_later (f, 0.5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_FILL);
  fixture_assert_will (f, "Removes what is selected on layer “Photo”", "The surroundings grow into it");
  qi_session_set_prompt (f->session, "a boat");
  fixture_assert_will (f, "Fills the selection on layer “Photo”", NULL);
  g_assert_cmpstr (qi_session_verb (f->session), ==, "Fill");
  qi_fake_host_select (f->host, f->image, (QiRect) { 0 });
  const gint blank = qi_fake_host_add_layer (f->host, f->image, "Blank", (QiRect) { 0, 0, 640, 480 }, NULL);
  fixture_later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
  qi_fake_host_delete_layer (f->host, f->image, blank);
  qi_fake_host_choose_layer (f->host, f->image, f->photo);
  fixture_later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT);
}

static void
test_mode_by_hand (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
  qi_session_set_task (f->session, QI_TASK_EDIT);
  fixture_later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT); /* stays */
  fixture_assert_will (f, "Edits the selection on layer “Photo”", NULL);
  qi_session_set_task (f->session, QI_TASK_FILL);
  qi_fake_host_select (f->host, f->image, (QiRect) { 0 });
  fixture_later (f, 5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT); /* Fill, then Select ▸ None */
  fixture_assert_will (f, "Nothing is selected: edits the whole layer “Photo”", NULL);
  qi_session_type (f->session, "a boat,");
  fixture_select_part (f);
  fixture_later (f, 1);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_EDIT); /* not within 2 s of typing */
  fixture_later (f, 1.5);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_FILL);
}

static void
test_mode_stays_during_job (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
  qi_session_start (f->session);
  qi_fake_host_select (f->host, f->image, (QiRect) { 0 });
  fixture_later (f, 5);
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
  fixture_later (f, 5);
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

/* Ctrl+Z and at once Ctrl+Enter: no poll came between. */
static void
test_start_looks_again (Fixture *f, gconstpointer data)
{
  const gint made = qi_fake_host_add_layer (f->host, f->image, "Made", (QiRect) { 0, 0, 64, 64 }, qi_fake_draw_sloop);

  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  g_assert_cmpint (qi_session_view (f->session)->layer.id, ==, made);
  qi_session_set_prompt (f->session, "red");
  qi_fake_host_delete_layer (f->host, f->image, made);
  qi_fake_host_choose_layer (f->host, f->image, f->photo);
  qi_session_start (f->session);
  g_assert_null (qi_session_card (f->session));
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
  g_assert_cmpint (f->session->order->source.target, ==, f->photo);
  qi_session_cancel (f->session);
}

static void
test_start_after_close (Fixture *f, gconstpointer data)
{
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  qi_session_set_prompt (f->session, "red");
  qi_fake_host_close (f->host, f->image);
  qi_session_start (f->session); /* what was to be edited is no more: nothing begins in its place */
  g_assert_null (f->session->work);
  g_assert_cmpint (qi_session_task (f->session), ==, QI_TASK_GENERATE);
}

/* A script opens an image, changes it and closes it again. */
static void
test_start_after_other (Fixture *f, gconstpointer data)
{
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_EDIT);
  qi_session_set_prompt (f->session, "red");

  const gint other = qi_fake_host_add_image (f->host, "other.png", 64, 64, QI_HOST_RGB);

  qi_fake_host_add_layer (f->host, other, "Frame", (QiRect) { 0, 0, 64, 64 }, qi_fake_draw_sloop);
  fixture_later (f, 1);
  qi_fake_host_select (f->host, other, (QiRect) { 8, 8, 16, 16 });
  fixture_later (f, 1);
  g_assert_cmpint (f->session->other, ==, other);
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_OTHER_IMAGE);
  qi_fake_host_close (f->host, other);
  qi_session_start (f->session);
  g_assert_null (qi_session_card (f->session));
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
  qi_session_cancel (f->session);
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
  fixture_bind_fill (f);
  qi_session_start (f->session);
  fixture_assert_card (f, QI_SAY_SELECTION_MISSES);
  qi_session_act (f->session, QI_ACT_WHOLE_CANVAS);
  qi_session_start (f->session);
  g_assert_cmpuint (qi_fake_job (f->client), ==, 1);
}

static void
test_queue (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
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
  fixture_finish (f, 1);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 2); /* what waited went on by itself */
  g_assert_cmpstr (qi_fake_request (f->client)->prompt, ==, "a ship");
  fixture_finish (f, 1);
  g_assert_cmpuint (qi_session_n_results (f->session), ==, 2);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_RESULTS);
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  fixture_bind_fill (f);
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

  fixture_bind_fill (f);
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

  fixture_bind_fill (f);
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
  fixture_bind_fill (f);
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
  fixture_finish (f, 1);
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
  fixture_bind_fill (f);
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
  fixture_bind_fill (f);
  qi_session_start (f->session);
  qi_fake_fail (f->client, QI_ERROR, QI_ERROR_WORKER_GONE, "The engine ended (signal 9).");
  qi_fake_settle ();
  fixture_assert_card (f, QI_SAY_ENGINE_STOPPED);
  g_assert_cmpint (qi_session_state (f->session), ==, QI_SESSION_IDLE);
  g_assert_cmpstr (qi_session_request (f->session)->prompt, ==, "a boat");
  qi_session_act (f->session, QI_ACT_START_AGAIN);
  g_assert_cmpuint (qi_fake_n_jobs (f->client), ==, 2);
  fixture_finish (f, 1);
  g_assert_null (qi_session_card (f->session));
}

static void
test_set_up (Fixture *f, gconstpointer data)
{
  QiEngineInfo *info = qi_fake_info (f->client);

  info->demo = TRUE;
  fixture_bind_fill (f);
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
  fixture_bind_fill (f);
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
  fixture_bind_fill (f);
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

  fixture_bind_fill (f);
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
  CASE ("start/looks-again", test_start_looks_again);
  CASE ("start/after-close", test_start_after_close);
  CASE ("start/after-other", test_start_after_other);
  CASE ("start/indexed", test_indexed);
  CASE ("start/selection-misses", test_selection_misses);
  CASE ("start/queue", test_queue);
  CASE ("cancel", test_cancel);
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
