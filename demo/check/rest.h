/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* demo/check/rest.h — a changed picture beside the one that was wanted: what should have stayed, and what should have come. */
#pragma once
#include "demo/check/judge.h"

#define CHECK_REST_LIMIT 4.0    /* of 255: what stays may differ by less, on average */
#define CHECK_CHANGE_LIMIT 12.0 /* the same of what has changed, where only one picture is right */

/* Mean absolute difference of bytes where mask is black (white FALSE) or white; 0 where there is none such. All of one size;
 * mask counts from the middle of its first channel. */
double check_difference (const CheckPicture *a, const CheckPicture *b, const CheckPicture *mask, gboolean white);

/* Adds to the verdict whether the rest stayed, and where facts ask for it ("exact": true) whether what has changed looks as it
 * should. Pictures of another size than wanted have neither. */
void check_rest (CheckVerdict *verdict, const CheckPicture *picture, const CheckPicture *wanted, const CheckPicture *mask, const CheckFacts *facts);
