/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/cli/run-cli.h — runs the built sfumato (SFUMATO in the environment) in a folder of the test's own. */
#pragma once
#include <glib.h>

typedef struct
{
  int status; /* exit status */
  char *out, *err;
} CliRun;
void cli_run_clear (CliRun *run);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliRun, cli_run_clear)

extern char *cli_folder; /* of this program's files; made by cli_test_main, removed at its end */
int cli_test_main (int argc, char **argv, void (*add) (void));

/* Arguments end with NULL; generate's common ones (a tiny picture of seed 3) come first in cli_generate. */
CliRun cli_run (const char *first, ...) G_GNUC_NULL_TERMINATED;
CliRun cli_generate (const char *output, ...) G_GNUC_NULL_TERMINATED;
void cli_assert_status (const CliRun *run, int status);

/* generate with these arguments ends with status, says one sentence with these words (other may be NULL), and leaves
 * neither a picture nor a temporary file. */
void cli_assert_refused (int status, const char *word, const char *other, ...) G_GNUC_NULL_TERMINATED;

char *cli_path (const char *name);    /* in cli_folder (g_free) */
char *cli_data (const char *name);    /* in tests/data (g_free) */
char *cli_variant (const char *name); /* of the tiny model, in other spellings (g_free) */

/* Pixels of a PNG: [width height channels] bytes. (g_free) */
guint8 *cli_pixels (const char *path, int *width, int *height, gsize *n);
/* Largest difference of two pictures of one size. */
guint cli_difference (const char *a, const char *b);
