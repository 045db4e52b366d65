/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/set/find.h — where the parts of a model are looked for. Internal to models/. */
#pragma once
#include "models/model-set.h"

/* A search under way. */
typedef struct
{
  const QiModelPaths *paths;
  char *root;        /* folder of the diffusers layout, or NULL */
  GPtrArray *places; /* folders to look into for parts, the likeliest first: char * */
  char *passed_over[QI_N_COMPONENTS]; /* why a likely file was not taken; NULL: there was none */
} QiModelSearch;

void qi_model_search_clear (QiModelSearch *search);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiModelSearch, qi_model_search_clear)

/* Paths that are empty, lead nowhere, or to something that is neither file nor folder, are refused; none at all too. */
gboolean qi_model_paths_check (const QiModelPaths *paths, GError **error);

/* Fills in the checkpoints of set and how they were found. FALSE: something named is damaged, foreign or ambiguous. */
gboolean qi_model_find_parts (QiModelSearch *search, QiModelSet *set, GError **error);

/* From the text encoder's metadata, --tokenizer, or a folder; none is no error. */
gboolean qi_model_find_tokenizer (const QiModelSearch *search, QiModelSet *set, GError **error);

/* _sfumato_variant, else _class_name, of the model_index.json of the model or of the folder of --config; *name NULL: there is none. */
gboolean qi_model_find_class (const QiModelSearch *search, char **name, GError **error);
