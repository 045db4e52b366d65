/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* LoRA files beside the weights of a transformer against the same transformer with the weights merged: every spelling, on
 * f32 and on Q4_K; several at once; strength 0; what does not fit; what is damaged. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "cli/tensor-file.h"
#include "models/adapter/lora.h"
#include "models/sample/noise.h"
#include "tests/golden/merge-lora.h"
#include "tests/golden/on-device.h"

#define N_TEXT 5
#define ROWS 8
#define COLUMNS 7 /* image tokens: more than the rows from which block types are expanded */
#define MAX_FILES 2

static QiDevice *device;
static char *folder; /* of this program's own files */

static char *
lora_path (const char *kind, const char *file)
{
  return g_build_filename (g_getenv ("SFUMATO_TEST_LORAS"), kind, file, NULL);
}

/* -- a transformer ---------------------------------------------------------------------------------- */

typedef struct
{
  QiModelSet *set;
  QiPool *pool, *addons;
  QiStream *s;
  QiMmdit *dit;
  QiLoraSides *sides;
} Net;

static void
net_clear (Net *net)
{
  qi_lora_sides_free (net->sides);
  qi_mmdit_free (net->dit);
  qi_stream_free (net->s);
  qi_pool_free (net->addons);
  qi_pool_free (net->pool);
  qi_model_set_free (net->set);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Net, net_clear)

/* kind: "base" in f32, or "wide" in Q4_K; transformer NULL: its own weights. */
static QiModelSet *
open_set (const char *kind, const char *transformer, const char *variant)
{
  const gboolean base = strcmp (kind, "base") == 0;
  g_autofree char *config = base ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "config", NULL) : lora_path (kind, "config"),
                  *own = base ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "transformer", "f32.safetensors", NULL)
                              : lora_path (kind, "transformer.gguf");
  g_autoptr (GError) error = NULL;
  QiModelSet *set = qi_model_set_open (&(QiModelPaths){ .transformer = transformer ? transformer : own, .config = config,
                                                        .variant = variant }, &error);

  g_assert_no_error (error);
  g_assert_nonnull (set->mmdit_from);
  return set;
}

static void
net_open (Net *net, const char *kind, const char *transformer, QiCompute compute)
{
  g_autoptr (GError) error = NULL;

  *net = (Net){ .set = open_set (kind, transformer, NULL) };
  net->pool = qi_pool_new (device, "weights", FALSE);
  net->addons = qi_pool_new (device, "add-ons", FALSE);
  net->s = qi_stream_new (device, FALSE);
  qi_stream_set_compute (net->s, compute);
  net->dit = qi_mmdit_new (&net->set->mmdit_config, &(QiLoad){ .checkpoint = net->set->transformer, .pool = net->pool, .stream = net->s },
                           &error);
  g_assert_no_error (error);
}

static void
net_hang (Net *net, const char *lines)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiLoras) loras = qi_loras_open (lines, net->set, &error);

  g_assert_no_error (error);
  g_clear_pointer (&net->sides, qi_lora_sides_free);
  net->sides = qi_lora_sides_new (loras, net->dit, &(QiLoad){ .pool = net->addons, .stream = net->s }, &error);
  g_assert_no_error (error);
}

static const QiTensor *
random_rows (QiStream *s, guint64 rows, guint64 columns, guint64 seed)
{
  g_autofree float *values = g_new (float, rows * columns);
  const QiTensor *t = qi_scratch (s, QI_DTYPE_F32, rows, columns);
  QiNoise noise;

  qi_noise_seed (&noise, seed);
  qi_noise_normal (&noise, values, rows * columns);
  qi_stream_upload (s, t, 0, values, qi_tensor_bytes (t));
  return t;
}

/* The velocity (g_free). */
static float *
net_forward (const Net *net, gsize *n)
{
  const QiMmditConfig *c = &net->set->mmdit_config;
  const QiTokenGrid grid = { 1, ROWS, COLUMNS };
  g_autoptr (GError) error = NULL;
  float *values;

  qi_stream_begin_scope (net->s);
  const QiMmditInput input = { .x = random_rows (net->s, ROWS * COLUMNS, c->in_channels, 1),
                               .text = random_rows (net->s, N_TEXT, c->text_dim, 2),
                               .grids = &grid,
                               .n_grids = 1,
                               .sigma = 0.7f };
  const QiTensor *velocity = qi_mmdit_forward (net->dit, net->s, &input, NULL);

  *n = qi_tensor_elements (velocity);
  values = g_new (float, *n);
  qi_stream_download (net->s, velocity, values, *n * sizeof (float), &error);
  qi_stream_end_scope (net->s);
  g_assert_no_error (error);
  return values;
}

