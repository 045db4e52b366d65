/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/messages.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "ui/host.h"
#include "ui/wording.h"

typedef struct
{
  gboolean broken;
  const char *title, *consequence;
  QiAct acts[2];
} Row;

static const Row rows[QI_N_SAY] = {
  [QI_SAY_GRAPHICS_MEMORY] = { FALSE,
                               N_ ("Not enough graphics memory"),
                               N_ ("The job needs more than is free. Your image is unchanged."),
                               { QI_ACT_LESS_MEMORY, QI_ACT_DETAILS } },
  [QI_SAY_MEMORY] = { FALSE,
                      N_ ("Not enough memory"),
                      N_ ("The job needs more than is free. Your image is unchanged."),
                      { QI_ACT_LESS_MEMORY, QI_ACT_DETAILS } },
  [QI_SAY_DRIVER_STOPPED] = { TRUE,
                              N_ ("The graphics driver stopped"),
                              N_ ("It was restarted. Your image is unchanged. Your request is kept."),
                              { QI_ACT_AGAIN, QI_ACT_PROCESSOR } },
  [QI_SAY_NO_CARD] = { TRUE,
                       N_ ("No suitable graphics card"),
                       N_ ("Vulkan 1.3 is needed, and neither a card nor the processor offers it. Your image is unchanged."),
                       { QI_ACT_MODELS, QI_ACT_HELP } },
  [QI_SAY_BLANK] = { FALSE,
                     N_ ("The result was blank"),
                     N_ ("The model gave no usable picture. Nothing was placed."),
                     { QI_ACT_OTHER_SEED, QI_ACT_DETAILS } },
  [QI_SAY_ENGINE_STOPPED] = { TRUE,
                              N_ ("The engine stopped unexpectedly"),
                              N_ ("Your image is unchanged. Finished results are kept."),
                              { QI_ACT_START_AGAIN, QI_ACT_REPORT } },
  [QI_SAY_ENGINE_SILENT] = { FALSE,
                             N_ ("The engine does not answer"),
                             N_ ("No sign for 60 s. It can be restarted without losing results."),
                             { QI_ACT_WAIT, QI_ACT_RESTART } },
  [QI_SAY_PART_MISSING] = { TRUE,
                            N_ ("A part of Sfumato is missing"),
                            N_ ("The engine file is not beside the plug-in. Nothing can run until it is installed again."),
                            { QI_ACT_HELP } },
  [QI_SAY_VERSIONS] = { TRUE,
                        N_ ("Engine and plug-in differ"),
                        N_ ("They are of different versions."),
                        { QI_ACT_RESTART, QI_ACT_HELP } },
  [QI_SAY_FILE_DAMAGED] = { TRUE,
                            N_ ("“%s” is damaged"),
                            N_ ("No picture can be made with it. Your image is unchanged."),
                            { QI_ACT_CHOOSE_FILE, QI_ACT_DETAILS } },
  [QI_SAY_FILE_MISSING] = { TRUE,
                            N_ ("“%s” is missing"),
                            N_ ("No picture can be made without it. Your image is unchanged."),
                            { QI_ACT_CHOOSE_FILE, QI_ACT_DETAILS } },
  [QI_SAY_FILES_DIFFER] = { TRUE,
                            N_ ("These files do not belong together"),
                            N_ ("“%s” is of another model; pictures would be noise."),
                            { QI_ACT_CHOOSE_FILE, QI_ACT_DETAILS } },
  [QI_SAY_FILE_UNKNOWN] = { TRUE,
                            N_ ("This file is not a model we know"),
                            N_ ("The contents of “%s” match no known model. It was left alone."),
                            { QI_ACT_CHOOSE_FILE, QI_ACT_DETAILS } },
  [QI_SAY_NO_MODEL] = { FALSE,
                        N_ ("There is no model yet"),
                        N_ ("Pictures need one. Everything else works without."),
                        { QI_ACT_MODELS, QI_ACT_DETAILS } },
  [QI_SAY_MODEL_CANNOT] = { FALSE,
                            N_ ("This model cannot do that"),
                            N_ ("“%s” was not made to look at pictures; Qwen-Image-Edit was."),
                            { QI_ACT_CHOOSE_FILE, QI_ACT_MODELS } },
  [QI_SAY_LAYERED_ONLY] = { FALSE,
                            N_ ("This model cannot do that"),
                            N_ ("“%s” splits pictures into layers and does nothing else."),
                            { QI_ACT_CHOOSE_FILE, QI_ACT_MODELS } },
  [QI_SAY_NO_LAYERED] = { FALSE,
                          N_ ("The model for layers is missing"),
                          N_ ("“%s” cannot split a picture; Qwen-Image-Layered can."),
                          { QI_ACT_CHOOSE_FILE, QI_ACT_MODELS } },
  [QI_SAY_NO_GROWTH] = { FALSE,
                         N_ ("The canvas would not grow"),
                         N_ ("Drag its edges outwards, or say by how many pixels."),
                         { 0 } },
  [QI_SAY_ADD_ON_UNFIT] = { FALSE,
                            N_ ("This add-on does not fit"),
                            N_ ("It was made for another model. It was not used."),
                            { QI_ACT_SWITCH_OFF, QI_ACT_DETAILS } },
  [QI_SAY_NO_SELECTION] = { FALSE,
                            N_ ("Nothing is selected"),
                            N_ ("Fill needs a selection. Edit works on the whole layer."),
                            { QI_ACT_EDIT } },
  [QI_SAY_SELECTION_MISSES] = { FALSE,
                                N_ ("The selection misses the layer"),
                                N_ ("It lies outside “%s”, so there is nothing to fill."),
                                { QI_ACT_WHOLE_CANVAS } },
  [QI_SAY_SELECTION_SMALL] = { FALSE,
                               N_ ("The selection is very small"),
                               N_ ("%d × %d px. The result would not be visible."),
                               { QI_ACT_GROW, QI_ACT_GO_ON } },
  [QI_SAY_COLOUR_MAP] = { FALSE,
                          N_ ("The image has a colour map"),
                          N_ ("Results would be reduced to %u colours."),
                          { QI_ACT_TO_RGB, QI_ACT_GO_ON } },
  [QI_SAY_MOVED] = { FALSE,
                     N_ ("The picture moved too far"),
                     N_ ("It shifted by %.0f px, more than can be corrected. Nothing was placed."),
                     { QI_ACT_AGAIN, QI_ACT_PLACE_ANYWAY } },
  [QI_SAY_NO_SUCH_PICTURE] = { FALSE,
                               N_ ("The prompt names Picture %u"),
                               NULL,
                               { QI_ACT_ADD_PICTURE, QI_ACT_REMOVE_WORDS } },
  [QI_SAY_PICTURE_GONE] = { FALSE,
                            N_ ("Picture %u is gone"),
                            N_ ("Its layer was deleted or its file moved."),
                            { QI_ACT_CHOOSE_AGAIN, QI_ACT_REMOVE_PICTURE } },
  [QI_SAY_PROMPT_LONG] = { FALSE,
                           N_ ("The prompt is too long"),
                           N_ ("%u of %u characters fit; the end would be ignored."),
                           { QI_ACT_SHORTEN, QI_ACT_GO_ON } },
  [QI_SAY_LETTERING] = { FALSE,
                         N_ ("Row %u of the lettering has no words"),
                         N_ ("Nothing would be drawn for it."),
                         { QI_ACT_GO_ON } },
  [QI_SAY_IMAGE_CLOSED] = { FALSE, N_ ("“%s” was closed"), N_ ("Nothing was placed. A new image can be made."), { 0 } },
  [QI_SAY_LAYER_GONE] = { FALSE,
                          N_ ("The layer is gone"),
                          N_ ("It was deleted. Select another one to work on."),
                          { 0 } },
  [QI_SAY_IMAGE_CHANGED] = { FALSE,
                             N_ ("The image has a new size"),
                             N_ ("Put the result at the same pixels?"),
                             { QI_ACT_PLACE, QI_ACT_OPEN_AS_IMAGE } },
  [QI_SAY_OTHER_IMAGE] = { FALSE,
                           N_ ("You are working in “%s”"),
                           N_ ("This window belongs to “%s” and would change that."),
                           { QI_ACT_GO_ON } },
  [QI_SAY_NOT_OURS] = { FALSE,
                        N_ ("This layer cannot be edited again"),
                        N_ ("It was not made by Sfumato, or by a newer version, so it remembers no prompt."),
                        { QI_ACT_EDIT } },
  [QI_SAY_HISTORY] = { FALSE,
                       N_ ("Settings cannot be saved"),
                       N_ ("The disk is full or the folder is read-only."),
                       { 0 } },
  [QI_SAY_BAD_REQUEST] = { FALSE,
                           N_ ("The request cannot be carried out"),
                           N_ ("Your image is unchanged."),
                           { QI_ACT_DETAILS } },
  [QI_SAY_FAILED] = { TRUE,
                      N_ ("The job failed"),
                      N_ ("Your image is unchanged. Finished results are kept."),
                      { QI_ACT_AGAIN, QI_ACT_REPORT } },
};

