/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session-words.c — the part of the session that says things: sentences, captions, times, keys. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "compose/mask.h"
#include "ui/session-private.h"

const char *
qi_task_label (QiTask task)
{
  switch (task)
    {
    case QI_TASK_GENERATE:
      return _ ("Generate");
    case QI_TASK_FILL:
      return _ ("Fill");
    case QI_TASK_EXPAND:
      return _ ("Expand");
    case QI_TASK_SPLIT:
      return _ ("Layers");
    case QI_TASK_EDIT:
    default:
      return _ ("Edit");
    }
}

char *
qi_session_title (QiSession *session)
{
  return session->view ? g_strdup_printf (_ ("Sfumato – %s"), session->view->image.name) : g_strdup ("Sfumato");
}

static gboolean
removes (QiSession *session)
{
  return session->mode.task == QI_TASK_FILL && (!session->request->prompt || !*session->request->prompt)
         && session->rows->len == 0;
}

/* "312 × 280 px, soft edge 12 px" */
static char *
selection_words (QiSession *session)
{
  const QiRect s = qi_session_selection (session);
  const gboolean own = session->view && session->view->soft && session->request->soft_edge < 0;
  const guint edge = own ? 0 : qi_mask_soft_edge (session->request->soft_edge, &s, NULL);

  if (own)
    return g_strdup_printf (_ ("%d × %d px, with its own soft edge"), s.width, s.height);
  if (edge == 0)
    return g_strdup_printf (_ ("%d × %d px"), s.width, s.height);
  return g_strdup_printf (_ ("%d × %d px, soft edge %u px"), s.width, s.height, edge);
}

/* "1800 × 1200 px, worked on at 1248 × 832 px" */
static char *
frame_words (QiSession *session)
{
  const QiRect frame = qi_session_frame (session);
  guint width, height;

  qi_session_size (session, &width, &height);
  if (frame.width == (int) width && frame.height == (int) height)
    return g_strdup_printf (_ ("%d × %d px"), frame.width, frame.height);
  return g_strdup_printf (_ ("%d × %d px, worked on at %u × %u px"), frame.width, frame.height, width, height);
}

static char *
expand_words (QiSession *session, char **details)
{
  const QiHostView *view = session->view;
  const QiRect old = qi_session_old (session), after = qi_session_frame (session);
  const guint n_passes = qi_session_passes (session);
  const double part = 1 - (double) old.width * old.height / ((double) after.width * after.height);

  if (n_passes == 0)
    {
      *details = g_strdup (_ ("Drag its edges outwards"));
      return g_strdup (_ ("The canvas stays as it is"));
    }
  const guint percent = CLAMP ((guint) (part * 100 + 0.5), 1, 99);
  *details = n_passes == 1 ? g_strdup_printf (_ ("New area: %u %%"), percent)
                           : g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "New area: %u %%, in %u pass",
                                                           "New area: %u %%, in %u passes", n_passes),
                                              percent, n_passes);
  if (after.x >= 0 && after.y >= 0 && after.x + after.width <= view->image.width
      && after.y + after.height <= view->image.height)
    return g_strdup_printf (_ ("Fills the empty canvas around layer “%s”"), view->layer.name);
  return g_strdup_printf (_ ("Expands the canvas to %d × %d px"), after.width, after.height);
}

static char *
split_words (QiSession *session, char **details)
{
  const QiHostView *view = session->view;
  const guint n = session->request->layers;

  *details = frame_words (session);
  if (session->request->source == QI_SOURCE_VISIBLE || view->layer.id == QI_HOST_NONE)
    return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Splits what is visible into %u layer",
                                         "Splits what is visible into %u layers", n),
                            n);
  return g_strdup_printf (
      g_dngettext (GETTEXT_PACKAGE, "Splits layer “%s” into %u layer", "Splits layer “%s” into %u layers", n),
      view->layer.name, n);
}

static char *
edit_words (QiSession *session, gboolean whole, char **details)
{
  const QiHostView *view = session->view;
  const gboolean visible = session->request->source == QI_SOURCE_VISIBLE || view->layer.id == QI_HOST_NONE;

  if (!whole)
    {
      *details = selection_words (session);
      return visible ? g_strdup (_ ("Edits the selection on what is visible"))
                     : g_strdup_printf (_ ("Edits the selection on layer “%s”"), view->layer.name);
    }
  *details = frame_words (session);
  if (session->mode.moved)
    return visible ? g_strdup (_ ("Nothing is selected: edits all that is visible"))
                   : g_strdup_printf (_ ("Nothing is selected: edits the whole layer “%s”"), view->layer.name);
  return visible ? g_strdup (_ ("Edits all that is visible"))
                 : g_strdup_printf (_ ("Edits the whole layer “%s”"), view->layer.name);
}