/* |a - b| / |b| */
static double
distance (const float *a, const float *b, gsize n)
{
  double difference = 0, norm = 0;

  for (gsize i = 0; i < n; i++)
    {
      g_assert_true (isfinite (a[i]) && isfinite (b[i]));
      difference += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
      norm += (double) b[i] * b[i];
    }
  return sqrt (difference / norm);
}

/* -- merging ------------------------------------------------------------------------------------------ */

typedef struct
{
  const char *file;
  double strength;
} Part;

static float *
dequantised (const Net *net, const QiCheckpointTensor *tensor, gsize n)
{
  g_autofree guint8 *bytes = g_malloc (tensor->bytes);
  g_autoptr (GError) error = NULL;
  float *values = g_new (float, n);

  g_assert_true (qi_checkpoint_read (net->set->transformer, tensor, 0, bytes, tensor->bytes, &error));
  qi_stream_begin_scope (net->s);
  const QiTensor *raw = qi_stream_scratch (net->s, tensor->dtype, tensor->n_dims, tensor->dims);

  qi_stream_upload (net->s, raw, 0, bytes, tensor->bytes);
  qi_stream_download (net->s, qi_decode (net->s, raw), values, n * sizeof (float), &error);
  qi_stream_end_scope (net->s);
  g_assert_no_error (error);
  return values;
}

/* All of net's weights in f32 with parts in them, as a file; how many layers were changed. */
static char *
write_merged (const Net *net, const char *kind, const Part *parts, guint n_parts, guint *n_changed)
{
  g_autoptr (QiTensorFile) file = qi_tensor_file_new ();
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, "merged.safetensors", NULL);

  *n_changed = 0;
  for (guint i = 0; i < qi_checkpoint_n_tensors (net->set->transformer); i++)
    {
      const QiCheckpointTensor *tensor = qi_checkpoint_tensor (net->set->transformer, i);
      const gsize n = tensor->dims[0] * (tensor->n_dims == 2 ? tensor->dims[1] : 1);
      g_autofree float *values = dequantised (net, tensor, n);
      g_autofree double *w = g_new (double, n);
      g_autofree char *module = g_strndup (tensor->name, strlen (tensor->name) - strlen (".weight"));

      for (gsize k = 0; k < n; k++)
        w[k] = values[k];
      for (guint k = 0; tensor->n_dims == 2 && k < n_parts; k++)
        *n_changed += lora_merge (lora_spelling (parts[k].file), kind, parts[k].strength, module, w, tensor->dims[0], tensor->dims[1]);
      for (gsize k = 0; k < n; k++)
        values[k] = (float) w[k];
      qi_tensor_file_add (file, tensor->name, "F32", tensor->n_dims, tensor->dims, values);
    }
  g_assert_true (qi_tensor_file_write (file, path, &error));
  return path;
}

static char *
lines_of (const char *kind, const Part *parts, guint n_parts)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < n_parts; i++)
    {
      g_autofree char *path = lora_path (kind, parts[i].file);

      g_string_append_printf (lines, "%s:%g\n", path, parts[i].strength);
    }
  return g_string_free (lines, FALSE);
}

/* Beside the weights equals merged; and makes a difference at all. */
static void
check_merged (const char *kind, QiCompute compute, const Part *parts, guint n_parts, guint n_layers, double limit)
{
  g_autofree char *lines = lines_of (kind, parts, n_parts), *path = NULL;
  g_autofree float *plain = NULL, *beside = NULL, *merged = NULL;
  guint n_changed;
  gsize n;
  double off, change;

  {
    g_auto (Net) net = { 0 };

    net_open (&net, kind, NULL, compute);
    plain = net_forward (&net, &n);
    net_hang (&net, lines);
    beside = net_forward (&net, &n);
    path = write_merged (&net, kind, parts, n_parts, &n_changed);
  }
  g_assert_cmpuint (n_changed, ==, n_layers);
  {
    g_auto (Net) net = { 0 };

    net_open (&net, kind, path, compute);
    merged = net_forward (&net, &n);
  }
  off = distance (beside, merged, n);
  change = distance (plain, merged, n);
  g_test_message ("%s, %s: off by %.2e, where none at all is off by %.2e", kind, parts[0].file, off, change);
  g_assert_cmpfloat (off, <=, limit);
  g_assert_cmpfloat (change, >=, 0.05);
}

