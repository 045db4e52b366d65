/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato caption: what the text encoder sees in a picture. */
#include "cli/command.h"

#include "base/error.h"
#include "cli/events.h"
#include "cli/options.h"
#include "cli/picture.h"

#define MAX_TOKENS 8192

static gboolean
run (const QiOptions *options, const char *path, gint max_tokens, QiEvents *events, GCancellable *cancellable, GError **error)
{
  g_autoptr (QiImage) image = NULL;
  g_autoptr (QiEngine) engine = NULL;
  g_autoptr (QiCaption) caption = NULL;
  const QiCaptionOptions how = { .max_tokens = (guint) max_tokens };

  if (max_tokens < 0 || max_tokens > MAX_TOKENS)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--max-tokens is %d, and may be 0 to %d.", max_tokens, MAX_TOKENS);
      return FALSE;
    }
  if (!path)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no picture: name one with --image FILE.");
      return FALSE;
    }
  if (!(image = qi_picture_load (path, error))
      || !(engine = qi_engine_open (&options->paths, &options->engine, qi_events_progress, events, cancellable, error))
      || !(caption = qi_engine_caption (engine, image, &how, qi_events_progress, events, cancellable, error)))
    return FALSE;
  qi_events_caption (events, path, caption);
  return TRUE;
}

int
qi_cmd_caption (int argc, char **argv, GCancellable *cancellable)
{
  g_autofree char *image = NULL;
  gint max_tokens = 0;
  g_autoptr (QiOptions) options = qi_options_new ();
  g_autoptr (GError) error = NULL;
  const GOptionEntry own[] = { { "image", 'i', 0, G_OPTION_ARG_FILENAME, &image, "the picture: PNG, JPEG, WebP or TIFF", "FILE" },
                               { "max-tokens", 0, 0, G_OPTION_ARG_INT, &max_tokens,
                                 "how long the reply may be; 0 (default): 512", "N" },
                               { 0 } };
  QiEvents events;
  gboolean ok = qi_options_parse (options, QI_OPTIONS_MODEL,
                                  "Tells what is to be seen in a picture: caption, type, style, watermarks and words.", own, NULL,
                                  argc, argv, &error);

  qi_events_init (&events, options->quiet, options->json || (!ok && qi_options_want_json (argc, argv)));
  if (ok && options->help)
    return QI_STATUS_DONE;
  ok = ok && run (options, image, max_tokens, &events, cancellable, &error);
  if (!ok && g_cancellable_is_cancelled (cancellable))
    {
      g_clear_error (&error);
      g_cancellable_set_error_if_cancelled (cancellable, &error);
    }
  return ok ? QI_STATUS_DONE : qi_events_error (&events, error);
}