char *
qi_session_will (QiSession *session, char **details)
{
  const QiHostView *view = session->view;
  const QiRect selection = qi_session_selection (session);
  const gboolean selected = !qi_rect_is_empty (&selection);
  const gboolean visible = view && (session->request->source == QI_SOURCE_VISIBLE || view->layer.id == QI_HOST_NONE);

  if (session->mode.task == QI_TASK_GENERATE || !view)
    {
      guint width, height;
      qi_session_size (session, &width, &height);
      *details = g_strdup_printf (_ ("%d × %d px"), width, height);
      return g_strdup (view && session->request->destination != QI_DESTINATION_IMAGE ? _ ("Makes a new layer")
                                                                                     : _ ("Makes a new image"));
    }
  if (session->memory)
    {
      *details = session->mode.task == QI_TASK_SPLIT || session->mode.task == QI_TASK_EXPAND
                     ? frame_words (session)
                     : selection_words (session);
      return g_strdup_printf (_ ("Edits “%s” again from its original pixels"),
                              view->layer.name ? view->layer.name : "");
    }
  if (session->mode.task == QI_TASK_EXPAND)
    return expand_words (session, details);
  if (session->mode.task == QI_TASK_SPLIT)
    return split_words (session, details);
  if (session->mode.task == QI_TASK_EDIT)
    return edit_words (session, !selected, details);
  if (!selected)
    {
      *details = g_strdup (_ ("Fill needs a selection"));
      return g_strdup (_ ("Nothing is selected"));
    }
  if (removes (session))
    {
      *details = g_strdup (_ ("The surroundings grow into it"));
      return visible ? g_strdup (_ ("Removes what is selected from what is visible"))
                     : g_strdup_printf (_ ("Removes what is selected on layer “%s”"), view->layer.name);
    }
  *details = selection_words (session);
  return visible ? g_strdup (_ ("Fills the selection on what is visible"))
                 : g_strdup_printf (_ ("Fills the selection on layer “%s”"), view->layer.name);
}

const char *
qi_session_placeholder (QiSession *session)
{
  switch (session->mode.task)
    {
    case QI_TASK_GENERATE:
      return _ ("Describe the picture");
    case QI_TASK_FILL:
      return _ ("Describe what should appear in the selection");
    case QI_TASK_EXPAND:
      return _ ("Describe what lies beyond, or leave empty");
    case QI_TASK_SPLIT:
      return _ ("Name what should become a layer of its own, or leave empty");
    default:
      return _ ("Say what to change");
    }
}

const char *
qi_session_verb (QiSession *session)
{
  const gboolean practice = qi_session_set_up_open (session);

  switch (session->mode.task)
    {
    case QI_TASK_GENERATE:
      return practice ? _ ("Try _generate") : _ ("Generate");
    case QI_TASK_FILL:
      return practice ? _ ("Try _fill") : removes (session) ? _ ("Remove") : _ ("Fill");
    case QI_TASK_EXPAND:
      return practice ? _ ("Try e_xpanding") : _ ("Expand");
    case QI_TASK_SPLIT:
      return _ ("Split");
    default:
      return practice ? _ ("Try _edit") : _ ("Edit");
    }
}

/* -- times ------------------------------------------------------------------------------------------- */

static const char *
quality_label (QiQuality quality)
{
  const char *const labels[] = { N_ ("Fast"), N_ ("Balanced"), N_ ("Best"), N_ ("Maximum") };

  return _ (labels[MIN (quality, QI_QUALITY_MAXIMUM)]);
}

