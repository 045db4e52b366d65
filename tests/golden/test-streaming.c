/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks that are copied ahead of their use: a transformer with the real one's 60 blocks, narrow and of random weights, makes
 * the same bytes whether all of it is kept or nearly nothing, within the limit, and what the device counts is what the plan
 * said. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"
#include "models/plan.h"
#include "tests/golden/on-device.h"

#define N_BLOCKS 60
#define N_HEADS 2
#define HEAD_DIM 128
#define WIDTH (N_HEADS * HEAD_DIM)
#define TEXT_WIDTH 64 /* of models/base */
#define SIDE 64       /* pixels */
#define N_STEPS 2

/* -- the model ------------------------------------------------------------------------------------- */

typedef struct
{
  GString *header;
  guint64 at;
} Writer;

static void
add (Writer *w, guint64 rows, guint64 n, const char *format, ...) G_GNUC_PRINTF (4, 5);

static void
add (Writer *w, guint64 rows, guint64 n, const char *format, ...)
{
  const guint64 elements = MAX (rows, 1) * n, end = w->at + 2 * elements;
  g_autofree char *shape = rows ? g_strdup_printf ("%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT, rows, n)
                                : g_strdup_printf ("%" G_GUINT64_FORMAT, n);
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  g_string_append_printf (w->header,
                          "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[%s],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}",
                          w->header->len > 1 ? "," : "", name, shape, w->at, end);
  w->at = end;
}

static void
add_linear (Writer *w, guint64 n_out, guint64 n_in, const char *name)
{
  add (w, n_out, n_in, "%s.weight", name);
  add (w, 0, n_out, "%s.bias", name);
}

static void
add_block (Writer *w, guint i)
{
  static const struct
  {
    const char *name;
    guint n_out, n_in;
  } linears[] = { { "attn.to_q", 1, 1 }, { "attn.to_k", 1, 1 }, { "attn.to_v", 1, 1 }, { "attn.to_out.0", 1, 1 },
                  { "attn.add_q_proj", 1, 1 }, { "attn.add_k_proj", 1, 1 }, { "attn.add_v_proj", 1, 1 },
                  { "attn.to_add_out", 1, 1 }, { "img_mod.1", 6, 1 }, { "txt_mod.1", 6, 1 },
                  { "img_mlp.net.0.proj", 4, 1 }, { "img_mlp.net.2", 1, 4 }, { "txt_mlp.net.0.proj", 4, 1 },
                  { "txt_mlp.net.2", 1, 4 } };
  static const char *const norms[] = { "norm_q", "norm_k", "norm_added_q", "norm_added_k" };

  for (guint k = 0; k < G_N_ELEMENTS (linears); k++)
    {
      g_autofree char *name = g_strdup_printf ("transformer_blocks.%u.%s", i, linears[k].name);

      add_linear (w, linears[k].n_out * WIDTH, linears[k].n_in * WIDTH, name);
    }
  for (guint k = 0; k < G_N_ELEMENTS (norms); k++)
    add (w, 0, HEAD_DIM, "transformer_blocks.%u.attn.%s.weight", i, norms[k]);
}

/* Values between -1/32 and 1/32, as bf16. */
static void
write_values (int fd, guint64 bytes)
{
  const guint64 chunk = 1 << 20;
  g_autofree guint16 *values = g_malloc (chunk);
  guint64 state = 88172645463325252u;

  for (guint64 at = 0; at < bytes; at += chunk)
    {
      const guint64 n = MIN (chunk, bytes - at);

      for (guint64 i = 0; i < n / 2; i++)
        {
          state ^= state << 13;
          state ^= state >> 7;
          state ^= state << 17;
          values[i] = (guint16) ((state & 0x8000) | (0x3c00 + (state >> 20) % 0x100)); /* 2^-7 … 2^-5 */
        }
      g_assert_cmpint (write (fd, values, n), ==, (gssize) n);
    }
}

static void
write_transformer (const char *folder)
{
  static const char config[] =
    "{\"_class_name\":\"QwenImageTransformer2DModel\",\"attention_head_dim\":128,\"axes_dims_rope\":[16,56,56],"
    "\"guidance_embeds\":false,\"in_channels\":64,\"joint_attention_dim\":64,\"num_attention_heads\":2,\"num_layers\":60,"
    "\"out_channels\":16,\"patch_size\":2}";
  g_autofree char *json = g_build_filename (folder, "config.json", NULL);
  g_autofree char *path = g_build_filename (folder, "diffusion_pytorch_model.safetensors", NULL);
  Writer w = { .header = g_string_new ("{") };
  guint64 length;
  int fd;

  add_linear (&w, WIDTH, 64, "img_in");
  add_linear (&w, WIDTH, TEXT_WIDTH, "txt_in");
  add (&w, 0, TEXT_WIDTH, "txt_norm.weight");
  add_linear (&w, WIDTH, 256, "time_text_embed.timestep_embedder.linear_1");
  add_linear (&w, WIDTH, WIDTH, "time_text_embed.timestep_embedder.linear_2");
  add_linear (&w, 2 * WIDTH, WIDTH, "norm_out.linear");
  add_linear (&w, 64, WIDTH, "proj_out");
  for (guint i = 0; i < N_BLOCKS; i++)
    add_block (&w, i);
  g_string_append_c (w.header, '}');
  while (w.header->len % 8)
    g_string_append_c (w.header, ' ');
  length = GUINT64_TO_LE (w.header->len);
  g_assert_true (g_file_set_contents (json, config, -1, NULL));
  fd = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, &length, 8), ==, 8);
  g_assert_cmpint (write (fd, w.header->str, w.header->len), ==, (gssize) w.header->len);
  write_values (fd, w.at);
  close (fd);
  g_string_free (w.header, TRUE);
}

