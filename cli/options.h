/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* cli/options.h — the arguments that commands share, under the names and with the defaults of base/request.h. */
#pragma once
#include "base/request.h"
#include "models/engine.h"

/* Which of the shared arguments a command takes; --quiet, --json and --help are everybody's. */
typedef enum
{
  QI_OPTIONS_MODEL = 1,  /* --model, its parts, --device, --memory, --compute */
  QI_OPTIONS_REQUEST = 2, /* prompt, seed, size and all else of a request */
  QI_OPTIONS_MODEL_OPTIONAL = 4 /* with MODEL: no default where none is named */
} QiOptionSets;

typedef struct
{
  QiRequest *request;  /* filled in and checked when the command takes one */
  QiModelPaths paths;  /* borrowed from the fields below */
  QiEngineParams engine;
  gboolean quiet, json;
  gboolean help;       /* was asked for and has been written: the command is done */
  GPtrArray *strings;  /* owns what the above borrow */
} QiOptions;

QiOptions *qi_options_new (void);
void qi_options_free (QiOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiOptions, qi_options_free)

/* Reads argv (argv[0] is the command's name). own: entries of the command itself, ended by an empty one; their strings
 * must be of the kind G_OPTION_ARG_FILENAME, which takes bytes as they are in any locale. rest: where words that are no
 * options go (element type char *, one at most); NULL: there may be none. Errors: G_OPTION_ERROR or
 * QI_ERROR_BAD_REQUEST. */
gboolean qi_options_parse (QiOptions *options, QiOptionSets sets, const char *summary, const GOptionEntry *own,
                           char **rest, int argc, char **argv, GError **error);

/* --json is among the words: for errors in the others. */
gboolean qi_options_want_json (int argc, char **argv);
