/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/session-controls.c — the part of the session that holds what the controls say. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/prompt.h"
#include "ui/session-private.h"

/* Anything that a picture depends on became another. */
static void
touched (QiSession *session, guint what)
{
  session->info_stale = TRUE;
  qi_session_changed (session, what | QI_CHANGED_FOOT);
}

const QiRequest *
qi_session_request (QiSession *session)
{
  return session->request;
}

void
qi_session_type (QiSession *session, const char *prompt)
{
  const gboolean was_empty = !session->request->prompt || !*session->request->prompt;

  if (g_strcmp0 (session->request->prompt, prompt) == 0)
    return;
  g_free (session->request->prompt);
  session->request->prompt = g_strdup (prompt);
  session->mode.typed = session->clock ();
  session->recalled = -1;
  if (session->hint && *prompt)
    {
      g_clear_pointer (&session->hint, g_free);
      qi_session_changed (session, QI_CHANGED_HINT);
    }
  /* An empty prompt makes a removal of a fill. */
  qi_session_changed (session, was_empty == !*prompt ? QI_CHANGED_FOOT : QI_CHANGED_FOOT | QI_CHANGED_MODE);
}

void
qi_session_set_prompt (QiSession *session, const char *prompt)
{
  g_free (session->request->prompt);
  session->request->prompt = g_strdup (prompt);
  qi_session_changed (session, QI_CHANGED_PROMPT | QI_CHANGED_FOOT | QI_CHANGED_MODE);
}

gboolean
qi_session_recall (QiSession *session, int direction)
{
  const GPtrArray *prompts = qi_settings_prompts (session->settings);
  const gint to = session->recalled - direction; /* back is up in the list, which begins with the newest */

  if (to < -1 || to >= (gint) prompts->len)
    return FALSE;
  if (session->recalled == -1)
    {
      g_free (session->typed);
      session->typed = g_strdup (session->request->prompt);
    }
  qi_session_set_prompt (session, to == -1 ? session->typed : prompts->pdata[to]);
  session->recalled = to;
  return TRUE;
}

void
qi_session_set_quality (QiSession *session, QiQuality quality)
{
  if (quality == QI_QUALITY_FAST && session->rows->len)
    {
      quality = QI_QUALITY_BALANCED;
      qi_session_hint_for (session, _ ("Fast is not for lettering."), 8);
    }
  session->request->quality = quality;
  qi_settings_set_int (session->settings, "quality", quality);
  touched (session, QI_CHANGED_OPTIONS);
}

gboolean
qi_session_set (QiSession *session, const char *name, const char *value)
{
  const QiField *field = qi_request_field (name);

  g_return_val_if_fail (field, FALSE);
  g_autofree char *before = qi_request_get (session->request, field);
  if (g_strcmp0 (before, value) == 0)
    return TRUE;
  if (!qi_request_set (session->request, field, value, NULL))
    return FALSE;
  if (g_str_equal (name, "results"))
    qi_settings_set_int (session->settings, "results", session->request->results);
  touched (session, QI_CHANGED_OPTIONS | QI_CHANGED_STAGE | QI_CHANGED_MODE);
  return TRUE;
}

/* -- references -------------------------------------------------------------------------------------- */

guint
qi_session_n_references (QiSession *session)
{
  return session->references->len;
}

const QiHostReference *
qi_session_reference (QiSession *session, guint k)
{
  g_return_val_if_fail (k < session->references->len, NULL);
  return session->references->pdata[k];
}

guint
qi_session_reference_number (QiSession *session, guint k)
{
  return k + (session->mode.task == QI_TASK_GENERATE ? 1 : 2);
}

gboolean
qi_session_add_reference (QiSession *session, const QiHostReference *reference)
{
  if (session->references->len >= QI_SESSION_MAX_REFERENCES)
    {
      qi_session_hint_for (session, _ ("There is no room for another picture."), 8);
      return FALSE;
    }
  g_ptr_array_add (session->references, qi_host_reference_copy (reference));
  touched (session, QI_CHANGED_REFERENCES);
  return TRUE;
}

void
qi_session_remove_reference (QiSession *session, guint k)
{
  g_return_if_fail (k < session->references->len);
  g_ptr_array_remove_index (session->references, k);
  touched (session, QI_CHANGED_REFERENCES);
}

/* -- lettering --------------------------------------------------------------------------------------- */

guint
qi_session_n_rows (QiSession *session)
{
  return session->rows->len;
}

const QiSessionRow *
qi_session_row (QiSession *session, guint k)
{
  g_return_val_if_fail (k < session->rows->len, NULL);
  return session->rows->pdata[k];
}

void
qi_session_add_row (QiSession *session, const char *words)
{
  /* The first at the top, the second at the bottom, and so on: seldom right, and never on top of each other. */
  static const guint places[] = { QI_PLACE_TOP, QI_PLACE_BOTTOM, QI_PLACE_CENTER, QI_PLACE_TOP_LEFT,
                                  QI_PLACE_BOTTOM_RIGHT };
  QiSessionRow *row = g_new0 (QiSessionRow, 1);

  row->words = g_strdup (words ? words : "");
  row->style = g_strdup ("");
  row->grid = places[session->rows->len % G_N_ELEMENTS (places)];
  g_ptr_array_add (session->rows, row);
  if (session->request->quality == QI_QUALITY_FAST)
    qi_session_set_quality (session, QI_QUALITY_FAST);
  touched (session, QI_CHANGED_LETTERING | QI_CHANGED_OPTIONS | QI_CHANGED_STAGE | QI_CHANGED_REFERENCES);
}