static void
remove_transformer (const char *folder)
{
  static const char *const names[] = { "config.json", "diffusion_pytorch_model.safetensors" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

static char *folder; /* of the transformer */

static QiModelSet *
open_set (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *base = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  QiModelSet *set = qi_model_set_open (&(QiModelPaths){ .model = base, .transformer = folder }, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (set->mmdit_config.n_layers, ==, N_BLOCKS);
  return set;
}

/* -- runs ------------------------------------------------------------------------------------------ */

typedef struct
{
  QiDevice *device;
  QiModelSet *set;
  QiRuntime *runtime;
  QiPlan *plan;
  const QiPipeline *pipeline;
  QiPipelineJob job;
  QiDraws draws;
} Bench;

/* limit 0: none. side: of the picture. measure: times instead of validation. */
static void
bench_open (Bench *b, guint64 limit, guint side, gboolean measure)
{
  g_autoptr (GError) error = NULL;

  b->device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = !measure, .profile = measure,
                                                   .memory_limit = limit }, &error);
  g_assert_no_error (error);
  b->set = open_set ();
  b->runtime = qi_runtime_new (b->device, b->set, QI_COMPUTE_F32, FALSE);
  b->pipeline = qi_pipeline_by_name ("text-to-image");
  b->job = (QiPipelineJob){ .prompt = "a red circle", .negative = " ", .width = side, .height = side, .steps = N_STEPS, .guidance = 1 };
  b->draws = (QiDraws){ 0 };
  qi_pipeline_draw (b->pipeline, b->set, &b->job, 1, 1, FALSE, &b->draws);
  b->plan = qi_plan_new (b->device, b->set, QI_COMPUTE_F32, b->pipeline, &b->job, 1, NULL, limit, &error);
  g_assert_no_error (error);
}

static gboolean
bench_run (Bench *b, guint64 limit, GCancellable *cancellable, QiPlanes *picture, GError **error)
{
  gboolean done;

  qi_device_reset_memory_peak (b->device);
  qi_runtime_set_job (b->runtime, &(QiJob){ .plan = b->plan, .budget = limit, .cancellable = cancellable });
  done = qi_pipeline_run (b->pipeline, b->runtime, &b->job, 1, picture, NULL, error);
  qi_runtime_set_job (b->runtime, NULL);
  return done;
}

static void
bench_close (Bench *b)
{
  g_autofree char *text = NULL;

  qi_runtime_free (b->runtime);
  qi_plan_free (b->plan);
  qi_draws_clear (&b->draws);
  qi_model_set_free (b->set);
  g_assert_cmpuint (qi_device_memory (b->device).blocks, ==, 0);
  qi_device_validation_messages (b->device, &text);
  g_assert_cmpstr (text, ==, NULL);
  qi_device_close (b->device);
}

/* All that the model takes when nothing is left out: weights of all parts, and the largest scratch. */
static guint64
whole_size (guint side)
{
  Bench b;
  guint64 bytes;

  bench_open (&b, 0, side, FALSE);
  bytes = qi_plan_resident_bytes (b.plan);
  bench_close (&b);
  return bytes;
}

static void
test_limits (void)
{
  const guint percent[] = { 100, 50, 25, 10 };
  const guint64 whole = whole_size (SIDE);
  QiPlanes first = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (percent); i++)
    {
      g_autoptr (GError) error = NULL;
      const guint64 limit = whole * percent[i] / 100;
      QiPlanes picture = { 0 };
      QiPlanStage stage;
      guint64 peak;
      Bench b;

      bench_open (&b, limit, SIDE, FALSE);
      stage = qi_plan_stage (b.plan, QI_PART_MMDIT);
      g_assert_true (qi_plan_fits (b.plan, limit, &error));
      g_assert_true (bench_run (&b, limit, NULL, &picture, &error));
      g_assert_no_error (error);
      peak = qi_device_memory (b.device).blocks_peak;
      g_test_message ("%u %%: limit %" G_GUINT64_FORMAT ", plan %" G_GUINT64_FORMAT ", counted %" G_GUINT64_FORMAT
                      ", %u blocks of %u copied ahead",
                      percent[i], limit, qi_plan_peak_bytes (b.plan, limit), peak, stage.n_streamed, stage.n_blocks);
      g_assert_cmpuint (peak, <=, qi_plan_peak_bytes (b.plan, limit));
      g_assert_cmpuint (qi_plan_peak_bytes (b.plan, limit), <=, limit);
      g_assert_cmpuint (stage.n_blocks, ==, N_BLOCKS);
      g_assert_true (percent[i] == 100 ? stage.n_streamed == 0 : stage.n_streamed > N_BLOCKS / 4);
      if (stage.n_streamed)
        {
          const QiRingStats stats = qi_runtime_copied (b.runtime, QI_PART_MMDIT);

          g_assert_cmpuint (stats.n_groups, >=, N_STEPS * stage.n_streamed);
        }
      if (i == 0)
        first = picture;
      else
        {
          g_assert_cmpmem (first.values, 3 * SIDE * SIDE * sizeof (float), picture.values, 3 * SIDE * SIDE * sizeof (float));
          qi_planes_clear (&picture);
        }
      bench_close (&b);
    }
  qi_planes_clear (&first);
}

