/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/config/source.h — where the configuration of a component may lie, and what its tensors show by themselves. */
#pragma once
#include "models/config.h"

/* What answered; the static strings of *from in models/config.h. */
#define QI_FROM_FILE "config.json"
#define QI_FROM_METADATA "GGUF metadata"
#define QI_FROM_DIR "--config"
#define QI_FROM_RELEASED "released geometry"

/* The text of a configuration of this component: beside the checkpoint (dir NULL) or in dir, which may also be the file
 * itself. A config.json that plainly describes something else is passed over. *json stays NULL where there is none; FALSE
 * only for an error. *json and *file are (transfer full). */
gboolean qi_config_find (const QiCheckpoint *checkpoint, QiComponent component, const char *dir, char **json, gsize *n,
                         char **file, GError **error);

/* Blocks PREFIX.0, PREFIX.1, … of the checkpoint, which must be without gaps and at most QI_MAX_LAYERS; 0 is an error. */
guint qi_config_count_blocks (const QiCheckpoint *checkpoint, const char *prefix, GError **error);

/* Size of dimension i of a tensor, 0 when there is no such tensor or dimension. */
guint64 qi_config_dim (const QiCheckpoint *checkpoint, const char *name, guint i);

/* One width the tensors show (0: the tensor is not there) against what the configuration says. */
gboolean qi_config_agree (const QiCheckpoint *checkpoint, const char *what, guint64 shown, guint64 configured,
                          const char *from, GError **error);

/* The last resort failed: sets the error that names what no tensor shows and from where it could come. FALSE, always. */
gboolean qi_config_unknown (const QiCheckpoint *checkpoint, const char *what, const char *where, GError **error);
