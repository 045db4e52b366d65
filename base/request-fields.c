/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* THE table of a request's fields, and what follows from it: copies, ranges, strings, GVariant. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/request-private.h"

static const char *const task_names[] = { "generate", "edit", "fill", "expand", "split", NULL };
static const char *const quality_names[] = { "fast", "balanced", "best", "maximum", NULL };
static const char *const prefill_names[] = { "keep", "neutral", "blur", "border", "noise", NULL };
static const char *const source_names[] = { "layer", "visible", NULL };
static const char *const destination_names[] = { "auto", "layer", "image", NULL };

#define STRING(name, member) { name, QI_FIELD_STRING, offsetof (QiRequest, member), 0, 0, NULL }
#define CHOICE(name, member, names) { name, QI_FIELD_CHOICE, offsetof (QiRequest, member), 0, G_N_ELEMENTS (names) - 2, names }
#define NUMBER(name, kind, member, min, max) { name, QI_FIELD_##kind, offsetof (QiRequest, member), min, max, NULL }

static const QiField fields[] = {
  CHOICE ("task", task, task_names),
  STRING ("prompt", prompt),
  STRING ("negative-prompt", negative_prompt),
  CHOICE ("quality", quality, quality_names),
  NUMBER ("steps", UINT, steps, 0, 200),
  NUMBER ("guidance", DOUBLE, guidance, 0, 20),
  NUMBER ("seed", INT64, seed, -1, G_MAXINT32),
  STRING ("lettering", lettering),
  NUMBER ("results", UINT, results, 1, 8),
  STRING ("sampler", sampler),
  STRING ("model", model),
  STRING ("loras", loras),
  STRING ("device", device),
  NUMBER ("width", UINT, width, 0, 16384),
  NUMBER ("height", UINT, height, 0, 16384),
  NUMBER ("strength", DOUBLE, strength, 0, 1),
  NUMBER ("layers", UINT, layers, 2, 8),
  CHOICE ("prefill", prefill, prefill_names),
  STRING ("frame", frame),
  NUMBER ("soft-edge", INT, soft_edge, -1, 1024),
  CHOICE ("source", source, source_names),
  CHOICE ("destination", destination, destination_names),
  NUMBER ("left", UINT, left, 0, 262144),
  NUMBER ("right", UINT, right, 0, 262144),
  NUMBER ("top", UINT, top, 0, 262144),
  NUMBER ("bottom", UINT, bottom, 0, 262144),
};

/* Strings take any type of the table through these two. */
static double
number_of (const QiRequest *request, const QiField *field)
{
  const char *at = (const char *) request + field->offset;

  switch (field->type)
    {
    case QI_FIELD_UINT:
    case QI_FIELD_CHOICE: return *(const guint *) at; /* enums without negative values */
    case QI_FIELD_INT: return *(const int *) at;
    case QI_FIELD_INT64: return (double) *(const gint64 *) at; /* below 2^53 wherever it is in range */
    case QI_FIELD_DOUBLE: return *(const double *) at;
    case QI_FIELD_STRING: break;
    }
  g_return_val_if_reached (0);
}

static void
store_number (QiRequest *request, const QiField *field, double value)
{
  char *at = (char *) request + field->offset;

  switch (field->type)
    {
    case QI_FIELD_UINT:
    case QI_FIELD_CHOICE: *(guint *) at = (guint) value; return;
    case QI_FIELD_INT: *(int *) at = (int) value; return;
    case QI_FIELD_INT64: *(gint64 *) at = (gint64) value; return;
    case QI_FIELD_DOUBLE: *(double *) at = value; return;
    case QI_FIELD_STRING: break;
    }
  g_return_if_reached ();
}

static char **
string_of (const QiRequest *request, const QiField *field)
{
  return (char **) ((char *) request + field->offset);
}

static void
store_string (QiRequest *request, const QiField *field, const char *value)
{
  char **at = string_of (request, field);

  g_free (*at);
  *at = value && *value ? g_strdup (value) : NULL;
}

const QiField *
qi_request_fields (guint *n_fields)
{
  *n_fields = G_N_ELEMENTS (fields);
  return fields;
}

const QiField *
qi_request_field (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (name && strcmp (name, fields[i].name) == 0)
      return &fields[i];
  return NULL;
}

QiRequest *
qi_request_copy (const QiRequest *request)
{
  QiRequest *copy = g_memdup2 (request, sizeof *request);

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (fields[i].type == QI_FIELD_STRING)
      *string_of (copy, &fields[i]) = g_strdup (*string_of (request, &fields[i]));
  return copy;
}

void
qi_request_free (QiRequest *request)
{
  if (!request)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (fields[i].type == QI_FIELD_STRING)
      g_free (*string_of (request, &fields[i]));
  g_free (request);
}

/* -- ranges ---------------------------------------------------------------------------------------- */

static gboolean
out_of_range (const QiField *field, const char *value, GError **error)
{
  g_autofree char *names = field->choices ? g_strjoinv (", ", (char **) field->choices) : NULL;

  if (names)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%s is \"%.80s\", and may be one of: %s.", field->name, value, names);
  else
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%s is %.80s, and may be %.10g to %.10g%s.", field->name, value,
                 field->min, field->max,
                 field->min == -1 ? ", where -1 leaves the choice to the program"
                                  : field->min == 0 && field->max > 1 ? ", where 0 leaves the choice to the program" : "");
  return FALSE;
}

