/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/request.h"

#include <string.h>

#include "base/error.h"
#include "base/request-private.h"

#define MAX_PROMPT_BYTES (20 * 1024)
#define MIN_SIDE 16
#define MAX_SIDE 16384

QiRequest *
qi_request_new (void)
{
  QiRequest *request = g_new0 (QiRequest, 1);

  request->quality = QI_QUALITY_BALANCED;
  request->seed = -1;
  request->results = 1;
  request->sampler = g_strdup ("euler");
  request->strength = 1;
  request->layers = 4;
  request->prefill = QI_PREFILL_NEUTRAL;
  request->soft_edge = -1;
  return request;
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
  if (side != 0 && side < MIN_SIDE)
    return bad (error, "%s is %u pixels, and may be %d to %d, or 0 for the model's own.", name, side, MIN_SIDE, MAX_SIDE);
  return TRUE;
}

gboolean
qi_request_check (const QiRequest *request, GError **error)
{
  guint n_fields;
  const QiField *fields = qi_request_fields (&n_fields);

  for (guint i = 0; i < n_fields; i++)
    {
      const char *const *text = (const char *const *) ((const char *) request + fields[i].offset);

      if (fields[i].type == QI_FIELD_STRING ? !check_text (fields[i].name, *text, error)
                                            : !qi_request_check_range (request, &fields[i], error))
        return FALSE;
    }
  if (!check_side ("width", request->width, error) || !check_side ("height", request->height, error))
    return FALSE;
  return qi_sampler_from_name (request->sampler, NULL, error);
}

static const char *const sampler_names[QI_N_SAMPLERS] = {
  [QI_SAMPLER_EULER] = "euler",
  [QI_SAMPLER_HEUN] = "heun",
  [QI_SAMPLER_DPMPP_2M] = "dpmpp-2m",
  [QI_SAMPLER_STOCHASTIC] = "stochastic",
};

const char *
qi_sampler_name (QiSamplerId id)
{
  g_return_val_if_fail ((guint) id < QI_N_SAMPLERS, NULL);

  return sampler_names[id];
}

gboolean
qi_sampler_from_name (const char *name, QiSamplerId *id, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < QI_N_SAMPLERS; i++)
    {
      if (!name || !*name || strcmp (name, sampler_names[i]) == 0)
        {
          if (id)
            *id = (QiSamplerId) i;
          return TRUE;
        }
      g_string_append_printf (names, "%s%s", i == 0 ? "" : i + 1 < QI_N_SAMPLERS ? ", " : " or ", sampler_names[i]);
    }
  return bad (error, "There is no sampler \"%.80s\": it may be %s.", name, names->str);
}
