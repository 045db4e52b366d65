/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/scene-private.h — between scene.c (what is seen), scene-draw.c and scene-input.c. */
#pragma once
#include "ui/scene.h"

typedef enum
{
  QI_DRAG_NONE,
  QI_DRAG_WIPER,
  QI_DRAG_FRAME,
  QI_DRAG_EDGES,
  QI_DRAG_WORDS
} QiDrag;

struct _QiScene
{
  GtkDrawingArea parent;
  QiSession *session;

  /* What is seen: image pixel (x, y) is drawn at ((x - x0) · zoom, (y - y0) · zoom). */
  double x0, y0, zoom;
  QiRect frame;
  QiRect seen; /* the part of the canvas that is read; nothing: none */
  cairo_surface_t *before, *mask, *after, *forming;
  guint64 before_serial, mask_serial;
  QiRect before_rect, mask_rect;
  int before_width, before_height;
  const QiHostResult *after_of;
  const QiImage *forming_of;

  gboolean preview, compare, grid, original;
  double wiper; /* 0–1 of the width */

  QiDrag drag;
  double drag_x, drag_y; /* where it began, widget pixels */
  QiRect drag_frame;
  int drag_corner; /* bit 0: right, bit 1: bottom; -1: all of it is moved */
  int drag_dx, drag_dy; /* of a canvas: the edges that are dragged, -1: left or top, 0: none, 1: right or bottom */
  QiRect drag_old;
  guint drag_row;
  GdkRectangle words[8]; /* where row k was drawn last */
  guint n_words;
  GtkGesture *gesture;
};

/* The frame is what a canvas becomes: it may be larger than the canvas, and has handles at its sides too. */
gboolean qi_scene_grows (QiScene *scene);
/* Frame, zoom and pictures for the present size. */
void qi_scene_update (QiScene *scene);
gboolean qi_scene_draw (GtkWidget *widget, cairo_t *cr);
void qi_scene_to_widget (const QiScene *scene, const QiRect *rect, double *x, double *y, double *width, double *height);
void qi_scene_connect_input (QiScene *scene);
