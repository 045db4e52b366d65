/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/model-choice.h — what a model argument means: a path, the name of a configured set, or nothing at all.
 *
 * Sets are groups of the key file sfumato/models.conf in the user's configuration folder; their keys are the arguments
 * of the same name. The group [default] may also say model=NAME of another group.
 *
 *   [default]
 *   model=qwen
 *   [qwen]
 *   transformer=/models/qwen-image-Q4_K_M.gguf
 *   text-encoder=/models/Qwen2.5-VL-7B-Q4_K_M.gguf
 *   vae=/models/qwen_image_vae.safetensors */
#pragma once
#include "base/request.h"
#include "models/model-set.h"

/* Fills in what paths leaves open; strings owns what that needs. No model or transformer in the end: the demo model;
 * without one QI_ERROR_BAD_REQUEST says how to give a model. Paths are not looked at. */
gboolean qi_model_choose (QiModelPaths *paths, GPtrArray *strings, GError **error);

/* After that. A model's folder may bring a second transformer in the folder layered, with its configuration and, where it has one of its own,
 * its schedule: for splits it takes the place of the model's, unless a transformer is named. */
void qi_model_choose_for (QiModelPaths *paths, QiTask task, GPtrArray *strings);

/* The folder of the model that comes with Sfumato; NULL: it is not there. Looked for in share/sfumato/demo of the folders
 * above the program, so that a build tree and a moved installation have it too, then where the build was to be installed. (transfer full) */
char *qi_demo_model_path (void);

/* Whether paths lead to that model; what it can do, as a sentence for people, is QI_DEMO_MODEL_SENTENCE. */
gboolean qi_model_is_demo (const QiModelPaths *paths);
#define QI_DEMO_MODEL_SENTENCE "the demo model that comes with Sfumato draws and edits coloured shapes, and nothing else well"
