/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/notify.h — a message of the desktop, for when the window is not there to say it. Where nobody shows such
 * messages nothing happens. */
#pragma once
#include <glib.h>

typedef void (*QiNotifyFunc) (gpointer user_data);

/* "“A small sailing boat…” is ready"; show is called when the person wants to see it. */
void qi_notify_ready (const char *prompt, QiNotifyFunc show, gpointer user_data);
void qi_notify_withdraw (void);
