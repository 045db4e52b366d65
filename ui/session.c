/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/session.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/prompt.h"
#include "ui/session-private.h"

enum
{
  CHANGED,
  PROMPT_WANTED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (QiSession, qi_session, G_TYPE_OBJECT)

static void
row_free (QiSessionRow *row)
{
  g_free (row->words);
  g_free (row->style);
  g_free (row);
}

void
qi_order_free (QiOrder *order)
{
  if (!order)
    return;
  qi_request_free (order->request);
  g_clear_pointer (&order->references, g_ptr_array_unref);
  g_free (order);
}

static void
qi_session_dispose (GObject *object)
{
  QiSession *session = QI_SESSION (object);

  if (session->cancel)
    g_cancellable_cancel (session->cancel);
  if (session->info_cancel)
    g_cancellable_cancel (session->info_cancel);
  g_clear_object (&session->cancel);
  g_clear_object (&session->info_cancel);
  g_clear_object (&session->host);
  g_clear_object (&session->client);
  g_clear_object (&session->settings);
  G_OBJECT_CLASS (qi_session_parent_class)->dispose (object);
}

static void
qi_session_finalize (GObject *object)
{
  QiSession *session = QI_SESSION (object);

  qi_host_view_free (session->view);
  qi_host_memory_free (session->memory);
  g_hash_table_unref (session->serials);
  g_free (session->other_name);
  qi_request_free (session->request);
  g_ptr_array_unref (session->references);
  g_ptr_array_unref (session->rows);
  g_free (session->typed);
  g_free (session->hint);
  qi_engine_info_free (session->info);
  g_clear_error (&session->info_error);
  qi_order_free (session->order);
  qi_order_free (session->waiting);
  qi_work_free (session->work);
  g_clear_pointer (&session->preview, qi_image_unref);
  g_ptr_array_unref (session->results);
  g_ptr_array_unref (session->dropped);
  g_array_unref (session->kept);
  qi_card_free (session->card);
  g_free (session->note);
  g_free (session->status);
  G_OBJECT_CLASS (qi_session_parent_class)->finalize (object);
}

static void
qi_session_class_init (QiSessionClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = qi_session_dispose;
  G_OBJECT_CLASS (klass)->finalize = qi_session_finalize;
  signals[CHANGED] =
      g_signal_new ("changed", QI_TYPE_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  signals[PROMPT_WANTED] =
      g_signal_new ("prompt-wanted", QI_TYPE_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
qi_session_init (QiSession *session)
{
  session->clock = g_get_monotonic_time;
  session->image = session->other = session->canvas_layer = QI_HOST_NONE;
  session->serials = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  session->request = qi_request_new ();
  session->references = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_reference_free);
  session->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) row_free);
  session->results = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_session_result_free);
  session->dropped = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_session_result_free);
  session->kept = g_array_new (FALSE, FALSE, sizeof (gint));
  session->shown = session->recalled = -1;
}

QiSession *
qi_session_new (QiHost *host, QiClient *client, QiSettings *settings)
{
  QiSession *session = g_object_new (QI_TYPE_SESSION, NULL);

  session->host = g_object_ref (host);
  session->client = g_object_ref (client);
  session->settings = g_object_ref (settings);
  session->on_canvas = qi_settings_get_bool (settings, "on-canvas", TRUE);
  session->request->quality =
      CLAMP (qi_settings_get_int (settings, "quality", QI_QUALITY_BALANCED), 0, QI_QUALITY_MAXIMUM);
  session->request->results = CLAMP (qi_settings_get_int (settings, "results", 1), 1, 8);
  session->set_up_closed = qi_settings_get_bool (settings, "set-up-closed", FALSE);
  session->info_stale = TRUE;
  return session;
}

void
qi_session_changed (QiSession *session, guint what)
{
  g_signal_emit (session, signals[CHANGED], 0, what);
}

void
qi_session_want_prompt (QiSession *session)
{
  g_signal_emit (session, signals[PROMPT_WANTED], 0);
}

void
qi_session_take_card (QiSession *session, QiCard *card)
{
  if (session->card != card)
    qi_card_free (session->card);
  session->card = card;
  qi_session_changed (session, QI_CHANGED_CARD | QI_CHANGED_FOOT);
}