static const struct
{
  const char *file;
  guint n_base, n_wide; /* layers that it changes */
} formats[] = {
  { "diffusers.safetensors", 48, 20 }, { "kohya.safetensors", 42, 14 }, { "Qwen-Image-Lightning-4steps-V1.0.safetensors", 36, 12 },
  { "lokr.safetensors", 37, 13 },      { "fused.safetensors", 18, 6 },
};

static void
test_f32 (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    check_merged ("base", QI_COMPUTE_F32, &(Part){ formats[i].file, 0.8 }, 1, formats[i].n_base, 5e-6);
}

static void
test_q4_k (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    check_merged ("wide", QI_COMPUTE_F32, &(Part){ formats[i].file, 0.8 }, 1, formats[i].n_wide, 5e-6);
}

/* Operands of f16: the weight and the two factors are rounded apart, the merged weight once. */
static void
test_f16 (void)
{
  check_merged ("wide", QI_COMPUTE_F16, &(Part){ formats[0].file, -0.5 }, 1, formats[0].n_wide, 3e-3);
  check_merged ("wide", QI_COMPUTE_F16, &(Part){ formats[3].file, 1 }, 1, formats[3].n_wide, 3e-3);
}

static void
test_several (void)
{
  const Part two[] = { { "diffusers.safetensors", 0.5 }, { "second.safetensors", 1.5 } };
  const Part mixed[] = { { "lokr.safetensors", 1 }, { "kohya.safetensors", -0.7 } };

  check_merged ("base", QI_COMPUTE_F32, two, 2, 48 + 15, 5e-6);
  check_merged ("wide", QI_COMPUTE_F32, mixed, 2, 13 + 14, 5e-6);
}

/* Strength 0, and taking the files off again, leave not a bit behind. */
static void
test_nothing (void)
{
  g_auto (Net) net = { 0 };
  g_autofree char *path = lora_path ("base", "diffusers.safetensors"), *none = g_strconcat (path, ":0", NULL);
  g_autofree float *plain = NULL, *zero = NULL, *with = NULL, *after = NULL;
  gsize n;

  net_open (&net, "base", NULL, QI_COMPUTE_F32);
  plain = net_forward (&net, &n);
  net_hang (&net, none);
  zero = net_forward (&net, &n);
  net_hang (&net, path);
  with = net_forward (&net, &n);
  g_clear_pointer (&net.sides, qi_lora_sides_free);
  after = net_forward (&net, &n);
  g_assert_cmpmem (plain, n * sizeof (float), zero, n * sizeof (float));
  g_assert_cmpmem (plain, n * sizeof (float), after, n * sizeof (float));
  g_assert_cmpfloat (distance (with, plain, n), >, 0.05);
}

/* -- what is said about files -------------------------------------------------------------------------- */

