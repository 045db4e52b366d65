/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Ops at the shapes of the 20 B model: width 3072, 24 heads of 128, MLP 12288; VAE maps of 96 to 384 channels. Software
 * devices get pictures of 256², GPUs and whoever asks for full size those of 1024². */
#include "cli/bench.h"

#include <string.h>

#include "base/error.h"

#define WIDTH 3072u
#define HEADS 24u
#define MLP 12288u
#define N_TEXT 256u

static const QiDtype weight_types[] = { QI_DTYPE_F32,  QI_DTYPE_F16,     QI_DTYPE_BF16, QI_DTYPE_F8_E4M3,
                                        QI_DTYPE_Q8_0, QI_DTYPE_Q4_0,    QI_DTYPE_Q4_K, QI_DTYPE_Q6_K };

/* One case's tensors; what an op does not use is NULL. */
typedef struct
{
  QiTensor *x, *y, *z;
  QiLinear linear;
  QiConv conv;
  QiConvMode mode;
  QiAttention attention;
  QiRope rope;
} Case;

static gboolean
is_small (const QiBench *bench)
{
  return qi_device_info (bench->device)->type == QI_DEVICE_SOFTWARE && !bench->full;
}

static gboolean
is_wanted (const QiBench *bench, QiDtype dtype)
{
  return !bench->weights || strcmp (bench->weights, qi_dtype_info (dtype)->name) == 0;
}

static void
case_clear (Case *c)
{
  g_clear_pointer (&c->x, qi_tensor_unref);
  g_clear_pointer (&c->y, qi_tensor_unref);
  g_clear_pointer (&c->z, qi_tensor_unref);
}

/* Runs the case and frees its tensors. */
static gboolean
finish (QiBench *bench, Case *c, const QiBenchLine *line, QiBenchFunc work, GError **error)
{
  gboolean ok = qi_stream_finish (bench->stream, error) && qi_bench_run (bench, line, work, c, error);

  case_clear (c);
  return ok;
}

/* -- linear ------------------------------------------------------------------------------------------- */

static void
do_linear (QiBench *bench, gpointer data)
{
  const Case *c = data;

  qi_linear (bench->stream, c->x, &c->linear, QI_ACT_NONE);
}

static gboolean
linear_case (QiBench *bench, guint64 rows, guint64 n_in, guint64 n_out, QiDtype dtype, GError **error)
{
  if (!is_wanted (bench, dtype))
    return TRUE;

  Case c = { .x = qi_bench_new (bench, QI_DTYPE_F32, rows, n_in), .y = qi_bench_new (bench, dtype, n_out, n_in) };
  QiBenchLine line = { .op = "linear", .dtype = qi_dtype_info (dtype)->name, .flops = 2.0 * rows * n_in * n_out,
                       .bytes = 4.0 * rows * (n_in + n_out) + (double) (n_out * qi_dtype_row_bytes (dtype, n_in)) };

  c.linear.weight = c.y;
  g_snprintf (line.shape, sizeof line.shape, "%ux%ux%u", (guint) rows, (guint) n_in, (guint) n_out);
  return finish (bench, &c, &line, do_linear, error);
}

static gboolean
bench_linear (QiBench *bench, GError **error)
{
  const guint64 image = is_small (bench) ? 256 : 4096;

  for (guint i = 0; i < G_N_ELEMENTS (weight_types); i++)
    if (!linear_case (bench, image, WIDTH, WIDTH, weight_types[i], error)
        || !linear_case (bench, image, MLP, WIDTH, weight_types[i], error)
        || !linear_case (bench, 1, WIDTH, 6 * WIDTH, weight_types[i], error))
      return FALSE;
  return linear_case (bench, image, WIDTH, MLP, QI_DTYPE_BF16, error)
         && linear_case (bench, 40, 3584, 18944, QI_DTYPE_Q4_K, error); /* the text encoder's MLP */
}

/* -- attention ---------------------------------------------------------------------------------------- */

static void
do_attention (QiBench *bench, gpointer data)
{
  const Case *c = data;

  qi_attention (bench->stream, c->x, c->y, c->z, &c->attention);
}