gboolean
qi_request_check_range (const QiRequest *request, const QiField *field, GError **error)
{
  const double value = number_of (request, field);
  g_autofree char *text = NULL;

  if (value >= field->min && value <= field->max) /* NaN is not */
    return TRUE;
  text = field->type == QI_FIELD_INT64 ? g_strdup_printf ("%" G_GINT64_FORMAT, *(const gint64 *) ((const char *) request + field->offset))
                                       : g_strdup_printf ("%.10g", value);
  return out_of_range (field, text, error);
}

/* -- strings --------------------------------------------------------------------------------------- */

char *
qi_request_get (const QiRequest *request, const QiField *field)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  switch (field->type)
    {
    case QI_FIELD_STRING: return g_strdup (*string_of (request, field));
    case QI_FIELD_CHOICE: return g_strdup (field->choices[(guint) CLAMP (number_of (request, field), 0, field->max)]);
    case QI_FIELD_DOUBLE: return g_strdup (g_ascii_dtostr (text, sizeof text, number_of (request, field)));
    default: return g_strdup_printf ("%" G_GINT64_FORMAT, (gint64) number_of (request, field));
    }
}

static gboolean
choice_from_name (const QiField *field, const char *name, double *value)
{
  for (guint i = 0; field->choices[i]; i++)
    if (name && strcmp (name, field->choices[i]) == 0)
      {
        *value = i;
        return TRUE;
      }
  return FALSE;
}

gboolean
qi_request_set (QiRequest *request, const QiField *field, const char *value, GError **error)
{
  double number = 0;
  char *end = NULL;

  if (field->type == QI_FIELD_STRING)
    {
      store_string (request, field, value);
      return TRUE;
    }
  if (field->type == QI_FIELD_CHOICE)
    {
      if (!choice_from_name (field, value, &number))
        return out_of_range (field, value ? value : "", error);
    }
  else
    {
      number = value ? g_ascii_strtod (value, &end) : 0;
      if (!value || end == value || *end || !(number >= field->min && number <= field->max)
          || (field->type != QI_FIELD_DOUBLE && number != floor (number)))
        return out_of_range (field, value ? value : "", error);
    }
  store_number (request, field, number);
  return TRUE;
}

/* -- GVariant -------------------------------------------------------------------------------------- */

GVariant *
qi_request_to_variant (const QiRequest *request)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      const QiField *field = &fields[i];
      g_autofree char *text = NULL;

      if (field->type == QI_FIELD_DOUBLE)
        g_variant_builder_add (&builder, "{sv}", field->name, g_variant_new_double (number_of (request, field)));
      else if (field->type != QI_FIELD_STRING && field->type != QI_FIELD_CHOICE)
        g_variant_builder_add (&builder, "{sv}", field->name, g_variant_new_int64 ((gint64) number_of (request, field)));
      else if ((text = qi_request_get (request, field)))
        g_variant_builder_add (&builder, "{sv}", field->name, g_variant_new_string (text));
    }
  return g_variant_builder_end (&builder);
}

static gboolean
take_variant (QiRequest *request, const QiField *field, GVariant *value, GError **error)
{
  const gboolean words = field->type == QI_FIELD_STRING || field->type == QI_FIELD_CHOICE;

  if (words && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return qi_request_set (request, field, g_variant_get_string (value, NULL), error);
  if (!words && g_variant_is_of_type (value, field->type == QI_FIELD_DOUBLE ? G_VARIANT_TYPE_DOUBLE : G_VARIANT_TYPE_INT64))
    {
      const double number = field->type == QI_FIELD_DOUBLE ? g_variant_get_double (value) : (double) g_variant_get_int64 (value);

      if (number >= field->min && number <= field->max)
        {
          store_number (request, field, number);
          return TRUE;
        }
    }
  g_autofree char *text = g_variant_print (value, FALSE);

  return out_of_range (field, text, error);
}

QiRequest *
qi_request_from_variant (GVariant *variant, GError **error)
{
  g_autoptr (QiRequest) request = qi_request_new ();

  if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "A request is a dictionary, not of type %s.",
                   g_variant_get_type_string (variant));
      return NULL;
    }
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (variant, fields[i].name, NULL);

      if (value && !take_variant (request, &fields[i], value, error))
        return NULL;
    }
  return qi_request_check (request, error) ? g_steal_pointer (&request) : NULL;
}

/* -- names ----------------------------------------------------------------------------------------- */

const char *
qi_quality_name (QiQuality quality)
{
  g_return_val_if_fail ((guint) quality < G_N_ELEMENTS (quality_names) - 1, NULL);

  return quality_names[quality];
}

gboolean
qi_quality_from_name (const char *name, QiQuality *quality)
{
  double value;

  if (!choice_from_name (qi_request_field ("quality"), name, &value))
    return FALSE;
  *quality = (QiQuality) value;
  return TRUE;
}

const char *
qi_task_name (QiTask task)
{
  g_return_val_if_fail ((guint) task < G_N_ELEMENTS (task_names) - 1, NULL);

  return task_names[task];
}