char *
qi_session_time (QiSession *session, char **details)
{
  const QiRequest *request = session->request;
  const QiQuality quality = session->rows->len ? MAX (request->quality, QI_QUALITY_BALANCED) : request->quality;
  const double one = qi_session_seconds (session, quality);
  const double load = session->info ? session->info->load_seconds : 0;
  g_autoptr (GString) line = g_string_new (NULL);

  if (qi_session_set_up_open (session) && session->info->demo)
    {
      *details = g_strdup (_ ("Simple shapes and words, for practice"));
      return g_strdup (_ ("Demo model"));
    }
  const gboolean split = session->mode.task == QI_TASK_SPLIT;
  const guint n = split ? 1 : request->results;
  if (split)
    g_string_append_printf (line, g_dngettext (GETTEXT_PACKAGE, "%u layer", "%u layers", request->layers),
                            request->layers);
  else
    g_string_append_printf (line, g_dngettext (GETTEXT_PACKAGE, "%u result", "%u results", n), n);
  g_string_append_printf (line, _ (", %s"), quality_label (quality));
  if (session->references->len && !split)
    g_string_append_printf (line,
                            g_dngettext (GETTEXT_PACKAGE, ", %u picture", ", %u pictures", session->references->len),
                            session->references->len);
  if (load > 0.5)
    g_string_append (line, _ (", loads the model first"));
  const double all = one < 0 ? -1 : one * n + MAX (0, load);
  if (all > 600)
    {
      g_string_append (line, _ (". GIMP stays usable."));
    }
  *details = g_strdup (line->str);
  return qi_words_estimate (all);
}

char *
qi_session_stage_words (QiSession *session)
{
  if (session->state == QI_SESSION_STARTING)
    return g_strdup (_ ("Starting"));
  if (session->state == QI_SESSION_STOPPING)
    return g_strdup (_ ("Stopping…"));
  return qi_words_stage (&session->last);
}

/* -- captions, hints, status ------------------------------------------------------------------------- */

char *
qi_session_caption (QiSession *session)
{
  if (session->note)
    return g_strdup (session->note);
  if (session->work && session->state != QI_SESSION_STOPPING
      && (session->shown < 0 || session->shown >= (gint) session->first_of_job + (gint) session->order->request->results
          || session->results->len == session->first_of_job))
    return g_strdup_printf (_ ("Result %u of %u, forming"), session->last.result + 1,
                            MAX (1, session->order->request->results));
  if (session->shown >= 0)
    {
      const QiSessionResult *now = session->results->pdata[session->shown];
      if (now->cut_off)
        return g_strdup (_ ("The new content reaches the edge of the selection."));
      return g_strdup_printf (_ ("Result %u of %u, seed %d"), session->shown + 1, session->results->len,
                              (int) now->result->request->seed); /* below 2^31 */
    }
  if (session->rows->len && session->mode.task != QI_TASK_SPLIT)
    return g_strdup (_ ("Drag words to place them"));
  const QiRect frame = qi_session_frame (session), selection = qi_session_selection (session);
  if (qi_rect_is_empty (&frame))
    return g_strdup ("");
  if (session->mode.task == QI_TASK_EXPAND)
    {
      const QiRect old = qi_session_old (session);
      if (qi_rect_equal (&old, &frame))
        return g_strdup_printf (_ ("%d × %d px"), old.width, old.height);
      return g_strdup_printf (_ ("%d × %d px, then %d × %d px"), old.width, old.height, frame.width, frame.height);
    }
  if (qi_rect_is_empty (&selection) || session->mode.task == QI_TASK_SPLIT)
    return g_strdup_printf (_ ("Sees %d × %d px"), frame.width, frame.height);
  return g_strdup_printf (_ ("Sees %d × %d px around it"), frame.width, frame.height);
}

QiHint
qi_session_hint (QiSession *session, char **words, const char **button)
{
  *words = NULL;
  *button = NULL;
  if (session->hint)
    {
      *words = g_strdup (session->hint);
      return QI_HINT_TEXT;
    }
  if (session->other != QI_HOST_NONE)
    {
      *words = g_strdup_printf (_ ("You are working in “%s”."), session->other_name);
      *button = _ ("Use i_t");
      return QI_HINT_OTHER_IMAGE;
    }
  if (session->view && session->view->layer.ours && !session->memory && session->mode.task == QI_TASK_EDIT
      && qi_rect_is_empty (&session->view->selection) && session->state == QI_SESSION_IDLE)
    {
      *words = g_strdup (_ ("This layer was made by Sfumato."));
      *button = _ ("Edit i_t again");
      return QI_HINT_AGAIN;
    }
  return QI_HINT_NONE;
}

void
qi_session_take_hint (QiSession *session)
{
  g_autofree char *words = NULL;
  const char *button = NULL;

  switch (qi_session_hint (session, &words, &button))
    {
    case QI_HINT_OTHER_IMAGE:
      qi_session_bind (session, session->other, FALSE, QI_TASK_EDIT);
      break;
    case QI_HINT_AGAIN:
      qi_session_bind_again (session, session->image, session->view->layer.id);
      break;
    default:
      break;
    }
}

