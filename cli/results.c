/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/results.h"

#include <string.h>

#include "base/error.h"
#include "cli/picture.h"

char *
qi_results_path (const char *output, guint k, guint n)
{
  gsize stem = strlen (output);

  if (n == 1)
    return g_strdup (output);
  if (stem > 4 && g_ascii_strcasecmp (output + stem - 4, ".png") == 0)
    stem -= 4;
  return g_strdup_printf ("%.*s-%u%s", (int) stem, output, k + 1, output + stem);
}

gboolean
qi_results_check_output (char **output, guint n, GError **error)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  if (!*output)
    *output = g_date_time_format (now, "sfumato-%Y%m%d-%H%M%S.png");

  g_autofree char *name = g_path_get_basename (*output);
  const char *dot = strrchr (name, '.');

  if (dot && dot != name && g_ascii_strcasecmp (dot, ".png") != 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%s is not written: pictures are PNG files, and their name "
                   "ends in .png.", *output);
      return FALSE;
    }
  for (guint k = 0; k < n; k++)
    {
      g_autofree char *path = qi_results_path (*output, k, n);

      if (!qi_picture_check_output (path, error))
        return FALSE;
    }
  return TRUE;
}

/* What made the picture, under the arguments' own names. The model's path is not told, it may name people. */
static QiPictureText *
describe (const QiOptions *options, const QiResult *result, guint k)
{
  const QiRequest *request = options->request;
  const char *model = options->paths.model ? options->paths.model : options->paths.transformer;
  g_autofree char *name = g_path_get_basename (model);
  char guidance[G_ASCII_DTOSTR_BUF_SIZE];
  QiPictureText *text = qi_picture_text_new ();

  qi_picture_text_add (text, "Software", "Sfumato %s", QI_VERSION);
  qi_picture_text_add (text, "prompt", "%s", request->prompt && *request->prompt ? request->prompt : result->prompt);
  if (request->negative_prompt && *request->negative_prompt)
    qi_picture_text_add (text, "negative-prompt", "%s", request->negative_prompt);
  if (request->lettering && *request->lettering)
    qi_picture_text_add (text, "lettering", "%s", request->lettering);
  qi_picture_text_add (text, "seed", "%" G_GINT64_FORMAT, result->seed + k);
  qi_picture_text_add (text, "quality", "%s", qi_quality_name (request->quality));
  qi_picture_text_add (text, "steps", "%u", result->steps);
  qi_picture_text_add (text, "guidance", "%s", g_ascii_formatd (guidance, sizeof guidance, "%.7g", result->guidance));
  qi_picture_text_add (text, "sampler", "%s", request->sampler);
  qi_picture_text_add (text, "model", "%s", name);
  qi_picture_text_add (text, "width", "%u", result->width);
  qi_picture_text_add (text, "height", "%u", result->height);
  qi_picture_text_add (text, "version", "%s", QI_VERSION);
  return text;
}

gboolean
qi_results_save (const QiOptions *options, const QiResult *result, guint k, const QiImage *image, const char *path,
                 QiEvents *events, GError **error)
{
  g_autoptr (QiPictureText) text = describe (options, result, k);

  if (!qi_picture_save (image, path, text, error))
    return FALSE;
  qi_events_result (events, path, result, k);
  return TRUE;
}
