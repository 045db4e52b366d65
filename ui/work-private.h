/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/work-private.h — between work.c (running) and work-read.c (what is read from the host beforehand). */
#pragma once
#include "compose/expand.h"
#include "compose/job.h"
#include "ui/work.h"

typedef struct
{
  QiHostResult *result;
  double moved;
  gboolean cut_off;
} QiWorkDone;

struct _QiWork
{
  gint refs;           /* atomic: a thread that finishes a cancelled result may be the last to know it */
  QiHostResult *plan;  /* what all results have in common */
  QiCompose *compose;  /* of the pass that runs; NULL: a new picture */
  QiRect frame;
  guint width, height; /* that the model works at */
  GPtrArray *pictures; /* of QiImage, in the model's numbering; the first is compose's */
  GPtrArray *done;     /* of QiWorkDone */
  gint64 seed;
  guint n_wanted;
  char *note;

  /* Of a canvas that grows. */
  QiImage *old;        /* NULL: it does not */
  QiModelSizes sizes;
  QiExpand *expand;    /* of the result that is being made */
  QiCompose *first;    /* of the first pass, which is the same for every result */
  guint pass, n_passes;
};

/* Frame, crop and mask of an edit, a fill or a split; size and place of a new picture; the old picture and the first pass of
 * a canvas that grows. view: of the source's image, NULL only for a new picture. */
gboolean qi_work_read (QiWork *work, QiHost *host, const QiWorkSource *source, const QiHostView *view,
                       const QiEngineInfo *info, GError **error);
/* The pictures that go with it. */
gboolean qi_work_read_references (QiWork *work, QiHost *host, const QiWorkSource *source, GError **error);
/* compose becomes the one that runs, its picture the first. */
void qi_work_take_compose (QiWork *work, QiCompose *compose);
