/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/widgets.h — small things that every part of the window uses. */
#pragma once
#include <gtk/gtk.h>

#include "base/image.h"

/* Style and icons, once a process. */
void qi_widgets_init (void);

/* n px at a font of 15 px. */
int qi_px (GtkWidget *widget, double n);

GtkWidget *qi_box (GtkOrientation orientation, int spacing);
/* size: of 15 px font, as with qi_px(). */
GtkWidget *qi_icon (const char *name, double size);
/* css: class, or NULL. */
GtkWidget *qi_label (const char *text, const char *css);
/* label with mnemonic; either may be NULL. */
GtkWidget *qi_button (const char *label, const char *icon, const char *css);
/* Icon and text side by side in what is a button already. */
void qi_button_fill (GtkWidget *button, const char *label, const char *icon, gboolean arrow);
/* Destroys what a container holds. */
void qi_empty (GtkWidget *container);
void qi_css (GtkWidget *widget, const char *css);
void qi_css_set (GtkWidget *widget, const char *css, gboolean on);

/* What a screen reader says. */
void qi_name (GtkWidget *widget, const char *name);
void qi_describe (GtkWidget *widget, const char *description);
/* Reads out text that changed by itself. */
void qi_announce (GtkWidget *widget, const char *text);

/* Labels that change: no relayout where nothing changed. */
void qi_set_text (GtkWidget *label, const char *text);
void qi_set_visible (GtkWidget *widget, gboolean visible);

/* A radio button drawn as a button, with words, at the end of linked; first: of the same row, NULL of the first itself. */
GtkWidget *qi_choice_new (GtkWidget *linked, GtkWidget *first, const char *label);
/* Of such, and of other radio buttons drawn as buttons, one Tab stop: arrows inside. */
void qi_radio_row (GtkWidget *container);

/* A picture for drawing. (transfer full) */
cairo_surface_t *qi_surface (const QiImage *image);
/* Shrunk to fit in width × height. (transfer full) */
GdkPixbuf *qi_thumbnail (const QiImage *image, int width, int height);
