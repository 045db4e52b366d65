/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato generate: a picture from words, and from pictures that a model looks at. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/events.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/picture.h"
#include "cli/results.h"
#include "cli/tensor-file.h"
#include "models/model-choice.h"

typedef struct
{
  char *output, *init_latents, *save_latents;
  char **images; /* NULL: none */
} Files;

static void
files_clear (Files *files)
{
  g_free (files->output);
  g_free (files->init_latents);
  g_free (files->save_latents);
  g_strfreev (files->images);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Files, files_clear)

/* Whatever can be known to fail at the end is found out before the long work. */
static gboolean
check_files (Files *files, const QiRequest *request, GError **error)
{
  const guint n = files->images ? g_strv_length (files->images) : 0;

  if (n > QI_MAX_PICTURES)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%u pictures are given; at most %d can be used.", n, QI_MAX_PICTURES);
      return FALSE;
    }
  if (!qi_results_check_output (&files->output, request->results, error))
    return FALSE;
  if (files->save_latents && !qi_picture_check_output (files->save_latents, error))
    return FALSE;
  return TRUE;
}

/* values stays alive as long as latents is used. */
static gboolean
load_latents (const char *path, QiLatents *latents, float **values, GError **error)
{
  g_autoptr (QiTensorFile) file = qi_tensor_file_read (path, error);
  const QiTensorEntry *entry = file ? qi_tensor_file_find (file, "latents") : NULL;

  if (!file)
    return FALSE;
  if (!entry || strcmp (entry->dtype, "F32") != 0 || entry->n_dims != 4)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s holds no start latents: they are a tensor \"latents\", "
                   "F32 [results, 16, height / 8, width / 8].", path);
      return FALSE;
    }
  *values = qi_tensor_entry_floats (entry, error);
  latents->values = *values;
  memcpy (latents->dims, entry->dims, sizeof latents->dims);
  return *values != NULL;
}

static gboolean
save_latents (const char *path, const QiResult *result, GError **error)
{
  g_autoptr (QiTensorFile) file = qi_tensor_file_new ();

  qi_tensor_file_add (file, "latents", "F32", 4, result->latent_dims, result->latents);
  return qi_tensor_file_write (file, path, error);
}

static gboolean
save_results (const QiOptions *options, const Files *files, const QiResult *result, QiEvents *events, GError **error)
{
  const guint n = result->images->len;

  for (guint k = 0; k < n; k++)
    {
      g_autofree char *path = qi_results_path (files->output, k, n);

      if (!qi_results_save (options, result, k, g_ptr_array_index (result->images, k), path, events, error))
        return FALSE;
    }
  return !files->save_latents || save_latents (files->save_latents, result, error);
}

/* Picture 1, 2, … of the prompt. (transfer full) */
static GPtrArray *
load_pictures (const Files *files, GError **error)
{
  g_autoptr (GPtrArray) pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);

  for (guint i = 0; files->images && files->images[i]; i++)
    {
      QiImage *picture = qi_picture_load (files->images[i], error);

      if (!picture)
        return NULL;
      g_ptr_array_add (pictures, picture);
    }
  return g_steal_pointer (&pictures);
}

static gboolean
generate (const QiOptions *options, const Files *files, QiEvents *events, GCancellable *cancellable, GError **error)
{
  g_autofree float *values = NULL;
  g_autoptr (GPtrArray) pictures = load_pictures (files, error);
  QiLatents latents = { 0 };

  if (!pictures || (files->init_latents && !load_latents (files->init_latents, &latents, &values, error)))
    return FALSE;

  g_autoptr (QiEngine) engine = qi_engine_open (&options->paths, &options->engine, qi_events_progress, events,
                                                cancellable, error);

  if (!engine)
    return FALSE;

  const QiInputs inputs = { .pictures = (QiImage **) pictures->pdata, .n_pictures = pictures->len,
                            .latents = values ? &latents : NULL };
  g_autoptr (QiResult) result = qi_engine_generate (engine, options->request, &inputs, files->save_latents != NULL,
                                                    qi_events_progress, events, cancellable, error);

  if (!result)
    return FALSE;
  if (!qi_interrupt_hold ())
    return !g_cancellable_set_error_if_cancelled (cancellable, error);

  const gboolean ok = save_results (options, files, result, events, error);

  qi_interrupt_release ();
  return ok;
}

int
qi_cmd_generate (int argc, char **argv, GCancellable *cancellable)
{
  g_auto (Files) files = { 0 };
  g_autoptr (QiOptions) options = qi_options_new ();
  g_autoptr (GError) error = NULL;
  const GOptionEntry own[] = {
    { "image", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &files.images,
      "a picture that the prompt speaks of, Picture 1; further ones are Picture 2, 3, ...", "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &files.output,
      "where the picture goes; several are FILE-1.png, ... (default: a name with the time)", "FILE.png" },
    { "init-latents", 0, 0, G_OPTION_ARG_FILENAME, &files.init_latents, "start from these, not from the seed's noise",
      "FILE.safetensors" },
    { "save-latents", 0, 0, G_OPTION_ARG_FILENAME, &files.save_latents, "keep the noise that was started from",
      "FILE.safetensors" },
    { 0 }
  };
  QiEvents events;
  gboolean ok = qi_options_parse (options, QI_OPTIONS_MODEL | QI_OPTIONS_REQUEST,
                                  "Makes a picture from words.", own, NULL, argc, argv, &error);

  qi_events_init (&events, options->quiet, options->json || (!ok && qi_options_want_json (argc, argv)));
  if (ok && options->help)
    return QI_STATUS_DONE;
  if (ok && !options->quiet && qi_model_is_demo (&options->paths))
    fprintf (stderr, "sfumato: no model is configured: %s.\n", QI_DEMO_MODEL_SENTENCE);
  ok = ok && check_files (&files, options->request, &error)
       && generate (options, &files, &events, cancellable, &error);
  if (!ok && g_cancellable_is_cancelled (cancellable))
    {
      g_clear_error (&error);
      g_cancellable_set_error_if_cancelled (cancellable, &error);
    }
  return ok ? QI_STATUS_DONE : qi_events_error (&events, error);
}
