/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session-private.h — between the files session*.c and their tests. */
#pragma once
#include "ui/modes.h"
#include "ui/session.h"
#include "ui/work.h"

/* A request with all that goes with it, ready to run. */
typedef struct
{
  QiRequest *request;
  GPtrArray *references; /* of QiHostReference */
  QiWorkSource source; /* references: those above */
} QiOrder;
void qi_order_free (QiOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiOrder, qi_order_free)

typedef struct
{
  QiHostResult *result;
  char *key; /* of the order it came from: qi_session_key_of() */
  QiOrder *order;
  gboolean starred;
  double moved;
  gboolean cut_off;
} QiSessionResult;
void qi_session_result_free (QiSessionResult *result);

struct _QiSession
{
  GObject parent;
  QiHost *host;
  QiClient *client;
  QiSettings *settings;
  gint64 (*clock) (void); /* µs; a test's own */

  gint image;
  QiHostView *view; /* NULL: no image */
  QiModeChoice mode;
  QiHostMemory *memory; /* of the layer that is edited again; NULL: none */
  gint again;           /* that layer */
  GHashTable *serials; /* image → serial last seen */
  gint other; /* the image the person works in instead; QI_HOST_NONE */
  char *other_name;
  gboolean other_asked, other_allowed;
  gboolean active;

  QiRequest *request;
  GPtrArray *references, *rows;
  char *typed; /* what was in the prompt before going through earlier ones */
  gint recalled; /* -1: none */
  char *hint; /* a sentence of QI_HINT_TEXT */
  gint64 hint_until;

  QiEngineInfo *info;
  GError *info_error;
  GCancellable *info_cancel;
  gboolean info_stale, set_up_closed;

  QiSessionState state;
  QiOrder *order, *waiting;
  QiWork *work;
  GCancellable *cancel;
  QiPace pace;
  QiProgress last;
  QiImage *preview;
  gint64 started;
  gboolean keep_then, image_changed; /* while the job ran */
  guint first_of_job; /* index of its first result */
  double measured[QI_QUALITY_MAXIMUM + 1]; /* seconds that a result took; 0: none yet */
  guint64 skip; /* cards that the person went on past, as bits */

  GPtrArray *results;
  gint shown;
  GPtrArray *dropped; /* for Undo */
  gint64 undo_until;
  gboolean on_canvas, insert_waits;
  gint canvas_layer;
  GArray *kept; /* of gint: layers */
  gint kept_image;
  QiCard *card;
  char *note; /* in the caption */
  char *status;
  gint64 status_until;
};

void qi_session_want_prompt (QiSession *session); /* signal "prompt-wanted" */
void qi_session_note (QiSession *session, const char *note);
void qi_session_read_rows (QiSession *session, const char *lettering);
QiRect qi_session_selection (QiSession *session);
/* request's margins become those that are painted; of an expansion what is known already, else nothing. */
QiRect qi_session_settle_growth (QiSession *session, QiRequest *request);
void qi_session_changed (QiSession *session, guint what);
void qi_session_take_card (QiSession *session, QiCard *card); /* (transfer full) */
void qi_session_say (QiSession *session, char *status, int seconds); /* (transfer full) */
void qi_session_hint_for (QiSession *session, const char *words, int seconds);
/* The controls as an order. (transfer full) */
QiOrder *qi_session_order (QiSession *session);
char *qi_order_key (const QiOrder *order); /* (transfer full) */
void qi_session_run (QiSession *session, QiOrder *order); /* (transfer full) */
void qi_session_settle (QiSession *session); /* the state after a job */
void qi_session_add_result (QiSession *session, QiWork *work, guint k);
void qi_session_put_on_canvas (QiSession *session);
void qi_session_off_canvas (QiSession *session);
gboolean qi_session_look_again (QiSession *session); /* at the image, between two polls; FALSE: it was closed */
gboolean qi_session_check (QiSession *session, const QiOrder *order); /* FALSE: a card or a hint says why not */