static void
test_lines (void)
{
  static const struct
  {
    const char *line, *path; /* path NULL: refused */
    double strength;
  } rows[] = {
    { "/a/b.safetensors", "/a/b.safetensors", 1 },     { "/a/b.safetensors:0.5", "/a/b.safetensors", 0.5 },
    { "  b:-1e-1 ", "b", -0.1 },                       { "a:b:c.safetensors:2", "a:b:c.safetensors", 2 },
    { "a:b.safetensors", "a:b.safetensors", 1 },       { "2:2:2", "2:2", 2 },
    { "a:0", "a", 0 },                                 { "a:", "a:", 1 },
    { "a:0x10z", "a:0x10z", 1 },                       { "a:nan", NULL, 0 },
    { "a:inf", NULL, 0 },                              { "a:101", NULL, 0 },
    { ":0.5", NULL, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = NULL;
      g_autoptr (GError) error = NULL;
      double strength;
      const gboolean good = qi_lora_parse_line (rows[i].line, &path, &strength, &error);

      g_test_message ("“%s”", rows[i].line);
      g_assert_cmpint (good, ==, rows[i].path != NULL);
      g_assert_cmpstr (path, ==, rows[i].path);
      if (good)
        g_assert_cmpfloat (strength, ==, rows[i].strength);
      else
        g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
    }
}

static void
test_info (void)
{
  g_autoptr (QiModelSet) set = open_set ("base", NULL, NULL);
  g_autofree char *extra = lora_path ("base", "extra.safetensors"), *few = lora_path ("base", formats[2].file),
                  *lokr = lora_path ("base", "lokr.safetensors"), *kohya = lora_path ("base", "kohya.safetensors"),
                  *lines = g_strjoin ("\n", extra, few, "", lokr, kohya, NULL), *note = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (QiLoras) loras = qi_loras_open (lines, set, &error);
  g_autoptr (QiRequest) request = qi_request_new ();
  const QiLoraInfo *info;

  g_assert_no_error (error);
  g_assert_cmpuint (qi_loras_n (loras), ==, 4);
  info = qi_loras_info (loras, 0);
  g_assert_cmpstr (info->format, ==, "diffusers");
  g_assert_cmpuint (info->n_parts, ==, 17);
  g_assert_cmpuint (info->n_matched, ==, 15);
  g_assert_cmpuint (info->n_keys, ==, 35);
  g_assert_cmpuint (info->n_unused, ==, 5);
  g_assert_cmpuint (qi_loras_unused (loras, 0)->len, ==, 5);
  g_assert_cmpuint (info->few_steps, ==, 0);
  info = qi_loras_info (loras, 1);
  g_assert_cmpstr (info->format, ==, "lightx2v");
  g_assert_cmpuint (info->few_steps, ==, 4);
  g_assert_cmpuint (info->n_unused, ==, 0);
  g_assert_cmpuint (info->max_rank, ==, 4);
  g_assert_cmpstr (qi_loras_info (loras, 2)->format, ==, "LoKr");
  info = qi_loras_info (loras, 3);
  g_assert_cmpstr (info->format, ==, "kohya");
  g_assert_cmpuint (info->min_rank, ==, 1);
  g_assert_cmpuint (info->max_rank, ==, 5);
  g_assert_cmpuint (qi_loras_few_steps (loras), ==, 4);
  note = qi_loras_note (loras, request);
  g_assert_cmpstr (note, ==, "Of the add-on “extra” 5 of 35 keys are not used.");
  request->quality = QI_QUALITY_MAXIMUM;
  g_free (note);
  note = qi_loras_note (loras, request);
  g_assert_cmpstr (note, ==, "A few-step add-on is in use, so 4 steps were made, not those of the quality “maximum”. "
                             "Of the add-on “extra” 5 of 35 keys are not used.");
}

static void
assert_refused (const QiModelSet *set, const char *line, const char *word, const char *other)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiLoras) loras = qi_loras_open (line, set, &error);

  g_assert_null (loras);
  g_test_message ("%s", error->message);
  g_assert_true (error->domain == QI_ERROR);
  g_assert_nonnull (strstr (error->message, word));
  g_assert_nonnull (strstr (error->message, other));
}

static void
test_misfits (void)
{
  static const struct
  {
    const char *file, *variant, *word, *other;
  } rows[] = {
    { "few-match.safetensors", NULL, "2 of 12 parts match", "It was not used." },
    { "other-width.safetensors", NULL, "0 of 24 parts match", "96 × 96, the model's is 64 × 64" },
    { "dora.safetensors", NULL, "is a DoRA", "It was not used." },
    { "loha.safetensors", NULL, "is a LoHa", "It was not used." },
    { "style-2511.safetensors", "edit-2509", "Qwen-Image-Edit-2511 and does not fit", "Qwen-Image-Edit-2509" },
    { "metadata-2509.safetensors", "edit-2511", "Qwen-Image-Edit-2509 and does not fit", "Qwen-Image-Edit-2511" },
  };
  static const char *const good[][2] = { { "style-2511.safetensors", "edit-2511" },
                                         { "metadata-2509.safetensors", "edit-2509" },
                                         { "second.safetensors", "edit-2511" },
                                         { "style-2511.safetensors", "qwen-image" } };
  g_autofree char *wide = lora_path ("wide", "lokr.safetensors"), *nowhere = lora_path ("base", "nowhere.safetensors"),
                  *weights = g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "transformer", "bf16.safetensors", NULL);
  g_autoptr (QiModelSet) base = open_set ("base", NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (QiModelSet) set = open_set ("base", NULL, rows[i].variant);
      g_autofree char *path = lora_path ("base", rows[i].file);

      assert_refused (set, path, rows[i].word, rows[i].other);
    }
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (QiModelSet) set = open_set ("base", NULL, good[i][1]);
      g_autofree char *path = lora_path ("base", good[i][0]);
      g_autoptr (GError) error = NULL;
      g_autoptr (QiLoras) loras = qi_loras_open (path, set, &error);

      g_assert_no_error (error);
      g_assert_nonnull (loras);
    }
  assert_refused (base, wide, "0 of 13 parts match", "It was not used.");
  assert_refused (base, nowhere, "cannot be opened", "nowhere");
  assert_refused (base, weights, "is no add-on", "none of its");
}

