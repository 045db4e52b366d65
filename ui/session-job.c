/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session-job.c — the part of the session that runs jobs: what must hold before one, progress, queue, cancel. */
#include <glib/gi18n-lib.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/session-private.h"

#define REPEAT (G_USEC_PER_SEC / 2) /* a verb pressed again within this was pressed once */
#define TINY 8 /* pixels: a selection smaller than this shows nothing */

static void start_order (QiSession *session, QiOrder *order);

QiSessionState
qi_session_state (QiSession *session)
{
  return session->state;
}

gboolean
qi_session_waiting (QiSession *session)
{
  return session->waiting != NULL;
}

const QiPace *
qi_session_pace (QiSession *session)
{
  return &session->pace;
}

QiImage *
qi_session_preview (QiSession *session)
{
  return session->preview;
}

const QiRect *
qi_session_job_frame (QiSession *session)
{
  return session->work ? qi_work_frame (session->work) : NULL;
}

QiRect
qi_session_job_part (QiSession *session)
{
  return session->work ? qi_work_part (session->work) : (QiRect) { 0 };
}

QiTask
qi_session_seen_task (QiSession *session)
{
  if (session->shown >= 0)
    return qi_session_result (session, session->shown)->request->task;
  return session->work ? session->order->request->task : session->mode.task;
}

static double
seconds_now (QiSession *session)
{
  return session->clock () / (double) G_USEC_PER_SEC;
}

/* -- what must hold before it ------------------------------------------------------------------------ */

/* The first "Picture N" of the prompt that is not there; 0: none. */
static guint
missing_picture (const QiOrder *order)
{
  static GRegex *names = NULL;
  g_autoptr (GMatchInfo) found = NULL;
  const guint there = order->references->len + (order->request->task == QI_TASK_GENERATE ? 0 : 1);

  if (!names)
    names = g_regex_new ("\\bPicture ([1-9][0-9]?)\\b", G_REGEX_OPTIMIZE, 0, NULL);
  g_regex_match (names, order->request->prompt ? order->request->prompt : "", 0, &found);
  for (; g_match_info_matches (found); g_match_info_next (found, NULL))
    {
      g_autofree char *number = g_match_info_fetch (found, 1);
      if (atoi (number) > (int) there)
        return atoi (number);
    }
  return 0;
}

static gboolean
skipped (QiSession *session, QiSay say)
{
  return session->skip & (G_GUINT64_CONSTANT (1) << say);
}

static gboolean
grows (const QiRequest *request)
{
  return request->left || request->right || request->top || request->bottom;
}

static QiCard *
fault (QiSession *session, const QiOrder *order)
{
  const QiHostView *view = session->view;
  const QiRect selection = qi_session_selection (session);
  const gboolean fill = order->request->task == QI_TASK_FILL, selected = !qi_rect_is_empty (&selection);
  const guint missing = missing_picture (order);

  G_STATIC_ASSERT (QI_N_SAY <= 64);
  if (session->other != QI_HOST_NONE && !session->other_allowed)
    return qi_card_new (QI_SAY_OTHER_IMAGE, session->other_name, view ? view->image.name : "–");
  if (fill && !selected)
    return qi_card_new (QI_SAY_NO_SELECTION);
  if (order->request->task == QI_TASK_EXPAND && !grows (order->request))
    return qi_card_new (QI_SAY_NO_GROWTH);
  if ((fill || order->request->task == QI_TASK_EDIT) && selected && view->layer.id != QI_HOST_NONE && !session->memory
      && order->request->source == QI_SOURCE_LAYER)
    {
      const QiRect both = qi_rect_intersect (&selection, &view->layer.rect);
      if (qi_rect_is_empty (&both))
        return qi_card_new (QI_SAY_SELECTION_MISSES, view->layer.name);
    }
  if (fill && (selection.width < TINY || selection.height < TINY) && !skipped (session, QI_SAY_SELECTION_SMALL))
    return qi_card_new (QI_SAY_SELECTION_SMALL, selection.width, selection.height);
  if (view && view->image.mode == QI_HOST_INDEXED && !skipped (session, QI_SAY_COLOUR_MAP))
    return qi_card_new (QI_SAY_COLOUR_MAP, view->image.n_colors);
  if (missing && !skipped (session, QI_SAY_NO_SUCH_PICTURE))
    return qi_card_new (QI_SAY_NO_SUCH_PICTURE, missing,
                        order->references->len + (order->request->task == QI_TASK_GENERATE ? 0 : 1));
  if (session->info && !session->info->model && !session->info->stub)
    {
      QiCard *card = qi_card_new (session->info->device ? QI_SAY_NO_MODEL : QI_SAY_NO_CARD);
      card->details = g_strdup (session->info->problem);
      return card;
    }
  return session->info ? qi_work_misfit (session->info, order->request->task) : NULL;
}

