/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the transformer depends on the timestep alone. Its layers are a third of all weights, so that they are brought
 * once for all steps of a picture and not kept. */
#include <math.h>
#include <string.h>

#include "models/diffusion/mmdit-private.h"

#define MAX_PERIOD 10000.0

/* Cosines, then sines, of 1000 sigma at 128 frequencies. Every product is rounded to f32 where the reference rounds it: at
 * angles near 1000 that is visible. */
static void
timestep_sinusoid (float sigma, float *row)
{
  const guint half = QI_TIME_DIM / 2;

  for (guint k = 0; k < half; k++)
    {
      const float exponent = (float) -log (MAX_PERIOD) * (float) k / (float) half;
      const float product = sigma * expf (exponent);
      const float angle = 1000.0f * product;

      row[k] = (float) cos (angle);
      row[half + k] = (float) sin (angle);
    }
}

/* Embeddings of n timesteps, [n, d]; sinusoids: [n, 256]. */
static const QiTensor *
embed_timesteps (const QiMmdit *dit, QiStream *s, const float *sinusoids, guint n, guint addition_t_cond, const QiTap *tap)
{
  const guint64 d = (guint64) dit->config.n_heads * dit->config.head_dim;
  const QiTensor *sinusoid = qi_scratch (s, QI_DTYPE_F32, n, QI_TIME_DIM);
  const QiTensor *temb;

  qi_stream_upload (s, sinusoid, 0, sinusoids, qi_tensor_bytes (sinusoid));
  qi_tap (tap, s, sinusoid, "time_proj");
  temb = qi_linear (s, qi_linear (s, sinusoid, &dit->time_1, QI_ACT_SILU), &dit->time_2, QI_ACT_NONE);
  if (dit->addition)
    temb = qi_affine (s, temb, NULL, qi_view_as (s, qi_view_rows (s, dit->addition, addition_t_cond, 1), d));
  qi_tap (tap, s, temb, "temb");
  return qi_activate (s, temb, QI_ACT_SILU);
}

void
qi_mmdit_modulation (const QiMmdit *dit, QiStream *s, float sigma, guint addition_t_cond, QiModulation *modulation,
                     const QiTap *tap)
{
  const guint n = dit->config.zero_cond_t ? 2 : 1;
  float rows[2 * QI_TIME_DIM];

  g_return_if_fail (addition_t_cond < QI_N_ADDITIONS && !dit->late);

  timestep_sinusoid (sigma, rows);
  timestep_sinusoid (0, rows + QI_TIME_DIM);

  const QiTensor *active = embed_timesteps (dit, s, rows, n, addition_t_cond, tap);
  const QiTensor *now = qi_view_rows (s, active, 0, 1);

  for (guint i = 0; i < dit->config.n_layers; i++)
    {
      modulation->img[i] = qi_linear (s, active, &dit->blocks[i].img_mod, QI_ACT_NONE);
      modulation->txt[i] = qi_linear (s, now, &dit->blocks[i].txt_mod, QI_ACT_NONE);
      qi_tap_n (tap, s, modulation->img[i], "block%u.img_mod", i);
      qi_tap_n (tap, s, modulation->txt[i], "block%u.txt_mod", i);
    }
  modulation->out = dit->norm_out.weight ? qi_linear (s, now, &dit->norm_out, QI_ACT_NONE) : NULL;
}

/* -- all steps at once ----------------------------------------------------------------------------- */

/* A step's vectors, one after another: of each block those of the pictures' tokens (one row of 6 d, or two) and one row
 * for the text; then the last norm's 2 d. */
static guint64
rows_of_block (const QiMmdit *dit)
{
  return dit->config.zero_cond_t ? 3 : 2;
}

gsize
qi_mmdit_modulation_values (const QiMmdit *dit)
{
  const gsize d = (gsize) dit->config.n_heads * dit->config.head_dim;

  return dit->config.n_layers * rows_of_block (dit) * 6 * d + 2 * d;
}

/* Where a pass over the blocks puts what it finds. */
typedef struct
{
  const QiMmdit *dit;
  QiStream *s;
  guint n;
  float *values; /* [n, qi_mmdit_modulation_values ()]; NULL: a plan */
  float *rows;   /* [n + 1, 6 d] */
} Sort;

