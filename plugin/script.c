/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/script.h"

#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "plugin/host.h"
#include "plugin/layers.h"
#include "plugin/memory.h"
#include "ui/messages.h"
#include "ui/settings.h"
#include "ui/wording.h"
#include "ui/work.h"
#include "wire/client.h"

#define HEARTBEAT_MS 1000 /* a GIMP that is gone is noticed by talking to it */

void
qi_made_clear (QiMade *made)
{
  g_clear_pointer (&made->layers, g_free);
}

/* A card that a script cannot pass over, as an error. */
static gboolean
say (QiCard *card, GError **error)
{
  g_autoptr (QiCard) owned = card;
  g_autofree char *sentence = qi_card_sentence (owned);

  g_set_error_literal (error, QI_ERROR, QI_ERROR_FAILED, sentence);
  return FALSE;
}

/* What the window would put on a card, in the words of that card. */
static gboolean
say_error (GError *inner, GError **error)
{
  g_autoptr (GError) owned = inner;
  QiCard *card = qi_card_from_error (owned);

  if (card)
    return say (card, error);
  g_propagate_error (error, g_steal_pointer (&owned)); /* cancelled */
  return FALSE;
}

/* -- progress ---------------------------------------------------------------------------------------- */

typedef struct
{
  QiPace pace;
  char *text;
  guint heartbeat;
} Bar;

static double
now (void)
{
  return (double) g_get_monotonic_time () / 1e6;
}

static gboolean
on_heartbeat (gpointer data)
{
  Bar *bar = data;

  qi_pace_tick (&bar->pace, now ());
  gimp_progress_update (bar->pace.bar);
  return G_SOURCE_CONTINUE;
}

static void
on_progress (const QiProgress *progress, gpointer data)
{
  Bar *bar = data;
  g_autofree char *text = qi_words_stage (progress);

  qi_pace_tell (&bar->pace, now (), progress->seconds_left);
  if (g_strcmp0 (text, bar->text) == 0)
    return;
  g_free (bar->text);
  bar->text = g_steal_pointer (&text);
  gimp_progress_set_text (bar->text);
  gimp_progress_update (bar->pace.bar);
}

static void
bar_start (Bar *bar, double estimate)
{
  qi_pace_begin (&bar->pace, now (), estimate);
  gimp_progress_init (_("Starting"));
  bar->heartbeat = g_timeout_add (HEARTBEAT_MS, on_heartbeat, bar);
}

static void
bar_end (Bar *bar)
{
  g_source_remove (bar->heartbeat);
  g_free (bar->text);
  gimp_progress_end ();
}

/* -- what can be said before the work ---------------------------------------------------------------- */

static gboolean
check_target (const QiRequest *request, GimpImage *image, GimpLayer *target, GError **error)
{
  const QiRect selection = image ? qi_selection_rect (image) : (QiRect){ 0 };
  const gboolean selects = request->task == QI_TASK_EDIT || request->task == QI_TASK_FILL;
  QiRect layer, there;

  if (request->task == QI_TASK_GENERATE)
    return TRUE;
  if (!image)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                           _("No image is open. This command works on one; Generate Image makes a new one."));
      return FALSE;
    }
  if (request->task == QI_TASK_FILL && qi_rect_is_empty (&selection))
    return say (qi_card_new (QI_SAY_NO_SELECTION), error);
  if (request->task == QI_TASK_EXPAND && !(request->left || request->right || request->top || request->bottom))
    return say (qi_card_new (QI_SAY_NO_GROWTH), error);
  if (!target || !selects || request->source == QI_SOURCE_VISIBLE || qi_rect_is_empty (&selection))
    return TRUE;
  layer = qi_layer_rect (target);
  there = qi_rect_intersect (&layer, &selection);
  if (qi_rect_is_empty (&there))
    {
      g_autofree char *name = gimp_item_get_name (GIMP_ITEM (target));

      return say (qi_card_new (QI_SAY_SELECTION_MISSES, name), error);
    }
  return TRUE;
}

/* -- the job ----------------------------------------------------------------------------------------- */

/* A picture that moved too far is not placed: the card offers no going on. */
static gboolean
check_results (QiWork *work, GError **error)
{
  for (guint k = 0; k < qi_work_n_results (work); k++)
    if (qi_work_moved (work, k) > 0)
      return say (qi_card_new (QI_SAY_MOVED, qi_work_moved (work, k)), error);
  return TRUE;
}

/* The first result as an image, where there is none; its layer becomes the target of the others. */
static gboolean
open_first (QiHost *host, const QiHostResult *result, QiMade *made, GError **error)
{
  const gint id = qi_host_open (host, result, error);
  g_autofree GimpLayer **layers = NULL;

  made->image = qi_image_by_id (id);
  if (!made->image)
    return FALSE;
  layers = gimp_image_get_layers (made->image);
  made->layers[made->n_layers++] = layers[0];
  return TRUE;
}

/* Result k as it goes into image; the canvas grows with the first. NULL image: made by that one. (transfer full) */
static QiHostResult *
placed_result (QiWork *work, guint k, GimpImage *image, const QiMade *made)
{
  QiHostResult *result = qi_host_result_copy (qi_work_result (work, k));

  if (k > 0)
    qi_host_result_settle (result);
  if (!image)
    {
      result->image = gimp_image_get_id (made->image);
      result->canvas = (QiRect){ 0 };
      result->target = gimp_item_get_id (GIMP_ITEM (made->layers[0]));
    }
  return result;
}

