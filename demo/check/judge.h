/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/judge.h — whether a picture shows what its prompt says. Knows pictures and facts, no model. */
#pragma once
#include "demo/check/picture.h"
#include "demo/check/words.h"

typedef enum
{
  CHECK_COLOUR, /* of things and of letters */
  CHECK_SHAPE,
  CHECK_SIZE,
  CHECK_PLACE,
  CHECK_COUNT,
  CHECK_RELATION,
  CHECK_WORDS,
  CHECK_BACKGROUND,
  CHECK_REST,   /* of a changed picture: what stays; demo/check/rest.h */
  CHECK_CHANGE, /* and what has changed, where only one picture is right */
  CHECK_N_CATEGORIES
} CheckCategory;

const char *check_category_name (CheckCategory category);

/* What a scene is said to hold, as a line of JSON: {"kind", "background": {"kind", "colours"}, "items": [{"shape", "colour",
 * "size", "place"}], "count", "relation", "words": [{"text", "colour", "place"}], "exact"}. What is absent is not asked. */
typedef struct _CheckFacts CheckFacts;
CheckFacts *check_facts_parse (const char *json, gsize n, GError **error);
void check_facts_free (CheckFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CheckFacts, check_facts_free)
const char *check_facts_prompt (const CheckFacts *facts);
const char *check_facts_kind (const CheckFacts *facts);

typedef struct
{
  gboolean asked[CHECK_N_CATEGORIES], right[CHECK_N_CATEGORIES];
} CheckVerdict;

CheckVerdict check_judge (CheckReader *reader, const CheckPicture *picture, const CheckFacts *facts);
gboolean check_verdict_right (const CheckVerdict *verdict); /* in everything that was asked */