void
qi_session_say (QiSession *session, char *status, int seconds)
{
  g_free (session->status);
  session->status = status;
  session->status_until = session->clock () + seconds * G_USEC_PER_SEC;
  qi_session_changed (session, QI_CHANGED_STATUS);
}

void
qi_session_hint_for (QiSession *session, const char *words, int seconds)
{
  g_free (session->hint);
  session->hint = g_strdup (words);
  session->hint_until = session->clock () + seconds * G_USEC_PER_SEC;
  qi_session_changed (session, QI_CHANGED_HINT);
}

/* -- what is worked on ------------------------------------------------------------------------------- */

/* Remembers what the other images look like now: only what happens after this counts as working there. */
static void
learn_serials (QiSession *session)
{
  g_autoptr (GPtrArray) images = qi_host_images (session->host);

  g_hash_table_remove_all (session->serials);
  for (guint i = 0; images && i < images->len; i++)
    {
      const QiHostImage *image = images->pdata[i];
      g_hash_table_insert (session->serials, GINT_TO_POINTER (image->id),
                           g_memdup2 (&image->serial, sizeof image->serial));
    }
  session->other = QI_HOST_NONE;
  g_clear_pointer (&session->other_name, g_free);
  session->other_asked = session->other_allowed = FALSE;
}

static void
look (QiSession *session)
{
  g_clear_pointer (&session->view, qi_host_view_free);
  if (session->image == QI_HOST_NONE)
    return;
  session->view = qi_host_look (session->host, session->image);
  if (session->view && session->view->image.id == QI_HOST_NONE)
    g_clear_pointer (&session->view, qi_host_view_free);
}

void
qi_session_bind (QiSession *session, gint image, gboolean by_command, QiTask task)
{
  const gboolean another = image != session->image;

  session->image = image;
  look (session);
  if (!session->view)
    session->image = QI_HOST_NONE;
  learn_serials (session);
  g_clear_pointer (&session->memory, qi_host_memory_free);
  if (another)
    {
      qi_session_off_canvas (session);
      g_clear_pointer (&session->request->frame, g_free);
      session->request->width = session->request->height = 0;
      qi_session_grow (session, 0, 0, 0, 0);
    }
  if (by_command && qi_mode_possible (task, session->view))
    qi_mode_choose (&session->mode, task, session->view);
  else if (another || !session->mode.by_hand)
    {
      session->mode.by_hand = FALSE;
      session->mode.typed = 0;
      qi_mode_follow (&session->mode, session->view, FALSE, session->clock ());
    }
  qi_session_ask_engine (session);
  qi_session_changed (session, QI_CHANGED_ALL);
}

gboolean
qi_session_bind_again (QiSession *session, gint image, gint layer)
{
  g_autoptr (GError) error = NULL;
  QiHostMemory *memory = qi_host_remembered (session->host, image, layer, &error);

  qi_session_bind (session, image, FALSE, QI_TASK_EDIT);
  if (!memory)
    {
      QiCard *card = qi_card_new (QI_SAY_NOT_OURS);
      if (error)
        {
          card->details = g_strdup (error->message);
          g_free (card->consequence);
          card->consequence = g_strdup (error->message);
        }
      qi_session_take_card (session, card);
      return FALSE;
    }
  session->memory = memory;
  session->again = memory->layer;
  qi_request_free (session->request);
  session->request = qi_request_copy (memory->request);
  session->request->seed = -1;
  g_ptr_array_set_size (session->references, 0);
  for (guint i = 0; memory->references && i < memory->references->len; i++)
    g_ptr_array_add (session->references, qi_host_reference_copy (memory->references->pdata[i]));
  qi_session_read_rows (session, memory->request->lettering);
  qi_mode_choose (&session->mode, memory->request->task, session->view);
  qi_session_changed (session, QI_CHANGED_ALL);
  return TRUE;
}

