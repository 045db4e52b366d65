/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The text encoder without a model file: layers of true width over prompts of a request's usual and greatest length, all with
 * the weights of one, as steps of the transformer have it. The lookup of words and the last norm are left out. */
#include "cli/bench.h"

#include <string.h>

#include "models/text/encoder-layer.h"

static const guint lengths[] = { 100, 1500 }; /* tokens: a prompt, a prompt with a picture beside it */

static const struct
{
  const char *name;
  QiTextConfig config;
} shapes[] = {
  { "7b", { .width = 3584, .ffn_dim = 18944, .n_heads = 28, .n_kv_heads = 4, .head_dim = 128, .eps = 1e-6 } },
  { "tiny-text", { .width = 64, .ffn_dim = 128, .n_heads = 2, .n_kv_heads = 1, .head_dim = 32, .eps = 1e-6 } },
};

typedef struct
{
  QiTextConfig config;
  QiTextLayer layer;
  const QiTensor *x, *rope;
} Pass;

static int
find_shape (const char *model)
{
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    if (strcmp (model, shapes[i].name) == 0)
      return (int) i;
  return -1;
}

gboolean
qi_bench_is_text (const char *model)
{
  return find_shape (model) >= 0;
}

static void
fill_layer (QiBench *bench, GPtrArray *tensors, Pass *pass, QiDtype dtype)
{
  const QiTextConfig *c = &pass->config;
  const guint64 q_dim = (guint64) c->n_heads * c->head_dim, kv_dim = (guint64) c->n_kv_heads * c->head_dim;
  QiTextLayer *layer = &pass->layer;

  layer->input_norm = qi_bench_kept (bench, tensors, QI_DTYPE_F32, 0, c->width);
  layer->q = qi_bench_linear (bench, tensors, dtype, q_dim, c->width, TRUE);
  layer->k = qi_bench_linear (bench, tensors, dtype, kv_dim, c->width, TRUE);
  layer->v = qi_bench_linear (bench, tensors, dtype, kv_dim, c->width, TRUE);
  layer->o = qi_bench_linear (bench, tensors, dtype, c->width, q_dim, FALSE);
  layer->mlp_norm = qi_bench_kept (bench, tensors, QI_DTYPE_F32, 0, c->width);
  layer->gate = qi_bench_linear (bench, tensors, dtype, c->ffn_dim, c->width, FALSE);
  layer->up = qi_bench_linear (bench, tensors, dtype, c->ffn_dim, c->width, FALSE);
  layer->down = qi_bench_linear (bench, tensors, dtype, c->width, c->ffn_dim, FALSE);
}

/* The residual stream is scratch of the run: it would grow from one to the next. */
static void
do_pass (QiBench *bench, gpointer data)
{
  const Pass *pass = data;
  QiStream *s = bench->stream;
  const QiTensor *x = qi_scratch (s, QI_DTYPE_F32, qi_tensor_rows (pass->x), pass->config.width);
  const QiRope rope = { pass->rope, TRUE };

  qi_copy_into (s, x, pass->x);
  for (guint i = 0; i < pass->config.n_layers; i++)
    qi_text_layer_forward (s, &pass->config, &pass->layer, x, &rope, &(QiTextKept){ 0 });
}

/* A token sees on average half of the others. */
static double
pass_flops (const QiTextConfig *c, double n)
{
  const double q_dim = (double) c->n_heads * c->head_dim, kv_dim = (double) c->n_kv_heads * c->head_dim;

  return c->n_layers * (2 * n * c->width * (2 * q_dim + 2 * kv_dim + 3.0 * c->ffn_dim) + 2 * n * n * q_dim);
}

static gboolean
time_length (QiBench *bench, const char *model, Pass *pass, QiDtype dtype, guint n_text, GError **error)
{
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_unref);
  g_autofree char *op = g_strdup_printf ("encode %s", model);
  QiBenchLine line = { .op = op, .dtype = qi_dtype_info (dtype)->name, .flops = pass_flops (&pass->config, n_text), .peak = TRUE };
  QiTensor *rope;

  pass->x = qi_bench_kept (bench, tensors, QI_DTYPE_F32, n_text, pass->config.width);
  pass->rope = rope = qi_bench_new (bench, QI_DTYPE_F32, n_text, pass->config.head_dim / 2, 2);
  if (rope)
    g_ptr_array_add (tensors, rope);
  if (!qi_stream_finish (bench->stream, error))
    return FALSE;
  g_snprintf (line.shape, sizeof line.shape, "%u/%u", n_text, pass->config.n_layers);
  return qi_bench_run (bench, &line, do_pass, pass, error);
}

gboolean
qi_bench_text (QiBench *bench, const char *model, guint n_layers, guint n_text, GError **error)
{
  const int shape = find_shape (model);
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_unref);
  Pass pass = { .config = shapes[shape].config };
  const QiDtype dtype = qi_bench_weight_type (bench, QI_DTYPE_BF16);

  pass.config.n_layers = n_layers;
  fill_layer (bench, tensors, &pass, dtype);
  if (n_text)
    return time_length (bench, model, &pass, dtype, n_text, error);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    if (!time_length (bench, model, &pass, dtype, lengths[i], error))
      return FALSE;
  return TRUE;
}
