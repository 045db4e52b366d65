/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/env.h"
#include "base/error.h"
#include "models/model-choice.h"

/* What the parser writes. Strings are of its making and go to QiOptions.strings. */
typedef struct
{
  char *prompt, *negative_prompt, *quality, *sampler, *model, *device, *compute, *memory;
  char *transformer, *text_encoder, *vision, *vae, *tokenizer, *scheduler, *config, *variant, *controlnet;
  char **lettering, **loras, **rest;
  gint steps, results, width, height;
  gint64 seed;
  double guidance;
  gboolean help;
} Raw;

QiOptions *
qi_options_new (void)
{
  QiOptions *options = g_new0 (QiOptions, 1);

  options->request = qi_request_new ();
  options->strings = g_ptr_array_new_with_free_func (g_free);
  return options;
}

void
qi_options_free (QiOptions *options)
{
  if (!options)
    return;
  qi_request_free (options->request);
  g_ptr_array_unref (options->strings);
  g_free (options);
}

gboolean
qi_options_want_json (int argc, char **argv)
{
  for (int i = 1; i < argc && strcmp (argv[i], "--") != 0; i++)
    if (strcmp (argv[i], "--json") == 0)
      return TRUE;
  return FALSE;
}

#define TEXT(name, field, help, kind) { name, 0, 0, G_OPTION_ARG_FILENAME, &raw->field, help, kind }

static void
add_request_entries (GOptionContext *context, Raw *raw)
{
  const GOptionEntry entries[] = {
    TEXT ("prompt", prompt, "what to draw (may also stand alone)", "TEXT"),
    TEXT ("negative-prompt", negative_prompt, "what to keep out, used where guidance is above 1", "TEXT"),
    { "lettering", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->lettering,
      "words to be drawn; may be given several times", "PLACE[, STYLE]: WORDS" },
    TEXT ("quality", quality, "fast, balanced (default), best or maximum", "NAME"),
    { "steps", 0, 0, G_OPTION_ARG_INT, &raw->steps, "1 to 200; 0 (default): as quality says", "N" },
    { "guidance", 0, 0, G_OPTION_ARG_DOUBLE, &raw->guidance, "up to 20, 1: one pass; 0 (default): as quality says", "X" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &raw->seed, "0 to 2147483647; -1 (default): drawn anew", "N" },
    { "results", 0, 0, G_OPTION_ARG_INT, &raw->results, "how many pictures, 1 (default) to 8; each adds 1 to the seed", "N" },
    { "width", 0, 0, G_OPTION_ARG_INT, &raw->width, "pixels; 0 (default): the model's own", "N" },
    { "height", 0, 0, G_OPTION_ARG_INT, &raw->height, "pixels; 0 (default): the model's own", "N" },
    TEXT ("sampler", sampler, "euler (default), heun, dpmpp-2m or stochastic", "NAME"),
    { "lora", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->loras, "add-on and its strength; may be given several times",
      "FILE:STRENGTH" },
    { 0 }
  };

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_model_entries (GOptionContext *context, Raw *raw)
{
  const GOptionEntry entries[] = {
    TEXT ("model", model, "file or folder of the model, or the name of a configured set", "PATH"),
    TEXT ("transformer", transformer, "the diffusion transformer, where it lies apart", "PATH"),
    TEXT ("text-encoder", text_encoder, "the text encoder, where it lies apart", "PATH"),
    TEXT ("vision", vision, "the vision tower, where it lies apart", "PATH"),
    TEXT ("vae", vae, "the VAE, where it lies apart", "PATH"),
    TEXT ("tokenizer", tokenizer, "tokenizer.json, or a folder with it", "PATH"),
    TEXT ("scheduler", scheduler, "scheduler_config.json, or a folder with it", "PATH"),
    TEXT ("config", config, "folder of the diffusers layout with the configurations", "FOLDER"),
    TEXT ("controlnet", controlnet, "a ControlNet that goes with the transformer", "PATH"),
    TEXT ("variant", variant, "which model this is, where it cannot be told", "NAME"),
    TEXT ("device", device, "name or UUID prefix of the GPU, or cpu; default: the fastest", "NAME"),
    TEXT ("memory", memory, "device memory to use, such as 6G; default: 90 % of what is free", "BYTES"),
    TEXT ("compute", compute, "f32, f16 or auto (default): precision of products", "TYPE"),
    { 0 }
  };

  g_option_context_add_main_entries (context, entries, NULL);
}

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

/* A count into an unsigned field; the upper bounds are the request's business. */
static gboolean
take_count (const char *name, gint value, guint *field, GError **error)
{
  if (value < 0)
    return bad (error, "--%s is %d, and may not be below 0.", name, value);
  *field = (guint) value;
  return TRUE;
}

static gboolean
fill_request (QiRequest *request, Raw *raw, GError **error)
{
  const char *const *rest = (const char *const *) raw->rest;

  if (rest && rest[0] && (rest[1] || raw->prompt))
    return bad (error, "There is more than one prompt (\"%s\"): put a prompt of several words in quotes.",
                rest[1] ? rest[1] : rest[0]);
  request->prompt = g_strdup (rest && rest[0] ? rest[0] : raw->prompt);
  request->negative_prompt = g_strdup (raw->negative_prompt);
  request->lettering = raw->lettering ? g_strjoinv ("\n", raw->lettering) : NULL;
  request->loras = raw->loras ? g_strjoinv ("\n", raw->loras) : NULL;
  request->model = g_strdup (raw->model);
  request->device = g_strdup (raw->device);
  if (raw->sampler)
    {
      g_free (request->sampler);
      request->sampler = g_strdup (raw->sampler);
    }
  if (raw->quality && !qi_quality_from_name (raw->quality, &request->quality))
    return bad (error, "--quality is \"%s\", and may be fast, balanced, best or maximum.", raw->quality);
  for (guint i = 0; raw->lettering && raw->lettering[i]; i++)
    if (strchr (raw->lettering[i], '\n'))
      return bad (error, "--lettering is one row: write \\n for a line break, and --lettering again for another row.");
  request->seed = raw->seed;
  request->guidance = raw->guidance;
  return take_count ("steps", raw->steps, &request->steps, error)
         && take_count ("results", raw->results, &request->results, error)
         && take_count ("width", raw->width, &request->width, error)
         && take_count ("height", raw->height, &request->height, error)
         && qi_request_check (request, error);
}

static gboolean
fill_model (QiOptions *options, const Raw *raw, gboolean optional, GError **error)
{
  static const char *const computes[] = { "f32", "f16", "auto" };
  gboolean known = raw->compute == NULL;

  options->paths = (QiModelPaths){ .model = raw->model,
                                   .transformer = raw->transformer,
                                   .text_encoder = raw->text_encoder,
                                   .vision = raw->vision,
                                   .vae = raw->vae,
                                   .tokenizer = raw->tokenizer,
                                   .scheduler = raw->scheduler,
                                   .config = raw->config,
                                   .controlnet = raw->controlnet,
                                   .variant = raw->variant };
  options->engine.device = raw->device && *raw->device ? raw->device : qi_env_device ();
  options->engine.validate = qi_env_validate ();
  options->engine.profile = qi_env_profile ();
  options->engine.compute = raw->compute;
  options->engine.memory_budget = qi_env_memory_limit ();
  for (guint i = 0; !known && i < G_N_ELEMENTS (computes); i++)
    known = strcmp (raw->compute, computes[i]) == 0;
  if (!known)
    return bad (error, "--compute is \"%s\", and may be f32, f16 or auto.", raw->compute);
  if (raw->memory && !qi_parse_bytes (raw->memory, &options->engine.memory_budget))
    return bad (error, "--memory is \"%s\", and may be a number of bytes such as 512M or 8G.", raw->memory);
  if (optional && !raw->model && !raw->transformer)
    return TRUE;
  return qi_model_choose (&options->paths, options->strings, error);
}

/* The parser's strings live as long as the options. */
static void
keep_strings (QiOptions *options, Raw *raw)
{
  char *const texts[] = { raw->prompt,       raw->negative_prompt, raw->quality, raw->sampler, raw->model,
                          raw->device,       raw->compute,         raw->memory,  raw->transformer,
                          raw->text_encoder, raw->vision,          raw->vae,     raw->tokenizer,
                          raw->scheduler,    raw->config,          raw->variant, raw->controlnet };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i])
      g_ptr_array_add (options->strings, texts[i]);
}

