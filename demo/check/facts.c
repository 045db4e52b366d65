/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/facts.h"

#include <string.h>

#include <gio/gio.h>
#include <yyjson.h>

#include "demo/check/palette.h"
#include "demo/check/shapes.h"

static const char *const sizes[] = { "small", "medium", "large" };
static const char *const places[] = { "top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right" };

/* The row of value in table; -1 when absent; *unknown is set when it is there and not in the table. */
static int
find (yyjson_val *object, const char *key, const char *const *table, guint n, gboolean *unknown)
{
  const char *value = yyjson_get_str (yyjson_obj_get (object, key));

  for (guint i = 0; value && i < n; i++)
    if (strcmp (table[i], value) == 0)
      return (int) i;
  *unknown |= value != NULL;
  return -1;
}

static int
find_colour (yyjson_val *value, gboolean *unknown)
{
  const char *name = yyjson_get_str (value);
  const int colour = name ? check_colour_by_name (name) : -1;

  *unknown |= name && colour < 0;
  return colour;
}

static gboolean
take (CheckFacts *f, yyjson_val *root)
{
  yyjson_val *ground = yyjson_obj_get (root, "background"), *colours = yyjson_obj_get (ground, "colours");
  const char *ground_kind = yyjson_get_str (yyjson_obj_get (ground, "kind")), *relation = yyjson_get_str (yyjson_obj_get (root, "relation"));
  gboolean unknown = !yyjson_is_obj (root);
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (root, "items"));

  f->prompt = g_strdup (yyjson_get_str (yyjson_obj_get (root, "prompt")));
  f->kind = g_strdup (yyjson_get_str (yyjson_obj_get (root, "kind")));
  f->relation = g_strdup (relation);
  f->gradient = g_strcmp0 (ground_kind, "gradient") == 0;
  f->exact = yyjson_get_bool (yyjson_obj_get (root, "exact"));
  f->count = (guint) yyjson_get_uint (yyjson_obj_get (root, "count"));
  for (guint i = 0; i < 2; i++)
    f->ground[i] = find_colour (yyjson_arr_get (colours, i), &unknown);
  for (yyjson_val *v; (v = yyjson_arr_iter_next (&iter)) && f->n_items < CHECK_MAX_THINGS;)
    {
      const char *shape = yyjson_get_str (yyjson_obj_get (v, "shape"));

      f->items[f->n_items++] = (CheckItem){ .shape = shape ? check_shape_by_name (shape) : -1,
                                            .colour = find_colour (yyjson_obj_get (v, "colour"), &unknown),
                                            .size = find (v, "size", sizes, G_N_ELEMENTS (sizes), &unknown),
                                            .place = find (v, "place", places, G_N_ELEMENTS (places), &unknown) };
    }
  iter = yyjson_arr_iter_with (yyjson_obj_get (root, "words"));
  for (yyjson_val *v; (v = yyjson_arr_iter_next (&iter)) && f->n_words < CHECK_MAX_THINGS;)
    {
      const char *text = yyjson_get_str (yyjson_obj_get (v, "text"));

      unknown |= !text || !*text;
      f->words[f->n_words++] = (CheckWord){ .text = g_strdup (text), .colour = find_colour (yyjson_obj_get (v, "colour"), &unknown),
                                            .place = find (v, "place", places, G_N_ELEMENTS (places), &unknown) };
    }
  return !unknown && (!relation || f->n_items == 2);
}

CheckFacts *
check_facts_parse (const char *json, gsize n, GError **error)
{
  yyjson_doc *doc = yyjson_read (json, n, 0);
  g_autoptr (CheckFacts) facts = g_new0 (CheckFacts, 1);
  const gboolean good = doc && take (facts, yyjson_doc_get_root (doc));

  yyjson_doc_free (doc);
  if (good)
    return g_steal_pointer (&facts);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "no facts of a scene: %.*s", (int) MIN (n, 200), json);
  return NULL;
}

void
check_facts_free (CheckFacts *facts)
{
  if (!facts)
    return;
  for (guint i = 0; i < facts->n_words; i++)
    g_free (facts->words[i].text);
  g_free (facts->prompt);
  g_free (facts->kind);
  g_free (facts->relation);
  g_free (facts);
}

const char *check_facts_prompt (const CheckFacts *facts) { return facts->prompt ? facts->prompt : ""; }
const char *check_facts_kind (const CheckFacts *facts) { return facts->kind ? facts->kind : ""; }
