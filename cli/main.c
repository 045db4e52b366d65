/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato COMMAND [OPTIONS]: the engine from the command line. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/events.h"
#include "cli/interrupt.h"

static const struct
{
  const char *name, *summary;
  int (*run) (int argc, char **argv, GCancellable *cancellable);
} commands[] = {
  { "generate", "make a picture from words", qi_cmd_generate },
  { "edit", "change a picture as words say", qi_cmd_edit },
  { "fill", "draw words where a mask is white, or remove what is there", qi_cmd_fill },
  { "expand", "make the canvas larger and paint the new part", qi_cmd_expand },
  { "split", "a picture as layers with transparency", qi_cmd_split },
  { "caption", "tell what is to be seen in a picture", qi_cmd_caption },
  { "info", "show devices, a model, and what a picture would need", qi_cmd_info },
  { "bench", "measure operations and whole steps on this machine", qi_cmd_bench },
};

static void
usage (FILE *to)
{
  fputs ("Usage: sfumato COMMAND [OPTIONS]\n\nCommands:\n", to);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (to, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fputs ("\nsfumato COMMAND --help tells a command's options; sfumato --version the version.\n"
         "Exit status: 0 done, 1 failed, 2 wrong command line, 3 a file is damaged, foreign or missing,\n"
         "4 not enough memory, 5 no usable device, 130 interrupted.\n", to);
}

int
main (int argc, char **argv)
{
  const char *first = argc > 1 ? argv[1] : "";

  /* Letters as the terminal has them; numbers stay as they are in every language. */
  setlocale (LC_CTYPE, "");
  if (strcmp (first, "--help") == 0 || strcmp (first, "-h") == 0)
    {
      usage (stdout);
      return QI_STATUS_DONE;
    }
  if (strcmp (first, "--version") == 0)
    {
      printf ("sfumato %s\n", QI_VERSION);
      return QI_STATUS_DONE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (first, commands[i].name) == 0)
      return commands[i].run (argc - 1, argv + 1, qi_interrupt_watch ());
  if (*first)
    fprintf (stderr, "sfumato: there is no command \"%s\".\n", first);
  usage (stderr);
  return QI_STATUS_USAGE;
}
