/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/arguments.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "base/error.h"

/* Label and tooltip of a field; choices in the order of its names. */
typedef struct
{
  const char *field;
  const char *label;
  const char *blurb;
  const char *choices[6];
} Words;

static const Words words[] = {
  { "prompt", N_("Prom_pt"), N_("What to draw or to change, in any language"), { NULL } },
  { "negative-prompt", N_("_Undesired"), N_("What the picture should not show; used where guidance is above 1"), { NULL } },
  { "quality", N_("_Quality"), N_("Sets steps, guidance and add-ons together"),
    { N_("Fast"), N_("Balanced"), N_("Best"), N_("Maximum") } },
  { "steps", N_("S_teps"), N_("Number of steps; 0: as the quality says"), { NULL } },
  { "guidance", N_("_Guidance"), N_("Weight of the prompt against the undesired; 0: as the quality says, 1: none"), { NULL } },
  { "seed", N_("S_eed"), N_("Number that the picture is drawn from; -1: a new one, which is reported"), { NULL } },
  { "lettering", N_("_Lettering"), N_("Words to be drawn, one row a line: PLACE[, STYLE]: WORDS"), { NULL } },
  { "results", N_("_Results"), N_("How many pictures; each uses the next seed"), { NULL } },
  { "sampler", N_("Sa_mpler"), N_("Name of the sampler"), { NULL } },
  { "model", N_("Mo_del"), N_("Path of a file or folder, or name of a set; empty: the configured one"), { NULL } },
  { "loras", N_("_Add-ons"), N_("Add-ons (LoRA), one a line: FILE:STRENGTH"), { NULL } },
  { "device", N_("De_vice"), N_("Name or UUID of the graphics card, or cpu; empty: the fastest"), { NULL } },
  { "width", N_("_Width"), N_("Width in pixels; 0: that of the image, or the model's own"), { NULL } },
  { "height", N_("_Height"), N_("Height in pixels; 0: that of the image, or the model's own"), { NULL } },
  { "destination", N_("Desti_nation"), N_("Where the picture goes"),
    { N_("Automatic"), N_("New layer"), N_("New image") } },
  { "source", N_("S_ource"), N_("What the model sees"), { N_("This layer"), N_("Everything visible") } },
  { "frame", N_("_Frame"), N_("What the model sees around the selection: auto, tight, wide, layer, or X Y W H in pixels"), { NULL } },
  { "soft-edge", N_("So_ft edge"), N_("Width of the soft edge inside the selection in pixels; -1: automatic"), { NULL } },
  { "strength", N_("Strengt_h"), N_("How much is drawn anew; 1: nothing of what is there is kept"), { NULL } },
  { "prefill", N_("Pref_ill"), N_("What the selection is filled with before the model draws"),
    { N_("What is there"), N_("Neutral"), N_("Blurred surroundings"), N_("Border colors"), N_("Noise") } },
  { "left", N_("_Left"), N_("Pixels that the canvas grows by at the left"), { NULL } },
  { "right", N_("Ri_ght"), N_("Pixels that the canvas grows by at the right"), { NULL } },
  { "top", N_("_Top"), N_("Pixels that the canvas grows by at the top"), { NULL } },
  { "bottom", N_("_Bottom"), N_("Pixels that the canvas grows by at the bottom"), { NULL } },
  { "layers", N_("La_yers"), N_("How many layers"), { NULL } },
};

static const Words *
words_of (const char *field)
{
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (field, words[i].field) == 0)
      return &words[i];
  g_return_val_if_reached (NULL);
}

static void
add_choice (GimpProcedure *procedure, const QiField *field, const Words *said, const char *value)
{
  GimpChoice *choice = gimp_choice_new ();

  for (guint i = 0; field->choices[i]; i++)
    gimp_choice_add (choice, field->choices[i], (gint) i, _(said->choices[i]), NULL);
  gimp_procedure_add_choice_argument (procedure, field->name, _(said->label), _(said->blurb), choice, value,
                                      G_PARAM_READWRITE);
}

