/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/prompt.h — lettering: words to be drawn, and the one function that joins them with the prompt.
 *
 * A row is "PLACE[, STYLE]: WORDS". PLACE: one of nine names, or "X Y W H" in per cent of the picture from its top left
 * corner. STYLE: free words. WORDS: everything after the first ": ", as typed, in any language and direction; \n (a
 * backslash and an n) is a line break in them.
 *
 * Each row becomes one sentence after the prompt, in the prompt's language: Chinese where it has more Han than other
 * letters, else English. STYLE and its comma are left out where a row has none:
 *
 *   The text "WORDS" is written PLACE, in STYLE letters.      画面PLACE写着“WORDS”,STYLE。
 *
 *   top-left      at the top left        左上角        bottom-left   at the bottom left     左下角
 *   top           at the top             上方          bottom        at the bottom          下方
 *   top-right     at the top right       右上角        bottom-right  at the bottom right    右下角
 *   left          on the left            左侧          right         on the right           右侧
 *   center        in the center          中央
 *
 * A rectangle is written as the place that its centre lies in when the picture is divided into three columns and three
 * rows. English words that contain " are set in “ ” instead. Before an English sentence comes a space, before a Chinese
 * one nothing, unless the text so far is empty or ends in white space.
 *
 * Errors: QI_ERROR_BAD_REQUEST, which quotes the row. */
#pragma once
#include <glib.h>

typedef enum
{
  QI_PLACE_TOP_LEFT, /* row by row: 3 * row + column */
  QI_PLACE_TOP,
  QI_PLACE_TOP_RIGHT,
  QI_PLACE_LEFT,
  QI_PLACE_CENTER,
  QI_PLACE_RIGHT,
  QI_PLACE_BOTTOM_LEFT,
  QI_PLACE_BOTTOM,
  QI_PLACE_BOTTOM_RIGHT,
  QI_N_PLACES
} QiPlace;

typedef struct
{
  QiPlace place;        /* of a rectangle: where its centre lies */
  gboolean rectangle;   /* x, y, width and height were given */
  double x, y;          /* left and top edge, per cent; all 0 without a rectangle */
  double width, height; /* more than 0; x + width and y + height at most 100 */
  char *style;          /* NULL: none */
  char *words;          /* not empty; with line breaks */
} QiLettering;

const char *qi_place_name (QiPlace place);

/* One row. (transfer full) */
QiLettering *qi_lettering_parse (const char *row, GError **error);
void qi_lettering_free (QiLettering *lettering);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiLettering, qi_lettering_free)

/* Rows of QiLettering, one a line; blank lines are passed over. rows may be NULL. (transfer full) */
GPtrArray *qi_lettering_parse_rows (const char *rows, GError **error);

/* The text that the model is given: the prompt as it is, then a sentence a row. prompt and rows (one a line) may be NULL;
 * without rows it is the prompt, byte for byte. Both must be valid UTF-8. (transfer full) */
char *qi_prompt_assemble (const char *prompt, const char *rows, GError **error);