char *
qi_session_status (QiSession *session)
{
  return g_strdup (session->status ? session->status : _ ("Local. No connection."));
}

/* "NVIDIA GeForce RTX 4060" without the makers' words, which there is no room for. */
static const char *
short_name (const char *device)
{
  static const char *const words[] = { "NVIDIA ", "GeForce ", "AMD ", "Radeon ", "Intel(R) ", "Intel " };

  for (guint k = 0; k < G_N_ELEMENTS (words); k++)
    if (g_str_has_prefix (device, words[k]) && strchr (device + strlen (words[k]), ' '))
      device += strlen (words[k]);
  return device;
}

char *
qi_session_device (QiSession *session)
{
  const QiEngineInfo *info = session->info;

  if (!info)
    return g_strdup (session->info_error ? _ ("No engine") : "…");
  if (!info->device)
    return g_strdup (_ ("No device"));
  const char *name = info->software ? _ ("Processor") : short_name (info->device);
  if (!info->memory_bytes || info->software)
    return g_strdup (name);
  g_autofree char *all = qi_words_bytes (info->memory_bytes);
  if (!info->used_bytes)
    return g_strdup_printf (_ ("%s · %s"), name, all);
  return g_strdup_printf (_ ("%s · %.1f of %s"), name, info->used_bytes / 1e9, all);
}

char *
qi_session_report (QiSession *session)
{
  const QiEngineInfo *info = session->info;
  const QiCard *card = session->card;
  GString *report = g_string_new ("Sfumato " QI_VERSION "\n");

  g_string_append_printf (report, "device: %s%s\n", info && info->device ? info->device : "none",
                          info && info->software ? " (processor)" : "");
  if (info)
    g_string_append_printf (report, "memory: %.1f GB, %.1f GB used\nmodel: %s\n", info->memory_bytes / 1e9,
                            info->used_bytes / 1e9, info->variant ? info->variant : "none");
  g_string_append_printf (report, "task: %s, quality: %s, results: %u, pictures: %u\n",
                          qi_task_name (session->mode.task), qi_quality_name (session->request->quality),
                          session->request->results, session->references->len);
  guint width, height;
  qi_session_size (session, &width, &height);
  g_string_append_printf (report, "size: %u × %u\n", width, height);
  if (card)
    {
      /* A message may quote a file: its name stays here, its folder does not. */
      g_autoptr (GRegex) path = g_regex_new ("(?:/[^/\\s“”]+)+/(?=[^/\\s“”])", 0, 0, NULL);
      g_autofree char *details =
          g_regex_replace_literal (path, card->details ? card->details : "", -1, 0, "…/", 0, NULL);
      g_string_append_printf (report, "message: %d\n%s\n", card->say, details);
    }
  return g_string_free (report, FALSE);
}

/* -- keys -------------------------------------------------------------------------------------------- */

QiButton
qi_session_default (QiSession *session)
{
  switch (session->state)
    {
    case QI_SESSION_IDLE:
      return QI_BUTTON_GO;
    case QI_SESSION_RESULTS:
      return qi_session_differs (session) ? QI_BUTTON_GO : QI_BUTTON_KEEP;
    default:
      return QI_BUTTON_NONE;
    }
}

const char *
qi_session_key (QiSession *session, QiButton button, QiFocus focus)
{
  switch (button)
    {
    case QI_BUTTON_GO:
      return _ ("Ctrl+Enter");
    case QI_BUTTON_CANCEL:
      return _ ("Esc");
    case QI_BUTTON_KEEP:
      return focus == QI_FOCUS_STRIP ? _ ("Enter") : "";
    default:
      return "";
    }
}

gboolean
qi_session_enter (QiSession *session, QiFocus focus)
{
  if (focus == QI_FOCUS_PROMPT && !qi_settings_get_bool (session->settings, "enter-makes-line", FALSE))
    {
      qi_session_start (session);
      return TRUE;
    }
  if (focus == QI_FOCUS_STRIP && session->shown >= 0)
    {
      qi_session_keep (session);
      return TRUE;
    }
  return FALSE;
}

gboolean
qi_session_escape (QiSession *session)
{
  if (session->work)
    {
      qi_session_cancel (session);
      return TRUE;
    }
  qi_session_want_prompt (session);
  return session->results->len > 0;
}
