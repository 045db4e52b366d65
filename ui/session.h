/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session.h — the window without the window: what is worked on, what the controls say, which job runs, what came out.
 * Every decision is made here; ui/dialog.c paints what it is told and passes on what people do.
 *
 * Signal "changed" (guint): QiChanged bits of what has to be painted anew. Signal "prompt-wanted": the prompt should get the
 * keyboard.
 * Threads: main thread. Strings that are not (transfer full) are valid until the next call. */
#pragma once
#include "ui/host.h"
#include "ui/messages.h"
#include "ui/settings.h"
#include "ui/wording.h"
#include "wire/client.h"

#define QI_TYPE_SESSION (qi_session_get_type ())
G_DECLARE_FINAL_TYPE (QiSession, qi_session, QI, SESSION, GObject)

typedef enum
{
  QI_SESSION_IDLE,
  QI_SESSION_STARTING, /* no sign of the engine yet */
  QI_SESSION_RUNNING,
  QI_SESSION_STOPPING,
  QI_SESSION_RESULTS /* there are results, and no job runs */
} QiSessionState;

typedef enum
{
  QI_CHANGED_MODE = 1 << 0, /* the mode, what is possible, sentence, placeholder, title */
  QI_CHANGED_PROMPT = 1 << 1, /* not by typing */
  QI_CHANGED_REFERENCES = 1 << 2,
  QI_CHANGED_LETTERING = 1 << 3,
  QI_CHANGED_OPTIONS = 1 << 4,
  QI_CHANGED_STAGE = 1 << 5,
  QI_CHANGED_RESULTS = 1 << 6,
  QI_CHANGED_CARD = 1 << 7,
  QI_CHANGED_HINT = 1 << 8,
  QI_CHANGED_FOOT = 1 << 9, /* time, progress, buttons */
  QI_CHANGED_STATUS = 1 << 10,
  QI_CHANGED_ALL = (1 << 11) - 1
} QiChanged;

/* engine and settings are used, host is asked every 500 ms once qi_session_poll() is called so often. */
QiSession *qi_session_new (QiHost *host, QiClient *client, QiSettings *settings);

/* -- what is worked on (session.c) ------------------------------------------------------------------- */

/* Bound to image, QI_HOST_NONE: none. by_command: the mode is task; else it follows from what is selected. */
void qi_session_bind (QiSession *session, gint image, gboolean by_command, QiTask task);
/* "Edit this layer again": everything comes from what the layer remembers. FALSE: a card says why not. */
gboolean qi_session_bind_again (QiSession *session, gint image, gint layer);
/* Looks at the image; every 500 ms while the window is visible. active: the window has the keyboard. */
void qi_session_poll (QiSession *session, gboolean active);
gint qi_session_image (QiSession *session);
const QiHostView *qi_session_view (QiSession *session); /* NULL: no image */
QiHost *qi_session_host (QiSession *session);
QiSettings *qi_session_settings (QiSession *session);
QiClient *qi_session_client (QiSession *session);

char *qi_session_title (QiSession *session); /* (transfer full) */
QiTask qi_session_task (QiSession *session);
gboolean qi_session_task_possible (QiSession *session, QiTask task);
void qi_session_set_task (QiSession *session, QiTask task);
const char *qi_task_label (QiTask task); /* "_Generate"… without the mnemonic: "Generate" */
char *qi_session_will (QiSession *session, char **details); /* what will happen. (transfer full) */
const char *qi_session_placeholder (QiSession *session);
const char *qi_session_verb (QiSession *session); /* "Fill", "Remove", … */

/* -- what the controls say --------------------------------------------------------------------------- */

const QiRequest *qi_session_request (QiSession *session); /* task is the mode's; lettering the rows' */
/* From a keystroke: nothing is painted anew but what depends on it. */
void qi_session_type (QiSession *session, const char *prompt);
void qi_session_set_prompt (QiSession *session, const char *prompt);
/* Earlier ones, -1: back, +1: forward to newer. FALSE: there is none. */
gboolean qi_session_recall (QiSession *session, int direction);
void qi_session_set_quality (QiSession *session, QiQuality quality);
/* Any other field, by its name in base/request.h, as a script would write it. FALSE: out of range. */
gboolean qi_session_set (QiSession *session, const char *field, const char *value);

#define QI_SESSION_MAX_REFERENCES 4
guint qi_session_n_references (QiSession *session);
const QiHostReference *qi_session_reference (QiSession *session, guint k);
guint qi_session_reference_number (QiSession *session, guint k); /* of "Picture N" */
gboolean qi_session_add_reference (QiSession *session, const QiHostReference *reference); /* copied. FALSE: no room */
void qi_session_remove_reference (QiSession *session, guint k);

typedef struct
{
  char *words, *style;
  QiRect place; /* in per cent; nothing: grid says where */
  guint grid; /* QiPlace */
} QiSessionRow;
guint qi_session_n_rows (QiSession *session);
const QiSessionRow *qi_session_row (QiSession *session, guint k);
void qi_session_add_row (QiSession *session, const char *words);
void qi_session_remove_row (QiSession *session, guint k);
void qi_session_set_row (QiSession *session, guint k, const char *words, const char *style); /* NULL: as it is */
void qi_session_place_row (QiSession *session, guint k, guint grid, const QiRect *place);

