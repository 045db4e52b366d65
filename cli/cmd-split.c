/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato split: a picture as a stack of layers with transparency. */
#include "cli/command.h"

#include <glib/gstdio.h>

#include "base/error.h"
#include "cli/events.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/picture.h"
#include "cli/results.h"
#include "compose/job.h"
#include "compose/layers.h"
#include "models/model-choice.h"
#include "compose/pixels.h"

typedef struct
{
  char **images;
  char *layers, *output_dir;
} Words;

static void
words_clear (Words *words)
{
  g_strfreev (words->images);
  g_free (words->layers);
  g_free (words->output_dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

static gboolean
bad (GError **error, const char *text)
{
  g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, text);
  return FALSE;
}

/* layer-1.png is the lowest; of several results 1-layer-1.png, … (transfer full) */
static char *
layer_path (const Words *words, const QiRequest *request, guint i)
{
  const guint result = i / request->layers + 1, layer = i % request->layers + 1;
  g_autofree char *name = request->results > 1 ? g_strdup_printf ("%u-layer-%u.png", result, layer)
                                               : g_strdup_printf ("layer-%u.png", layer);

  return g_build_filename (words->output_dir, name, NULL);
}

static gboolean
check_words (Words *words, QiRequest *request, GError **error)
{
  request->task = QI_TASK_SPLIT;
  if (words->layers && !qi_request_set (request, qi_request_field ("layers"), words->layers, error))
    return FALSE;
  if (!words->images || g_strv_length (words->images) != 1)
    return bad (error, "One picture is split at a time: name it with --image FILE.");
  if (!words->output_dir)
    words->output_dir = g_strdup (".");
  if (g_mkdir_with_parents (words->output_dir, 0777) != 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The folder %s cannot be made.", words->output_dir);
      return FALSE;
    }
  for (guint i = 0; i < request->results * request->layers; i++)
    {
      g_autofree char *path = layer_path (words, request, i);

      if (!qi_picture_check_output (path, error))
        return FALSE;
    }
  return qi_request_check (request, error);
}

/* What the model gets of the picture: all of it. */
static QiCompose *
prepare (const QiRequest *request, const QiModelSet *set, const QiImage *picture, GError **error)
{
  const QiRect canvas = { 0, 0, (int) qi_image_width (picture), (int) qi_image_height (picture) };
  const QiModelSizes sizes = qi_model_sizes (set->width, set->height, 16);
  QiFrame frame;

  if (!qi_frame_plan (request, &canvas, &canvas, NULL, &sizes, &frame, error))
    return NULL;

  g_autoptr (QiImage) crop = qi_pixels_crop (picture, &frame.frame);

  return qi_compose_prepare (request, &frame, crop, NULL, error);
}

/* One stack, from first on: the model's transparency, the picture's own pixels. */
static gboolean
save_stack (const QiOptions *options, const Words *words, const QiCompose *compose, const QiResult *result, guint first,
            QiEvents *events, GError **error)
{
  const guint n = options->request->layers;
  QiImage *const *images = (QiImage *const *) result->images->pdata + first;
  guint n_whole = 0;
  g_autoptr (GPtrArray) layers = qi_layers_recover (compose->crop, &compose->frame, images, n, &n_whole);

  if (n_whole > 0)
    g_warning ("The model did not take the picture apart: %u of %u layers show all of it.", n_whole, n);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *path = layer_path (words, options->request, first + i);

      if (!qi_results_save (options, result, first / n, g_ptr_array_index (layers, i), path, events, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
run (const QiOptions *options, const Words *words, QiEvents *events, GCancellable *cancellable, GError **error)
{
  g_autoptr (QiImage) picture = qi_picture_load (words->images[0], error);
  g_autoptr (QiEngine) engine = picture ? qi_engine_open (&options->paths, &options->engine, qi_events_progress, events,
                                                          cancellable, error)
                                        : NULL;
  g_autoptr (QiCompose) compose = engine ? prepare (options->request, qi_engine_model_set (engine), picture, error) : NULL;
  const QiInputs inputs = { .pictures = compose ? &compose->picture : NULL, .n_pictures = 1 };
  gboolean ok = TRUE;

  if (!compose || !qi_events_plan (events, engine, options->request, &inputs, error))
    return FALSE;

  g_autoptr (QiResult) result = qi_engine_generate (engine, options->request, &inputs, FALSE, qi_events_progress, events,
                                                    cancellable, error);

  if (!result)
    return FALSE;
  if (!qi_interrupt_hold ())
    return !g_cancellable_set_error_if_cancelled (cancellable, error);
  if (result->note)
    g_message ("%s", result->note);
  for (guint i = 0; ok && i < result->images->len; i += options->request->layers)
    ok = save_stack (options, words, compose, result, i, events, error);
  qi_interrupt_release ();
  return ok;
}

int
qi_cmd_split (int argc, char **argv, GCancellable *cancellable)
{
  g_auto (Words) words = { 0 };
  g_autoptr (QiOptions) options = qi_options_new ();
  g_autoptr (GError) error = NULL;
  const GOptionEntry own[] = {
    { "image", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &words.images, "the picture", "FILE" },
    { "layers", 0, 0, G_OPTION_ARG_FILENAME, &words.layers, "2 to 8; 4 (default)", "N" },
    { "output-dir", 'o', 0, G_OPTION_ARG_FILENAME, &words.output_dir,
      "where layer-1.png (the lowest), layer-2.png, ... go; default: here", "FOLDER" },
    { 0 }
  };
  QiEvents events;
  gboolean ok = qi_options_parse (options, QI_OPTIONS_MODEL | QI_OPTIONS_REQUEST,
                                  "Splits a picture into layers with transparency. Words, if any, describe the whole picture.", own, NULL, argc,
                                  argv, &error);

  qi_events_init (&events, options->quiet, options->json || (!ok && qi_options_want_json (argc, argv)));
  if (ok && options->help)
    return QI_STATUS_DONE;
  if (ok)
    qi_model_choose_for (&options->paths, QI_TASK_SPLIT, options->strings);
  ok = ok && check_words (&words, options->request, &error) && run (options, &words, &events, cancellable, &error);
  if (!ok && g_cancellable_is_cancelled (cancellable))
    {
      g_clear_error (&error);
      g_cancellable_set_error_if_cancelled (cancellable, &error);
    }
  return ok ? QI_STATUS_DONE : qi_events_error (&events, error);
}
