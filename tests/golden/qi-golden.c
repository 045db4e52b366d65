/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* qi-golden [--compute f32|f16] [--kernels ROW] [--out DIR] CASE_DIR…
 * qi-golden --list-kernels: the rows of the kernel table that the device offers, one a line, with the compute types it serves
 *
 * Runs the engine's own code on golden cases. With --out the results are written for a judge, else they are compared here,
 * one line a tensor: CASE TENSOR max_abs rel_l2 PASS|FAIL. Exit status 0: all computed (and passed), 1: a comparison
 * failed, 2: a case could not be run. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "compute/kernels.h"
#include "tests/golden/golden.h"

static const struct
{
  const char *name;
  gboolean (*run) (QiCase *c, GError **error);
} kinds[] = {
  { "mmdit", qi_golden_mmdit },         { "vae", qi_golden_vae },     { "text", qi_golden_text },
  { "tokenizer", qi_golden_tokenizer }, { "quant", qi_golden_quant }, { "scheduler", qi_golden_scheduler },
  { "rng", qi_golden_rng },             { "pipeline", qi_golden_pipeline }, { "text-preprocess", qi_golden_preprocess },
};

static gboolean
run_kind (QiCase *c, GError **error)
{
  const char *kind = qi_case_string (c, "kind");

  for (guint i = 0; kind && i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kind, kinds[i].name) == 0)
      return kinds[i].run (c, error);
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "the kind \"%s\" is not known here", kind ? kind : "");
  return FALSE;
}

/* 0, 1 or 2, as the exit status */
static int
run_case (QiGolden *golden, const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiCase) c = qi_case_open (golden, folder, &error);

  if (c && run_kind (c, &error))
    {
      if (!golden->out)
        return qi_case_compare (c) ? 0 : 1;
      if (qi_case_write (c, &error))
        return 0;
    }
  fprintf (stderr, "qi-golden: %s: %s\n", folder, error ? error->message : "it failed without a word");
  return 2;
}

static const char *const compute_names[] = { [QI_COMPUTE_F32] = "f32", [QI_COMPUTE_F16] = "f16" };

static gboolean
parse_compute (const char *name, QiCompute *compute)
{
  for (guint i = 0; i < G_N_ELEMENTS (compute_names); i++)
    if (strcmp (name, compute_names[i]) == 0)
      {
        *compute = (QiCompute) i;
        return TRUE;
      }
  return FALSE;
}

static int
list_kernels (QiGolden *golden)
{
  g_autoptr (GError) error = NULL;
  QiDevice *device = qi_golden_device (golden, &error);
  QiKernels kernels;

  if (!device)
    {
      fprintf (stderr, "qi-golden: %s\n", error->message);
      return 2;
    }
  qi_kernels_init (&kernels, qi_device_info (device), NULL, NULL);
  for (QiKernel kernel = 0; kernel < QI_N_KERNELS; kernel++)
    if (kernels.offered & QI_KERNEL_BIT (kernel))
      {
        printf ("%s", qi_kernel_name (kernel));
        for (guint compute = 0; compute < G_N_ELEMENTS (compute_names); compute++)
          if (qi_kernel_serves (kernel, (QiCompute) compute))
            printf (" %s", compute_names[compute]);
        printf ("\n");
      }
  qi_device_close (device);
  return 0;
}

int
main (int argc, char **argv)
{
  g_autofree char *compute = NULL;
  g_autofree char *kernels = NULL;
  g_autofree char *out = NULL;
  g_auto (GStrv) folders = NULL;
  gboolean list = FALSE;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "compute", 0, 0, G_OPTION_ARG_FILENAME, &compute, "f32 (default) or f16", "TYPE" },
    { "kernels", 0, 0, G_OPTION_ARG_FILENAME, &kernels, "force one row of the kernel table", "ROW" },
    { "list-kernels", 0, 0, G_OPTION_ARG_NONE, &list, "say which rows the device offers", NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, "write results here instead of comparing them", "DIR" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &folders, NULL, "CASE_DIR..." },
    { 0 }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  QiGolden golden = { .compute = QI_COMPUTE_F32 };
  int status = 0;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || (!list && (!folders || !folders[0]))
      || (compute && !parse_compute (compute, &golden.compute)))
    {
      fprintf (stderr, "qi-golden: %s\n", error ? error->message : "it needs case folders, and --compute f32 or f16");
      return 2;
    }
  if (kernels)
    g_setenv ("QI_KERNELS", kernels, TRUE);
  if (list)
    return list_kernels (&golden);
  golden.out = out;
  for (guint i = 0; folders[i]; i++)
    {
      const int one = run_case (&golden, folders[i]); /* MAX would run it twice */

      status = MAX (status, one);
    }
  if (golden.device)
    {
      g_autofree char *text = NULL;

      if (qi_device_validation_messages (golden.device, &text) > 0)
        {
          fprintf (stderr, "qi-golden: validation: %s\n", text);
          status = MAX (status, 1);
        }
      qi_device_close (golden.device);
    }
  return status;
}
