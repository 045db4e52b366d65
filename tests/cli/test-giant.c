/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans for the real 20 B geometry, from files that are headers and a hole: for every budget from 2 to 24 GB the plan fits
 * it and keeps as many blocks as that allows; what is too little is refused with figures. */
#include <string.h>
#include <yyjson.h>

#include "tests/cli/run-cli.h"

typedef struct
{
  gboolean fits;
  guint64 budget, peak;
  guint streamed, blocks; /* of the transformer */
  guint64 stage, ring;
} Planned;

static char *
giant (const char *option, const char *name)
{
  return g_strdup_printf ("--%s=%s/%s", option, g_getenv ("SFUMATO_TEST_GIANT"), name);
}

static CliRun
run_with (const char *command, const char *memory, const char *extra, const char *more)
{
  g_autofree char *transformer = giant ("transformer", "transformer.gguf"), *text = giant ("text-encoder", "text.gguf");
  g_autofree char *vae = giant ("vae", "vae"), *tokenizer = giant ("tokenizer", "tokenizer");
  g_autofree char *scheduler = giant ("scheduler", "scheduler"), *budget = g_strconcat ("--memory=", memory, NULL);

  return cli_run (command, transformer, text, vae, tokenizer, scheduler, budget, "--width=1024", "--height=1024",
                  "--prompt=a red cat", extra, more, NULL);
}

static Planned
plan_for (const char *memory)
{
  g_auto (CliRun) run = run_with ("info", memory, "--json", "--plan");
  yyjson_doc *doc = yyjson_read (run.out, strlen (run.out), 0);
  yyjson_val *plan = yyjson_obj_get (yyjson_obj_get (yyjson_doc_get_root (doc), "plan"), "plan"), *stage;
  Planned p = { yyjson_get_bool (yyjson_obj_get (plan, "fits")), yyjson_get_uint (yyjson_obj_get (plan, "budget_bytes")),
                yyjson_get_uint (yyjson_obj_get (plan, "peak_bytes")), 0, 0, 0, 0 };
  yyjson_arr_iter iter;

  cli_assert_status (&run, 0);
  yyjson_arr_iter_init (yyjson_obj_get (plan, "stages"), &iter);
  while ((stage = yyjson_arr_iter_next (&iter)))
    if (g_strcmp0 (yyjson_get_str (yyjson_obj_get (stage, "part")), "transformer") == 0)
      {
        p.streamed = (guint) yyjson_get_uint (yyjson_obj_get (stage, "streamed_blocks"));
        p.blocks = (guint) yyjson_get_uint (yyjson_obj_get (stage, "blocks"));
        p.stage = yyjson_get_uint (yyjson_obj_get (stage, "stage_bytes"));
        p.ring = yyjson_get_uint (yyjson_obj_get (stage, "ring_bytes"));
      }
  yyjson_doc_free (doc);
  g_test_message ("%s: peak %.2f GiB, the transformer's stage %.2f GiB, %u of %u blocks copied ahead through %.2f GiB", memory,
                  p.peak / 0x1p30, p.stage / 0x1p30, p.streamed, p.blocks, p.ring / 0x1p30);
  return p;
}

static void
test_budgets (void)
{
  static const char *const budgets[] = { "2G", "4G", "6G", "8G", "12G", "16G", "24G" };
  const guint64 block = 130 << 20; /* a block's matrices, and a bit */
  guint before = 60;

  for (guint i = 0; i < G_N_ELEMENTS (budgets); i++)
    {
      const Planned p = plan_for (budgets[i]);

      g_assert_true (p.fits);
      g_assert_cmpuint (p.peak, <=, p.budget);
      g_assert_cmpuint (p.stage, <=, p.peak);
      g_assert_cmpuint (p.blocks, ==, 60);
      g_assert_cmpuint (p.streamed, <=, before);
      g_assert_true (p.streamed == 0 ? p.ring == 0 : p.ring > 0);
      if (p.streamed) /* one more would not fit */
        g_assert_cmpuint (p.stage + block, >, p.budget);
      before = p.streamed;
    }
  g_assert_cmpuint (before, ==, 0);
}

static void
test_refused (void)
{
  const Planned p = plan_for ("600M");
  g_autofree char *output = cli_path ("never.png");
  g_autofree char *option = g_strconcat ("--output=", output, NULL);
  g_auto (CliRun) run = run_with ("generate", "600M", option, "--quiet");

  g_assert_false (p.fits);
  cli_assert_status (&run, 4);
  g_test_message ("%s", run.err);
  g_assert_nonnull (strstr (run.err, "600.0 MiB may be used"));
  g_assert_false (g_file_test (output, G_FILE_TEST_EXISTS));
}

static void
add (void)
{
  g_test_add_func ("/giant/budgets", test_budgets);
  g_test_add_func ("/giant/refused", test_refused);
}

int
main (int argc, char **argv)
{
  return cli_test_main (argc, argv, add);
}
