/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session-results.c — the part of the session that holds what came out, and puts it into the image. */
#include <glib/gi18n-lib.h>

#include "ui/session-private.h"

#define UNDO_SECONDS 10

void
qi_session_result_free (QiSessionResult *result)
{
  if (!result)
    return;
  qi_host_result_free (result->result);
  qi_order_free (result->order);
  g_free (result->key);
  g_free (result);
}

static QiOrder *
copy_order (const QiOrder *from)
{
  QiOrder *copy = g_memdup2 (from, sizeof *from);

  copy->request = qi_request_copy (from->request);
  copy->references = g_ptr_array_ref (from->references);
  copy->source.references = copy->references;
  return copy;
}

void
qi_session_add_result (QiSession *session, QiWork *work, guint k)
{
  QiSessionResult *result = g_new0 (QiSessionResult, 1);

  result->result = qi_host_result_copy (qi_work_result (work, k));
  result->result->hidden = FALSE; /* one is placed at a time */
  result->order = copy_order (session->order);
  result->key = qi_order_key (session->order);
  result->moved = qi_work_moved (work, k);
  result->cut_off = qi_work_cut_off (work, k);
  g_ptr_array_add (session->results, result);
  if (session->results->len == session->first_of_job + 1)
    session->shown = session->first_of_job;
  qi_session_changed (session, QI_CHANGED_RESULTS | QI_CHANGED_STAGE | QI_CHANGED_FOOT);
}

guint
qi_session_n_results (QiSession *session)
{
  return session->results->len;
}

const QiHostResult *
qi_session_result (QiSession *session, guint k)
{
  g_return_val_if_fail (k < session->results->len, NULL);
  return ((QiSessionResult *) session->results->pdata[k])->result;
}

gboolean
qi_session_starred (QiSession *session, guint k)
{
  g_return_val_if_fail (k < session->results->len, FALSE);
  return ((QiSessionResult *) session->results->pdata[k])->starred;
}

gint
qi_session_shown (QiSession *session)
{
  return session->shown;
}

void
qi_session_note (QiSession *session, const char *note)
{
  g_free (session->note);
  session->note = g_strdup (note);
  qi_session_changed (session, QI_CHANGED_STAGE);
}

/* -- on the canvas ----------------------------------------------------------------------------------- */

static QiSessionResult *
shown (QiSession *session)
{
  return session->shown >= 0 ? session->results->pdata[session->shown] : NULL;
}

/* The image is what it was when the result was asked for. */
static gboolean
still_fits (QiSession *session, const QiHostResult *result)
{
  const QiHostImage *image = session->view ? &session->view->image : NULL;

  return image && image->id == result->image && image->width == result->canvas.width
         && image->height == result->canvas.height && image->mode == result->mode;
}

/* A canvas that grows and a stack of layers wait for Keep: they would pull the ground from under the person's eyes. */
gboolean
qi_session_may_go_on_canvas (QiSession *session)
{
  const QiSessionResult *now = shown (session);

  return now && now->result->image != QI_HOST_NONE && !now->result->layers && qi_rect_is_empty (&now->result->grown);
}

void
qi_session_off_canvas (QiSession *session)
{
  session->canvas_layer = QI_HOST_NONE;
  session->insert_waits = FALSE;
}

void
qi_session_put_on_canvas (QiSession *session)
{
  const QiSessionResult *now = shown (session);
  g_autoptr (GError) error = NULL;

  session->insert_waits = FALSE;
  if (!now || !session->on_canvas || session->work || session->state != QI_SESSION_RESULTS || now->moved > 0)
    return;
  if (!qi_session_may_go_on_canvas (session) || !still_fits (session, now->result))
    return;
  if (session->canvas_layer == QI_HOST_NONE)
    {
      if (!session->active)
        { /* somebody types elsewhere: not under their hands */
          session->insert_waits = TRUE;
          session->status_until = MAX (session->status_until, session->clock () + G_USEC_PER_SEC);
          return;
        }
      session->canvas_layer = qi_host_insert (session->host, now->result, &error);
    }
  else if (!qi_host_rewrite (session->host, session->canvas_layer, now->result, &error) && !error)
    { /* painted on, or undone: it is the person's now */
      qi_session_off_canvas (session);
      session->on_canvas = FALSE;
      qi_session_note (session, _ ("The layer was changed, so it stays as it is."));
    }
  if (error)
    {
      qi_session_off_canvas (session);
      qi_session_take_card (session, qi_card_from_error (error));
    }
  if (session->view) /* what we did ourselves is no change */
    {
      qi_host_view_free (session->view);
      session->view = qi_host_look (session->host, session->image);
    }
  qi_session_changed (session, QI_CHANGED_RESULTS | QI_CHANGED_STAGE);
}

