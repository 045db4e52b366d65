/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/set/check.h — whether the parts of a set are there and fit together. Internal to models/. */
#pragma once
#include "models/model-set.h"
#include "models/set/find.h"

/* Adds to set->problems what is missing and what does not fit; problems of single parts must be there already. */
void qi_model_check (QiModelSet *set, const QiModelSearch *search);

/* One problem; sentence is (transfer full). */
void qi_model_add_problem (QiModelSet *set, const char *part, gboolean missing, gint code, char *sentence);