gboolean
qi_options_parse (QiOptions *options, QiOptionSets sets, const char *summary, const GOptionEntry *own, char **rest,
                  int argc, char **argv, GError **error)
{
  Raw raw = { .seed = -1, .results = 1 };
  const GOptionEntry common[] = {
    { "quiet", 0, 0, G_OPTION_ARG_NONE, &options->quiet, "no progress", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "one JSON line per event on standard output", NULL },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &raw.help, "this text", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.rest, NULL, NULL },
    { 0 }
  };
  g_autofree char *title = g_strdup_printf ("sfumato %s", argv[0]);
  g_autoptr (GOptionContext) context = g_option_context_new (sets & QI_OPTIONS_REQUEST ? "[PROMPT]" : NULL);

  g_set_prgname (title); /* the usage line begins with it */
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_summary (context, summary);
  if (sets & QI_OPTIONS_REQUEST)
    add_request_entries (context, &raw);
  g_option_context_add_main_entries (context, own, NULL);
  if (sets & QI_OPTIONS_MODEL)
    add_model_entries (context, &raw);
  g_option_context_add_main_entries (context, common, NULL);

  /* The parser takes out what it has read; the caller's array stays whole. */
  g_autofree char **words = g_memdup2 (argv, ((gsize) argc + 1) * sizeof *argv);
  int n_words = argc;
  char **left = words;
  gboolean ok = g_option_context_parse (context, &n_words, &left, error);

  keep_strings (options, &raw);
  options->help = raw.help;
  if (ok && raw.help)
    {
      g_autofree char *text = g_option_context_get_help (context, TRUE, NULL);

      fputs (text, stdout);
    }
  else if (ok)
    {
      if (raw.rest && raw.rest[0] && !rest && !(sets & QI_OPTIONS_REQUEST))
        ok = bad (error, "\"%s\" is no option of this command: see sfumato %s --help.", raw.rest[0], argv[0]);
      ok = ok && (!(sets & QI_OPTIONS_REQUEST) || fill_request (options->request, &raw, error))
           && (!(sets & QI_OPTIONS_MODEL) || fill_model (options, &raw, sets & QI_OPTIONS_MODEL_OPTIONAL, error));
    }
  if (ok && rest && raw.rest)
    *rest = g_strdup (raw.rest[0]);
  g_strfreev (raw.lettering);
  g_strfreev (raw.loras);
  g_strfreev (raw.rest);
  return ok;
}