static void
take_off_canvas (QiSession *session)
{
  g_autoptr (GError) error = NULL;

  if (session->canvas_layer == QI_HOST_NONE)
    return;
  if (qi_host_untouched (session->host, session->canvas_layer))
    qi_host_remove (session->host, session->canvas_layer, &error);
  qi_session_off_canvas (session);
  if (error)
    qi_session_take_card (session, qi_card_from_error (error));
}

gint
qi_session_canvas_layer (QiSession *session)
{
  return session->canvas_layer;
}

gboolean
qi_session_on_canvas (QiSession *session)
{
  return session->on_canvas;
}

void
qi_session_set_on_canvas (QiSession *session, gboolean on)
{
  if (session->on_canvas == on)
    return;
  session->on_canvas = on;
  qi_settings_set_bool (session->settings, "on-canvas", on);
  session->active = TRUE; /* it was asked for here */
  if (on)
    qi_session_put_on_canvas (session);
  else
    take_off_canvas (session);
  qi_session_changed (session, QI_CHANGED_RESULTS);
}

void
qi_session_show (QiSession *session, guint k)
{
  g_return_if_fail (k < session->results->len);
  if (session->shown == (gint) k)
    return;
  session->shown = k;
  g_clear_pointer (&session->note, g_free);
  qi_session_put_on_canvas (session);
  qi_session_changed (session, QI_CHANGED_RESULTS | QI_CHANGED_STAGE | QI_CHANGED_FOOT);
}

void
qi_session_star (QiSession *session)
{
  QiSessionResult *now = shown (session);

  if (!now)
    return;
  now->starred = !now->starred;
  qi_session_changed (session, QI_CHANGED_RESULTS);
}

/* -- the end of a result ----------------------------------------------------------------------------- */

/* Results with gone (result) leave the strip. */
static void
drop_those (QiSession *session, gboolean (*gone) (QiSession *session, guint k))
{
  g_ptr_array_set_size (session->dropped, 0);
  for (guint k = session->results->len; k-- > 0;)
    if (gone (session, k))
      {
        g_ptr_array_insert (session->dropped, 0, g_ptr_array_steal_index (session->results, k));
        if (session->shown > (gint) k)
          session->shown--;
      }
  session->shown = session->results->len ? CLAMP (session->shown, 0, (gint) session->results->len - 1) : -1;
  session->undo_until = session->clock () + UNDO_SECONDS * G_USEC_PER_SEC;
  if (!session->results->len)
    take_off_canvas (session);
  if (!session->work)
    session->state = session->results->len ? QI_SESSION_RESULTS : QI_SESSION_IDLE;
  session->first_of_job = MIN (session->first_of_job, session->results->len);
  if (session->results->len)
    qi_session_put_on_canvas (session);
  g_clear_pointer (&session->note, g_free);
  qi_session_changed (session, QI_CHANGED_ALL & ~QI_CHANGED_PROMPT);
}

static gboolean
is_shown (QiSession *session, guint k)
{
  return session->shown == (gint) k;
}

static gboolean
has_no_star (QiSession *session, guint k)
{
  return !qi_session_starred (session, k);
}

void
qi_session_drop (QiSession *session)
{
  if (shown (session))
    drop_those (session, is_shown);
}

void
qi_session_discard (QiSession *session)
{
  if (!session->results->len)
    return;
  drop_those (session, has_no_star);
  qi_session_want_prompt (session);
}

gboolean
qi_session_can_undo (QiSession *session)
{
  return session->dropped->len > 0;
}

void
qi_session_undo (QiSession *session)
{
  while (session->dropped->len)
    g_ptr_array_add (session->results, g_ptr_array_steal_index (session->dropped, 0));
  if (session->shown < 0 && session->results->len)
    session->shown = 0;
  if (!session->work)
    session->state = session->results->len ? QI_SESSION_RESULTS : QI_SESSION_IDLE;
  session->active = TRUE;
  qi_session_put_on_canvas (session);
  qi_session_changed (session, QI_CHANGED_ALL & ~QI_CHANGED_PROMPT);
}