void
qi_arguments_add (GimpProcedure *procedure, const char *name)
{
  const QiField *field = qi_request_field (name);
  const Words *said = words_of (name);
  g_autoptr (QiRequest) defaults = qi_request_new ();
  g_autofree char *value = NULL;

  g_return_if_fail (field && said);
  value = qi_request_get (defaults, field);
  switch (field->type)
    {
    case QI_FIELD_STRING:
      gimp_procedure_add_string_argument (procedure, name, _(said->label), _(said->blurb), value ? value : "",
                                          G_PARAM_READWRITE);
      break;
    case QI_FIELD_CHOICE: add_choice (procedure, field, said, value); break;
    case QI_FIELD_DOUBLE:
      gimp_procedure_add_double_argument (procedure, name, _(said->label), _(said->blurb), field->min, field->max,
                                          g_ascii_strtod (value, NULL), G_PARAM_READWRITE);
      break;
    default: /* whole numbers: all ranges lie within 32 bits */
      gimp_procedure_add_int_argument (procedure, name, _(said->label), _(said->blurb), (gint) field->min,
                                       (gint) field->max, (gint) g_ascii_strtoll (value, NULL, 10), G_PARAM_READWRITE);
      break;
    }
}

void
qi_arguments_add_references (GimpProcedure *procedure)
{
  for (guint k = 1; k <= N_REFERENCES; k++)
    {
      g_autofree char *name = g_strdup_printf ("reference-%u", k);
      g_autofree char *label = g_strdup_printf (_("Reference _%u"), k);

      gimp_procedure_add_drawable_argument (procedure, name, label, _("A further picture that the prompt can speak of"),
                                            TRUE, G_PARAM_READWRITE);
    }
}

/* The value as a string that qi_request_set() takes. (transfer full) */
static char *
config_value (GimpProcedureConfig *config, const QiField *field)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  char *string = NULL;
  double real = 0;
  gint whole = 0;

  switch (field->type)
    {
    case QI_FIELD_STRING:
    case QI_FIELD_CHOICE: g_object_get (config, field->name, &string, NULL); return string;
    case QI_FIELD_DOUBLE:
      g_object_get (config, field->name, &real, NULL);
      return g_strdup (g_ascii_dtostr (text, sizeof text, real));
    default: g_object_get (config, field->name, &whole, NULL); return g_strdup_printf ("%d", whole);
    }
}

gboolean
qi_arguments_read (GimpProcedureConfig *config, QiRequest *request, GError **error)
{
  guint n_fields;
  const QiField *fields = qi_request_fields (&n_fields);

  for (guint i = 0; i < n_fields; i++)
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (config), fields[i].name))
      {
        g_autofree char *value = config_value (config, &fields[i]);

        /* An argument that was not given arrives as NULL, its default forgotten, where that is a string. */
        if ((value && *value) || (fields[i].type == QI_FIELD_STRING && strcmp (fields[i].name, "sampler") != 0))
          if (!qi_request_set (request, &fields[i], value, error))
            return FALSE;
      }
  return qi_request_check (request, error);
}

GPtrArray *
qi_arguments_references (GimpProcedureConfig *config)
{
  GPtrArray *drawables = g_ptr_array_new ();

  for (guint k = 1; k <= N_REFERENCES; k++)
    {
      g_autofree char *name = g_strdup_printf ("reference-%u", k);
      GimpDrawable *drawable = NULL;

      if (!g_object_class_find_property (G_OBJECT_GET_CLASS (config), name))
        continue;
      g_object_get (config, name, &drawable, NULL);
      if (drawable)
        {
          g_ptr_array_add (drawables, drawable);
          g_object_unref (drawable); /* the plug-in keeps its proxies alive, and complains of references that stay */
        }
    }
  return drawables;
}

void
qi_arguments_forget (GimpProcedureConfig *config)
{
  static const char *const typed[] = { "prompt", "negative-prompt", "lettering" };

  for (guint i = 0; i < G_N_ELEMENTS (typed); i++)
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (config), typed[i]))
      g_object_set (config, typed[i], "", NULL);
  for (guint k = 1; k <= N_REFERENCES; k++)
    {
      g_autofree char *name = g_strdup_printf ("reference-%u", k);

      if (g_object_class_find_property (G_OBJECT_GET_CLASS (config), name))
        g_object_set (config, name, NULL, NULL);
    }
}