/* One engine's pictures under other limits than the first's: the transformer is read again with what fits now. */
static void
test_other_limits (void)
{
  const guint64 whole = whole_size (SIDE);
  const guint64 limits[] = { whole / 4, whole / 2, 0, whole / 4 };
  const gsize bytes = 3 * SIDE * SIDE * sizeof (float);
  g_autofree float *expected = NULL;
  Bench b;

  bench_open (&b, 0, SIDE, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autoptr (GError) error = NULL;
      QiPlanes picture = { 0 };

      g_clear_pointer (&b.plan, qi_plan_free);
      b.plan = qi_plan_new (b.device, b.set, QI_COMPUTE_F32, b.pipeline, &b.job, 1, NULL, limits[i], &error);
      g_assert_no_error (error);
      g_assert_true (bench_run (&b, limits[i], NULL, &picture, &error));
      g_assert_no_error (error);
      if (i < 2) /* later ones begin with what the one without a limit holds */
        g_assert_cmpuint (qi_device_memory (b.device).blocks_peak, <=, limits[i]);
      g_assert_true (limits[i] == 0 || qi_device_memory (b.device).blocks <= limits[i]);
      g_assert_cmpuint (qi_runtime_n_streamed (b.runtime, QI_PART_MMDIT), ==, qi_plan_stage (b.plan, QI_PART_MMDIT).n_streamed);
      if (expected)
        g_assert_cmpmem (picture.values, bytes, expected, bytes);
      else
        expected = g_memdup2 (picture.values, bytes);
      qi_planes_clear (&picture);
    }
  bench_close (&b);
}

/* How much of the copying lies under computing: a figure, not a judgement, since it depends on what else the machine does. */
static void
test_overlap (void)
{
  const guint percent[] = { 50, 25, 15 };
  const guint side = 256;
  const guint64 whole = whole_size (side);

  for (guint i = 0; i < G_N_ELEMENTS (percent); i++)
    {
      g_autoptr (GError) error = NULL;
      const guint64 limit = whole * percent[i] / 100;
      QiPlanes picture = { 0 };
      QiRingStats stats;
      Bench b;

      bench_open (&b, limit, side, TRUE);
      g_assert_true (bench_run (&b, limit, NULL, &picture, &error));
      g_assert_no_error (error);
      stats = qi_runtime_copied (b.runtime, QI_PART_MMDIT);
      g_test_minimized_result (1 - stats.hidden / stats.copied,
                               "%u %%: %u of %u blocks copied ahead, %u copies of %.1f MB in %.3f s, %.1f %% of that while the GPU computed",
                               percent[i], qi_plan_stage (b.plan, QI_PART_MMDIT).n_streamed, N_BLOCKS, stats.n_groups,
                               stats.bytes / 1e6 / stats.n_groups, stats.copied, 100 * stats.hidden / stats.copied);
      qi_planes_clear (&picture);
      bench_close (&b);
    }
}