static gboolean
attention_case (QiBench *bench, guint64 n, guint heads, guint kv_heads, guint head_dim, gboolean causal, GError **error)
{
  Case c = { .x = qi_bench_new (bench, QI_DTYPE_F32, n, heads * head_dim),
             .y = qi_bench_new (bench, QI_DTYPE_F32, n, kv_heads * head_dim),
             .z = qi_bench_new (bench, QI_DTYPE_F32, n, kv_heads * head_dim),
             .attention = { .n_heads = heads, .n_kv_heads = kv_heads, .causal = causal } };
  QiBenchLine line = { .op = causal ? "attention causal" : "attention", .dtype = "f32",
                       .flops = 4.0 * n * n * heads * head_dim * (causal ? 0.5 : 1) };

  g_snprintf (line.shape, sizeof line.shape, "%ux%ux%u", (guint) n, heads, head_dim);
  return finish (bench, &c, &line, do_attention, error);
}

static gboolean
bench_attention (QiBench *bench, GError **error)
{
  const guint64 image = is_small (bench) ? 256 : 4096;

  return attention_case (bench, image + N_TEXT, HEADS, HEADS, 128, FALSE, error)
         && attention_case (bench, is_small (bench) ? 1024 + N_TEXT : 4096, HEADS, HEADS, 128, FALSE, error)
         && attention_case (bench, N_TEXT, 28, 4, 128, TRUE, error);
}

/* -- convolution -------------------------------------------------------------------------------------- */

static void
do_conv (QiBench *bench, gpointer data)
{
  const Case *c = data;

  qi_conv2d (bench->stream, c->x, &c->conv, c->mode, NULL);
}

static gboolean
conv_case (QiBench *bench, guint64 side, guint64 c_in, guint64 c_out, QiConvMode mode, QiDtype dtype, GError **error)
{
  if (!is_wanted (bench, dtype))
    return TRUE;

  static const char *const names[] = { "conv", "conv down", "conv up" };
  Case c = { .x = qi_bench_new (bench, QI_DTYPE_F32, side, side, c_in),
             .y = qi_bench_new (bench, dtype, c_out, 3, 3, c_in), .mode = mode };
  const double out = mode == QI_CONV_UP ? 4.0 : mode == QI_CONV_DOWN ? 0.25 : 1;
  QiBenchLine line = { .op = names[mode], .dtype = qi_dtype_info (dtype)->name,
                       .flops = 18.0 * out * side * side * c_in * c_out };

  c.conv.weight = c.y;
  g_snprintf (line.shape, sizeof line.shape, "%ux%ux%u>%u", (guint) side, (guint) side, (guint) c_in, (guint) c_out);
  return finish (bench, &c, &line, do_conv, error);
}

static gboolean
bench_conv (QiBench *bench, GError **error)
{
  const guint64 side = is_small (bench) ? 32 : 128; /* of the latents */

  return conv_case (bench, side, 384, 384, QI_CONV_SAME, QI_DTYPE_BF16, error)
         && conv_case (bench, 2 * side, 384, 384, QI_CONV_SAME, QI_DTYPE_BF16, error)
         && conv_case (bench, 4 * side, 192, 192, QI_CONV_SAME, QI_DTYPE_BF16, error)
         && (is_small (bench) || conv_case (bench, 512, 96, 96, QI_CONV_SAME, QI_DTYPE_F32, error))
         && conv_case (bench, 8 * side, 96, 96, QI_CONV_SAME, QI_DTYPE_BF16, error)
         && conv_case (bench, 8 * side, 96, 96, QI_CONV_SAME, QI_DTYPE_F32, error)
         && conv_case (bench, 2 * side, 384, 192, QI_CONV_UP, QI_DTYPE_BF16, error)
         && conv_case (bench, 8 * side, 96, 96, QI_CONV_DOWN, QI_DTYPE_BF16, error);
}

/* -- memory-bound ops --------------------------------------------------------------------------------- */

static void
do_decode (QiBench *bench, gpointer data)
{
  qi_decode (bench->stream, ((const Case *) data)->x);
}

static gboolean
bench_decode (QiBench *bench, GError **error)
{
  for (guint i = 0; i < QI_N_WEIGHT_DTYPES; i++)
    {
      const QiDtype dtype = (QiDtype) i;

      if (!is_wanted (bench, dtype))
        continue;

      Case c = { .x = qi_bench_new (bench, dtype, WIDTH, WIDTH) };
      QiBenchLine line = { .op = "decode", .dtype = qi_dtype_info (dtype)->name,
                           .bytes = (double) WIDTH * ((double) qi_dtype_row_bytes (dtype, WIDTH) + 4.0 * WIDTH) };

      g_snprintf (line.shape, sizeof line.shape, "%ux%u", WIDTH, WIDTH);
      if (!finish (bench, &c, &line, do_decode, error))
        return FALSE;
    }
  return TRUE;
}

