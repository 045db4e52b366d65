/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/stub.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/error.h"

#define MAX_MS 600000
#define N_NUMBERS 3

static gboolean
stage_from_name (const char *name, QiStage first, QiStage last, QiStage *stage)
{
  for (QiStage i = first; name && i <= last; i++)
    if (strcmp (name, qi_stage_name (i)) == 0)
      {
        *stage = i;
        return TRUE;
      }
  return FALSE;
}

/* "R,G,B": at least n_least and at most three finite numbers from min to max; those missing stay as they are. */
static gboolean
parse_numbers (const char *text, guint n_least, double min, double max, double *numbers)
{
  g_auto (GStrv) words = g_strsplit (text ? text : "", ",", 0);
  const guint n = g_strv_length (words);

  if (n < n_least || n > N_NUMBERS)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      char *end = NULL;

      numbers[i] = g_ascii_strtod (g_strstrip (words[i]), &end);
      if (end == words[i] || *end || !(numbers[i] >= min && numbers[i] <= max))
        return FALSE;
    }
  return TRUE;
}

/* 1.03 is a factor, 3 and 0.03 are what is added to one, in per cent and as it is. */
static double
zoom_of (double value)
{
  if (value > 2 || value < -0.5)
    return 1 + value / 100;
  return value < 0.5 ? 1 + value : value;
}

static gboolean
parse_shift (const char *text, QiStub *stub)
{
  double numbers[N_NUMBERS] = { 0, 0, 1 };

  if (!parse_numbers (text, 2, -4096, 4096, numbers))
    return FALSE;
  stub->shift = TRUE;
  stub->dx = numbers[0];
  stub->dy = numbers[1];
  stub->zoom = zoom_of (numbers[2]);
  return stub->zoom >= 0.1 && stub->zoom <= 10;
}

static gboolean
parse_slow (const char *text, QiStub *stub)
{
  g_auto (GStrv) words = g_strsplit (text ? text : "", ":", 2);
  guint64 ms = 0;
  QiStage stage;

  if (!words[0] || !g_ascii_string_to_unsigned (words[0], 10, 0, MAX_MS, &ms, NULL))
    return FALSE;
  if (!words[1] || strcmp (words[1], qi_stage_name (QI_STAGE_DENOISE)) == 0)
    stub->step_ms = (guint) ms;
  else if (stage_from_name (words[1], QI_STAGE_LOAD, QI_STAGE_PASTE, &stage))
    stub->stage_ms[stage] = (guint) ms;
  else
    return FALSE;
  return TRUE;
}

static gboolean
parse_fill (const char *text, QiStub *stub)
{
  double numbers[N_NUMBERS];

  if (!parse_numbers (text, 3, 0, 255, numbers))
    return FALSE;
  for (guint i = 0; i < N_NUMBERS; i++)
    stub->color[i] = (guint8) lround (numbers[i]);
  return TRUE;
}

static gboolean
parse_word (const char *word, QiStub *stub)
{
  g_auto (GStrv) parts = g_strsplit (word, ":", 2);
  const char *name = parts[0], *value = parts[1];
  QiStage stage;

  if (strcmp (name, "shift") == 0)
    return parse_shift (value, stub);
  if (strcmp (name, "slow") == 0)
    return parse_slow (value, stub);
  if (strcmp (name, "cast") == 0)
    return (stub->cast = parse_numbers (value, 3, 0, 255, stub->channel));
  if (strcmp (name, "fail") == 0 || strcmp (name, "die") == 0)
    {
      if (!stage_from_name (value, QI_STAGE_LOAD, QI_STAGE_DECODE, &stage))
        return FALSE;
      (*name == 'f' ? stub->fail : stub->die)[stage] = TRUE;
      return TRUE;
    }
  if (strcmp (name, "stack") == 0)
    return (stub->stack = !value);
  stub->draws = TRUE;
  if (strcmp (name, "fill") == 0)
    {
      stub->draw = QI_STUB_FILL;
      return parse_fill (value, stub);
    }
  stub->draw = strcmp (name, "seed") == 0 ? QI_STUB_SEED : QI_STUB_COPY;
  return !value && (stub->draw == QI_STUB_SEED || strcmp (name, "copy") == 0);
}

gboolean
qi_stub_parse (const char *text, QiStub *stub, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text ? text : "", ";", 0);

  *stub = (QiStub){ .zoom = 1 };
  for (guint i = 0; words[i]; i++)
    {
      if (!*g_strstrip (words[i]))
        continue;
      if (!parse_word (words[i], stub))
        {
          g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "QI_STUB has “%.80s”, which is none of copy, fill:R,G,B, seed, "
                       "shift:DX,DY,ZOOM, cast:R,G,B, stack, slow:MS[:STAGE], fail:STAGE and die:STAGE.", words[i]);
          *stub = (QiStub){ .zoom = 1 };
          return FALSE;
        }
      stub->active = TRUE;
    }
  return TRUE;
}

const QiStub *
qi_stub_get (void)
{
  static QiStub stub;
  static gsize once;

  if (g_once_init_enter (&once))
    {
#ifdef QI_STUBS
      qi_stub_parse (qi_env_stub (), &stub, NULL);
#endif
      g_once_init_leave (&once, 1);
    }
  return &stub;
}

gboolean
qi_stub_wants_crop (const QiStub *stub)
{
  return stub->active && (!stub->draws || stub->draw == QI_STUB_COPY);
}