gboolean
qi_session_check (QiSession *session, const QiOrder *order)
{
  const gboolean words = (order->request->prompt && *order->request->prompt) || order->request->lettering;

  if (!words && (order->request->task == QI_TASK_GENERATE || order->request->task == QI_TASK_EDIT))
    {
      qi_session_hint_for (session,
                           order->request->task == QI_TASK_GENERATE ? _ ("Describe the picture first")
                                                                    : _ ("Say what to change first"),
                           8);
      qi_session_want_prompt (session);
      return FALSE;
    }
  QiCard *card = fault (session, order);
  if (card)
    qi_session_take_card (session, card);
  return card == NULL;
}

/* -- beginning --------------------------------------------------------------------------------------- */

static void
remember (QiSession *session, const QiOrder *order)
{
  g_autoptr (GError) error = NULL;
  const gboolean removal =
      order->request->task == QI_TASK_FILL && (!order->request->prompt || !*order->request->prompt);

  qi_settings_add_prompt (session->settings, order->request->prompt);
  if (!qi_settings_set_last (session->settings, removal ? "remove" : qi_task_name (order->request->task),
                             order->request, order->references, &error))
    qi_session_say (session, g_strdup (_ ("Settings cannot be saved.")), 8);
}

void
qi_session_start (QiSession *session)
{
  const gint64 now = session->clock ();

  if (session->started && now - session->started < REPEAT)
    return;
  /* What the last poll saw may be half a second old: a layer that was undone since would be asked for its pixels. */
  if (!qi_session_look_again (session))
    return;
  g_autoptr (QiOrder) order = qi_session_order (session);
  if (!qi_session_check (session, order))
    return;
  session->started = now;
  qi_session_close_card (session);
  start_order (session, g_steal_pointer (&order));
}

void
qi_session_again (QiSession *session)
{
  if (session->shown < 0 || session->work)
    return;
  const QiSessionResult *shown = session->results->pdata[session->shown];
  QiOrder *order = g_new0 (QiOrder, 1);

  *order = *shown->order;
  order->request = qi_request_copy (shown->order->request);
  order->request->seed = -1;
  order->references = g_ptr_array_ref (shown->order->references);
  order->source.references = order->references;
  qi_session_close_card (session);
  start_order (session, order);
}

static void
start_order (QiSession *session, QiOrder *order)
{
  if (session->work)
    {
      qi_order_free (session->waiting);
      session->waiting = order;
      remember (session, order);
      qi_session_changed (session, QI_CHANGED_FOOT);
      return;
    }
  remember (session, order);
  qi_session_run (session, order);
}

static void
on_progress (const QiProgress *progress, gpointer user_data)
{
  QiSession *session = user_data;
  guint what = QI_CHANGED_FOOT;

  if (session->state == QI_SESSION_STOPPING || !session->work)
    return;
  if (session->state == QI_SESSION_STARTING)
    {
      session->state = QI_SESSION_RUNNING;
      what |= QI_CHANGED_STAGE | QI_CHANGED_RESULTS;
    }
  if (progress->result != session->last.result)
    {
      g_clear_pointer (&session->preview, qi_image_unref);
      what |= QI_CHANGED_STAGE;
    }
  if (progress->preview)
    {
      g_clear_pointer (&session->preview, qi_image_unref);
      session->preview = qi_image_ref ((QiImage *) progress->preview);
      what |= QI_CHANGED_STAGE;
    }
  session->last = *progress;
  session->last.preview = NULL;
  qi_pace_tell (&session->pace, seconds_now (session), progress->seconds_left);
  qi_session_changed (session, what);
}

static void
on_ready (QiWork *work, guint k, gpointer user_data)
{
  QiSession *session = user_data;

  if (session->work != work || session->state == QI_SESSION_STOPPING)
    return;
  g_clear_pointer (&session->preview, qi_image_unref);
  qi_session_add_result (session, work, k);
}

