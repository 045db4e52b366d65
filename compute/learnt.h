/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/learnt.h — what was once found out about this device, as a key file of one group: it holds for one version of what it was
 * found out with. Any thread, one at a time for a path. */
#pragma once
#include <glib.h>

/* What path says in this group for this version; an empty file, with the version in it, where it is missing, broken, too large or of another
 * one. (transfer full) */
GKeyFile *qi_learnt_load (const char *path, const char *group, const char *version);

/* Creates the folder, too. */
gboolean qi_learnt_save (GKeyFile *file, const char *path, GError **error);
