/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/interrupt.h — Ctrl+C and SIGTERM end a command within a second, and leave nothing half-written.
 *
 * The first signal cancels; whoever looks at the cancellable stops in an orderly way. What has not stopped after a
 * moment (a driver that compiles a shader, say), or gets a second signal, is ended with status 130. Files are only
 * written between hold and release, and while they are, the process is not ended. */
#pragma once
#include <gio/gio.h>

#define QI_STATUS_INTERRUPTED 130

/* Call once, in main's thread, before any other thread is made: they inherit the blocked signals. Borrowed, lives for ever. */
GCancellable *qi_interrupt_watch (void);

/* FALSE: interrupted already, nothing is held. */
gboolean qi_interrupt_hold (void);
void qi_interrupt_release (void);
