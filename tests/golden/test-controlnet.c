/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* DiffSynth's blockwise ControlNet, for which there is no golden case, against its formula in plain loops; and a picture with it. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "cli/tensor-file.h"
#include "models/pipeline/pipelines.h"
#include "tests/golden/on-device.h"

#define D 64         /* width of the tiny transformer */
#define BLOCKS 3
#define CONDITION 68 /* latents of 16 channels and a mask, 2 × 2 */
#define TOKENS 15
#define OTHERS 4     /* tokens of a reference, which are not steered */
#define SCALE 0.7

static QiDevice *device;
static QiTensorFile *file; /* the net's weights */
static char *folder, *path;

static float *
normal (QiNoise *noise, gsize n, float scale, float offset)
{
  float *values = g_new (float, n);

  qi_noise_normal (noise, values, n);
  for (gsize i = 0; i < n; i++)
    values[i] = values[i] * scale + offset;
  return values;
}

static void
add (QiNoise *noise, guint64 rows, guint64 columns, float scale, float offset, const char *format, ...) G_GNUC_PRINTF (6, 7);

static void
add (QiNoise *noise, guint64 rows, guint64 columns, float scale, float offset, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree float *values = normal (noise, rows * MAX (columns, 1), scale, offset);

  qi_tensor_file_add (file, name, "F32", columns ? 2 : 1, (guint64[]){ rows, columns }, values);
}

static void
make_net (void)
{
  QiNoise noise;

  qi_noise_seed (&noise, 17);
  file = qi_tensor_file_new ();
  add (&noise, D, CONDITION, 0.1f, 0, "img_in.weight");
  add (&noise, D, 0, 0.1f, 0, "img_in.bias");
  for (guint i = 0; i < BLOCKS; i++)
    {
      add (&noise, D, 0, 0.2f, 1, "controlnet_blocks.%u.x_rms.weight", i);
      add (&noise, D, 0, 0.2f, 1, "controlnet_blocks.%u.y_rms.weight", i);
      add (&noise, D, D, 0.1f, 0, "controlnet_blocks.%u.input_proj.weight", i);
      add (&noise, D, 0, 0.1f, 0, "controlnet_blocks.%u.input_proj.bias", i);
      add (&noise, D, D, 0.1f, 0, "controlnet_blocks.%u.output_proj.weight", i);
      add (&noise, D, 0, 0.1f, 0, "controlnet_blocks.%u.output_proj.bias", i);
    }
  folder = g_dir_make_tmp ("qi-controlnet-XXXXXX", NULL);
  path = g_build_filename (folder, "blockwise-inpaint.safetensors", NULL);
  g_assert_true (qi_tensor_file_write (file, path, NULL));
}

static QiModelSet *
open_set (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  QiModelSet *set = qi_model_set_open (&(QiModelPaths){ .model = model, .controlnet = path }, &error);

  g_assert_no_error (error);
  return set;
}

/* -- the formula ----------------------------------------------------------------------------------- */

static float *
weight (const char *format, guint i)
{
  g_autofree char *name = g_strdup_printf (format, i);

  return qi_tensor_entry_floats (qi_tensor_file_find (file, name), NULL);
}

/* y = x W^T + b, one row */
static void
linear (double *y, const double *x, guint n_in, guint n_out, const char *weight_name, const char *bias_name, guint i)
{
  g_autofree float *w = weight (weight_name, i), *b = weight (bias_name, i);

  for (guint o = 0; o < n_out; o++)
    {
      y[o] = b[o];
      for (guint k = 0; k < n_in; k++)
        y[o] += (double) w[o * n_in + k] * x[k];
    }
}

static void
add_rms (double *sum, const double *x, const char *name, guint i)
{
  g_autofree float *w = weight (name, i);
  double squares = 0;

  for (guint k = 0; k < D; k++)
    squares += x[k] * x[k];
  for (guint k = 0; k < D; k++)
    sum[k] += x[k] / sqrt (squares / D + 1e-6) * w[k];
}

/* One token's stream after block i. */
static void
steer (double *x, const double *y, guint i)
{
  double sum[D] = { 0 }, hidden[D], hint[D];

  add_rms (sum, x, "controlnet_blocks.%u.x_rms.weight", i);
  add_rms (sum, y, "controlnet_blocks.%u.y_rms.weight", i);
  linear (hidden, sum, D, D, "controlnet_blocks.%u.input_proj.weight", "controlnet_blocks.%u.input_proj.bias", i);
  for (guint k = 0; k < D; k++)
    hidden[k] = 0.5 * hidden[k] * (1 + erf (hidden[k] / G_SQRT2));
  linear (hint, hidden, D, D, "controlnet_blocks.%u.output_proj.weight", "controlnet_blocks.%u.output_proj.bias", i);
  for (guint k = 0; k < D; k++)
    x[k] += SCALE * hint[k];
}

/* -- tests ----------------------------------------------------------------------------------------- */

