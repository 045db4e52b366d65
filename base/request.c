/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/request.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define MAX_PROMPT_BYTES (20 * 1024)
#define MAX_STEPS 200
#define MAX_GUIDANCE 20.0
#define MAX_RESULTS 8
#define MIN_SIDE 16
#define MAX_SIDE 16384

static const char *const quality_names[] = { "fast", "balanced", "best", "maximum" };

QiRequest *
qi_request_new (void)
{
  QiRequest *request = g_new0 (QiRequest, 1);

  request->quality = QI_QUALITY_BALANCED;
  request->seed = -1;
  request->results = 1;
  request->sampler = g_strdup ("euler");
  return request;
}

void
qi_request_free (QiRequest *request)
{
  if (!request)
    return;
  g_free (request->prompt);
  g_free (request->negative_prompt);
  g_free (request->lettering);
  g_free (request->sampler);
  g_free (request->model);
  g_free (request->loras);
  g_free (request->device);
  g_free (request);
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

static gboolean
check_text (const char *name, const char *text, GError **error)
{
  const gsize n = text ? strlen (text) : 0;
  const char *end = NULL;

  if (n > MAX_PROMPT_BYTES)
    return bad (error, "%s is %" G_GSIZE_FORMAT " bytes long, and may have %d: shorten it.", name, n, MAX_PROMPT_BYTES);
  if (n && !g_utf8_validate (text, (gssize) n, &end))
    return bad (error, "%s is not UTF-8 from byte %d on: save or type it as UTF-8.", name, (int) (end - text));
  return TRUE;
}

static gboolean
check_side (const char *name, guint side, GError **error)
{
  if (side != 0 && (side < MIN_SIDE || side > MAX_SIDE))
    return bad (error, "%s is %u pixels, and may be %d to %d, or 0 for the model's own.", name, side, MIN_SIDE, MAX_SIDE);
  return TRUE;
}

static gboolean
check_numbers (const QiRequest *request, GError **error)
{
  if ((guint) request->quality >= G_N_ELEMENTS (quality_names))
    return bad (error, "quality may be fast, balanced, best or maximum, not number %d.", (int) request->quality);
  if (request->steps > MAX_STEPS)
    return bad (error, "steps is %u, and may be 1 to %d, or 0 for what quality says.", request->steps, MAX_STEPS);
  if (!isfinite (request->guidance) || request->guidance < 0 || request->guidance > MAX_GUIDANCE)
    return bad (error, "guidance is %g, and may be 0 (what quality says) to %g.", request->guidance, MAX_GUIDANCE);
  if (request->seed < -1 || request->seed > G_MAXINT32)
    return bad (error, "seed is %" G_GINT64_FORMAT ", and may be 0 to %d, or -1 to have one drawn.", request->seed,
                G_MAXINT32);
  if (request->results < 1 || request->results > MAX_RESULTS)
    return bad (error, "results is %u, and may be 1 to %d.", request->results, MAX_RESULTS);
  return TRUE;
}

gboolean
qi_request_check (const QiRequest *request, GError **error)
{
  if (!check_text ("prompt", request->prompt, error)
      || !check_text ("negative-prompt", request->negative_prompt, error)
      || !check_text ("lettering", request->lettering, error)
      || !check_numbers (request, error)
      || !check_side ("width", request->width, error)
      || !check_side ("height", request->height, error))
    return FALSE;
  if (request->sampler && *request->sampler && strcmp (request->sampler, "euler") != 0)
    return bad (error, "There is no sampler \"%s\": it may be euler.", request->sampler);
  return TRUE;
}

const char *
qi_quality_name (QiQuality quality)
{
  g_return_val_if_fail ((guint) quality < G_N_ELEMENTS (quality_names), NULL);

  return quality_names[quality];
}

gboolean
qi_quality_from_name (const char *name, QiQuality *quality)
{
  for (guint i = 0; i < G_N_ELEMENTS (quality_names); i++)
    if (name && strcmp (name, quality_names[i]) == 0)
      {
        *quality = (QiQuality) i;
        return TRUE;
      }
  return FALSE;
}