/* What was placed goes again, and the canvas is what it was. */
static void
take_back (GimpImage *image, QiWork *work, const QiMade *made)
{
  const QiHostResult *first = qi_work_result (work, 0);

  for (guint k = 0; k < made->n_layers; k++)
    gimp_image_remove_layer (image, made->layers[k]);
  if (made->n_layers && !qi_rect_is_empty (&first->grown))
    gimp_image_resize (image, first->canvas.width, first->canvas.height, first->grown.x, first->grown.y);
}

/* All of them in one undo step, or none. */
static gboolean
place (QiHost *host, QiWork *work, GimpImage *image, QiMade *made, GError **error)
{
  const guint n = qi_work_n_results (work);
  gboolean ok = TRUE;

  made->image = image;
  made->layers = g_new0 (GimpLayer *, n + 1);
  made->seed = qi_work_seed (work);
  if (image)
    gimp_image_undo_group_start (image);
  for (guint k = 0; ok && k < n; k++)
    {
      g_autoptr (QiHostResult) result = NULL;
      gint id;

      if (!image && k == 0)
        {
          ok = open_first (host, qi_work_result (work, k), made, error);
          continue;
        }
      result = placed_result (work, k, image, made);
      id = qi_host_insert (host, result, error);
      ok = id != QI_HOST_NONE;
      if (ok)
        made->layers[made->n_layers++] = qi_layer_by_id (id);
    }
  if (!ok && image)
    take_back (image, work, made);
  if (image)
    gimp_image_undo_group_end (image);
  return ok;
}

static gboolean
make (QiHost *host, const QiWorkSource *source, const QiRequest *request, QiMade *made, GError **error)
{
  g_autoptr (QiClient) client = qi_client_new ();
  g_autoptr (GError) inner = NULL;
  g_autoptr (QiEngineInfo) info = qi_client_info (client, request, source->references ? source->references->len : 0, NULL,
                                                  &inner);
  g_autoptr (QiWork) work = NULL;
  QiCard *misfit = info && !info->problem ? qi_work_misfit (info, request->task) : NULL;
  Bar bar = { 0 };
  gboolean ok;

  if (misfit)
    return say (misfit, error);
  if (info && info->problem)
    g_set_error_literal (&inner, QI_ERROR, info->problem_code, info->problem);
  else if (info)
    work = qi_work_new (host, source, request, info, &inner);
  if (!work)
    return say_error (g_steal_pointer (&inner), error);
  bar_start (&bar, info->seconds[request->quality] * qi_work_n_passes (work));
  ok = qi_work_run (work, client, on_progress, &bar, NULL, &inner);
  bar_end (&bar);
  if (!ok)
    return say_error (g_steal_pointer (&inner), error);
  if (!check_results (work, error))
    return FALSE;
  ok = place (host, work, qi_image_by_id (source->image), made, &inner);
  return ok || say_error (g_steal_pointer (&inner), error);
}

gboolean
qi_script_make (const QiCommand *command, const QiRequest *request, GimpImage *image, GimpDrawable *const *drawables,
                GPtrArray *references, QiMade *made, GError **error)
{
  g_autoptr (QiHost) host = qi_gimp_host_new (FALSE);
  g_autoptr (QiSettings) settings = qi_settings_new (NULL);
  GimpLayer *target = image ? qi_layers_topmost (drawables) : NULL;
  const gboolean new_image = request->task == QI_TASK_GENERATE && request->destination == QI_DESTINATION_IMAGE;
  QiWorkSource source = { .image = image && !new_image ? gimp_image_get_id (image) : QI_HOST_NONE,
                          .target = target ? gimp_item_get_id (GIMP_ITEM (target)) : QI_HOST_NONE,
                          .selection_layer = QI_HOST_NONE,
                          .references = references };

  if (!check_target (request, image, target, error))
    return FALSE;
  qi_settings_set_last (settings, qi_command_short_name (command), request, references, NULL);
  return make (host, &source, request, made, error);
}

gboolean
qi_script_again (const char *prompt, gint64 seed, GimpImage *image, GimpDrawable *const *drawables, QiMade *made,
                 GError **error)
{
  g_autoptr (QiHost) host = qi_gimp_host_new (FALSE);
  GimpLayer *layer = image ? qi_layers_topmost (drawables) : NULL;
  g_autoptr (QiHostMemory) memory = NULL;
  QiWorkSource source = { .selection_layer = QI_HOST_NONE };
  QiRequest *request;

  if (!layer || !qi_memory_has (layer))
    return say (qi_card_new (QI_SAY_NOT_OURS), error);
  memory = qi_memory_of (layer, error);
  if (!memory)
    return FALSE;
  layer = qi_layer_by_id (memory->layer);
  request = memory->request;
  request->seed = seed;
  request->results = 1;
  if (prompt && *prompt)
    {
      g_free (request->prompt);
      request->prompt = g_strdup (prompt);
    }
  source.image = memory->image;
  source.target = memory->target;
  source.above = source.except = gimp_item_get_id (GIMP_ITEM (layer));
  source.references = memory->references;
  source.place = qi_layer_rect (layer);
  if (request->task == QI_TASK_EXPAND)
    {
      source.bounds = qi_work_old_of (request, &source.place);
      if (qi_rect_is_empty (&source.bounds))
        return say (qi_card_new (QI_SAY_NO_GROWTH), error);
    }
  else
    qi_memory_selection (memory, request, &source.selection_layer, &source.bounds);
  return qi_request_check (request, error) && make (host, &source, request, made, error);
}
