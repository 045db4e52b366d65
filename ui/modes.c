/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/modes.h"

#define TYPING (2 * G_USEC_PER_SEC)

static gboolean
has_selection (const QiHostView *view)
{
  return view && view->selection.width > 0 && view->selection.height > 0;
}

static gboolean
has_image (const QiHostView *view)
{
  return view && view->image.id != QI_HOST_NONE;
}

QiTask
qi_mode_for (const QiHostView *view)
{
  if (!has_image (view))
    return QI_TASK_GENERATE;
  if (has_selection (view))
    return QI_TASK_FILL;
  if (view->layer.id != QI_HOST_NONE && view->layer.empty)
    return QI_TASK_GENERATE;
  if (view->bordered && !view->layer.ours)
    return QI_TASK_EXPAND;
  return QI_TASK_EDIT;
}

gboolean
qi_mode_possible (QiTask task, const QiHostView *view)
{
  return task == QI_TASK_GENERATE || has_image (view);
}

void
qi_mode_choose (QiModeChoice *choice, QiTask task, const QiHostView *view)
{
  choice->task = task;
  choice->by_hand = TRUE;
  choice->moved = FALSE;
  choice->had_selection = has_selection (view);
  choice->image = has_image (view) ? view->image.id : QI_HOST_NONE;
}

gboolean
qi_mode_follow (QiModeChoice *choice, const QiHostView *view, gboolean busy, gint64 now)
{
  const gint image = has_image (view) ? view->image.id : QI_HOST_NONE;
  const QiTask before = choice->task;

  if (!qi_mode_possible (choice->task, view)) /* the image is gone: nothing else can be done */
    {
      choice->task = QI_TASK_GENERATE;
      choice->by_hand = FALSE;
      choice->moved = FALSE;
    }
  else if (busy || (choice->typed && now - choice->typed < TYPING))
    return FALSE;
  else if (choice->by_hand && choice->image == image && choice->had_selection == has_selection (view))
    return FALSE;
  else
    {
      const gboolean lost =
          choice->by_hand && choice->task == QI_TASK_FILL && choice->image == image && !has_selection (view);
      choice->task = lost ? QI_TASK_EDIT : qi_mode_for (view);
      if (lost || choice->task != before)
        choice->moved = lost;
      choice->by_hand = FALSE;
    }
  choice->image = image;
  choice->had_selection = has_selection (view);
  return choice->task != before;
}
