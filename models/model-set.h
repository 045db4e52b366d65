/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/model-set.h — where a model's parts lie. */
#pragma once
#include <glib.h>

/* Parts may be NULL: found in or beside model. Strings belong to the caller. */
typedef struct
{
  const char *model; /* file or folder */
  const char *transformer, *text_encoder, *vision, *vae, *tokenizer, *scheduler, *config;
} QiModelPaths;