static void
test_blockwise (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiModelSet) set = open_set ();
  g_autoptr (QiPool) pool = qi_pool_new (device, "weights", FALSE);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  const QiLoad load = { .checkpoint = set->controlnet, .pool = pool, .stream = s };
  g_autoptr (QiControlnet) net = qi_controlnet_new (&set->control_config, &load, &error);
  g_autofree float *condition = NULL, *img = NULL, *result = g_new (float, (TOKENS + OTHERS) * D);
  QiMmditInput input = { 0 };
  QiControl control;
  QiNoise noise;

  g_assert_no_error (error);
  g_assert_true (set->control_config.blockwise && set->control_config.inpaint);
  g_assert_cmpuint (set->control_config.net.n_layers, ==, BLOCKS);
  qi_noise_seed (&noise, 18);
  condition = normal (&noise, TOKENS * CONDITION, 1, 0);
  img = normal (&noise, (TOKENS + OTHERS) * D, 3, 1);
  qi_stream_begin_scope (s);
  const QiTensor *c = qi_scratch (s, QI_DTYPE_F32, TOKENS, CONDITION), *x = qi_scratch (s, QI_DTYPE_F32, TOKENS + OTHERS, D);

  qi_stream_upload (s, c, 0, condition, TOKENS * CONDITION * sizeof (float));
  qi_stream_upload (s, x, 0, img, (TOKENS + OTHERS) * D * sizeof (float));
  qi_control_begin (net, s, c, BLOCKS, &control);
  qi_control_step (&control, s, 0, 0, &input, NULL);
  g_assert_null (input.after_block);
  qi_control_step (&control, s, SCALE, 0, &input, NULL);
  g_assert_cmpuint (input.n_target, ==, TOKENS);
  for (guint i = 0; i < BLOCKS; i++)
    input.after_block (s, i, qi_view_rows (s, x, 0, input.n_target), input.after_block_data);
  g_assert_true (qi_stream_download (s, x, result, (TOKENS + OTHERS) * D * sizeof (float), &error));
  qi_stream_end_scope (s);
  for (guint t = 0; t < TOKENS + OTHERS; t++)
    {
      double row[D], from[CONDITION], y[D];

      for (guint k = 0; k < D; k++)
        row[k] = img[t * D + k];
      for (guint k = 0; t < TOKENS && k < CONDITION; k++)
        from[k] = condition[t * CONDITION + k];
      if (t < TOKENS)
        linear (y, from, CONDITION, D, "img_in.weight", "img_in.bias", 0);
      for (guint i = 0; t < TOKENS && i < BLOCKS; i++)
        steer (row, y, i);
      for (guint k = 0; k < D; k++)
        g_assert_cmpfloat (fabs (result[t * D + k] - row[k]), <, 1e-5);
    }
}

static QiPicture
pattern (guint width, guint height, guint channels)
{
  const gsize n = (gsize) width * height * channels;
  guint8 *pixels = g_malloc (n);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8) (i / channels % width < width / 2 ? 255 : 0);
  return (QiPicture){ qi_image_new (width, height, channels, (gsize) width * channels, bytes), width, height };
}

/* The mean of the posterior is taken, so nothing is drawn for it; and the net makes a difference. */
static void
test_picture (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiModelSet) set = open_set ();
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  const QiPipeline *pipeline = qi_pipeline_by_name ("controlnet-inpaint");
  const QiPicture picture = pattern (80, 48, 3), mask = pattern (80, 48, 1);
  QiPipelineJob jobs[2];
  g_auto (QiDraws) draws = { 0 };
  QiPlanes planes[2];
  guint differ = 0;

  for (guint i = 0; i < 2; i++)
    jobs[i] = (QiPipelineJob){ .prompt = "a fox", .width = 80, .height = 48, .steps = 2, .guidance = 1, .pictures = &picture,
                               .n_pictures = 1, .mask = &mask };
  jobs[1].control_scale = 0.25;
  qi_pipeline_draw (pipeline, set, jobs, 2, 1, FALSE, &draws);
  g_assert_null (draws.posterior);
  jobs[1].noise = jobs[0].noise;
  g_assert_true (qi_pipeline_run (pipeline, runtime, jobs, 2, planes, NULL, &error));
  g_assert_no_error (error);
  for (gsize i = 0; i < 3 * 80 * 48; i++)
    differ += planes[0].values[i] != planes[1].values[i];
  g_assert_cmpuint (differ, >, 1000);
  qi_planes_clear (&planes[0]);
  qi_planes_clear (&planes[1]);
  qi_image_unref (picture.image);
  qi_image_unref (mask.image);
}

int
main (int argc, char **argv)
{
  int status;

  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  make_net ();
  g_test_add_func ("/controlnet/blockwise", test_blockwise);
  g_test_add_func ("/controlnet/picture", test_picture);
  status = golden_run (device);
  qi_tensor_file_free (file);
  g_unlink (path);
  g_rmdir (folder);
  g_free (path);
  g_free (folder);
  return status;
}
