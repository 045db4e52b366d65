/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/settings.h — what is remembered from one day to the next: choices of the window, the last request of each procedure
 * (Ctrl+F), earlier prompts. Key files in sfumato/ of the user's configuration folder, mode 0600: prompts are private.
 *
 * A file that cannot be read counts as empty; one that cannot be written is told once, by the error of the call. */
#pragma once
#include <glib-object.h>

#include "base/request.h"
#include "ui/host.h"

#define QI_TYPE_SETTINGS (qi_settings_get_type ())
G_DECLARE_FINAL_TYPE (QiSettings, qi_settings, QI, SETTINGS, GObject)

/* folder NULL: the user's. */
QiSettings *qi_settings_new (const char *folder);

/* Choices of the window, group "window". */
gboolean qi_settings_get_bool (QiSettings *settings, const char *key, gboolean otherwise);
int qi_settings_get_int (QiSettings *settings, const char *key, int otherwise);
char *qi_settings_get_string (QiSettings *settings, const char *key); /* NULL: not set. (transfer full) */
void qi_settings_set_bool (QiSettings *settings, const char *key, gboolean value);
void qi_settings_set_int (QiSettings *settings, const char *key, int value);
void qi_settings_set_string (QiSettings *settings, const char *key, const char *value);

/* The request that a procedure ("edit") began last, with everything it was asked; NULL: none yet. references: of
 * QiHostReference, of which a layer of another run of the image program has its name alone. Both (transfer full) */
QiRequest *qi_settings_last (QiSettings *settings, const char *procedure, GPtrArray **references);
/* Written when a job starts. references may be NULL. */
gboolean qi_settings_set_last (QiSettings *settings, const char *procedure, const QiRequest *request,
                               const GPtrArray *references, GError **error);
/* The procedure begun last; NULL: none. (transfer full) */
char *qi_settings_last_procedure (QiSettings *settings);

/* Earlier prompts, newest first, none twice; at most 100. Borrowed. */
const GPtrArray *qi_settings_prompts (QiSettings *settings);
void qi_settings_add_prompt (QiSettings *settings, const char *prompt);

/* Writes what is not written yet; also done by dispose. */
gboolean qi_settings_save (QiSettings *settings, GError **error);

/* -- models.conf, which the engine reads ------------------------------------------------------------- */

/* The model that is taken when nobody names one: a path or the name of a set; NULL: none. (transfer full) */
char *qi_settings_model (QiSettings *settings);
gboolean qi_settings_set_model (QiSettings *settings, const char *path, GError **error);
