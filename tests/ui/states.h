/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/states.h — every state of the window that the design draws, made by doing what leads there. */
#pragma once
#include <gtk/gtk.h>

#include "tests/ui/fake-client.h"
#include "tests/ui/fake-host.h"
#include "ui/session.h"

typedef struct
{
  QiFakeHost *host;
  QiClient *client;
  QiSettings *settings;
  QiSession *session;
  GtkWidget *window; /* the one that is shown */
  gint image, photo;
  char *folder; /* of settings and the reference's file */
} QiState;

/* letter: of the design, "a"; NULL with g_error: there is none. Shown, and quiet. */
QiState *qi_state_new (const char *letter);
void qi_state_free (QiState *state);

/* Main loop until nothing is drawn any more. */
void qi_state_settle (void);
/* Lets time and the poll pass. */
void qi_state_poll (QiState *state);
GtkWidget *qi_state_find (GtkWidget *root, const char *accessible_name); /* NULL: there is none that can be seen */