/* Where the model looks, in image pixels; nothing: a new picture. size: what it is worked on at. */
QiRect qi_session_frame (QiSession *session);
void qi_session_size (QiSession *session, guint *width, guint *height);
gboolean qi_session_frame_movable (QiSession *session);
/* Of an expansion: what is known already, what the canvas grows by, and how many passes that takes (0: it would not grow). Its
 * frame is what the canvas becomes. */
QiRect qi_session_old (QiSession *session);
void qi_session_grow (QiSession *session, int left, int right, int top, int bottom);
guint qi_session_passes (QiSession *session); /* 1 in every other mode */

/* -- the engine -------------------------------------------------------------------------------------- */

const QiEngineInfo *qi_session_info (QiSession *session); /* NULL: not known yet */
gboolean qi_session_needs_set_up (QiSession *session); /* the demo model at most: the set-up card is shown */
gboolean qi_session_set_up_open (QiSession *session);
void qi_session_close_set_up (QiSession *session);
double qi_session_seconds (QiSession *session, QiQuality quality); /* of one result; < 0: not known */
void qi_session_ask_engine (QiSession *session); /* again, after models or devices changed */

/* -- the job (session-job.c) ------------------------------------------------------------------------- */

QiSessionState qi_session_state (QiSession *session);
/* The verb: begins what the window shows, or lets it wait behind the job that runs, or says what is missing. */
void qi_session_start (QiSession *session);
void qi_session_again (QiSession *session);
void qi_session_cancel (QiSession *session);
void qi_session_drop_waiting (QiSession *session);
gboolean qi_session_waiting (QiSession *session);
const QiPace *qi_session_pace (QiSession *session);
char *qi_session_stage_words (QiSession *session); /* "Step 3 of 8" (transfer full) */
char *qi_session_time (QiSession *session, char **details); /* the footer's left. (transfer full) */
QiImage *qi_session_preview (QiSession *session); /* borrowed; NULL: none */
const QiRect *qi_session_job_frame (QiSession *session);
QiRect qi_session_job_part (QiSession *session); /* what the preview shows of it */
QiTask qi_session_seen_task (QiSession *session); /* of the result that is shown, of the job, of the controls */
void qi_session_tick (QiSession *session); /* time goes on; a few times a second while a job runs */

/* -- results (session-results.c) --------------------------------------------------------------------- */

guint qi_session_n_results (QiSession *session);
const QiHostResult *qi_session_result (QiSession *session, guint k);
gboolean qi_session_starred (QiSession *session, guint k);
gint qi_session_shown (QiSession *session); /* -1: none */
void qi_session_show (QiSession *session, guint k);
void qi_session_star (QiSession *session);
void qi_session_drop (QiSession *session); /* the shown one */
void qi_session_keep (QiSession *session); /* also ends the job that runs */
void qi_session_discard (QiSession *session); /* all that have no star */
/* Layers kept so far, in order, for the caller of the procedure; image: where they are. Borrowed. */
const gint *qi_session_kept (QiSession *session, guint *n, gint *image);
gboolean qi_session_can_undo (QiSession *session);
void qi_session_undo (QiSession *session); /* a drop or a discard, for 10 s */
/* The controls say something else than what the shown result came from: Again becomes the verb. */
gboolean qi_session_differs (QiSession *session);
gint qi_session_canvas_layer (QiSession *session); /* ours, to be chosen from; QI_HOST_NONE */
gboolean qi_session_on_canvas (QiSession *session);
gboolean qi_session_may_go_on_canvas (QiSession *session); /* the shown result, before it is kept */
void qi_session_set_on_canvas (QiSession *session, gboolean on);
/* Under the picture. (transfer full) */
char *qi_session_caption (QiSession *session);

/* -- what is said ------------------------------------------------------------------------------------ */

const QiCard *qi_session_card (QiSession *session); /* NULL: none */
void qi_session_close_card (QiSession *session);
/* A button of the card. FALSE: the window's own business (files, help, models, report). */
gboolean qi_session_act (QiSession *session, QiAct act);
char *qi_session_report (QiSession *session); /* figures, no name, path or prompt. (transfer full) */

typedef enum
{
  QI_HINT_NONE,
  QI_HINT_OTHER_IMAGE,
  QI_HINT_AGAIN,
  QI_HINT_TEXT
} QiHint;
QiHint qi_session_hint (QiSession *session, char **words, const char **button); /* words (transfer full) */
void qi_session_take_hint (QiSession *session); /* the hint's button */
char *qi_session_status (QiSession *session); /* (transfer full) */
char *qi_session_device (QiSession *session); /* (transfer full) */

/* -- keys -------------------------------------------------------------------------------------------- */

typedef enum
{
  QI_FOCUS_OTHER,
  QI_FOCUS_PROMPT,
  QI_FOCUS_STRIP
} QiFocus; /* the stage counts as the strip */
typedef enum
{
  QI_BUTTON_NONE,
  QI_BUTTON_GO,
  QI_BUTTON_CANCEL,
  QI_BUTTON_KEEP
} QiButton;
/* The button that is drawn as the next thing to do; none while a job runs. */
QiButton qi_session_default (QiSession *session);
/* The key printed on a button for the present focus: "Ctrl+Enter", "Enter", "Esc" or "". */
const char *qi_session_key (QiSession *session, QiButton button, QiFocus focus);
/* Enter and Esc; TRUE: done. */
gboolean qi_session_enter (QiSession *session, QiFocus focus);
gboolean qi_session_escape (QiSession *session);
