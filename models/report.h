/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/report.h — what a model is, file by file: for people and for programs.
 *
 * The JSON object has "path", "name", "complete" (everything a picture needs is there), "variant" {name, title, rule,
 * template, width, height}, "parts" (one object a component that is there: path, found, container, naming, tensors, bytes,
 * dtypes [{dtype, tensors, bytes}], metadata, config with "from", missing_tensors, wrong_tensors, foreign_tensors),
 * "tokenizer", "scheduler", and "missing" and "problems" [{part, sentence}]. Lists of tensors stop at 100 names;
 * "…_count" has the number. Strings from files are valid UTF-8 without control and direction marks. */
#pragma once
#include "models/model-set.h"

/* (transfer full, g_free) */
char *qi_model_report_json (const QiModelSet *set);
char *qi_model_report_text (const QiModelSet *set);

/* What LoRA files are (lines as in a request) and how they fit set; NULL: they are compared with the family only. A JSON
 * array of {name, strength, format, made_for, parts, matched, keys, unused_keys, unused_count, min_rank, max_rank,
 * few_steps}. NULL with error set: one cannot be used. (transfer full) */
char *qi_lora_report_json (const char *lines, const QiModelSet *set, GError **error);
