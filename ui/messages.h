/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/messages.h — every message that interrupts: what happened, what it means, what can be done. The window shows one as a
 * card, a script gets "TITLE. CONSEQUENCE". */
#pragma once
#include <glib.h>

typedef enum
{
  QI_SAY_NOTHING,
  QI_SAY_GRAPHICS_MEMORY,
  QI_SAY_MEMORY,
  QI_SAY_DRIVER_STOPPED,
  QI_SAY_NO_CARD,
  QI_SAY_BLANK,
  QI_SAY_ENGINE_STOPPED,
  QI_SAY_ENGINE_SILENT,
  QI_SAY_PART_MISSING,
  QI_SAY_VERSIONS,
  QI_SAY_FILE_DAMAGED,
  QI_SAY_FILE_MISSING,
  QI_SAY_FILES_DIFFER,
  QI_SAY_FILE_UNKNOWN,
  QI_SAY_NO_MODEL,
  QI_SAY_MODEL_CANNOT, /* %s: the model, which does not look at pictures */
  QI_SAY_LAYERED_ONLY, /* %s: the model, which splits pictures */
  QI_SAY_NO_LAYERED, /* %s: the model, which does not */
  QI_SAY_NO_GROWTH,
  QI_SAY_ADD_ON_UNFIT,
  QI_SAY_NO_SELECTION,
  QI_SAY_SELECTION_MISSES, /* %s: the layer */
  QI_SAY_SELECTION_SMALL, /* %d, %d: its size */
  QI_SAY_COLOUR_MAP, /* %u: colours */
  QI_SAY_MOVED, /* %.0f: pixels */
  QI_SAY_NO_SUCH_PICTURE, /* %u: its number, %u: how many there are */
  QI_SAY_PICTURE_GONE, /* %u: its number */
  QI_SAY_PROMPT_LONG, /* %u, %u: characters that fit, that there are */
  QI_SAY_LETTERING, /* %u: the row */
  QI_SAY_IMAGE_CLOSED, /* %s: its name */
  QI_SAY_LAYER_GONE,
  QI_SAY_IMAGE_CHANGED,
  QI_SAY_OTHER_IMAGE, /* %s: the other, %s: the one of the window */
  QI_SAY_NOT_OURS,
  QI_SAY_HISTORY,
  QI_SAY_BAD_REQUEST, /* %s: the sentence */
  QI_SAY_FAILED, /* %s: the sentence */
  QI_N_SAY
} QiSay;

typedef enum
{
  QI_ACT_NONE,
  QI_ACT_LESS_MEMORY,
  QI_ACT_DETAILS,
  QI_ACT_REPORT,
  QI_ACT_AGAIN,
  QI_ACT_PROCESSOR,
  QI_ACT_HELP,
  QI_ACT_MODELS,
  QI_ACT_OTHER_SEED,
  QI_ACT_START_AGAIN,
  QI_ACT_WAIT,
  QI_ACT_RESTART,
  QI_ACT_CHOOSE_FILE,
  QI_ACT_SWITCH_OFF,
  QI_ACT_EDIT,
  QI_ACT_WHOLE_CANVAS,
  QI_ACT_GROW,
  QI_ACT_GO_ON,
  QI_ACT_TO_RGB,
  QI_ACT_PLACE_ANYWAY,
  QI_ACT_ADD_PICTURE,
  QI_ACT_REMOVE_WORDS,
  QI_ACT_REMOVE_PICTURE,
  QI_ACT_CHOOSE_AGAIN,
  QI_ACT_SHORTEN,
  QI_ACT_PLACE,
  QI_ACT_OPEN_AS_IMAGE,
  QI_N_ACT
} QiAct;

typedef struct
{
  QiSay say;
  gboolean broken; /* red; else amber: it is the person's turn */
  char *title, *consequence;
  QiAct acts[2];
  char *details; /* figures for a report, in English; may be NULL */
  guint picture; /* QI_SAY_PICTURE_GONE: its number */
} QiCard;

/* The arguments are those of the row's title, then of its consequence. (transfer full) */
QiCard *qi_card_new (QiSay say, ...);
/* NULL for a cancelled job. (transfer full) */
QiCard *qi_card_from_error (const GError *error);
void qi_card_free (QiCard *card);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiCard, qi_card_free)

/* "TITLE. CONSEQUENCE" (transfer full) */
char *qi_card_sentence (const QiCard *card);
/* A script may pass over it: the card offers to go on. */
gboolean qi_say_goes_on (QiSay say);
/* The label of a button, with its mnemonic. */
const char *qi_act_label (QiAct act);
