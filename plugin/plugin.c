/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The process that GIMP starts: once to ask which procedures there are, then once a call. */
#include <libgimp/gimp.h>

#include "base/env.h"
#include "plugin/procedures.h"

#define SFUMATO_TYPE_PLUG_IN (sfumato_plug_in_get_type ())
G_DECLARE_FINAL_TYPE (SfumatoPlugIn, sfumato_plug_in, SFUMATO, PLUG_IN, GimpPlugIn)

struct _SfumatoPlugIn
{
  GimpPlugIn parent;
};

G_DEFINE_FINAL_TYPE (SfumatoPlugIn, sfumato_plug_in, GIMP_TYPE_PLUG_IN)

static GList *
query_procedures (GimpPlugIn *plug_in)
{
  guint n_commands;
  const QiCommand *commands = qi_commands (&n_commands);
  GList *names = NULL;

  while (n_commands--)
    names = g_list_prepend (names, g_strdup (commands[n_commands].procedure));
  return names;
}

/* The catalogues lie in locale/ beside the program. Where it was not installed (in the build's own folder) GIMP would
 * complain once a procedure. */
static gboolean
set_i18n (GimpPlugIn *plug_in, const gchar *procedure, gchar **domain, gchar **folder)
{
  g_autofree char *here = g_path_get_dirname (gimp_get_progname ());
  g_autofree char *locale = g_build_filename (here, "locale", NULL);

  if (!g_file_test (locale, G_FILE_TEST_IS_DIR))
    return FALSE;
  *domain = g_strdup (GETTEXT_PACKAGE);
  *folder = g_strdup ("locale");
  return TRUE;
}

static void
sfumato_plug_in_class_init (SfumatoPlugInClass *klass)
{
  GimpPlugInClass *plug_in_class = GIMP_PLUG_IN_CLASS (klass);

  plug_in_class->query_procedures = query_procedures;
  plug_in_class->create_procedure = qi_procedure_create;
  plug_in_class->set_i18n = set_i18n;
  if (qi_env_fatal ())
    g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
}

static void
sfumato_plug_in_init (SfumatoPlugIn *self)
{
}

GIMP_MAIN (SFUMATO_TYPE_PLUG_IN)
