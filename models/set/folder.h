/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/set/folder.h — which files of a folder may hold a part, and which do. Internal to models/. */
#pragma once
#include "models/checkpoint/checkpoint.h"

/* Whether a checkpoint fits the parts that are known already; *why says what not (transfer full, may stay NULL). */
typedef gboolean (*QiFitsFunc) (const QiCheckpoint *checkpoint, gconstpointer user_data, char **why);

/* TRUE when the tensor is there by which this component is known among others. */
gboolean qi_checkpoint_holds (const QiCheckpoint *checkpoint, QiComponent component);

/* The component in the file or folder, NULL when it holds none of it or cannot be read. (transfer full) */
QiCheckpoint *qi_checkpoint_try (const char *path, QiComponent component);

/* Files of the folder that may hold weights, the likeliest for this component first: char *. (transfer full) */
GPtrArray *qi_folder_candidates (const char *folder, QiComponent component);

/* The folder holds one component by itself: an index of shards, or a file of the usual name. */
gboolean qi_folder_is_component (const char *folder);

/* The first that holds the component and fits. NULL: none; then *passed_over, when it is still NULL, may become a
 * sentence about a file that looked right. (transfer full) */
QiCheckpoint *qi_folder_find (const char *folder, QiComponent component, QiFitsFunc fits, gconstpointer user_data,
                              char **passed_over);
