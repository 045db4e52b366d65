/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/command.h — the commands. Each gets its own name as argv[0], writes to standard output and error, and returns the
 * exit status. cancellable is cancelled by Ctrl+C. */
#pragma once
#include <gio/gio.h>

int qi_cmd_generate (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_edit (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_fill (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_expand (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_split (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_caption (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_info (int argc, char **argv, GCancellable *cancellable);
int qi_cmd_bench (int argc, char **argv, GCancellable *cancellable);