static const char *const acts[QI_N_ACT] = {
  [QI_ACT_LESS_MEMORY] = N_ ("Use less memor_y"),
  [QI_ACT_DETAILS] = N_ ("Detai_ls"),
  [QI_ACT_REPORT] = N_ ("Cop_y report"),
  [QI_ACT_AGAIN] = N_ ("Tr_y again"),
  [QI_ACT_PROCESSOR] = N_ ("Use proce_ssor"),
  [QI_ACT_HELP] = N_ ("_Help"),
  [QI_ACT_MODELS] = N_ ("Models and De_vices…"),
  [QI_ACT_OTHER_SEED] = N_ ("Tr_y another seed"),
  [QI_ACT_START_AGAIN] = N_ ("_Start again"),
  [QI_ACT_WAIT] = N_ ("Wa_it"),
  [QI_ACT_RESTART] = N_ ("Re_start"),
  [QI_ACT_CHOOSE_FILE] = N_ ("Choose _file…"),
  [QI_ACT_SWITCH_OFF] = N_ ("_Switch off"),
  [QI_ACT_EDIT] = N_ ("Use Ed_it"),
  [QI_ACT_WHOLE_CANVAS] = N_ ("Use whole canva_s"),
  [QI_ACT_GROW] = N_ ("Grow _by 16 px"),
  [QI_ACT_GO_ON] = N_ ("Go on"),
  [QI_ACT_TO_RGB] = N_ ("Convert to RG_B"),
  [QI_ACT_PLACE_ANYWAY] = N_ ("P_lace anyway"),
  [QI_ACT_ADD_PICTURE] = N_ ("Add p_icture"),
  [QI_ACT_REMOVE_WORDS] = N_ ("Remove the word_s"),
  [QI_ACT_REMOVE_PICTURE] = N_ ("Remo_ve"),
  [QI_ACT_CHOOSE_AGAIN] = N_ ("C_hoose again"),
  [QI_ACT_SHORTEN] = N_ ("_Shorten"),
  [QI_ACT_PLACE] = N_ ("P_lace"),
  [QI_ACT_OPEN_AS_IMAGE] = N_ ("Open as _image"),
};