static void
kept (QiSession *session, gint image, gint layer, const char *name)
{
  g_autofree char *note = g_strdup_printf (_ ("Kept as layer “%s”"), name);

  g_array_append_val (session->kept, layer);
  session->kept_image = image;
  qi_session_off_canvas (session);
  g_ptr_array_set_size (session->results, 0);
  g_ptr_array_set_size (session->dropped, 0);
  session->shown = -1;
  session->state = QI_SESSION_IDLE;
  g_clear_pointer (&session->note, g_free);
  qi_session_close_card (session);
  qi_session_grow (session, 0, 0, 0, 0); /* it has */
  qi_session_say (session, g_steal_pointer (&note), 5);
  qi_session_changed (session, QI_CHANGED_ALL & ~QI_CHANGED_PROMPT);
  qi_session_want_prompt (session);
}

/* As an image of its own: there was none, it is gone, or the person asked for that. */
static void
keep_as_image (QiSession *session)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiHostResult) result = qi_host_result_copy (shown (session)->result);
  g_autofree char *name = g_strdup (result->name);
  const gboolean bind = session->image == QI_HOST_NONE;

  if (result->request->task == QI_TASK_EXPAND) /* with the old picture, which is not below it there */
    g_clear_pointer (&result->mask, qi_image_unref);
  const gint image = qi_host_open (session->host, result, &error);

  if (image == QI_HOST_NONE)
    {
      qi_session_take_card (session, qi_card_from_error (error));
      return;
    }
  g_autoptr (QiHostView) view = qi_host_look (session->host, image);
  take_off_canvas (session);
  kept (session, image, view ? view->layer.id : QI_HOST_NONE, name);
  if (bind)
    qi_session_bind (session, image, FALSE, QI_TASK_EDIT);
}

static void
keep_on_canvas (QiSession *session)
{
  g_autoptr (GError) error = NULL;
  const QiHostResult *result = shown (session)->result;
  g_autofree char *name = g_strdup (result->name);
  gint layer = session->canvas_layer;

  if (layer == QI_HOST_NONE || !qi_host_untouched (session->host, layer))
    layer = qi_host_insert (session->host, result, &error);
  if (layer == QI_HOST_NONE)
    {
      qi_session_take_card (session, qi_card_from_error (error));
      return;
    }
  kept (session, result->image, layer, name);
}

void
qi_session_keep (QiSession *session)
{
  const QiSessionResult *now = shown (session);

  if (!now)
    return;
  if (session->work)
    { /* what is there is kept, the rest of the job is not wanted */
      session->keep_then = TRUE;
      qi_session_cancel (session);
      return;
    }
  if (now->result->image == QI_HOST_NONE || !session->view || session->view->image.id != now->result->image)
    keep_as_image (session);
  else if (!still_fits (session, now->result))
    qi_session_take_card (session, qi_card_new (QI_SAY_IMAGE_CHANGED));
  else
    keep_on_canvas (session);
}

const gint *
qi_session_kept (QiSession *session, guint *n, gint *image)
{
  *n = session->kept->len;
  *image = session->kept_image;
  return (const gint *) (gpointer) session->kept->data;
}

gboolean
qi_session_differs (QiSession *session)
{
  const QiSessionResult *now = shown (session);

  if (!now)
    return FALSE;
  g_autoptr (QiOrder) order = qi_session_order (session);
  g_autofree char *key = qi_order_key (order);
  return g_strcmp0 (key, now->key) != 0;
}

/* -- the card's buttons ------------------------------------------------------------------------------ */

const QiCard *
qi_session_card (QiSession *session)
{
  return session->card;
}

void
qi_session_close_card (QiSession *session)
{
  if (!session->card)
    return;
  g_clear_pointer (&session->card, qi_card_free);
  qi_session_changed (session, QI_CHANGED_CARD | QI_CHANGED_FOOT | QI_CHANGED_OPTIONS);
}

/* Takes the words out that name pictures which are not there. */
static void
remove_words (QiSession *session)
{
  const guint there = session->references->len + (session->mode.task == QI_TASK_GENERATE ? 0 : 1);
  g_autofree char *prompt = g_strdup (session->request->prompt);

  for (guint n = there + 1; n <= 99; n++)
    {
      g_autofree char *pattern = g_strdup_printf ("\\s?\\bPicture %u\\b", n);
      g_autoptr (GRegex) name = g_regex_new (pattern, 0, 0, NULL);
      char *without = g_regex_replace_literal (name, prompt, -1, 0, "", 0, NULL);
      g_free (prompt);
      prompt = without;
    }
  qi_session_set_prompt (session, prompt);
}

/* The canvas is another one than the result was made for: it grows by what is missing now. */
static void
grow_anyway (QiSession *session, QiHostResult *result)
{
  const QiRect canvas = { 0, 0, session->view ? session->view->image.width : 1,
                          session->view ? session->view->image.height : 1 };
  const QiRect all = qi_rect_union (&canvas, &result->frame);

  if (result->request->task == QI_TASK_EXPAND)
    result->grown = qi_rect_equal (&all, &canvas) ? (QiRect) { 0 } : all;
}

