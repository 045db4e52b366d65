/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/fake-host.h — an image program in memory, with people who change things under the window. */
#pragma once
#include <cairo.h>

#include "ui/host.h"

#define QI_TYPE_FAKE_HOST (qi_fake_host_get_type ())
G_DECLARE_FINAL_TYPE (QiFakeHost, qi_fake_host, QI, FAKE_HOST, GObject)

QiFakeHost *qi_fake_host_new (void);

gint qi_fake_host_add_image (QiFakeHost *host, const char *name, int width, int height, QiHostMode mode);
/* draw: onto a transparent layer; NULL: it stays empty. The new layer is on top and selected. */
typedef void (*QiFakeDraw) (cairo_t *cr, int width, int height);
gint qi_fake_host_add_layer (QiFakeHost *host, gint image, const char *name, QiRect rect, QiFakeDraw draw);
gint qi_fake_host_add_text (QiFakeHost *host, gint image, const char *name, QiRect rect, const char *words);

/* What people do. */
void qi_fake_host_select (QiFakeHost *host, gint image, QiRect rect); /* nothing: no selection */
void qi_fake_host_select_drawn (QiFakeHost *host, gint image, QiFakeDraw draw); /* in white */
void qi_fake_host_choose_layer (QiFakeHost *host, gint image, gint layer); /* QI_HOST_NONE: none */
void qi_fake_host_rename_layer (QiFakeHost *host, gint image, gint layer, const char *name);
void qi_fake_host_delete_layer (QiFakeHost *host, gint image, gint layer);
void qi_fake_host_paint (QiFakeHost *host, gint image, gint layer); /* one dot */
void qi_fake_host_crop (QiFakeHost *host, gint image, int width, int height);
void qi_fake_host_close (QiFakeHost *host, gint image);

/* What was done to it. */
guint qi_fake_host_n_layers (QiFakeHost *host, gint image);
gint qi_fake_host_layer_at (QiFakeHost *host, gint image, guint index); /* 0: top */
char *qi_fake_host_layer_name (QiFakeHost *host, gint image, gint layer); /* (transfer full) */
QiRect qi_fake_host_layer_rect (QiFakeHost *host, gint image, gint layer);
guint qi_fake_host_n_in_group (QiFakeHost *host, gint image, gint layer); /* 0: it is none */
guint qi_fake_host_undo_steps (QiFakeHost *host, gint image);
guint32
qi_fake_host_pixel (QiFakeHost *host, gint image, gint layer, int x, int y); /* 0xRRGGBB of the layer's own pixels */
const QiHostResult *qi_fake_host_memory (QiFakeHost *host, gint image, gint layer);

/* A picture like that of the design, and its selection. */
void qi_fake_draw_harbour (cairo_t *cr, int width, int height);
void qi_fake_draw_lasso (cairo_t *cr, int width, int height);
void qi_fake_draw_sloop (cairo_t *cr, int width, int height);
