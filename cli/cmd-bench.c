/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* sfumato bench: how fast this machine is, without any model file. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "cli/bench.h"
#include "cli/events.h"
#include "cli/options.h"
#include "cli/peak.h"

#define NOT_GIVEN G_MININT
#define STEP_TEXT 64 /* tokens of a step's prompt */

typedef struct
{
  char *op, *synthetic, *compare, *device, *compute, *weights;
  gboolean full;
  gint blocks, width, height, text;
  double seconds;
} Wanted;

static void
wanted_clear (Wanted *wanted)
{
  g_free (wanted->op);
  g_free (wanted->synthetic);
  g_free (wanted->compare);
  g_free (wanted->device);
  g_free (wanted->compute);
  g_free (wanted->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wanted, wanted_clear)

static gboolean
is_weight_type (const char *name)
{
  for (guint i = 0; i < QI_N_WEIGHT_DTYPES; i++)
    if (strcmp (name, qi_dtype_info ((QiDtype) i)->name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
check (const Wanted *wanted, GError **error)
{
  const gboolean sane = wanted->blocks >= 1 && wanted->blocks <= QI_MAX_LAYERS && wanted->width >= 16
                        && wanted->height >= 16 && wanted->width <= 4096 && wanted->height <= 4096
                        && (wanted->text == NOT_GIVEN || (wanted->text >= 1 && wanted->text <= 4096)) && wanted->seconds >= 0 && wanted->seconds <= 3600;

  if (!sane)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--blocks may be 1 to %d, --width and --height 16 to 4096, "
                 "--text 1 to 4096, --seconds 0 to 3600.", QI_MAX_LAYERS);
  else if (wanted->compute && g_strcmp0 (wanted->compute, "f32") != 0 && g_strcmp0 (wanted->compute, "f16") != 0
           && g_strcmp0 (wanted->compute, "auto") != 0)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--compute is \"%s\", and may be f32, f16 or auto.",
                 wanted->compute);
  else if (wanted->weights && !is_weight_type (wanted->weights))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--weights is \"%s\", and may be f32, f16, bf16, q8_0, q4_k and so on.",
                 wanted->weights);
  else
    return TRUE;
  return FALSE;
}

static void
write_host (const QiBench *bench)
{
  const QiDeviceInfo *info = qi_device_info (bench->device);

  if (bench->json)
    printf ("{\"event\":\"host\",\"processors\":%u,\"peak_gflops\":%.3f}\n", g_get_num_processors (),
            bench->host_flops * 1e-9);
  else
    printf ("%s, %s\n%u processors, %.1f GFLOP/s in f32 at their best\n", info->name, info->driver,
            g_get_num_processors (), bench->host_flops * 1e-9);
  fflush (stdout);
}

static gboolean
measure (const Wanted *wanted, gboolean json, GCancellable *cancellable, GError **error)
{
  const char *name = wanted->device && *wanted->device ? wanted->device : qi_env_device ();
  const QiDeviceParams params = { .device = name, .memory_limit = qi_env_memory_limit (), .validate = qi_env_validate (),
                                  .kernels = qi_env_kernels () };
  g_autoptr (QiDevice) device = qi_device_open (&params, error);

  if (!device)
    return FALSE;

  g_autoptr (QiPool) pool = qi_pool_new (device, "bench", FALSE);
  g_autoptr (QiStream) stream = qi_stream_new (device, FALSE);
  const gboolean half = g_strcmp0 (wanted->compute, "f16") == 0;
  QiBench bench = { .device = device, .stream = stream, .pool = pool, .host_flops = qi_peak_flops (),
                    .max_seconds = wanted->seconds, .json = json, .full = wanted->full, .weights = wanted->weights,
                    .random = 88172645463325252u };

  qi_stream_set_compute (stream, half ? QI_COMPUTE_F16 : QI_COMPUTE_F32);
  qi_stream_set_cancellable (stream, cancellable);
  write_host (&bench);
  const guint n_text = wanted->text == NOT_GIVEN ? 0 : (guint) wanted->text, n_blocks = (guint) wanted->blocks;

  if (wanted->synthetic && qi_bench_is_text (wanted->synthetic))
    return qi_bench_text (&bench, wanted->synthetic, n_blocks, n_text, error);
  if (wanted->synthetic)
    return qi_bench_synthetic (&bench, wanted->synthetic, n_blocks, (guint) wanted->width, (guint) wanted->height,
                               n_text ? n_text : STEP_TEXT, error);
  return qi_bench_ops (&bench, wanted->op, error);
}

int
qi_cmd_bench (int argc, char **argv, GCancellable *cancellable)
{
  g_autoptr (QiOptions) options = qi_options_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;
  g_auto (Wanted) wanted = { .blocks = 1, .width = 256, .height = 256, .text = NOT_GIVEN, .seconds = 3 };
  const GOptionEntry own[] = {
    { "op", 0, 0, G_OPTION_ARG_FILENAME, &wanted.op,
      "one of copy, linear, attention, conv, decode, norm, rope (default: all)", "NAME" },
    { "synthetic", 0, 0, G_OPTION_ARG_FILENAME, &wanted.synthetic, "of a model made up here: steps of a transformer, 20b or tiny, or its text encoder, 7b or tiny-text", "NAME" },
    { "blocks", 0, 0, G_OPTION_ARG_INT, &wanted.blocks, "of how many blocks, or layers of the text encoder (1)", "N" },
    { "width", 0, 0, G_OPTION_ARG_INT, &wanted.width, "of the picture, pixels (256)", "N" },
    { "height", 0, 0, G_OPTION_ARG_INT, &wanted.height, "of the picture, pixels (256)", "N" },
    { "text", 0, 0, G_OPTION_ARG_INT, &wanted.text, "tokens of the prompt (64; of a text encoder 100, then 1500)", "N" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &wanted.seconds, "for one measurement, once it was made three times (3)", "X" },
    { "weights", 0, 0, G_OPTION_ARG_FILENAME, &wanted.weights, "only weights of this type, such as f16 or q4_k", "TYPE" },
    { "full", 0, 0, G_OPTION_ARG_NONE, &wanted.full, "a processor measures the sizes of a GPU too, which takes minutes", NULL },
    { "compare", 0, 0, G_OPTION_ARG_FILENAME, &wanted.compare, "compare what two runs with --json wrote",
      "A.json B.json" },
    { "device", 0, 0, G_OPTION_ARG_FILENAME, &wanted.device, "name or UUID prefix of the GPU, or cpu", "NAME" },
    { "compute", 0, 0, G_OPTION_ARG_FILENAME, &wanted.compute, "f32 (default) or f16: precision of products", "TYPE" },
    { 0 }
  };
  QiEvents events;
  gboolean ok = qi_options_parse (options, 0, "Measures operations, or whole steps, on this machine.", own, &other, argc,
                                  argv, &error);

  qi_events_init (&events, options->quiet, options->json || (!ok && qi_options_want_json (argc, argv)));
  if (ok && options->help)
    return QI_STATUS_DONE;
  ok = ok && check (&wanted, &error);
  if (ok && !wanted.compare != !other)
    {
      g_set_error (&error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--compare takes two files, and no other option a word alone.");
      ok = FALSE;
    }
  ok = ok && (wanted.compare ? qi_bench_compare (wanted.compare, other, options->json, &error)
                             : measure (&wanted, options->json, cancellable, &error));
  return ok ? QI_STATUS_DONE : qi_events_error (&events, error);
}