const char *
qi_act_label (QiAct act)
{
  g_return_val_if_fail (act < QI_N_ACT && acts[act], "");
  return _ (acts[act]);
}

gboolean
qi_say_goes_on (QiSay say)
{
  g_return_val_if_fail (say < QI_N_SAY, FALSE);
  return rows[say].acts[0] == QI_ACT_GO_ON || rows[say].acts[1] == QI_ACT_GO_ON;
}

/* A card whose texts are given. */
static QiCard *
card_with (QiSay say, char *title, char *consequence)
{
  QiCard *card = g_new0 (QiCard, 1);

  card->say = say;
  card->broken = rows[say].broken;
  card->title = title;
  card->consequence = consequence;
  memcpy (card->acts, rows[say].acts, sizeof card->acts);
  return card;
}

QiCard *
qi_card_new (QiSay say, ...)
{
  va_list arguments;

  g_return_val_if_fail (say > QI_SAY_NOTHING && say < QI_N_SAY, NULL);
  va_start (arguments, say);
  char *title = NULL, *consequence = NULL;
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  switch (say)
    {
    case QI_SAY_NO_SUCH_PICTURE: /* plural forms */
      {
        const guint number = va_arg (arguments, guint), there = va_arg (arguments, guint);
        title = g_strdup_printf (_ (rows[say].title), number);
        consequence = there ? g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "There is only %u picture.",
                                                            "There are only %u pictures.", there),
                                               there)
                            : g_strdup (_ ("There are no pictures."));
        break;
      }
    case QI_SAY_OTHER_IMAGE:
      {
        const char *other = va_arg (arguments, const char *), *mine = va_arg (arguments, const char *);
        title = g_strdup_printf (_ (rows[say].title), other);
        consequence = g_strdup_printf (_ (rows[say].consequence), mine);
        break;
      }
    default: /* only one of the two has conversions */
      if (strchr (rows[say].title, '%'))
        {
          title = g_strdup_vprintf (_ (rows[say].title), arguments);
          consequence = g_strdup (_ (rows[say].consequence));
        }
      else
        {
          title = g_strdup (_ (rows[say].title));
          consequence = g_strdup_vprintf (_ (rows[say].consequence), arguments);
        }
    }
