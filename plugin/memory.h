/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/memory.h — what a layer of ours remembers: the parasite "sfumato/job", JSON that travels in the XCF.
 *
 * Items are told by tattoo, the only number that survives a file. What a file says is checked like any other input; a
 * version that is newer than ours is left alone. */
#pragma once
#include <libgimp/gimp.h>

#include "ui/host.h"

#define QI_PARASITE "sfumato/job"

/* What result is remembered by. (transfer full) */
char *qi_memory_write (const QiHostResult *result);
/* NULL: what it says is damaged, or newer, or a source is gone. (transfer full) */
QiHostMemory *qi_memory_read (GimpLayer *layer, const char *json, gsize n_bytes, GError **error);

/* Makes request start from what memory says the selection was: the layer's mask, which has its soft edge already, else the
 * layer's bounds, else (a whole layer was edited, or a new picture made) nothing. */
void qi_memory_selection (const QiHostMemory *memory, QiRequest *request, gint *mask_layer, QiRect *bounds);

/* The same on a layer. The parasite must be there before the layer is inserted: attached later it breaks redo. */
gboolean qi_memory_attach (GimpLayer *layer, const QiHostResult *result);
gboolean qi_memory_has (GimpLayer *layer);
QiHostMemory *qi_memory_of (GimpLayer *layer, GError **error);
