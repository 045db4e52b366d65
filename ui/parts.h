/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/parts.h — the parts that ui/dialog.c puts together. Each follows the session by itself, and tells it what people do. */
#pragma once
#include <gtk/gtk.h>

#include "ui/scene.h"
#include "ui/session.h"

/* The prompt (prompt-entry.c): placeholder, undo of its own, "Picture 2" in bold. */
GtkWidget *qi_prompt_entry_new (QiSession *session);
GtkWidget *qi_prompt_entry_view (GtkWidget *entry); /* its GtkTextView */
void qi_prompt_entry_set_lines (GtkWidget *entry, int min, int max);
void qi_prompt_entry_insert (GtkWidget *entry, const char *words); /* at the cursor */
gboolean qi_prompt_entry_in_last_line (GtkWidget *entry);
gboolean qi_prompt_entry_undo (GtkWidget *entry, gboolean redo);

/* Chips of pictures, and the buttons that add pictures and lettering (reference-list.c). */
GtkWidget *qi_reference_list_new (QiSession *session, GtkWidget *prompt_entry);
void qi_reference_list_add (GtkWidget *list); /* as its "+" does */

/* Rows of words (lettering.c). */
GtkWidget *qi_lettering_new (QiSession *session);

/* Size, quality, results, the rest; one line where there is no room (options.c, more-options.c, size-chooser.c). */
GtkWidget *qi_options_new (QiSession *session);
void qi_options_set_folded (GtkWidget *options, gboolean folded);
GtkWidget *qi_more_options_new (QiSession *session, GtkSizeGroup *labels);
GtkWidget *qi_size_chooser_new (QiSession *session, GtkSizeGroup *labels);
GtkWidget *qi_growth_chooser_new (QiSession *session, GtkSizeGroup *labels); /* growth-chooser.c */

/* Results in a row (strip.c). */
GtkWidget *qi_strip_new (QiSession *session, QiScene *scene);
/* Enter, Del, S, arrows, Home, End, Space: of strip and picture area alike. */
gboolean qi_strip_key (QiSession *session, QiScene *scene, GdkEventKey *event);
GtkWidget *qi_strip_focus_widget (GtkWidget *strip); /* the shown result's button; NULL: none */

/* Error or set-up (card.c). what: the window's own business. */
typedef void (*QiCardAct) (QiAct act, gpointer user_data);
GtkWidget *qi_card_view_new (QiSession *session, QiCardAct act, gpointer user_data);

/* Below the line (foot.c). */
GtkWidget *qi_foot_new (QiSession *session);
void qi_foot_set_focus (GtkWidget *foot, QiFocus focus);
