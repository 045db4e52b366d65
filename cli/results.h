/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/results.h — where pictures go, and what is written into them. */
#pragma once
#include "cli/events.h"
#include "cli/options.h"

/* Whatever can be known to fail at the end is found out before the long work: that n pictures can be written. *output NULL: a
 * name with the time takes its place (transfer full). */
gboolean qi_results_check_output (char **output, guint n, GError **error);

/* FILE.png, or FILE-1.png … where there are several. (transfer full) */
char *qi_results_path (const char *output, guint k, guint n);

/* image, result k of a run, to path, with what made it in its text chunks; then it is told. */
gboolean qi_results_save (const QiOptions *options, const QiResult *result, guint k, const QiImage *image, const char *path,
                          QiEvents *events, GError **error);