/* The job is over, whichever way: what was there before, and what is new. */
void
qi_session_settle (QiSession *session)
{
  g_clear_pointer (&session->work, qi_work_free);
  g_clear_object (&session->cancel);
  g_clear_pointer (&session->order, qi_order_free);
  g_clear_pointer (&session->preview, qi_image_unref);
  session->state = session->results->len ? QI_SESSION_RESULTS : QI_SESSION_IDLE;
  session->info_stale = TRUE;
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (QiSession) session = user_data;
  g_autoptr (GError) error = NULL;
  QiWork *work = session->work;

  if (!work)
    return;
  const gboolean good = qi_work_run_finish (work, result, &error);
  const guint n = qi_work_n_results (work);
  const gboolean keep = session->keep_then;
  const QiQuality quality = session->order->request->quality;

  if (good && n > 0)
    session->measured[quality] = (seconds_now (session) - session->pace.began) / n / qi_work_n_passes (work);
  if (qi_work_note (work))
    qi_session_note (session, qi_work_note (work));
  const double moved = n ? qi_work_moved (work, n - 1) : 0;
  session->keep_then = FALSE;
  qi_session_settle (session);
  if (!good)
    {
      QiCard *card = qi_card_from_error (error);
      if (card)
        qi_session_take_card (session, card);
      g_clear_pointer (&session->waiting, qi_order_free); /* it would end the same way, or was meant to end too */
    }
  else if (moved > 0)
    qi_session_take_card (session, qi_card_new (QI_SAY_MOVED, moved));
  if (keep && session->shown >= 0)
    qi_session_keep (session);
  else if (session->state == QI_SESSION_RESULTS && moved <= 0)
    qi_session_put_on_canvas (session);
  qi_session_changed (session, QI_CHANGED_ALL & ~(QI_CHANGED_PROMPT | QI_CHANGED_REFERENCES | QI_CHANGED_LETTERING));
  if (session->waiting)
    qi_session_run (session, g_steal_pointer (&session->waiting));
}

void
qi_session_run (QiSession *session, QiOrder *order)
{
  static const QiEngineInfo unknown = { .width = 1328, .height = 1328, .unit = 16 };
  g_autoptr (GError) error = NULL;
  const QiEngineInfo *info = session->info ? session->info : &unknown;

  QiWork *work = qi_work_new (session->host, &order->source, order->request, info, &error);
  if (!work)
    {
      qi_order_free (order);
      qi_session_take_card (session, qi_card_from_error (error));
      return;
    }
  session->work = work;
  session->order = order;
  session->cancel = g_cancellable_new ();
  session->state = QI_SESSION_STARTING;
  session->last = (QiProgress) { .seconds_left = -1 };
  session->first_of_job = session->results->len;
  g_clear_pointer (&session->note, g_free);
  const double one = qi_session_seconds (session, order->request->quality) / MAX (1, qi_session_passes (session))
                     * qi_work_n_passes (work);
  const double load = MAX (0, info->load_seconds);
  qi_pace_begin (&session->pace, seconds_now (session), one > 0 ? load + one * order->request->results : -1);
  qi_session_changed (session, QI_CHANGED_ALL & ~QI_CHANGED_PROMPT);
  qi_work_run_async (work, session->client, on_progress, on_ready, session, session->cancel, on_done,
                     g_object_ref (session));
}

void
qi_session_cancel (QiSession *session)
{
  if (!session->work || session->state == QI_SESSION_STOPPING)
    return;
  session->state = QI_SESSION_STOPPING;
  g_clear_pointer (&session->waiting, qi_order_free);
  qi_session_changed (session, QI_CHANGED_FOOT);
  g_cancellable_cancel (session->cancel);
}

void
qi_session_drop_waiting (QiSession *session)
{
  g_clear_pointer (&session->waiting, qi_order_free);
  qi_session_changed (session, QI_CHANGED_FOOT);
}

void
qi_session_tick (QiSession *session)
{
  const gint64 now = session->clock ();
  guint what = 0;

  if (session->work)
    {
      qi_pace_tick (&session->pace, seconds_now (session));
      what |= QI_CHANGED_FOOT;
    }
  if (session->status && now >= session->status_until)
    {
      g_clear_pointer (&session->status, g_free);
      what |= QI_CHANGED_STATUS;
    }
  if (session->hint && now >= session->hint_until)
    {
      g_clear_pointer (&session->hint, g_free);
      what |= QI_CHANGED_HINT;
    }
  if (session->dropped->len && now >= session->undo_until)
    {
      g_ptr_array_set_size (session->dropped, 0);
      what |= QI_CHANGED_RESULTS;
    }
  if (what)
    qi_session_changed (session, what);
}
