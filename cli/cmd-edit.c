/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato edit, fill: a picture changed as the words say, or drawn anew where a mask says. What stays is the picture's own,
 * byte by byte. */
#include "cli/command.h"

#include <string.h>

#include "base/error.h"
#include "cli/events.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/picture.h"
#include "cli/results.h"
#include "compose/blend.h"
#include "compose/job.h"
#include "compose/pixels.h"

/* What the two commands have beside the shared arguments. */
typedef struct
{
  char **images;
  char *output, *mask, *control;
  char *frame, *soft_edge, *strength, *prefill;
} Words;

/* The pictures of a run. */
typedef struct
{
  QiImage *pictures[QI_MAX_PICTURES]; /* the first is the one that is changed */
  guint n_pictures;
  QiImage *selection, *control; /* may be NULL */
  QiRect selected;              /* bounds of selection */
} Material;

static void
words_clear (Words *words)
{
  char *const texts[] = { words->output,    words->mask,     words->control, words->frame,
                          words->soft_edge, words->strength, words->prefill };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_strfreev (words->images);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

static void
material_clear (Material *material)
{
  for (guint i = 0; i < material->n_pictures; i++)
    g_clear_pointer (&material->pictures[i], qi_image_unref);
  g_clear_pointer (&material->selection, qi_image_unref);
  g_clear_pointer (&material->control, qi_image_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Material, material_clear)

static gboolean
bad (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
bad (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, text);
  return FALSE;
}

/* -- the command line ------------------------------------------------------------------------------ */

static gboolean
fill_request (const Words *words, QiTask task, QiRequest *request, GError **error)
{
  const struct
  {
    const char *name, *value;
  } fields[] = { { "frame", words->frame },
                 { "soft-edge", words->soft_edge },
                 { "strength", words->strength },
                 { "prefill", words->prefill } };

  request->task = task;
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (fields[i].value && !qi_request_set (request, qi_request_field (fields[i].name), fields[i].value, error))
      return FALSE;
  return qi_request_check (request, error);
}

static gboolean
check_words (const Words *words, QiTask task, GError **error)
{
  const guint n = words->images ? g_strv_length (words->images) : 0;

  if (n == 0)
    return bad (error, "There is no picture to %s: name one with --image FILE.", qi_task_name (task));
  if (n > QI_MAX_PICTURES)
    return bad (error, "%u pictures are given; at most %d can be used.", n, QI_MAX_PICTURES);
  if (task == QI_TASK_FILL && !words->mask)
    return bad (error, "There is no mask that says where to draw: name one with --mask FILE, white where it is filled.");
  return TRUE;
}

/* -- pictures -------------------------------------------------------------------------------------- */

/* Bounds of what is selected at all. */
static QiRect
bounds_of (const QiImage *selection)
{
  const int width = (int) qi_image_width (selection), height = (int) qi_image_height (selection);
  int x0 = width, y0 = height, x1 = 0, y1 = 0;

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      if (qi_image_row (selection, (guint) y)[x])
        {
          x0 = MIN (x0, x);
          x1 = MAX (x1, x + 1);
          y0 = MIN (y0, y);
          y1 = MAX (y1, y + 1);
        }
  return (QiRect){ x0, y0, x1 - x0, y1 - y0 };
}

static gboolean
take_selection (Material *material, QiImage *selection, GError **error)
{
  const QiImage *picture = material->pictures[0];

  material->selection = selection;
  material->selected = bounds_of (selection);
  if (qi_image_width (selection) != qi_image_width (picture) || qi_image_height (selection) != qi_image_height (picture))
    return bad (error, "The mask has %u × %u pixels, the picture %u × %u; they must be equal.", qi_image_width (selection),
                qi_image_height (selection), qi_image_width (picture), qi_image_height (picture));
  if (qi_rect_is_empty (&material->selected))
    return bad (error, "The mask is black all over: nothing is selected.");
  return TRUE;
}

static gboolean
load_pictures (const Words *words, Material *material, GError **error)
{
  for (guint i = 0; words->images[i]; i++)
    {
      if (!(material->pictures[i] = qi_picture_load (words->images[i], error)))
        return FALSE;
      material->n_pictures = i + 1;
    }
  if (words->control && !(material->control = qi_picture_load (words->control, error)))
    return FALSE;
  if (!words->mask)
    return TRUE;

  g_autoptr (QiImage) mask = qi_picture_load (words->mask, error);

  return mask && take_selection (material, qi_pixels_convert (mask, 1), error);
}

/* -- the run --------------------------------------------------------------------------------------- */

/* Which part of the picture the model sees, and how. */
static QiCompose *
prepare (const QiRequest *request, const QiModelSet *set, const Material *material, GError **error)
{
  const QiImage *picture = material->pictures[0];
  const QiRect canvas = { 0, 0, (int) qi_image_width (picture), (int) qi_image_height (picture) };
  const QiModelSizes sizes = qi_model_sizes (set->width, set->height, 16);
  QiFrame frame;

  if (!qi_frame_plan (request, &canvas, &canvas, material->selection ? &material->selected : NULL, &sizes, &frame, error))
    return NULL;

  g_autoptr (QiImage) crop = qi_pixels_crop (picture, &frame.frame);
  g_autoptr (QiImage) selection = material->selection ? qi_pixels_crop (material->selection, &frame.frame) : NULL;

  return qi_compose_prepare (request, &frame, crop, selection, error);
}

/* A result back into the picture. */
static gboolean
save_one (const QiOptions *options, const Words *words, const Material *material, const QiCompose *compose,
          const QiResult *result, guint k, QiEvents *events, GError **error)
{
  g_autofree char *path = qi_results_path (words->output, k, result->images->len);
  g_autoptr (QiPatch) patch = qi_compose_finish (compose, g_ptr_array_index (result->images, k), error);

  if (!patch)
    return FALSE;
  if (patch->moved_too_far)
    g_warning ("The model moved the picture by %.0f pixels, more than can be put right; look at the edges of the change.",
               patch->moved_px);

  g_autoptr (QiImage) image = qi_blend_onto (material->pictures[0], patch->pixels, patch->mask, patch->x, patch->y);

  return qi_results_save (options, result, k, image, path, events, error);
}

static gboolean
run (const QiOptions *options, const Words *words, const Material *material, QiEvents *events, GCancellable *cancellable,
     GError **error)
{
  g_autoptr (QiEngine) engine = qi_engine_open (&options->paths, &options->engine, qi_events_progress, events,
                                                cancellable, error);
  g_autoptr (QiCompose) compose = engine ? prepare (options->request, qi_engine_model_set (engine), material, error) : NULL;
  const gboolean fills = options->request->task == QI_TASK_FILL;
  QiImage *pictures[QI_MAX_PICTURES];

  if (!compose)
    return FALSE;
  memcpy (pictures, material->pictures, sizeof pictures);
  pictures[0] = compose->picture;

  const QiInputs inputs = { .pictures = pictures, .n_pictures = material->n_pictures,
                            .mask = fills ? compose->mask : NULL, .control = material->control };

  if (!qi_events_plan (events, engine, options->request, &inputs, error))
    return FALSE;

  g_autoptr (QiResult) result = qi_engine_generate (engine, options->request, &inputs, FALSE, qi_events_progress, events,
                                                    cancellable, error);
  gboolean ok = TRUE;

  if (!result)
    return FALSE;
  if (!qi_interrupt_hold ())
    return !g_cancellable_set_error_if_cancelled (cancellable, error);
  for (guint k = 0; ok && k < result->images->len; k++)
    ok = save_one (options, words, material, compose, result, k, events, error);
  qi_interrupt_release ();
  return ok;
}

/* -- commands -------------------------------------------------------------------------------------- */

static gboolean
work (QiOptions *options, Words *words, QiTask task, QiEvents *events, GCancellable *cancellable, GError **error)
{
  g_auto (Material) material = { 0 };

  return fill_request (words, task, options->request, error) && check_words (words, task, error)
         && qi_results_check_output (&words->output, options->request->results, error)
         && load_pictures (words, &material, error)
         && run (options, words, &material, events, cancellable, error);
}

#define WORD(name, field, help, kind) { name, 0, 0, G_OPTION_ARG_FILENAME, &words->field, help, kind }

/* The entries of one task, of which there are at most so many. */
#define MAX_ENTRIES 10

static void
fill_entries (GOptionEntry *entries, QiTask task, Words *words)
{
  const GOptionEntry all[] = {
    { "image", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &words->images,
      "the picture; further ones are Picture 2, 3, ... of the prompt", "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &words->output,
      "where the picture goes; several are FILE-1.png, ... (default: a name with the time)", "FILE.png" },
    WORD ("frame", frame, "what the model sees: auto (default), tight, wide, layer, or X Y W H in pixels", "FRAME"),
    WORD ("soft-edge", soft_edge, "pixels over which the change fades; -1 (default): automatic", "N"),
  };
  const GOptionEntry edit[] = { WORD ("mask", mask, "white where the picture may change", "FILE"),
                                WORD ("strength", strength, "of a model that does not look at pictures: how much is drawn anew", "X") };
  const GOptionEntry fill[] = { WORD ("mask", mask, "white where it is drawn", "FILE"),
                                WORD ("strength", strength, "0 to 1 (default): below 1 something of the original stays", "X"),
                                WORD ("prefill", prefill, "what stands there before: keep, neutral (default), blur, border, noise", "NAME"),
                                WORD ("control", control, "a picture for the ControlNet", "FILE") };
  const GOptionEntry *own = task == QI_TASK_EDIT ? edit : fill;
  const guint n_own = task == QI_TASK_EDIT ? G_N_ELEMENTS (edit) : G_N_ELEMENTS (fill);

  G_STATIC_ASSERT (G_N_ELEMENTS (all) + G_N_ELEMENTS (fill) < MAX_ENTRIES);
  memcpy (entries, all, sizeof all);
  memcpy (entries + G_N_ELEMENTS (all), own, n_own * sizeof *own);
}

static int
run_command (QiTask task, const char *summary, int argc, char **argv, GCancellable *cancellable)
{
  g_auto (Words) words = { 0 };
  g_autoptr (QiOptions) options = qi_options_new ();
  g_autoptr (GError) error = NULL;
  GOptionEntry entries[MAX_ENTRIES] = { 0 };
  QiEvents events;
  gboolean ok;

  fill_entries (entries, task, &words);
  ok = qi_options_parse (options, QI_OPTIONS_MODEL | QI_OPTIONS_REQUEST, summary, entries, NULL, argc, argv, &error);
  qi_events_init (&events, options->quiet, options->json || (!ok && qi_options_want_json (argc, argv)));
  if (ok && options->help)
    return QI_STATUS_DONE;
  ok = ok && work (options, &words, task, &events, cancellable, &error);
  if (!ok && g_cancellable_is_cancelled (cancellable))
    {
      g_clear_error (&error);
      g_cancellable_set_error_if_cancelled (cancellable, &error);
    }
  return ok ? QI_STATUS_DONE : qi_events_error (&events, error);
}

int
qi_cmd_edit (int argc, char **argv, GCancellable *cancellable)
{
  return run_command (QI_TASK_EDIT, "Changes a picture, or its part under a mask, as the words say.", argc, argv, cancellable);
}

int
qi_cmd_fill (int argc, char **argv, GCancellable *cancellable)
{
  return run_command (QI_TASK_FILL, "Draws the words where a mask is white; without words it removes what is there.", argc,
                      argv, cancellable);
}
