/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato expand: a larger canvas, painted in as many passes as it takes. The old picture stays, byte by byte. */
#include "cli/command.h"

#include <string.h>

#include "base/error.h"
#include "cli/events.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/picture.h"
#include "cli/results.h"
#include "compose/blend.h"
#include "compose/expand.h"
#include "compose/pixels.h"

typedef struct
{
  char **images;
  char *output, *prefill, *soft_edge, *left, *right, *top, *bottom;
} Words;

static void
words_clear (Words *words)
{
  char *const texts[] = { words->output, words->prefill, words->soft_edge, words->left,
                          words->right,  words->top,     words->bottom };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_strfreev (words->images);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

/* A run's surroundings. */
typedef struct
{
  const QiOptions *options;
  QiEngine *engine;
  const QiImage *old;
  QiEvents *events;
  GCancellable *cancellable;
} Studio;

static gboolean
fill_request (const Words *words, QiRequest *request, GError **error)
{
  const struct
  {
    const char *name, *value;
  } fields[] = { { "prefill", words->prefill }, { "soft-edge", words->soft_edge }, { "left", words->left },
                 { "right", words->right },     { "top", words->top },             { "bottom", words->bottom } };

  request->task = QI_TASK_EXPAND;
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (fields[i].value && !qi_request_set (request, qi_request_field (fields[i].name), fields[i].value, error))
      return FALSE;
  if (!words->images || g_strv_length (words->images) != 1)
    g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                         "One picture is expanded at a time: name it with --image FILE.");
  else if (!(request->left || request->right || request->top || request->bottom))
    g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                         "The canvas is not to grow at any side: give --left, --right, --top or --bottom in pixels.");
  else
    {
      request->seed = request->seed >= 0 ? request->seed : g_random_int_range (0, G_MAXINT32);
      return qi_request_check (request, error);
    }
  return FALSE;
}

/* The old picture on the new canvas, with what was painted around it. */
static QiImage *
finish (const QiExpand *expand, const QiImage *old)
{
  const QiRect place = qi_expand_old (expand);
  g_autoptr (QiImage) painted = qi_expand_picture (expand), mask = qi_expand_mask (expand);
  const guint width = qi_image_width (painted), height = qi_image_height (painted), n = qi_image_channels (old);
  guint8 *pixels = qi_pixels_alloc (width, height, n);

  for (int y = 0; y < place.height; y++)
    memcpy (pixels + ((gsize) (y + place.y) * width + (gsize) place.x) * n, qi_image_row (old, (guint) y),
            (gsize) place.width * n);

  g_autoptr (QiImage) canvas = qi_pixels_take (width, height, n, pixels);

  return qi_blend_onto (canvas, painted, mask, 0, 0);
}

static QiResult *
paint_pass (const Studio *studio, QiExpand *expand, guint pass, const QiRequest *request, GError **error)
{
  g_autoptr (QiCompose) compose = qi_expand_prepare (expand, pass, request, error);
  const QiInputs inputs = { .pictures = compose ? &compose->picture : NULL, .n_pictures = 1,
                            .mask = compose ? compose->mask : NULL };

  if (!compose || (pass == 0 && !qi_events_plan (studio->events, studio->engine, request, &inputs, error)))
    return NULL;

  g_autoptr (QiResult) result = qi_engine_generate (studio->engine, request, &inputs, FALSE, qi_events_progress,
                                                    studio->events, studio->cancellable, error);
  g_autoptr (QiPatch) patch = result ? qi_compose_finish (compose, g_ptr_array_index (result->images, 0), error) : NULL;

  if (!patch)
    return NULL;
  qi_expand_place (expand, patch);
  return g_steal_pointer (&result);
}

/* Result k, with the seed that is its own. *last: what the last pass said. */
static QiImage *
paint (const Studio *studio, guint k, QiResult **last, GError **error)
{
  const QiModelSet *set = qi_engine_model_set (studio->engine);
  const QiModelSizes sizes = qi_model_sizes (set->width, set->height, 16);
  g_autoptr (QiRequest) request = qi_request_copy (studio->options->request);
  g_autoptr (QiExpand) expand = qi_expand_new (request, studio->old, &sizes, error);

  request->results = 1;
  request->seed = (request->seed + k) % ((gint64) G_MAXINT32 + 1);
  for (guint pass = 0; expand && pass < qi_expand_n_passes (expand); pass++)
    {
      g_clear_pointer (last, qi_result_free);
      if (!(*last = paint_pass (studio, expand, pass, request, error)))
        return NULL;
    }
  return expand ? finish (expand, studio->old) : NULL;
}

static gboolean
run (const QiOptions *options, const Words *words, QiEvents *events, GCancellable *cancellable, GError **error)
{
  g_autoptr (QiImage) old = qi_picture_load (words->images[0], error);
  g_autoptr (QiEngine) engine = old ? qi_engine_open (&options->paths, &options->engine, qi_events_progress, events,
                                                      cancellable, error)
                                    : NULL;
  const Studio studio = { options, engine, old, events, cancellable };
  gboolean ok = engine != NULL;

  for (guint k = 0; ok && k < options->request->results; k++)
    {
      g_autofree char *path = qi_results_path (words->output, k, options->request->results);
      g_autoptr (QiResult) result = NULL;
      g_autoptr (QiImage) image = paint (&studio, k, &result, error);

      if (!image)
        return FALSE;
      if (!qi_interrupt_hold ())
        return !g_cancellable_set_error_if_cancelled (cancellable, error);
      ok = qi_results_save (options, result, 0, image, path, events, error);
      qi_interrupt_release ();
    }
  return ok;
}

#define WORD(name, field, help, kind) { name, 0, 0, G_OPTION_ARG_FILENAME, &words.field, help, kind }

int
qi_cmd_expand (int argc, char **argv, GCancellable *cancellable)
{
  g_auto (Words) words = { 0 };
  g_autoptr (QiOptions) options = qi_options_new ();
  g_autoptr (GError) error = NULL;
  const GOptionEntry own[] = {
    { "image", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &words.images, "the picture", "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &words.output,
      "where the picture goes; several are FILE-1.png, ... (default: a name with the time)", "FILE.png" },
    WORD ("left", left, "pixels to grow by", "N"),
    WORD ("right", right, "pixels to grow by", "N"),
    WORD ("top", top, "pixels to grow by", "N"),
    WORD ("bottom", bottom, "pixels to grow by", "N"),
    WORD ("prefill", prefill, "what the new part begins with: neutral (default), blur, border or noise", "NAME"),
    WORD ("soft-edge", soft_edge, "pixels over which passes fade into each other; -1 (default): automatic", "N"),
    { 0 }
  };
  QiEvents events;
  gboolean ok = qi_options_parse (options, QI_OPTIONS_MODEL | QI_OPTIONS_REQUEST,
                                  "Makes the canvas larger and paints the new part.", own, NULL, argc, argv, &error);

  qi_events_init (&events, options->quiet, options->json || (!ok && qi_options_want_json (argc, argv)));
  if (ok && options->help)
    return QI_STATUS_DONE;
  ok = ok && fill_request (&words, options->request, &error)
       && qi_results_check_output (&words.output, options->request->results, &error)
       && run (options, &words, &events, cancellable, &error);
  if (!ok && g_cancellable_is_cancelled (cancellable))
    {
      g_clear_error (&error);
      g_cancellable_set_error_if_cancelled (cancellable, &error);
    }
  return ok ? QI_STATUS_DONE : qi_events_error (&events, error);
}