#pragma GCC diagnostic pop
  G_GNUC_END_IGNORE_DEPRECATIONS
  va_end (arguments);
  return card_with (say, title, consequence);
}

/* What stands in the first quotation marks of a sentence, which may be in any of our languages: of a path the last part. */
static char *
quoted_name (const char *message, const char *otherwise)
{
  static const char *const marks[][2] = { { "„", "“" }, { "«", "»" }, { "“", "”" } };

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    {
      const char *from = strstr (message, marks[i][0]), *to = from ? strstr (from, marks[i][1]) : NULL;

      if (!to)
        continue;
      from += strlen (marks[i][0]);
      g_autofree char *path = g_strndup (from, to - from);
      return g_path_get_basename (g_strstrip (path));
    }
  return g_strdup (otherwise);
}

/* The engine counts in GiB, cards and files are sold in GB. */
static char *
as_sold (GMatchInfo *figure)
{
  g_autofree char *text = g_match_info_fetch (figure, 0);
  char *unit = NULL;
  const double value = g_ascii_strtod (text, &unit);
  static const char units[] = "KMGT";

  g_strchug (unit);
  guint64 factor = 1;
  for (const char *at = units; *at; at++)
    {
      factor *= 1024;
      if (*unit == *at)
        break;
    }
  return qi_words_bytes ((guint64) (value * factor));
}

/* "Needs 11.2 GiB of GPU memory, 7.9 GiB are free": the two figures, when there are two. */
static QiCard *
memory_card (const char *message)
{
  g_autoptr (GRegex) figure = g_regex_new ("[0-9]+(?:\\.[0-9]+)? [KMGT]iB", 0, 0, NULL);
  g_autoptr (GMatchInfo) found = NULL;
  g_autofree char *needed = NULL, *there = NULL;
  const gboolean card = strstr (message, "GPU") || strstr (message, "device") || strstr (message, "graphics");

  if (g_regex_match (figure, message, 0, &found))
    {
      needed = as_sold (found);
      if (g_match_info_next (found, NULL))
        there = as_sold (found);
    }
  const QiSay say = card || !there ? QI_SAY_GRAPHICS_MEMORY : QI_SAY_MEMORY;
  if (!there)
    return qi_card_new (say);
  return card_with (say, g_strdup (_ (rows[say].title)),
                    g_strdup_printf (_ ("The job needs %s, %s is free. Your image is unchanged."), needed, there));
}

/* "The text encoder does not belong to the transformer: …" names no file but a part. (transfer full) */
static char *
part_that_differs (const char *message, const char *otherwise)
{
  static const char article[] = "The ";
  const char *end = strstr (message, " does not belong");

  if (!end || !g_str_has_prefix (message, article) || (gsize) (end - message) <= strlen (article))
    return g_strdup (otherwise);
  return g_strndup (message + strlen (article), (gsize) (end - message) - strlen (article));
}

