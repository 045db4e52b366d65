/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps of the transformer without a model file: blocks of true width, all with the weights of one (a block of the 20 B
 * model is larger than any cache, so that this changes no time), modulation included. Both ends of the network, about a
 * thousandth of a step, are left out. */
#include "cli/bench.h"

#include <string.h>

#include "base/error.h"
#include "models/diffusion/mmdit-block.h"

static const struct
{
  const char *name;
  guint n_heads, head_dim;
  QiDtype dtype;
} shapes[] = { { "20b", 24, 128, QI_DTYPE_BF16 }, { "tiny", 2, 32, QI_DTYPE_BF16 } };

typedef struct
{
  QiMmditConfig config;
  QiMmditBlock block;
  QiTensor *img, *txt, *temb, *img_rope, *txt_rope;
  guint n_blocks;
  guint64 n_img, n_txt;
  GPtrArray *tensors; /* owns all of them */
} Step;

QiTensor *
qi_bench_kept (QiBench *bench, GPtrArray *tensors, QiDtype dtype, guint64 rows, guint64 d)
{
  QiTensor *t = rows ? qi_bench_new (bench, dtype, rows, d) : qi_bench_new (bench, dtype, d);

  if (t)
    g_ptr_array_add (tensors, t);
  return t;
}

QiLinear
qi_bench_linear (QiBench *bench, GPtrArray *tensors, QiDtype dtype, guint64 n_out, guint64 n_in, gboolean bias)
{
  return (QiLinear){ .weight = qi_bench_kept (bench, tensors, dtype, n_out, n_in),
                     .bias = bias ? qi_bench_kept (bench, tensors, QI_DTYPE_F32, 0, n_out) : NULL };
}

QiDtype
qi_bench_weight_type (const QiBench *bench, QiDtype own)
{
  for (guint i = 0; bench->weights && i < QI_N_WEIGHT_DTYPES; i++)
    if (strcmp (bench->weights, qi_dtype_info ((QiDtype) i)->name) == 0)
      return (QiDtype) i;
  return own;
}

static void
fill_stream (QiBench *bench, Step *step, QiMmditStream *stream, QiDtype dtype)
{
  const guint64 d = (guint64) step->config.n_heads * step->config.head_dim;

  stream->q = qi_bench_linear (bench, step->tensors, dtype, d, d, TRUE);
  stream->k = qi_bench_linear (bench, step->tensors, dtype, d, d, TRUE);
  stream->v = qi_bench_linear (bench, step->tensors, dtype, d, d, TRUE);
  stream->out = qi_bench_linear (bench, step->tensors, dtype, d, d, TRUE);
  stream->up = qi_bench_linear (bench, step->tensors, dtype, 4 * d, d, TRUE);
  stream->down = qi_bench_linear (bench, step->tensors, dtype, d, 4 * d, TRUE);
  stream->q_norm = qi_bench_kept (bench, step->tensors, QI_DTYPE_F32, 0, step->config.head_dim);
  stream->k_norm = qi_bench_kept (bench, step->tensors, QI_DTYPE_F32, 0, step->config.head_dim);
}

/* Residual streams are scratch of the run: they would grow from one to the next. */
static void
do_step (QiBench *bench, gpointer data)
{
  const Step *step = data;
  QiStream *s = bench->stream;
  const guint64 d = (guint64) step->config.n_heads * step->config.head_dim;
  const QiTensor *img = qi_scratch (s, QI_DTYPE_F32, step->n_img, d);
  const QiTensor *txt = qi_scratch (s, QI_DTYPE_F32, step->n_txt, d);
  const QiTensor *temb = qi_activate (s, step->temb, QI_ACT_SILU);

  qi_copy_into (s, img, step->img);
  qi_copy_into (s, txt, step->txt);
  for (guint i = 0; i < step->n_blocks; i++)
    {
      qi_stream_begin_scope (s);

      const QiTensor *img_mod = qi_linear (s, temb, &step->block.img_mod, QI_ACT_NONE);
      const QiTensor *txt_mod = qi_linear (s, temb, &step->block.txt_mod, QI_ACT_NONE);
      const QiMmditPart parts[] = {
        { .weights = &step->block.txt, .x = txt, .mod = qi_view_as (s, txt_mod, 6, d), .first = 0, .rope = step->txt_rope },
        { .weights = &step->block.img, .x = img, .mod = qi_view_as (s, img_mod, 6, d), .first = step->n_txt,
          .rope = step->img_rope },
      };

      qi_mmdit_block_forward (s, &step->config, parts, 2, step->n_txt + step->n_img, step->n_txt, i, NULL);
      qi_stream_end_scope (s);
    }
}

static double
step_flops (const Step *step)
{
  const double d = (double) step->config.n_heads * step->config.head_dim, n = (double) (step->n_img + step->n_txt);

  return step->n_blocks * (2 * n * 12 * d * d + 4 * n * n * d + 2 * 12 * d * d);
}

gboolean
qi_bench_synthetic (QiBench *bench, const char *model, guint n_blocks, guint width, guint height, guint n_text,
                    GError **error)
{
  guint i = 0;

  while (i < G_N_ELEMENTS (shapes) && strcmp (model, shapes[i].name) != 0)
    i++;
  if (i == G_N_ELEMENTS (shapes))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--synthetic is \"%s\", and may be 20b, tiny, 7b or tiny-text.", model);
      return FALSE;
    }

  const guint64 d = (guint64) shapes[i].n_heads * shapes[i].head_dim, pairs = shapes[i].head_dim / 2;
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_tensor_unref);
  Step step = { .config = { .n_layers = n_blocks, .n_heads = shapes[i].n_heads, .head_dim = shapes[i].head_dim },
                .n_blocks = n_blocks, .n_txt = n_text, .n_img = (guint64) (width / 16) * (height / 16),
                .tensors = tensors };
  const QiDtype dtype = qi_bench_weight_type (bench, shapes[i].dtype);

  fill_stream (bench, &step, &step.block.img, dtype);
  fill_stream (bench, &step, &step.block.txt, dtype);
  step.block.img_mod = qi_bench_linear (bench, tensors, dtype, 6 * d, d, TRUE);
  step.block.txt_mod = qi_bench_linear (bench, tensors, dtype, 6 * d, d, TRUE);
  step.img = qi_bench_kept (bench, tensors, QI_DTYPE_F32, step.n_img, d);
  step.txt = qi_bench_kept (bench, tensors, QI_DTYPE_F32, step.n_txt, d);
  step.temb = qi_bench_kept (bench, tensors, QI_DTYPE_F32, 1, d);
  step.img_rope = qi_bench_new (bench, QI_DTYPE_F32, step.n_img, pairs, 2);
  step.txt_rope = qi_bench_new (bench, QI_DTYPE_F32, step.n_txt, pairs, 2);
  g_ptr_array_add (tensors, step.img_rope);
  g_ptr_array_add (tensors, step.txt_rope);
  if (!qi_stream_finish (bench->stream, error))
    return FALSE;

  g_autofree char *op = g_strdup_printf ("step %s", model);
  QiBenchLine line = { .op = op, .dtype = qi_dtype_info (dtype)->name, .flops = step_flops (&step), .peak = TRUE };

  g_snprintf (line.shape, sizeof line.shape, "%ux%u+%u/%u", width, height, n_text, n_blocks);
  return qi_bench_run (bench, &line, do_step, &step, error);
}