/* Rows [n, width] to their place in each step's values. last: one more, the same for all steps, to the place after it. */
static gboolean
sort_rows (const Sort *sort, const QiTensor *t, gsize at, gboolean last, GError **error)
{
  const gsize width = qi_tensor_dim (t, -1), stride = qi_mmdit_modulation_values (sort->dit);

  if (qi_stream_is_plan (sort->s))
    return TRUE;
  if (!qi_stream_download (sort->s, t, sort->rows, qi_tensor_bytes (t), error))
    return FALSE;
  for (guint k = 0; k < sort->n; k++)
    {
      memcpy (sort->values + k * stride + at, sort->rows + k * width, width * sizeof (float));
      if (last)
        memcpy (sort->values + k * stride + at + width, sort->rows + sort->n * width, width * sizeof (float));
    }
  return TRUE;
}

static gboolean
modulate_block (const Sort *sort, const QiTensor *active, guint i, GError **error)
{
  const QiMmdit *dit = sort->dit;
  QiStream *s = sort->s;
  const gsize width = 6 * (gsize) dit->config.n_heads * dit->config.head_dim, n_rows = rows_of_block (dit);
  const QiMmditBlock *block = &dit->blocks[i];
  gboolean done;

  qi_stream_begin_scope (s);
  QiLinear linear = dit->late ? qi_weights_bring (dit->weights, s, &block->img_mod, "transformer_blocks.%u.img_mod.1", i)
                              : block->img_mod;
  done = sort_rows (sort, qi_linear (s, active, &linear, QI_ACT_NONE), i * n_rows * width, n_rows == 3, error);
  qi_stream_end_scope (s);
  if (!done)
    return FALSE;
  qi_stream_begin_scope (s);
  linear = dit->late ? qi_weights_bring (dit->weights, s, &block->txt_mod, "transformer_blocks.%u.txt_mod.1", i) : block->txt_mod;
  done = sort_rows (sort, qi_linear (s, qi_view_rows (s, active, 0, sort->n), &linear, QI_ACT_NONE),
                    (i * n_rows + n_rows - 1) * width, FALSE, error);
  qi_stream_end_scope (s);
  return done;
}

gboolean
qi_mmdit_modulate (const QiMmdit *dit, QiStream *s, const float *sigmas, guint n, guint addition_t_cond, float *values,
                   GError **error)
{
  const guint n_rows = n + (dit->config.zero_cond_t ? 1 : 0);
  const gsize d = (gsize) dit->config.n_heads * dit->config.head_dim;
  g_autofree float *sinusoids = g_new (float, (gsize) n_rows * QI_TIME_DIM);
  g_autofree float *rows = qi_stream_is_plan (s) ? NULL : g_new (float, (gsize) n_rows * 6 * d);
  const Sort sort = { dit, s, n, values, rows };
  gboolean done = TRUE;

  g_return_val_if_fail (addition_t_cond < QI_N_ADDITIONS && n > 0 && dit->norm_out.weight, FALSE);

  for (guint k = 0; k < n_rows; k++)
    timestep_sinusoid (k < n ? sigmas[k] : 0, sinusoids + (gsize) k * QI_TIME_DIM);
  qi_stream_begin_scope (s);
  const QiTensor *active = embed_timesteps (dit, s, sinusoids, n_rows, addition_t_cond, NULL);

  for (guint i = 0; i < dit->config.n_layers && done; i++)
    done = modulate_block (&sort, active, i, error);
  if (done)
    done = sort_rows (&sort, qi_linear (s, qi_view_rows (s, active, 0, n), &dit->norm_out, QI_ACT_NONE),
                      qi_mmdit_modulation_values (dit) - 2 * d, FALSE, error);
  qi_stream_end_scope (s);
  return done;
}

void
qi_mmdit_take_modulation (const QiMmdit *dit, QiStream *s, const float *values, QiModulation *modulation)
{
  const guint64 d = (guint64) dit->config.n_heads * dit->config.head_dim, n_rows = rows_of_block (dit);
  const guint n = dit->config.n_layers;
  const QiTensor *blocks = qi_scratch (s, QI_DTYPE_F32, n * n_rows, 6 * d), *out = qi_scratch (s, QI_DTYPE_F32, 1, 2 * d);

  qi_stream_upload (s, blocks, 0, values, qi_tensor_bytes (blocks));
  qi_stream_upload (s, out, 0, values ? values + qi_tensor_elements (blocks) : NULL, qi_tensor_bytes (out));
  *modulation = (QiModulation){ .out = out };
  for (guint i = 0; i < n; i++)
    {
      modulation->img[i] = qi_view_rows (s, blocks, i * n_rows, n_rows - 1);
      modulation->txt[i] = qi_view_rows (s, blocks, i * n_rows + n_rows - 1, 1);
    }
}