/* What the engine says of files that are not damaged. */
static const struct
{
  const char *words;
  QiSay say;
} faults[] = {
  { "cannot be opened", QI_SAY_FILE_MISSING },
  { "No such file", QI_SAY_FILE_MISSING },
  { "There is no file or folder", QI_SAY_FILE_MISSING },
  { "missing", QI_SAY_FILE_MISSING },
  { "not there", QI_SAY_FILE_MISSING },
  { "holds no model", QI_SAY_FILE_UNKNOWN },
};

static QiCard *
engine_card (const GError *error)
{
  g_autofree char *name = quoted_name (error->message, _ ("The model"));

  if (strstr (error->message, "add-on") && strstr (error->message, "It was not used"))
    return qi_card_new (QI_SAY_ADD_ON_UNFIT);
  switch (error->code)
    {
    case QI_ERROR_OUT_OF_MEMORY:
      return memory_card (error->message);
    case QI_ERROR_NO_DEVICE:
      return qi_card_new (QI_SAY_NO_CARD);
    case QI_ERROR_DEVICE_LOST:
      return qi_card_new (QI_SAY_DRIVER_STOPPED);
    case QI_ERROR_WORKER_GONE:
      return qi_card_new (QI_SAY_ENGINE_STOPPED);
    case QI_ERROR_UNSUPPORTED:
      if (strstr (error->message, "cannot split"))
        return qi_card_new (QI_SAY_NO_LAYERED, name);
      if (strstr (error->message, "does nothing else"))
        return qi_card_new (QI_SAY_LAYERED_ONLY, name);
      if (strstr (error->message, "to look at pictures"))
        return qi_card_new (QI_SAY_MODEL_CANNOT, name);
      return qi_card_new (QI_SAY_FILE_UNKNOWN, name);
    case QI_ERROR_BAD_CHECKPOINT:
      if (strstr (error->message, "belong"))
        {
          g_autofree char *part = part_that_differs (error->message, name);
          return qi_card_new (QI_SAY_FILES_DIFFER, part);
        }
      for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
        if (strstr (error->message, faults[i].words))
          return qi_card_new (faults[i].say, name);
      return qi_card_new (QI_SAY_FILE_DAMAGED, name);
    case QI_ERROR_BAD_REQUEST:
      return qi_card_new (QI_SAY_BAD_REQUEST);
    default:
      return qi_card_new (QI_SAY_FAILED);
    }
}

static QiCard *
host_card (const GError *error)
{
  switch (error->code)
    {
    case QI_HOST_ERROR_IMAGE_GONE:
      {
        g_autofree char *name = quoted_name (error->message, _ ("Image"));
        return qi_card_new (QI_SAY_IMAGE_CLOSED, name);
      }
    case QI_HOST_ERROR_LAYER_GONE:
      return qi_card_new (QI_SAY_LAYER_GONE);
    case QI_HOST_ERROR_PICTURE_GONE:
      {
        guint number = 0;
        sscanf (error->message, "Picture %u", &number);
        QiCard *card = qi_card_new (QI_SAY_PICTURE_GONE, number);
        card->picture = number;
        return card;
      }
    default:
      return qi_card_new (QI_SAY_IMAGE_CHANGED);
    }
}

QiCard *
qi_card_from_error (const GError *error)
{
  QiCard *card = NULL;

  g_return_val_if_fail (error, NULL);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return NULL;
  if (error->domain == QI_ERROR)
    card = engine_card (error);
  else if (error->domain == QI_HOST_ERROR)
    card = host_card (error);
  else if (g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
    card = qi_card_new (QI_SAY_PART_MISSING);
  else
    card = qi_card_new (QI_SAY_FAILED);
  card->details = g_strdup (error->message);
  if (card->say == QI_SAY_BAD_REQUEST || card->say == QI_SAY_FAILED)
    { /* nothing better is known than what was said */
      g_free (card->consequence);
      card->consequence = g_strdup (error->message);
    }
  return card;
}

void
qi_card_free (QiCard *card)
{
  if (!card)
    return;
  g_free (card->title);
  g_free (card->consequence);
  g_free (card->details);
  g_free (card);
}

char *
qi_card_sentence (const QiCard *card)
{
  return g_strdup_printf ("%s. %s", card->title, card->consequence);
}