static void
go_on (QiSession *session, QiSay say)
{
  session->skip |= G_GUINT64_CONSTANT (1) << say;
  if (say == QI_SAY_OTHER_IMAGE)
    session->other_allowed = TRUE;
  session->started = 0;
  qi_session_start (session);
}

gboolean
qi_session_act (QiSession *session, QiAct act)
{
  g_autoptr (GError) error = NULL;
  const QiSay say = session->card ? session->card->say : QI_SAY_NOTHING;
  const guint gone = session->card ? session->card->picture : 0, first = qi_session_reference_number (session, 0);

  if (gone >= first && gone - first < session->references->len
      && (act == QI_ACT_CHOOSE_AGAIN || act == QI_ACT_REMOVE_PICTURE))
    qi_session_remove_reference (session, gone - first);
  switch (act)
    {
    case QI_ACT_DETAILS:
    case QI_ACT_REPORT:
    case QI_ACT_HELP:
    case QI_ACT_MODELS:
    case QI_ACT_CHOOSE_FILE:
    case QI_ACT_ADD_PICTURE:
    case QI_ACT_CHOOSE_AGAIN:
      return FALSE;
    case QI_ACT_WAIT:
      qi_session_close_card (session);
      return TRUE;
    default:
      break;
    }
  qi_session_close_card (session);
  switch (act)
    {
    case QI_ACT_LESS_MEMORY: /* half the side is a quarter of the memory that the picture itself takes */
      g_free (session->request->frame);
      session->request->frame = g_strdup ("tight");
      session->request->results = 1;
      if (session->mode.task == QI_TASK_GENERATE)
        {
          guint width, height;
          qi_session_size (session, &width, &height);
          session->request->width = MAX (256, width * 3 / 4 / 16 * 16);
          session->request->height = MAX (256, height * 3 / 4 / 16 * 16);
        }
      qi_session_changed (session, QI_CHANGED_OPTIONS | QI_CHANGED_STAGE | QI_CHANGED_MODE);
      go_on (session, say);
      break;
    case QI_ACT_PROCESSOR:
      g_free (session->request->device);
      session->request->device = g_strdup ("cpu");
      go_on (session, say);
      break;
    case QI_ACT_OTHER_SEED:
      session->request->seed = -1;
      qi_session_changed (session, QI_CHANGED_OPTIONS);
      go_on (session, say);
      break;
    case QI_ACT_AGAIN:
    case QI_ACT_START_AGAIN:
    case QI_ACT_RESTART:
    case QI_ACT_GO_ON:
      go_on (session, say);
      break;
    case QI_ACT_SWITCH_OFF:
      g_clear_pointer (&session->request->loras, g_free);
      qi_session_changed (session, QI_CHANGED_OPTIONS);
      break;
    case QI_ACT_EDIT:
      qi_session_set_task (session, QI_TASK_EDIT);
      break;
    case QI_ACT_WHOLE_CANVAS:
      session->request->source = QI_SOURCE_VISIBLE;
      qi_session_changed (session, QI_CHANGED_REFERENCES | QI_CHANGED_STAGE | QI_CHANGED_MODE);
      break;
    case QI_ACT_GROW:
      if (qi_host_grow_selection (session->host, session->image, 16, &error))
        qi_session_poll (session, TRUE);
      break;
    case QI_ACT_TO_RGB:
      if (qi_host_convert_to_rgb (session->host, session->image, &error))
        qi_session_poll (session, TRUE);
      break;
    case QI_ACT_PLACE_ANYWAY:
      if (shown (session))
        shown (session)->moved = 0;
      qi_session_put_on_canvas (session);
      break;
    case QI_ACT_REMOVE_WORDS:
      remove_words (session);
      break;
    case QI_ACT_SHORTEN:
      qi_session_want_prompt (session);
      break;
    case QI_ACT_PLACE:
      if (shown (session))
        { /* at the same pixels, whatever the canvas is now */
          shown (session)->result->canvas = (QiRect) { 0 };
          grow_anyway (session, shown (session)->result);
          keep_on_canvas (session);
        }
      break;
    case QI_ACT_OPEN_AS_IMAGE:
      if (shown (session))
        keep_as_image (session);
      break;
    default:
      break;
    }
  if (error)
    qi_session_take_card (session, qi_card_from_error (error));
  return TRUE;
}