/* Another image whose selection or layers were changed since: that is where the person works now. */
static void
watch_others (QiSession *session)
{
  g_autoptr (GPtrArray) images = qi_host_images (session->host);
  gint other = session->other;
  gboolean there = FALSE;

  for (guint i = 0; images && i < images->len; i++)
    {
      const QiHostImage *image = images->pdata[i];
      guint64 *seen = g_hash_table_lookup (session->serials, GINT_TO_POINTER (image->id));

      there |= image->id == session->other;
      if (seen && *seen == image->serial)
        continue;
      g_hash_table_insert (session->serials, GINT_TO_POINTER (image->id),
                           g_memdup2 (&image->serial, sizeof image->serial));
      if (!seen && session->image != QI_HOST_NONE)
        continue; /* opened meanwhile, which is not yet working in it */
      if (image->id != session->image)
        {
          other = image->id;
          there = TRUE;
          g_free (session->other_name);
          session->other_name = g_strdup (image->name);
          session->other_allowed = FALSE;
        }
      else
        other = QI_HOST_NONE; /* back in ours */
    }
  if (!there)
    other = QI_HOST_NONE;
  if (other != session->other)
    {
      session->other = other;
      session->other_asked = FALSE;
      qi_session_changed (session, QI_CHANGED_HINT);
    }
}

static gboolean
same_string (const char *a, const char *b)
{
  return g_strcmp0 (a, b) == 0;
}

static void
image_closed (QiSession *session)
{
  g_autofree char *name = session->view ? g_strdup (session->view->image.name) : g_strdup ("");

  g_clear_pointer (&session->view, qi_host_view_free);
  session->image = QI_HOST_NONE;
  session->canvas_layer = QI_HOST_NONE;
  g_clear_pointer (&session->memory, qi_host_memory_free);
  qi_session_cancel (session);
  qi_mode_follow (&session->mode, NULL, FALSE, session->clock ());
  learn_serials (session);
  qi_session_say (session, g_strdup_printf (_ ("“%s” was closed."), name), 10);
  qi_session_changed (session, QI_CHANGED_ALL);
}

/* What of the window no longer says what is there; image_closed() where there is no image any more, with *closed. */
static guint
look_again (QiSession *session, gboolean *closed)
{
  g_autoptr (QiHostView) before = NULL;
  guint what = 0;

  *closed = FALSE;
  if (session->image == QI_HOST_NONE)
    return 0;
  before = g_steal_pointer (&session->view);
  look (session);
  if (!session->view)
    {
      session->view = g_steal_pointer (&before);
      image_closed (session);
      *closed = TRUE;
      return 0;
    }
  const QiHostView *now = session->view;
  if (!before || before->layer.id != now->layer.id || !qi_rect_equal (&before->layer.rect, &now->layer.rect)
      || !same_string (before->layer.name, now->layer.name) || before->layer.empty != now->layer.empty
      || !same_string (before->image.name, now->image.name) || before->layer.ours != now->layer.ours
      || before->bordered != now->bordered)
    what |= QI_CHANGED_MODE | QI_CHANGED_STAGE | QI_CHANGED_HINT;
  if (!before || !qi_rect_equal (&before->selection, &now->selection) || before->soft != now->soft
      || before->selection_serial != now->selection_serial)
    {
      what |= QI_CHANGED_MODE | QI_CHANGED_STAGE;
      if (session->work)
        qi_session_note (session, _ ("Uses the selection from when you pressed the button."));
    }
  if (!before || before->image.width != now->image.width || before->image.height != now->image.height
      || before->image.mode != now->image.mode)
    what |= QI_CHANGED_MODE | QI_CHANGED_STAGE;
  if (!before || before->pixels_serial != now->pixels_serial)
    {
      what |= QI_CHANGED_STAGE;
      if (session->canvas_layer != QI_HOST_NONE && !qi_host_untouched (session->host, session->canvas_layer))
        {
          qi_session_off_canvas (session);
          what |= QI_CHANGED_RESULTS;
        }
    }
  return what;
}

gboolean
qi_session_look_again (QiSession *session)
{
  gboolean closed;
  const guint what = look_again (session, &closed);

  if (!closed)
    watch_others (session); /* one that the person seemed to work in may be gone */
  if (what)
    qi_session_changed (session, what);
  return !closed;
}

void
qi_session_poll (QiSession *session, gboolean active)
{
  const gboolean busy = session->work != NULL;
  gboolean closed;
  guint what;

  session->active = active;
  what = look_again (session, &closed);
  if (closed)
    return;
  watch_others (session);
  if (qi_mode_follow (&session->mode, session->view, busy, session->clock ()))
    what |= QI_CHANGED_MODE | QI_CHANGED_STAGE | QI_CHANGED_OPTIONS;
  if (what & QI_CHANGED_MODE)
    {
      what |= QI_CHANGED_FOOT;
      session->info_stale = TRUE;
    }
  if (session->info_stale)
    qi_session_ask_engine (session);
  if (session->insert_waits && (active || session->clock () > session->status_until))
    qi_session_put_on_canvas (session);
  if (what)
    qi_session_changed (session, what);
  qi_session_tick (session);
}