void
qi_session_remove_row (QiSession *session, guint k)
{
  g_return_if_fail (k < session->rows->len);
  g_ptr_array_remove_index (session->rows, k);
  touched (session, QI_CHANGED_LETTERING | QI_CHANGED_OPTIONS | QI_CHANGED_STAGE | QI_CHANGED_REFERENCES);
}

void
qi_session_set_row (QiSession *session, guint k, const char *words, const char *style)
{
  g_return_if_fail (k < session->rows->len);
  QiSessionRow *row = session->rows->pdata[k];

  if (words)
    {
      g_free (row->words);
      row->words = g_strdup (words);
    }
  if (style)
    {
      g_free (row->style);
      row->style = g_strdup (style);
    }
  touched (session, QI_CHANGED_STAGE);
}

void
qi_session_place_row (QiSession *session, guint k, guint grid, const QiRect *place)
{
  g_return_if_fail (k < session->rows->len && grid < QI_N_PLACES);
  QiSessionRow *row = session->rows->pdata[k];

  row->grid = grid;
  row->place = place ? *place : (QiRect) { 0 };
  touched (session, QI_CHANGED_STAGE);
}

/* "PLACE[, STYLE]: WORDS", line breaks as \n; rows without words are left out. (transfer full); NULL: none */
static char *
rows_as_lettering (QiSession *session)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < session->rows->len; i++)
    {
      const QiSessionRow *row = session->rows->pdata[i];
      if (!*row->words)
        continue;
      if (lines->len)
        g_string_append_c (lines, '\n');
      if (qi_rect_is_empty (&row->place))
        g_string_append (lines, qi_place_name (row->grid));
      else
        g_string_append_printf (lines, "%d %d %d %d", row->place.x, row->place.y, row->place.width, row->place.height);
      g_autofree char *style = g_strdelimit (g_strdup (row->style), ":\n", ' ');
      if (*g_strstrip (style))
        g_string_append_printf (lines, ", %s", style);
      g_autoptr (GString) words = g_string_new (row->words);
      g_string_replace (words, "\n", "\\n", 0);
      g_string_append_printf (lines, ": %s", words->str);
    }
  char *result = lines->len ? g_strdup (lines->str) : NULL;
  g_string_free (lines, TRUE);
  return result;
}

void
qi_session_read_rows (QiSession *session, const char *lettering)
{
  g_autoptr (GPtrArray) rows = qi_lettering_parse_rows (lettering, NULL);

  g_ptr_array_set_size (session->rows, 0);
  for (guint i = 0; rows && i < rows->len; i++)
    {
      const QiLettering *from = rows->pdata[i];
      QiSessionRow *row = g_new0 (QiSessionRow, 1);
      row->words = g_strdup (from->words);
      row->style = g_strdup (from->style ? from->style : "");
      row->grid = from->place;
      if (from->rectangle)
        row->place = (QiRect) { (int) from->x, (int) from->y, MAX (1, (int) from->width), MAX (1, (int) from->height) };
      g_ptr_array_add (session->rows, row);
    }
}

/* -- all of it as an order --------------------------------------------------------------------------- */

QiOrder *
qi_session_order (QiSession *session)
{
  QiOrder *order = g_new0 (QiOrder, 1);
  QiRequest *request = order->request = qi_request_copy (session->request);

  request->task = session->mode.task;
  if (!request->device || !*request->device)
    { /* as chosen in Models and Devices */
      g_free (request->device);
      request->device = qi_settings_get_string (session->settings, "device");
    }
  g_free (request->lettering);
  request->lettering = rows_as_lettering (session);
  if (request->lettering && request->quality == QI_QUALITY_FAST)
    request->quality = QI_QUALITY_BALANCED;
  order->references = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_reference_free);
  if (request->task == QI_TASK_SPLIT)
    { /* of one picture, once */
      g_clear_pointer (&request->lettering, g_free);
      request->results = 1;
    }
  for (guint i = 0; i < session->references->len && request->task != QI_TASK_SPLIT; i++)
    g_ptr_array_add (order->references, qi_host_reference_copy (session->references->pdata[i]));
  order->source = (QiWorkSource) { .image = session->image,
                                   .target = session->view ? session->view->layer.id : QI_HOST_NONE,
                                   .selection_layer = QI_HOST_NONE,
                                   .references = order->references };
  if (session->memory)
    {
      order->source.target = session->memory->target;
      order->source.selection_layer = session->memory->mask_layer;
      order->source.bounds = session->memory->bounds;
      if (request->task == QI_TASK_SPLIT)
        order->source.bounds = (QiRect) { 0 };
      /* The new layer goes above the old one, which stays and must not be part of what the model sees. */
      order->source.above = order->source.except = session->again;
    }
  if (request->task == QI_TASK_EXPAND)
    order->source.bounds = qi_session_settle_growth (session, request);
  return order;
}

char *
qi_order_key (const QiOrder *order)
{
  g_autoptr (GVariant) fields = g_variant_ref_sink (qi_request_to_variant (order->request));
  GString *key = g_string_new (NULL);

  g_variant_print_string (fields, key, TRUE);
  for (guint i = 0; i < order->references->len; i++)
    {
      const QiHostReference *reference = order->references->pdata[i];
      g_string_append_printf (key, "\n%d %d %s", reference->image, reference->layer,
                              reference->path ? reference->path : "");
    }
  return g_string_free (key, FALSE);
}