static void
do_rms_norm (QiBench *bench, gpointer data)
{
  qi_rms_norm (bench->stream, ((const Case *) data)->x, ((const Case *) data)->y, 1e-6f);
}

static void
do_layer_norm (QiBench *bench, gpointer data)
{
  qi_layer_norm (bench->stream, ((const Case *) data)->x, ((const Case *) data)->y, ((const Case *) data)->y, 1e-6f);
}

static void
do_l2_norm (QiBench *bench, gpointer data)
{
  qi_l2_norm (bench->stream, ((const Case *) data)->x, ((const Case *) data)->y, QI_ACT_SILU);
}

static gboolean
row_case (QiBench *bench, const char *op, guint64 rows, guint64 d, QiBenchFunc work, GError **error)
{
  Case c = { .x = qi_bench_new (bench, QI_DTYPE_F32, rows, d), .y = qi_bench_new (bench, QI_DTYPE_F32, d) };
  QiBenchLine line = { .op = op, .dtype = "f32", .bytes = 8.0 * rows * d };

  g_snprintf (line.shape, sizeof line.shape, "%ux%u", (guint) rows, (guint) d);
  return finish (bench, &c, &line, work, error);
}

static gboolean
bench_norm (QiBench *bench, GError **error)
{
  const guint64 image = is_small (bench) ? 1024 : 4096;

  return row_case (bench, "rms norm", image, WIDTH, do_rms_norm, error)
         && row_case (bench, "layer norm", image, WIDTH, do_layer_norm, error)
         && row_case (bench, "l2 norm silu", 64 * image, 96, do_l2_norm, error);
}

static void
do_norm_rope (QiBench *bench, gpointer data)
{
  const Case *c = data;

  qi_norm_rope_into (bench->stream, c->y, c->x, HEADS, NULL, 1e-6f, &c->rope);
}

static gboolean
bench_rope (QiBench *bench, GError **error)
{
  const guint64 rows = is_small (bench) ? 1024 : 4096;
  Case c = { .x = qi_bench_new (bench, QI_DTYPE_F32, rows, WIDTH), .y = qi_bench_new (bench, QI_DTYPE_F32, rows, WIDTH),
             .z = qi_bench_new (bench, QI_DTYPE_F32, rows, 64, 2) };
  QiBenchLine line = { .op = "norm rope", .dtype = "f32", .bytes = 8.0 * rows * WIDTH };

  c.rope.cos_sin = c.z;
  g_snprintf (line.shape, sizeof line.shape, "%ux%u", (guint) rows, WIDTH);
  return finish (bench, &c, &line, do_norm_rope, error);
}

static void
do_copy (QiBench *bench, gpointer data)
{
  qi_copy_into (bench->stream, ((const Case *) data)->y, ((const Case *) data)->x);
}

static gboolean
bench_copy (QiBench *bench, GError **error)
{
  const guint64 rows = 4096;
  Case c = { .x = qi_bench_new (bench, QI_DTYPE_F32, rows, 4096), .y = qi_bench_new (bench, QI_DTYPE_F32, rows, 4096) };
  QiBenchLine line = { .op = "copy", .dtype = "f32", .shape = "4096x4096", .bytes = 8.0 * rows * 4096 };

  return finish (bench, &c, &line, do_copy, error);
}

/* -- the table ---------------------------------------------------------------------------------------- */

static const struct
{
  const char *name;
  gboolean (*run) (QiBench *bench, GError **error);
} ops[] = {
  { "copy", bench_copy }, { "linear", bench_linear }, { "attention", bench_attention }, { "conv", bench_conv },
  { "decode", bench_decode }, { "norm", bench_norm }, { "rope", bench_rope },
};

gboolean
qi_bench_ops (QiBench *bench, const char *name, GError **error)
{
  gboolean known = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    if (!name || strcmp (name, ops[i].name) == 0)
      {
        known = TRUE;
        if (!ops[i].run (bench, error))
          return FALSE;
      }
  if (!known)
    {
      g_autoptr (GString) names = g_string_new (NULL);

      for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
        g_string_append_printf (names, "%s%s", i ? ", " : "", ops[i].name);
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "--op is \"%s\", and may be %s.", name, names->str);
    }
  return known;
}