gint
qi_session_image (QiSession *session)
{
  return session->image;
}

const QiHostView *
qi_session_view (QiSession *session)
{
  return session->view;
}

QiHost *
qi_session_host (QiSession *session)
{
  return session->host;
}

QiSettings *
qi_session_settings (QiSession *session)
{
  return session->settings;
}

QiClient *
qi_session_client (QiSession *session)
{
  return session->client;
}

QiTask
qi_session_task (QiSession *session)
{
  return session->mode.task;
}

gboolean
qi_session_task_possible (QiSession *session, QiTask task)
{
  return qi_mode_possible (task, session->view);
}

void
qi_session_set_task (QiSession *session, QiTask task)
{
  if (session->mode.task == task || !qi_mode_possible (task, session->view))
    return;
  qi_mode_choose (&session->mode, task, session->view);
  if (session->memory) /* what that layer grew by is not meant */
    qi_session_grow (session, 0, 0, 0, 0);
  g_clear_pointer (&session->memory, qi_host_memory_free);
  session->info_stale = TRUE;
  qi_session_changed (session, QI_CHANGED_ALL);
}

/* -- the engine -------------------------------------------------------------------------------------- */

static void
on_info (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (QiSession) session = user_data;
  g_autoptr (GError) error = NULL;
  QiEngineInfo *info = qi_client_info_finish (session->client, result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&session->info_cancel);
  g_clear_error (&session->info_error);
  if (info)
    {
      qi_engine_info_free (session->info);
      session->info = info;
    }
  else
    {
      session->info_error = g_steal_pointer (&error);
      if (!session->card && session->state == QI_SESSION_IDLE)
        qi_session_take_card (session, qi_card_from_error (session->info_error));
    }
  qi_session_changed (session, QI_CHANGED_MODE | QI_CHANGED_OPTIONS | QI_CHANGED_FOOT | QI_CHANGED_STATUS
                                   | QI_CHANGED_CARD | QI_CHANGED_STAGE);
}

void
qi_session_ask_engine (QiSession *session)
{
  session->info_stale = FALSE;
  if (session->info_cancel)
    g_cancellable_cancel (session->info_cancel);
  g_clear_object (&session->info_cancel);
  session->info_cancel = g_cancellable_new ();
  g_autoptr (QiOrder) order = qi_session_order (session);
  guint width = 0, height = 0;
  qi_session_size (session, &width, &height);
  order->request->width = width;
  order->request->height = height;
  const guint own = order->request->task == QI_TASK_GENERATE ? 0 : 1;
  qi_client_info_async (session->client, order->request, own + session->references->len, session->info_cancel, on_info,
                        g_object_ref (session));
}

const QiEngineInfo *
qi_session_info (QiSession *session)
{
  return session->info;
}

gboolean
qi_session_needs_set_up (QiSession *session)
{
  return session->info && !session->info->stub && (session->info->demo || !session->info->model);
}

gboolean
qi_session_set_up_open (QiSession *session)
{
  return qi_session_needs_set_up (session) && !session->set_up_closed && !session->card
         && session->state == QI_SESSION_IDLE;
}

void
qi_session_close_set_up (QiSession *session)
{
  session->set_up_closed = TRUE;
  qi_settings_set_bool (session->settings, "set-up-closed", TRUE);
  qi_session_changed (session, QI_CHANGED_CARD | QI_CHANGED_FOOT | QI_CHANGED_OPTIONS);
}

double
qi_session_seconds (QiSession *session, QiQuality quality)
{
  const guint n_passes = MAX (1, qi_session_passes (session));

  g_return_val_if_fail (quality <= QI_QUALITY_MAXIMUM, -1);
  if (session->info && session->info->seconds[quality] >= 0)
    return session->info->seconds[quality] * n_passes;
  return session->measured[quality] > 0 ? session->measured[quality] * n_passes : -1;
}