/* -- damaged files -------------------------------------------------------------------------------------- */

#define MODULE "transformer_blocks.0.attn.to_q"
#define TENSOR(name, dtype, shape, from, end) \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #end "]}"
#define DOWN TENSOR (MODULE ".lora_down.weight", "F16", "[1,64]", 0, 128)
#define UP TENSOR (MODULE ".lora_up.weight", "F16", "[64,1]", 128, 256)

/* A safetensors file of n bytes, all of them byte. */
static char *
write_file (const char *json, gsize n, guint8 byte)
{
  char *path = g_build_filename (folder, "hostile.safetensors", NULL);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *data = g_malloc (n + 1);
  const guint64 length = GUINT64_TO_LE (strlen (json));

  memset (data, byte, n);
  g_byte_array_append (bytes, (const guint8 *) &length, 8);
  g_byte_array_append (bytes, (const guint8 *) json, strlen (json));
  g_byte_array_append (bytes, data, n);
  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, bytes->len, NULL));
  return path;
}

static void
test_hostile (void)
{
  static const struct
  {
    const char *json;
    gsize n;
    guint8 byte;
    const char *word, *other;
  } rows[] = {
    { "{" DOWN "}", 128, 1, "lora_down", "has no partner" },
    { "{" TENSOR (MODULE ".lora_up.weight", "F16", "[64,1]", 0, 128) "}", 128, 1, "lora_up", "has no partner" },
    { "{" TENSOR (MODULE ".alpha", "F32", "[]", 0, 4) "}", 4, 1, "alpha", "has no matrices" },
    { "{" DOWN "," UP "," TENSOR (MODULE ".alpha", "F32", "[]", 256, 260) "}", 260, 0xff, "alpha", "not a number" },
    { "{" DOWN "," UP "," TENSOR (MODULE ".alpha", "F64", "[]", 256, 264) "}", 264, 0xff, "alpha", "no training" },
    { "{" DOWN "," UP "," TENSOR (MODULE ".alpha", "F32", "[]", 256, 260) "}", 260, 0x7e, "alpha", "no training" },
    { "{" DOWN "," UP "," TENSOR (MODULE ".alpha", "I32", "[]", 256, 260) "}", 260, 1, "alpha", "type I32" },
    { "{" DOWN "," UP "," TENSOR (MODULE ".alpha", "F32", "[2]", 256, 264) "}", 264, 1, "alpha", "2 values" },
    { "{" TENSOR (MODULE ".lora_down.weight", "F16", "[0,64]", 0, 0) "," TENSOR (MODULE ".lora_up.weight", "F16", "[64,0]", 0, 0) "}", 0, 0,
      "lora_up", "rank 0" },
    { "{" TENSOR (MODULE ".lora_down.weight", "F16", "[2,64]", 0, 256) "," TENSOR (MODULE ".lora_up.weight", "F16", "[64,1]", 256, 384) "}",
      384, 1, "of rank 1", "of rank 2" },
    { "{" TENSOR (MODULE ".lora_down.weight", "F16", "[64]", 0, 128) "," UP "}", 256, 1, "lora_down", "no matrix" },
    { "{" DOWN "," TENSOR (MODULE ".lora_up.weight", "F16", "[2,32,1]", 128, 256) "}", 256, 1, "lora_up", "rank 32" },
    { "{" TENSOR (MODULE ".lora_down.weight", "F16", "[1,32]", 0, 64) "," TENSOR (MODULE ".lora_up.weight", "F16", "[64,1]", 64, 192) "}", 192,
      1, "0 of 1 parts match", "64 × 32, the model's is 64 × 64" },
    { "{" TENSOR (MODULE ".lora_down.weight", "F16", "[1,4294967296]", 0, 8589934592) "," UP "}", 256, 1, "lora_down", "" },
    { "{" DOWN "," UP "," TENSOR ("transformer." MODULE ".lora_down.weight", "F16", "[1,64]", 256, 384) ","
      TENSOR ("transformer." MODULE ".lora_up.weight", "F16", "[64,1]", 384, 512) "}", 512, 1, "twice", MODULE },
    { "{" DOWN "," UP "," TENSOR (MODULE ".lora_A.weight", "F16", "[1,64]", 256, 384) "}", 384, 1, "twice", "lora_A" },
    { "{" DOWN "," UP "," TENSOR (MODULE ".lokr_w1", "F16", "[64,1]", 256, 384) "}", 384, 1, "Kronecker", "lora_down" },
    { "{" TENSOR (MODULE ".lokr_w1", "F16", "[64,1]", 0, 128) "}", 128, 1, "lokr_w1", "has no partner" },
    { "{" TENSOR (MODULE ".lokr_w2_a", "F16", "[64,1]", 0, 128) "," TENSOR (MODULE ".lokr_w1", "F16", "[64,1]", 128, 256) "}", 256, 1, "lokr_w2_a",
      "has no partner" },
    { "{" TENSOR (MODULE ".lokr_w1", "F16", "[64,1]", 0, 128) "," TENSOR (MODULE ".lokr_w1_a", "F16", "[64,1]", 128, 256) ","
      TENSOR (MODULE ".lokr_w2", "F16", "[1,64]", 256, 384) "}", 384, 1, "lokr_w1", "whole and as a product" },
    { "{" TENSOR (MODULE ".lokr_w1", "F16", "[64,1]", 0, 128) "," TENSOR (MODULE ".lokr_w2", "F16", "[2,32]", 128, 256) "}", 256, 1,
      "0 of 1 parts match", "128 × 32" },
    { "{\"__metadata__\":{\"lora_adapter_metadata\":\"{\"}," DOWN "," UP "}", 256, 1, "lora_adapter_metadata", "JSON" },
    { "{\"__metadata__\":{\"lora_adapter_metadata\":\"{\\\"lora_alpha\\\":1e300}\"}," DOWN "," UP "}", 256, 1, "lora_alpha", "1e+06" },
    { "{}", 0, 0, "", "" },
  };
  g_autoptr (QiModelSet) set = open_set ("base", NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = write_file (rows[i].json, rows[i].n, rows[i].byte);

      assert_refused (set, path, rows[i].word, rows[i].other);
    }
}

