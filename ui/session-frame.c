/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session-frame.c — the part of the session that knows where the model looks, and what the canvas becomes. */
#include "compose/expand.h"
#include "ui/session-private.h"

QiRect
qi_session_selection (QiSession *session)
{
  if (session->memory)
    return session->memory->bounds;
  return session->view ? session->view->selection : (QiRect) { 0 };
}

static QiModelSizes
sizes_of (QiSession *session)
{
  const QiEngineInfo *info = session->info;

  return qi_model_sizes (info && info->width ? info->width : 1328, info && info->height ? info->height : 1328,
                         info ? info->unit : 0);
}

/* -- a canvas that grows ----------------------------------------------------------------------------- */

/* What is known of an expansion, and what it grows by: what was asked for; nothing asked: to the edges of the canvas, from a
 * layer that does not fill it. */
static QiRect
grow_from (QiSession *session, QiRequest *request)
{
  const QiHostView *view = session->view;
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };

  if (session->memory)
    return qi_work_old_of (request, &session->memory->bounds);
  if (request->left || request->right || request->top || request->bottom || !view->bordered)
    return canvas;
  const QiRect old = qi_rect_intersect (&canvas, &view->layer.rect);
  request->left = (guint) old.x;
  request->top = (guint) old.y;
  request->right = (guint) (canvas.width - old.x - old.width);
  request->bottom = (guint) (canvas.height - old.y - old.height);
  return old;
}

QiRect
qi_session_settle_growth (QiSession *session, QiRequest *request)
{
  return session->view && request->task == QI_TASK_EXPAND ? grow_from (session, request) : (QiRect) { 0 };
}

QiRect
qi_session_old (QiSession *session)
{
  g_autoptr (QiRequest) request = qi_request_copy (session->request);

  return session->view ? grow_from (session, request) : (QiRect) { 0 };
}

static QiRect
after_of (QiSession *session)
{
  g_autoptr (QiRequest) request = qi_request_copy (session->request);
  const QiRect old = grow_from (session, request);

  return (QiRect) { old.x - (int) request->left, old.y - (int) request->top,
                    old.width + (int) (request->left + request->right),
                    old.height + (int) (request->top + request->bottom) };
}

static guint
look_at_passes (QiSession *session, QiFrame *first)
{
  g_autoptr (QiRequest) request = qi_request_copy (session->request);
  const QiModelSizes sizes = sizes_of (session);
  const QiRect old = grow_from (session, request);

  return qi_rect_is_empty (&old) ? 0 : qi_expand_look (request, (guint) old.width, (guint) old.height, &sizes, first);
}

guint
qi_session_passes (QiSession *session)
{
  return session->mode.task == QI_TASK_EXPAND && session->view ? look_at_passes (session, NULL) : 1;
}

#define MAX_SIDE 262144 /* pixels: GIMP's own limit of a canvas */

void
qi_session_grow (QiSession *session, int left, int right, int top, int bottom)
{
  QiRequest *request = session->request;
  const int width = session->view ? session->view->image.width : 1,
            height = session->view ? session->view->image.height : 1;

  request->left = (guint) CLAMP (left, 0, MAX_SIDE - width);
  request->right = (guint) CLAMP (right, 0, MAX_SIDE - width - (int) request->left);
  request->top = (guint) CLAMP (top, 0, MAX_SIDE - height);
  request->bottom = (guint) CLAMP (bottom, 0, MAX_SIDE - height - (int) request->top);
  session->info_stale = TRUE;
  if (session->card && session->card->say == QI_SAY_NO_GROWTH)
    qi_session_close_card (session);
  qi_session_changed (session, QI_CHANGED_OPTIONS | QI_CHANGED_STAGE | QI_CHANGED_MODE | QI_CHANGED_FOOT);
}

/* -- the frame --------------------------------------------------------------------------------------- */

/* FALSE: there is no frame. */
static gboolean
plan (QiSession *session, QiFrame *frame)
{
  const QiHostView *view = session->view;

  if (!view || session->mode.task == QI_TASK_GENERATE)
    return FALSE;
  if (session->mode.task == QI_TASK_EXPAND)
    return look_at_passes (session, frame) > 0;
  const QiModelSizes sizes = sizes_of (session);
  const QiRect canvas = { 0, 0, view->image.width, view->image.height };
  const gboolean visible = session->request->source == QI_SOURCE_VISIBLE || view->layer.id == QI_HOST_NONE;
  const QiRect layer = visible ? (QiRect) { 0 } : view->layer.rect;
  const QiRect selection = session->mode.task == QI_TASK_SPLIT ? (QiRect) { 0 } : qi_session_selection (session);

  return qi_frame_plan (session->request, &canvas, &layer, &selection, &sizes, frame, NULL);
}

QiRect
qi_session_frame (QiSession *session)
{
  QiFrame frame;

  if (session->mode.task == QI_TASK_EXPAND && session->view)
    return after_of (session);
  return plan (session, &frame) ? frame.frame : (QiRect) { 0 };
}

void
qi_session_size (QiSession *session, guint *width, guint *height)
{
  QiFrame frame;
  const QiEngineInfo *info = session->info;
  const guint own_width = info && info->width ? info->width : 1328,
              own_height = info && info->height ? info->height : 1328;

  if (plan (session, &frame))
    {
      *width = frame.width;
      *height = frame.height;
    }
  else if (session->request->width && session->request->height)
    {
      *width = session->request->width;
      *height = session->request->height;
    }
  else if (session->view)
    {
      const guint unit = info && info->unit ? info->unit : 16;
      *width = session->view->image.width / unit * unit;
      *height = session->view->image.height / unit * unit;
      if (!*width || !*height || (guint64) *width * *height > (guint64) own_width * own_height)
        qi_frame_new_picture (session->view->image.width, session->view->image.height, (guint64) own_width * own_height,
                              unit, width, height);
    }
  else
    {
      *width = own_width;
      *height = own_height;
    }
}

gboolean
qi_session_frame_movable (QiSession *session)
{
  return !session->work && session->mode.task != QI_TASK_GENERATE && session->mode.task != QI_TASK_SPLIT
         && session->view && session->shown < 0 && !(session->mode.task == QI_TASK_EXPAND && session->memory);
}