/* Below what can be: figures, and nothing was allocated. */
static void
test_too_little (void)
{
  const guint64 limit = whole_size (SIDE) / 40;
  g_autoptr (GError) error = NULL;
  QiPlanes picture = { 0 };
  Bench b;

  bench_open (&b, limit, SIDE, FALSE);
  g_assert_cmpuint (qi_plan_stage (b.plan, QI_PART_MMDIT).n_streamed, ==, N_BLOCKS);
  g_assert_false (qi_plan_fits (b.plan, limit, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  g_assert_false (bench_run (&b, limit, NULL, &picture, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY);
  g_assert_cmpuint (qi_device_memory (b.device).blocks_peak, ==, 0);
  bench_close (&b);
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (700000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

/* Cancelled on the way, then once more from start to end; then with a file that has become shorter. */
static void
test_interrupted (void)
{
  const guint64 limit = whole_size (SIDE) / 4;
  g_autofree char *path = g_build_filename (folder, "diffusion_pytorch_model.safetensors", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  QiPlanes picture = { 0 };
  GThread *thread;
  Bench b;

  bench_open (&b, limit, SIDE, FALSE);
  b.job.steps = 50;
  qi_plan_free (b.plan);
  qi_draws_clear (&b.draws);
  qi_pipeline_draw (b.pipeline, b.set, &b.job, 1, 1, FALSE, &b.draws);
  b.plan = qi_plan_new (b.device, b.set, QI_COMPUTE_F32, b.pipeline, &b.job, 1, NULL, limit, &error);
  g_assert_no_error (error);
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  g_assert_false (bench_run (&b, limit, cancellable, &picture, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_clear_error (&error);

  b.job.steps = 1;
  g_assert_true (bench_run (&b, limit, NULL, &picture, &error));
  g_assert_no_error (error);
  qi_planes_clear (&picture);

  g_assert_cmpint (truncate (path, 100 << 20), ==, 0);
  g_assert_false (bench_run (&b, limit, NULL, &picture, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
  g_test_message ("%s", error->message);
  bench_close (&b);
}

/* Hidden states of a prompt, the second time over, by an encoder that keeps all but n_streamed layers. (g_free) */
static float *
hidden_states (QiDevice *device, const QiModelSet *set, guint n_streamed, gsize *n)
{
  static const guint32 ids[] = { 5, 17, 3, 99, 42, 17, 8, 1 };
  const QiTextInput input = { .ids = ids, .n_ids = G_N_ELEMENTS (ids) };
  const QiCheckpoint *checkpoint = qi_model_set_part (set, QI_COMPONENT_TEXT_ENCODER);
  g_autoptr (QiPool) pool = qi_pool_new (device, "weights", FALSE);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  g_autoptr (QiRing) ring = n_streamed ? qi_weights_ring_new (device, "ring", checkpoint, FALSE) : NULL;
  const QiLoad load = { .checkpoint = checkpoint, .pool = pool, .stream = s, .ring = ring, .n_streamed = n_streamed };
  g_autoptr (GError) error = NULL;
  g_autoptr (QiTextEncoder) encoder = qi_text_encoder_new (&set->text_config, &load, &error);
  float *values;

  g_assert_no_error (error);
  qi_text_encoder_forward (encoder, s, &input, NULL);

  const QiTensor *hidden = qi_text_encoder_forward (encoder, s, &input, NULL);

  *n = qi_tensor_elements (hidden);
  values = g_new (float, *n);
  g_assert_true (qi_stream_download (s, hidden, values, *n * sizeof *values, &error));
  g_assert_no_error (error);
  if (ring)
    g_assert_cmpuint (qi_ring_stats (ring).n_groups, >=, 2 * n_streamed);
  return values;
}

/* The text encoder's layers as well; fewer of them than there are in part. */
static void
test_text (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = TRUE }, &error);
  g_autofree char *base = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  g_autoptr (QiModelSet) set = qi_model_set_open (&(QiModelPaths){ .model = base }, &error);
  const guint n_layers = set->text_config.n_layers;
  gsize n, again;
  g_autofree float *expected = hidden_states (device, set, 0, &n);

  for (guint k = 1; k <= n_layers; k++)
    {
      g_autofree float *values = hidden_states (device, set, k, &again);

      g_assert_cmpmem (values, again * sizeof *values, expected, n * sizeof *expected);
    }
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  if (!golden_has_device (&argc, &argv))
    return 0;
  folder = g_dir_make_tmp ("sfumato-streaming-XXXXXX", &error);
  g_assert_no_error (error);
  write_transformer (folder);
  g_test_add_func ("/streaming/limits", test_limits);
  g_test_add_func ("/streaming/other-limits", test_other_limits);
  if (g_test_perf ())
    g_test_add_func ("/streaming/overlap", test_overlap);
  g_test_add_func ("/streaming/too-little", test_too_little);
  g_test_add_func ("/streaming/text", test_text);
  g_test_add_func ("/streaming/interrupted", test_interrupted); /* shortens the file */
  status = g_test_run ();
  remove_transformer (folder);
  g_free (folder);
  return status;
}