/* Found while loading: the transformer is as it was. */
static void
test_damaged_values (void)
{
  static const char *const files[] = { "{" DOWN "," UP "}", "{" TENSOR (MODULE ".lokr_w1", "F16", "[64,1]", 0, 128) ","
                                                            TENSOR (MODULE ".lokr_w2", "F16", "[1,64]", 128, 256) "}" };
  g_auto (Net) net = { 0 };
  g_autofree float *plain = NULL;
  gsize n;

  net_open (&net, "base", NULL, QI_COMPUTE_F32);
  plain = net_forward (&net, &n);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = write_file (files[i], 256, 0xff);
      g_autoptr (GError) error = NULL;
      g_autoptr (QiLoras) loras = qi_loras_open (path, net.set, &error);
      g_autofree float *after = NULL;

      g_assert_no_error (error);
      net.sides = qi_lora_sides_new (loras, net.dit, &(QiLoad){ .pool = net.addons, .stream = net.s }, &error);
      g_assert_null (net.sides);
      g_test_message ("%s", error->message);
      g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
      after = net_forward (&net, &n);
      g_assert_cmpmem (plain, n * sizeof (float), after, n * sizeof (float));
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *remove = NULL;
  int status;

  setlocale (LC_CTYPE, "C.UTF-8"); /* for the quotes in what is reported */
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  folder = g_dir_make_tmp ("sfumato-lora-XXXXXX", NULL);
  g_test_add_func ("/lora/lines", test_lines);
  g_test_add_func ("/lora/info", test_info);
  g_test_add_func ("/lora/misfits", test_misfits);
  g_test_add_func ("/lora/hostile", test_hostile);
  g_test_add_func ("/lora/damaged-values", test_damaged_values);
  g_test_add_func ("/lora/nothing", test_nothing);
  g_test_add_func ("/lora/f32", test_f32);
  g_test_add_func ("/lora/q4_k", test_q4_k);
  g_test_add_func ("/lora/f16", test_f16);
  g_test_add_func ("/lora/several", test_several);
  status = golden_run (device);
  remove = g_strdup_printf ("rm -rf '%s'", folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (folder);
  return status;
}
